"""Parts of a background that no frame shows, invented: copied from elsewhere in it, or by a model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framekit.errors import UsageError
from framekit.models.hub import HubModel, Known, locate
from framekit.models.onnx import open_session
from framekit.pixels.decode import Pixels
from framekit.pixels.register import Mask

Fill = Callable[[Pixels, Mask], Pixels]
Floats = NDArray[np.float32]
Numbers = NDArray[np.intp]

LAMA = "lama_fp32.onnx"
FILLS = Known({"lama": HubModel("Carve/LaMa-ONNX", licence="Apache-2.0")}, ("texture",), "--fill")
LAMA_SIDE = 512  # px, where the model leaves it open
AROUND = 2.0  # side of what a model sees, in sides of the box around a hole; chosen
NEAR = 0.03  # of the height: holes so near to each other are one to a model; chosen
REACH = 3  # px around its centre that a patch reaches: 7 x 7; chosen
LEVELS = ((68, 12), (135, 6), (270, 3))  # px, shorter side of a level, and its rounds; chosen by eye
PASSES = 2  # of the search in each round; chosen
NOISE = 9.0  # squared grey levels a value: patches as alike as this count as equal; chosen
FAR = 0.5  # of the longest side: how far away a source counts as twice as different; chosen by eye
UPRIGHT = 3.0  # what is as far above or below counts as so much farther: floors and skies run across; chosen by eye
DEEP = 50.0  # px inside a hole from which all is trusted alike, or nothing would count any more; chosen
ALL = 1 - 1e-4  # of a pixel that must be known where none of it may be invented
NARROW = 20  # times as long as wide: a picture beyond has no room for patches, and takes what is nearest; chosen
TONE = 3.0  # px of the finest level, blur of the tone that copies take on; chosen


def texture(pixels: Pixels, holes: Mask) -> Pixels:
    """Return pixels with their holes filled by pieces of the rest, at full size, so that no texture is smeared.

    Each hole is seen from coarse to fine; at each level patches look for the most similar ones outside, and vote.
    Source: Wexler, Shechtman and Irani 2007; the search: Barnes and others 2009.
    """
    if not holes.any() or holes.all():
        return np.array(pixels)
    if max(holes.shape) > NARROW * min(holes.shape):
        from scipy.ndimage import distance_transform_edt

        rows, columns = distance_transform_edt(holes, return_distances=False, return_indices=True)
        return np.asarray(pixels[rows, columns])
    generator = np.random.default_rng(0)
    level: Level | None = None
    for side, rounds in LEVELS:
        size = size_of(pixels.shape, side)
        small, gaps = shrunk(pixels, holes, size, ALL if side == LEVELS[-1][0] else 0.5)
        if not gaps.any():  # holes of a few pixels
            small, gaps = shrunk(pixels, holes, size, ALL)
        if not sources_of(gaps).any():
            level = None
            continue
        level = first_level(small, gaps) if level is None else next_level(level, small, gaps)
        for _ in range(rounds):
            level.search(generator)
            level.vote()
    if level is None:
        return spread_in(pixels, holes)
    return copied(pixels, holes, level)


def spread_in(pixels: Pixels, holes: Mask) -> Pixels:
    """Return pixels with holes of a few pixels filled with what is around them."""
    import cv2

    return np.asarray(cv2.inpaint(pixels, holes.astype(np.uint8), 3, cv2.INPAINT_TELEA), np.uint8)


def size_of(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Return the (height, width) of a picture whose shorter side is at most `side`."""
    part = min(1.0, side / min(shape[:2]))
    return max(2 * REACH + 1, round(shape[0] * part)), max(2 * REACH + 1, round(shape[1] * part))


def shrunk(pixels: Pixels, holes: Mask, size: tuple[int, int], least: float) -> tuple[Floats, Mask]:
    """Return a small picture of what is outside holes, and its holes: pixels of which less than `least` is known."""
    import cv2

    known = cv2.resize((~holes).astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    shown = np.where(holes[..., None], 0, pixels).astype(np.float32)
    small = cv2.resize(shown, size[::-1], interpolation=cv2.INTER_AREA) / np.maximum(known, 1e-3)[..., None]
    return np.asarray(small, np.float32), np.asarray(known) < least


def patches(picture: Floats) -> Floats:
    """Return the patch around each pixel, (H * W, 7 * 7 * C), edges repeated."""
    padded = np.pad(picture, ((REACH, REACH), (REACH, REACH), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * REACH + 1, 2 * REACH + 1), axis=(0, 1))
    return np.ascontiguousarray(windows.transpose(0, 1, 3, 4, 2)).reshape(picture.shape[0] * picture.shape[1], -1)


def near_to(holes: Mask) -> Mask:
    """Return where patches reach into holes."""
    import cv2

    return np.asarray(cv2.dilate(holes.astype(np.uint8), np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)), bool)


def sources_of(holes: Mask) -> Mask:
    """Return where whole patches are known."""
    inner = np.zeros(holes.shape, bool)
    inner[REACH : holes.shape[0] - REACH, REACH : holes.shape[1] - REACH] = True
    return inner & ~near_to(holes)


