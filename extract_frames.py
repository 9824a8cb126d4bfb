"""Extract the frames of each episode that differ from the one before, and remember the time of each.

    python extract_frames.py --src_dir videos --dst_dir dataset --prefix yamaS2 --pattern "my_favorite_anime_*.mp4"

Reads the videos below --src_dir; writes dataset/EP04/yamaS2_EP04_000001.png … and, in each episode folder, .frames.json
with the video, the settings, and for each frame its time in seconds, its number in the video, and its scene.
An episode that is there is finished and skipped; one that was interrupted is done anew. With --remove_similar, frames
that resemble one of the dataset are never written.
"""

import math
import os
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

from framekit import decoder, descriptors, episodes, frames, picture, sidecar, similarity, stage
from framekit.encoding import encode_frame
from framekit.episode_record import Episode, episode_record, record_text, renumber_all
from framekit.sampling import MODES, Sampling, choose_frames, scene_numbers, select_expression, within


@dataclass(frozen=True)
class Encoding:
    """How frames are written: png, jpg or webp, the quality of the latter two, by how many threads; what is mended."""

    format: str
    quality: int
    workers: int
    deinterlace: bool = False
    crop_bars: bool = False


@dataclass(frozen=True)
class Extracted:
    """What became of an episode: numbers of frames, the length of the decoded part in seconds, what went wrong."""

    kept: int
    similar: int
    decoded: int
    seconds: float
    trouble: str | None


def write_frame(path: Path, pixels: frames.Pixels, quality: int) -> int:
    """Encode one frame as its suffix says and write it; return the number of bytes."""
    return path.write_bytes(encode_frame(pixels, path.suffix, quality))


@dataclass(frozen=True)
class Survivor:
    """A frame that ffmpeg let through: its number from 1, its pixels, and its descriptor if similar ones are dropped.

    `resembles` and `similarity` name the kept frame that it resembles most.
    """

    number: int
    pixels: frames.Pixels
    descriptor: similarity.Descriptors | None = None
    resembles: str = ""
    similarity: float = -1.0


def compare(
    pixels: Iterable[frames.Pixels],
    episode: Episode,
    kept: similarity.KeptDescriptors | None,
    thresh: float,
    suffix: str = "png",
) -> Iterator[Survivor]:
    """Yield the survivors, compared with all kept frames; those below `thresh` are kept from then on.

    Without `kept` nothing is compared.
    """
    for number, one in enumerate(pixels, start=1):
        if kept is None:
            yield Survivor(number, one)
            continue
        descriptor = similarity.describe(one)
        resembles, score = kept.most_similar(descriptor)
        if score < thresh:
            kept.add(f"{episode.label}/{episode.stem(number)}.{suffix}", descriptor)
        yield Survivor(number, one, descriptor, resembles, score)


def write_frames(
    survivors: Iterable[Survivor],
    folder: Path,
    episode: Episode,
    sampling: Sampling,
    encoding: Encoding,
) -> tuple[dict[str, descriptors.Described | None], dict[str, dict[str, Any]]]:
    """Write the frames that resemble no kept one in worker threads, at most `max_frames` of them.

    Returns the descriptor of each written frame by its file name, and by its stem what each dropped one resembles.
    At most 4 frames per worker wait, so memory does not grow with the length of the video.
    """
    written: dict[str, descriptors.Described | None] = {}
    dropped: dict[str, dict[str, Any]] = {}
    waiting: deque[tuple[str, Survivor, Future[int]]] = deque()

    def finish() -> None:
        name, one, size = waiting.popleft()
        written[name] = None if one.descriptor is None else descriptors.Described(size.result(), one.descriptor)
        size.result()

    with ThreadPoolExecutor(encoding.workers) as pool:
        for one in stage.progress(survivors, None, "frame", episode.label):
            stem = episode.stem(one.number)
            if sampling.remove_similar is not None and one.similarity >= sampling.remove_similar:
                dropped[stem] = {"resembles": one.resembles, "similarity": round(one.similarity, 4)}
                continue
            name = f"{stem}.{encoding.format}"
            waiting.append((name, one, pool.submit(write_frame, folder / name, one.pixels, encoding.quality)))
            if len(waiting) > 4 * encoding.workers:
                finish()
            if len(written) + len(waiting) == sampling.max_frames:
                break
        while waiting:
            finish()
    return written, dropped


def set_aside(folder: Path, reason: str) -> None:
    """Move an existing episode folder into .removed/<reason>/ under a free name; nothing is deleted."""
    shelf = folder.parent / sidecar.REMOVED / reason
    shelf.mkdir(parents=True, exist_ok=True)
    names = [folder.name, *(f"{folder.name}_{number}" for number in range(2, 10000))]
    free = next(shelf / name for name in names if not (shelf / name).exists())
    os.replace(folder, free)
    print(f"{folder} was set aside as {free}")


