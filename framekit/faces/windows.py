"""animeface's search for faces: its networks judge square windows of every size and place, in matrix products.

The package compares one window after the other. Here a frame is shrunk so that a window has 32 px, the differences of
brightness that the networks take are computed once for all windows, and each network judges thousands in one product.
Where windows pass, those around them are judged too: a face is where many agree.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from framekit.boxes import Face, face_at

Floats = NDArray[np.float32]
Places = NDArray[np.int64]

BEYOND = 0.12  # of the frame's shorter side, how far windows reach over its sides; chosen: half of a usual face
WINDOW = 32  # px of a window in a shrunk frame; all constants that name no other source: nvxs 1.0.2, nv_face_detect.c
GRID, CELL = 12, 2  # cells along the side of a window, px from one to the next; a cell covers 8 x 8 px
STEP = 2  # cells from one window to the next, and along the side of a block of cells at first glance
SMALLEST, LARGEST = 0.065, 0.9  # of the frame's shorter side, a window; chosen, nvxs stops at 0.75
EDGE_GAIN = 4  # Source: nvxs, nv_laplacian1
BATCH = 1024  # windows per product; chosen: 5 MB of features
PASSES = 0.3  # score of a window around which all others are judged; chosen
AROUND = 2  # cells, how far around
COUNTS = 0.1  # score from which a window supports a face; chosen
MOST = 2000  # windows that may support faces, the best ones; chosen, for frames full of patterns
SAME = 0.6  # intersection over union above which two windows are the same face; chosen
ANOTHER = 0.1  # of the smaller area; Source: nvxs, of which overlapping faces only the best one stays
HALF_SURE = 4.5  # support of a face with a score of 0.5; chosen: 0.7 then keeps no pattern of two composed shows
SMALL, CAUTION = 0.1, 6  # of the frame's height, below which ornaments look like faces; power of the doubt. Chosen


@dataclass(frozen=True)
class Care:
    """Which windows are judged at all.

    Those with a score of the first network on means of 2 x 2 cells above `glance`, a largest difference, 0 to 1, above
    `plainest`, and a density of edges over that difference between two; the large networks are asked from a score of
    the first one above `likely`. `growth` is the side of a window over that of the next smaller one.
    """

    glance: float
    growth: float
    likely: float
    plainest: float
    edges: tuple[float, float]


# One window in 30 passes the glance; faces at night have differences of 0.18 and more, nearly all faces edges of 0.065
# to 0.125; nvxs grows by 1.095.
USUAL = Care(glance=0.001, growth=1.12, likely=0.1, plainest=0.1, edges=(0.06, 0.14))
# For images that surely show a face. Chosen on references of which the usual search saw nothing.
PATIENT = Care(glance=0.0, growth=1.06, likely=0.01, plainest=0.02, edges=(0.02, 0.4))


@dataclass(frozen=True)
class Network:
    """A perceptron of two layers: `hidden` is (inputs, N), `output` (N, outputs), each with its bias."""

    hidden: Floats
    hidden_bias: Floats
    output: Floats
    output_bias: Floats

    def answer(self, sums: Floats) -> Floats:
        """Return the outputs, 0 to 1, for products of windows and `hidden`, (windows, N)."""
        return sigmoid(sigmoid(sums + self.hidden_bias) @ self.output + self.output_bias)

    def mirrored(self) -> "Network":
        """Return the network that answers for a window what this one does for the mirrored window."""
        cells = self.hidden.reshape(GRID, GRID, 8, -1)[:, ::-1]
        # left and right change places, as do the two diagonals
        swapped = np.ascontiguousarray(cells[:, :, [0, 1, 3, 2, 6, 7, 4, 5]].reshape(self.hidden.shape))
        return replace(self, hidden=swapped)

    def of_blocks(self) -> Floats:
        """Return the hidden layer for means of blocks of cells in the place of the cells."""
        blocks = GRID // STEP
        cells = self.hidden.reshape(blocks, STEP, blocks, STEP, 8, -1)
        return np.asarray(cells.sum(axis=(1, 3)).reshape(blocks * blocks * 8, -1), np.float32)


@dataclass(frozen=True)
class Networks:
    """animeface's networks: the direction of a face, a fast judge, two good ones."""

    direction: Network
    first: Network
    second: tuple[Network, Network]

    def mirrored(self) -> "Networks":
        """Return the networks that judge mirrored windows."""
        one, two = self.second
        return Networks(self.direction.mirrored(), self.first.mirrored(), (one.mirrored(), two.mirrored()))

    def judge(self, windows: Floats, turned: Floats, first: Floats, likely: float) -> Floats:
        """Return the score of each window, 0 to 1, (windows, 1152) in; 0 for one that is unlikely or turned away.

        `turned` and `first` are the products of the windows and the hidden layers of the two small networks.
        """
        directions = self.direction.answer(turned)
        frontal = (directions.argmax(axis=1) == 0) & (directions[:, 0] > 0.5)
        asked = np.flatnonzero(frontal & (self.first.answer(first)[:, 0] > likely))
        scores = np.zeros(len(windows), np.float32)
        if asked.size:
            candidates = windows[asked]
            scores[asked] = np.mean([one.answer(candidates @ one.hidden)[:, 0] for one in self.second], axis=0)
        return scores


