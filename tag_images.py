"""Tag each frame with a WD tagger, or with what can be measured without any model.

    python tag_images.py --batch_size 16 --caption_extension ".tags" dataset

Reads the frames below --src_dir; writes X.png.tags beside each frame X.png: one line of booru tags with underscores,
separated by commas, highest score first. All scores stay in .scores-MODEL.npz of each folder, so that --rethreshold
needs no model. .tagged.jsonl records how each file was written; one that a person changed is not overwritten.
With --model measured nothing is downloaded, and X.faces.json is read too.
"""

import argparse
from functools import partial
from pathlib import Path

from framekit import console
from framekit.cli import locks, run
from framekit.cli.parser import Joined, StageParser
from framekit.cli.values import fraction
from framekit.dataset import frames
from framekit.dataset.share import own_frames
from framekit.errors import UsageError
from framekit.files import atomic, names
from framekit.files.names import pending
from framekit.tags import models, select, store, write
from framekit.tags.select import TagRules, Thresholds
from framekit.tags.summary import write_summary
from framekit.tags.taggers import short_names
from framekit.tags.write import Tally, Wanted, load_scorer, tag_frames


def writing_options(options: StageParser) -> None:
    """Add the options that say which of the chosen tags are written, and how."""
    options.group("which tags are written")
    options.option("replace", type=Path, help="CSV file with lines old,new; without a new tag the old one is dropped")
    options.option("blacklist", type=Path, help="text file of tags to drop, one or more per line")
    options.option("undesired_tags", help="tags to drop, separated by commas")
    options.option("always_first", help="tags to put first where present, separated by commas")
    options.option(
        "implications", type=Path, help="CSV file with lines tag,implied,…; beside tag, the implied ones are dropped"
    )
    options.option(
        "drop_overlap",
        action="store_true",
        help="drop a tag whose words end a longer one, such as hair beside long_hair",
    )
    options.option("rating", choices=select.RATINGS, default="none", help="where to put the rating")
    options.option(
        "character_line", action="store_true", help="write four lines: characters, copyrights, artists, general tags"
    )
    options.option(
        "caption_extension",
        default=names.TAGS,
        help="extension of the files written: .tags gives X.png.tags, .txt gives X.txt",
    )
    options.option(
        "append_tags",
        action="store_true",
        help="add tags to the files that are there, also to those that people wrote, and keep what is in them",
    )
    options.option(
        "summary", action="store_true", help="print frequencies; write tags_summary.csv and tags_summary.html"
    )


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("tag_images", __doc__ or "")
    options.shared("src_dir", "redo", "dry_run", "limit", "shard", "follow_links", "workers", "device")
    options.shared("batch_size", "overwrite_corrections", "config")
    options.group("tagger and thresholds")
    options.option(
        "model",
        action=Joined,
        nargs="+",
        default=models.DEFAULT_MODEL,
        help="measured, the name of a tagger, a hub repository owner/name, or a folder; several, with commas between"
        " them, are merged",
    )
    options.option(
        "general_threshold", type=fraction, default=Thresholds.general, help="minimum score of a general tag"
    )
    options.option(
        "character_threshold", type=fraction, default=Thresholds.character, help="minimum score of a character tag"
    )
    options.option(
        "threshold_mode",
        choices=select.MODES,
        default="fixed",
        help="fixed: the two given; recommended: those of the tagger's author; mcut: each frame's largest gap",
    )
    options.option("floor", type=fraction, default=store.FLOOR, help="store scores above this, for --rethreshold")
    options.option(
        "rethreshold", action="store_true", help="write all tags again from the stored scores, without the model"
    )
    options.option(
        "merge", choices=store.MERGES, default="union", help="highest, lowest or mean score of several taggers"
    )
    writing_options(options)
    options.needs_all("summary")
    options.makes_useless("rethreshold", ["redo"])
    for name in ("general_threshold", "character_threshold"):
        options.only_with(name, "threshold_mode", ("fixed", "recommended"))
    return options


@run.script(parser)
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    extension = write.usable_extension(args.caption_extension)
    if args.append_tags and args.character_line:
        raise UsageError("--append_tags adds to one list of tags; leave out --character_line")
    unusable: list[tuple[Path, str]] = []
    every = frames.find_frames(args.src_dir, args.limit, unusable)
    found = frames.with_usable(own_frames(args.shard, every, args.src_dir, unusable), extension, unusable)
    taggers = short_names(args.model)
    thresholds = select.thresholds_for(
        args.threshold_mode, list(taggers), args.general_threshold, args.character_threshold
    )
    floor = select.floor_for(thresholds, args.floor, is_stored=args.rethreshold)
    rules = TagRules(
        replace=select.read_replacements(args.replace),
        unwanted=frozenset([*select.read_tags(args.blacklist), *select.split_tags(args.undesired_tags)]),
        implied={tag: frozenset(others) for tag, others in select.read_pairs(args.implications).items()},
        drop_overlap=args.drop_overlap,
        first=select.split_tags(args.always_first),
        rating=args.rating,
        character_line=args.character_line,
    )
    wanted = Wanted(
        list(taggers.values()),
        args.merge,
        thresholds,
        rules,
        extension,
        args.overwrite_corrections,
        args.append_tags,
        turn=partial(locks.turn, "tag_images") if args.shard else write.at_once,
    )
    asked = pending(found, extension, args.redo or args.rethreshold or args.append_tags or args.overwrite_corrections)
    todo = write.leave_edited(asked, wanted)
    tally = Tally(edited=len(asked) - len(todo))
    workers = console.worker_count(args.workers)
    asked_for = {*asked}
    left = write.tagged_otherwise([frame for frame in found if frame not in asked_for], list(taggers), wanted)
    if args.dry_run:
        would = f"{console.counted(len(todo), 'frame')} would be tagged, {len(found) - len(asked)} already done"
        return run.close(f"{would}, in {args.src_dir}", unusable, left)
    atomic.clean_up((frame.parent for frame in found), extension)
    if todo and args.rethreshold:
        tally.add(write.write_all(todo, wanted))
    elif todo:
        load = partial(
            load_scorer, found=found, device=args.device, batch_size=args.batch_size, workers=workers, floor=floor
        )
        tally.add(tag_frames(todo, [partial(load, tagger) for tagger in taggers], wanted, args.redo))
    if args.summary:
        write_summary(args.src_dir, found, extension)
    return run.close(closing(tally, len(found) - len(asked), args.src_dir), unusable + tally.unreadable, left)


def closing(tally: Tally, done_before: int, folder: Path) -> str:
    """Return the closing line."""
    tagged = f"{console.counted(tally.tagged, 'frame')} tagged, {tally.tags / max(1, tally.tagged):.1f} tags each"
    tagged += f" ({tally.empty} without any)" if tally.empty else ""
    message = [tagged if tally.tagged else console.NOTHING_NEW]
    message += [f"{done_before} already done"]
    message += [f"kept {console.counted(tally.edited, 'file')} that a person or another tool wrote"] * bool(
        tally.edited
    )
    return ", ".join([*message, f"in {folder}"])


if __name__ == "__main__":
    raise SystemExit(main())
