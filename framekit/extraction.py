"""One episode from its video to its folder: taken into a hidden folder, compared with the others, then published."""

import os
from collections.abc import Iterable
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, TemporaryFile
from threading import Event

from framekit import decoder, descriptors, picture, sidecar, similarity, survivors
from framekit.episode_record import Episode, episode_record, record_text
from framekit.ffmpeg_build import Ffmpeg
from framekit.frame_log import FrameLog, complaint, frame_sources, read_log
from framekit.frames import Pixels
from framekit.sampling import Sampling, choose_frames, scene_numbers, select_expression


@dataclass(frozen=True)
class Job:
    """An episode that is to be extracted: what its video claims, where it goes, what is taken; `part` is hidden."""

    episode: Episode
    view: decoder.View
    sampling: Sampling
    folder: Path

    @property
    def part(self) -> Path:
        """Return the hidden folder that gets its name when the episode is whole."""
        return self.folder.with_name(f".{self.folder.name}.partial")


@dataclass(frozen=True)
class Taken:
    """What lies in the hidden folder of a job, what ffmpeg told of the frames, and what went wrong."""

    written: survivors.Written
    log: FrameLog
    damage: str | None = None


@dataclass(frozen=True)
class Extracted:
    """What became of an episode: numbers of frames, the length of the decoded part in seconds, what went wrong."""

    kept: int
    similar: int
    decoded: int
    seconds: float
    trouble: str | None


def set_aside(folder: Path, reason: str) -> None:
    """Move an existing episode folder into .removed/<reason>/ under a free name; nothing is deleted."""
    shelf = folder.parent / sidecar.REMOVED / reason
    shelf.mkdir(parents=True, exist_ok=True)
    names = [folder.name, *(f"{folder.name}_{number}" for number in range(2, 10000))]
    free = next(shelf / name for name in names if not (shelf / name).exists())
    os.replace(folder, free)
    print(f"{folder} was set aside as {free}")


def numbers_for(ffmpeg: Ffmpeg, view: decoder.View, sampling: Sampling) -> list[int] | None:
    """Return the frames of a video that a mode takes which needs to know all scenes, found in a pass of its own."""
    if not sampling.needs_numbers:
        return None
    log = decoder.scan(ffmpeg, view, sampling.end)
    scenes = scene_numbers(log.scene_scores, sampling.scene_threshold)
    return choose_frames([float(time) for time in log.decoded], scenes, sampling)


def until(stop: Event, pixels: Iterable[Pixels]) -> Iterable[Pixels]:
    """Yield frames until told to stop, which ends in KeyboardInterrupt."""
    for one in pixels:
        if stop.is_set():
            raise KeyboardInterrupt
        yield one


def take_frames(
    job: Job,
    ffmpeg: Ffmpeg,
    crop_bars: bool,
    encoding: survivors.Encoding,
    kept: similarity.KeptDescriptors,
    pool: Executor,
    stop: Event,
) -> Taken:
    """Extract one episode into its hidden folder.

    With --remove_similar its frames are compared with each other and with the `kept` ones, and join these.
    """
    rmtree(job.part, ignore_errors=True)
    job.part.mkdir(parents=True)
    sampling, view = job.sampling, job.view
    if crop_bars:
        view = replace(view, crop=picture.detect_bars(ffmpeg.path, view.video, view.picture))
    with TemporaryDirectory() as scratch, TemporaryFile() as log:
        expression = select_expression(sampling, view.picture.duration, numbers_for(ffmpeg, view, sampling))
        command = decoder.decode_command(ffmpeg, view, sampling, expression)
        command = decoder.with_graph_in_file(command, ffmpeg.graph_file_option, Path(scratch))
        thresh = sampling.remove_similar
        with closing(decoder.decode(command, view.size, log)) as pixels:
            coming = survivors.compare(until(stop, pixels), job.episode, thresh, encoding.format, kept)
            written = survivors.write_frames(coming, job.part, job.episode, thresh, sampling.max_frames, encoding, pool)
        for name, described in written.frames.items() if thresh is not None else ():
            kept.add(f"{job.episode.label}/{name}", described.vector)
        log.seek(0)
        text = log.read().decode(errors="replace")
    return Taken(written, read_log(text), complaint(text))


def publish(job: Job, taken: Taken) -> Extracted:
    """Write the record, and give the hidden folder its name."""
    written, scores = taken.written, taken.log.scene_scores
    if not written.frames and not written.similar:
        rmtree(job.part)
        return Extracted(0, 0, len(scores), taken.log.seconds, taken.damage or "it has no such frames")
    sources = frame_sources(taken.log, scene_numbers(scores, job.sampling.scene_threshold))
    met = len(written.frames) + len(written.similar)
    record = episode_record(job.episode, job.sampling, scores, sources[:met], written.similar)
    sidecar.write_whole(job.part / sidecar.EPISODE_RECORD, record_text(record))
    descriptors.write_store(job.part, written.frames)
    if job.folder.exists():
        finished = (job.folder / sidecar.EPISODE_RECORD).exists()
        set_aside(job.folder, "extracted_again" if finished else "unfinished")
    os.replace(job.part, job.folder)
    count = len(written.frames)
    trouble = f"damaged, the {count} frames up to there are kept: {taken.damage}" if taken.damage else None
    return Extracted(count, len(written.similar), len(scores), taken.log.seconds, trouble)
