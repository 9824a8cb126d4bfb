"""Measure face detectors where the truth is known, and detect_faces.py against the detector's own speed.

    python extract_frames.py --src_dir EPISODES --dst_dir frames --remove_similar
    python -m benchmarks.bench_faces --src_dir frames --truth EPISODES/truth [--grid input.jpg] [--model NAME …]
    python -m benchmarks.bench_faces --src_dir frames --truth EPISODES/truth --package 2 --workers 1

--truth holds files as of the sample show. A face is found by its centre if the centre of a box lies in it, by overlap
if intersection over union is 0.3 or more; the truth's faces go from brows to mouth, so boxes of detectors are larger.
The score with the best F1 is printed beside the default. --grid is the 6 x 6 grid of portraits of
hysts/anime-face-detector (38 faces, no truth but their number): it is looked at part by part, and
as one frame with --tiles 6.
For the speed of a YOLO model without weights at hand, export one: YOLO("yolov8s.yaml").export(format="onnx",
dynamic=True); `--speed_only` leaves quality out. `--package` measures animeface against its own package, which judges
one window after the other: what both find in the same frames, and the time of both frame by frame, one core each. It
wants all frames of each scene in --src_dir.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import package_animeface
from benchmarks.score_show import VISIBLE, read_truths
from framekit.boxes import Box, Face, Seen, overlap
from framekit.dataset import frames
from framekit.faces import detect, scenes
from framekit.faces.filter import Limits
from framekit.faces.yolo import Yolo, as_input
from framekit.pixels import decode
from framekit.sidecars import episode

SAME = 0.3  # intersection over union

GRID, GRID_FACES = 6, 38  # counted by eye, ../shared/data/README.md


@dataclass(frozen=True)
class Looked:
    """A frame with what was found in it and the boxes of the faces to find, and of those that need not be found."""

    found: Sequence[Face]
    wanted: Sequence[Box]
    tolerated: Sequence[Box]


@dataclass(frozen=True)
class Quality:
    """Precision and recall of a detector above a score, by centre and by overlap."""

    score: float
    recall: float
    precision: float
    overlap_recall: float
    overlap_precision: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall by centre."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def centre_inside(box: Box, face: Box) -> bool:
    """Return whether the centre of a box lies in a face."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return face[0] <= x <= face[2] and face[1] <= y <= face[3]


def overlapping(box: Box, face: Box) -> bool:
    """Return whether a box and a face overlap enough."""
    return overlap(box, face) >= SAME


WAYS = (centre_inside, overlapping)


def true_boxes(truth: dict[str, Any], size: Sequence[int]) -> tuple[list[Box], list[Box]]:
    """Return the faces of a frame that should be found, and the hardly visible ones."""
    wanted: list[Box] = []
    tolerated: list[Box] = []
    for one in truth["characters"]:
        left, top, width, height = one["face"]
        box = left / size[0], top / size[1], (left + width) / size[0], (top + height) / size[1]
        visible = one["inside"] * (1 - one["covered"]) * one["alpha"] >= VISIBLE
        (wanted if visible else tolerated).append(box)
    return wanted, tolerated


def quality(looked: Sequence[Looked], score: float) -> Quality:
    """Return precision and recall of what was found with this score or more."""
    hits = [0, 0]
    right = [0, 0]
    wanted = found = 0
    for one in looked:
        boxes = [face.box for face in one.found if face.score >= score]
        wanted, found = wanted + len(one.wanted), found + len(boxes)
        for way, same in enumerate(WAYS):
            hits[way] += sum(any(same(box, face) for box in boxes) for face in one.wanted)
            right[way] += sum(any(same(box, face) for face in (*one.wanted, *one.tolerated)) for box in boxes)
    recalls, precisions = ([number / max(1, of) for number in what] for what, of in ((hits, wanted), (right, found)))
    return Quality(score, recalls[0], precisions[0], recalls[1], precisions[1])


def look(paths: Sequence[Path], settings: detect.Settings, workers: int) -> Iterator[tuple[Path, list[Face]]]:
    """Yield the faces of each frame."""
    for path, seen in detect.find_faces(paths, settings, Limits(), workers):
        if isinstance(seen, Seen):
            yield path, seen.faces


def measure_quality(model: str, paths: Sequence[Path], truth: Path, workers: int) -> None:
    """Print precision and recall at the default score and at the best one."""
    truths = read_truths(truth)
    looked = []
    for path, found in look(paths, detect.Settings(model, min_score=0.05), workers):
        source = episode.Episodes().source_of(path)
        shown = truths[source["video"]]
        looked.append(Looked(found, *true_boxes(shown["frames"][source["source_frame"]], shown["size"])))
    default = max(detect.Settings(model).least(name) for name in detect.Settings(model).models)
    best = max((quality(looked, step / 40) for step in range(2, 40)), key=lambda one: one.f1)
    for what, one in (("default", quality(looked, default)), ("best F1", best)):
        print(
            f"  {what} {one.score:.3f}: recall {one.recall:.3f} precision {one.precision:.3f} F1 {one.f1:.3f} by"
            f" centre, recall {one.overlap_recall:.3f} precision {one.overlap_precision:.3f} by overlap"
        )