class Level:
    """A picture at one size: its holes, and for each pixel near one the place of a similar patch outside of them."""

    def __init__(self, picture: Floats, holes: Mask) -> None:
        """Nothing is found yet."""
        import cv2

        self.picture, self.holes = picture, holes
        self.shape = holes.shape
        near = near_to(holes)
        self.sources = sources_of(holes)
        self.at = np.stack(np.nonzero(near), axis=1)  # (N, 2) rows and columns
        self.number = np.full(self.shape, -1)
        self.number[near] = np.arange(len(self.at))
        self.found = np.zeros_like(self.at)
        self.cost = np.full(len(self.at), np.inf, np.float32)
        inside = cv2.distanceTransform(holes.astype(np.uint8), cv2.DIST_L2, 5)
        trust = 1.3 ** -np.minimum(np.asarray(inside), DEEP)  # Source: Wexler and others, gamma
        self.trust = trust[near].astype(np.float32)

    def flat(self, at: Numbers) -> Numbers:
        """Return the numbers of pixels in one row after the other."""
        return np.asarray(at[:, 0] * self.shape[1] + at[:, 1])

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
        """Look for better places: those of neighbours moved along, and random ones, nearer and nearer to the own."""
        held = patches(self.picture)
        wanted = held[self.flat(self.at)]
        off = held[self.flat(self.found)] - wanted
        self.cost = np.einsum("ij,ij->i", off, off)
        every = np.arange(len(self.at))
        for _ in range(PASSES):
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
        voted = total[cut, cut] / np.maximum(weight[cut, cut], 1e-20)[..., None]
        self.picture = np.where(self.holes[..., None], voted, self.picture)


def first_level(picture: Floats, holes: Mask) -> Level:
    """Return the coarsest level, its holes filled from their edges inward by the most similar patches of all.

    Where much is known and lines lead into the hole, it is filled first. Source: Criminisi, Perez, Toyama 2004.
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
        away = np.sqrt((((ring[:, None, :] - sources) * (UPRIGHT, 1)) ** 2).sum(axis=2))
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
    return np.asarray(homes[labels[found[:, 0], found[:, 1]]])


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
    whole[at[:, 0], at[:, 1]] = pixels[there[:, 0], there[:, 1]]
    small = cv2.resize(whole.astype(np.float32), level.shape[::-1], interpolation=cv2.INTER_AREA)
    off = np.where(level.holes[..., None], level.picture - small, 0)
    tone = cv2.resize(cv2.GaussianBlur(off, (0, 0), TONE), holes.shape[::-1], interpolation=cv2.INTER_LINEAR)
    toned = np.clip(np.round(whole + np.asarray(tone)), 0, 255).astype(np.uint8)
    return np.where(holes[..., None], toned, pixels)


def load_fill(name: str, device: str = "auto") -> Fill:
    """Return the function that fills holes: `texture`, which needs no download, `lama`, or an ONNX file of its layout.

    That takes the image, (1, 3, side, side) from 0 to 1, and the mask, (1, 1, side, side) with 1 in holes. Raises
    UsageError if the model is unavailable or of another layout.
    """
    return texture if name == "texture" else load_lama(locate(name, FILLS, [LAMA])[LAMA], device)


def load_lama(path: Path, device: str) -> Fill:
    """Open a model as `load_fill` describes it. Raises UsageError for another one."""
    import cv2

    session = open_session(path, device)
    by_depth = {one.shape[1]: one for one in session.get_inputs() if len(one.shape) == 4}
    if {*by_depth} != {1, 3}:
        raise UsageError(
            f"{path} fills no holes: its inputs must be an image (1, 3, H, W) and a mask (1, 1, H, W);"
            " use texture, which needs none, or another file"
        )
    sides = by_depth[3].shape[2:]
    height, width = (side if isinstance(side, int) else LAMA_SIDE for side in sides)

    def painted(pixels: Pixels, holes: Mask) -> Pixels:
        """Return what the model makes of a part of a picture, in its size."""
        image = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        mask = (cv2.resize(holes.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0)[None, None]
        given = np.ascontiguousarray(image.transpose(2, 0, 1))[None]
        fed = {by_depth[3].name: given, by_depth[1].name: mask.astype(np.float32)}
        made = np.asarray(session.run(None, fed)[0], np.float32)[0]
        known = ~np.broadcast_to(mask[0], made.shape)
        off = [np.abs(made[known] / unit - given[0][known]).sum() for unit in (255, 1)]
        shown = np.clip(made.transpose(1, 2, 0) * (255 if off[1] < off[0] else 1), 0, 255)  # some exports give 0 to 1
        whole = cv2.resize(shown, pixels.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        return np.asarray(np.clip(np.round(whole), 0, 255), np.uint8)

    def fill(pixels: Pixels, holes: Mask) -> Pixels:
        filled, left = np.array(pixels), holes.copy()
        for own in apart(holes):
            part = around(own, holes.shape)
            filled[part] = np.where(own[part][..., None], painted(filled[part], left[part]), filled[part])
            left &= ~own
        return filled

    return fill


def apart(holes: Mask) -> list[Mask]:
    """Return the holes one by one, those near to each other as one, the largest last."""
    import cv2

    reach = max(1, round(NEAR * holes.shape[0]))
    merged = cv2.dilate(holes.astype(np.uint8), np.ones((reach, reach), np.uint8))
    count, labels = cv2.connectedComponents(merged)
    found = [holes & (labels == label) for label in range(1, count)]
    return sorted(found, key=lambda one: int(one.sum()))


def around(hole: Mask, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns of what a model sees of a hole: a square AROUND its box, as far as there is one."""
    at = np.argwhere(hole)
    low, high = at.min(axis=0), at.max(axis=0) + 1
    side = max(LAMA_SIDE, round(AROUND * int((high - low).max())))
    cuts = []
    for begin, end, length in zip(low, high, shape, strict=False):
        start = max(0, min((int(begin) + int(end) - side) // 2, length - side))
        cuts.append(slice(start, min(length, start + side)))
    return cuts[0], cuts[1]
