"""The embedded descriptor of a frame, and the store of descriptors and measures that spares decoding a frame twice."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from framekit import console
from framekit.dataset import frames
from framekit.files import atomic
from framekit.pixels import decode
from framekit.pixels.decode import Pixels
from framekit.pixels.measure import VIEW, Measures, View, measure, view_of

EMBEDDED = "thumbnail"
EDITION = (
    "2"  # of the embedded descriptor, the measures and the views; stores of another edition, or of none, are made again
)
STORE = ".descriptors.npz"
Descriptors = NDArray[np.float32]  # one frame a row, (N, D), of length 1; or one row, (D,)
GRID = (32, 18)  # columns, rows of the thumbnail: 16:9 in cells of about 2.5 % of the height
ROWS = 360  # of the frame that are read: 20 a cell
BRIGHTNESS_WEIGHT = 0.1  # share of the mean that is left: black differs from white, dark scenes still differ
PLAIN_LEVEL = 2.0  # grey levels; below this contrast a frame counts as plain, and noise no longer decides
THRESHOLD = 0.985  # similarity, 0 to 1: on the sample show, frames of one drawing reach 0.9999, others at most 0.73
DIMENSIONS = GRID[0] * GRID[1] * 3 + 1


@dataclass(frozen=True)
class Describer:
    """How frames become descriptors.

    `prepare` works on the pixels of one frame, in any thread; `embed` turns N results of it into (N, D) float32 rows
    of length 1. `store` is the name of the store in each folder, `threshold` the similarity, 0 to 1, from which two
    frames count as similar.
    """

    prepare: Callable[[decode.Pixels], NDArray[Any]]
    embed: Callable[[list[NDArray[Any]]], Descriptors]
    store: str
    threshold: float


def describe(pixels: Pixels) -> Descriptors:
    """Return the descriptor of one frame, (DIMENSIONS,) float32 of length 1.

    It is a colour thumbnail with most of its mean subtracted, so that the dot product of two descriptors is a
    correlation: fades, compression and small text hardly change it, another layout does. On the sample show two frames
    of one drawing reach at least 0.9999, two of different layouts at most 0.73.

    >>> pixels = np.zeros((90, 160, 3), np.uint8)
    >>> pixels[:, :80] = 255
    >>> bool(describe(pixels) @ describe(pixels // 2) > 0.98), bool(describe(pixels) @ describe(pixels[:, ::-1]) < 0)
    (True, True)
    """
    import cv2

    enough = pixels[:: max(1, len(pixels) // ROWS)]  # a third of the time at 1080p
    cells = cv2.resize(enough, GRID, interpolation=cv2.INTER_AREA).astype(np.float32)
    mean = cells.mean(axis=(0, 1))
    centred = (cells - mean) + BRIGHTNESS_WEIGHT * (mean - 127.5)
    vector = np.append(centred.ravel(), np.float32(PLAIN_LEVEL * np.sqrt(centred.size)))
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


THUMBNAIL = Describer(describe, np.stack, STORE, THRESHOLD)


def load_describer(model: str, device: str) -> Describer:
    """Return the embedded descriptor, or an ONNX embedding of the hub or of a local file."""
    if model == EMBEDDED:
        return THUMBNAIL
    from framekit.models.hub import Known, file_sha256, locate
    from framekit.models.onnx import load_embedding_model

    path = locate(model, Known(embedded=[EMBEDDED]), ["model.onnx"])["model.onnx"]
    opened = load_embedding_model(path, device)

    def embed(inputs: list[NDArray[Any]]) -> Descriptors:
        rows = opened.embed(inputs)
        return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)

    return Describer(opened.prepare, embed, f".descriptors-{file_sha256(path)[:12]}.npz", THRESHOLD)


@dataclass(frozen=True)
class Described:
    """The descriptor of a frame, (D,) float32, its measures and view, and the bytes of its file when it was read."""

    size: int
    vector: Descriptors
    measures: Measures
    view: View


@dataclass(frozen=True)
class DescribedFrames:
    """The readable frames, their descriptors and views row by row, their measures, the unreadable with the reason."""

    readable: list[Path]
    rows: Descriptors
    measures: list[Measures]
    unreadable: list[tuple[Path, str]]
    views: NDArray[np.uint8]


def read_store(folder: Path, name: str = STORE) -> dict[str, Described]:
    """Return the stored descriptors of a folder by file name; empty without a whole store of this EDITION."""
    try:
        with atomic.open_regular(folder / name) as file, np.load(file, allow_pickle=False) as store:
            names, sizes, vectors, measures = (store[key] for key in ("names", "sizes", "vectors", "measures"))
            views = store["views"]
            edition = str(store["edition"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return {}
    shaped = vectors.ndim == 2 and vectors.dtype == np.float32 and measures.shape == (len(names), len(fields(Measures)))
    shaped = shaped and views.dtype == np.uint8 and views.shape == (len(names), *VIEW[::-1])
    if not shaped or len(vectors) != len(names) or len(sizes) != len(names):
        return {}
    if edition != EDITION or (name == STORE and vectors.shape[1] != DIMENSIONS):
        return {}
    rows = zip(names, sizes, vectors, measures.tolist(), views, strict=True)
    return {str(name): Described(int(size), vector, Measures(*told), view) for name, size, vector, told, view in rows}


class KnownMeasures:
    """The measures of frames that were described before, of any folder; each store is read once."""

    def __init__(self) -> None:
        """Begin without any."""
        self.folders: dict[Path, dict[str, tuple[int, Measures]]] = {}

    def of(self, frame: Path) -> Measures | None:
        """Return the measures of a frame whose file has the size that it had, None if they are not known."""
        folder = frame.parent
        if folder not in self.folders:
            known = read_store(folder)
            self.folders[folder] = {name: (one.size, one.measures) for name, one in known.items()}
        size, measures = self.folders[folder].get(frame.name, (-1, None))
        return measures if frame.stat().st_size == size else None


def write_store(folder: Path, described: Mapping[str, Described], name: str = STORE) -> None:
    """Write the descriptors of a folder: 9 kB a frame of the embedded describer."""
    buffer = io.BytesIO()
    every = list(described.values())
    np.savez(
        buffer,
        edition=EDITION,
        names=np.array(list(described), dtype=np.str_),
        sizes=np.array([one.size for one in every], np.int64),
        vectors=np.stack([one.vector for one in every]) if every else np.empty((0, DIMENSIONS), np.float32),
        measures=np.array([astuple(one.measures) for one in every], np.float32).reshape(-1, len(fields(Measures))),
        views=np.array([one.view for one in every], np.uint8).reshape(-1, *VIEW[::-1]),
    )
    atomic.write_whole(folder / name, buffer.getvalue())


@dataclass(frozen=True)
class Look:
    """Prepares and measures the pixels of one frame; picklable if `prepare` is."""

    prepare: Callable[[decode.Pixels], NDArray[Any]]

    def __call__(self, pixels: decode.Pixels) -> tuple[NDArray[Any], Measures, View]:
        """Return the input of the describer's `embed`, the measures and the view."""
        return self.prepare(pixels), measure(pixels), view_of(pixels)


def look_at(
    missing: Sequence[Path], describer: Describer, workers: int, batch_size: int
) -> Iterator[tuple[Path, Described | frames.Unreadable]]:
    """Yield each frame with its descriptor, or Unreadable; decoded by threads, embedded in batches."""
    waiting: list[tuple[Path, NDArray[Any], Measures, View]] = []

    def embedded() -> Iterator[tuple[Path, Described]]:
        rows = describer.embed([ready for _, ready, *_ in waiting]) if waiting else ()
        for (frame, _, measures, view), row in zip(waiting, rows, strict=True):
            yield frame, Described(frame.stat().st_size, row, measures, view)
        waiting.clear()

    for frame, seen in frames.map_frames(Look(describer.prepare), missing, workers):
        if isinstance(seen, frames.Unreadable):
            yield frame, seen
            continue
        waiting.append((frame, *seen))
        if len(waiting) >= batch_size:
            yield from embedded()
    yield from embedded()


def describe_folder(
    found: Sequence[Path], describer: Describer, workers: int, batch_size: int, keep: bool
) -> tuple[dict[Path, Described], list[tuple[Path, str]]]:
    """Describe frames of one folder; return the descriptions of the readable ones, and the unreadable ones."""
    folder = found[0].parent
    store = read_store(folder, describer.store)
    known = {frame: store[frame.name] for frame in found if frame.name in store and is_size(frame, store[frame.name])}
    missing = [frame for frame in found if frame not in known]
    unreadable: list[tuple[Path, str]] = []
    coming = look_at(missing, describer, workers, max(1, batch_size))
    for frame, seen in console.progress(coming, len(missing), "frame", folder.name) if missing else ():
        if isinstance(seen, frames.Unreadable):
            unreadable.append((frame, seen.reason))
        else:
            known[frame] = store[frame.name] = seen
    if keep and len(missing) > len(unreadable):
        write_store(folder, store, describer.store)
    return known, unreadable


def is_size(frame: Path, described: Described) -> bool:
    """Tell whether a file still has the size that it had when it was described."""
    try:
        return frame.stat().st_size == described.size
    except OSError:
        return False


def describe_frames(
    found: Sequence[Path], workers: int, keep: bool, describer: Describer = THUMBNAIL, batch_size: int = 16
) -> DescribedFrames:
    """Describe frames, folder by folder; a stored descriptor is used while its file has the size that it had.

    New ones are stored if `keep`. Rows and views take 9 kB a frame: 0.9 GB for 100,000.
    """
    readable: list[Path] = []
    measures: list[Measures] = []
    unreadable: list[tuple[Path, str]] = []
    rows = np.empty((0, DIMENSIONS), np.float32)
    views = np.empty((len(found), *VIEW[::-1]), np.uint8)
    for _, members in groupby(found, key=lambda frame: frame.parent):
        known, odd = describe_folder(list(members), describer, workers, batch_size, keep)
        unreadable += odd
        for frame, described in known.items():
            if not readable:
                rows = np.empty((len(found), len(described.vector)), np.float32)
            rows[len(readable)], views[len(readable)] = described.vector, described.view
            readable.append(frame)
            measures.append(described.measures)
    return DescribedFrames(readable, rows[: len(readable)], measures, unreadable, views[: len(readable)])
