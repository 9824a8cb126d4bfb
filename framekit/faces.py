"""Anime faces: the one shape of result of all detectors, and the sidecar that holds them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from framekit.frames import Pixels, shrink
from framekit.sidecar import FACES, BadSidecar, read_json, sidecar

REFERENCE_SIZES = (640, 320, 224, 160)  # px; a face that fills a reference is found only when it is shrunk


@dataclass(frozen=True)
class Face:
    """A face: box as fractions (left, top, right, bottom) of width and height, score 0 to 1."""

    box: tuple[float, float, float, float]
    score: float


Detector = Callable[[Pixels], list[Face]]


def face_at(left: float, top: float, right: float, bottom: float, score: float) -> Face:
    """Make a face with its box clipped to the frame and everything rounded as in the sidecar."""
    clipped = [round(min(1.0, max(0.0, float(edge))), 4) for edge in (left, top, right, bottom)]
    return Face((clipped[0], clipped[1], clipped[2], clipped[3]), round(float(score), 4))


def holds_centre(box: Sequence[float], other: Sequence[float]) -> bool:
    """Tell whether the centre of `other` lies inside `box`."""
    x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return box[0] < x < box[2] and box[1] < y < box[3]


def merge_looks(faces: Sequence[Face]) -> list[Face]:
    """Keep the best-scored of faces found twice: one whose centre lies in a better one is the same face."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not any(holds_centre(better.box, face.box) for better in kept):
            kept.append(face)
    return kept


@dataclass(frozen=True)
class Limits:
    """Shapes that count as faces: longest side over the shortest, least height as a fraction of the frame height."""

    max_aspect: float = 2.0  # Source: the older script generation
    min_size: float = 0.03


def plausible_faces(faces: Sequence[Face], size: tuple[int, int], min_score: float, limits: Limits) -> list[Face]:
    """Drop weak, lengthy and tiny faces; sort the rest from left to right. `size` is (width, height) in px."""
    kept = []
    for face in faces:
        left, top, right, bottom = face.box
        width, height = (right - left) * size[0], (bottom - top) * size[1]
        compact = width > 0 and max(width, height) <= limits.max_aspect * min(width, height)
        if face.score >= min_score and bottom - top >= limits.min_size and compact:
            kept.append(face)
    return sorted(kept, key=lambda face: face.box)


def largest_face(detect: Detector, pixels: Pixels) -> Face | None:
    """Return the largest face of a reference, looked for at several sizes; None if there is none."""
    for size in REFERENCE_SIZES:
        faces = detect(shrink(pixels, size))
        if faces:
            return max(faces, key=lambda face: (face.box[2] - face.box[0]) * (face.box[3] - face.box[1]))
    return None


def read_faces(frame: Path) -> list[Face] | None:
    """Read the faces sidecar of a frame; None if there is none. Raises BadSidecar if it is not as it should be."""
    path = sidecar(frame, FACES)
    if not path.exists():
        return None
    try:
        boxes = [(*map(float, face["box"]), float(face["score"])) for face in read_json(path)["faces"]]
        faces = [face_at(left, top, right, bottom, score) for left, top, right, bottom, score in boxes]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadSidecar(f"{path.name}: its faces need a box of four fractions and a score each") from error
    if not all(0 <= number <= 1 for numbers in boxes for number in numbers):
        raise BadSidecar(f"{path.name}: boxes and scores must be fractions from 0 to 1")
    if any(face.box[0] >= face.box[2] or face.box[1] >= face.box[3] for face in faces):
        raise BadSidecar(f"{path.name}: a box must be [left, top, right, bottom] as fractions")
    return faces
