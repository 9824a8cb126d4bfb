"""From frames to the scores of their tags: one image, or many in batches, decoded ahead by threads."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framekit import boxes, console, errors
from framekit.dataset import frames
from framekit.faces import detect, filter, scenes
from framekit.pixels import decode
from framekit.sidecars import faces
from framekit.tags import measured
from framekit.tags.models import MEASURED
from framekit.tags.select import Thresholds, choose
from framekit.tags.store import FLOOR, FrameScores, Scores, above_floor
from framekit.tags.taggers import GENERAL, Tagger, find_batch_size, load_tagger

if TYPE_CHECKING:
    from framekit.pixels.decode import Image

Scoring = Iterator[tuple[Path, FrameScores | frames.Unreadable]]
MIN_FRAMES_TO_TUNE = 200  # chosen: the number of frames from which looking for the best batch size pays
SMALL_BATCH = 4  # frames a batch for fewer; chosen: it fits every GPU's memory


def tag(
    image: "Image",
    model: str = MEASURED,
    thresholds: Thresholds = Thresholds(),  # noqa: B008  # frozen
    device: str = "auto",
) -> dict[str, float]:
    """Return the tags of one image with their scores, 0 to 1, the highest first; no rating.

    `image` is a path, a PIL image, or an (H, W, 3) uint8 RGB array. `model` is any single --model of tag_images.py; it
    stays loaded for the next image. `measured` needs no download; its scores only give the order.
    Raises UsageError if the model is unavailable, UnreadableFrame for a damaged file, ValueError for another image.

    >>> from framekit.faces.animeface import drawn_face
    >>> from framekit.tags import tag
    >>> list(tag(drawn_face()))[:2]
    ['solo', 'portrait']
    """
    pixels = decode.as_pixels(image)
    if model == MEASURED:
        scores = measured_scores(shrink_to_measure(pixels), boxes.Seen(detect.detect_faces(pixels), [], []))
    else:
        tagger = kept_tagger(model, device)
        [row] = tagger.score([tagger.prepare(pixels)])
        scores = above_floor(row, tagger.tags, min(FLOOR, thresholds.general, thresholds.character))
    return {name: scores[name][1] for name in choose(scores, thresholds)}


kept_tagger = lru_cache(maxsize=2)(load_tagger)  # loading a model takes longer than tagging an image


def measured_scores(pixels: decode.Pixels, seen: boxes.Seen) -> Scores:
    """Return what can be measured in pixels without weights; the scores only give the order, the surest first."""
    tags = measured.measured_tags(pixels, seen.faces, others=bool(seen.people or seen.dropped))
    return {name: (GENERAL, round(1 - place / 1000, 3)) for place, name in enumerate(tags)}


def score_frames(todo: Sequence[Path], tagger: Tagger, batch_size: int, workers: int, floor: float) -> Scoring:
    """Yield each frame with its scores above the floor, or why it is unreadable.

    `batch_size` 0 takes the smallest that is about as fast as any.
    """
    batch: list[tuple[Path, NDArray[Any]]] = []
    asked: deque[tuple[list[Path], Future[NDArray[np.float32]]]] = deque()
    size = tagger.batch or batch_size or (0 if len(todo) >= MIN_FRAMES_TO_TUNE else SMALL_BATCH)

    def ask() -> None:
        asked.append(([frame for frame, _ in batch], pool.submit(tagger.score, [ready for _, ready in batch])))
        batch.clear()

    def scored(most_left: int) -> Scoring:
        while len(asked) > most_left:
            some, rows = asked.popleft()
            for frame, row in zip(some, rows.result(), strict=True):
                yield frame, FrameScores(file_size(frame), above_floor(row, tagger.tags, floor))

    pool = ThreadPoolExecutor(tagger.at_once)
    try:
        for frame, prepared in frames.map_frames(tagger.prepare, todo, workers):
            if isinstance(prepared, frames.Unreadable):
                yield frame, prepared
                continue
            if not size:
                size = find_batch_size(tagger, prepared)
                console.say(f"batches of {size}")
            batch.append((frame, prepared))
            if len(batch) == size:
                ask()
                yield from scored(tagger.at_once)
        if batch:
            ask()
        yield from scored(0)
    finally:
        pool.shutdown(cancel_futures=True)


def file_size(path: Path) -> int:
    """Return the size of a file in bytes, -1 if it is gone meanwhile."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def shrink_to_measure(pixels: decode.Pixels) -> decode.Pixels:
    """Reduce a frame to the size on which everything is measured."""
    return decode.shrink(pixels, measured.MEASURE_SIZE)


def measure_frames(todo: Sequence[Path], beside: Sequence[Path], workers: int) -> Scoring:
    """Yield each frame with what can be measured without weights, or why it is unreadable; see `known_faces`."""
    known = known_faces(todo, beside, workers)
    for frame, pixels in frames.map_frames(shrink_to_measure, todo, workers):
        noted = known[frame]
        if isinstance(pixels, frames.Unreadable):
            yield frame, pixels
        elif isinstance(noted, frames.Unreadable):
            yield frame, noted
        else:
            yield frame, FrameScores(file_size(frame), measured_scores(pixels, noted))


def known_faces(
    todo: Sequence[Path], beside: Sequence[Path], workers: int
) -> dict[Path, boxes.Seen | frames.Unreadable]:
    """Return who is on each frame: from its sidecar, else found by the embedded detector as detect_faces.py does.

    Frames `beside` them, of the same scenes, tell where faces should be.
    """
    found: dict[Path, boxes.Seen | frames.Unreadable] = {}
    for frame in todo:
        try:
            noted = faces.read_seen(frame)
        except errors.BadSidecar as error:
            found[frame] = frames.Unreadable(frame, str(error))
            continue
        if noted is not None:
            found[frame] = noted
    missing = [frame for frame in todo if frame not in found]
    if missing:
        console.say(f"{console.counted(len(missing), 'frame')} without X.faces.json: animeface looks for faces first")
    looks = scenes.find_in_scenes(beside, missing, detect.Settings(), filter.Limits(), workers)
    for frame, seen in console.progress(looks, len(missing), "frame", "faces"):
        found[frame] = seen
    return found
