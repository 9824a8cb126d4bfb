"""The descriptors of frames on disk, so that no frame is decoded twice to be compared."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from framekit import frames, sidecar, similarity, stage

STORE = ".descriptors.npz"


@dataclass(frozen=True)
class Described:
    """The descriptor of a frame, (DIMENSIONS,) float32, and the size of its file in bytes when it was described."""

    size: int
    vector: similarity.Descriptors


def read_store(folder: Path) -> dict[str, Described]:
    """Return the stored descriptors of a folder by file name; nothing if there is no store or it is damaged."""
    try:
        with np.load(folder / STORE, allow_pickle=False) as store:
            names, sizes, vectors = store["names"], store["sizes"], store["vectors"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return {}
    if vectors.shape != (len(names), similarity.DIMENSIONS) or vectors.dtype != np.float32 or len(sizes) != len(names):
        return {}
    return {str(name): Described(int(size), vector) for name, size, vector in zip(names, sizes, vectors, strict=True)}


def write_store(folder: Path, described: Mapping[str, Described]) -> None:
    """Write the descriptors of a folder: 7 kB a frame."""
    buffer = io.BytesIO()
    vectors = [one.vector for one in described.values()]
    np.savez(
        buffer,
        names=np.array(list(described), dtype=np.str_),
        sizes=np.array([one.size for one in described.values()], np.int64),
        vectors=np.array(vectors, np.float32).reshape(len(vectors), similarity.DIMENSIONS),
    )
    sidecar.write_whole(folder / STORE, buffer.getvalue())


def describe_frames(
    found: Sequence[Path], workers: int, keep: bool
) -> tuple[list[Path], similarity.Descriptors, list[tuple[Path, str]]]:
    """Return the readable frames, one descriptor each, and the unreadable ones with the reason.

    A stored descriptor is taken if the file has the size that it had; new ones are stored if `keep`.
    """
    stores = {folder: read_store(folder) for folder in {frame.parent for frame in found}}
    known = {
        frame: stored.vector
        for frame in found
        if (stored := stores[frame.parent].get(frame.name)) and stored.size == frame.stat().st_size
    }
    missing = [frame for frame in found if frame not in known]
    unreadable: list[tuple[Path, str]] = []
    for frame, vector in stage.progress(
        frames.map_frames(similarity.describe, missing, workers), len(missing), "frame"
    ):
        if isinstance(vector, frames.Unreadable):
            unreadable.append((frame, vector.reason))
        else:
            known[frame] = vector
            stores[frame.parent][frame.name] = Described(frame.stat().st_size, vector)
    if keep:
        for folder in {frame.parent for frame in missing}:
            write_store(folder, stores[folder])
    readable = [frame for frame in found if frame in known]
    vectors = np.array([known[frame] for frame in readable], np.float32).reshape(-1, similarity.DIMENSIONS)
    return readable, vectors, unreadable
