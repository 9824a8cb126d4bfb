"""Parts of a frame around a face: the face, the head, and the largest square that holds it."""

from collections.abc import Sequence

import numpy as np

from framekit.faces import HEAD_LIFT, HEAD_SCALE, Box, Face, face_at, overlap
from framekit.frames import Pixels

KINDS = ("face", "head", "square")
FACE_SCALE = 1.1  # side of the square around a face over its longer side; Source: the older script generation
UPPER_THIRD = 1 / 3  # height in the largest square where the middle of the face lies
MOSTLY = 0.5  # a face of which more than this lies in the crop is kept with it
SAME_SQUARE = 0.9  # largest squares that overlap more, intersection over union, are one
PixelBox = tuple[int, int, int, int]
"""(left, top, right, bottom) in px."""


def head_square(face: Face, size: tuple[int, int], scale: float = HEAD_SCALE, lift: float = HEAD_LIFT) -> PixelBox:
    """Return the square around the head of a face; it may leave the frame. `size` is (width, height) in px."""
    width, height = size
    left, top, right, bottom = face.box
    side = max(2, round(max((right - left) * width, (bottom - top) * height) * scale))
    x = round((left + right) / 2 * width - side / 2)
    y = round(((top + bottom) / 2 - lift * (bottom - top)) * height - side / 2)
    return x, y, x + side, y + side


def crop_head(pixels: Pixels, face: Face) -> Pixels:
    """Cut the square around the head of a face; where it leaves the frame, the frame's edge is repeated."""
    import cv2

    height, width = pixels.shape[:2]
    left, top, right, bottom = head_square(face, (width, height))
    margin = max(0, -left, -top, right - width, bottom - height)
    if margin:
        pixels = np.asarray(cv2.copyMakeBorder(pixels, margin, margin, margin, margin, cv2.BORDER_REPLICATE))
    crop: Pixels = pixels[top + margin : bottom + margin, left + margin : right + margin]
    return crop


def pushed_inside(square: PixelBox, size: tuple[int, int]) -> PixelBox:
    """Return a square moved, and made smaller if need be, so that it lies in the frame of (width, height) px."""
    side = min(square[2] - square[0], *size)
    x, y = ((square[i] + square[i + 2] - side) // 2 for i in (0, 1))
    left, top = min(max(0, x), size[0] - side), min(max(0, y), size[1] - side)
    return left, top, left + side, top + side


def largest_square(face: Face, size: tuple[int, int]) -> PixelBox | None:
    """Return the largest square that holds a face: centred on it across, the face near the upper third.

    None if no square of the frame holds the whole face. `size` is (width, height) in px.
    """
    left, top, right, bottom = face.box
    side = min(size)
    if max((right - left) * size[0], (bottom - top) * size[1]) >= side:
        return None
    x = round((left + right) / 2 * size[0] - side / 2)
    y = round((top + bottom) / 2 * size[1] - side * UPPER_THIRD)
    return pushed_inside((x, y, x + side, y + side), size)


def crop_box(kind: str, face: Face, size: tuple[int, int]) -> PixelBox | None:
    """Return the part of a frame of (width, height) px that a kind of crop takes; None if there is none."""
    if kind == "square":
        return largest_square(face, size)
    square = head_square(face, size) if kind == "head" else head_square(face, size, FACE_SCALE, 0.0)
    return pushed_inside(square, size)


def as_fractions(box: PixelBox, size: tuple[int, int]) -> Box:
    """Return a part of a frame of (width, height) px as fractions."""
    left, top, right, bottom = (round(edge / length, 6) for edge, length in zip(box, size * 2, strict=True))
    return left, top, right, bottom


def share_inside(face: Face, box: Box) -> float:
    """Return the share of a face, 0 to 1, that lies in a part of the frame."""
    width = min(face.box[2], box[2]) - max(face.box[0], box[0])
    height = min(face.box[3], box[3]) - max(face.box[1], box[1])
    whole = (face.box[2] - face.box[0]) * (face.box[3] - face.box[1])
    return max(0.0, width) * max(0.0, height) / whole


def faces_inside(faces: Sequence[Face], box: Box) -> list[tuple[Face, Face]]:
    """Return the faces that lie mostly in a part of the frame, each with itself as it lies in that part."""
    width, height = box[2] - box[0], box[3] - box[1]

    def moved(face: Face) -> Face:
        left, top, right, bottom = face.box
        edges = (left - box[0]) / width, (top - box[1]) / height, (right - box[0]) / width, (bottom - box[1]) / height
        return face_at(*edges, face.score, face.label)

    return [(face, moved(face)) for face in faces if share_inside(face, box) > MOSTLY]


def crops_of(faces: Sequence[Face], size: tuple[int, int]) -> list[tuple[str, int, Box, PixelBox]]:
    """Return (kind, number of the face, box, box in px) of each crop of a frame of (width, height) px.

    Of squares that are nearly the same, only the first.
    """
    found: list[tuple[str, int, Box, PixelBox]] = []
    for kind in KINDS:
        taken: list[Box] = []
        for number, face in enumerate(faces, start=1):
            part = crop_box(kind, face, size)
            if part is None:
                continue
            box = as_fractions(part, size)
            if kind == "square" and any(overlap(box, other) > SAME_SQUARE for other in taken):
                continue
            taken.append(box)
            found.append((kind, number, box, part))
    return found
