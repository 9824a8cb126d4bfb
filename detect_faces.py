"""Find the anime faces of each frame.

    python detect_faces.py --src_dir dataset

Reads the frames below --src_dir; writes X.faces.json beside each frame X.png: model, threshold, and for each face its
box as fractions [left, top, right, bottom] and its score, from left to right. A frame without faces gets a sidecar too.
A sidecar that a person corrected stays. --crops and --annotate write into folders of their own.
"""

from collections.abc import Sequence
from pathlib import Path

from framekit import annotation, arguments, crops, detectors, face_record, faces, frames, removed, sidecar, stage


def leave_corrected(todo: Sequence[Path], overwrite: bool) -> list[Path]:
    """Return the frames whose X.faces.json no person has corrected."""
    return [
        frame
        for frame in todo
        if overwrite
        or not (path := sidecar.sidecar(frame, sidecar.FACES)).exists()
        or not face_record.is_corrected(path)
    ]


def number_objection(count: int, least: int, most: int) -> str:
    """Return what is wrong with a number of faces, nothing if it lies within the limits; `most` 0 is no limit."""
    if count < least:
        return f"{stage.counted(count, 'face')}, fewer than {least}"
    return f"{stage.counted(count, 'face')}, more than {most}" if most and count > most else ""


def set_aside(found: Sequence[Path], root: Path, least: int, most: int, dry_run: bool) -> list[Path]:
    """Move the frames with too few or too many faces to .removed; return those that stay."""
    staying = []
    for frame in found:
        try:
            seen = face_record.read_faces(frame)
        except sidecar.BadSidecar:
            seen = None  # the next step lists it
        objection = number_objection(len(seen), least, most) if seen is not None else ""
        if objection and not dry_run:
            removed.remove(root, frame, "face_number", detail=objection)
        if not objection:
            staying.append(frame)
    return staying


def parser() -> stage.StageParser:
    """Return the command line."""
    options = stage.StageParser("detect_faces", __doc__ or "")
    options.shared("src_dir", "redo", "dry_run", "limit", "workers", "device", "batch_size")
    options.shared("overwrite_corrections", "config", "annotate")
    options.option(
        "model",
        action=arguments.Joined,
        default=detectors.EMBEDDED,
        help="animeface, face_detect_v1.4_s or another of the hub, a YOLO .onnx or .pt file, or a cascade's .xml file;"
        " given several times, or with commas, the later ones add what the first one misses",
    )
    options.option(
        "min_score",
        type=arguments.fraction,
        help="drop weaker faces (default: 0.7 for animeface, 0.3 for YOLO, 0.8 for a cascade)",
    )
    options.option(
        "max_aspect",
        type=arguments.positive,
        default=faces.Limits.max_aspect,
        help="drop boxes longer than this times their width",
    )
    options.option(
        "min_face_size",
        type=arguments.fraction,
        default=faces.Limits.min_size,
        help="drop faces lower than this part of the frame height",
    )
    options.option("max_faces", type=arguments.count, default=0, help="keep so many of the largest faces; 0 = all")
    options.shared("min_face_number", "max_face_number")
    options.option(
        "detect_size",
        type=int,
        default=detectors.Settings.size,
        help="animeface and cascades see frames shrunk to this side",
    )
    options.option(
        "tiles", type=arguments.count, default=0, help="look at so many by so many overlapping parts too; 0 = no"
    )
    options.option("single_look", action="store_true", help="animeface skips the mirrored frame: twice as fast")
    options.option(
        "max_overlap", type=arguments.fraction, default=0.7, help="YOLO boxes that overlap more are one face"
    )
    options.option("crops", type=Path, help="folder to write crops to: face, head, and largest square")
    return options


@stage.one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    args = parser().read(argv)
    found = frames.find_frames(args.src_dir, args.limit)
    pending = sidecar.pending(found, sidecar.FACES, args.redo or args.overwrite_corrections)
    todo = leave_corrected(pending, args.overwrite_corrections)
    workers = stage.worker_count(args.workers)
    settings = detectors.Settings(
        args.model, args.device, args.min_score, args.detect_size, not args.single_look, args.max_overlap, args.tiles
    )
    limits = faces.Limits(args.max_aspect, args.min_face_size, args.max_faces)
    if args.dry_run:
        staying = set_aside(found, args.src_dir, args.min_face_number, args.max_face_number, dry_run=True)
        would = f"{stage.counted(len(todo), 'frame')} would be looked at, {len(found) - len(staying)} set aside"
        return stage.close(f"{would}, in {args.src_dir}")
    sidecar.clean_up((frame.parent for frame in found), sidecar.FACES)
    unreadable: list[tuple[Path, str]] = []
    face_count = empty = 0
    looks = detectors.find_faces(todo, settings, limits, workers, args.batch_size)
    for frame, seen in stage.progress(looks, len(todo), "frame"):
        if isinstance(seen, frames.Unreadable):
            unreadable.append((frame, seen.reason))
            continue
        record = face_record.faces_record(settings.model, settings.threshold, seen)
        sidecar.write_json(sidecar.sidecar(frame, sidecar.FACES), record)
        face_count += len(seen.faces)
        empty += not seen.faces
    looked_at = len(todo) - len(unreadable)
    told = f"{stage.counted(face_count, 'face')} in {stage.counted(looked_at, 'frame')} ({empty} without a face)"
    told += f", {len(found) - len(pending)} already done"
    if len(pending) > len(todo):
        told += f", {len(pending) - len(todo)} kept as corrected by hand"
    staying = set_aside(found, args.src_dir, args.min_face_number, args.max_face_number, dry_run=False)
    if len(staying) < len(found):
        told += f", {len(found) - len(staying)} set aside for their number of faces"
    if args.crops:
        crop_count, failed = crops.write_crops(staying, args.src_dir, args.crops, workers)
        unreadable += failed
        told += f", {stage.counted(crop_count, 'crop')} in {args.crops}"
    if args.annotate:
        drawn = annotation.annotate(staying, args.src_dir, args.annotate, workers)
        told += f", {stage.counted(drawn, 'annotated frame')} in {args.annotate}"
    return stage.close(f"{told}, in {args.src_dir}", unreadable)


if __name__ == "__main__":
    raise SystemExit(main())
