"""Extract the frames of each episode that differ from the one before, and remember the time of each.

    python extract_frames.py --src_dir videos --dst_dir dataset --prefix yamaS2 --pattern "my_favorite_anime_*.mp4"

Reads the videos below --src_dir; writes dataset/EP04/yamaS2_EP04_000001.png … and, in each episode folder, .frames.json
with the video, the settings, and for each frame its time in seconds, its number in the video, and its scene.
An episode whose folder is there is complete and skipped; one that was interrupted is done again. With
--remove_similar, frames that resemble one of the dataset are never written.
"""

import argparse
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

from framekit import console, errors
from framekit.cli import run
from framekit.cli.parser import StageParser
from framekit.cli.values import count, expression, fraction, positive, seconds
from framekit.dataset.share import own_episodes
from framekit.dedup import descriptors, search
from framekit.episodes import done, labels
from framekit.episodes.extract import UNFINISHED, Encoding, Extracted
from framekit.episodes.jobs import episodes_at_once, extract, kept_elsewhere, plan, remove_partial
from framekit.episodes.record import USED_WHEN, renumber_all
from framekit.files import paths
from framekit.video.ffmpeg import DEVICES, choose_device, find_ffmpeg
from framekit.video.sampling import MODES, Sampling, require_space


def sampling_options(options: StageParser) -> None:
    """Add the options that say which frames of a video are taken."""
    options.group("which frames are taken")
    options.option("mode", choices=MODES, default=Sampling.mode, help=f"which frames are taken: {', '.join(MODES)}")
    options.option("hi", type=int, default=Sampling.hi, help="mpdecimate: a block that changed more keeps the frame")
    options.option("lo", type=int, default=Sampling.lo, help="mpdecimate: a block that changed more counts as changed")
    options.option("frac", type=fraction, default=Sampling.frac, help="mpdecimate: changed blocks to keep a frame")
    options.option(
        "frames_per_scene",
        type=count,
        default=Sampling.frames_per_scene,
        help="scene, hybrid: frames of each scene, evenly spread",
    )
    options.option(
        "every_seconds",
        type=positive,
        default=Sampling.every_seconds,
        help="interval, hybrid: seconds from one frame to the next",
    )
    options.option(
        "target_frames",
        type=count,
        default=Sampling.target_frames,
        help="uniform: number of frames of the video",
    )
    options.option(
        "skip_opening", type=seconds, default=0.0, help="seconds to leave out at the beginning of each video"
    )
    options.option("skip_ending", type=seconds, default=0.0, help="seconds to leave out at the end of each video")
    options.option("start", type=seconds, default=0.0, help="time in each video to begin at, in seconds")
    options.option("end", type=seconds, help="time in each video to end at, in seconds (default: its end)")
    options.option("max_frames", type=count, default=0, help="most frames kept of an episode; 0 = no limit")
    options.option(
        "remove_similar",
        nargs="?",
        const=descriptors.THRESHOLD,
        type=fraction,
        metavar="0-1",
        help="drop frames of this similarity at once, as remove_similar.py would; 0.985 if none is given",
    )
    options.option(
        "scene_threshold",
        type=positive,
        default=Sampling.scene_threshold,
        help="change of the picture at a cut, or over a crossfade or fade, from which a scene begins, 0 to 100",
    )


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("extract_frames", __doc__ or "")
    options.shared("src_dir", "dst_dir", "redo", "dry_run", "limit", "shard", "follow_links", "workers", "config")
    options.needed.append("dst_dir")
    options.redo_goes_on = True
    options.group("videos and names")
    options.option("prefix", help="start of each frame's name (default: the name of --src_dir)")
    options.option("pattern", default="*", help="file names to take; a number where the first * stands is the episode")
    options.option(
        "episode_pattern",
        type=expression,
        help="regular expression on the name; its first group is the number",
    )
    options.group("decoding and files")
    options.option(
        "hwaccel",
        choices=("none", "auto", *DEVICES),
        default="none",
        help="device that decodes; the CPU where it cannot",
    )
    options.option(
        "format", choices=("png", "jpg", "webp"), default="png", help="png is lossless; jpg is the fastest to write"
    )
    options.option("quality", type=count, default=95, help="of jpg and webp, 1 to 100")
    options.option(
        "deinterlace", action="store_true", help="deinterlace all frames, not only those flagged as interlaced"
    )
    options.option(
        "video_stream",
        type=count,
        help="number of the video stream, as ffmpeg counts (default: the one marked as default, else the largest)",
    )
    options.option("crop_bars", action="store_true", help="crop black bars that are there through the whole video")
    sampling_options(options)
    options.needs_all("redo", "remove_similar")
    for name, users in USED_WHEN.items():
        if name != "scene_threshold":  # which numbers the scenes in every mode
            options.only_with(name, "format" if name == "quality" else "mode", users)
    return options


