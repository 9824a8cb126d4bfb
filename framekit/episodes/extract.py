"""One episode from its video to its folder: taken into a hidden folder, compared with the others, then published."""

import math
import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import rmtree
from typing import Any

from framekit import console
from framekit.console import Videos
from framekit.dataset.carry import Carried, carry
from framekit.dataset.removed import free_aside, keep_instead, set_aside
from framekit.dedup import descriptors, search
from framekit.dedup.descriptors import Described
from framekit.episodes.record import Episode, episode_record
from framekit.files import atomic, names
from framekit.pixels.decode import Pixels
from framekit.pixels.encode import encode_frame
from framekit.pixels.measure import measure, view_of
from framekit.sidecars.episode import record_text
from framekit.video import ffmpeg, stream
from framekit.video.damage import corrupt_frames, is_unfinished, missing
from framekit.video.ffmpeg import Ffmpeg, scan
from framekit.video.read import TakenFrame, open_frames
from framekit.video.sampling import Sampling, scene_numbers
from framekit.video.scenes import FrameLog, FrameSource, complaint

UNFINISHED = "unfinished"  # the place in .removed of folders without a record
PARTIAL = ".partial"
WAITING = 8  # frames of an episode that wait to be written: memory does not grow with the length of the video


@dataclass(frozen=True)
class Old:
    """The frames from before of an episode that is extracted again: where they go, None if there are none.

    `kept` are the names of those that a person decided to keep.
    """

    aside: Path | None = None
    kept: Collection[str] = ()


@dataclass(frozen=True)
class Job:
    """An episode that is to be extracted: what its video claims, where it goes, what is taken; `part` is hidden."""

    episode: Episode
    view: ffmpeg.View
    sampling: Sampling
    folder: Path
    old: Old = Old()

    @property
    def seconds(self) -> float:
        """Return how much of the video is taken, 0 if that is unknown."""
        return max(0.0, min(self.sampling.end, self.episode.duration) - self.sampling.start)

    @property
    def part(self) -> Path:
        """Return the hidden folder that gets its name when the episode is whole; each share of the work has its own."""
        mark = f".{atomic.WRITER.mark}" if atomic.WRITER.mark else ""
        return self.folder.with_name(f".{self.folder.name}{mark}{PARTIAL}")


@dataclass(frozen=True)
class Written:
    """What was written of an episode: descriptors by file name, and by stem what each dropped frame resembles.

    `numbers` are those in the video of the frames that came, in their order.
    """

    frames: dict[str, Described]
    similar: dict[str, dict[str, Any]]
    numbers: Sequence[int] = ()


@dataclass(frozen=True)
class Taken:
    """What lies in the hidden folder of a job, what ffmpeg reported of the frames, and what went wrong."""

    written: Written
    log: FrameLog
    damage: str | None = None


@dataclass(frozen=True)
class Extracted:
    """What became of an episode: numbers of frames, the length of the decoded part in seconds, what went wrong.

    `carried` is what came along from its old frames.
    """

    kept: int
    similar: int
    decoded: int
    seconds: float
    trouble: str | None
    carried: Carried = field(default_factory=Carried)


def watched(frames: Iterable[TakenFrame], numbers: list[int], job: Job, videos: Videos) -> Iterator[Pixels]:
    """Yield the pixels of frames, note their numbers, and show how far their video is."""
    try:
        videos.reach(job.episode.label, 0.0)
        for one in frames:
            numbers.append(one.number)
            videos.reach(job.episode.label, max(0.0, one.time - job.sampling.start))
            yield one.pixels
    finally:
        videos.finish(job.episode.label)


@dataclass(frozen=True)
class Encoding:
    """How frames are written: png, jpg or webp, and the quality of the latter two, 1 to 100."""

    format: str
    quality: int


def take_frames(
    job: Job,
    ffmpeg: Ffmpeg,
    crop_bars: bool,
    encoding: Encoding,
    kept: search.KeptDescriptors,
    pool: Executor,
    videos: Videos,
) -> Taken:
    """Extract one episode into its hidden folder, a second time if frames turn out to be corrupt, without these.

    With --remove_similar its frames are compared with each other and with the `kept` ones, and join these.
    """
    sampling, view = job.sampling, job.view
    if crop_bars:
        view = replace(view, crop=stream.detect_bars(ffmpeg.path, view.video, view.picture))
    job.part.mkdir(parents=True, exist_ok=True)
    scanned = scan(ffmpeg, view, sampling.end, job.part) if sampling.needs_numbers else None
    thresh, unfinished = sampling.remove_similar, is_unfinished(view.video)

    def attempt(corrupt: frozenset[int]) -> tuple[Written, FrameLog]:
        rmtree(job.part, ignore_errors=True)
        job.part.mkdir(parents=True)
        numbers: list[int] = []
        with open_frames(ffmpeg, view, sampling, scanned, corrupt, job.part) as opened:
            coming = compare(watched(opened.frames, numbers, job, videos), job.episode, thresh, encoding.format, kept)
            written = write_frames(coming, job.part, job.episode, thresh, sampling.max_frames, encoding, pool)
            log = opened.end()
        return replace(written, numbers=numbers), replace(log, hints=(*log.hints, "truncated")) if unfinished else log

    corrupt: frozenset[int] = frozenset()
    written, log = attempt(corrupt)
    if log.suspect and (corrupt := corrupt_frames(ffmpeg, view)):
        written, log = attempt(corrupt)
    for name, described in written.frames.items() if thresh is not None else ():
        kept.add(f"{job.episode.label}/{name}", described.vector)
    to_the_end = sampling.end == math.inf and (not sampling.max_frames or len(written.frames) < sampling.max_frames)
    lost = missing(log, corrupt, view.picture.duration, to_the_end, (sampling.start, sampling.end))
    if lost.beginning:
        console.warn(f"{view.video.name}: the first {lost.beginning:.2f} s cannot be decoded; it begins within a group")
    elsewhere = lost.beginning or missing(log, corrupt, view.picture.duration, to_the_end).trouble
    unplaced = None if elsewhere or not log.errors else f"damaged at a place that cannot be told: {complaint(log)}"
    return Taken(written, log, lost.trouble or unplaced)


