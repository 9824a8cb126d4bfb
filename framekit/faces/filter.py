"""Anime faces: the one shape of result of all detectors, which of them count, and which are the same."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from framekit.boxes import (
    HEAD,
    HEAD_LIFT,
    HEAD_SCALE,
    PEOPLE,
    Face,
    Seen,
    area,
    face_at,
    height_of,
    holds_centre,
    overlap,
)
from framekit.pixels.decode import Pixels, shrink

REFERENCE_SIZES = (640, 320, 224, 160)  # px; a face that fills a reference is found only when it is shrunk
SAME_PERSON = 0.5  # boxes of people that overlap more, intersection over union, are one


"""Fractions (left, top, right, bottom) of width and height."""


Detector = Callable[[Pixels], list[Face]]


def face_of_head(head: Face) -> Face:
    """Return a head with the box that its face has, or would have if it were not turned away."""
    left, top, right, bottom = head.box
    width, height = (right - left) / HEAD_SCALE, (bottom - top) / HEAD_SCALE
    x, y = (left + right) / 2, (top + bottom) / 2 + HEAD_LIFT * height
    return face_at(x - width / 2, y - height / 2, x + width / 2, y + height / 2, head.score, HEAD)


def merge_looks(faces: Sequence[Face]) -> list[Face]:
    """Keep the best-scored of faces found twice: one whose centre lies in a better one is the same face."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not any(holds_centre(better.box, face.box) for better in kept):
            kept.append(face)
    return kept


def same(one: Face, other: Face) -> bool:
    """Tell whether two detectors mean the same: faces and heads by their centres, people by their overlap."""
    if (one.label in PEOPLE) != (other.label in PEOPLE):
        return False
    if one.label in PEOPLE:
        return overlap(one.box, other.box) > SAME_PERSON
    return holds_centre(one.box, other.box) or holds_centre(other.box, one.box)


def merge_detectors(found: Iterable[Sequence[Face]]) -> list[Face]:
    """Join what several detectors found: what an earlier one found stands, a later one adds what is missing."""
    merged: list[Face] = []
    for faces in found:
        merged += [face for face in faces if not any(same(face, other) for other in merged)]
    return merged


@dataclass(frozen=True)
class Limits:
    """Which faces count: longest side over the shortest, least height over that of the frame, how many; 0 = all."""

    max_aspect: float = 2.0  # Source: the older script generation
    min_size: float = 0.03
    max_faces: int = 0


def objection(face: Face, size: tuple[int, int], limits: Limits) -> str:
    """Return why a face does not count, nothing if it does. `size` is (width, height) in px."""
    left, top, right, bottom = face.box
    width, height = (right - left) * size[0], (bottom - top) * size[1]
    if width <= 0 or height <= 0:
        return "empty"
    if bottom - top < limits.min_size:
        return f"lower than {limits.min_size:g} of the frame"
    if max(width, height) > limits.max_aspect * min(width, height):
        return f"longer than {limits.max_aspect:g} times its width"
    return ""


def plausible_faces(found: Sequence[Face], size: tuple[int, int], limits: Limits) -> Seen:
    """Sort what was found into faces that count, people, and the rest. `size` is (width, height) in px."""
    found = sorted(found, key=lambda face: face.box)
    people = [face for face in found if face.label in PEOPLE]
    judged = [(face, objection(face, size, limits)) for face in found if face.label not in PEOPLE]
    good = [face for face, reason in judged if not reason]
    dropped = [(face, reason) for face, reason in judged if reason]
    if limits.max_faces and len(good) > limits.max_faces:
        largest = sorted(good, key=height_of, reverse=True)[: limits.max_faces]
        dropped += [(face, f"not among the {limits.max_faces} largest") for face in good if face not in largest]
        good = [face for face in good if face in largest]
    return Seen(good, people, dropped)


def reference_faces(detect: Detector, pixels: Pixels) -> list[Face]:
    """Return the faces of a reference, the largest first, looked for at several sizes until there are any."""
    for size in REFERENCE_SIZES:
        if found := [face for face in detect(shrink(pixels, size)) if face.label not in PEOPLE]:
            return sorted(found, key=area, reverse=True)
    return []
