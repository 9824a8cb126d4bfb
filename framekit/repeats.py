"""Whole numbers for kohya, which cannot repeat by fractions, as near to the wished factors as whole numbers allow."""

from collections.abc import Mapping
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

MOST_CELLS = 2_000_000  # scales times folders that are tried; more would gain nothing that could be seen
BEYOND = 1.25  # times `most`: a little too large a scale, cut off, may still fit best
AS_GOOD = 0.005  # deviations that differ by less are alike, and the smaller epoch wins


def whole_repeats(
    factors: Mapping[PurePosixPath, float], counts: Mapping[PurePosixPath, int], most: int
) -> tuple[dict[PurePosixPath, int], float]:
    """Return the repeats of each folder, from 1 to `most`, and the largest deviation of a share from the wished one.

    All factors are scaled alike and rounded; of all scales the one whose worst folder deviates least is taken. The
    deviation is a fraction of the wished share: 0.04 for 26 % instead of 25 %.
    """
    if not factors:
        return {}, 0.0
    wished = np.array(list(factors.values()))
    frames = np.array([counts[folder] for folder in factors], float)
    rows = np.clip(np.rint(scales(wished, most)[:, None] * wished), 1, most)
    rows = np.unique(rows, axis=0)
    deviations = np.abs(shares_of(rows, frames) / shares_of(wished[None], frames) - 1).max(axis=1)
    good = np.flatnonzero(deviations <= deviations.min() + AS_GOOD)
    best = good[np.argmin(rows[good] @ frames)]
    return dict(zip(factors, rows[best].astype(int).tolist(), strict=True)), float(deviations[best])


def scales(wished: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """Return a scale for each way in which the scaled factors can round, also beyond `most`."""
    largest = BEYOND * most / wished.max()
    edges = ((np.arange(1, BEYOND * most + 1) - 0.5)[:, None] / np.unique(wished)[None]).ravel()
    edges = np.unique(np.append(edges[edges < largest], [0.0, largest]))
    middles = (edges[1:] + edges[:-1]) / 2
    tried = max(1, MOST_CELLS // len(wished))
    if len(middles) > tried:
        middles = middles[np.linspace(0, len(middles) - 1, tried).astype(int)]
    return middles


def shares_of(rows: NDArray[np.float64], frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each folder in an epoch for each row of factors."""
    weighed = rows * frames
    return np.asarray(weighed / weighed.sum(axis=1, keepdims=True))
