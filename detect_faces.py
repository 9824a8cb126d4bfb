"""Find the anime faces of each frame.

    python detect_faces.py --src_dir dataset

Reads the frames below --src_dir; writes X.faces.json beside each frame X.png: model, threshold, and for each face its
box as fractions [left, top, right, bottom] and its score, from left to right. A frame without faces gets a sidecar too.
A sidecar that a person corrected stays. --crops and --annotate write into folders of their own.
"""

import argparse
from pathlib import Path

from framekit import console
from framekit.cli import run
from framekit.cli.parser import Joined, StageParser
from framekit.cli.values import count, fraction, positive
from framekit.dataset import frames
from framekit.dataset.share import own_frames
from framekit.faces import crops, detect, draw, filter, models, scenes
from framekit.files import atomic, names
from framekit.sidecars import faces


def look_options(options: StageParser) -> None:
    """Add the options that say how detectors look at frames."""
    options.group("how detectors look")
    options.option(
        "detect_size",
        type=int,
        help="longer side in px to which frames are shrunk; half of it finds no face below a tenth of the height, in a"
        " third of the time (default: 800 for animeface, 640 for cascades)",
    )
    options.option(
        "tiles",
        type=count,
        default=0,
        help="also search N x N overlapping parts of each frame, for small faces; 0 = off",
    )
    options.option(
        "single_look",
        action="store_true",
        help="animeface does not search the mirrored frame: a quarter faster, finds fewer faces",
    )
    options.option(
        "max_overlap",
        type=fraction,
        default=detect.Settings.max_overlap,
        help="intersection over union above which two YOLO boxes are one face",
    )


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("detect_faces", __doc__ or "")
    options.shared("src_dir", "redo", "dry_run", "limit", "shard", "follow_links", "workers", "device")
    options.shared("batch_size", "overwrite_corrections", "config")
    options.group("detectors")
    options.option(
        "model",
        action=Joined,
        nargs="+",
        default=models.EMBEDDED,
        help="animeface, a detector of the hub such as face_detect_v1.4_s, a YOLO .onnx or .pt file, a cascade's .xml"
        " file; of several, with commas or the option repeated, the later ones add what the first misses",
    )
    options.option(
        "score_threshold",
        aliases=("min_score",),
        type=fraction,
        help="drop faces with a lower score (default: 0.7 for animeface, 0.3 for YOLO, 0.8 for a cascade)",
    )
    options.group("which faces and frames count")
    options.option(
        "max_aspect",
        type=positive,
        default=filter.Limits.max_aspect,
        help="drop boxes whose longer side is more than this times the shorter one",
    )
    options.option(
        "min_face_size",
        type=fraction,
        default=filter.Limits.min_size,
        help="drop faces whose height is below this fraction of the frame height",
    )
    options.option("max_faces", type=count, default=0, help="keep this many of the largest faces; 0 = all")
    options.shared("min_face_number", "max_face_number")
    look_options(options)
    options.group("pictures")
    options.shared("annotate")
    options.option(
        "crops",
        type=Path,
        help="folder to write crops to: face, head, and largest square around each face, and each person and half body"
        " that a detector of people saw",
    )
    options.needs_all("min_face_number", "max_face_number", "annotate", "crops")
    return options


@run.script(parser)
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    models.KNOWN.refuse_slip(args.model)
    unusable: list[tuple[Path, str]] = []
    every = frames.find_frames(args.src_dir, args.limit, unusable)
    found = frames.with_usable(own_frames(args.shard, every, args.src_dir, unusable), names.FACES, unusable)
    pending = names.pending(found, names.FACES, args.redo or args.overwrite_corrections)
    todo = pending if args.overwrite_corrections else filter.uncorrected(pending)
    workers = console.worker_count(args.workers)
    settings = detect.Settings(
        args.model,
        args.device,
        args.score_threshold,
        args.detect_size,
        not args.single_look,
        args.max_overlap,
        args.tiles,
    )
    limits = filter.Limits(args.max_aspect, args.min_face_size, args.max_faces)
    made = settings.made(limits)
    done = {*found}.difference(pending)
    left = console.made_otherwise(faces.detected_otherwise(done, made), "faces")
    left += filter.removed_by_number(args.src_dir, args.min_face_number, args.max_face_number)
    if args.dry_run:
        staying = filter.remove_by_number(found, args.src_dir, args.min_face_number, args.max_face_number, dry_run=True)
        would = f"{console.counted(len(todo), 'frame')} would be looked at, {len(found) - len(staying)} set aside"
        would += "".join(f", pictures would go to {folder}" for folder in (args.crops, args.annotate) if folder)
        return run.close(f"{would}, in {args.src_dir}", unusable, left)
    atomic.clean_up((frame.parent for frame in found), names.FACES)
    unreadable: list[tuple[Path, str]] = []
    face_count = empty = by_hand = 0
    looks = scenes.find_in_scenes(found, todo, settings, limits, workers, args.batch_size)
    for frame, seen in console.progress(looks, len(todo), "frame"):
        if isinstance(seen, frames.Unreadable):
            unreadable.append((frame, seen.reason))
            continue
        record = faces.faces_record(made, seen)
        if not faces.write_faces(frame, record, args.overwrite_corrections):
            by_hand += 1
            continue
        face_count += len(seen.faces)
        empty += not seen.faces
    looked_at = len(todo) - len(unreadable) - by_hand
    by_hand += len(pending) - len(todo)
    told = f"{console.counted(face_count, 'face')} in {console.counted(looked_at, 'frame')} ({empty} without a face)"
    message = told if todo else console.NOTHING_NEW
    message += f", {len(found) - len(pending)} already done"
    if by_hand:
        message += f", {by_hand} kept as corrected by hand"
    staying = filter.remove_by_number(found, args.src_dir, args.min_face_number, args.max_face_number, dry_run=False)
    if len(staying) < len(found):
        message += f", {len(found) - len(staying)} set aside for their number of faces"
    if args.crops:
        crop_count, failed = crops.write_crops(staying, args.src_dir, args.crops, workers)
        unreadable += failed
        message += f", {console.counted(crop_count, 'crop')} in {args.crops}"
    if args.annotate:
        drawn = draw.annotate(staying, args.src_dir, args.annotate, workers)
        message += f", {console.counted(drawn, 'annotated frame')} in {args.annotate}"
    return run.close(f"{message}, in {args.src_dir}", unusable + unreadable, left)


if __name__ == "__main__":
    raise SystemExit(main())