def measure_grid(model: str, grid: Path) -> None:
    """Print how many faces of the grid are found: part by part, and in the whole with tiles."""
    pixels = decode.read_pixels(grid)
    height, width = (length // GRID for length in pixels.shape[:2])
    finder = detect.load_finder(detect.Settings(model), Limits())
    parts = [
        pixels[row * height : (row + 1) * height, column * width : (column + 1) * width]
        for row in range(GRID)
        for column in range(GRID)
    ]
    counts = [len(finder.seen([finder.look(part)])[0].faces) for part in parts]
    print(
        f"  grid: {sum(count > 0 for count in counts)} of {GRID * GRID} parts with a face, {sum(counts)} faces in all"
    )
    for tiles in (0, GRID):
        whole = detect.load_finder(detect.Settings(model, tiles=tiles), Limits())
        found = whole.seen([whole.look(pixels)])[0].faces
        print(f"  grid as one frame, --tiles {tiles}: {len(found)} of {GRID_FACES} faces")


def measure_package(paths: Sequence[Path], every: int, truth: Path, workers: int) -> None:
    """Print what animeface's package and we find on every Nth frame, we alone and with its scene, and speeds.

    Seconds are those of one core, without decoding.
    """
    truths, episodes = read_truths(truth), episode.Episodes()
    settings, limits = detect.Settings(), Limits()
    in_scenes = dict(scenes.find_in_scenes(paths, paths, settings, limits, workers))
    ours = detect.load_finder(settings, limits)
    looked: dict[str, list[Looked]] = {"package": [], "ours, frame by frame": [], "ours": []}
    seconds = [0.0, 0.0]
    for path in paths[::every]:
        source = episodes.source_of(path)
        shown = truths[source["video"]]
        boxes = true_boxes(shown["frames"][source["source_frame"]], shown["size"])
        pixels, seen = decode.read_pixels(path), in_scenes[path]
        start = time.process_time()
        theirs = [face for face in package_animeface.detect(pixels) if face.score >= package_animeface.MIN_SCORE]
        middle = time.process_time()
        alone = ours.seen([ours.look(pixels)])[0].faces
        seconds = [seconds[0] + middle - start, seconds[1] + time.process_time() - middle]
        found = (theirs, alone, seen.faces if isinstance(seen, Seen) else [])
        for frames_of, faces in zip(looked.values(), found, strict=True):
            frames_of.append(Looked(faces, *boxes))
    for name, one in looked.items():
        at, wanted = quality(one, 0), sum(len(frame.wanted) for frame in one)
        print(f"  {name}: recall {at.recall:.3f} of {wanted}, precision {at.precision:.3f}, {false_faces(one)} false")
    speeds = [len(paths[::every]) / spent for spent in seconds]
    print(f"  {speeds[0]:.2f} and {speeds[1]:.2f} frames/s of a core: {speeds[1] / speeds[0]:.1f} times as fast")


def false_faces(looked: Sequence[Looked]) -> int:
    """Return how many of the faces that were found are none."""
    return sum(
        not any(centre_inside(face.box, true) for true in (*one.wanted, *one.tolerated))
        for one in looked
        for face in one.found
    )


def raw_seconds(finder: detect.Finder, pixels: Sequence[decode.Pixels]) -> float:
    """Return how long the detectors alone take on frames that are decoded and, for YOLO, prepared."""
    seconds = 0.0
    for detector in finder.detectors:
        if isinstance(detector, Yolo):
            ready = [detector.prepare(one)[0] for one in pixels]
            size = detector.views_per_call
            batches = [as_input(ready[start : start + size]) for start in range(0, len(ready), size)]
            detector.run(batches[0])
            start = time.perf_counter()
            for batch in batches:
                detector.run(batch)
        else:
            start = time.perf_counter()
            for one in pixels:
                detector.prepare(one)
        seconds += time.perf_counter() - start
    return seconds


def measure_speed(model: str, paths: Sequence[Path], workers: int) -> None:
    """Print frames per second of detect_faces.py's loop and of the detector alone, in turns.

    YOLO models use all cores by themselves; the others are compared on one.
    """
    settings = detect.Settings(model)
    finder = detect.load_finder(settings, Limits())
    if not any(isinstance(detector, Yolo) for detector in finder.detectors):
        workers = 1
    pixels = [decode.read_pixels(path) for path in paths]
    raw, ours = [], []
    for _ in range(3):
        raw.append(raw_seconds(finder, pixels))
        start = time.perf_counter()
        list(detect.find_faces(paths, settings, Limits(), workers))
        ours.append(time.perf_counter() - start)
    print(
        f"  speed: {len(paths) / min(ours):.2f} frames/s, alone {len(paths) / min(raw):.2f}:"
        f" {min(raw) / min(ours):.0%} of it ({workers} workers, best of 3)"
    )


def main() -> None:
    """Run the command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--src_dir", type=Path, required=True)
    options.add_argument("--truth", type=Path, required=True)
    options.add_argument("--grid", type=Path)
    options.add_argument("--model", action="append", default=None)
    options.add_argument("--speed_frames", type=int, default=96)
    options.add_argument("--speed_only", action="store_true")
    options.add_argument("--package", type=int, default=0, metavar="N", help="only this, every Nth frame")
    options.add_argument("--workers", type=int, default=2)
    args = options.parse_args()
    paths = frames.find_frames(args.src_dir)
    if args.package:
        measure_package(paths, args.package, args.truth, args.workers)
        return
    for model in args.model or ["animeface"]:
        print(model)
        if not args.speed_only:
            measure_quality(model, paths, args.truth, args.workers)
            if args.grid:
                measure_grid(model, args.grid)
        measure_speed(model, paths[:: max(1, len(paths) // args.speed_frames)][: args.speed_frames], args.workers)


if __name__ == "__main__":
    main()