@run.script(parser, moves=lambda given: [given.dst_dir] if given.redo else [])
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    chosen = {field.name: getattr(args, field.name) for field in fields(Sampling)}
    sampling = Sampling(**chosen | {"end": math.inf if args.end is None else args.end})
    if not 1 <= args.quality <= 100:
        raise errors.UsageError(f"--quality must be 1 to 100, not {args.quality}")
    if sampling.end <= sampling.start or 0 in (sampling.frames_per_scene, sampling.target_frames):
        raise errors.UsageError(
            "--end must lie after --start, and --frames_per_scene and --target_frames must be above 0"
        )
    videos, unusable = labels.find_videos(args.src_dir, args.pattern)
    numbered = labels.label_episodes(videos, args.pattern, args.episode_pattern)
    every = dict(list(numbered.labels.items())[: args.limit or None])
    labelled = own_episodes(args.shard, every, args.src_dir, unusable)
    looks = {name: getattr(args, name) for name in ("video_stream", "deinterlace", "crop_bars", "format", "quality")}
    wanted = done.Wanted(sampling, looks, paths.safe_name(args.prefix) if args.prefix else "")
    found = done.standing(args.dst_dir, every, numbered.unsure, wanted, labelled)
    if found.todo or args.redo:
        labels.tell_unsure(numbered)
    if args.dry_run:
        return would_extract(labelled if args.redo else found.todo, args.dst_dir, unusable, found)
    remove_partial(args.dst_dir)
    again = done.begin_again(args.dst_dir, labelled, wanted) if args.redo else None
    todo = found.todo if again is None else done.left_to_do(args.dst_dir, labelled, again)
    started = time.perf_counter()
    ffmpeg = find_ffmpeg()
    prefix = wanted.prefix or paths.safe_name(args.src_dir.resolve().stem)
    jobs, refused = plan(todo, wanted, args.dst_dir, prefix, ffmpeg, again)
    require_space([job.sampling for job in jobs], [job.view.picture for job in jobs], args.format, args.dst_dir)
    if jobs and (device := choose_device(ffmpeg, args.hwaccel, jobs[0].episode.video)):
        jobs = [replace(job, view=replace(job.view, device=device)) for job in jobs]
    similar = sampling.remove_similar is not None
    kept = search.KeptDescriptors()
    if jobs and similar:
        kept = kept_elsewhere(args.dst_dir, todo, console.worker_count(args.workers))
    renumbered = 0 if args.redo else renumber_all(found.finished, args.scene_threshold)
    encoding = Encoding(args.format, args.quality)
    at_once = 1 if similar else args.workers or episodes_at_once(os.cpu_count() or 1)
    extracted = list(extract(jobs, ffmpeg, args.crop_bars, encoding, at_once, kept))
    if again is not None:
        done.end_again(args.dst_dir)
    if renumbered:
        console.say(
            f"{console.counted(renumbered, 'episode')} got the scenes of --scene_threshold {args.scene_threshold:g}"
        )
    differing = [] if args.redo else done.told_otherwise(found)
    failed = [(job.episode.video, one.trouble) for job, one in extracted if one.trouble]
    return run.close(
        f"{summary([one for _, one in extracted], sampling, time.perf_counter() - started, args.redo)};"
        f" {len(labelled) - len(todo) - len(found.otherwise) * (not args.redo)} already done, in {args.dst_dir}",
        unusable + ([] if args.redo else found.damaged) + refused + failed,
        differing,
    )


def would_extract(
    todo: Mapping[str, Path], dataset: Path, unusable: Sequence[tuple[Path, str]], found: done.Standing
) -> int:
    """Say which video would go where, and return the exit code."""
    for label, video in todo.items():
        console.say(console.shown(f"{video.name} -> {dataset / label}"))
    would = f"{console.counted(len(todo), 'episode')} would be extracted, {len(found.finished)} already done"
    otherwise = [] if found.otherwise.keys() <= todo.keys() else done.told_otherwise(found)
    return run.close(f"{would}, in {dataset}", [*unusable, *found.damaged], otherwise)


def summary(finished: Sequence[Extracted], sampling: Sampling, elapsed: float, redo: bool) -> str:
    """Return what the closing line says of the episodes that were extracted."""
    if not finished:
        return console.NOTHING_NEW
    kept, similar, decoded = (sum(getattr(one, name) for one in finished) for name in ("kept", "similar", "decoded"))
    parts = [
        f"{console.counted(kept, 'frame')} kept of {decoded} decoded from {console.counted(len(finished), 'episode')}"
    ]
    parts += [f"{decoded - kept - similar} dropped by {sampling.mode}"]
    parts += [f"{similar} similar"] if sampling.remove_similar is not None else []
    carried, left = (sum(getattr(one.carried, name) for one in finished) for name in ("files", "left"))
    parts += [f"{console.counted(carried, 'corrected file')} carried over"] if carried else []
    place = done.EXTRACTED_AGAIN if redo else UNFINISHED
    parts += [f"{left} without their picture now, in {paths.REMOVED}/{place}"] if left else []
    parts += [f"{elapsed:.1f} s, {sum(one.seconds for one in finished) / elapsed:.1f} x real time"]
    return ", ".join(parts)


if __name__ == "__main__":
    raise SystemExit(main())
