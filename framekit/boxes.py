"""Boxes of faces and people as fractions of a frame, and what is seen in a frame."""

from collections.abc import Sequence
from dataclasses import dataclass

FACE, HEAD, PERSON, HALFBODY = "face", "head", "person", "halfbody"
PEOPLE = (PERSON, HALFBODY)  # labels of whole people, who are kept apart from faces
# Side of the square around a head over the longer side of its face, and how much higher than the face it lies, as a
# fraction of the face's height. Chosen so that hair and chin lie inside.
HEAD_SCALE, HEAD_LIFT = 1.7, 0.15
Box = tuple[float, float, float, float]  # (left, top, right, bottom) as fractions of the frame's width and height


@dataclass(frozen=True)
class Face:
    """A face: box, score 0 to 1, and label: `face`, `head` where only the head was seen, `person` or `halfbody`."""

    box: Box
    score: float
    label: str = FACE


@dataclass(frozen=True)
class Seen:
    """What was found in a frame, from left to right: faces, people, and dropped faces with the reason.

    `faint` are faces with less than the minimum score, which other frames of the scene may bear out.
    """

    faces: list[Face]
    people: list[Face]
    dropped: list[tuple[Face, str]]
    faint: Sequence[Face] = ()


def face_at(left: float, top: float, right: float, bottom: float, score: float, label: str = FACE) -> Face:
    """Make a face with its box clipped to the frame and everything rounded as in the sidecar."""
    clipped = [round(min(1.0, max(0.0, float(edge))), 4) for edge in (left, top, right, bottom)]
    return Face((clipped[0], clipped[1], clipped[2], clipped[3]), round(float(score), 4), label)


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the intersection over union of two boxes, 0 to 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (sum(areas) - width * height)


def holds_centre(box: Sequence[float], other: Sequence[float]) -> bool:
    """Return whether the centre of `other` lies inside `box`."""
    x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return box[0] < x < box[2] and box[1] < y < box[3]


def height_of(face: Face) -> float:
    """Return the height of a face as a fraction of the frame's."""
    return face.box[3] - face.box[1]


def area(face: Face) -> float:
    """Return the area of a face as a fraction of the frame's."""
    return (face.box[2] - face.box[0]) * (face.box[3] - face.box[1])
