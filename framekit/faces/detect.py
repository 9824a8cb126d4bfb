"""Find faces with one detector or several: the table of detectors, views of a frame, batches, and joining."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framekit.boxes import Face, Seen, face_at
from framekit.dataset.frames import Unreadable, map_frames
from framekit.errors import UsageError
from framekit.faces import animeface, cascade, yolo
from framekit.faces.filter import Limits, merge_detectors, plausible_faces
from framekit.faces.models import EMBEDDED, MIN_SCORES, Detector
from framekit.models.hub import model_names
from framekit.pixels.decode import Pixels, as_pixels

if TYPE_CHECKING:
    from framekit.pixels.decode import Image

TILE_OVERLAP = 0.25  # of a tile's side, shared with the next one; chosen: a face up to that size is whole in a tile
FAINT = 0.1  # score from which a face that is below the minimum may be borne out by its scene; chosen
EDGE = 0.01  # of a tile's side; chosen: a face that ends nearer to an inner edge is taken for cut by it
PixelBox = tuple[int, int, int, int]  # (left, top, right, bottom) in px


@dataclass(frozen=True)
class Settings:
    """Which detectors look, and how.

    `model` is one name, or several with commas between them; `min_score` is 0 to 1, None for each detector's own;
    `size` is the longer side in px to which animeface and cascades shrink a view, None for each detector's own;
    `both_looks` shows animeface the mirrored view too; `max_overlap` is the intersection over union above which two
    YOLO boxes are one; frames are also cut into `tiles` x `tiles` parts, none below 2; a `patient` animeface looks at
    nearly every place.
    """

    model: str = EMBEDDED
    device: str = "auto"
    min_score: float | None = None
    size: int | None = None
    both_looks: bool = True
    max_overlap: float = yolo.MAX_OVERLAP
    tiles: int = 0
    patient: bool = False

    @property
    def models(self) -> list[str]:
        """The names of the detectors."""
        return model_names(self.model)

    @property
    def threshold(self) -> float | list[float]:
        """The minimum score of a face; of each detector if there are several."""
        each = [self.least(name) for name in self.models]
        return each[0] if len(each) == 1 else each

    def made(self, limits: Limits) -> dict[str, Any]:
        """Return with what faces are found, for the sidecar; of the settings, those that these detectors use."""
        sizes = [self.longer_side(name) for name in self.models if family_of(name).size]
        values = {
            "detect_size": sizes[0] if len({*sizes}) == 1 else sizes,
            "single_look": not self.both_looks,
            "max_overlap": self.max_overlap,
            "tiles": self.tiles if self.tiles > 1 else 0,
            "max_aspect": limits.max_aspect,
            "min_face_size": limits.min_size,
            "max_faces": limits.max_faces,
        }
        unused = {*values}.intersection(*(family_of(name).ignores for name in self.models))
        settings = {name: value for name, value in values.items() if name not in unused}
        return {"model": self.model, "threshold": self.threshold, "settings": settings}

    def least(self, name: str) -> float:
        """Return the minimum score of a face for the detector of this name."""
        return family_of(name).min_score(name) if self.min_score is None else self.min_score

    def longer_side(self, name: str) -> int:
        """Return the longer side in px to which the detector of this name shrinks a view."""
        return family_of(name).size if self.size is None else self.size


@dataclass(frozen=True)
class Family:
    """Detectors of one kind: which names of --model they have, the minimum score of a face, how one is loaded.

    `size` is the longer side in px to which they shrink views unless told otherwise; `ignores` are options that they
    have no use for.
    """

    has: Callable[[str], bool]
    min_score: Callable[[str], float]
    load: Callable[[str, Settings], Detector]
    size: int
    ignores: frozenset[str]


# The first family that has a name takes it; a new one is a row here and a file of its own.
FAMILIES = (
    Family(
        has=lambda name: name == EMBEDDED,
        min_score=lambda name: animeface.MIN_SCORE,
        load=lambda name, settings: animeface.load_animeface(
            settings.longer_side(name), settings.both_looks, settings.patient
        ),
        size=animeface.DETECT_SIZE,
        ignores=frozenset({"max_overlap"}),
    ),
    Family(
        has=lambda name: name.lower().endswith(cascade.SUFFIX),
        min_score=lambda name: cascade.MIN_SCORE,
        load=lambda name, settings: cascade.load_cascade(Path(name), settings.longer_side(name)),
        size=cascade.DETECT_SIZE,
        ignores=frozenset({"max_overlap", "single_look"}),
    ),
    Family(
        has=lambda name: True,
        min_score=lambda name: MIN_SCORES.get(name, yolo.MIN_SCORE),
        load=lambda name, settings: yolo.load_yolo(name, settings.device, settings.least(name), settings.max_overlap),
        size=0,
        ignores=frozenset({"detect_size", "single_look"}),
    ),
)


def family_of(name: str) -> Family:
    """Return the family that a name of --model belongs to."""
    return next(family for family in FAMILIES if family.has(name))


def load_detector(name: str, settings: Settings) -> Detector:
    """Load the detector of this name. Raises UsageError if it is unavailable."""
    return family_of(name).load(name, settings)


@dataclass(frozen=True)
class Prepared:
    """A frame as a worker returns it: (width, height) in px, and for each detector what it prepared of each view."""

    size: tuple[int, int]
    views: list[list[Any]]


@dataclass(frozen=True)
class Look:
    """The part of the work that a worker does: each detector's `prepare` on each view. Picklable if those are."""

    prepares: Sequence[Callable[[Pixels], Any]]
    tiles: int

    def __call__(self, pixels: Pixels) -> Prepared:
        """Return what the detectors need of one frame."""
        size = (pixels.shape[1], pixels.shape[0])
        views = [pixels[top:bottom, left:right] for left, top, right, bottom in views_of(size, self.tiles)]
        return Prepared(size, [[prepare(view) for view in views] for prepare in self.prepares])


