"""Pans: frames of one scene that are shifted views of one picture, and which of them go."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framekit.dedup.removal import Removal
from framekit.errors import BadSidecar
from framekit.pixels.measure import VIEW, View
from framekit.sidecars.episode import Episodes

PAN = "pan"
OVERLAP = 0.7
FEWEST = 3  # frames of a pan: its ends and what lies between
# Measured on three composed shows, in 98 of 100 pairs of frames: pans 0.97 and more, figures that walk 0.96 and more.
CORRELATION = 0.97
# Of the contrast: the most that a part of 3 x 3 cells may differ. Pans have up to 0.32, figures that walk before a
# picture 0.43 and more, faces that change their expression 0.7 and more.
ODD = 0.35
# Share of a picture where something can be seen to move with the camera, by contrast, in grey levels, within so many
# cells: on plain ground a figure that moves looks like a camera that moves the other way.
DRAWN, DRAWN_CONTRAST, DRAWN_WITHIN = 0.5, 4.0, 9
LEAST_SHIFT = 0.25  # cells from one frame to the next
ROUNDS, PRECISION = 30, 1e-3  # of the search for a shift
WHOLLY = 0.999  # share of a cell that a shifted frame shows; less comes at its border


@dataclass(frozen=True)
class Shift:
    """How far the camera moved from one frame to another, in cells, and the share of the picture that both show."""

    right: float
    down: float
    share: float


def shift_between(one: View, other: View, guess: tuple[float, float] = (0.0, 0.0)) -> Shift | None:
    """Return how far the camera moved, None if the frames are no shifted views of one picture.

    What moves within the picture, such as a face, makes another picture of it. Source of the search: enhanced
    correlation coefficient of OpenCV.
    """
    import cv2

    start = np.array([[1, 0, guess[0]], [0, 1, guess[1]]], np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ROUNDS, PRECISION)
    whole = np.ones(VIEW[::-1], np.float32)
    # Blurred, since parts of a cell come between cells.
    first, second = (cv2.GaussianBlur(view.astype(np.float32), (3, 3), 0) for view in (one, other))
    try:
        correlation, found = cv2.findTransformECC(
            second, first, start, cv2.MOTION_TRANSLATION, criteria, whole.astype(np.uint8), gaussFiltSize=3
        )
    except cv2.error:  # the search leads nowhere
        return None
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved, shown = (cv2.warpAffine(cells, found, VIEW, flags=flags) for cells in (first, whole))
    inside = shown > WHOLLY
    inner = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
    if correlation < CORRELATION or not inner.any() or drawn_share(np.asarray(second, np.float32)) < DRAWN:
        return None
    odd = np.abs(cv2.blur(np.where(inside, moved - second, 0).astype(np.float32), (3, 3)))[inner].max()
    right, down = float(found[0, 2]), float(found[1, 2])
    share = max(0.0, 1 - abs(right) / VIEW[0]) * max(0.0, 1 - abs(down) / VIEW[1])
    return Shift(right, down, share) if odd <= ODD * second[inside].std() else None


def drawn_share(cells: NDArray[np.float32]) -> float:
    """Return the share of a view that is not plain."""
    import cv2

    around = (DRAWN_WITHIN, DRAWN_WITHIN)
    square = cv2.blur(cells * cells, around) - cv2.blur(cells, around) ** 2
    return float((square > DRAWN_CONTRAST**2).mean())


def scenes_of(frames: Sequence[Path]) -> dict[Path, int]:
    """Return the scene of each frame that its episode's record knows; damaged records are no concern here."""
    episodes, found = Episodes(), {}
    for frame in frames:
        try:
            scene = episodes.source_of(frame).get("scene")
        except BadSidecar:
            continue
        if isinstance(scene, int):
            found[frame] = scene
    return found


def pans(views: NDArray[np.uint8], rows: Sequence[int]) -> Iterator[list[tuple[int, Shift]]]:
    """Yield the pans among the frames of a scene, in their order: rows, each with the shift from the one before.

    The camera moves on in one direction, or turns by less than a right angle from frame to frame.
    """
    run = [(rows[0], Shift(0, 0, 1))]
    for one, other in pairwise(rows):
        shift = shift_between(views[one], views[other])
        moves = shift is not None and np.hypot(shift.right, shift.down) >= LEAST_SHIFT
        before = run[-1][1]
        if shift is None or not moves or shift.right * before.right + shift.down * before.down < 0:
            yield run
            run = [(one, Shift(0, 0, 1))] if shift is not None and moves else []
        run = [*run, (other, shift if shift is not None and run else Shift(0, 0, 1))]
    yield run


def without_between(views: NDArray[np.uint8], pan: Sequence[tuple[int, Shift]], overlap: float) -> Iterator[Removal]:
    """Yield the frames of a pan that share more than `overlap` with one that stays; its ends always stay."""
    (kept, _), right, down = pan[0], 0.0, 0.0
    for row, step in pan[1:-1]:
        right, down = right + step.right, down + step.down
        shift = shift_between(views[kept], views[row], (right, down))
        if shift is not None and shift.share > overlap:
            yield Removal(row, PAN, kept, shift.share)
        else:
            kept, right, down = row, 0.0, 0.0


def panned(
    frames: Sequence[Path], views: NDArray[np.uint8], rows: Sequence[int], scenes: Mapping[Path, int], overlap: float
) -> list[Removal]:
    """Return the frames, among these rows, that go since another one of the same pan shows more than `overlap` of them.

    Frames without a scene stay.
    """
    if overlap >= 1:
        return []
    found: list[Removal] = []
    known = [row for row in rows if frames[row] in scenes]
    for _, members in groupby(known, key=lambda row: (frames[row].parent, scenes[frames[row]])):
        those = list(members)
        for pan in pans(views, those) if len(those) >= FEWEST else ():
            found += without_between(views, pan, overlap) if len(pan) >= FEWEST else ()
    return found
