"""Extract the frames of each episode that differ from the one before, and remember the time of each.

    python extract_frames.py --src_dir videos --dst_dir dataset --prefix yamaS2 --pattern "my_favorite_anime_*.mp4"

Reads the videos below --src_dir; writes dataset/EP04/yamaS2_EP04_000001.png … and, in each episode folder, .frames.json
with the video, the settings, and for each frame its time in seconds, its number in the video, and its scene.
An episode that is there is finished and skipped; one that was interrupted is done anew. With --remove_similar, frames
that resemble one of the dataset are never written.
"""

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryFile
from typing import Any

from framekit import decoder, descriptors, episodes, frames, sidecar, similarity, stage


@dataclass(frozen=True)
class Extracted:
    """What became of an episode: frames kept, similar ones dropped, frames decoded, and what went wrong."""

    kept: int
    similar: int
    decoded: int
    trouble: str | None


@dataclass(frozen=True)
class Episode:
    """One video and the name of its folder and frames."""

    video: Path
    label: str
    prefix: str

    def stem(self, number: int) -> str:
        """Return the stem of its n-th frame, counted from 1."""
        return f"{self.prefix}_{self.label}_{number:06d}"


def write_png(path: Path, pixels: frames.Pixels) -> int:
    """Encode one frame and write it; return the number of bytes."""
    return path.write_bytes(frames.encode_png(pixels))


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
    pixels: Iterable[frames.Pixels], episode: Episode, kept: similarity.KeptDescriptors | None, thresh: float
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
            kept.add(f"{episode.label}/{episode.stem(number)}.png", descriptor)
        yield Survivor(number, one, descriptor, resembles, score)


def write_frames(
    survivors: Iterable[Survivor], folder: Path, episode: Episode, thresh: float, workers: int
) -> tuple[dict[str, descriptors.Described | None], dict[str, dict[str, Any]]]:
    """Write the frames that resemble no kept one as PNG files with `workers` encoders.

    Returns the descriptor of each written frame by its file name, and by its stem what each dropped one resembles.
    At most 4 frames per encoder wait, so memory does not grow with the length of the video.
    """
    written: dict[str, descriptors.Described | None] = {}
    dropped: dict[str, dict[str, Any]] = {}
    waiting: deque[tuple[str, Survivor, Future[int]]] = deque()

    def finish() -> None:
        name, one, size = waiting.popleft()
        written[name] = None if one.descriptor is None else descriptors.Described(size.result(), one.descriptor)
        size.result()

    with ThreadPoolExecutor(workers) as pool:
        for one in stage.progress(survivors, None, "frame", episode.label):
            stem = episode.stem(one.number)
            if one.similarity >= thresh:
                dropped[stem] = {"resembles": one.resembles, "similarity": round(one.similarity, 4)}
                continue
            waiting.append((f"{stem}.png", one, pool.submit(write_png, folder / f"{stem}.png", one.pixels)))
            if len(waiting) > 4 * workers:
                finish()
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


def episode_record(
    episode: Episode,
    settings: decoder.Settings,
    sources: Sequence[decoder.FrameSource],
    decoded: int,
    dropped: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the content of .frames.json."""
    by_stem = {episode.stem(number): asdict(source) for number, source in enumerate(sources, start=1)}
    return {
        "schema": 1,
        "video": episode.video.name,
        "episode": episode.label,
        "prefix": episode.prefix,
        "settings": {"mode": "mpdecimate", **asdict(settings)},
        "decoded": decoded,
        "frames": {stem: source for stem, source in by_stem.items() if stem not in dropped},
        "similar": {stem: source | dropped[stem] for stem, source in by_stem.items() if stem in dropped},
    }


def extract_episode(
    episode: Episode, folder: Path, settings: decoder.Settings, kept: similarity.KeptDescriptors | None, workers: int
) -> Extracted:
    """Extract one episode into a hidden folder that gets its name when it is whole."""
    part = folder.with_name(f".{folder.name}.partial")
    rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    with TemporaryFile() as log:
        command = decoder.decode_command(decoder.find_ffmpeg(), episode.video, settings)
        thresh = 2.0 if settings.remove_similar is None else settings.remove_similar
        survivors = compare(decoder.decode(command, log), episode, kept, thresh)
        written, dropped = write_frames(survivors, part, episode, thresh, workers)
        log.seek(0)
        text = log.read().decode(errors="replace")
    sources, decoded = decoder.frame_sources(text)
    damage = decoder.complaint(text)
    if not written and not dropped:
        rmtree(part)
        return Extracted(0, 0, decoded, damage or "it has no frames")
    record = episode_record(episode, settings, sources[: len(written) + len(dropped)], decoded, dropped)
    sidecar.write_json(part / sidecar.EPISODE_RECORD, record, indent=1)
    if kept is not None:
        descriptors.write_store(part, {name: one for name, one in written.items() if one is not None})
    if folder.exists():
        finished = (folder / sidecar.EPISODE_RECORD).exists()
        set_aside(folder, "extracted_again" if finished else "unfinished")
    os.replace(part, folder)
    trouble = f"damaged, the {len(written)} frames up to there are kept: {damage}" if damage else None
    return Extracted(len(written), len(dropped), decoded, trouble)


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
    options.option(
        "hi", type=int, default=decoder.Settings.hi, help="mpdecimate: a block that changed more keeps the frame"
    )
    options.option(
        "lo", type=int, default=decoder.Settings.lo, help="mpdecimate: a block that changed more counts as changed"
    )
    options.option(
        "frac", type=stage.fraction, default=decoder.Settings.frac, help="mpdecimate: changed blocks to keep a frame"
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
        "scene_threshold",
        type=stage.positive,
        default=decoder.Settings.scene_threshold,
        help="scdet score of a cut, 0 to 100",
    )
    return options


@stage.one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    args = parser().read(argv)
    settings = decoder.Settings(args.hi, args.lo, args.frac, args.scene_threshold, args.remove_similar)
    videos = episodes.find_videos(args.src_dir, args.pattern)
    if not videos:
        raise stage.Misuse(f"no video in {args.src_dir} fits --pattern {args.pattern}")
    labelled = dict(list(episodes.label_episodes(videos, args.pattern).items())[: args.limit or None])
    prefix = sidecar.safe_name(args.prefix or args.src_dir.resolve().stem)
    folders = {label: args.dst_dir / label for label in labelled}
    todo = [label for label in labelled if args.redo or not (folders[label] / sidecar.EPISODE_RECORD).exists()]
    workers = stage.worker_count(args.workers)
    kept = kept_elsewhere(args.dst_dir, todo, workers) if todo and settings.remove_similar is not None else None
    done: list[Extracted] = []
    for label in todo:
        print(f"{labelled[label].name} -> {folders[label]}", file=sys.stderr)
        episode = Episode(labelled[label], label, prefix)
        done.append(extract_episode(episode, folders[label], settings, kept, workers))
    similar = sum(one.similar for one in done)
    return stage.close(
        f"{stage.counted(sum(one.kept for one in done), 'frame')} of {sum(one.decoded for one in done)} decoded kept,"
        f"{f' {similar} similar dropped,' if kept is not None else ''} from {stage.counted(len(todo), 'episode')};"
        f" {len(labelled) - len(todo)} already done, in {args.dst_dir}",
        [(labelled[label], one.trouble) for label, one in zip(todo, done, strict=True) if one.trouble],
    )


if __name__ == "__main__":
    raise SystemExit(main())
