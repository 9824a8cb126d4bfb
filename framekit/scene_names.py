"""Names of the faces of a scene: each face by itself or with its track, and what faceless frames can infer."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framekit import frames, metadata, name_record, recognition, sidecar, stage
from framekit.face_record import WRITTEN
from framekit.faces import Box, Face
from framekit.frame_source import source_of
from framekit.naming import Acceptance, Candidate, Namer, ranked
from framekit.references import UNKNOWN
from framekit.tracks import Shown, inferred, link, voted


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

    def scene_of(numbered: tuple[int, Path]) -> tuple[Path, Any]:
        number, frame = numbered
        try:
            scene = source_of(frame).get("scene")
        except sidecar.BadSidecar:
            scene = None  # generate_metadata.py lists it
        return frame.parent, ("alone", number) if scene is None else scene

    for _, members in groupby(enumerate(found), key=scene_of):
        yield [frame for _, frame in members]


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
            path = sidecar.sidecar(frame, sidecar.CHARACTERS)
            if frame in kept or not path.exists():
                continue
            count += bool(own)
            write_inferred(path, own)
    return count


def names_of(frame: Path) -> Mapping[Box, str] | None:
    """Return the name of each face of a frame, None where nobody has looked or the sidecar is damaged."""
    try:
        return name_record.read_names(frame) if sidecar.sidecar(frame, sidecar.CHARACTERS).exists() else None
    except sidecar.BadSidecar:
        return None


def write_inferred(path: Path, names: Sequence[str]) -> None:
    """Write who must be on a frame into its sidecar, if that changes it."""
    try:
        record = sidecar.read_json(path)
    except sidecar.BadSidecar:
        return
    if record.get("inferred", []) != list(names):
        record = {name: value for name, value in record.items() if name != "inferred"}
        written = {name: record.pop(name) for name in (WRITTEN,) if name in record}
        sidecar.write_json(path, record | ({"inferred": list(names)} if names else {}) | written)


def name_frames(
    known: Mapping[Path, Sequence[Face]],
    todo: Collection[Path],
    recogniser: recognition.Recogniser,
    voting: bool,
    workers: int,
) -> Iterator[tuple[Path, list[NamedFace] | frames.Unreadable]]:
    """Yield each frame to name with the names of its faces; all frames of its scene are looked at, and vote."""
    groups = [[frame] for frame in known] if not voting else list(scenes(list(known)))
    groups = [members for members in groups if any(frame in todo for frame in members)]
    wanted = {frame: known[frame] for members in groups for frame in members}
    looks = recognition.looks_of(wanted, recogniser, workers)
    bar = iter(stage.progress(looks, len(wanted), "frame"))
    for members in groups:
        seen = [next(bar) for _ in members]
        shown = [Shown(known[frame], look) for frame, look in seen if not isinstance(look, frames.Unreadable)]
        named = iter(name_scene(shown, recogniser.namer, recogniser.acceptance, voting))
        for frame, look in seen:
            result = look if isinstance(look, frames.Unreadable) else next(named)
            if frame in todo:
                yield frame, result
