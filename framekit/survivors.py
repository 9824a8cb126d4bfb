"""What becomes of the frames that ffmpeg let through: compared as they come, and the kept ones written by threads."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit import sidecar, similarity, stage
from framekit.descriptors import Described
from framekit.encoding import encode_frame
from framekit.episode_record import Episode
from framekit.frames import Pixels
from framekit.quality import measure

WAITING = 8  # frames of an episode that wait to be written: memory does not grow with the length of the video


@dataclass(frozen=True)
class Encoding:
    """How frames are written: png, jpg or webp, and the quality of the latter two, 1 to 100."""

    format: str
    quality: int


@dataclass(frozen=True)
class Survivor:
    """A frame that ffmpeg let through: its number from 1, its pixels, and its descriptor if similar ones are dropped.

    `resembles` and `similarity` name a kept frame that it resembles.
    """

    number: int
    pixels: Pixels
    descriptor: similarity.Descriptors | None = None
    resembles: str = ""
    similarity: float = -1.0


@dataclass(frozen=True)
class Written:
    """What was written of an episode: descriptors by file name, and by stem what each dropped frame resembles."""

    frames: dict[str, Described]
    similar: dict[str, dict[str, Any]]


def compare(
    pixels: Iterable[Pixels],
    episode: Episode,
    thresh: float | None,
    suffix: str,
    elsewhere: similarity.KeptDescriptors,
) -> Iterator[Survivor]:
    """Yield the survivors, each compared with the kept ones before it and those of other episodes.

    Those below `thresh` are kept from then on. Without `thresh` nothing is compared.
    """
    kept = similarity.KeptDescriptors()
    for number, one in enumerate(pixels, start=1):
        if thresh is None:
            yield Survivor(number, one)
            continue
        descriptor = similarity.describe(one)
        resembles, score = kept.most_similar(descriptor)
        if score < thresh:
            resembles, score = elsewhere.most_similar(descriptor)
        if score < thresh:
            kept.add(episode.frame_name(number, suffix), descriptor)
        yield Survivor(number, one, descriptor, resembles, score)


def write_frame(path: Path, one: Survivor, quality: int) -> Described:
    """Encode one frame as its suffix says and write it; return its description."""
    content = encode_frame(one.pixels, path.suffix, quality)
    sidecar.write_whole(path, content)
    descriptor = similarity.describe(one.pixels) if one.descriptor is None else one.descriptor
    return Described(len(content), descriptor, measure(one.pixels))


def write_frames(
    survivors: Iterable[Survivor],
    folder: Path,
    episode: Episode,
    thresh: float | None,
    max_frames: int,
    encoding: Encoding,
    pool: Executor,
) -> Written:
    """Write the frames that resemble no kept one by a pool of threads, at most `max_frames` of them, 0 for all."""
    written = Written({}, {})
    waiting: deque[tuple[str, Future[Described]]] = deque()

    def finish() -> None:
        name, described = waiting.popleft()
        written.frames[name] = described.result()

    try:
        for one in stage.progress(survivors, None, "frame", episode.label):
            if thresh is not None and one.similarity >= thresh:
                written.similar[episode.stem(one.number)] = resemblance(one.resembles, one.similarity)
                continue
            name = f"{episode.stem(one.number)}.{encoding.format}"
            waiting.append((name, pool.submit(write_frame, folder / name, one, encoding.quality)))
            if len(waiting) > WAITING:
                finish()
            if len(written.frames) + len(waiting) == max_frames:
                break
        while waiting:
            finish()
    finally:
        for _, coming in waiting:  # only if something went wrong: nothing may be written any more
            coming.cancel() or coming.exception()
    return written


def resemblance(resembles: str, score: float) -> dict[str, Any]:
    """Return what .frames.json tells of a dropped frame."""
    return {"resembles": resembles, "similarity": round(score, 4)}
