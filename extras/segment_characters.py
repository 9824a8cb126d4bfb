"""Find the figures of each frame, and cut them out.

    python extras/segment_characters.py dataset/frames

Reads the frames below --src_dir with their faces; writes X.instances.json beside each frame X.png, and .masks/X.png, a
label picture: 0 is background, 1 and up are figures. --layers also writes cut-outs with a soft edge, the background
behind them made whole, and effects, as a dataset of its own. What a person corrected stays.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it runs from a clone, as the scripts above it do

from framekit import console, errors
from framekit.cli import locks, run
from framekit.cli.parser import Listed, StageParser
from framekit.cli.values import count
from framekit.dataset import frames
from framekit.dataset.share import own_frames
from framekit.figures import find, look, models, segment
from framekit.files import atomic, names
from framekit.layers import cutting, dataset, effects, inpaint, shots
from framekit.sidecars import characters, instances
from framekit.tags.write import at_once

NEIGHBOURS = 24  # frames before and after a kept one; chosen: a second of a show


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("segment_characters", __doc__ or "")
    options.shared("src_dir", "redo", "dry_run", "limit", "shard", "follow_links", "workers", "device")
    options.shared("overwrite_corrections", "config")
    options.group("which figures")
    options.option(
        "model",
        default=models.EMBEDDED,
        help="grabcut, which needs no download, a segmenter of the hub such as isnetis, or an .onnx or .pt file; its"
        " answer is joined with what the faces say",
    )
    options.option(
        "model_input",
        default="",
        help="how an ONNX file takes frames, where neither the file nor one beside it says so, such as"
        ' "1024 letterbox 0-1"',
    )
    options.option(
        "min_figure_size",
        aliases=("min_size",),
        type=count,
        default=find.MIN_SIZE,
        help="smallest figure in px of a frame of 1920 x 1080",
    )
    options.group("layers")
    options.option("layers", type=Path, help="folder to write cut-outs, backgrounds, effects and composites to")
    options.option(
        "fill",
        default="texture",
        help="what invents the background that no frame shows: texture, which needs no download, lama of the hub, or an"
        " .onnx file like it",
    )
    options.option(
        "video_dir", type=Path, help="folder of the episodes: frames between the kept ones show more of the background"
    )
    options.option(
        "temporal_window",
        type=count,
        default=NEIGHBOURS,
        help="frames of the video before and after a kept one that are looked at for its background",
    )
    options.option("complete", action="store_true", help="add to a figure what others cover, from other frames")
    options.option(
        "effect_prompts", nargs="+", action=Listed, help='effects to look for by text, such as "magic circle"'
    )
    options.option(
        "effect_model", default="clipseg-rd64-refined", help="what finds texts: CLIPSeg of the hub, or a folder"
    )
    for name in ("fill", "video_dir", "complete", "effect_prompts"):
        options.only_with(name, "layers")
    options.only_with("temporal_window", "video_dir")
    options.only_with("effect_model", "effect_prompts")
    return options


def making_of(fill: str, complete: bool, prompts: Sequence[str], effect_model: str, device: str) -> cutting.Making:
    """Return how layers are made. Raises UsageError if a model for them is unavailable."""
    find_text = effects.load_prompts(effect_model, prompts, device) if prompts else None
    return cutting.Making(inpaint.load_fill(fill, device), fill, find_text, complete)


@run.script(parser)
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    models.KNOWN.refuse_slip(args.model)
    unreadable: list[tuple[Path, str]] = []
    every = frames.find_frames(args.src_dir, unusable=unreadable)
    closed = {path.parent for path, _ in unreadable if path.name == names.MASK_FOLDER}
    if args.layers:
        frames.refuse_inside(args.layers, args.src_dir)
    if args.video_dir and not args.video_dir.is_dir():
        raise errors.UsageError(f"{args.video_dir} is not a folder; --video_dir names the one that holds the episodes")
    own = own_frames(args.shard, every[: args.limit or None], args.src_dir, unreadable)
    found = [one for one in frames.with_usable(own, names.INSTANCES, unreadable) if one.parent not in closed]
    known, undetected, damaged = characters.known_faces(found)
    unreadable += damaged
    if found and len(undetected) == len(found):
        raise errors.UsageError(f"no frame in {args.src_dir} has an X.faces.json; run detect_faces.py first")
    made = {"model": args.model, "settings": {"min_figure_size": args.min_figure_size}}
    again = args.redo or args.overwrite_corrections
    pending = [frame for frame, seen in known.items() if instances.is_pending(frame, seen, again)]
    damaged = instances.damaged({*known}.difference(pending))
    unreadable += damaged
    usable = [frame for frame in known if frame not in dict(damaged)]
    kept = set() if args.overwrite_corrections else {*filter(instances.is_corrected, pending)}
    todo = [frame for frame in pending if frame not in kept]
    left = console.made_otherwise(instances.found_otherwise({*known}.difference(pending), made), "figures")
    if args.dry_run:
        would = f"{console.counted(len(todo), 'frame')} would be segmented, {len(usable) - len(pending)} already done"
        return run.close(f"{would}, in {args.src_dir}", unreadable, left)
    making = None
    if args.layers:  # before minutes of work: a model may be missing
        making = making_of(args.fill, args.complete, args.effect_prompts or [], args.effect_model, args.device)
    atomic.clean_up((frame.parent for frame in found), names.INSTANCES)
    how = segment.Settings(args.model, args.device, args.model_input)
    asked = look.Asked(how, args.min_figure_size, made, args.overwrite_corrections)
    workers = console.worker_count(args.workers)
    figures, looked_at, empty = look.segment_frames(usable, todo, asked, workers, unreadable)
    told = f"{console.counted(figures, 'figure')} in {console.counted(looked_at, 'frame')} ({empty} without a figure)"
    message = told if todo else console.NOTHING_NEW
    message += f", {len(usable) - len(pending)} already done"
    message += f", {len(kept)} kept as corrected by hand" if kept else ""
    if undetected:
        console.warn(f"{console.counted(len(undetected), 'frame')} without X.faces.json; run detect_faces.py")
    if making:
        options = ("fill", "complete", "effect_prompts", "temporal_window")
        settings = {name: getattr(args, name) for name in options} | {"videos": args.video_dir is not None}
        videos = shots.Videos(args.video_dir, args.temporal_window)
        wanted = dataset.Wanted(settings, making, look.hiding(how), videos, console.worker_count(args.workers))
        turn = partial(locks.turn, "segment_characters") if args.shard else at_once
        target = dataset.Layers(args.src_dir, args.layers, turn)
        beyond = every[args.limit :] if args.limit else []
        there = [] if args.limit or args.shard else every
        written = dataset.write_layers(found, beyond, target, wanted, unreadable, there)
        message += f"; {in_words(written)} in {args.layers}"
    return run.close(f"{message}, in {args.src_dir}", unreadable, left)


def in_words(told: dataset.Written) -> str:
    """Return the closing words about layers."""
    singular = {"characters": "cut-out", "backgrounds": "background", "effects": "effect", "composites": "composite"}
    parts = [console.counted(number, singular[kind]) for kind, number in told.counts.items() if number]
    text = ", ".join(parts) or "no new layer"
    text += f", {console.counted(told.done, 'shot')} already done" if told.done else ""
    text += f", {told.by_hand} kept as changed by hand" if told.by_hand else ""
    return text + (f", {told.stale} that are no longer made set aside" if told.stale else "")


if __name__ == "__main__":
    raise SystemExit(main())