@dataclass(frozen=True)
class Finder:
    """Detectors that look at frames together, each with its minimum score."""

    detectors: Sequence[Detector]
    least: Sequence[float]
    tiles: int
    limits: Limits

    @property
    def look(self) -> Look:
        """What workers do."""
        return Look([detector.prepare for detector in self.detectors], self.tiles)

    @property
    def views_per_call(self) -> int:
        """How many frames should be seen at once; 1 if no detector gains by it."""
        return max(detector.views_per_call for detector in self.detectors)

    def seen(self, frames: Sequence[Prepared]) -> list[Seen]:
        """Return what is seen in each of these frames."""
        found = [
            faces_by_view(detector, [one.views[at] for one in frames]) for at, detector in enumerate(self.detectors)
        ]
        return [self.join(by_detector, one.size) for one, *by_detector in zip(frames, *found, strict=True)]

    def join(self, by_detector: Sequence[Sequence[Sequence[Face]]], size: tuple[int, int]) -> Seen:
        """Join the faces that each detector found in each view of one frame of (width, height) px."""
        views = views_of(size, self.tiles)
        groups: list[list[Face]] = []
        faint: list[Face] = []
        for by_view, least in zip(by_detector, self.least, strict=True):
            placed = [from_view(face, view, size) for view, faces in zip(views, by_view, strict=True) for face in faces]
            good = [face for face in placed if face is not None and face.score >= least]
            faint += [face for face in placed if face is not None and FAINT <= face.score < least]
            # views overlap, so that one face is found several times: the best one takes precedence
            groups += [good] if len(views) == 1 else [[face] for face in sorted(good, key=lambda face: -face.score)]
        seen = plausible_faces(merge_detectors(groups), size, self.limits)
        return replace(seen, faint=plausible_faces(faint, size, replace(self.limits, max_faces=0)).faces)


def faces_by_view(detector: Detector, frames: Sequence[Sequence[Any]]) -> list[list[list[Face]]]:
    """Return the faces of each view of each frame, all of them found in one call."""
    found = iter(detector.detect([view for views in frames for view in views]))
    return [list(islice(found, len(views))) for views in frames]


def load_finder(settings: Settings, limits: Limits) -> Finder:
    """Load the detectors. Raises UsageError if one is unavailable."""
    if not settings.models:
        raise UsageError("--model names no detector")
    detectors = [load_detector(name, settings) for name in settings.models]
    return Finder(detectors, [settings.least(name) for name in settings.models], settings.tiles, limits)


