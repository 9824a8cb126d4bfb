"""From vectors of references to names of faces: how much a face resembles each character, and if that is enough."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framekit.boxes import Box, Face
from framekit.characters.descriptors import Vector, unit
from framekit.sidecars.metadata import OOD, UNKNOWN

NEIGHBOURS = 3  # nearest views of a character that count for `knn`
RIDGE = 0.1  # of `linear`: how much it prefers small weights; from 0.03 to 1 accuracy changes by less than two points


@dataclass(frozen=True)
class References:
    """Vectors of references, (N, views, D): as it is, and mirrored if that is allowed; `names` has one for each.

    `jittered`, (N, changes, D), holds how each one looks with other framing and light.
    """

    names: list[str]
    vectors: Vector
    jittered: Vector

    def only(self, kept: NDArray[np.bool_]) -> "References":
        """Return the references of a mask (N,)."""
        names = [name for name, stays in zip(self.names, kept, strict=True) if stays]
        return References(names, self.vectors[kept], self.jittered[kept])

    def changed(self, change: Callable[[Vector], Vector]) -> "References":
        """Return the references with another descriptor, made of rows (..., D)."""
        return References(self.names, change(self.vectors), change(self.jittered))

    @property
    def characters(self) -> list[str]:
        """The names, each once."""
        return list(dict.fromkeys(self.names))


@dataclass(frozen=True)
class Namer:
    """`score` turns vectors (F, D) into (F, characters): how much faces resemble each of `names`, about -1 to 1."""

    names: list[str]
    score: Callable[[Vector], NDArray[np.float64]]


def best_of(rows: Sequence[str], names: Sequence[str], similarities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Reduce (F, rows) to (F, names) by the best row of each name."""
    owner = np.array(rows)
    return np.stack([similarities[:, owner == name].max(axis=1) for name in names], axis=1).astype(np.float64)


def centroid_namer(references: References) -> Namer:
    """Compare with the mean of each view of a character; people to ignore count one by one."""
    names, rows, owners = references.characters, [], []
    for name in names:
        own = references.vectors[np.array(references.names) == name]
        centres = own.reshape(-1, own.shape[-1]) if name == OOD else own.mean(axis=0)
        rows += [unit(centre) for centre in centres]
        owners += [name] * len(centres)
    matrix = np.stack(rows).T
    return Namer(names, lambda faces: best_of(owners, names, faces @ matrix))


def knn_namer(references: References) -> Namer:
    """Compare with the nearest views of each character: the mean of the best few, no more than it has references."""
    names, owner = references.characters, np.array(references.names).repeat(references.vectors.shape[1])
    matrix = references.vectors.reshape(len(owner), -1).T

    def score(faces: Vector) -> NDArray[np.float64]:
        similarities = faces @ matrix
        columns = []
        for name in names:
            own = np.sort(similarities[:, owner == name], axis=1)
            columns.append(own[:, -min(NEIGHBOURS, references.names.count(name)) :].mean(axis=1))
        return np.stack(columns, axis=1).astype(np.float64)

    return Namer(names, score)


@dataclass(frozen=True)
class Ridge:
    """A ridge regression on N rows in its dual form: `factors`, (N, targets), times likenesses to the rows predict."""

    inverse: NDArray[np.float64]
    targets: NDArray[np.float64]

    @property
    def factors(self) -> NDArray[np.float64]:
        """What each row adds per likeness."""
        return self.inverse @ self.targets

    def held_out(self, groups: NDArray[np.int_]) -> NDArray[np.float64]:
        """Return what is predicted of each row, (N, targets), without the rows of its group, as if fitted anew.

        Source: the leave-one-out residuals of linear smoothers (PRESS, Allen 1974), for groups.
        """
        factors, found = self.factors, np.empty_like(self.targets)
        for group in np.unique(groups):
            own = np.flatnonzero(groups == group)
            found[own] = self.targets[own] - np.linalg.solve(self.inverse[np.ix_(own, own)], factors[own])
        return found


