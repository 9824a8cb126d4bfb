"""Crops of faces as a dataset of their own: each with its sidecars, and where in which frame it was cut."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from framekit import console, errors
from framekit.boxes import HEAD_LIFT, HEAD_SCALE, PEOPLE, Box, Face, Seen, face_at, overlap
from framekit.dataset import frames, removed
from framekit.files import atomic, names
from framekit.pixels import decode
from framekit.pixels.decode import Pixels
from framekit.pixels.encode import encode_png
from framekit.sidecars.characters import names_record, read_names, write_names
from framekit.sidecars.episode import Episodes, record_text
from framekit.sidecars.faces import OF_CROP, faces_record, read_faces, read_people, write_faces
from framekit.sidecars.metadata import UNKNOWN

STALE = "stale_crop"
HEAD = ("video", "episode", "prefix")  # keys that the record of an episode holds once for all its frames
OF_FACES = ("face", "head", "square")
KINDS = (*OF_FACES, *PEOPLE)
FACE_SCALE = 1.1  # side of the square around a face over its longer side; chosen: a margin of 5 % on each side
UPPER_THIRD = 1 / 3  # height in the largest square of the middle of the face; Source: the rule of thirds
MOSTLY = 0.5  # of its area; a face of which more than this lies in the crop is kept with it. Chosen
SAME_SQUARE = 0.9  # intersection over union above which two largest squares are one. Chosen
PixelBox = tuple[int, int, int, int]  # (left, top, right, bottom) in px


@dataclass(frozen=True)
class Crop:
    """A crop to write: its path, the pixels, the faces in it with their names, and where it was cut."""

    path: Path
    pixels: decode.Pixels
    faces: list[Face]
    names: list[str]
    cut: dict[str, Any]


def crops_in(frame: Path, pixels: decode.Pixels, root: Path, target: Path) -> list[Crop]:
    """Return the crops of a frame below `root`, to be written below `target`. Raises BadSidecar."""
    faces = read_faces(frame) or []
    names: Mapping[Box, str] = read_names(frame)
    inside = frame.relative_to(root)
    found = []
    size = (pixels.shape[1], pixels.shape[0])
    parts = crops_of(faces, size) + crops_of_people(read_people(frame), size)
    for kind, number, box, (left, top, right, bottom) in parts:
        path = target / kind / inside.parent / f"{frame.stem}_{kind}{number}.png"
        held = faces_inside(faces, box)
        cut = {"frame": inside.as_posix(), "kind": kind, "box": list(box)}
        named = [names.get(face.box, "") for face, _ in held]
        found.append(Crop(path, pixels[top:bottom, left:right], [moved for _, moved in held], named, cut))
    return found


def write_crop(crop: Crop, written: Episodes) -> None:
    """Write a crop and its sidecars; `written` are the records of where crops were cut before."""
    crop.path.parent.mkdir(parents=True, exist_ok=True)
    record = faces_record(OF_CROP, Seen(crop.faces, [], []))
    write_faces(crop.path, record, overwrite=False)
    if any(crop.names):
        named = [
            {"box": list(face.box), "name": name or UNKNOWN, "score": 1.0, "runner_up": None}
            for face, name in zip(crop.faces, crop.names, strict=True)
        ]
        made = {"model": OF_CROP["model"], "references": ""}
        write_names(crop.path, names_record(made, named), overwrite=False)
    before = known_sources(written, crop.path.parent).get(crop.path.stem, {})
    if before.get("crop") != crop.cut or not crop.path.exists():
        atomic.write_whole(crop.path, encode_png(crop.pixels))


def known_sources(written: Episodes, folder: Path) -> dict[str, Any]:
    """Return where the crops of a folder came from, as its record says; nothing if that is missing or damaged."""
    try:
        known = written.record_of(folder).get("frames")
    except errors.BadSidecar:
        return {}
    return (
        {stem: source for stem, source in known.items() if isinstance(source, dict)} if isinstance(known, dict) else {}
    )


def stale_crops(frame: Path, root: Path, target: Path, kept: set[Path]) -> Iterator[Path]:
    """Yield the crops of a frame whose faces are gone."""
    for kind in KINDS:
        folder = target / kind / frame.relative_to(root).parent
        for path in sorted(folder.glob(f"{escape(frame.stem)}_{kind}*.png")):
            if path.stem.removeprefix(f"{frame.stem}_{kind}").isdecimal() and path not in kept:
                yield path


def write_cuts(cuts: Mapping[Path, Mapping[str, Any]], written: Episodes) -> None:
    """Record where crops were cut, in the .frames.json of each folder of crops. Raises BadSidecar."""
    for folder, members in groupby(sorted(cuts), key=lambda path: path.parent):
        sources = {path.stem: dict(cuts[path]) for path in members}
        head = {name: cuts_first.get(name) for cuts_first in [next(iter(sources.values()))] for name in HEAD}
        sources = {
            stem: {name: value for name, value in one.items() if name not in HEAD} for stem, one in sources.items()
        }
        frames_then = dict(sorted((known_sources(written, folder) | sources).items()))
        atomic.write_whole(folder / names.EPISODE_RECORD, record_text({"schema": 1} | head | {"frames": frames_then}))


def write_crops(found: Sequence[Path], root: Path, target: Path, workers: int) -> tuple[int, list[tuple[Path, str]]]:
    """Write the crops of all frames that have faces; return how many, and the frames that could not be cut.

    Crops whose faces are gone are moved to `target`/.removed. Raises UsageError if `target` lies among the
    frames.
    """
    frames.refuse_inside(target, root)
    episodes, written = Episodes(), Episodes()
    cuts: dict[Path, dict[str, Any]] = {}
    failed = []
    looked = [frame for frame in found if names.sidecar(frame, names.FACES).exists()]
    decoded = frames.map_frames(lambda pixels: pixels, looked, workers)
    for frame, pixels in console.progress(decoded, len(looked), "frame", "crops"):
        if isinstance(pixels, frames.Unreadable):
            continue  # the stage that looked for faces lists it
        try:
            crops, source = crops_in(frame, pixels, root, target), episodes.source_of(frame)
        except errors.BadSidecar as error:
            failed.append((frame, str(error)))
            continue
        for crop in crops:
            write_crop(crop, written)
        cuts |= {crop.path: source | {"crop": crop.cut} for crop in crops}
        for path in stale_crops(frame, root, target, {crop.path for crop in crops}):
            removed.remove(target, path, STALE)
    write_cuts(cuts, written)
    return len(cuts), failed


def head_square(face: Face, size: tuple[int, int], scale: float = HEAD_SCALE, lift: float = HEAD_LIFT) -> PixelBox:
    """Return the square around the head of a face; it may leave the frame. `size` is (width, height) in px."""
    width, height = size
    left, top, right, bottom = face.box
    side = max(2, round(max((right - left) * width, (bottom - top) * height) * scale))
    x = round((left + right) / 2 * width - side / 2)
    y = round(((top + bottom) / 2 - lift * (bottom - top)) * height - side / 2)
    return x, y, x + side, y + side


def crop_head(pixels: Pixels, face: Face) -> Pixels:
    """Cut the square around the head of a face; where it leaves the frame, the frame's edge is repeated."""
    import cv2

    height, width = pixels.shape[:2]
    left, top, right, bottom = head_square(face, (width, height))
    margin = max(0, -left, -top, right - width, bottom - height)
    if margin:
        pixels = np.asarray(cv2.copyMakeBorder(pixels, margin, margin, margin, margin, cv2.BORDER_REPLICATE))
    crop: Pixels = pixels[top + margin : bottom + margin, left + margin : right + margin]
    return crop


