"""Names of the faces of a scene: each face by itself or with its track, and what faceless frames can infer."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framekit import console, errors
from framekit.boxes import Box, Face, overlap
from framekit.characters import recognise
from framekit.characters.descriptors import Vector
from framekit.characters.match import Acceptance, Candidate, Namer, ranked
from framekit.dataset import frames
from framekit.files import atomic, names
from framekit.files.names import CHARACTERS, sidecar
from framekit.sidecars import characters, metadata
from framekit.sidecars.corrections import WRITTEN
from framekit.sidecars.episode import Episodes
from framekit.sidecars.metadata import UNKNOWN

# Two faces of neighbouring frames are one if their boxes overlap and they look alike, or if they look very much alike.
# Chosen on the scenes of two sample shows, where no track joins two characters.
LEAST_OVERLAP, LEAST_LIKENESS = 0.2, 0.7  # intersection over union, and cosine
SURE_LIKENESS = 0.93  # cosine
REACH = 2  # frames back in which a face may have been seen last: it may be missed once
BOX_SHARE = 0.1  # weight of the overlap added to the cosine, to order candidate links; chosen, not measured


@dataclass(frozen=True)
class NamedFace:
    """A face with its name, which is `unknown` when the best candidate is too weak."""

    box: Box
    name: str
    score: float
    runner_up: Candidate | None


def name_face(face: Face, candidates: Sequence[Candidate], acceptance: Acceptance) -> NamedFace:
    """Decide on a name."""
    first, runner_up = candidates[0], candidates[1] if len(candidates) > 1 else None
    return NamedFace(face.box, first.name if acceptance.holds(candidates) else UNKNOWN, first.score, runner_up)


def scenes(found: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield the frames of each scene, in their order; a frame whose scene nobody knows stands alone."""

    episodes = Episodes()

    def scene_of(numbered: tuple[int, Path]) -> tuple[Path, Any]:
        number, frame = numbered
        try:
            scene = episodes.source_of(frame).get("scene")
        except errors.BadSidecar:
            scene = None  # generate_metadata.py lists it
        return frame.parent, ("alone", number) if scene is None else scene

    for _, members in groupby(enumerate(found), key=scene_of):
        yield [frame for _, frame in members]


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
    return [
        [name_face(face, ranked(namer, row), acceptance) for face, row in zip(one.faces, rows, strict=True)]
        for one, rows in zip(shown, scores, strict=True)
    ]


def propagate(found: Sequence[Path], kept: set[Path]) -> int:
    """Write into the sidecar of each frame without faces who must be on it; return on how many frames somebody is.

    `kept` are corrected frames, which stay as they are.
    """
    count = 0
    for members in scenes(found):
        names, faceless = [], []
        for frame in members:
            known = names_of(frame)
            names.append([name for name in known.values() if name not in metadata.NOBODY] if known is not None else [])
            faceless.append(known == {})
        for frame, own in zip(members, inferred(names, faceless), strict=True):
            path = sidecar(frame, CHARACTERS)
            if frame in kept or not path.exists():
                continue
            count += bool(own)
            write_inferred(path, own)
    return count


def names_of(frame: Path) -> Mapping[Box, str] | None:
    """Return the name of each face of a frame, None where nobody has looked or the sidecar is damaged."""
    try:
        return characters.read_names(frame) if names.sidecar(frame, names.CHARACTERS).exists() else None
    except errors.BadSidecar:
        return None


def write_inferred(path: Path, names: Sequence[str]) -> None:
    """Write who must be on a frame into its sidecar, if that changes it."""
    try:
        record = atomic.read_json(path)
    except errors.BadSidecar:
        return
    if record.get("inferred", []) != list(names):
        record = {name: value for name, value in record.items() if name != "inferred"}
        written = {name: record.pop(name) for name in (WRITTEN,) if name in record}
        atomic.write_json(path, record | ({"inferred": list(names)} if names else {}) | written)


def name_frames(
    known: Mapping[Path, Sequence[Face]],
    todo: Collection[Path],
    recogniser: recognise.Recogniser,
    voting: bool,
    workers: int,
) -> Iterator[tuple[Path, list[NamedFace] | frames.Unreadable]]:
    """Yield each frame to name with the names of its faces; all frames of its scene are looked at, and vote."""
    groups = [[frame] for frame in known] if not voting else list(scenes(list(known)))
    groups = [members for members in groups if any(frame in todo for frame in members)]
    wanted = {frame: known[frame] for members in groups for frame in members}
    looks = recognise.looks_of(wanted, recogniser, workers)
    bar = iter(console.progress(looks, len(wanted), "frame"))
    for members in groups:
        seen = [next(bar) for _ in members]
        shown = [Shown(known[frame], look) for frame, look in seen if not isinstance(look, frames.Unreadable)]
        named = iter(name_scene(shown, recogniser.namer, recogniser.acceptance, voting))
        for frame, look in seen:
            result = look if isinstance(look, frames.Unreadable) else next(named)
            if frame in todo:
                yield frame, result


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
