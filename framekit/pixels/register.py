"""Where one frame lies in another: pan, zoom and turn of the camera, to a tenth of a pixel.

By the flow between small pictures, outside of what moves by itself, then by the differences at full size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framekit.pixels.decode import Pixels

Mask = NDArray[np.bool_]  # (H, W)
Place = NDArray[np.float64]  # (3, 3): from x, y, 1 in pixels of one plane to those of another

SMALL = 480  # px, longest side of the pictures that the flow is found in; chosen
STEP = 6  # px of those, between the points that a motion is fitted to; chosen
TEXTURE = 3.0  # grey levels a px, gradient of such a point: flow on plain colour is a guess; chosen
FEW_POINTS = 24  # fewer of them tell no motion; chosen
OFF = 1.0  # px of the small pictures, by which a point may be off the motion; chosen
MOST_POINTS = 30_000  # with gradient, that a motion is refined with at full size; chosen: more are no better
ROUNDS = 12  # at most, of refining; chosen: it ends when nothing moves by 0.01 px
STILL = 0.2  # px, by which corners may move from whole pixels and still count as there, so nothing is resampled; chosen
DIFFERS = 14  # grey levels of the small pictures, by which a pixel does not fit; chosen
MISFIT = 0.10  # share of such pixels from which a frame does not show the same background on the same plane; chosen
OFFSET = 4.0  # grey levels, median, likewise: a fade, a flash; chosen
LEAST_OVERLAP = 0.04  # of a frame, that must be background in two frames for one to be placed by the other; chosen
NEXT_ANCHOR = 0.6  # overlap below which the following frames are placed by this one; chosen


@dataclass(frozen=True)
class Looked:
    """A frame as it is registered: grey at full size, blurred, where it shows background; and both at a small size."""

    grey: NDArray[np.uint8]
    clear: Mask
    small: NDArray[np.uint8]
    small_clear: Mask

    @property
    def scale(self) -> Place:
        """From pixels at full size to those of the small picture."""
        return resized(self.grey.shape, self.small.shape)


def resized(shape: Sequence[int], to: Sequence[int]) -> Place:
    """Return the place of a picture resized from one (height, width) to another, by centres of pixels."""
    x, y = to[1] / shape[1], to[0] / shape[0]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def looked(pixels: Pixels, hidden: Mask) -> Looked:
    """Return what registering needs of a frame; `hidden` is grown already."""
    import cv2

    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    part = min(1.0, SMALL / max(grey.shape))
    size = (max(16, round(grey.shape[1] * part)), max(16, round(grey.shape[0] * part)))
    small = cv2.GaussianBlur(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), (0, 0), 0.7)
    covered = cv2.resize(hidden.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(grey, (0, 0), 1.0)
    return Looked(np.asarray(blurred, np.uint8), ~hidden, np.asarray(small, np.uint8), np.asarray(covered) == 0)


def warped(
    picture: NDArray[Any], place: Place, size: Sequence[int], how: int, rows: int = 0, border: int = 0
) -> NDArray[Any]:
    """Return what a plane of (height, width) `size`, from row `rows` on, shows of a picture.

    `place` leads from the plane to the picture; `how` and `border` are OpenCV's kinds of interpolation and of what is
    outside, which is 0 by default.
    """
    import cv2

    moved = place @ np.array([[1.0, 0, 0], [0, 1, rows], [0, 0, 1]])
    flags = how | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpPerspective(picture, moved, (size[1], size[0]), flags=flags, borderMode=border))


def clear_in_both(one: Looked, other: Looked, place: Place) -> Mask:
    """Return where small pictures both show background, in the plane of the first; `place` is between small ones."""
    import cv2

    there = warped(other.small_clear.astype(np.uint8) * 255, place, one.small.shape, cv2.INTER_LINEAR)
    return np.asarray(one.small_clear & (there == 255))


def by_flow(one: Looked, other: Looked, guess: Place) -> Place | None:
    """Return the similarity from one small picture to another, found by the flow that a guess leaves; None if none."""
    import cv2

    moved = warped(other.small, guess, one.small.shape, cv2.INTER_LINEAR)
    both = clear_in_both(one, other, guess)
    filled = np.where(both, moved, one.small)  # where nothing is known, nothing should pull the flow
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(one.small, filled, None)  # type: ignore[attr-defined]
    x, y = (cv2.Sobel(one.small, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    rows, columns = np.nonzero(both & (np.hypot(x, y) > TEXTURE))
    taken = (rows % STEP == 0) & (columns % STEP == 0) if len(rows) > 40 * FEW_POINTS else np.full(len(rows), True)
    start = np.stack([columns[taken], rows[taken]], axis=1).astype(np.float32)
    if len(start) < FEW_POINTS:
        return None
    found = fitted(start, start + flow[rows[taken], columns[taken]])
    return None if found is None else guess @ found


def by_features(one: Looked, other: Looked) -> Place | None:
    """Return the similarity from one small picture to another by features that look alike; None if there is none."""
    import cv2

    finder = cv2.SIFT_create(nfeatures=1500, contrastThreshold=0.02)  # type: ignore[attr-defined]
    points, about = finder.detectAndCompute(one.small, one.small_clear.astype(np.uint8))
    others, of_others = finder.detectAndCompute(other.small, other.small_clear.astype(np.uint8))
    if len(points) < FEW_POINTS or len(others) < FEW_POINTS:
        return None
    pairs = [pair for pair in cv2.BFMatcher().knnMatch(about, of_others, k=2) if len(pair) == 2]
    good = [first for first, second in pairs if first.distance < 0.75 * second.distance]  # Source: Lowe 2004
    start = np.array([points[match.queryIdx].pt for match in good], np.float32)
    end = np.array([others[match.trainIdx].pt for match in good], np.float32)
    return fitted(start, end) if len(good) >= FEW_POINTS // 2 else None


def fitted(start: NDArray[np.float32], end: NDArray[np.float32]) -> Place | None:
    """Return the similarity that most pairs of points agree to, within OFF px; None if none do."""
    import cv2

    cv2.setRNGSeed(0)
    found, _ = cv2.estimateAffinePartial2D(start, end, method=cv2.RANSAC, ransacReprojThreshold=OFF)
    return None if found is None else np.vstack([found, [0, 0, 1]])


def refined(one: Looked, other: Looked, place: Place) -> Place:
    """Return a similarity from one frame to another at full size, brought below a tenth of a pixel.

    Gauss and Newton's steps on the differences of the points with most gradient; those that differ much count little.
    Source: Baker and Matthews 2004, the inverse compositional algorithm.
    """
    import cv2

    x, y = (cv2.Sobel(one.grey, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    strength = np.hypot(x, y) * one.clear
    chosen = np.flatnonzero(strength > max(TEXTURE, float(np.percentile(strength[::4, ::4], 60))))
    chosen = chosen[:: -(-len(chosen) // MOST_POINTS) or 1]
    if len(chosen) < FEW_POINTS:
        return place
    height, width = one.grey.shape
    at = np.stack([chosen % width, chosen // width]).astype(np.float64)
    unit = max(height, width) / 2  # so that all four numbers of a step are of one size
    u, v = (at[0] - width / 2) / unit, (at[1] - height / 2) / unit
    gradients = np.stack([x.ravel()[chosen], y.ravel()[chosen]])
    slopes = np.stack([gradients[0] * u + gradients[1] * v, gradients[1] * u - gradients[0] * v, *gradients])
    wanted = one.grey.ravel()[chosen].astype(np.float32)
    clear = other.clear.astype(np.uint8)
    centred = np.array([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1]])
    for _ in range(ROUNDS):
        there = (place[:2, :2] @ at + place[:2, 2:]).astype(np.float32)
        found = cv2.remap(other.grey, there[0], there[1], cv2.INTER_CUBIC).ravel().astype(np.float32)
        valid = cv2.remap(clear, there[0], there[1], cv2.INTER_NEAREST).ravel() > 0
        if valid.sum() < FEW_POINTS:
            return place
        off = found - wanted
        off = off - np.median(off[valid])
        spread = max(1.0, 1.5 * float(np.median(np.abs(off[valid]))))
        weights = valid / (1 + (off / (2 * spread)) ** 2) ** 2
        weighed = slopes * weights
        step = -np.linalg.lstsq(weighed @ slopes.T, weighed @ off, rcond=None)[0]
        turn, move = step[:2] / unit, step[2:]
        local = np.array([[1 + turn[0], -turn[1], move[0]], [turn[1], 1 + turn[0], move[1]], [0, 0, 1]])
        place = place @ centred @ local @ np.linalg.inv(centred)
        if np.abs(step).max() < 0.01:
            break
    return place


def fits(one: Looked, other: Looked, place: Place) -> bool:
    """Tell whether two frames show the same background on one plane, where both show any."""
    import cv2

    small = other.scale @ place @ np.linalg.inv(one.scale)
    both = clear_in_both(one, other, small)
    if both.mean() < LEAST_OVERLAP:
        return False
    off = warped(other.small, small, one.small.shape, cv2.INTER_LINEAR)[both].astype(np.float32) - one.small[both]
    return abs(float(np.median(off))) <= OFFSET and float((np.abs(off) > DIFFERS).mean()) <= MISFIT


def place_of(one: Looked, other: Looked, guess: Place) -> Place | None:
    """Return the place from one frame to another, at full size, beginning at a guess; None if they don't fit."""
    into, out = one.scale, np.linalg.inv(other.scale)
    nearby = other.scale @ guess @ np.linalg.inv(into)
    for find in (lambda: by_flow(one, other, nearby), lambda: by_features(one, other), lambda: nearby):
        found = find()
        if found is not None and 0.2 < np.linalg.det(found[:2, :2]) < 5:
            place = refined(one, other, out @ found @ into)
            if fits(one, other, place):
                return settled(place, one.grey.shape)
    return None