def clamp_to_frame(square: PixelBox, size: tuple[int, int]) -> PixelBox:
    """Return a square moved, and made smaller if need be, so that it lies in the frame of (width, height) px."""
    side = min(square[2] - square[0], *size)
    x, y = ((square[i] + square[i + 2] - side) // 2 for i in (0, 1))
    left, top = min(max(0, x), size[0] - side), min(max(0, y), size[1] - side)
    return left, top, left + side, top + side


def largest_square(face: Face, size: tuple[int, int]) -> PixelBox | None:
    """Return the largest square that holds a face: centred on it across, the face near the upper third.

    None if no square of the frame holds the whole face. `size` is (width, height) in px.
    """
    left, top, right, bottom = face.box
    side = min(size)
    if max((right - left) * size[0], (bottom - top) * size[1]) >= side:
        return None
    x = round((left + right) / 2 * size[0] - side / 2)
    y = round((top + bottom) / 2 * size[1] - side * UPPER_THIRD)
    return clamp_to_frame((x, y, x + side, y + side), size)


def crop_box(kind: str, face: Face, size: tuple[int, int]) -> PixelBox | None:
    """Return the part of a frame of (width, height) px that a kind of crop takes; None if there is none."""
    if kind == "square":
        return largest_square(face, size)
    square = head_square(face, size) if kind == "head" else head_square(face, size, FACE_SCALE, 0.0)
    return clamp_to_frame(square, size)


def as_fractions(box: PixelBox, size: tuple[int, int]) -> Box:
    """Return a part of a frame of (width, height) px as fractions."""
    left, top, right, bottom = (round(edge / length, 6) for edge, length in zip(box, size * 2, strict=True))
    return left, top, right, bottom


def share_inside(face: Face, box: Box) -> float:
    """Return the share of a face, 0 to 1, that lies in a part of the frame."""
    width = min(face.box[2], box[2]) - max(face.box[0], box[0])
    height = min(face.box[3], box[3]) - max(face.box[1], box[1])
    whole = (face.box[2] - face.box[0]) * (face.box[3] - face.box[1])
    return max(0.0, width) * max(0.0, height) / whole


def faces_inside(faces: Sequence[Face], box: Box) -> list[tuple[Face, Face]]:
    """Return the faces that lie mostly in a part of the frame, each with itself as it lies in that part."""
    width, height = box[2] - box[0], box[3] - box[1]

    def moved(face: Face) -> Face:
        left, top, right, bottom = face.box
        edges = (left - box[0]) / width, (top - box[1]) / height, (right - box[0]) / width, (bottom - box[1]) / height
        return face_at(*edges, face.score, face.label)

    return [(face, moved(face)) for face in faces if share_inside(face, box) > MOSTLY]


def crops_of(faces: Sequence[Face], size: tuple[int, int]) -> list[tuple[str, int, Box, PixelBox]]:
    """Return (kind, number of the face, box, box in px) of each crop of a frame of (width, height) px.

    Of squares that are nearly the same, only the first.
    """
    found: list[tuple[str, int, Box, PixelBox]] = []
    for kind in OF_FACES:
        taken: list[Box] = []
        for number, face in enumerate(faces, start=1):
            part = crop_box(kind, face, size)
            if part is None:
                continue
            box = as_fractions(part, size)
            if kind == "square" and any(overlap(box, other) > SAME_SQUARE for other in taken):
                continue
            taken.append(box)
            found.append((kind, number, box, part))
    return found


def crops_of_people(people: Sequence[Face], size: tuple[int, int]) -> list[tuple[str, int, Box, PixelBox]]:
    """Return the crop of each person and half body, as `crops_of` does: their boxes as they are."""
    found: list[tuple[str, int, Box, PixelBox]] = []
    for kind in PEOPLE:
        for number, person in enumerate((one for one in people if one.label == kind), start=1):
            left, top, right, bottom = (round(edge * length) for edge, length in zip(person.box, size * 2, strict=True))
            if right > left and bottom > top:
                part = (left, top, right, bottom)
                found.append((kind, number, as_fractions(part, size), part))
    return found
