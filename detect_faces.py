"""Find the anime faces of each frame.

    python detect_faces.py --src_dir dataset

Reads the frames below --src_dir; writes X.faces.json beside each frame X.png: model, threshold, and for each face its
box as fractions [left, top, right, bottom] and its score, from left to right. A frame without faces gets a sidecar too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from framekit import detectors, faces, frames, sidecar, stage


@dataclass(frozen=True)
class Looked:
    """What was found on one frame whose size is (width, height) in px."""

    size: tuple[int, int]
    faces: list[faces.Face]


@dataclass(frozen=True)
class Look:
    """Detect faces and note the size of the frame; picklable, so that it can run in another process."""

    detect: faces.Detector

    def __call__(self, pixels: frames.Pixels) -> Looked:
        """Return what the detector finds."""
        return Looked((pixels.shape[1], pixels.shape[0]), self.detect(pixels))


def faces_record(model: str, threshold: float, found: Sequence[faces.Face]) -> dict[str, Any]:
    """Return the content of the sidecar."""
    return {"schema": 1, "model": model, "threshold": threshold, "faces": [asdict(face) for face in found]}


def look_at(
    todo: Sequence[Path], settings: detectors.Settings, workers: int
) -> Iterator[tuple[Path, Looked | frames.Unreadable]]:
    """Yield what is found on each frame, in order. Raises Misuse if the detector is not to be had."""
    if todo:
        detect = detectors.load_detector(settings)
        processes = isinstance(detect, detectors.AnimeFace)
        yield from frames.map_frames(Look(detect), todo, stage.worker_count(workers), processes)


def parser() -> stage.StageParser:
    """Return the command line."""
    options = stage.StageParser("detect_faces", __doc__ or "")
    options.shared("src_dir", "redo", "limit", "workers", "device", "config")
    options.option(
        "model", default=detectors.EMBEDDED, help="animeface, face_detect_v1.4_s (hub), or a YOLO .onnx file"
    )
    options.option(
        "min_score", type=stage.fraction, help="drop weaker faces (default: 0.7 for animeface, 0.3 for YOLO)"
    )
    options.option("max_aspect", type=stage.positive, default=2.0, help="drop boxes longer than this times their width")
    options.option(
        "min_face_size", type=stage.fraction, default=0.03, help="drop faces lower than this part of the frame height"
    )
    options.option(
        "detect_size", type=int, default=detectors.DETECT_SIZE, help="animeface sees frames shrunk to this side"
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
    for frame, looked in stage.progress(look_at(todo, settings, args.workers), len(todo), "frame"):
        if isinstance(looked, frames.Unreadable):
            unreadable.append((frame, looked.reason))
            continue
        kept = faces.plausible_faces(looked.faces, looked.size, settings.threshold, args.max_aspect, args.min_face_size)
        record = faces_record(settings.model, settings.threshold, kept)
        sidecar.write_json(sidecar.sidecar(frame, sidecar.FACES), record)
        face_count += len(kept)
        empty += not kept
    looked_at = len(todo) - len(unreadable)
    return stage.close(
        f"{stage.counted(face_count, 'face')} in {stage.counted(looked_at, 'frame')} ({empty} without a face),"
        f" {len(found) - len(todo)} already done, in {args.src_dir}",
        unreadable,
    )


if __name__ == "__main__":
    raise SystemExit(main())
