"""What the faces of a show tell of each other.

Tracks through a scene, whose frames vote on one name; all faces weighed together, which tells people with references
from strangers; who must be on frames without faces.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framekit.boxes import Face, overlap
from framekit.characters.calibrate import best_cut
from framekit.characters.descriptors import Vector
from framekit.characters.match import Acceptance, NamedFace, Namer, References, name_faces, ridge, targets_of
from framekit.sidecars.metadata import OOD

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
SUPPORT = 0.1  # weight of a face's support by the graph, a logarithm, beside its score
PSEUDO = 0.5  # how much a face counts that is surely somebody, or surely nobody, where a view of a reference has 1
SURE = 0.6  # strength beyond the least, or below it, of a face that counts by three quarters of that
# Where the least strength lies in a gap between strangers, 0, and known ones, 1: faces of a show differ from references
# more than these from each other. Chosen on composed shows, of which one of three lost a character at 0.35.
PLACE = 0.1
ROUNDS = 2  # in which faces are guessed and then count


@dataclass(frozen=True)
class Shown:
    """The faces of one frame, how they look, (faces, D), and where all faces were weighed what came of it.

    That are scores, (faces, characters), and strengths, (faces,).
    """

    faces: Sequence[Face]
    vectors: Vector
    scores: NDArray[np.float64] | None = None
    strength: NDArray[np.float64] | None = None


def name_scene(shown: Sequence[Shown], namer: Namer, acceptance: Acceptance, voting: bool) -> list[list[NamedFace]]:
    """Return the names of the faces of each frame of a scene; `voting` lets the frames of a track vote together.

    Where faces have a strength, that is what `acceptance` judges.
    """
    empty = np.empty((0, len(namer.names)))
    scores: list[NDArray[np.float64]] = [
        one.scores if one.scores is not None else namer.score(one.vectors) if len(one.faces) else empty for one in shown
    ]
    strength = [
        acceptance.strength(rows) if one.strength is None else one.strength
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
class Crowd:
    """What all faces tell of each: `scores` by character, (faces, characters), and the `strength` of it being anybody.

    Whoever has the `least` strength, (faces,), is somebody known.
    """

    scores: NDArray[np.float64]
    strength: NDArray[np.float64]
    least: float


def weigh(references: References, faces: Vector) -> Crowd | None:
    """Weigh all faces, (faces, D), together. None with few faces, or without two characters of two references.

    Each reference, and each character, is held out to tell known people from strangers. Then faces that are surely
    somebody count as views of that character, and sure strangers as views of nobody: they are what the show has beside
    those with references.
    """
    if len(faces) < FEWEST or sum(references.names.count(name) > 1 for name in references.characters) < 2:
        return None
    count, views = references.vectors.shape[:2]
    looks, look_of = distinct(faces)
    likeness = centred_likeness(references.vectors, looks)
    own = targets_of(references.names, references.characters)
    targets, given = own.repeat(views, axis=0), len(likeness) - len(looks)
    groups = np.concatenate([np.arange(count).repeat(views), count + np.arange(len(looks))])
    siblings = (own.sum(axis=0) @ own.T > 1) & (np.array(references.names) != OOD)
    supported, held_out, strange = (SUPPORT * values for values in support(references, looks))
    fitted = ridge(likeness[:given, :given], targets, np.ones(given))
    scores = likeness[given:, :given] @ fitted.factors
    without = fitted.held_out(own.argmax(axis=1).repeat(views))[::views]
    strange = strange + np.where(own > 0, -np.inf, without).max(axis=1)
    known = held_out + fitted.held_out(groups[:given])[::views][own > 0]
    strength = supported + scores.max(axis=1)
    least = best_cut(known[siblings], strange, PLACE)
    for _ in range(ROUNDS):
        somebody = strength >= least
        guessed = np.eye(own.shape[1])[scores.argmax(axis=1)] * somebody[:, None]
        sure = PSEUDO * np.abs(np.tanh((strength - least) / SURE)) + 1e-3
        fitted = ridge(likeness, np.concatenate([targets, guessed]), np.concatenate([np.ones(given), sure]))
        without = fitted.held_out(groups)
        scores = likeness[given:] @ fitted.factors
        strength = supported + without[given:].max(axis=1)
        known = held_out + without[:given:views][own > 0]
        least = best_cut(
            np.concatenate([known[siblings], strength[somebody]]),
            np.concatenate([strange, strength[~somebody]]),
            PLACE,
        )
    return Crowd(scores[look_of], strength[look_of], least)


def centred_likeness(views: Vector, looks: Vector) -> NDArray[np.float64]:
    """Return the cosines of all views of references, (references, views, D), and looks, (looks, D), in this order.

    What all have in common, their mean, is taken away first.
    """
    rows = np.concatenate([views.reshape(-1, views.shape[-1]), looks]).astype(np.float64)
    rows -= np.concatenate([views[:, 0], looks]).mean(axis=0)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return np.asarray(rows @ rows.T)


def support(references: References, faces: Vector) -> tuple[NDArray[np.float64], ...]:
    """Return how well references support each face, directly and through all other faces: (faces,), in logarithms.

    Also how well siblings support each reference, and how well it would be supported without its character.
    Source: Zhou et al. 2004, learning with local and global consistency, on likeness less how common each look is
    (Conneau et al. 2018, cross-domain similarity local scaling).
    """
    own, count = targets_of(references.names, references.characters), len(references.names)
    given = spread(joins(references, faces), count)
    by_name = given @ own
    held_out = by_name[:count][own > 0] - np.diag(given[:count])
    strange = np.where(own > 0, 0, by_name[:count]).max(axis=1)
    return tuple(np.log(np.maximum(values, 1e-9)) for values in (by_name[count:].max(axis=1), held_out, strange))


def distinct(faces: Vector) -> tuple[Vector, NDArray[np.int_]]:
    """Return the first face of each look, (looks, D), and the look of each face, (faces,)."""
    looks: list[int] = []
    look_of = np.empty(len(faces), int)
    for number, row in enumerate(faces @ faces.T):
        alike = row[looks] if looks else np.zeros(1)
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
