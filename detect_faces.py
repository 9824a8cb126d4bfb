"""Find the anime faces of each frame.

    python detect_faces.py --src_dir dataset

Reads the frames below --src_dir; writes X.faces.json beside each frame X.png: model, threshold, and for each face its
box as fractions [left, top, right, bottom] and its score, from left to right. A frame without faces gets a sidecar too.
A sidecar that a person corrected stays. --crops and --annotate write into folders of their own.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from framekit import console, errors
from framekit.cli import run
from framekit.cli.parser import Joined, StageParser, count, fraction, positive
from framekit.dataset import frames, removed
from framekit.faces import crops, detect, draw, filter, models
from framekit.files import atomic, names
from framekit.sidecars import faces


def leave_corrected(todo: Sequence[Path], overwrite: bool) -> list[Path]:
    """Return the frames whose X.faces.json no person has corrected."""
    return [
        frame
        for frame in todo
        if overwrite or not (path := names.sidecar(frame, names.FACES)).exists() or not faces.is_corrected(path)
    ]


def number_objection(count: int, least: int, most: int) -> str:
    """Return what is wrong with a number of faces, nothing if it lies within the limits; `most` 0 is no limit."""
    if count < least:
        return f"{console.counted(count, 'face')}, fewer than {least}"
    return f"{console.counted(count, 'face')}, more than {most}" if most and count > most else ""


def set_aside(found: Sequence[Path], root: Path, least: int, most: int, dry_run: bool) -> list[Path]:
    """Move the frames with too few or too many faces to .removed; return those that stay."""
    staying = []
    for frame in found:
        try:
            seen = faces.read_faces(frame)
        except errors.BadSidecar:
            seen = None  # the next step lists it
        objection = number_objection(len(seen), least, most) if seen is not None else ""
        if objection and not dry_run:
            removed.remove(root, frame, "face_number", detail=objection)
        if not objection:
            staying.append(frame)
    return staying


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("detect_faces", __doc__ or "")
    options.shared("src_dir", "redo", "dry_run", "limit", "workers", "device", "batch_size")
    options.shared("overwrite_corrections", "config", "annotate")
    options.option(
        "model",
        action=Joined,
        default=models.EMBEDDED,
        help="animeface, face_detect_v1.4_s or another of the hub, a YOLO .onnx or .pt file, or a cascade's .xml file;"
        " given several times, or with commas, the later ones add what the first one misses",
    )
    options.option(
        "min_score",
        type=fraction,
        help="drop weaker faces (default: 0.7 for animeface, 0.3 for YOLO, 0.8 for a cascade)",
    )
    options.option(
        "max_aspect",
        type=positive,
        default=filter.Limits.max_aspect,
        help="drop boxes longer than this times their width",
    )
    options.option(
        "min_face_size",
        type=fraction,
        default=filter.Limits.min_size,
        help="drop faces lower than this part of the frame height",
    )
    options.option("max_faces", type=count, default=0, help="keep so many of the largest faces; 0 = all")
    options.shared("min_face_number", "max_face_number")
    options.option(
        "detect_size",
        type=int,
        default=detect.Settings.size,
        help="animeface and cascades see frames shrunk to this side",
    )
    options.option("tiles", type=count, default=0, help="look at so many by so many overlapping parts too; 0 = no")
    options.option("single_look", action="store_true", help="animeface skips the mirrored frame: twice as fast")
    options.option("max_overlap", type=fraction, default=0.7, help="YOLO boxes that overlap more are one face")
    options.option("crops", type=Path, help="folder to write crops to: face, head, and largest square")
    return options


@run.script(parser)
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    found = frames.find_frames(args.src_dir, args.limit)
    pending = names.pending(found, names.FACES, args.redo or args.overwrite_corrections)
    todo = leave_corrected(pending, args.overwrite_corrections)
    workers = console.worker_count(args.workers)
    settings = detect.Settings(
        args.model, args.device, args.min_score, args.detect_size, not args.single_look, args.max_overlap, args.tiles
    )
    limits = filter.Limits(args.max_aspect, args.min_face_size, args.max_faces)
    if args.dry_run:
        staying = set_aside(found, args.src_dir, args.min_face_number, args.max_face_number, dry_run=True)
        would = f"{console.counted(len(todo), 'frame')} would be looked at, {len(found) - len(staying)} set aside"
        return run.close(f"{would}, in {args.src_dir}")
    atomic.clean_up((frame.parent for frame in found), names.FACES)
    unreadable: list[tuple[Path, str]] = []
    face_count = empty = 0
    looks = detect.find_faces(todo, settings, limits, workers, args.batch_size)
    for frame, seen in console.progress(looks, len(todo), "frame"):
        if isinstance(seen, frames.Unreadable):
            unreadable.append((frame, seen.reason))
            continue
        record = faces.faces_record(settings.model, settings.threshold, seen)
        atomic.write_json(names.sidecar(frame, names.FACES), record)
        face_count += len(seen.faces)
        empty += not seen.faces
    looked_at = len(todo) - len(unreadable)
    told = f"{console.counted(face_count, 'face')} in {console.counted(looked_at, 'frame')} ({empty} without a face)"
    told += f", {len(found) - len(pending)} already done"
    if len(pending) > len(todo):
        told += f", {len(pending) - len(todo)} kept as corrected by hand"
    staying = set_aside(found, args.src_dir, args.min_face_number, args.max_face_number, dry_run=False)
    if len(staying) < len(found):
        told += f", {len(found) - len(staying)} set aside for their number of faces"
    if args.crops:
        crop_count, failed = crops.write_crops(staying, args.src_dir, args.crops, workers)
        unreadable += failed
        told += f", {console.counted(crop_count, 'crop')} in {args.crops}"
    if args.annotate:
        drawn = draw.annotate(staying, args.src_dir, args.annotate, workers)
        told += f", {console.counted(drawn, 'annotated frame')} in {args.annotate}"
    return run.close(f"{told}, in {args.src_dir}", unreadable)


if __name__ == "__main__":
    raise SystemExit(main())
