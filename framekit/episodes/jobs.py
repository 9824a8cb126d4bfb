"""The episodes of one run: which can be extracted, several at once, compared with those that are there already."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from shutil import rmtree

from framekit import console
from framekit.dataset import frames
from framekit.dedup import descriptors, search
from framekit.episodes.done import Again, Wanted
from framekit.episodes.extract import PARTIAL, Encoding, Extracted, Job, Old, publish, take_frames
from framekit.episodes.record import Episode
from framekit.errors import UsageError
from framekit.files import atomic
from framekit.video.ffmpeg import Ffmpeg, View
from framekit.video.read import look
from framekit.video.sampling import within
from framekit.video.stream import Watch

PARTIAL_OF_SHARE = re.compile(rf"\..+\.\d+of\d+{re.escape(PARTIAL)}")


def episodes_at_once(cores: int) -> int:
    """Return how many videos are decoded at once: one keeps about two cores busy."""
    return max(1, cores // 2)


def kept_elsewhere(dataset: Path, labels: Iterable[str], workers: int) -> search.KeptDescriptors:
    """Return the descriptors of all frames in the dataset, but those of the episodes that are extracted now."""
    kept = search.KeptDescriptors()
    coming = set(labels)
    found = (
        frames.find_frames(dataset, unusable=[]) if dataset.is_dir() else []
    )  # the next scripts list what is left out
    others = [frame for frame in found if frame.relative_to(dataset).parts[0] not in coming]
    described = descriptors.describe_frames(others, workers, keep=True)
    for frame, row in zip(described.readable, described.rows, strict=True):
        kept.add(frame.relative_to(dataset).as_posix(), row)
    return kept


def remove_partial(dataset: Path) -> None:
    """Delete what killed shares left of episodes; a share itself leaves that alone, since others may be at work."""
    if not atomic.WRITER.mark and dataset.is_dir():
        for name in filter(PARTIAL_OF_SHARE.fullmatch, os.listdir(dataset)):  # noqa: PTH208
            rmtree(dataset / name, ignore_errors=True)


def plan(
    labelled: Mapping[str, Path], wanted: Wanted, dataset: Path, prefix: str, ffmpeg: Ffmpeg, again: Again | None
) -> tuple[list[Job], list[tuple[Path, str]]]:
    """Look at each video; return the jobs, and the videos that cannot be extracted with the reason.

    `again` says where the old frames of an episode go that is extracted again. A video of which nothing lies between
    the start and the end that are wanted, such as a short special, is refused.

    Raises UsageError if that is so for all, unless these are a share of all.
    """
    jobs: list[Job] = []
    refused: list[tuple[Path, str]] = []
    short: list[UsageError] = []
    for label, video in labelled.items():
        claimed = look(ffmpeg, video, wanted.looks["video_stream"])
        if isinstance(claimed, str):
            refused.append((video, claimed))
        else:
            view = View(video, claimed, bool(wanted.looks["deinterlace"]))
            try:
                sampling = within(wanted.sampling, claimed.duration, str(video))
            except UsageError as error:
                short.append(error)
                refused.append((video, str(error)))
                continue
            episode = Episode(video, label, prefix, claimed.duration, wanted.looks, claimed.number)
            old = Old(again.aside.get(label), again.kept.get(label, ())) if again else Old()
            jobs.append(Job(episode, view, sampling, dataset / label, old))
    if len(short) == len(labelled) > 0 and not atomic.WRITER.mark:
        raise short[0]
    return jobs, refused


def extract(
    jobs: Sequence[Job],
    ffmpeg: Ffmpeg,
    crop_bars: bool,
    encoding: Encoding,
    at_once: int,
    kept: search.KeptDescriptors,
) -> Iterator[tuple[Job, Extracted]]:
    """Take several episodes at once and publish them in their order; without a whole episode nothing stays."""
    videos = console.Videos({job.episode.label: job.seconds for job in jobs})
    with ThreadPoolExecutor(console.worker_count(0)) as pool, ThreadPoolExecutor(at_once) as crews:
        coming = [crews.submit(take_frames, job, ffmpeg, crop_bars, encoding, kept, pool, videos) for job in jobs]
        try:
            for job, future in zip(jobs, coming, strict=True):
                console.warn(f"{job.episode.video.name} -> {job.folder}")
                while not future.done():
                    wait([future], timeout=0.5)  # a wait without end could not be interrupted on Windows
                yield job, publish(job, future.result())
        finally:
            videos.close()
            for future in coming:
                future.cancel()
            while wait(coming, timeout=0.2).not_done:  # a pass over a whole video takes minutes
                Watch.end_all()
            for job in jobs:
                rmtree(job.part, ignore_errors=True)
