"""How alike two frames are: the embedded descriptor, and the search for similar frames. No weights, no download."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from framekit.frames import Pixels

Descriptors = NDArray[np.float32]
"""One unit vector a row, (N, D) float32."""

GRID = (32, 18)  # columns, rows of the thumbnail: 16:9 in cells of about 2.5 % of the height
ROWS = 360  # of the frame that are looked at: 20 a cell
BRIGHTNESS_WEIGHT = 0.1  # keeps black apart from white without making dark scenes alike
PLAIN_LEVEL = 2.0  # grey levels; below this contrast a frame counts as plain, and noise no longer decides
THRESHOLD = 0.985  # Source: the specification
QUERIES = 256  # frames compared at a time
DIMENSIONS = GRID[0] * GRID[1] * 3 + 1


def describe(pixels: Pixels) -> Descriptors:
    """Return the descriptor of one frame, (DIMENSIONS,) float32 of length 1.

    It is the colour thumbnail with its mean nearly taken out, so that the dot product of two descriptors is a
    correlation: fades, compression and small text hardly change it, another layout does. On the sample show two frames
    of one drawing have at least 0.9999, two of different layouts at most 0.73.
    """
    import cv2

    enough = pixels[:: max(1, len(pixels) // ROWS)]  # a third of the time at 1080p
    cells = cv2.resize(enough, GRID, interpolation=cv2.INTER_AREA).astype(np.float32)
    mean = cells.mean(axis=(0, 1))
    centred = (cells - mean) + BRIGHTNESS_WEIGHT * (mean - 127.5)
    vector = np.append(centred.ravel(), np.float32(PLAIN_LEVEL * np.sqrt(centred.size)))
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def first_similar(descriptors: Descriptors, threshold: float, block: int) -> Iterator[tuple[int, int, float]]:
    """Yield (frame, kept frame it resembles most, similarity) for each frame that is similar to an earlier kept one.

    Frames are taken in order and compared with every kept frame, `block` kept frames at a time: matrix products, but
    never a matrix of all pairs, and no frame is forgotten.
    """
    kept = np.empty(len(descriptors), np.intp)
    count = 0
    for start in range(0, len(descriptors), QUERIES):
        queries = descriptors[start : start + QUERIES]
        best, scores = most_similar(descriptors, kept[:count], queries, block)
        within = queries @ queries.T
        new: list[int] = []
        for row in range(len(queries)):
            if new and within[row, new].max() > scores[row]:
                nearest = new[int(within[row, new].argmax())]
                best[row], scores[row] = start + nearest, within[row, nearest]
            if scores[row] >= threshold:
                yield start + row, int(best[row]), float(scores[row])
            else:
                new.append(row)
                kept[count] = start + row
                count += 1


def similar_frames(
    descriptors: Descriptors, groups: Sequence[int], threshold: float, block: int
) -> list[tuple[int, int, float]]:
    """Return (frame, kept frame it resembles most, similarity) of each similar frame, in the order of the frames.

    The frames of one group, of `groups` many each, are compared among themselves first; then what is left of a group
    with what is left of the groups before. So groups can be worked on at the same time with the same result.
    """
    found: list[tuple[int, int, float]] = []
    kept = np.empty(0, np.intp)
    start = 0
    for size in groups:
        rows = descriptors[start : start + size]
        inside = [(start + row, start + one, score) for row, one, score in first_similar(rows, threshold, block)]
        left = np.setdiff1d(np.arange(start, start + size), [row for row, _, _ in inside])
        best, scores = most_similar(descriptors, kept, descriptors[left], block)
        known = scores >= threshold
        found += inside
        found += zip(left[known].tolist(), best[known].tolist(), scores[known].tolist(), strict=True)
        kept = np.concatenate([kept, left[~known]])
        start += size
    return sorted(found)


class KeptDescriptors:
    """The descriptors of kept frames, to be asked one frame at a time; equal to `first_similar`."""

    def __init__(self) -> None:
        """Start with none."""
        self.names: list[str] = []
        self.rows = np.empty((256, DIMENSIONS), np.float32)

    def add(self, name: str, descriptor: Descriptors) -> None:
        """Keep a frame under a name."""
        if len(self.names) == len(self.rows):
            self.rows = np.concatenate([self.rows, np.empty_like(self.rows)])
        self.rows[len(self.names)] = descriptor
        self.names.append(name)

    def most_similar(self, descriptor: Descriptors) -> tuple[str, float]:
        """Return the name of the most similar kept frame and the similarity; ("", -1.0) if none is kept."""
        if not self.names:
            return "", -1.0
        scores = self.rows[: len(self.names)] @ descriptor
        best = int(scores.argmax())
        return self.names[best], float(scores[best])


def most_similar(
    descriptors: Descriptors, kept: NDArray[np.intp], queries: Descriptors, block: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return for each query the most similar of the kept frames and its similarity; -1 and -1.0 if none is kept."""
    best = np.full(len(queries), -1, np.intp)
    scores = np.full(len(queries), -1.0, np.float32)
    for start in range(0, len(kept), block):
        rows = kept[start : start + block]
        products = descriptors[rows] @ queries.T
        top = products.argmax(axis=0)
        better = products[top, np.arange(len(queries))] > scores
        best[better], scores[better] = rows[top[better]], products[top, np.arange(len(queries))][better]
    return best, scores