def publish(job: Job, taken: Taken) -> Extracted:
    """Write the record, and give the hidden folder its name."""
    written, scores = taken.written, taken.log.scene_scores
    if not written.frames and not written.similar:
        rmtree(job.part)
        return Extracted(0, 0, len(scores), taken.log.seconds, taken.damage or "it has no such frames")
    scenes, times = scene_numbers(scores, job.sampling.scene_threshold), taken.log.decoded
    met = written.numbers[: len(written.frames) + len(written.similar)]
    sources = [FrameSource(round(float(times[number]), 6), number, scenes[number]) for number in met]
    record = episode_record(job.episode, job.sampling, scores, sources, written.similar)
    atomic.write_whole(job.part / names.EPISODE_RECORD, record_text(record))
    descriptors.write_store(job.part, written.frames)
    carried = replace_old(job, written)
    count = len(written.frames)
    trouble = f"{taken.damage}; {console.counted(count, 'frame')} kept" if taken.damage else None
    return Extracted(count, len(written.similar), len(scores), taken.log.seconds, trouble, carried)


def replace_old(job: Job, written: Written) -> Carried:
    """Give the hidden folder its name; what lies there goes aside, after what people made for the same pictures came.

    A folder without its record, of another program or an older version, is treated so too.
    A kill at any moment leaves either the old frames or the new ones, and the next run can do this again. Where another
    share has extracted the episode meanwhile, its frames, which are the same, stay.
    """
    root, carried = job.folder.parent, Carried()
    if job.old.aside is None and put_new(job.part, job.folder):
        return carried
    aside = job.old.aside or free_aside(job.folder, UNFINISHED)
    if job.old.aside is not None or job.folder.exists():
        carried = carry(job.folder, aside, job.part)
    if job.old.aside is not None:
        named = {Path(name).stem: name for name in written.frames}
        still = (carried.pairs.get(Path(name).stem, "") for name in job.old.kept)
        keep_instead(root, job.folder, [named[stem] for stem in still if stem in named])
    set_aside(job.folder, aside)
    os.replace(job.part, job.folder)
    return carried


def put_new(part: Path, folder: Path) -> bool:
    """Give a hidden folder its name, or drop it where the finished episode is there; False if something else is."""
    if not os.path.lexists(folder):
        try:
            os.replace(part, folder)
            return True
        except OSError:
            if not (folder / names.EPISODE_RECORD).exists():  # else it came this very moment
                raise
    if not (folder / names.EPISODE_RECORD).exists():
        return False
    rmtree(part)
    return True


@dataclass(frozen=True)
class Survivor:
    """A frame that ffmpeg let through: its number from 1, its pixels, and its descriptor if similar ones are dropped.

    `resembles` and `similarity` name a kept frame that it resembles.
    """

    number: int
    pixels: Pixels
    descriptor: descriptors.Descriptors | None = None
    resembles: str = ""
    similarity: float = -1.0


def compare(
    pixels: Iterable[Pixels],
    episode: Episode,
    thresh: float | None,
    suffix: str,
    elsewhere: search.KeptDescriptors,
) -> Iterator[Survivor]:
    """Yield the survivors, each compared with the kept ones before it and those of other episodes.

    Those below `thresh` are kept from then on. Without `thresh` nothing is compared.
    """
    kept = search.KeptDescriptors()
    for number, one in enumerate(pixels, start=1):
        if thresh is None:
            yield Survivor(number, one)
            continue
        descriptor = descriptors.describe(one)
        resembles, score = kept.most_similar(descriptor)
        if score < thresh:
            resembles, score = elsewhere.most_similar(descriptor)
        if score < thresh:
            kept.add(episode.frame_name(number, suffix), descriptor)
        yield Survivor(number, one, descriptor, resembles, score)


def write_frame(path: Path, one: Survivor, quality: int) -> Described:
    """Encode one frame as its suffix says and write it; return its description."""
    content = encode_frame(one.pixels, path.suffix, quality)
    atomic.write_whole(path, content)
    descriptor = descriptors.describe(one.pixels) if one.descriptor is None else one.descriptor
    return Described(len(content), descriptor, measure(one.pixels), view_of(one.pixels))


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
        for one in survivors:
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
    """Return what .frames.json holds of a dropped frame."""
    return {"resembles": resembles, "similarity": round(score, 4)}
