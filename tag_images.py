"""Tag each frame with a WD tagger, or with what can be measured without any model.

    python tag_images.py --batch_size 16 --caption_extension ".tags" dataset

Reads the frames below --src_dir; writes X.png.tags beside each frame X.png: one line of booru tags with underscores,
separated by commas, highest score first. All scores stay in .scores-MODEL.npz of each folder, so that --rethreshold
needs no model, and .tagged.jsonl tells how each file came about: one that a person changed is never overwritten.
With --model measured nothing is downloaded, and X.faces.json is read too.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from framekit import console, errors
from framekit.cli import run
from framekit.cli.parser import StageParser, fraction
from framekit.dataset import frames
from framekit.files import atomic, names
from framekit.files.names import pending
from framekit.models import hub
from framekit.tags import models, write
from framekit.tags.models import DEFAULT_MODEL
from framekit.tags.select import MODES, TagRules, Thresholds, read_pairs
from framekit.tags.store import FLOOR
from framekit.tags.summary import write_summary
from framekit.tags.taggers import short_name
from framekit.tags.write import Tally, Wanted, load_scorer, tag_frames

MERGES = ("union", "intersection", "mean")

# Extensions that other scripts own, or that would turn tags into frames.
TAKEN_EXTENSIONS = {".json", ".faces.json", ".characters.json", *frames.FRAME_SUFFIXES}


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("tag_images", __doc__ or "")
    options.shared("src_dir", "redo", "limit", "workers", "device", "batch_size", "overwrite_corrections", "config")
    options.option(
        "model",
        default=DEFAULT_MODEL,
        help="measured, a tagger's name, a hub repository owner/name, or a folder; --merge joins several, with commas"
        " between them",
    )
    options.option("general_threshold", type=fraction, default=0.35, help="least score of a general tag")
    options.option("character_threshold", type=fraction, default=0.85, help="least score of a character tag")
    options.option(
        "threshold_mode",
        choices=MODES,
        default="fixed",
        help="fixed, those of the model's author, or a cut at the largest gap",
    )
    options.option("floor", type=fraction, default=FLOOR, help="scores above it are stored")
    options.option(
        "rethreshold", action="store_true", help="write all tags anew from the stored scores, without the model"
    )
    options.option("merge", choices=MERGES, default="union", help="how the scores of several taggers are joined")
    options.option("replace", type=Path, help="CSV file with lines tag,other; without another the tag is dropped")
    options.option("blacklist", type=Path, help="file with a tag to drop in each line")
    options.option("undesired_tags", help="tags to drop, separated by commas")
    options.option("always_first", help="tags that come first where they are, separated by commas")
    options.option("implications", type=Path, help="CSV file with lines tag,implied,…; what is implied is dropped")
    options.option("drop_overlap", action="store_true", help="drop a tag that ends a longer one, as hair in long_hair")
    options.option("rating", choices=("first", "last", "none"), default="none", help="where the rating stands")
    options.option("character_line", action="store_true", help="write the form with a line for characters")
    options.option("caption_extension", default=names.TAGS, help="ending of the files; .txt gives X.txt")
    options.option(
        "summary", action="store_true", help="print frequencies; write tags_summary.csv and tags_summary.html"
    )
    return options


def listed(text: str | None) -> list[str]:
    """Return the tags of an option that takes several."""
    return [tag.strip().replace(" ", "_") for tag in (text or "").split(",") if tag.strip()]


def choose_thresholds(mode: str, taggers: Sequence[str], general: float, character: float) -> Thresholds:
    """Return the thresholds of a mode; those that are recommended for several taggers are their mean."""
    if mode != "recommended":
        return Thresholds(general, character, mode == "mcut")
    known = [models.RECOMMENDED.get(tagger, (general, character)) for tagger in taggers]
    return Thresholds(*(sum(values) / len(known) for values in zip(*known, strict=True)))


@run.script(parser)
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    extension = "." + args.caption_extension.lstrip(".")
    if extension == "." or extension.lower() in TAKEN_EXTENSIONS or Path(f"x{extension}").name != f"x{extension}":
        raise errors.UsageError(
            f"--caption_extension {extension} would overwrite other files; use .tags, .txt or .caption"
        )
    found = frames.find_frames(args.src_dir, args.limit)
    atomic.clean_up((frame.parent for frame in found), extension)
    taggers = hub.model_names(args.model)
    names = [short_name(tagger) for tagger in taggers]
    if len(set(names)) < max(1, len(names)):
        raise errors.UsageError(f"--model {args.model} must name taggers of different names; rename one of the folders")
    thresholds = choose_thresholds(args.threshold_mode, taggers, args.general_threshold, args.character_threshold)
    floor = args.floor if thresholds.mcut else min(args.floor, thresholds.general, thresholds.character)
    if args.rethreshold and floor < args.floor:
        raise errors.UsageError(
            f"a threshold of {floor:g} is below --floor {args.floor:g}, up to which no scores are stored; give the"
            " --floor of the run that stored them, or --redo"
        )
    rules = TagRules(
        replace={tag: [*others, ""][0] for tag, others in read_pairs(args.replace).items()},
        unwanted=frozenset([*read_pairs(args.blacklist), *listed(args.undesired_tags)]),
        implied={tag: frozenset(others) for tag, others in read_pairs(args.implications).items()},
        drop_overlap=args.drop_overlap,
        first=listed(args.always_first),
        rating=args.rating,
        character_line=args.character_line,
    )
    wanted = Wanted(names, args.merge, thresholds, rules, extension, args.overwrite_corrections)
    asked = pending(found, extension, args.redo or args.rethreshold)
    todo = write.leave_edited(asked, wanted)
    tally = Tally(edited=len(asked) - len(todo))
    workers = console.worker_count(args.workers)
    if todo and args.rethreshold:
        tally.add(write.write_all(todo, wanted))
    elif todo:
        load = partial(load_scorer, device=args.device, batch_size=args.batch_size, workers=workers, floor=floor)
        tally.add(tag_frames(todo, [partial(load, tagger) for tagger in taggers], wanted, args.redo))
    if args.summary:
        write_summary(args.src_dir, found, extension)
    return run.close(closing(tally, len(found) - len(asked), args.src_dir), tally.unreadable)


def closing(tally: Tally, done_before: int, folder: Path) -> str:
    """Return the closing line."""
    told = [f"{console.counted(tally.tagged, 'frame')} tagged, {tally.tags / max(1, tally.tagged):.1f} tags each"]
    told += [f"{done_before} already done"]
    told += [f"kept {console.counted(tally.edited, 'file')} that a person or another tool wrote"] * bool(tally.edited)
    return ", ".join([*told, f"in {folder}"])


if __name__ == "__main__":
    raise SystemExit(main())