def numbers_for(ffmpeg: str, view: decoder.View, sampling: Sampling) -> list[int] | None:
    """Return the frames of a video that a mode takes which needs to know all scenes, found in a pass of its own."""
    if not sampling.needs_numbers:
        return None
    times, scores = decoder.scan(ffmpeg, view)
    return choose_frames(times, scene_numbers(scores, sampling.scene_threshold), sampling)


def extract_episode(
    episode: Episode,
    folder: Path,
    wanted: Sampling,
    encoding: Encoding,
    kept: similarity.KeptDescriptors | None,
) -> Extracted:
    """Extract one episode into a hidden folder that gets its name when it is whole."""
    ffmpeg = decoder.find_ffmpeg()
    claimed = picture.probe(ffmpeg, episode.video)
    if claimed is None:
        return Extracted(0, 0, 0, 0.0, "it has no video stream that ffmpeg can read")
    part = folder.with_name(f".{folder.name}.partial")
    rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    sampling = within(wanted, claimed.duration, str(episode.video))
    crop = picture.detect_bars(ffmpeg, episode.video, claimed) if encoding.crop_bars else None
    view = decoder.View(episode.video, claimed, encoding.deinterlace, crop)
    with TemporaryDirectory() as scratch, TemporaryFile() as log:
        expression = select_expression(sampling, claimed.duration, numbers_for(ffmpeg, view, sampling))
        command = decoder.decode_command(ffmpeg, view, sampling, expression)
        command = decoder.with_graph_in_file(command, decoder.ffmpeg_version(ffmpeg), Path(scratch))
        with closing(decoder.decode(command, log)) as pixels:
            survivors = compare(pixels, episode, kept, sampling.remove_similar or 0.0, encoding.format)
            written, dropped = write_frames(survivors, part, episode, sampling, encoding)
        log.seek(0)
        text = log.read().decode(errors="replace")
    damage = decoder.complaint(text)
    shown = [*decoder.shown_times(text), []]
    scores = decoder.scene_scores(text, len(shown[0]))
    seconds = float(shown[0][-1]) - float(shown[0][0]) if shown[0] else 0.0
    if not written and not dropped:
        rmtree(part)
        return Extracted(0, 0, len(scores), seconds, damage or "it has no such frames")
    sources = decoder.frame_sources(text, scene_numbers(scores, sampling.scene_threshold))
    record = episode_record(episode, sampling, scores, sources[: len(written) + len(dropped)], dropped)
    sidecar.write_whole(part / sidecar.EPISODE_RECORD, record_text(record))
    if kept is not None:
        descriptors.write_store(part, {name: one for name, one in written.items() if one is not None})
    if folder.exists():
        finished = (folder / sidecar.EPISODE_RECORD).exists()
        set_aside(folder, "extracted_again" if finished else "unfinished")
    os.replace(part, folder)
    trouble = f"damaged, the {len(written)} frames up to there are kept: {damage}" if damage else None
    return Extracted(len(written), len(dropped), len(scores), seconds, trouble)


def kept_elsewhere(dataset: Path, labels: Iterable[str], workers: int) -> similarity.KeptDescriptors:
    """Return the descriptors of all frames in the dataset, but those of the episodes that are extracted now."""
    kept = similarity.KeptDescriptors()
    coming = set(labels)
    found = frames.find_frames(dataset) if dataset.is_dir() else []
    others = [frame for frame in found if frame.relative_to(dataset).parts[0] not in coming]
    readable, rows, _ = descriptors.describe_frames(others, workers, keep=True)
    for frame, row in zip(readable, rows, strict=True):
        kept.add(frame.relative_to(dataset).as_posix(), row)
    return kept


