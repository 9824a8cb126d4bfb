"""Figures of a frame, each apart: what is likely a figure is cut out along its edges and shared among the faces."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framekit.boxes import Face
from framekit.figures.features import Map, Mask, Places, bars_of, lab_of, places_of, ways_from
from framekit.pixels.decode import Pixels

LONGER_SIDE = 640  # px at which borders are found; chosen: the matting moves them to the pixel
# Likelihoods from which a place is held for a figure, may be one, and is held for background. Chosen, with the next, on
# composed frames of characters whom the trees had not seen; others between .75 and .95 change .005.
SURE, LIKELY, UNLIKELY = 0.8, 0.4, 0.1
# Of learning colours and cutting: from faces alone, and from a likelihood. Chosen: more change nothing that is seen.
ROUNDS, LAST_ROUNDS = 4, 2
# Parts of a figure that do not hang on its head, such as wings, stay from this share of the part with the head on, and
# from this mean likelihood; up to the third, only within ISLAND_WAY lengths of a head. Chosen on characters that the
# trees had not seen: without all this IoU is .001 higher, with specks all over a bookcase.
LEAST_ISLAND, SURE_ISLAND, LARGE_ISLAND, ISLAND_WAY = 0.01, 0.6, 0.05, 0.1
HOLE = 0.002  # of a figure's area: smaller holes are closed; chosen
NEAR_COST = 12.0  # what a distance of one length of a face costs, in colour differences, where figures are shared out
Labels = NDArray[np.uint8]


def figures_apart(pixels: Pixels, likely: Map, heads: Sequence[Face]) -> Labels:
    """Return the figures of a frame as labels, 1 for that of the first head, 2 for the next …; 0 for background.

    `likely` is of any size; without heads there are none.
    """
    shape = (pixels.shape[0], pixels.shape[1])
    if not heads:
        return np.zeros(shape, dtype=np.uint8)
    shared = share_out(pixels, cut_figures(pixels, likely, places_of(heads, shape)), heads)
    return cleaned(shared, likely, [places_of([head], shape).sure for head in heads])


def graph_cut(pixels: Pixels, places: Places, bars: Mask) -> Mask:
    """Return the figures of a frame from its faces alone: (H, W)."""
    import cv2

    hints = np.full(bars.shape, cv2.GC_PR_BGD, dtype=np.uint8)
    hints[~places.reach] = cv2.GC_BGD
    hints[places.body] = cv2.GC_PR_FGD
    hints[places.sure] = cv2.GC_FGD
    hints[bars] = cv2.GC_BGD
    return cut_from(pixels, hints, ROUNDS)


def cut_from(pixels: Pixels, hints: NDArray[np.uint8], rounds: int) -> Mask:
    """Return the figures of a frame from OpenCV's hints, which are changed: (H, W)."""
    import cv2

    is_ground = np.isin(hints, (cv2.GC_BGD, cv2.GC_PR_BGD))
    if is_ground.all() or not is_ground.any():
        return ~is_ground
    cv2.setRNGSeed(1)  # its clusters of colours begin at random
    figure, ground = np.zeros((1, 65)), np.zeros((1, 65))
    picture = np.ascontiguousarray(pixels[..., ::-1])
    cv2.grabCut(picture, hints, (0, 0, 1, 1), ground, figure, rounds, cv2.GC_INIT_WITH_MASK)
    return np.isin(hints, (cv2.GC_FGD, cv2.GC_PR_FGD))


def cut_figures(pixels: Pixels, likely: Map, places: Places) -> Mask:
    """Return where figures are, cut along edges: (H, W).

    `pixels` and `places` are of one size, `likely` of any.
    """
    import cv2

    height, width = pixels.shape[:2]
    likely = np.asarray(cv2.resize(likely, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    hints = np.full((height, width), cv2.GC_PR_BGD, dtype=np.uint8)
    hints[likely > LIKELY] = cv2.GC_PR_FGD
    hints[likely < UNLIKELY] = cv2.GC_BGD
    hints[(likely > SURE) | places.sure] = cv2.GC_FGD
    hints[bars_of(pixels)] = cv2.GC_BGD
    return cut_from(pixels, hints, LAST_ROUNDS)


def share_out(pixels: Pixels, figures: Mask, faces: Sequence[Face]) -> Labels:
    """Return whose each place of the figures is: 1 for the first face, 2 for the next …, 0 for background.

    A place belongs to the face that is nearest on a way over edges of colour.
    """
    if len(faces) == 1:
        return figures.astype(np.uint8)
    shape = figures.shape
    each = [places_of([face], shape) for face in faces]
    colours = lab_of(pixels)
    colours[~figures] += 60.0  # a way over the background is a long one
    ways = ways_from(colours, [one.sure for one in each])
    costs = np.stack([way + NEAR_COST * one.near for way, one in zip(ways, each, strict=True)])
    return np.where(figures, costs.argmin(axis=0) + 1, 0).astype(np.uint8)


def cleaned(labels: Labels, likely: Map, heads: Sequence[Mask]) -> Labels:
    """Return labels without specks, without figures that have no head, and without small holes.

    `heads` are those of the labels 1, 2, …; `likely` is of any size. Parts that touch no head stay if they are
    large and likely enough.
    """
    import cv2

    height, width = labels.shape
    likely = np.asarray(cv2.resize(likely, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    kept = np.zeros_like(labels)
    for label, head in enumerate(heads, 1):
        own = (labels == label).astype(np.uint8)
        count, parts, sizes, _ = cv2.connectedComponentsWithStats(own, connectivity=8)
        if count < 2:
            continue
        with_head = np.unique(parts[head & (own > 0)])
        main = with_head[with_head > 0]
        if not len(main):
            continue
        mask = np.isin(parts, main)
        whole = float(sizes[main, cv2.CC_STAT_AREA].max())
        way = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3) / np.sqrt(max(1, head.sum()))
        for part in set(range(1, count)) - {*main}:
            island, share = parts == part, sizes[part, cv2.CC_STAT_AREA] / whole
            is_near = share >= LARGE_ISLAND or way[island].min() <= ISLAND_WAY
            if share >= LEAST_ISLAND and is_near and float(likely[island].mean()) >= SURE_ISLAND:
                mask |= island
        kept[without_holes(mask, HOLE * float(mask.sum()))] = label
    return kept


def without_holes(mask: Mask, most: float) -> Mask:
    """Return a mask with the holes closed that have at most so many pixels."""
    import cv2

    count, parts, sizes, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    small = [part for part in range(1, count) if sizes[part, cv2.CC_STAT_AREA] <= most]
    return mask | np.isin(parts, small)
