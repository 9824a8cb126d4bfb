"""Frames to X.characters.json: which frames wait for names, naming them scene by scene, writing, `--propagate`."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from framekit import console, errors
from framekit.boxes import Box, Face
from framekit.characters.descriptors import Vector
from framekit.characters.match import NamedFace, linear_namer
from framekit.characters.recognise import Recogniser
from framekit.characters.show import Shown, inferred, name_scene, weigh
from framekit.dataset import frames
from framekit.faces.crops import crop_head
from framekit.files import atomic
from framekit.files.names import CHARACTERS, sidecar
from framekit.pixels.decode import Pixels
from framekit.sidecars import characters, metadata
from framekit.sidecars.corrections import WRITTEN
from framekit.sidecars.episode import Episodes

MOST = 2000  # faces that are weighed against each other at most: time and memory grow with the square; chosen
CROPS_AT_A_TIME = 8  # crops from several frames that are embedded together: the batch of the networks


def waiting_frames(
    known: Mapping[Path, Sequence[Face]], redo: bool, overwrite_corrections: bool
) -> tuple[set[Path], set[Path]]:
    """Return the frames to name, and those that stay as a person corrected them."""
    kept = set() if overwrite_corrections else {frame for frame in known if characters.is_corrected(frame)}
    redo = redo or overwrite_corrections
    todo = {frame for frame, seen in known.items() if frame not in kept and characters.is_pending(frame, seen, redo)}
    return todo, kept


def name_frames(
    known: Mapping[Path, Sequence[Face]],
    todo: Collection[Path],
    recogniser: Recogniser,
    voting: bool,
    workers: int,
) -> Iterator[tuple[Path, list[NamedFace] | frames.Unreadable]]:
    """Yield each frame of `todo` with the names of its faces.

    With `voting`, all frames of its scene are looked at, and vote, and all faces of its folder tell who is a stranger.
    """
    crowds = [[[frame]] for frame in known if frame in todo] if not voting else list(crowds_of(known))
    crowds = [scenes for scenes in crowds if any(frame in todo for scene in scenes for frame in scene)]
    wanted = {frame: known[frame] for scenes in crowds for scene in scenes for frame in scene}
    looks = looks_of(wanted, recogniser, workers)
    bar = iter(console.progress(looks, len(wanted), "frame"))
    for scenes in crowds:
        seen = dict(next(bar) for scene in scenes for _ in scene)
        shown = {
            frame: Shown(known[frame], look) for frame, look in seen.items() if not isinstance(look, frames.Unreadable)
        }
        named = name_crowd(scenes, shown, recogniser, voting)
        for frame, look in seen.items():
            if frame in todo:
                yield frame, look if isinstance(look, frames.Unreadable) else named[frame]


def name_crowd(
    scenes: Sequence[Sequence[Path]], shown: Mapping[Path, Shown], recogniser: Recogniser, voting: bool
) -> dict[Path, list[NamedFace]]:
    """Return the names of the faces of each frame that is `shown`, scene by scene."""
    acceptance, looks = recogniser.acceptance, [one.vectors for one in shown.values() if len(one.faces)]
    if voting and recogniser.by_crowd and looks and (found := weigh(recogniser.adapted, np.concatenate(looks))):
        acceptance = replace(acceptance, unknown_below=found.least)
        ends = np.cumsum([len(one.faces) for one in shown.values()])[:-1]
        parts = zip(shown.items(), np.split(found.scores, ends), np.split(found.strength, ends), strict=True)
        linear = recogniser.make is linear_namer
        shown = {
            frame: replace(one, scores=scores if linear else None, strength=strength)
            for (frame, one), scores, strength in parts
        }
    named: dict[Path, list[NamedFace]] = {}
    for scene in scenes:
        own = [frame for frame in scene if frame in shown]
        given = name_scene([shown[frame] for frame in own], recogniser.namer, acceptance, voting)
        named.update(zip(own, given, strict=True))
    return named


def crowds_of(known: Mapping[Path, Sequence[Face]]) -> Iterator[list[list[Path]]]:
    """Yield the scenes of each folder, in their order; of a large one, in parts of up to MOST faces."""
    scenes: list[list[Path]] = []
    count = 0
    for scene in scenes_of(list(known)):
        own = sum(len(known[frame]) for frame in scene)
        if scenes and (scenes[0][0].parent != scene[0].parent or count + own > MOST):
            yield scenes
            scenes, count = [], 0
        scenes.append(scene)
        count += own
    if scenes:
        yield scenes


def looks_of(
    wanted: Mapping[Path, Sequence[Face]], recogniser: Recogniser, workers: int
) -> Iterator[tuple[Path, Vector | frames.Unreadable]]:
    """Yield each frame, in order, with the rows (faces, D) of its faces; several frames are embedded together."""
    waiting: list[tuple[Path, list[Pixels] | frames.Unreadable]] = []

    def embedded() -> Iterator[tuple[Path, Vector | frames.Unreadable]]:
        crops = [crop for _, own in waiting if not isinstance(own, frames.Unreadable) for crop in own]
        rows = recogniser.embed(crops) if crops else np.empty((0, 1), np.float32)
        start = 0
        for path, own in waiting:
            if isinstance(own, frames.Unreadable):
                yield path, own
                continue
            yield path, rows[start : start + len(own)]
            start += len(own)
        waiting.clear()

    count = 0
    for path, pixels in frames.map_frames(lambda pixels: pixels, list(wanted), workers):
        if isinstance(pixels, frames.Unreadable):
            waiting.append((path, pixels))
        else:
            waiting.append((path, [crop_head(pixels, face) for face in wanted[path]]))
            count += len(wanted[path])
        if count >= CROPS_AT_A_TIME:
            yield from embedded()
            count = 0
    yield from embedded()


def scenes_of(found: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield the frames of each scene, folder by folder; a frame whose scene is not known is one by itself."""
    episodes = Episodes()
    by_folder: dict[Path, list[Path]] = {}
    for frame in found:
        by_folder.setdefault(frame.parent, []).append(frame)
    found = [frame for members in by_folder.values() for frame in members]

    def scene_of(numbered: tuple[int, Path]) -> tuple[Path, Any]:
        number, frame = numbered
        try:
            scene = episodes.source_of(frame).get("scene")
        except errors.BadSidecar:
            scene = None  # generate_metadata.py lists it
        return frame.parent, ("alone", number) if scene is None else scene

    for _, members in groupby(enumerate(found), key=scene_of):
        yield [frame for _, frame in members]


