"""The same face through the kept frames of one scene: they vote together, and frames without faces learn of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framekit.characters import Vector
from framekit.faces import Face, overlap

# Two faces of neighbouring frames are one if their boxes overlap and they look alike; where a scene moves, either alone
# must be strong. Fractions; chosen on the scenes of two sample shows, where no track joins two characters.
LEAST_OVERLAP, LEAST_LIKENESS = 0.2, 0.7
SURE_LIKENESS = 0.93
REACH = 2  # how many frames back a face may have been missed
BOX_SHARE = 0.1  # what overlap counts beside likeness where several faces could follow


@dataclass(frozen=True)
class Shown:
    """The faces of one frame and how they look, (faces, D)."""

    faces: Sequence[Face]
    vectors: Vector


def likeness(one: Vector, other: Vector) -> float:
    """Return the cosine of two vectors."""
    return float(one @ other) / max(1e-9, float(np.linalg.norm(one) * np.linalg.norm(other)))


def follows(box: float, alike: float) -> bool:
    """Tell whether two faces of neighbouring frames are one, by the overlap of their boxes and their likeness."""
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
    """Return the scores of each face, (faces, characters), averaged over its track: each frame has one voice."""
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