def corners_of(size: Sequence[int]) -> NDArray[np.float64]:
    """Return the centres of the corner pixels of a (height, width) picture, (3, 4): x, y, 1."""
    right, bottom = size[1] - 1.0, size[0] - 1.0
    return np.array([[0, right, 0, right], [0, 0, bottom, bottom], [1, 1, 1, 1]])


def settled(place: Place, size: Sequence[int]) -> Place:
    """Return a place moved to whole pixels where it is so near to them that its corners move by less than STILL."""
    whole = np.eye(3)
    whole[:2, 2] = np.round(place[:2, 2] + (place[:2, :2] - np.eye(2)) @ [size[1] / 2, size[0] / 2])
    corners = corners_of(size)
    return whole if np.abs((place - whole) @ corners).max() < STILL else place


def is_whole(place: Place) -> bool:
    """Tell whether a place moves by whole pixels alone, so that nothing is resampled."""
    return np.array_equal(place[:2, :2], np.eye(2)) and not np.any(place[:2, 2] % 1)


def register(read: Callable[[int], Looked], count: int, reference: int) -> list[Place | None]:
    """Return the place from the reference to each of so many frames, None for those that don't fit."""
    first = read(reference)
    places: list[Place | None] = [None] * count
    places[reference] = np.eye(3)
    if first.small_clear.mean() < LEAST_OVERLAP:
        return places
    for numbers in (range(reference + 1, count), range(reference - 1, -1, -1)):
        anchor, anchored, last = first, np.eye(3), np.eye(3)
        for number in numbers:
            here = read(number)
            found = place_of(anchor, here, last)
            if found is None:
                continue
            last, places[number] = found, settled(found @ anchored, first.grey.shape)
            small = here.scale @ found @ np.linalg.inv(anchor.scale)
            if clear_in_both(anchor, here, small).sum() < NEXT_ANCHOR * anchor.small_clear.sum():
                anchor, anchored, last = here, found @ anchored, np.eye(3)
    return places
