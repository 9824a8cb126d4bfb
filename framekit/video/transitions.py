"""Where one picture turns into another by and by: crossfades, fades and the ends of flashes.

Each frame of a crossfade is a mixture of the picture before and the one after: it lies on the line between them, and
its contrast is lower than theirs as that of a sum of two independent pictures is. A moving picture does neither: on
three composed shows windows of motion have 0 to 0.3 of that loss of contrast, crossfades 0.95 to 1.03.
Source of the loss of contrast as a measure: A. M. Alattar, "Detecting and compressing dissolve regions in video
sequences with a DVI multimedia image compression algorithm", ISCAS 1993.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framekit.video.small import PER_CENT, Numbers, SmallFrames, Values

SHORTEST, GROWTH = 4, 1.2  # frames of the shortest window; each is so many times as long as the one before
MIXED = (0.06, 0.94)  # share of the picture after in a frame that counts as mixed
FEWEST_MIXED = 2  # frames; one alone comes of cuts in videos whose rate was converted
LARGEST_STEP, STEP_BACK = 0.5, 0.1  # of the way, from a frame to the next
OFF_THE_LINE = 0.35  # of the way; pictures that move while they are mixed reach 0.31, a wing before the sky 0.38
# Of the contrast that a mixture of independent pictures loses; fades of moving pictures have 0.73 and more.
LOSS, LOSS_OF_FADES = 0.8, 0.5
ALMOST = 0.02  # of the way that counts as not left yet, or as arrived
NEARLY_WHOLE = 0.97  # of the largest change: the shortest window that has it is the transition
ONE_PICTURE = 0.9  # correlation from which two frames show the same
ABSOLUTE = 0.8  # mean absolute over root mean square difference of two pictures, 0.75 to 0.85 on composed shows
PART = 8192  # windows that are looked at together


@dataclass(frozen=True)
class Transition:
    """The last frame of the picture before, the first of the one after, how much changes between them, 0 to 100."""

    start: int
    end: int
    change: float


@dataclass(frozen=True)
class Windows:
    """Windows of one length by their first frames, which pass for transitions.

    `way` holds how far each frame of a window is on the way from its first to its last one, (frames, windows);
    `distance` how far these are apart, in grey levels.
    """

    firsts: Numbers
    distance: Values
    way: Values


def lengths(reach: int) -> list[int]:
    """Return the distances from the first to the last frame of windows."""
    found, length = [], float(SHORTEST)
    while round(length) <= reach:
        found.append(round(length))
        length *= GROWTH
    return sorted({*found, reach})


def passing(small: SmallFrames, firsts: Numbers, length: int, least: float) -> Windows:
    """Return the windows in which one picture turns into another that differs by at least `least` grey levels."""
    lasts = firsts + length
    own, to_last = small.product(firsts, firsts), small.product(firsts, lasts)
    square = np.maximum(own + small.product(lasts, lasts) - 2 * to_last, 1e-6)
    far = square >= least * least
    firsts, lasts, own, to_last, square = firsts[far], lasts[far], own[far], to_last[far], square[far]
    if not len(firsts):
        return Windows(firsts, square, np.empty((length + 1, 0), np.float32))
    here = firsts + np.arange(length + 1)[:, None]
    to_first = small.product(here, firsts)
    way = (small.product(here, lasts) - to_first - to_last + own) / square
    off = np.sqrt(np.maximum(small.product(here, here) + own - 2 * to_first - way * way * square, 0) / square)
    steps = np.diff(way, axis=0)
    mixed = ((way > MIXED[0]) & (way < MIXED[1])).sum(axis=0)
    right = (mixed >= FEWEST_MIXED) & (steps.max(axis=0) <= LARGEST_STEP) & (steps.min(axis=0) >= -STEP_BACK)
    right &= off.max(axis=0) <= OFF_THE_LINE
    right[right] = loses_contrast(small, firsts[right], lasts[right], way[:, right])
    return Windows(firsts[right], np.sqrt(square[right]), way[:, right])


def loses_contrast(small: SmallFrames, firsts: Numbers, lasts: Numbers, way: Values) -> NDArray[np.bool_]:
    """Tell of windows, from their first to their last frames, whether contrast is lower on the way as in mixtures."""
    before, after = small.covariance(firsts, firsts), small.covariance(lasts, lasts)
    both = before + after - 2 * small.covariance(firsts, lasts)
    here = firsts + np.arange(len(way))[:, None]
    share = np.clip(way, 0, 1)
    lost = ((1 - share) * before + share * after - small.covariance(here, here)).sum(axis=0)
    expected = (share * (1 - share) * both).sum(axis=0)
    least = np.where(small.are_plain(firsts) | small.are_plain(lasts), LOSS_OF_FADES, LOSS)
    return np.asarray(lost >= least * np.maximum(expected, 1.0))


def all_passing(small: SmallFrames, first: int, last: int, least: float) -> Iterator[Windows]:
    """Yield the windows among the frames from `first` to `last` that pass, length by length."""
    for length in lengths(small.reach):
        for start in range(first, last + 1 - length, PART):
            yield passing(small, np.arange(start, min(start + PART, last + 1 - length)), length, least)


def transitions(small: SmallFrames, first: int, last: int, least: float) -> list[Transition]:
    """Return the gradual transitions among the frames from `first` to `last`, in order, that change at least `least`.

    `least` is 0 to 100. Of windows that overlap, the one with the largest change counts.
    """
    found = list(all_passing(small, first, last, least * PER_CENT / ABSOLUTE))
    distance = np.concatenate([one.distance for one in found]) if found else np.empty(0, np.float32)
    if not len(distance):
        return []
    firsts = np.concatenate([one.firsts for one in found])
    lasts = np.concatenate([one.firsts + len(one.way) - 1 for one in found])
    ways = [way for one in found for way in one.way.T]
    left = np.ones(len(distance), bool)
    chosen = []
    while left.any():
        best = int(np.argmax(np.where(left, distance, 0)))
        shortest = best
        if not (small.are_plain(np.array([firsts[best], lasts[best]])).any()):
            beside = (
                left & (firsts < lasts[best]) & (lasts > firsts[best]) & (distance >= NEARLY_WHOLE * distance[best])
            )
            shortest = int(np.argmin(np.where(beside, lasts - firsts, small.reach + 1)))
        way = ways[shortest]
        start = int(firsts[shortest] + np.flatnonzero(way <= ALMOST).max(initial=0))
        end = int(firsts[shortest] + np.flatnonzero(way >= 1 - ALMOST).min())
        chosen.append(Transition(start, end, float(distance[shortest]) * ABSOLUTE / PER_CENT))
        left &= (firsts >= max(end, lasts[shortest])) | (lasts <= min(start, firsts[shortest]))
        left[[best, shortest]] = False
    return sorted(chosen, key=lambda one: one.start)


def is_one_picture(small: SmallFrames, one: Transition) -> bool:
    """Tell whether only the light changes: the picture is the same before and after."""
    first, last = np.array([one.start]), np.array([one.end])
    shared = float(small.covariance(first, last)[0])
    return shared >= ONE_PICTURE * small.contrast(one.start) * small.contrast(one.end) > 0