@dataclass(frozen=True)
class Judges:
    """The networks that judge each window, one set for each look.

    `small` is the hidden layers of the small ones, `glances` those of the first ones for blocks of cells.
    """

    looks: tuple[Networks, ...]
    small: Floats
    glances: Floats
    care: Care

    @classmethod
    def of(cls, looks: tuple[Networks, ...], care: Care = USUAL) -> "Judges":
        """Return the networks of these looks as judges."""
        small = [network.hidden for one in looks for network in (one.direction, one.first)]
        return cls(looks, np.hstack(small), np.hstack([one.first.of_blocks() for one in looks]), care)

    def glance(self, blocks: Floats) -> NDArray[np.bool_]:
        """Return which windows may be faces in some look, going by their blocks of cells, (windows, 288)."""
        products = np.split(blocks @ self.glances, len(self.looks), axis=1)
        scores = [one.first.answer(product)[:, 0] for one, product in zip(self.looks, products, strict=True)]
        return np.asarray(np.max(scores, axis=0) > self.care.glance)

    def judge(self, windows: Floats) -> Floats:
        """Return the score of each window in each look, (windows, looks)."""
        product = windows @ self.small
        scores = np.empty((len(windows), len(self.looks)), np.float32)
        start = 0
        for number, one in enumerate(self.looks):
            middle = start + one.direction.hidden.shape[1]
            end = middle + one.first.hidden.shape[1]
            parts = product[:, start:middle], product[:, middle:end]
            scores[:, number] = one.judge(windows, *parts, self.care.likely)
            start = end
        return scores


def sigmoid(values: Floats) -> Floats:
    """Return the logistic function of values, which it overwrites."""
    np.negative(values, out=values)
    with np.errstate(over="ignore"):  # infinity is as good
        np.exp(values, out=values)
    values += 1
    return np.reciprocal(values, out=values)


def cell_kernels() -> Floats:
    """Return what is compared in a cell, (4, 8, 8): above and below, left and right, and across the two diagonals."""
    upper, column = np.mgrid[0:8, 0:8]
    signs = [upper < 4, column < 4, column > upper, column < 7 - upper]
    kernels = np.array([np.where(sign, 1.0, -1.0) for sign in signs])
    kernels[2][column == upper] = kernels[3][column == 7 - upper] = 0
    return np.asarray(kernels / (np.abs(kernels).sum(axis=(1, 2), keepdims=True) / 2) / 255, np.float32)


KERNELS = cell_kernels()


