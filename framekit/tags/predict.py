"""From frames to the scores of their tags: decoded ahead by threads, in batches that run across folders."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framekit import boxes, console, errors
from framekit.dataset import frames
from framekit.faces import detect, filter
from framekit.pixels import decode
from framekit.sidecars import faces
from framekit.tags import measured
from framekit.tags.store import FrameScores, above_floor
from framekit.tags.taggers import GENERAL, Tagger, find_batch_size

Scoring = Iterator[tuple[Path, FrameScores | frames.Unreadable]]
MIN_FRAMES_TO_TUNE = 200  # frames for which it is worth while to look for the best batch size
SMALL_BATCH = 4  # for fewer


def score_frames(todo: Sequence[Path], tagger: Tagger, batch_size: int, workers: int, floor: float) -> Scoring:
    """Yield each frame with its scores above the floor, or why it is unreadable.

    `batch_size` 0 takes the smallest that is about as fast as any.
    """
    batch: list[tuple[Path, NDArray[Any]]] = []
    size = tagger.batch or batch_size or (0 if len(todo) >= MIN_FRAMES_TO_TUNE else SMALL_BATCH)

    def scored() -> Scoring:
        rows = tagger.score([ready for _, ready in batch]) if batch else np.empty((0, 0), np.float32)
        for (frame, _), row in zip(batch, rows, strict=True):
            yield frame, FrameScores(file_size(frame), above_floor(row, tagger.tags, floor))
        batch.clear()

    for frame, prepared in frames.map_frames(tagger.prepare, todo, workers):
        if isinstance(prepared, frames.Unreadable):
            yield frame, prepared
            continue
        if not size:
            size = find_batch_size(tagger, prepared)
            console.say(f"batches of {size}")
        batch.append((frame, prepared))
        if len(batch) == size:
            yield from scored()
    yield from scored()


def file_size(path: Path) -> int:
    """Return the size of a file in bytes, -1 if it is gone meanwhile."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def shrink_to_measure(pixels: decode.Pixels) -> decode.Pixels:
    """Reduce a frame to the size on which everything is measured."""
    return decode.shrink(pixels, measured.MEASURE_SIZE)


def measure_frames(todo: Sequence[Path], workers: int) -> Scoring:
    """Yield each frame with what can be measured without weights, or why it is unreadable.

    The scores say nothing but the order: the surest first.
    """
    known = known_faces(todo, workers)
    for frame, pixels in frames.map_frames(shrink_to_measure, todo, workers):
        noted = known[frame]
        if isinstance(pixels, frames.Unreadable):
            yield frame, pixels
        elif isinstance(noted, frames.Unreadable):
            yield frame, noted
        else:
            tags = measured.measured_tags(pixels, noted)
            scores = {tag: (GENERAL, round(1 - place / 1000, 3)) for place, tag in enumerate(tags)}
            yield frame, FrameScores(file_size(frame), scores)


def known_faces(todo: Sequence[Path], workers: int) -> dict[Path, list[boxes.Face] | frames.Unreadable]:
    """Return the faces of each frame: from its sidecar, else found by the embedded detector as detect_faces.py does."""
    found: dict[Path, list[boxes.Face] | frames.Unreadable] = {}
    for frame in todo:
        try:
            noted = faces.read_faces(frame)
        except errors.BadSidecar as error:
            found[frame] = frames.Unreadable(frame, str(error))
            continue
        if noted is not None:
            found[frame] = noted
    missing = [frame for frame in todo if frame not in found]
    if missing:
        console.say(f"{console.counted(len(missing), 'frame')} without X.faces.json: animeface looks for faces first")
    looks = detect.find_faces(missing, detect.Settings(), filter.Limits(), workers)
    for frame, seen in console.progress(looks, len(missing), "frame", "faces"):
        found[frame] = seen if isinstance(seen, frames.Unreadable) else seen.faces
    return found