def parser() -> stage.StageParser:
    """Return the command line."""
    options = stage.StageParser("extract_frames", __doc__ or "")
    options.shared("src_dir", "dst_dir", "redo", "limit", "workers", "config")
    options.needed.append("dst_dir")
    options.option("prefix", help="start of each frame's name (default: the name of --src_dir)")
    options.option("pattern", default="*", help="file names to take; a number where the first * stands is the episode")
    options.option("mode", choices=MODES, default=Sampling.mode, help=f"which frames are taken: {', '.join(MODES)}")
    options.option("hi", type=int, default=Sampling.hi, help="mpdecimate: a block that changed more keeps the frame")
    options.option("lo", type=int, default=Sampling.lo, help="mpdecimate: a block that changed more counts as changed")
    options.option(
        "frac", type=stage.fraction, default=Sampling.frac, help="mpdecimate: changed blocks to keep a frame"
    )
    options.option(
        "frames_per_scene", type=stage.count, default=Sampling.frames_per_scene, help="scene, hybrid: spread evenly"
    )
    options.option(
        "every_seconds",
        type=stage.positive,
        default=Sampling.every_seconds,
        help="interval, hybrid: one frame in so many seconds",
    )
    options.option(
        "target_frames", type=stage.count, default=Sampling.target_frames, help="uniform: so many frames of the video"
    )
    options.option("format", choices=("png", "jpg", "webp"), default="png", help="png loses nothing; jpg is fastest")
    options.option("quality", type=stage.count, default=95, help="of jpg and webp, 1 to 100")
    options.option(
        "skip_opening", type=stage.seconds, default=0.0, help="seconds to leave out at the beginning of each video"
    )
    options.option("skip_ending", type=stage.seconds, default=0.0, help="seconds to leave out at the end of each video")
    options.option(
        "deinterlace", action="store_true", help="deinterlace all frames, not only those flagged as interlaced"
    )
    options.option("crop_bars", action="store_true", help="cut black bars off that last through the whole video")
    options.option("start", type=stage.seconds, default=0.0, help="seconds of each video to begin at")
    options.option("end", type=stage.seconds, help="seconds of each video to end at (default: its end)")
    options.option(
        "max_frames", type=stage.count, default=0, help="stop an episode after so many kept frames; 0 = no limit"
    )
    options.option(
        "remove_similar",
        nargs="?",
        const=similarity.THRESHOLD,
        type=stage.fraction,
        metavar="THRESH",
        help="drop similar frames at once, as remove_similar.py would with --thresh; 0.985 if none is given",
    )
    options.option(
        "scene_threshold", type=stage.positive, default=Sampling.scene_threshold, help="scdet score of a cut, 0 to 100"
    )
    return options


@stage.one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    args = parser().read(argv)
    chosen = {field.name: getattr(args, field.name) for field in fields(Sampling)}
    sampling = Sampling(**chosen | {"end": math.inf if args.end is None else args.end})
    if not 1 <= args.quality <= 100:
        raise stage.Misuse(f"--quality must be 1 to 100, not {args.quality}")
    if sampling.end <= sampling.start or 0 in (sampling.frames_per_scene, sampling.target_frames):
        raise stage.Misuse("--end must lie after --start, and --frames_per_scene and --target_frames must be above 0")
    videos = episodes.find_videos(args.src_dir, args.pattern)
    if not videos:
        raise stage.Misuse(f"no video in {args.src_dir} fits --pattern {args.pattern}")
    labelled = dict(list(episodes.label_episodes(videos, args.pattern).items())[: args.limit or None])
    prefix = sidecar.safe_name(args.prefix or args.src_dir.resolve().stem)
    folders = {label: args.dst_dir / label for label in labelled}
    todo = [label for label in labelled if args.redo or not (folders[label] / sidecar.EPISODE_RECORD).exists()]
    encoding = Encoding(args.format, args.quality, stage.worker_count(args.workers), args.deinterlace, args.crop_bars)
    similar = sampling.remove_similar is not None
    kept = kept_elsewhere(args.dst_dir, todo, encoding.workers) if todo and similar else None
    finished = [folders[label] for label in labelled if label not in todo]
    renumbered, damaged = renumber_all(finished, args.scene_threshold)
    done: list[Extracted] = []
    started = time.perf_counter()
    for label in todo:
        print(f"{labelled[label].name} -> {folders[label]}", file=sys.stderr)
        episode = Episode(labelled[label], label, prefix)
        done.append(extract_episode(episode, folders[label], sampling, encoding, kept))
    if renumbered:
        print(f"{stage.counted(renumbered, 'episode')} got the scenes of --scene_threshold {args.scene_threshold:g}")
    return stage.close(
        f"{summary(done, sampling, time.perf_counter() - started)}; {len(labelled) - len(todo)} already done,"
        f" in {args.dst_dir}",
        damaged + [(labelled[label], one.trouble) for label, one in zip(todo, done, strict=True) if one.trouble],
    )


def summary(done: Sequence[Extracted], sampling: Sampling, elapsed: float) -> str:
    """Return what the closing line says of the episodes that were extracted."""
    kept, similar, decoded = (sum(getattr(one, name) for one in done) for name in ("kept", "similar", "decoded"))
    parts = [f"{stage.counted(kept, 'frame')} kept of {decoded} decoded from {stage.counted(len(done), 'episode')}"]
    if done:
        parts += [f"{decoded - kept - similar} dropped by {sampling.mode}"]
        parts += [f"{similar} similar"] if sampling.remove_similar is not None else []
        parts += [f"{elapsed:.1f} s, {sum(one.seconds for one in done) / elapsed:.1f} x real time"]
    return ", ".join(parts)


if __name__ == "__main__":
    raise SystemExit(main())
