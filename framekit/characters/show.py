"""What the faces of a show tell of each other.

Tracks through a scene, whose frames vote on one name; how well a face is supported by all others, which tells people
with references from strangers; who must be on frames without faces.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framekit.boxes import Face, overlap
from framekit.characters.calibrate import best_cut
from framekit.characters.descriptors import Vector
from framekit.characters.match import Acceptance, NamedFace, Namer, References, name_faces

# Two faces of neighbouring frames are one if their boxes overlap and they look alike, or if they look very much alike.
# Chosen on the scenes of two sample shows, where no track joins two characters.
LEAST_OVERLAP, LEAST_LIKENESS = 0.2, 0.7  # intersection over union, and cosine
SURE_LIKENESS = 0.93  # cosine
REACH = 2  # frames back in which a face may have been seen last: it may be missed once
BOX_SHARE = 0.1  # weight of the overlap added to the cosine, to order candidate links; chosen, not measured
# Of the graph of all faces. Chosen on heads of 11 redrawn characters and checked on 11 others (docs/measured.md);
# between half and twice of each it makes little difference.
NEAR, CROWD = 16, 10  # neighbours that a face is joined to; nearest faces that tell how common a look is
DECAY = 0.08  # difference in likeness at which a join weighs 1/e
SPREAD = 0.5  # share of its support that a face takes from its neighbours
ONE_LOOK = (
    0.9  # cosine from which faces count as one look, so that a held drawing isn't many; chosen on the sample show
)
FEWEST = 50  # faces below which they tell too little of each other


@dataclass(frozen=True)
class Shown:
    """The faces of one frame, how they look, (faces, D), and how well each is supported, (faces,), where known."""

    faces: Sequence[Face]
    vectors: Vector
    support: NDArray[np.float64] | None = None


def name_scene(shown: Sequence[Shown], namer: Namer, acceptance: Acceptance, voting: bool) -> list[list[NamedFace]]:
    """Return the names of the faces of each frame of a scene; `voting` lets the frames of a track vote together.

    Where faces have support, that is the strength which `acceptance` judges.
    """
    scores: list[NDArray[np.float64]] = [
        namer.score(one.vectors) if len(one.faces) else np.empty((0, len(namer.names))) for one in shown
    ]
    strength = [
        acceptance.strength(rows) if one.support is None else one.support
        for one, rows in zip(shown, scores, strict=True)
    ]
    if voting:
        tracks = link(shown)
        scores = voted(tracks, scores)
        strength = [own[:, 0] for own in voted(tracks, [own[:, None] for own in strength])]
    return [
        name_faces(one.faces, rows, namer, acceptance, own)
        for one, rows, own in zip(shown, scores, strength, strict=True)
    ]


@dataclass(frozen=True)
class Support:
    """How well each face is supported, (faces,), from 0 on; whoever has `least` is somebody known."""

    faces: NDArray[np.float64]
    least: float


def support(references: References, faces: Vector) -> Support | None:
    """Return how well the references support each face (faces, D), directly and through all other faces.

    Faces of strangers resemble each other more than any reference; whoever has references resembles them, or faces
    that do. References are held out one by one, and character by character, to tell the least, on a scale of logarithms
    since support falls off with each step. None where it can't be told: with few faces, or without two characters of
    two references.
    Source: Zhou et al. 2004, learning with local and global consistency, on likeness less how common each look is
    (Conneau et al. 2018, cross-domain similarity local scaling).
    """
    owner = np.array(references.names)
    if len(faces) < FEWEST or sum(references.names.count(name) > 1 for name in references.characters) < 2:
        return None
    count = len(owner)
    looks, look_of = distinct(faces)
    given = spread(joins(references, looks), count)
    own = np.stack([given[:, owner == name].sum(axis=1) for name in references.characters], axis=1)
    among = np.stack([given[:count][:, owner == name].sum(axis=1) for name in references.characters], axis=1)
    itself = owner[:, None] == np.array(references.characters)[None]
    held_out = (among - np.diag(given[:count])[:, None])[itself]
    strange = np.where(itself, -np.inf, among).max(axis=1)
    siblings = np.array([references.names.count(name) > 1 for name in owner])
    known, others = (np.log(np.maximum(values, 1e-9)) for values in (held_out[siblings], strange))
    return Support(own[count:].max(axis=1)[look_of], round(float(np.exp(best_cut(known, others))), 4))


def distinct(faces: Vector) -> tuple[Vector, NDArray[np.int_]]:
    """Return the first face of each look, (looks, D), and the look of each face, (faces,)."""
    looks: list[int] = []
    look_of = np.empty(len(faces), int)
    for number, face in enumerate(faces):
        alike = faces[looks] @ face if looks else np.zeros(1)
        nearest = int(alike.argmax())
        if alike[nearest] < ONE_LOOK:
            nearest = len(looks)
            looks.append(number)
        look_of[number] = nearest
    return faces[looks], look_of


def joins(references: References, faces: Vector) -> NDArray[np.float64]:
    """Return how strongly references and faces, in this order, are joined: (N, N), 0 for all but near ones."""
    rows = np.concatenate([references.vectors[:, 0], faces]).astype(np.float64)
    count = len(references.names)
    alike = rows @ rows.T
    for view in range(1, references.vectors.shape[1]):
        seen = references.vectors[:, view].astype(np.float64) @ rows.T
        alike[:count] = np.maximum(alike[:count], seen)
        alike[:, :count] = np.maximum(alike[:, :count], seen.T)
    np.fill_diagonal(alike, -np.inf)
    others = len(rows) - 1
    crowded = np.sort(alike, axis=1)[:, -min(CROWD, others) :].mean(axis=1)
    alike -= (crowded[:, None] + crowded[None]) / 2
    nearest = np.argsort(-alike, axis=1, kind="stable")[:, : min(NEAR, others)]
    joined = np.zeros_like(alike)
    each = np.arange(len(rows))[:, None]
    joined[each, nearest] = np.exp((alike[each, nearest] - alike.max()) / DECAY)
    return np.asarray(np.maximum(joined, joined.T))


def spread(joined: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the support that each of N gets from each of the first `count`, (N, count)."""
    degree = np.sqrt(joined.sum(axis=1))
    normal = joined / (degree[:, None] * degree[None])
    return np.asarray(np.linalg.solve(np.eye(len(joined)) - SPREAD * normal, np.eye(len(joined), count)))