def ridge(likeness: NDArray[np.float64], targets: NDArray[np.float64], counts: NDArray[np.float64]) -> Ridge:
    """Fit `targets`, (N, characters), to the likeness of rows, (N, N); each row counts as often as `counts` says.

    Characters count alike, however many rows they have, and a row of nobody as much as a middling one.
    Source: regularised least squares classification, in its dual form, which needs one equation per row.
    """
    shares = 1 / np.maximum((targets * counts[:, None]).sum(axis=0), 1e-9)
    weights = counts * np.where(targets.any(axis=1), (targets * shares).sum(axis=1), shares.mean()) * len(shares)
    return Ridge(np.asarray(np.linalg.inv(likeness + RIDGE * np.diag(1 / weights)), np.float64), targets)


def targets_of(owners: Sequence[str], names: Sequence[str]) -> NDArray[np.float64]:
    """Return 1 for the name of each owner and 0 for others, (owners, names)."""
    return np.array([[owner == name for name in names] for owner in owners], np.float64)


def linear_namer(references: References) -> Namer:
    """Separate the characters by ridge regression on their views: 1 for one's own character, 0 for another."""
    names, views = references.characters, references.vectors.shape[1]
    targets = targets_of(references.names, names).repeat(views, axis=0)
    rows = references.vectors.reshape(len(targets), -1).astype(np.float64)
    solution = rows.T @ ridge(rows @ rows.T, targets, np.ones(len(targets))).factors
    return Namer(names, lambda faces: np.asarray(faces.astype(np.float64) @ solution))


NAMERS: dict[str, Callable[[References], Namer]] = {
    "knn": knn_namer,
    "centroid": centroid_namer,
    "linear": linear_namer,
}


@dataclass(frozen=True)
class Candidate:
    """A name and how much the face resembles it, about -1 to 1."""

    name: str
    score: float


def ranked(namer: Namer, scores: NDArray[np.floating]) -> list[Candidate]:
    """Return the candidates for one face with scores (characters,), the most similar first."""
    order = np.argsort(-scores, kind="stable")
    return [Candidate(namer.names[place], round(float(scores[place]), 4)) for place in order]


@dataclass(frozen=True)
class Acceptance:
    """When the best name is good enough: its similarity, plus its lead over the next name times `margin_weight`.

    A lead below `min_lead` is never enough.
    """

    unknown_below: float = 0.7
    margin_weight: float = 0.0
    min_lead: float = 0.02

    def strength(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the strength of the best name of each face, (F,), from scores (F, characters)."""
        first: NDArray[np.float64] = scores.max(axis=1).astype(np.float64)
        if scores.shape[1] < 2:
            return first
        second = np.partition(scores, -2, axis=1)[:, -2]
        return np.asarray(first + self.margin_weight * (first - second), np.float64)

    def holds(self, candidates: Sequence[Candidate], strength: float) -> bool:
        """Return whether the best candidate is good enough."""
        lead = candidates[0].score - candidates[1].score if len(candidates) > 1 else 1.0
        return lead >= self.min_lead and round(strength, 4) >= self.unknown_below


@dataclass(frozen=True)
class NamedFace:
    """A named face: the best candidate's name and score, about -1 to 1; `unknown` if it is too weak; the runner-up.

    `box` is (left, top, right, bottom) as fractions of the frame; a single character has no runner-up.
    """

    box: Box
    name: str
    score: float
    runner_up: Candidate | None


def name_faces(
    faces: Sequence[Face],
    scores: NDArray[np.floating],
    namer: Namer,
    acceptance: Acceptance,
    strength: NDArray[np.floating],
) -> list[NamedFace]:
    """Name faces by their scores (faces, characters), if they are strong enough, (faces,)."""
    named = []
    for face, row, strong in zip(faces, scores, strength, strict=True):
        candidates = ranked(namer, row)
        first, runner_up = candidates[0], candidates[1] if len(candidates) > 1 else None
        name = first.name if acceptance.holds(candidates, float(strong)) else UNKNOWN
        named.append(NamedFace(face.box, name, first.score, runner_up))
    return named
