"""What tells a figure from its background at each place of a frame: numbers for the trees of `likelihood`.

A place is compared with the nearest face: how far off it is in lengths of that face, whether its colour is that of the
head and the body below it or that of the rest, how sharply it is drawn. Nothing is known of any show.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from framekit.boxes import Face
from framekit.pixels.decode import Pixels

ROWS = 144  # of the grid on which a frame is described; chosen: fingers vanish below, time doubles above
MOST_COLUMNS = 1024  # of the grid: wider frames, such as of a pan put together, are squeezed; chosen for memory
BINS = 24  # of each axis of CIELAB, in histograms; chosen
FLAT = 5.0  # colour difference below which neighbours are one flat region; chosen on composed frames
STEP_COST = 0.35  # of a step of one cell on a path, in colour differences: a long way counts even without an edge
DARK = 16  # greatest brightness of letterbox bars
INK = 110  # greatest brightness of ink lines
FAR = 99.0  # where no path starts
Map = NDArray[np.float32]  # (rows, columns), one number for each place
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Places:
    """Where figures can be, from the faces alone.

    `sure` is inside a head or right below it; `body` may well be; beyond `reach` is none. `head` and `core` are where
    colours of a figure are learned. `across`, `below` and `near` are the distances from the nearest face, `second` from
    the next one, in lengths of a face; `scale` is the length of the nearest face in heights of the frame.
    """

    sure: Mask
    body: Mask
    reach: Mask
    head: Mask
    core: Mask
    across: Map
    below: Map
    near: Map
    second: Map
    scale: Map


def grid_of(pixels: Pixels, rows: int = ROWS) -> Pixels:
    """Return a frame in this number of rows, and in columns as high as wide, where that are not too many."""
    import cv2

    height, width = pixels.shape[:2]
    size = (min(MOST_COLUMNS, max(8, round(width * rows / height))), rows)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def lab_of(pixels: Pixels) -> Map:
    """Return the colours in CIELAB: (H, W, 3), lightness 0 to 100."""
    import cv2

    return np.asarray(cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), dtype=np.float32)


def bars_of(pixels: Pixels) -> Mask:
    """Return where black bars lie above and below, or beside the picture: (H, W)."""
    dark = pixels.max(axis=2) < DARK
    bars = np.zeros(dark.shape, dtype=bool)
    for axis in (0, 1):
        lines = (dark if axis == 0 else dark.T).mean(axis=1) > 0.98
        part = bars if axis == 0 else bars.T
        first = next((at for at, line in enumerate(lines) if not line), 0)
        last = next((at for at, line in enumerate(lines[::-1]) if not line), 0)
        for depth, edge in ((first, slice(0, first)), (last, slice(len(lines) - last, None))):
            if 1 < depth < len(lines) // 3:
                part[edge] = True
    return bars


def places_of(faces: Sequence[Face], shape: tuple[int, int]) -> Places:
    """Return where figures with these faces can be, on a grid of (rows, columns)."""
    rows, columns = shape
    y, x = (axis.astype(np.float32) + 0.5 for axis in np.mgrid[:rows, :columns])
    sure, body, reach, head, core = (np.zeros(shape, dtype=bool) for _ in range(5))
    near, second = (np.full(shape, FAR, dtype=np.float32) for _ in range(2))
    across, below, scale = (np.zeros(shape, dtype=np.float32) for _ in range(3))
    for face in faces:
        left, top, right, bottom = (edge * side for edge, side in zip(face.box, (columns, rows) * 2, strict=True))
        width, height = max(right - left, 1.0), max(bottom - top, 1.0)
        length = float(np.sqrt(width * height))
        middle, centre = (left + right) / 2, (top + bottom) / 2
        aside = np.abs(x - middle)
        oval = (aside / (0.45 * width)) ** 2 + ((y - centre) / (0.5 * height)) ** 2 < 1
        sure |= oval | ((aside < 0.25 * width) & (y > centre) & (y < bottom + 0.9 * height))
        head |= (aside / (0.95 * width)) ** 2 + ((y - centre + 0.15 * height) / height) ** 2 < 1
        body |= (y > bottom) & (aside < np.clip(0.5 * width + 0.45 * (y - bottom), 0.5 * width, 1.4 * width))
        core |= (y > bottom) & (y < bottom + 4 * height) & (aside < 0.45 * width)
        reach |= (aside < 3.2 * width) & (y > top - 1.6 * height)
        down = (y - centre) / length
        distance = np.hypot(aside / length, np.where(down > 0, 0.35 * down, down)).astype(np.float32)
        second = np.minimum(second, np.maximum(distance, near))
        is_nearer = distance < near
        near = np.where(is_nearer, distance, near)
        across = np.where(is_nearer, aside / length, across)
        below = np.where(is_nearer, down, below)
        scale = np.where(is_nearer, np.float32(length / rows), scale)
    return Places(sure, (body | head) & ~sure, reach, head, core, across, below, near, second, scale)


@dataclass(frozen=True)
class Colours:
    """The colours of a frame in bins, to be counted under masks; `colours` are (H, W, 3) in CIELAB."""

    colours: Map

    @cached_property
    def bins(self) -> NDArray[np.intp]:
        """The bin of each place: (H, W)."""
        spread = (np.array([0, 70, 70]), np.array([100, 140, 140]))
        parts = np.clip((self.colours + spread[0]) / spread[1] * (BINS - 1), 0, BINS - 1).astype(np.intp)
        return np.asarray((parts[..., 0] * BINS + parts[..., 1]) * BINS + parts[..., 2])

    def share(self, weights: Map | Mask, blur: float = 0.8) -> NDArray[np.float64]:
        """Return how much of the weight lies on the colour of each bin, neighbours of it too."""
        from scipy.ndimage import gaussian_filter

        counted = np.bincount(self.bins.ravel(), weights.ravel().astype(float), BINS**3)
        shares = gaussian_filter(counted.reshape(BINS, BINS, BINS), blur).ravel()
        return np.asarray(shares / max(shares.sum(), 1e-6))

    def ratio(self, figure: Map | Mask, ground: Map | Mask, blur: float = 0.8) -> Map:
        """Return the logarithm of how much rather the colour of each place is found on `figure` than on `ground`."""
        least = 2e-5  # of the pixels; chosen
        ratio = np.log((self.share(figure, blur) + least) / (self.share(ground, blur) + least))
        return np.asarray(ratio[self.bins], dtype=np.float32)


@dataclass(frozen=True)
class Regions:
    """Flat regions: connected places of one colour; `number` tells the region of each place, of `count`."""

    number: NDArray[np.int32]
    count: int

    @cached_property
    def area(self) -> NDArray[np.intp]:
        """How many places each region has."""
        return np.bincount(self.number.ravel(), minlength=self.count)

    def mean(self, values: Map | Mask) -> Map:
        """Return at each place the mean of its region."""
        sums = np.bincount(self.number.ravel(), values.ravel().astype(float), self.count)
        return np.asarray((sums / self.area)[self.number], dtype=np.float32)

    def touching(self, edge: tuple[slice, slice]) -> Map:
        """Return at each place how much of an edge of the frame its region touches, over the side of the region."""
        on_edge = np.zeros(self.number.shape)
        on_edge[edge] = 1
        sums = np.bincount(self.number.ravel(), on_edge.ravel(), self.count)
        return np.asarray((sums / np.sqrt(self.area))[self.number], dtype=np.float32)


def regions_of(pixels: Pixels) -> Regions:
    """Return the flat regions of a frame."""
    import cv2
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    smooth = lab_of(np.asarray(cv2.pyrMeanShiftFiltering(np.ascontiguousarray(pixels), 4, 14), dtype=np.uint8))
    height, width = smooth.shape[:2]
    ends: list[NDArray[np.intp]] = []
    starts: list[NDArray[np.intp]] = []
    ids = np.arange(height * width).reshape(height, width)
    for one, other in (((slice(None), slice(0, -1)), (slice(None), slice(1, None))),
                       ((slice(0, -1), slice(None)), (slice(1, None), slice(None)))):  # fmt: skip
        is_same = ((smooth[one] - smooth[other]) ** 2).sum(axis=-1) < FLAT**2
        starts.append(ids[one][is_same])
        ends.append(ids[other][is_same])
    start, end = np.concatenate(starts), np.concatenate(ends)
    graph = coo_matrix((np.ones(len(start), np.uint8), (start, end)), shape=(ids.size, ids.size))
    count, number = connected_components(graph, directed=False)
    return Regions(number.reshape(height, width), int(count))


def ways_from(colours: Map, seeds: Sequence[Mask]) -> list[Map]:
    """Return for each of the `seeds` how far every place is from it, over edges of colour: (H, W) each.

    It is found on every second place, which suffices: dijkstra's algorithm over colour differences of neighbours.
    """
    import cv2
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    height, width = colours.shape[:2]
    rows, columns = max(2, height // 2), max(2, width // 2)
    small = cv2.resize(colours, (columns, rows), interpolation=cv2.INTER_AREA)
    ids = np.arange(rows * columns).reshape(rows, columns)
    starts, ends, costs = [], [], []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        one = (slice(0, rows - down), slice(max(0, -right), columns - max(0, right)))
        other = (slice(down, rows), slice(max(0, right), columns + min(0, right)))
        difference = np.sqrt(((small[one] - small[other]) ** 2).sum(axis=-1))
        starts.append(ids[one].ravel())
        ends.append(ids[other].ravel())
        costs.append((difference + STEP_COST * np.hypot(down, right)).ravel())
    ways = (np.concatenate(costs), (np.concatenate(starts), np.concatenate(ends)))
    graph = coo_matrix(ways, shape=(ids.size, ids.size)).tocsr()
    found: list[Map] = []
    for seed in seeds:
        at = np.flatnonzero(cv2.resize(seed.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA) > 0.5)
        far = np.full(ids.shape, FAR, dtype=np.float32)
        if len(at):
            far = dijkstra(graph, directed=False, indices=at, min_only=True).reshape(ids.shape).astype(np.float32)
        found.append(np.asarray(cv2.resize(far, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32))
    return found


def blurred(values: Map | Mask, side: int) -> Map:
    """Return the mean of the square around each place."""
    import cv2

    return np.asarray(cv2.blur(values.astype(np.float32), (side, side)), dtype=np.float32)


def drawing_of(pixels: Pixels, head: Mask) -> list[Map]:
    """Return how sharply and with how much ink a frame is drawn at each place of the grid, also against its heads.

    `pixels` have twice the rows of the grid.
    """
    import cv2

    shape = (head.shape[1], head.shape[0])
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    edges = np.abs(cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 0.7), cv2.CV_32F))
    ink = np.maximum(cv2.blur(grey, (7, 7)) - grey, 0) * (grey < INK)
    parts = [cv2.blur(edges, (9, 9)), cv2.blur(edges, (31, 31)), cv2.dilate(edges, np.ones((9, 9), np.uint8)),
             cv2.blur(ink, (9, 9)), cv2.blur(ink, (31, 31))]  # fmt: skip
    near, wide, peak, line, lines = (cv2.resize(one, shape, interpolation=cv2.INTER_AREA) for one in parts)
    usual = [float(one[head].mean()) if head.any() else 1.0 for one in (near, peak, line)]
    return [near, wide, near / (usual[0] + 1), wide / (usual[0] + 1), peak / (usual[1] + 1),
            line, lines, line / (usual[2] + 0.5)]  # fmt: skip


def spread_of(colours: Map, side: int) -> Map:
    """Return how much the colours differ in the square around each place."""
    import cv2

    mean = cv2.blur(colours, (side, side))
    return np.asarray(np.sqrt(np.maximum((cv2.blur(colours**2, (side, side)) - mean**2).sum(axis=-1), 0)))