def likeness(one: Vector, other: Vector) -> float:
    """Return the cosine of two vectors."""
    return float(one @ other) / max(1e-9, float(np.linalg.norm(one) * np.linalg.norm(other)))


def follows(box: float, alike: float) -> bool:
    """Return whether two faces of neighbouring frames are one, by the overlap of their boxes and their likeness."""
    return alike >= SURE_LIKENESS or (box >= LEAST_OVERLAP and alike >= LEAST_LIKENESS)


def link(scene: Sequence[Shown]) -> list[list[int]]:
    """Return the track of each face of each frame of a scene; in a frame, each track has one face at most.

    The likeliest pairs are linked first.
    """
    tracks: list[list[int]] = []
    last: dict[int, tuple[int, Face, Vector]] = {}
    for place, shown in enumerate(scene):
        near = {track: seen for track, seen in last.items() if place - seen[0] <= REACH}
        pairs = []
        for number, face in enumerate(shown.faces):
            for track, (_, other, vector) in near.items():
                box, alike = overlap(face.box, other.box), likeness(shown.vectors[number], vector)
                if follows(box, alike):
                    pairs.append((alike + BOX_SHARE * box, number, track))
        own = [-1] * len(shown.faces)
        for _, number, track in sorted(pairs, reverse=True):
            if own[number] < 0 and track not in own:
                own[number] = track
        for number, face in enumerate(shown.faces):
            if own[number] < 0:
                own[number] = len(last)
            last[own[number]] = (place, face, shown.vectors[number])
        tracks.append(own)
    return tracks


def voted(tracks: Sequence[Sequence[int]], scores: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Return the scores of each face, (faces, characters), averaged over the frames of its track."""
    total: dict[int, NDArray[np.float64]] = {}
    count: dict[int, int] = {}
    for own, given in zip(tracks, scores, strict=True):
        for track, score in zip(own, given, strict=True):
            total[track] = total.get(track, np.zeros_like(score)) + score
            count[track] = count.get(track, 0) + 1
    return [
        np.array([total[track] / count[track] for track in own]).reshape(given.shape)
        for own, given in zip(tracks, scores, strict=True)
    ]


def inferred(scene: Sequence[Sequence[str]], faceless: Sequence[bool]) -> list[list[str]]:
    """Return who must be on each frame without faces: those who were named before it and after it in its scene.

    `scene` has the known names of each frame.
    """
    found = []
    for place, empty in enumerate(faceless):
        before = {name for names in scene[:place] for name in names}
        after = {name for names in scene[place + 1 :] for name in names}
        found.append(sorted(before & after) if empty else [])
    return found