def write_names(
    named: Iterable[tuple[Path, list[NamedFace] | frames.Unreadable]],
    made: Mapping[str, Any],
    kept: set[Path],
    overwrite_corrections: bool,
) -> tuple[Counter[str], int, list[tuple[Path, str]]]:
    """Write the names of each frame; return how often each was given, on how many frames, and unreadable frames.

    `made` says with what they were made, see framekit/sidecars/characters.py. Frames that a person corrected meanwhile
    stay, and are added to those that are `kept`.
    """
    counts: Counter[str] = Counter()
    unreadable = []
    written = 0
    for frame, shown in named:
        if isinstance(shown, frames.Unreadable):
            unreadable.append((frame, shown.reason))
            continue
        record = characters.names_record(made, [asdict(one) for one in shown])
        if not characters.write_names(frame, record, overwrite_corrections):
            kept.add(frame)
            continue
        counts.update(one.name for one in shown)
        written += 1
    return counts, written, unreadable


def propagate(found: Sequence[Path], kept: set[Path]) -> int:
    """Write into the sidecar of each frame without faces who must be on it; return on how many frames somebody is.

    `kept` are corrected frames, which stay as they are.
    """
    count = 0
    for members in scenes_of(found):
        named, faceless = [], []
        for frame in members:
            known = names_of(frame)
            named.append([name for name in known.values() if name not in metadata.NOBODY] if known is not None else [])
            faceless.append(known == {})
        for frame, own in zip(members, inferred(named, faceless), strict=True):
            path = sidecar(frame, CHARACTERS)
            if frame in kept or not path.exists():
                continue
            count += bool(own)
            write_inferred(path, own)
    return count


def names_of(frame: Path) -> Mapping[Box, str] | None:
    """Return the name of each face of a frame, None if it was not named or its sidecar is damaged."""
    try:
        return characters.read_names(frame) if sidecar(frame, CHARACTERS).exists() else None
    except errors.BadSidecar:
        return None


def write_inferred(path: Path, names: Sequence[str]) -> None:
    """Write who must be on a frame into its sidecar, if that changes it."""
    seen = atomic.bytes_in(path)
    try:
        record = atomic.read_json(path)
    except errors.BadSidecar:
        return
    if record.get("inferred", []) != list(names):
        record = {name: value for name, value in record.items() if name != "inferred"}
        written = {name: record.pop(name) for name in (WRITTEN,) if name in record}
        record |= ({"inferred": list(names)} if names else {}) | written
        if not atomic.write_over(path, atomic.json_text(record), seen):
            write_inferred(path, names)  # a person saved it meanwhile