def find_faces(
    paths: Sequence[Path], settings: Settings, limits: Limits, workers: int, batch_size: int = 0
) -> Iterator[tuple[Path, Seen | Unreadable]]:
    """Yield each frame, in order, with what is seen in it, looked at by `workers` in parallel.

    `batch_size` is the number of frames per call of detectors that take several at once, 0 for what suits them.
    Raises UsageError if a detector is unavailable.
    """
    if not paths:
        return
    finder = load_finder(settings, limits)
    size = finder.views_per_call
    size = batch_size or size if size > 1 else 1
    waiting: list[tuple[Path, Prepared | Unreadable]] = []
    for looked in map_frames(finder.look, paths, workers, needs_processes(finder.detectors)):
        waiting.append(looked)
        if len(waiting) >= size:
            yield from seen_in(finder, waiting)
            waiting = []
    yield from seen_in(finder, waiting)


def seen_in(
    finder: Finder, waiting: Sequence[tuple[Path, Prepared | Unreadable]]
) -> Iterator[tuple[Path, Seen | Unreadable]]:
    """Yield the frames of a batch with what is seen in them."""
    results = iter(finder.seen([look for _, look in waiting if isinstance(look, Prepared)]))
    for path, look in waiting:
        yield path, look if isinstance(look, Unreadable) else next(results)


def detect_faces(
    image: "Image",
    model: str = EMBEDDED,
    min_score: float | None = None,
    device: str = "auto",
    tiles: int = 0,
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> list[Face]:
    """Return the faces of one image, from left to right: boxes as fractions of its width and height, scores 0 to 1.

    `image` is a path, a PIL image, or an (H, W, 3) uint8 RGB array. `model`, `min_score`, `device` and `tiles` are
    those of detect_faces.py; a model stays loaded for the next image. For many files, `find_faces` uses all cores.
    Raises UsageError if the model is unavailable, UnreadableFrame for a damaged file, ValueError for another image.

    >>> from framekit.faces import detect_faces
    >>> from framekit.faces.animeface import drawn_face
    >>> [face] = detect_faces(drawn_face())
    >>> left, top, right, bottom = face.box
    >>> 0 < left < 0.5 < right < 1 and 0 < top < 0.5 < bottom < 1 and face.score > 0.7
    True
    """
    finder = kept_finder(Settings(model, device, min_score, tiles=tiles), limits)
    [seen] = finder.seen([finder.look(as_pixels(image))])
    return seen.faces


kept_finder = lru_cache(maxsize=4)(load_finder)  # loading a model takes longer than looking at an image


def needs_processes(detectors: Sequence[Detector]) -> bool:
    """Return whether workers must be processes, since threads would wait for each other."""
    return any(detector.needs_processes for detector in detectors)


def views_of(size: tuple[int, int], tiles: int) -> list[PixelBox]:
    """Return the whole frame of (width, height) px, then its overlapping tiles, if `tiles` is 2 or more."""
    whole = [(0, 0, *size)]
    if tiles < 2:
        return whole
    spans = []
    for length in size:
        side = length / (tiles - (tiles - 1) * TILE_OVERLAP)
        starts = [round(place * side * (1 - TILE_OVERLAP)) for place in range(tiles)]
        spans.append([(start, min(length, start + round(side))) for start in starts])
    return whole + [(left, top, right, bottom) for top, bottom in spans[1] for left, right in spans[0]]


def from_view(face: Face, view: PixelBox, size: tuple[int, int]) -> Face | None:
    """Return a face that was found in a view as it lies in the frame; None if an inner edge of the view cuts it."""
    outer = (view[0] == 0, view[1] == 0, view[2] == size[0], view[3] == size[1])
    gaps = (face.box[0], face.box[1], 1 - face.box[2], 1 - face.box[3])
    if any(gap < EDGE and not is_outer for gap, is_outer in zip(gaps, outer, strict=True)):
        return None
    width, height = view[2] - view[0], view[3] - view[1]
    left, right = ((view[0] + edge * width) / size[0] for edge in (face.box[0], face.box[2]))
    top, bottom = ((view[1] + edge * height) / size[1] for edge in (face.box[1], face.box[3]))
    return face_at(left, top, right, bottom, face.score, face.label)
