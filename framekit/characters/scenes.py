"""Faces followed through a scene: tracks whose frames vote on one name, and who must be on frames without faces."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framekit.boxes import Face, overlap
from framekit.characters.descriptors import Vector
from framekit.characters.match import Acceptance, NamedFace, Namer, name_faces

# Two faces of neighbouring frames are one if their boxes overlap and they look alike, or if they look very much alike.
# Chosen on the scenes of two sample shows, where no track joins two characters.
LEAST_OVERLAP, LEAST_LIKENESS = 0.2, 0.7  # intersection over union, and cosine
SURE_LIKENESS = 0.93  # cosine
REACH = 2  # frames back in which a face may have been seen last: it may be missed once
BOX_SHARE = 0.1  # weight of the overlap added to the cosine, to order candidate links; chosen, not measured


@dataclass(frozen=True)
class Shown:
    """The faces of one frame and how they look, (faces, D)."""

    faces: Sequence[Face]
    vectors: Vector


def name_scene(shown: Sequence[Shown], namer: Namer, acceptance: Acceptance, voting: bool) -> list[list[NamedFace]]:
    """Return the names of the faces of each frame of a scene; `voting` lets the frames of a track vote together."""
    scores: list[NDArray[np.float64]] = [
        namer.score(one.vectors) if len(one.faces) else np.empty((0, len(namer.names))) for one in shown
    ]
    if voting:
        scores = voted(link(shown), scores)
    return [name_faces(one.faces, rows, namer, acceptance) for one, rows in zip(shown, scores, strict=True)]


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
