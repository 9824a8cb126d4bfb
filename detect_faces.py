"""Find the anime faces of each frame.

    python detect_faces.py --src_dir dataset

Reads the frames below --src_dir; writes X.faces.json beside each frame X.png: model, threshold, and for each face its
box as fractions [left, top, right, bottom] and its score, from left to right. A frame without faces gets a sidecar too.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from framekit import detectors, faces, frames, sidecar, stage


def faces_record(model: str, threshold: float, found: Sequence[faces.Face]) -> dict[str, Any]:
    """Return the content of the sidecar."""
    return {"schema": 1, "model": model, "threshold": threshold, "faces": [asdict(face) for face in found]}


def parser() -> stage.StageParser:
    """Return the command line."""
    options = stage.StageParser("detect_faces", __doc__ or "")
    options.shared("src_dir", "redo", "limit", "workers", "device", "config")
    options.option(
        "model",
        default=detectors.EMBEDDED,
        help="animeface, face_detect_v1.4_s (hub), a YOLO .onnx file, or a cascade's .xml file",
    )
    options.option(
        "min_score",
        type=stage.fraction,
        help="drop weaker faces (default: 0.7 for animeface, 0.3 for YOLO, 0.8 for a cascade)",
    )
    options.option(
        "max_aspect",
        type=stage.positive,
        default=faces.Limits.max_aspect,
        help="drop boxes longer than this times their width",
    )
    options.option(
        "min_face_size",
        type=stage.fraction,
        default=faces.Limits.min_size,
        help="drop faces lower than this part of the frame height",
    )
    options.option(
        "detect_size",
        type=int,
        default=detectors.Settings.size,
        help="animeface and cascades see frames shrunk to this side",
    )
    options.option("single_look", action="store_true", help="animeface skips the mirrored frame: twice as fast")
    options.option("max_overlap", type=stage.fraction, default=0.7, help="YOLO boxes that overlap more are one face")
    return options


@stage.one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    args = parser().read(argv)
    found = frames.find_frames(args.src_dir, args.limit)
    todo = sidecar.pending(found, sidecar.FACES, args.redo)
    settings = detectors.Settings(
        args.model, args.device, args.min_score, args.detect_size, not args.single_look, args.max_overlap
    )
    sidecar.clean_up((frame.parent for frame in found), sidecar.FACES)
    unreadable: list[tuple[Path, str]] = []
    face_count = empty = 0
    limits = faces.Limits(args.max_aspect, args.min_face_size)
    looks = detectors.find_faces(todo, settings, limits, stage.worker_count(args.workers))
    for frame, seen in stage.progress(looks, len(todo), "frame"):
        if isinstance(seen, frames.Unreadable):
            unreadable.append((frame, seen.reason))
            continue
        record = faces_record(settings.model, settings.threshold, seen)
        sidecar.write_json(sidecar.sidecar(frame, sidecar.FACES), record)
        face_count += len(seen)
        empty += not seen
    looked_at = len(todo) - len(unreadable)
    return stage.close(
        f"{stage.counted(face_count, 'face')} in {stage.counted(looked_at, 'frame')} ({empty} without a face),"
        f" {len(found) - len(todo)} already done, in {args.src_dir}",
        unreadable,
    )


if __name__ == "__main__":
    raise SystemExit(main())
