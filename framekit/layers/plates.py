"""Plates: the background of a shot, put together from the frames that show it, on one plane.

A static shot is not resampled: its plate is the median of the pixels as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framekit.pixels.decode import Pixels
from framekit.pixels.register import STILL, Looked, Mask, Place, corners_of, is_whole, looked, register, resized, warped

Shown = tuple[Pixels, Mask]  # a frame, and what hides the background in it

GROWN = 0.011  # of the height, by which a mask is grown: soft edges, chroma in half size, ringing of codecs; chosen
LARGEST = 3.0  # area of a plate in areas of a frame; frames beyond have no place on it; chosen
FEWEST, MOST_FRAMES = 8, 32  # that a plate of a long shot is made of; chosen: beyond, a median gets no better
MOST_BYTES = 2**28  # that these may take, with their masks: 32 frames of 1080p, 8 of 4K; chosen
REFERENCES = (0.5, 0.25, 0.75)  # of a shot: frames that others are brought to; the next if fewer than half fit; chosen
ENOUGH = 7  # frames that should show each pixel, for which those of a plate are chosen; chosen
ROWS = 64  # of a plate, put together at one time; chosen


@dataclass(frozen=True)
class Plate:
    """The background of a shot: (H, W, 3) uint8 RGB, and (H, W) where a frame shows it; elsewhere pixels are black.

    `places` leads from the plate to each of the frames, None for one that could not be placed; `size` is (height,
    width) of a frame; `used` are the numbers of the frames that it is made of.
    """

    pixels: Pixels
    seen: Mask
    places: tuple[Place | None, ...]
    size: tuple[int, int]
    used: tuple[int, ...]

    @property
    def share_seen(self) -> float:
        """Which part of the plate frames show, 0 to 1."""
        return float(self.seen.mean())


def grown(hidden: Mask) -> Mask:
    """Return a mask grown by GROWN of its height on all sides."""
    import cv2

    reach = 2 * round(GROWN * hidden.shape[0]) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    return np.asarray(cv2.dilate(hidden.astype(np.uint8), kernel), bool)


def spanned(places: Sequence[Place], size: Sequence[int]) -> NDArray[np.float64]:
    """Return left, top, right, bottom of what frames of (height, width) `size` cover, in the plane of the reference."""
    corners = np.concatenate([np.linalg.inv(place) @ corners_of(size) for place in places], axis=1)
    xy = corners[:2] / corners[2]
    return np.concatenate([xy.min(axis=1), xy.max(axis=1)])


def area(span: NDArray[np.float64], size: Sequence[int]) -> float:
    """Return the area of a span in areas of a frame."""
    return float((span[2] - span[0] + 1) * (span[3] - span[1] + 1)) / (size[0] * size[1])


def bounded(places: Sequence[Place | None], size: Sequence[int], reference: int) -> list[Place | None]:
    """Return the places without those that would make a plate larger than LARGEST; the nearest in time stay."""
    kept: list[Place | None] = [None] * len(places)
    for number in sorted(range(len(places)), key=lambda number: abs(number - reference)):
        place = places[number]
        if place is not None and area(spanned([*filter_none(kept), place], size), size) <= LARGEST:
            kept[number] = place
    return kept


def filter_none(places: Sequence[Place | None]) -> list[Place]:
    """Return the places that are known."""
    return [place for place in places if place is not None]


def magnification(place: Place) -> float:
    """Return how many pixels of a frame one of the reference becomes, along a side."""
    return float(np.sqrt(abs(np.linalg.det(place[:2, :2]))))


def laid_out(places: Sequence[Place | None], size: Sequence[int]) -> tuple[list[Place | None], tuple[int, int]]:
    """Return the places from a plate that all frames lie on, and its (height, width).

    The plate is as fine as the frame nearest to the scene, as far as LARGEST allows; without a zoom its pixels are
    those of the reference.
    """
    known = filter_none(places)
    span = spanned(known, size)
    finest = max(magnification(place) for place in known)
    finest = min(finest, (LARGEST / area(span, size)) ** 0.5) if finest > 1 + 2 * STILL / min(size) else 1.0
    left, top = np.floor(span[:2] + STILL)
    right, bottom = np.ceil(span[2:] - STILL)
    shape = (round((bottom - top + 1) * finest), round((right - left + 1) * finest))
    into = np.array([[1 / finest, 0, left], [0, 1 / finest, top], [0, 0, 1]])
    return [None if place is None else place @ into for place in places], shape


def chosen_frames(
    clear: Mapping[int, Mask], places: Sequence[Place | None], shape: tuple[int, int], size: tuple[int, int]
) -> list[int]:
    """Return the numbers of the frames that a plate of (height, width) `shape` is made of, in order.

    They show each part of it often enough, as far as there are frames for it, and half of them are spread over the
    shot. `clear` says where small pictures of frames, of `size`, show background.
    """
    import cv2

    small = next(iter(clear.values())).shape
    on_plate = (round(shape[0] * small[0] / size[0]), round(shape[1] * small[1] / size[1]))
    onto, part = resized(on_plate, shape), resized(size, small)
    views = {n: warped(clear[n].astype(np.uint8), part @ place @ onto, on_plate, cv2.INTER_NEAREST)
             for n, place in enumerate(places) if place is not None}  # fmt: skip
    most = max(FEWEST, min(MOST_FRAMES, MOST_BYTES // (4 * size[0] * size[1])))
    if len(views) <= most:
        return [*views]
    spread = {[*views][(2 * k + 1) * len(views) // most] for k in range(most // 2)}
    shown = np.sum([views[number] for number in spread], axis=0)
    chosen = set(spread)
    while len(chosen) < most:
        lacking = np.maximum(ENOUGH - shown, 0)
        best = max((n for n in views if n not in chosen), key=lambda n: int((lacking * views[n]).sum()))
        chosen.add(best)
        shown = shown + views[best]
    return sorted(chosen)


def masked_median(stack: NDArray[np.uint8], clear: Mask) -> tuple[NDArray[np.uint8], Mask]:
    """Return the median over frames where they are clear, and where any is.

    `stack` is (N, H, W, 3), `clear` (N, H, W). Where none is, pixels are 0. Of an even number it is the mean of the two
    in the middle, rounded up at a half.
    """
    ordered = np.sort(np.where(clear[..., None], stack, 255), axis=0)  # what is hidden comes last
    count = clear.sum(axis=0)
    middle = np.stack([np.maximum(count - 1, 0) // 2, count // 2])
    middle = np.minimum(middle, len(stack) - 1)[..., None]
    low, high = np.take_along_axis(ordered, middle, axis=0)
    median = ((low.astype(np.uint16) + high + 1) // 2).astype(np.uint8)
    return median * (count > 0)[..., None], count > 0


def make_plate(frames: Sequence[Shown]) -> Plate | None:
    """Return the background of a shot from its frames, in order of time; None if they show none.

    Each is read by its number, a few times, and no more than MOST_BYTES of them are held: the sequence may read them
    from disk. A frame whose background cannot be brought onto the plane of most others has no place.
    """
    clear: dict[int, Mask] = {}
    size = (0, 0)

    def read(number: int) -> Looked:
        nonlocal size
        pixels, hidden = frames[number]
        found = looked(pixels, grown(hidden))
        clear[number], size = found.small_clear, (pixels.shape[0], pixels.shape[1])
        return found

    best: list[Place | None] = []
    reference = most = 0
    for candidate in dict.fromkeys(int(part * len(frames)) for part in REFERENCES if frames):
        found = register(read, len(frames), candidate)
        fit = sum(place is not None and bool(clear[number].any()) for number, place in enumerate(found))
        if fit > most:
            best, reference, most = found, candidate, fit
        if 2 * most >= len(frames):
            break
    if not best:
        return None
    places, shape = laid_out(bounded(best, size, reference), size)
    used = chosen_frames(clear, places, shape, size)
    held = [(pixels, hidden, place) for number in used if (place := places[number]) is not None
            for pixels, hidden in [frames[number]]]  # fmt: skip
    pixels, seen = put_together(held, shape)
    return Plate(pixels, seen, tuple(places), size, tuple(used)) if seen.any() else None


def put_together(frames: Sequence[tuple[Pixels, Mask, Place]], shape: tuple[int, int]) -> tuple[Pixels, Mask]:
    """Return the masked median of frames brought onto a plate of (height, width) `shape`, and where any shows it."""
    import cv2

    plate, seen = np.zeros((*shape, 3), np.uint8), np.zeros(shape, bool)
    masks = [np.where(grown(hidden), 0, 255).astype(np.uint8) for _, hidden, _ in frames]
    for top in range(0, shape[0], ROWS):
        size = (min(ROWS, shape[0] - top), shape[1])
        stack, clear = np.empty((len(frames), *size, 3), np.uint8), np.empty((len(frames), *size), bool)
        for number, (pixels, _, place) in enumerate(frames):
            how = (cv2.INTER_NEAREST, cv2.INTER_NEAREST) if is_whole(place) else (cv2.INTER_CUBIC, cv2.INTER_LINEAR)
            stack[number] = warped(pixels, place, size, how[0], top)
            clear[number] = warped(masks[number], place, size, how[1], top) == 255
        plate[top : top + ROWS], seen[top : top + ROWS] = masked_median(stack, clear)
    return plate, seen


def view_of(plate: Plate, number: int) -> Shown | None:
    """Return what a plate shows in the view of one of its frames, and where that is invented; None without a place."""
    import cv2

    place = plate.places[number]
    if place is None:
        return None
    back: Place = np.linalg.inv(place).astype(np.float64)
    if is_whole(place):
        seen = warped(plate.seen.astype(np.uint8), back, plate.size, cv2.INTER_NEAREST)
        return np.asarray(warped(plate.pixels, back, plate.size, cv2.INTER_NEAREST), np.uint8), seen == 0
    safe = cv2.erode(plate.seen.astype(np.uint8) * 255, np.ones((3, 3), np.uint8))  # a cubic mixes what is beside
    seen = warped(np.asarray(safe), back, plate.size, cv2.INTER_LINEAR, border=cv2.BORDER_REPLICATE)
    pixels = warped(plate.pixels, back, plate.size, cv2.INTER_CUBIC, border=cv2.BORDER_REPLICATE)
    return np.asarray(pixels, np.uint8), seen < 255