@dataclass(frozen=True)
class Level:
    """A frame shrunk until a window has 32 px.

    `features` (rows, columns, 8) are those of each cell, `blocks` their means over blocks of cells; `contrast` and
    `passable` say of each window, one a cell, its largest feature and whether its contrast and edges are a face's.
    """

    features: Floats
    blocks: Floats
    contrast: Floats
    passable: NDArray[np.bool_]
    scale: tuple[float, float]

    def windows(self, rows: Places, columns: Places) -> Floats:
        """Return the features of windows, (windows, 1152), the largest of each window being 1."""
        taken = squares(self.features, GRID)[rows, columns].reshape(len(rows), -1)
        taken /= self.contrast[rows, columns, None]
        return taken

    def glances(self, rows: Places, columns: Places) -> Floats:
        """Return the blocks of windows at every second row and column of cells, (windows, 288)."""
        taken = squares(self.blocks, GRID // STEP)[rows, columns].reshape(len(rows), -1)
        taken /= self.contrast[rows * STEP, columns * STEP, None]
        return taken


def squares(features: Floats, side: int) -> Floats:
    """Return a view of all squares of features, (rows, columns, side, side * 8)."""
    down, across, step = features.strides
    shape = (features.shape[0] - side + 1, features.shape[1] - side + 1, side, side * 8)
    return np.lib.stride_tricks.as_strided(features, shape, (down, across, down, step), writeable=False)


def levels(grey: NDArray[np.uint8], smallest: float, largest: float, care: Care) -> Iterator[Level]:
    """Yield a grey frame at each size, for windows from `smallest` to `largest` px."""
    import cv2

    height, width = grey.shape
    side = smallest
    while side <= largest:
        size = (round(width * WINDOW / side), round(height * WINDOW / side))
        while grey.shape[0] >= 2 * size[1]:  # a half is shrunk on in a part of the time, to the same
            grey = np.asarray(cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        if min(size) >= WINDOW:
            yield level_of(np.asarray(small, np.float32), care)
        side *= care.growth


def level_of(small: Floats, care: Care) -> Level:
    """Return the features of a shrunk grey frame."""
    import cv2

    differences = cell_differences(small)
    features = np.empty((*differences.shape[1:], 8), np.float32)
    for kind, difference in enumerate(differences):
        np.maximum(difference, 0, out=features[..., 2 * kind])
        np.maximum(-difference, 0, out=features[..., 2 * kind + 1])
    rows, columns = (length - length % STEP for length in features.shape[:2])
    blocks = sum(features[y:rows:STEP, x:columns:STEP] for y in range(STEP) for x in range(STEP)) / STEP**2
    size = (features.shape[0] - GRID + 1, features.shape[1] - GRID + 1)
    whole = np.ones((GRID, GRID), np.uint8)
    largest = np.maximum.reduce(np.abs(differences))
    contrast = np.asarray(cv2.dilate(largest, whole, anchor=(0, 0)), np.float32)[: size[0], : size[1]]
    edges = edge_density(small)[: size[0], : size[1]]
    low, high = care.edges
    passable = (contrast > care.plainest) & (edges > low * contrast) & (edges < high * contrast)
    return Level(
        features, np.asarray(blocks, np.float32), contrast, passable, (WINDOW / small.shape[1], WINDOW / small.shape[0])
    )


def cell_differences(small: Floats) -> Floats:
    """Return the four differences of each cell, (4, rows, columns), from -1 to 1.

    Cells begin at even places: the four pixels of 2 x 2 blocks are filtered apart, at a quarter of the work.
    """
    import cv2

    height, width = (length - length % CELL for length in small.shape)
    blocks = [
        (np.ascontiguousarray(small[y:height:CELL, x:width:CELL]), KERNELS[:, y::CELL, x::CELL])
        for y in range(CELL)
        for x in range(CELL)
    ]
    differences = np.zeros((4, height // CELL, width // CELL), np.float32)
    whole = (np.sum([pixels for pixels, _ in blocks], axis=0), KERNELS[:, ::CELL, ::CELL])
    for kind, parts in enumerate([[whole], [whole], blocks, blocks]):  # halves begin and end with whole blocks
        for pixels, kernels in parts:
            kernel = np.ascontiguousarray(kernels[kind])
            differences[kind] += cv2.filter2D(pixels, cv2.CV_32F, kernel, anchor=(0, 0))
    return differences[:, : height // CELL - 3, : width // CELL - 3]


def edge_density(small: Floats) -> Floats:
    """Return the mean strength of edges, 0 to 0.5, of each window, one a cell."""
    import cv2

    edges = cv2.Laplacian(cv2.GaussianBlur(small, (5, 5), 1.0), cv2.CV_32F)
    strength = np.clip(np.asarray(edges) * EDGE_GAIN, 0, 255)
    mean = cv2.boxFilter(strength, cv2.CV_32F, (WINDOW, WINDOW), anchor=(0, 0))
    return np.asarray(mean[::CELL, ::CELL] / 510, np.float32)


def batches(take: Callable[[Places, Places], Floats], rows: Places, columns: Places) -> Iterator[Floats]:
    """Yield what `take` returns of these windows, a batch after the other."""
    for start in range(0, len(rows), BATCH):
        yield take(rows[start : start + BATCH], columns[start : start + BATCH])


def likely_places(level: Level, judges: Judges) -> tuple[Places, Places]:
    """Return rows and columns of the windows, of every second one each way, that may be faces at first glance."""
    rows, columns = np.nonzero(level.passable[::STEP, ::STEP])
    likely = np.concatenate([np.zeros(0, bool), *(judges.glance(one) for one in batches(level.glances, rows, columns))])
    return rows[likely] * STEP, columns[likely] * STEP


def places_around(level: Level, rows: Places, columns: Places, scores: Floats) -> tuple[Places, Places]:
    """Return rows and columns of the windows around those of these that pass."""
    near = np.zeros(level.passable.shape, bool)
    passes = scores.max(axis=1, initial=0) > PASSES
    for row, column in zip(rows[passes], columns[passes], strict=True):
        near[max(0, row - AROUND) : row + AROUND + 1, max(0, column - AROUND) : column + AROUND + 1] = True
    near[rows, columns] = False
    more_rows, more_columns = np.nonzero(near)
    return more_rows, more_columns


def judged(judges: Judges, places: Sequence[tuple[Level, Places, Places]]) -> list[Floats]:
    """Return the scores in each look of the windows at these places of each level; levels share products."""
    scores, waiting = [np.zeros((0, len(judges.looks)), np.float32)], [np.zeros((0, GRID * GRID * 8), np.float32)]
    for level, rows, columns in places:
        for windows in batches(level.windows, rows, columns):
            waiting.append(windows)
            if sum(map(len, waiting)) >= BATCH:
                scores.append(judges.judge(np.concatenate(waiting)))
                waiting = waiting[:1]
    scores.append(judges.judge(np.concatenate(waiting)))
    return np.split(np.concatenate(scores), np.cumsum([len(rows) for _, rows, _ in places]))[:-1]


def boxes_of(level: Level, rows: Places, columns: Places, scores: Floats) -> NDArray[np.float64]:
    """Return box and score, (N, 5), of the windows that support a face."""
    at, look = np.nonzero(scores > COUNTS)
    # the cells of a window end 2 px before its right edge, which is its left one when it is mirrored
    left = (columns[at] - look) * CELL / WINDOW * level.scale[0]
    top = rows[at] * CELL / WINDOW * level.scale[1]
    return np.column_stack([left, top, left + level.scale[0], top + level.scale[1], scores[at, look]])


def search(grey: NDArray[np.uint8], judges: Judges) -> list[Face]:
    """Return the faces of a grey frame, (H, W) uint8, the best first; of one that a side cuts, the part inside."""
    import cv2

    shorter, width = min(grey.shape), grey.shape[1]
    beyond = round(BEYOND * shorter)
    wider = cv2.copyMakeBorder(grey, 0, 0, beyond, beyond, cv2.BORDER_REPLICATE)
    sizes = levels(np.asarray(wider, np.uint8), max(WINDOW, SMALLEST * shorter), LARGEST * shorter, judges.care)
    coarse = [(level, *likely_places(level, judges)) for level in sizes]
    scores = judged(judges, coarse)
    fine = [(place[0], *places_around(*place, score)) for place, score in zip(coarse, scores, strict=True)]
    scores += judged(judges, fine)
    boxes = [boxes_of(*place, score) for place, score in zip(coarse + fine, scores, strict=True)]
    windows = np.concatenate([np.zeros((0, 5)), *boxes])
    windows[:, [0, 2]] = (windows[:, [0, 2]] * (width + 2 * beyond) - beyond) / width
    centres = (windows[:, 0] + windows[:, 2]) / 2
    return agreeing(windows[(centres > 0) & (centres < 1)])


def agreeing(windows: NDArray[np.float64]) -> list[Face]:
    """Join windows, (N, 5) of box and score, into faces: each where the sum of scores is highest.

    The score of a face is s / (s + h), s being the sum of its windows' scores; h is 4.5, and more for small faces.
    """
    windows = windows[np.argsort(-windows[:, 4], kind="stable")][:MOST]
    boxes, scores = windows[:, :4], windows[:, 4]
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    shared = np.ones((len(windows), len(windows)))
    for low, high in ((0, 2), (1, 3)):
        end = np.minimum(boxes[:, None, high], boxes[None, :, high])
        shared *= np.maximum(0, end - np.maximum(boxes[:, None, low], boxes[None, :, low]))
    near = shared > SAME / (1 + SAME) * (area[:, None] + area[None, :])
    apart = shared <= ANOTHER * np.minimum(area[:, None], area[None, :])
    support = near @ scores
    free = np.ones(len(windows), bool)
    faces = []
    for at in np.argsort(-support, kind="stable"):
        if free[at]:
            weights = scores * near[at]
            left, top, right, bottom = weights @ boxes / weights.sum()
            doubt = HALF_SURE * max(1.0, SMALL / (bottom - top)) ** CAUTION
            faces.append(face_at(left, top, right, bottom, support[at] / (support[at] + doubt)))
            free &= apart[at]
    return faces
