"""Face detectors by their names: animeface, which needs no download, YOLO models, cascades of OpenCV; several join."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit.boxes import Face, Seen, face_at
from framekit.dataset.frames import Unreadable, map_frames
from framekit.errors import UsageError
from framekit.faces import animeface
from framekit.faces.animeface import DETECT_SIZE, AnimeFace
from framekit.faces.cascade import CASCADE_SUFFIX, MIN_SCORE, Cascade
from framekit.faces.filter import Detector, Limits, merge_detectors, plausible_faces
from framekit.faces.models import DETECTORS, EMBEDDED, MIN_SCORES, OTHER_MIN_SCORE
from framekit.faces.yolo import Prepared, Yolo, load_yolo
from framekit.models.hub import model_names
from framekit.pixels.decode import Pixels

SMALL_BATCH = 4  # views per call of a YOLO model
TILE_OVERLAP = 0.25  # of a tile's side, shared with the next one, so that no small face is cut by all
EDGE = 0.01  # of a tile's side; a face that ends nearer to an inner edge is cut by it


@dataclass(frozen=True)
class Settings:
    """Which detectors and how: sizes in px, scores and overlap as fractions; `min_score` None is the detector's own.

    `model` holds one name, or several with commas between them; frames are also cut into `tiles` x `tiles` parts, 0 and
    1 for none.
    """

    model: str = EMBEDDED
    device: str = "auto"
    min_score: float | None = None
    size: int = DETECT_SIZE
    both_looks: bool = True
    max_overlap: float = 0.7
    tiles: int = 0

    @property
    def models(self) -> list[str]:
        """The names of the detectors."""
        return model_names(self.model)

    @property
    def threshold(self) -> float | list[float]:
        """The least score of a face, of each detector if there are several."""
        each = [self.least(name) for name in self.models]
        return each[0] if len(each) == 1 else each

    def least(self, name: str) -> float:
        """Return the least score of a face that a detector finds."""
        if self.min_score is not None:
            return self.min_score
        return MIN_SCORE if is_cascade(name) else MIN_SCORES.get(name, OTHER_MIN_SCORE)


def is_cascade(name: str) -> bool:
    """Tell whether a detector is a cascade of OpenCV."""
    return name.lower().endswith(CASCADE_SUFFIX)


def load_animeface(settings: Settings) -> AnimeFace:
    """Return the embedded detector after it found a drawn face. Raises UsageError if it is missing or blind."""
    ways_out = f"use --model {' or --model '.join(DETECTORS)} or a YOLO .onnx file"
    try:
        found = animeface.raw_animeface(animeface.drawn_face())
    except ImportError as error:
        raise UsageError(f"animeface has no build for this system or is not installed: {ways_out}") from error
    if not found:
        raise UsageError(f"animeface finds no face in its own test drawing on this system: {ways_out}")
    return AnimeFace(settings.size, settings.both_looks)


def load_detector(name: str, settings: Settings) -> Detector:
    """Return the embedded detector, a cascade or a YOLO model. Raises UsageError if it is not to be had."""
    if is_cascade(name):
        return Cascade(Path(name), settings.size)
    if name == EMBEDDED:
        return load_animeface(settings)
    return load_yolo(name, settings.device, settings.least(name), settings.max_overlap)


@dataclass(frozen=True)
class Look:
    """What a worker does with a frame: each way on each view of it; picklable if the ways are."""

    ways: Sequence[Callable[[Pixels], Any]]
    tiles: int

    def __call__(self, pixels: Pixels) -> tuple[tuple[int, int], list[list[Any]]]:
        """Return (width, height) in px, and for each way what it made of each view."""
        size = (pixels.shape[1], pixels.shape[0])
        parts = [pixels[top:bottom, left:right] for left, top, right, bottom in views_of(size, self.tiles)]
        return size, [[way(part) for part in parts] for way in self.ways]


@dataclass(frozen=True)
class Finder:
    """Detectors that look at frames together: what belongs to workers, and what runs on batches."""

    detectors: Sequence[Detector]
    least: Sequence[float]
    tiles: int
    limits: Limits

    @property
    def look(self) -> Look:
        """What workers do: YOLO models only get their input prepared."""
        return Look([one.prepare if isinstance(one, Yolo) else one for one in self.detectors], self.tiles)

    def seen(self, looks: Sequence[tuple[tuple[int, int], list[list[Any]]]]) -> list[Seen]:
        """Return what is seen in frames that workers looked at."""
        found = [list(looked) for _, looked in looks]
        for place, detector in enumerate(self.detectors):
            if isinstance(detector, Yolo):
                flat: list[Prepared] = [view for looked in found for view in looked[place]]
                results = iter(detector.detect(flat))
                for looked in found:
                    looked[place] = [next(results) for _ in looked[place]]
        return [self.join(looked, size) for looked, (size, _) in zip(found, looks, strict=True)]

    def join(self, looked: Sequence[Sequence[Sequence[Face]]], size: tuple[int, int]) -> Seen:
        """Join what each detector found in each view of one frame of (width, height) px."""
        views = views_of(size, self.tiles)
        found = []
        for by_view, least in zip(looked, self.least, strict=True):
            placed = [from_view(face, view, size) for view, faces in zip(views, by_view, strict=True) for face in faces]
            good = [face for face in placed if face is not None and face.score >= least]
            found += [[face] for face in sorted(good, key=lambda face: -face.score)] if len(views) > 1 else [good]
        return plausible_faces(merge_detectors(found) if len(found) > 1 else found[0], size, self.limits)


def load_finder(settings: Settings, limits: Limits) -> Finder:
    """Load the detectors. Raises UsageError if one is not to be had."""
    if not settings.models:
        raise UsageError("--model names no detector")
    detectors = [load_detector(name, settings) for name in settings.models]
    return Finder(detectors, [settings.least(name) for name in settings.models], settings.tiles, limits)


def find_faces(
    paths: Sequence[Path], settings: Settings, limits: Limits, workers: int, batch_size: int = 0
) -> Iterator[tuple[Path, Seen | Unreadable]]:
    """Yield each frame, in order, with what is seen in it. Raises UsageError if a detector is not to be had."""
    if not paths:
        return
    finder = load_finder(settings, limits)
    batched = any(isinstance(detector, Yolo) for detector in finder.detectors)
    size = (batch_size or SMALL_BATCH) if batched else 1
    waiting: list[tuple[Path, Any]] = []
    for path, look in map_frames(finder.look, paths, workers, needs_processes(finder.detectors)):
        waiting.append((path, look))
        if len(waiting) >= size:
            yield from seen_in(finder, waiting)
            waiting = []
    yield from seen_in(finder, waiting)


def seen_in(finder: Finder, waiting: Sequence[tuple[Path, Any]]) -> Iterator[tuple[Path, Seen | Unreadable]]:
    """Yield the frames of a batch with what is seen in them."""
    results = iter(finder.seen([look for _, look in waiting if not isinstance(look, Unreadable)]))
    for path, look in waiting:
        yield path, look if isinstance(look, Unreadable) else next(results)


def needs_processes(detectors: Sequence[Detector]) -> bool:
    """Tell whether a detector holds Python's lock, so that threads don't help."""
    return any(isinstance(detector, AnimeFace) for detector in detectors)


def views_of(size: tuple[int, int], tiles: int) -> list[tuple[int, int, int, int]]:
    """Return the whole frame of (width, height) px, then its overlapping tiles, as (left, top, right, bottom) in px."""
    whole = [(0, 0, *size)]
    if tiles < 2:
        return whole
    spans = []
    for length in size:
        side = length / (tiles - (tiles - 1) * TILE_OVERLAP)
        starts = [round(place * side * (1 - TILE_OVERLAP)) for place in range(tiles)]
        spans.append([(start, min(length, start + round(side))) for start in starts])
    return whole + [(left, top, right, bottom) for top, bottom in spans[1] for left, right in spans[0]]


def from_view(face: Face, view: tuple[int, int, int, int], size: tuple[int, int]) -> Face | None:
    """Return a face that was found in a view as it lies in the frame; None if an inner edge of the view cuts it."""
    outer = (view[0] == 0, view[1] == 0, view[2] == size[0], view[3] == size[1])
    gaps = (face.box[0], face.box[1], 1 - face.box[2], 1 - face.box[3])
    if any(gap < EDGE and not is_outer for gap, is_outer in zip(gaps, outer, strict=True)):
        return None
    width, height = view[2] - view[0], view[3] - view[1]
    left, right = ((view[0] + edge * width) / size[0] for edge in (face.box[0], face.box[2]))
    top, bottom = ((view[1] + edge * height) / size[1] for edge in (face.box[1], face.box[3]))
    return face_at(left, top, right, bottom, face.score, face.label)
