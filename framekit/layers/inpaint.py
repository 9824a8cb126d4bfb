"""Parts of a background that no frame shows, invented: copied from elsewhere in it, or by a model.

    fill = load_fill("texture")
    whole = fill(plate.pixels, ~plate.seen)
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framekit.pixels.decode import Pixels

Mask = NDArray[np.bool_]  # (H, W)
Fill = Callable[[Pixels, Mask], Pixels]
Floats = NDArray[np.float32]
Numbers = NDArray[np.intp]

REACH = 3  # px around its centre that a patch reaches: 7 x 7; chosen
LEVELS = ((120, 12), (240, 6), (480, 3))  # px, longest side of a level, and its rounds; chosen by eye
PASSES = 2  # of the search in each round; chosen
NOISE = 9.0  # squared grey levels a value: patches as alike as this count as equal; chosen
FAR = 0.5  # of the longest side: how far away a source counts as twice as different; chosen by eye
TONE = 3.0  # px of the finest level, blur of the tone that copies take on; chosen


def texture(pixels: Pixels, holes: Mask) -> Pixels:
    """Return pixels with their holes filled by pieces of the rest, at full size, so that no texture is smeared.

    Each hole is seen from coarse to fine; at each level patches look for the most similar ones outside, and vote.
    Source: Wexler, Shechtman and Irani 2007; the search: Barnes and others 2009.
    """
    import cv2

    if not holes.any() or holes.all():
        return pixels.copy()
    generator = np.random.default_rng(0)
    level: Level | None = None
    for side, rounds in LEVELS:
        size = size_of(pixels.shape, side)
        small, gaps = shrunk(pixels, holes, size)
        level = first_level(small, gaps) if level is None else next_level(level, small, gaps)
        for _ in range(rounds):
            level.search(generator)
            level.vote()
    assert level is not None
    return copied(pixels, holes, level)


def size_of(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Return the (height, width) of a picture whose longest side is at most `side`."""
    part = min(1.0, side / max(shape[:2]))
    return max(2 * REACH + 1, round(shape[0] * part)), max(2 * REACH + 1, round(shape[1] * part))


