"""Faces grouped by their likeness where there are no references yet: the folders become references once renamed."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framekit import annotation, frames, head_crops, sidecar, stage
from framekit.characters import Vector, load_embedders, unit
from framekit.encoding import encode_png
from framekit.face_record import faces_record
from framekit.faces import Face, Seen

NOISE = "noise"
SMALLEST_VIEW = 3  # faces of one view
ALL_ALIKE = 0.9  # mean likeness to their middle from which faces without any group are one
SHOWN = 12  # faces of each cluster on the contact sheet
SHEET_SIDE = 112  # px of a face on the sheet
BATCH = 64  # crops described at a time
CROP_SIDE = 384  # px; larger crops are reduced: no embedding looks at more


@dataclass(frozen=True)
class CutHead:
    """A face of a frame, where it lies `inside` its head crop, and that crop."""

    frame: Path
    face: Face
    inside: Face
    crop: frames.Pixels


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


def folders_of(crops: Sequence[frames.Pixels], rows: Vector, smallest: int, subclusters: bool) -> list[str]:
    """Return the folder of each crop: its cluster, and its view inside it if `subclusters`."""
    kinds = group(rows, smallest)
    names = [f"cluster_{kind:03d}" if kind >= 0 else NOISE for kind in kinds.tolist()]
    if not subclusters:
        return names
    describe = load_embedders(["shape"], "cpu")
    for kind in sorted({kind for kind in kinds.tolist() if kind >= 0}):
        members = np.flatnonzero(kinds == kind).tolist()
        views = group(describe([crops[row] for row in members])[0], SMALLEST_VIEW)
        for row, view in zip(members, views.tolist(), strict=True):
            names[row] += f"/view_{view:02d}" if view >= 0 else "/view_others"
    return names


def cut_heads(wanted: Mapping[Path, Sequence[Face]], workers: int) -> tuple[list[CutHead], list[tuple[Path, str]]]:
    """Return the head of each face, and the unreadable frames."""
    heads, unreadable = [], []
    decoded = frames.map_frames(lambda pixels: pixels, list(wanted), workers)
    for frame, pixels in stage.progress(decoded, len(wanted), "frame", "heads"):
        if isinstance(pixels, frames.Unreadable):
            unreadable.append((frame, pixels.reason))
            continue
        size = (pixels.shape[1], pixels.shape[0])
        for face in wanted[frame]:
            crop = frames.shrink(head_crops.crop_head(pixels, face), CROP_SIDE)
            box = head_crops.as_fractions(head_crops.head_square(face, size), size)
            ((_, inside),) = head_crops.faces_inside([face], box)
            heads.append(CutHead(frame, face, inside, np.ascontiguousarray(crop)))
    return heads, unreadable


def write_clusters(heads: Sequence[CutHead], folders: Sequence[str], root: Path, target: Path) -> None:
    """Write each crop with its sidecar into its folder below `target`, and contact sheets; whole or not at all."""
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    counts: dict[Path, int] = {}
    small: dict[str, list[frames.Pixels]] = {}
    for head, folder in zip(heads, folders, strict=True):
        counts[head.frame] = counts.get(head.frame, 0) + 1
        own = head.frame.relative_to(root)
        name = sidecar.safe_name("_".join([*own.parts[:-1], own.stem]))
        path = part / folder / f"{name}_{counts[head.frame]}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        record = faces_record("crop", 0.0, Seen([head.inside], [], []))
        origin = {"frame": own.as_posix(), "box": list(head.face.box)}
        sidecar.write_json(sidecar.sidecar(path, sidecar.FACES), record | {"cropped_from": origin})
        sidecar.write_whole(path, encode_png(head.crop))
        small.setdefault(folder, []).append(frames.shrink(head.crop, SHEET_SIDE))
    shown = []
    for folder in sorted(small, key=lambda name: (name == NOISE, name)):
        step = -(-len(small[folder]) // SHOWN)
        row = [(pixels, f"{folder}: {len(small[folder])}") for pixels in small[folder][::step]]
        blank = np.full((1, 1, 3), annotation.GROUND, np.uint8)
        shown += row + [(blank, "")] * (SHOWN - len(row))  # each cluster in a row of its own
    annotation.write_sheets(part, shown, columns=SHOWN, rows=16, side=SHEET_SIDE)
    if target.exists():
        target.rmdir()  # it is empty
    part.replace(target)


def cluster_faces(
    wanted: Mapping[Path, Sequence[Face]], root: Path, target: Path, how: Grouping, device: str, workers: int
) -> tuple[list[str], list[tuple[Path, str]]]:
    """Group the faces of frames into folders of `target`; return the folder of each face, and unreadable frames.

    Raises Misuse if `target` holds anything: a person may have sorted it.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise stage.Misuse(f"{target} is not empty, and what you sorted there stays; give --cluster a new folder")
    frames.refuse_inside(target, root)
    heads, unreadable = cut_heads(wanted, workers)
    if not heads:
        raise stage.Misuse(f"no face is known in {root}; run detect_faces.py first")
    embed, crops = load_embedders(how.models, device), [head.crop for head in heads]
    parts = [embed(crops[start : start + BATCH]) for start in range(0, len(crops), BATCH)]
    rows = np.concatenate([np.concatenate(part, axis=1) for part in parts]) / np.float32(len(how.models) ** 0.5)
    folders = folders_of(crops, rows, how.smallest, how.subclusters)
    write_clusters(heads, folders, root, target)
    return folders, unreadable
