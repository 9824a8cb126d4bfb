"""Faces grouped by their likeness where there are no references yet: the folders become references once renamed."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framekit import console, errors
from framekit.boxes import Face, Seen
from framekit.characters.descriptors import Vector, load_embedders, unit
from framekit.dataset import frames, move
from framekit.faces import crops
from framekit.files import atomic, names, paths
from framekit.pixels import decode, sheets
from framekit.pixels.encode import encode_png
from framekit.sidecars.faces import OF_CROP, faces_record

NOISE = "noise"
SMALLEST_VIEW = 3  # faces, the fewest of one view; chosen, not measured
ALL_ALIKE = 0.9  # mean cosine to the centroid above which faces that HDBSCAN calls noise are one cluster; chosen
SHOWN = 12  # faces of each cluster on the contact sheet, one row; chosen
SHEET_SIDE = 112  # px, side of a face on the sheet; chosen
BATCH = 64  # crops described at a time, which bounds memory; chosen
CROP_SIDE = 384  # px; larger crops are reduced: the input side of CCIP, the largest of the embeddings


@dataclass(frozen=True)
class Grouping:
    """How faces are grouped: by which descriptors, from how many faces on, with views told apart or not."""

    models: Sequence[str]
    smallest: int = 5
    subclusters: bool = False


def group(rows: Vector, smallest: int) -> NDArray[np.int_]:
    """Return the cluster of each row (N,), the largest is 0, -1 for those like no others. Source: HDBSCAN."""
    from sklearn.cluster import HDBSCAN

    if len(rows) < 2 * smallest:
        return np.zeros(len(rows), int) if len(rows) >= smallest else np.full(len(rows), -1)
    found = HDBSCAN(min_cluster_size=max(2, smallest), min_samples=min(3, smallest), copy=True).fit_predict(
        rows.astype(np.float64)
    )
    if (found < 0).all() and float((rows @ unit(rows.mean(axis=0))).mean()) > ALL_ALIKE:
        return np.zeros(len(rows), int)  # one dense group has nothing to stand out from
    kinds = sorted({int(kind) for kind in found} - {-1}, key=lambda kind: (-int((found == kind).sum()), kind))
    return np.array([kinds.index(int(kind)) if kind >= 0 else -1 for kind in found], int)


def folders_of(rows: Vector, shapes: Vector | None, smallest: int) -> list[str]:
    """Return the folder of each row: its cluster, and its view inside it where `shapes` (N, D) tells views apart."""
    kinds = group(rows, smallest)
    names = [f"cluster_{kind:03d}" if kind >= 0 else NOISE for kind in kinds.tolist()]
    if shapes is None:
        return names
    for kind in sorted({kind for kind in kinds.tolist() if kind >= 0}):
        members = np.flatnonzero(kinds == kind)
        for row, view in zip(members.tolist(), group(shapes[members], SMALLEST_VIEW).tolist(), strict=True):
            names[row] += f"/view_{view:02d}" if view >= 0 else "/view_others"
    return names


def write_heads(
    wanted: Mapping[Path, Sequence[Face]], root: Path, part: Path, workers: int, unreadable: list[tuple[Path, str]]
) -> Iterator[tuple[Path, decode.Pixels]]:
    """Write the head of each face with its sidecar into `part`; yield its file and pixels. Fills `unreadable`."""
    part.mkdir(parents=True)
    decoded = frames.map_frames(lambda pixels: pixels, list(wanted), workers)
    for frame, pixels in console.progress(decoded, len(wanted), "frame", "heads"):
        if isinstance(pixels, frames.Unreadable):
            unreadable.append((frame, pixels.reason))
            continue
        own, size = frame.relative_to(root), (pixels.shape[1], pixels.shape[0])
        name = paths.safe_name("_".join([*own.parts[:-1], own.stem]))
        for number, face in enumerate(wanted[frame], start=1):
            crop = np.ascontiguousarray(decode.shrink(crops.crop_head(pixels, face), CROP_SIDE))
            box = crops.as_fractions(crops.head_square(face, size), size)
            ((_, inside),) = crops.faces_inside([face], box)
            path = move.free_target(part / f"{name}_{number}.png")
            origin = {"frame": own.as_posix(), "box": list(face.box)}
            record = faces_record(OF_CROP, Seen([inside], [], [])) | {"cropped_from": origin}
            atomic.write_json(names.sidecar(path, names.FACES), record)
            atomic.write_whole(path, encode_png(crop))
            yield path, crop


def write_sheet(part: Path, members: Mapping[str, Sequence[Path]]) -> None:
    """Write contact sheets of the files of each folder, each folder in a row of its own."""
    shown: list[tuple[decode.Pixels, str]] = []
    blank = np.full((1, 1, 3), sheets.GROUND, np.uint8)
    for folder in sorted(members, key=lambda name: (name == NOISE, name)):
        step = -(-len(members[folder]) // SHOWN)
        chosen = [decode.shrink(decode.read_pixels(path), SHEET_SIDE) for path in members[folder][::step]]
        shown += [(pixels, f"{folder}: {len(members[folder])}") for pixels in chosen]
        shown += [(blank, "")] * (SHOWN - len(chosen))
    sheets.write_sheets(part, shown, columns=SHOWN, rows=16, side=SHEET_SIDE)


def cluster_faces(
    wanted: Mapping[Path, Sequence[Face]], root: Path, target: Path, how: Grouping, device: str, workers: int
) -> tuple[list[str], list[tuple[Path, str]]]:
    """Group the faces of frames into folders of `target`; return the folder of each face, and unreadable frames.

    All is made in a hidden folder beside `target`, which is there whole or not at all. Raises UsageError if `target`
    holds anything: a person may have sorted it.
    """
    if target.exists() and (not target.is_dir() or not all(names.is_leftover(one.name) for one in target.iterdir())):
        raise errors.UsageError(f"{target} is not empty, and what you sorted there stays; give --cluster a new folder")
    frames.refuse_inside(target, root)
    if not any(wanted.values()):
        raise errors.UsageError(f"no face is known in {root}; run detect_faces.py first")
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    embed = load_embedders([*how.models, *["shape"] * how.subclusters], device)
    unreadable: list[tuple[Path, str]] = []
    heads = write_heads(wanted, root, part, workers, unreadable)
    paths, described = [], []
    while batch := list(islice(heads, BATCH)):
        paths += [path for path, _ in batch]
        described.append(embed([crop for _, crop in batch]))
    parts = [np.concatenate(column) for column in zip(*described, strict=True)] or [np.empty((0, 1), np.float32)]
    shapes = parts.pop() if how.subclusters and described else None
    rows = np.concatenate(parts, axis=1) / np.float32(len(parts) ** 0.5)
    folders = folders_of(rows, shapes, how.smallest)
    write_sheet(part, {name: [p for p, own in zip(paths, folders, strict=True) if own == name] for name in folders})
    for path, folder in zip(paths, folders, strict=True):
        (part / folder).mkdir(parents=True, exist_ok=True)
        for file in (names.sidecar(path, names.FACES), path):
            file.replace(part / folder / file.name)
    if target.exists():
        for left in target.iterdir():  # it is empty but for what a system left there
            left.replace(part / left.name)
        target.rmdir()
    part.replace(target)
    return folders, unreadable
