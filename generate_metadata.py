"""Join everything known of each frame into X.json, the one file that people correct and later steps read.

    python generate_metadata.py --src_dir dataset --general_description anishot

Reads X.faces.json, X.characters.json and X.png.tags of the frames below --src_dir, what other programs left beside
them, and .frames.json of each episode; writes X.json beside each frame X.png. Fields that a person corrected there
survive every later run. Corrections made by moving frames are read back with --characters_from_folders, --rename
renames a character everywhere.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from framekit import console, errors
from framekit.arrange import folders
from framekit.arrange.mend import follow_hand, followed_words, rename_folders, unknown_in_words
from framekit.arrange.place import REPLACED
from framekit.arrange.placements import JOURNAL
from framekit.cli import run
from framekit.cli.last import tell_dropped
from framekit.cli.parser import StageParser
from framekit.dataset import frames
from framekit.dataset.read import characters_in
from framekit.dataset.share import own_frames
from framekit.files import atomic, names
from framekit.metadata.join import (
    COUNTS,
    Rules,
    Tally,
    first_described,
    missing_in_words,
    unclear_in_words,
    write_metadata,
)
from framekit.metadata.rename import check_renames, read_step, rename_all
from framekit.pixels.decode import why_broken
from framekit.sidecars.renames import Renames, Step, finish
from framekit.training.record import read_record


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("generate_metadata", __doc__ or "")
    options.shared("src_dir", "limit", "shard", "follow_links", "overwrite_corrections", "config")
    options.group("what is written")
    options.option(
        "general_description", help='words for all frames, such as "anishot"; without it those of before stay'
    )
    options.option(
        "count_from",
        choices=tuple(COUNTS),
        default="auto",
        help="what people are counted by; auto: faces and names, without faces also tags",
    )
    options.option(
        "source_type",
        help="such as fanart or regularization; without it that of before, or screenshots where the video is known",
    )
    options.group("names of characters")
    options.option(
        "tags_from_captions",
        action="store_true",
        help="read captions (X.txt, X.caption) of frames without tags as tags, sentences as description, and the name"
        " in folders such as 10_aoba; later runs go on so",
    )
    options.option(
        "characters_from_folders",
        nargs="?",
        const=folders.PATTERN,
        help=f"read names from the folders that a person moved frames to; without a value {folders.PATTERN}",
    )
    options.option(
        "valid_names",
        type=Path,
        help="file with a name in each line, or folder of references: no other name is read",
    )
    options.option(
        "rename", action="store", nargs="+", metavar="NAME", help="OLD NEW, or a CSV of such rows: rename everywhere"
    )
    options.option("merge_names", action="store_true", help="with --rename: also to the name of another character")
    options.option("undo", action="store_true", help="with --rename: give back what --merge_names took")
    for name in ("merge_names", "undo"):
        options.only_with(name, "rename")
    options.needs_all("characters_from_folders", "rename")
    options.makes_useless("undo", ["merge_names"])
    options.only_with("valid_names", "characters_from_folders")
    return options


def closing(tally: Tally, done: int, step: Step) -> str:
    """Return the closing line: how many frames were described, and what became of corrections and names."""
    parts = [f"{console.counted(done, 'frame')} described"]
    if step.names:
        what = "names of before the merge are back" if step.undoes else "characters renamed"
        parts.append(f"{what} in {console.counted(len(tally.renamed), 'frame')}")
    if tally.joined:
        parts.append(f"{console.counted(tally.joined, 'frame')} had both names, see whether count is right there")
    if tally.from_folders is not None:
        parts.append(f"characters read from folders in {console.counted(tally.from_folders, 'frame')}")
    if tally.kept_fields:
        in_files = console.counted(tally.kept_files, "file")
        parts.append(f"kept {console.counted(tally.kept_fields, 'hand-corrected field')} in {in_files}")
    if tally.foreign:
        parts.append(f"read {console.counted(tally.foreign, 'JSON file')} of other programs, now X.source.json")
    return "; ".join([*parts, *missing_in_words(tally.missing)])


def reader_of(
    root: Path, pattern: str | None, valid_names: Path | None, found: Sequence[Path]
) -> folders.Reader | None:
    """Return what reads characters from folders, if that is asked for; a pattern that fits no folder is told."""
    if pattern is None:
        return None
    reader = folders.reader(root, pattern, valid_names, characters_in(found))
    if sentence := folders.unfitting(reader, found):
        console.warn(sentence)
    return reader


def finish_rename(given: Mapping[str, Any]) -> None:
    """Note that a rename was followed everywhere."""
    finish(given["src_dir"], read_step(given["rename"], given["merge_names"], given["undo"]))


def refuse_tree(root: Path) -> None:
    """Raise UsageError for a folder in which a person may have moved frames: their sidecars are fetched by one run."""
    if (root / JOURNAL).exists():
        raise errors.UsageError(
            f"{root} is a tree that arrange_folders.py made; it is described by one run, without --shard"
        )


@run.script(
    parser, moves=lambda given: [] if given.shard else [given.src_dir], at_end=lambda given: finish_rename(vars(given))
)
@run.gc_paused()
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    root = args.src_dir
    tell_dropped(parser(), vars(args))
    if args.shard:
        refuse_tree(root)
    fetched = follow_hand(root) if root.is_dir() and not args.shard else 0
    unusable: list[tuple[Path, str]] = []
    every = frames.find_frames(root, args.limit, unusable)
    found = own_frames(args.shard, every, root, unusable)
    for suffix in (names.METADATA, names.CHARACTERS, names.TAGS):
        atomic.clean_up({frame.parent for frame in found} if args.rename or suffix == names.METADATA else (), suffix)
    step = read_step(args.rename, args.merge_names, args.undo)
    sentences, is_new = check_renames(root, found, step)
    for sentence in sentences:
        console.warn(sentence)
    renamed, unreadable = rename_all(root, found, step) if is_new else (set(), [])
    reader = reader_of(root, args.characters_from_folders, args.valid_names, found)
    joins_anew = args.general_description is not None or args.source_type is not None or args.count_from != "auto"
    rules = Rules(
        args.general_description,
        args.count_from,
        args.source_type,
        args.overwrite_corrections,
        Renames(root),
        reader,
        names_only=bool(args.rename or reader) and not joins_anew,
        trash=root / REPLACED,
        first=first_described(every) if None in (args.general_description, args.source_type) else {},
        from_captions=args.tags_from_captions,
        written=read_record(root),
    )
    tally = Tally(from_folders=0 if reader else None, renamed=renamed)
    for frame in console.progress(found, len(found), "frame"):
        if not rules.names_only and (reason := why_broken(frame)):
            unreadable.append((frame, f"it cannot be decoded: {reason}"))
            continue
        try:
            write_metadata(frame, rules, tally)
        except errors.BadSidecar as error:
            unreadable.append((frame, f"its sidecars cannot be joined: {error}"))
    moved = 0
    if is_new:
        held = dict.fromkeys(frames.find_frames(root, unusable=[]), rules.renames.before)
        moved = len(rename_folders(root, held, rules.renames))
    done = len(found) - len({frame for frame, _ in unreadable})
    words = closing(tally, done, step)
    if step.undoes and tally.unknown:
        console.warn(unknown_in_words(tally.unknown, root))
    if tally.unclear:
        console.warn(unclear_in_words(tally.unclear, root))
    if moved:
        words += f"; {console.counted(moved, 'frame')} moved to renamed folders"
    if fetched:
        words += f"; {followed_words(fetched)}"
    return run.close(f"{words}, in {root}", unusable + unreadable)


if __name__ == "__main__":
    raise SystemExit(main())
