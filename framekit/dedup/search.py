"""The search for similar frames among descriptors: exact, in blocks of matrix products."""

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from framekit.dedup.descriptors import DIMENSIONS, Descriptors

QUERIES = 1024  # frames compared at a time: (QUERIES, block) similarities are 40 MB at the default block of 10,000


def first_similar(
    descriptors: Descriptors, rows: NDArray[np.intp], threshold: float, block: int
) -> Iterator[tuple[int, int, float]]:
    """Yield (row, kept row it resembles most, similarity) for each of `rows` that is similar to an earlier kept one.

    Rows are taken in their order and compared with every kept one, `block` kept ones at a time: matrix products, but
    never a matrix of all pairs.
    """
    kept = np.empty(len(rows), np.intp)
    count = 0
    for start in range(0, len(rows), QUERIES):
        asked = rows[start : start + QUERIES]
        queries = descriptors[asked]
        best, scores = most_similar(descriptors, kept[:count], asked, block)
        within = queries @ queries.T
        new: list[int] = []
        for place, row in enumerate(asked.tolist()):
            if new and within[place, new].max() > scores[place]:
                nearest = new[int(within[place, new].argmax())]
                best[place], scores[place] = asked[nearest], within[place, nearest]
            if scores[place] >= threshold:
                yield row, int(best[place]), float(scores[place])
            else:
                new.append(place)
                kept[count] = row
                count += 1


def similar_frames(
    descriptors: Descriptors, rows: NDArray[np.intp], threshold: float, block: int
) -> list[tuple[int, int, float]]:
    """Return (row, kept row it resembles most, similarity) of each similar frame, the rows taken in their order.

    The similarity of each reaches the threshold, that of two kept rows never does.
    """
    gone = np.array([row for row, _, _ in first_similar(descriptors, rows, threshold, block)], np.intp)
    best, scores = most_similar(descriptors, rows[~np.isin(rows, gone)], gone, block)
    return list(zip(gone.tolist(), best.tolist(), scores.tolist(), strict=True))


class KeptDescriptors:
    """The descriptors of kept frames, searched one frame at a time with the results of `first_similar`."""

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
    descriptors: Descriptors, kept: NDArray[np.intp], rows: NDArray[np.intp], block: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return for each of `rows` the most similar of the kept rows and the similarity; -1 and -1.0 if none is kept."""
    best = np.full(len(rows), -1, np.intp)
    scores = np.full(len(rows), -1.0, np.float32)
    for start, first in product(range(0, len(rows), QUERIES), range(0, len(kept), block)):
        those, part = kept[first : first + block], slice(start, start + QUERIES)
        products = descriptors[rows[part]] @ descriptors[those].T  # a row per query: argmax along rows is 30x as fast
        top = products.argmax(axis=1)
        highest = products[np.arange(len(top)), top]
        better = highest > scores[part]
        best[part][better], scores[part][better] = those[top[better]], highest[better]
    return best, scores


def nearest_other(descriptors: Descriptors, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return for each of `rows` the similarity of the most similar other one, -1 if there is none."""
    nearest = np.full(len(rows), -1.0, np.float32)
    for start in range(0, len(rows), QUERIES):
        queries = descriptors[rows[start : start + QUERIES]]
        for block in range(0, len(rows), 8 * QUERIES):
            products = queries @ descriptors[rows[block : block + 8 * QUERIES]].T
            own = np.arange(start, start + len(queries)) - block
            inside = (own >= 0) & (own < products.shape[1])
            products[np.flatnonzero(inside), own[inside]] = -1.0
            part = nearest[start : start + len(queries)]
            np.maximum(part, products.max(axis=1), out=part)
    return nearest