def shrunk(pixels: Pixels, holes: Mask, size: tuple[int, int]) -> tuple[Floats, Mask]:
    """Return a small picture of what is outside holes, and its holes: all that touch one."""
    import cv2

    known = cv2.resize((~holes).astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    shown = np.where(holes[..., None], 0, pixels).astype(np.float32)
    small = cv2.resize(shown, size[::-1], interpolation=cv2.INTER_AREA) / np.maximum(known, 1e-3)[..., None]
    return np.asarray(small, np.float32), np.asarray(known) < 0.5


def patches(picture: Floats) -> Floats:
    """Return the patch around each pixel, (H * W, 7 * 7 * C), edges repeated."""
    padded = np.pad(picture, ((REACH, REACH), (REACH, REACH), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * REACH + 1, 2 * REACH + 1), axis=(0, 1))
    return np.ascontiguousarray(windows.transpose(0, 1, 3, 4, 2)).reshape(picture.shape[0] * picture.shape[1], -1)


class Level:
    """A picture at one size: its holes, and for each pixel near one the place of a similar patch outside of them."""

    def __init__(self, picture: Floats, holes: Mask) -> None:
        import cv2

        self.picture, self.holes = picture, holes
        self.shape = holes.shape
        kernel = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
        near = cv2.dilate(holes.astype(np.uint8), kernel) > 0
        inner = np.zeros(self.shape, bool)
        inner[REACH : self.shape[0] - REACH, REACH : self.shape[1] - REACH] = True
        self.sources = ~np.asarray(near) & inner
        if not self.sources.any():
            self.sources = ~holes
        self.at = np.stack(np.nonzero(near), axis=1)  # (N, 2) rows and columns
        self.number = np.full(self.shape, -1)
        self.number[near] = np.arange(len(self.at))
        self.found = np.zeros_like(self.at)
        self.cost = np.full(len(self.at), np.inf, np.float32)
        inside = cv2.distanceTransform(holes.astype(np.uint8), cv2.DIST_L2, 5)
        self.trust = (1.3 ** -np.asarray(inside))[near].astype(np.float32)  # Source: Wexler and others, gamma

    def flat(self, at: Numbers) -> Numbers:
        return at[:, 0] * self.shape[1] + at[:, 1]

    def offer(self, held: Floats, wanted: Floats, which: Numbers, offered: Numbers) -> None:
        """Take the offered places for those of the numbers `which` that they fit better."""
        rows, columns = offered[:, 0], offered[:, 1]
        valid = (rows >= 0) & (columns >= 0) & (rows < self.shape[0]) & (columns < self.shape[1])
        valid[valid] = self.sources[rows[valid], columns[valid]]
        which, offered = which[valid], offered[valid]
        off = held[self.flat(offered)]
        off -= wanted[which]
        cost = np.einsum("ij,ij->i", off, off)
        better = cost < self.cost[which]
        self.found[which[better]], self.cost[which[better]] = offered[better], cost[better]

    def search(self, generator: np.random.Generator) -> None:
        """Look for better places: those of neighbours moved along, and random ones around the own, nearer and nearer."""
        held = patches(self.picture)
        wanted = held[self.flat(self.at)]
        off = held[self.flat(self.found)] - wanted
        self.cost = np.einsum("ij,ij->i", off, off)
        every = np.arange(len(self.at))
        for turn in range(PASSES):
            for step in (4, 1):
                for move in ((0, step), (step, 0), (0, -step), (-step, 0)):
                    beside = self.at + move
                    inside = ((beside >= 0) & (beside < self.shape)).all(axis=1)
                    number = np.full(len(beside), -1)
                    number[inside] = self.number[beside[inside, 0], beside[inside, 1]]
                    which = every[number >= 0]
                    self.offer(held, wanted, which, self.found[number[which]] - move)
            reach = max(self.shape) // 2
            while reach >= 1:
                around = self.found + generator.integers(-reach, reach + 1, self.found.shape)
                self.offer(held, wanted, every, around)
                reach //= 3

    def vote(self) -> None:
        """Paint the holes with what the patches that cover each of their pixels say."""
        size = 2 * REACH
        total = np.zeros((self.shape[0] + size, self.shape[1] + size, 3), np.float32)
        weight = np.zeros(total.shape[:2], np.float32)
        spread = max(1.0, float(np.percentile(self.cost, 75)))
        sure = np.maximum(np.exp(-self.cost / (2 * spread)), 1e-6) * self.trust
        for row in range(-REACH, REACH + 1):
            for column in range(-REACH, REACH + 1):
                there = np.clip(self.found + (row, column), 0, np.array(self.shape) - 1)
                colour = self.picture[there[:, 0], there[:, 1]]
                at = (self.at[:, 0] + row + REACH, self.at[:, 1] + column + REACH)
                total[at] += colour * sure[:, None]
                weight[at] += sure
        cut = slice(REACH, -REACH)
        voted = total[cut, cut] / np.maximum(weight[cut, cut], 1e-9)[..., None]
        self.picture = np.where(self.holes[..., None], voted, self.picture)


def first_level(picture: Floats, holes: Mask) -> Level:
    """Return the coarsest level, its holes filled from their edges inward by the most similar patches of all.

    Where much is known and lines lead into the hole, it is filled first. Source: Criminisi, Perez and Toyama 2004.
    """
    import cv2

    level = Level(picture.copy(), holes)
    sources = np.argwhere(level.sources)
    known, sure = ~holes, (~holes).astype(np.float32)
    held = patches(level.picture)[level.flat(sources)]
    squares = held**2
    while not known.all():
        front = ~known & (cv2.dilate(known.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
        ring = np.argwhere(front)
        here = patches(np.where(known[..., None], level.picture, 0))[level.flat(ring)]
        weights = patches(np.repeat(known[..., None], 3, axis=2).astype(np.float32))[level.flat(ring)]
        count = weights.sum(axis=1)
        spread = np.sqrt((here**2).sum(axis=1) / count - (here.sum(axis=1) / count) ** 2 + 1)
        confidence = cv2.boxFilter(sure * known, -1, (2 * REACH + 1, 2 * REACH + 1))[front]
        first = np.argsort(-confidence * spread)[: max(4, len(ring) // 4)]
        ring, confidence = ring[first], confidence[first]
        cost = weights[first] @ squares.T - 2 * (here[first] @ held.T) + (here[first] ** 2).sum(axis=1)[:, None]
        away = np.sqrt(((ring[:, None, :] - sources) ** 2).sum(axis=2))
        best = sources[np.argmin((cost + NOISE * count[first, None]) * (1 + away / (FAR * max(level.shape))), axis=1)]
        for row in (-1, 0, 1):
            for column in (-1, 0, 1):
                at, there = ring + (row, column), best + (row, column)
                inside = ((at >= 0) & (at < level.shape) & (there >= 0) & (there < level.shape)).all(axis=1)
                at, there = at[inside], there[inside]
                new = ~known[at[:, 0], at[:, 1]] & level.sources[best[inside, 0], best[inside, 1]]
                at, there = at[new], there[new]
                level.picture[at[:, 0], at[:, 1]] = level.picture[there[:, 0], there[:, 1]]
                sure[at[:, 0], at[:, 1]] = confidence[inside][new]
                level.found[level.number[at[:, 0], at[:, 1]]] = there
                known[at[:, 0], at[:, 1]] = True
    edge = np.argwhere(~holes & (level.number >= 0))
    level.found[level.number[edge[:, 0], edge[:, 1]]] = sources[0]
    return level


def next_level(coarse: Level, picture: Floats, holes: Mask) -> Level:
    """Return a finer level, whose patches begin where those of the coarser one ended."""
    level = Level(picture, holes)
    part = np.array(level.shape) / np.array(coarse.shape)
    below = np.minimum((level.at / part).astype(int), np.array(coarse.shape) - 1)
    number = coarse.number[below[:, 0], below[:, 1]]
    away = np.where(number[:, None] >= 0, coarse.found[number] - coarse.at[number], 0)
    level.found = level.at + np.round(away * part).astype(int)
    level.found = nearest_source(level, level.found)
    level.cost = np.full(len(level.at), 1.0, np.float32)
    level.vote()
    return level


def nearest_source(level: Level, found: Numbers) -> Numbers:
    """Return places moved to the nearest one whose patch is outside of holes."""
    import cv2

    found = np.clip(found, 0, np.array(level.shape) - 1)
    _, labels = cv2.distanceTransformWithLabels(
        (~level.sources).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    homes = np.zeros((int(labels.max()) + 1, 2), int)
    homes[labels[level.sources]] = np.argwhere(level.sources)
    return homes[labels[found[:, 0], found[:, 1]]]


def copied(pixels: Pixels, holes: Mask, level: Level) -> Pixels:
    """Return pixels with holes filled from where the finest level says, at full size, and its tone."""
    import cv2

    part = np.array(holes.shape) / np.array(level.shape)
    at = np.argwhere(holes)
    below = np.minimum((at / part).astype(int), np.array(level.shape) - 1)
    number = level.number[below[:, 0], below[:, 1]]
    away = level.found[number] - level.at[number]
    there = np.clip(at + np.round(away * part).astype(int), 0, np.array(holes.shape) - 1)
    whole = pixels.copy()
    whole[holes] = pixels[there[:, 0], there[:, 1]]
    small = cv2.resize(whole.astype(np.float32), level.shape[::-1], interpolation=cv2.INTER_AREA)
    off = np.where(level.holes[..., None], level.picture - small, 0)
    tone = cv2.resize(cv2.GaussianBlur(off, (0, 0), TONE), holes.shape[::-1], interpolation=cv2.INTER_LINEAR)
    toned = np.clip(np.round(whole + np.asarray(tone)), 0, 255).astype(np.uint8)
    return np.where(holes[..., None], toned, pixels)
