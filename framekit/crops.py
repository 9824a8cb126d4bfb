"""Crops of faces as a dataset of their own: each with its sidecars, and where in which frame it was cut."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from glob import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from framekit import frames, removed, sidecar, stage
from framekit.encoding import encode_png
from framekit.episode_record import record_text
from framekit.face_record import faces_record, read_faces
from framekit.faces import Box, Face, Seen
from framekit.frame_source import record_of, source_of
from framekit.head_crops import KINDS, crops_of, faces_inside
from framekit.name_record import names_record, read_names

STALE = "stale_crop"
HEAD = ("video", "episode", "prefix")  # what the record of an episode says once for all its frames


@dataclass(frozen=True)
class Crop:
    """A crop to write: its path, the pixels, the faces in it with their names, and where it was cut."""

    path: Path
    pixels: frames.Pixels
    faces: list[Face]
    names: list[str]
    cut: dict[str, Any]


def crops_in(frame: Path, pixels: frames.Pixels, root: Path, target: Path) -> list[Crop]:
    """Return the crops of a frame below `root`, to be written below `target`. Raises BadSidecar."""
    faces = read_faces(frame) or []
    names: Mapping[Box, str] = read_names(frame)
    inside = frame.relative_to(root)
    found = []
    for kind, number, box, (left, top, right, bottom) in crops_of(faces, (pixels.shape[1], pixels.shape[0])):
        path = target / kind / inside.parent / f"{frame.stem}_{kind}{number}.png"
        held = faces_inside(faces, box)
        cut = {"frame": inside.as_posix(), "kind": kind, "box": list(box)}
        named = [names.get(face.box, "") for face, _ in held]
        found.append(Crop(path, pixels[top:bottom, left:right], [moved for _, moved in held], named, cut))
    return found


def write_crop(crop: Crop) -> None:
    """Write a crop and its sidecars."""
    crop.path.parent.mkdir(parents=True, exist_ok=True)
    record = faces_record("crop", 0.0, Seen(crop.faces, [], []))
    sidecar.write_json(sidecar.sidecar(crop.path, sidecar.FACES), record)
    if any(crop.names):
        named = [
            {"box": list(face.box), "name": name or "unknown", "score": 1.0, "runner_up": None}
            for face, name in zip(crop.faces, crop.names, strict=True)
        ]
        sidecar.write_json(sidecar.sidecar(crop.path, sidecar.CHARACTERS), names_record("crop", "", named, []))
    if known_sources(crop.path.parent).get(crop.path.stem, {}).get("crop") != crop.cut or not crop.path.exists():
        sidecar.write_whole(crop.path, encode_png(crop.pixels))


@cache
def known_sources(folder: Path) -> dict[str, Any]:
    """Return where the crops of a folder came from, as its record says; nothing if that is missing or damaged."""
    try:
        known = record_of(folder).get("frames")
    except sidecar.BadSidecar:
        return {}
    return {stem: told for stem, told in known.items() if isinstance(told, dict)} if isinstance(known, dict) else {}


def stale_crops(frame: Path, root: Path, target: Path, kept: set[Path]) -> Iterator[Path]:
    """Yield the crops of a frame that belong to faces that are no more."""
    for kind in KINDS:
        folder = target / kind / frame.relative_to(root).parent
        for path in sorted(folder.glob(f"{escape(frame.stem)}_{kind}*.png")):
            if path.stem.removeprefix(f"{frame.stem}_{kind}").isdecimal() and path not in kept:
                yield path


def note_cuts(cuts: Mapping[Path, Mapping[str, Any]]) -> None:
    """Write down where crops were cut, in the .frames.json of each folder of crops. Raises BadSidecar."""
    for folder, members in groupby(sorted(cuts), key=lambda path: path.parent):
        sources = {path.stem: dict(cuts[path]) for path in members}
        head = {name: cuts_first.get(name) for cuts_first in [next(iter(sources.values()))] for name in HEAD}
        sources = {
            stem: {name: told for name, told in one.items() if name not in HEAD} for stem, one in sources.items()
        }
        path = folder / sidecar.EPISODE_RECORD
        sidecar.write_whole(path, record_text({"schema": 1} | head | {"frames": known_sources(folder) | sources}))


def write_crops(found: Sequence[Path], root: Path, target: Path, workers: int) -> tuple[int, list[tuple[Path, str]]]:
    """Write the crops of all frames that have faces; return how many, and the frames that could not be cut.

    Crops of faces that are no more are set aside in `target`/.removed. Raises Misuse if `target` lies among the frames.
    """
    frames.refuse_inside(target, root)
    record_of.cache_clear()
    known_sources.cache_clear()
    cuts: dict[Path, dict[str, Any]] = {}
    failed = []
    looked = [frame for frame in found if sidecar.sidecar(frame, sidecar.FACES).exists()]
    decoded = frames.map_frames(lambda pixels: pixels, looked, workers)
    for frame, pixels in stage.progress(decoded, len(looked), "frame", "crops"):
        if isinstance(pixels, frames.Unreadable):
            continue  # the stage that looked for faces lists it
        try:
            crops, source = crops_in(frame, pixels, root, target), source_of(frame)
        except sidecar.BadSidecar as error:
            failed.append((frame, str(error)))
            continue
        for crop in crops:
            write_crop(crop)
        cuts |= {crop.path: source | {"crop": crop.cut} for crop in crops}
        for path in stale_crops(frame, root, target, {crop.path for crop in crops}):
            removed.remove(target, path, STALE)
    note_cuts(cuts)
    return len(cuts), failed
