"""Choose, on the references alone, how descriptors are weighted and below which strength a face is unknown."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framekit.characters.descriptors import Vector
from framekit.characters.match import Acceptance, Namer, References
from framekit.sidecars.metadata import OOD

NamerMaker = Callable[[References], Namer]
MARGIN_WEIGHT = 0.5  # of the lead over the runner-up, added to the similarity; chosen, not measured
DEFAULT_THRESHOLD = 0.7  # least strength where neither a prior nor two characters are known; chosen between the priors
# Least strength published by the author (ccip: 1 - 2 x its own threshold of 0.17848; source: deepghs/ccip_onnx).
# References move it within BAND: where it is known, it is a better guess than theirs.
PRIORS = {
    ("ccip", "centroid"): 0.643,
    ("ccip", "knn"): 0.643,
}
BAND = (-0.02, 0.02)  # similarity; chosen, not measured
STEPS = 4  # weights of descriptors are tried in fourths
FOLDS = 3  # where leaving out one reference at a time would take too long


@dataclass(frozen=True)
class Trials:
    """Trials on the references alone: whether each held-out one was named right, strengths of these and of impostors.

    Impostors are the references of each character named while it is left out, and people to ignore.
    """

    right: NDArray[np.bool_]
    strength: NDArray[np.float64]
    impostors: NDArray[np.float64]

    @property
    def separation(self) -> float:
        """Return the share of (held-out, impostor) pairs in which the held-out one is right and stronger."""
        if not len(self.impostors) or not len(self.strength):
            return float(self.right.mean()) if len(self.right) else 0.0
        order = np.sort(self.impostors)
        below = np.searchsorted(order, self.strength, side="left") / len(order)
        return float((below * self.right).mean())


def held_out(references: References, make: NamerMaker, quick: bool) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield the row of each reference that has siblings, and its scores by a namer that has not seen it.

    Where `quick`, all rows of a fold share a namer.
    """
    names = np.array(references.names)
    rank = np.array([int((names[:row] == name).sum()) for row, name in enumerate(names)])
    for rows in folds_of(names, rank, quick):
        rows = [row for row in rows if (names == names[row]).sum() > 1 and names[row] != OOD]
        if not rows:
            continue
        kept = np.ones(len(names), bool)
        kept[rows] = False
        namer = make(references.only(kept))
        for row in rows:
            yield row, aligned(namer, namer.score(references.jittered[row, :1])[0], references.characters)


def folds_of(names: NDArray[np.str_], rank: NDArray[np.int_], quick: bool) -> list[list[int]]:
    """Return the rows that are held out together: one at a time, or every third of each character."""
    if not quick:
        return [[row] for row in range(len(names))]
    return [[row for row in range(len(names)) if rank[row] % FOLDS == fold] for fold in range(FOLDS)]


def aligned(namer: Namer, scores: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    """Return scores in the order of `names`; a character that the namer doesn't know gets the least of all."""
    places = {name: place for place, name in enumerate(namer.names)}
    low = float(scores.min())
    return np.array([scores[places[name]] if name in places else low for name in names], np.float64)


def impostors(references: References, make: NamerMaker, quick: bool) -> Iterator[NDArray[np.float64]]:
    """Yield the scores (views, characters) of each reference by a namer that doesn't know its character."""
    names, known = np.array(references.names), references.characters
    groups = [[name] for name in known] if not quick else [known[fold::FOLDS] for fold in range(FOLDS)]
    for group in groups:
        out = np.isin(names, group)
        left = [name for name in known if name not in group and name != OOD]
        if not out.any() or not left:
            continue
        namer = make(references.only(~out))
        for row in np.flatnonzero(out):
            yield namer.score(np.concatenate([references.vectors[row], references.jittered[row, :1]]))


def try_out(references: References, make: NamerMaker, margin_weight: float, quick: bool) -> Trials:
    """Name held-out references and impostors."""
    acceptance = Acceptance(0.0, margin_weight)
    known = references.characters
    right, strength = [], []
    for row, scores in held_out(references, make, quick):
        right.append(known[int(scores.argmax())] == references.names[row])
        strength.append(float(acceptance.strength(scores[None])[0]))
    strange = [strength for scores in impostors(references, make, quick) for strength in acceptance.strength(scores)]
    return Trials(np.array(right, bool), np.array(strength), np.array(strange))


def best_cut(known: NDArray[np.float64], strange: NDArray[np.float64], place: float = 0.5) -> float:
    """Return the strength that keeps the largest share of `known` and refuses the largest of `strange`.

    Of equals it is the lowest; in a gap it lies in the middle, or at another `place`, 0 to 1, from below.
    Source: Youden 1950, index for rating diagnostic tests.

    >>> best_cut(np.array([0.4, 0.8, 0.9]), np.array([0.1, 0.2, 0.5]))
    0.3
    """
    values = np.unique(np.concatenate([known, strange]))
    kept = (known[None] >= values[:, None]).mean(axis=1)
    taken = (strange[None] >= values[:, None]).mean(axis=1)
    best = int(np.argmax(np.round(kept - taken, 9)))
    below = values[best - 1] if best else values[best]
    return round(float(below + place * (values[best] - below)), 4)


def least_strength(trials: Trials, prior: float | None) -> float:
    """Return the strength below which a face is unknown: where held-out references and impostors part best.

    A prior holds it within BAND. Without impostors, or without any held-out reference that was named right, it is the
    prior or a default, which no held-out reference of a single character may fall short of.
    """
    known = trials.strength[trials.right]
    if not len(trials.impostors) or not len(known):
        return round(float(known.min(initial=DEFAULT_THRESHOLD)), 4) if prior is None else prior
    least = best_cut(known, trials.impostors)
    return least if prior is None else round(min(max(least, prior + BAND[0]), prior + BAND[1]), 4)


def weightings(parts: int) -> list[tuple[float, ...]]:
    """Return the ways to weigh so many descriptors in fourths; each sums to 1."""
    if parts == 1:
        return [(1.0,)]
    steps = itertools.product(range(STEPS + 1), repeat=parts)
    return [tuple(step / STEPS for step in one) for one in steps if sum(one) == STEPS]


def scale_of(widths: Sequence[int], weights: Sequence[float]) -> Vector:
    """Return the factors (D,) that make dot products of joined descriptors their weighted mean."""
    return np.repeat(np.sqrt(np.array(weights)), widths).astype(np.float32)


def best_weights(references: References, widths: Sequence[int], make: NamerMaker) -> tuple[float, ...]:
    """Return the weights of joined descriptors with which held-out references are named best and impostors least."""
    judged = []
    for weights in weightings(len(widths)):
        scale = scale_of(widths, weights)
        trials = try_out(references.changed(scale.__mul__), make, MARGIN_WEIGHT, False)
        judged.append((round(trials.separation, 4), -max(weights), weights))  # of equals, the most even one
    return max(judged)[2]
