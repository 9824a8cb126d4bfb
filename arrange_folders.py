"""Arrange frames in folders by number of characters, characters, and size of the face.

    python arrange_folders.py --src_dir dataset --dst_dir arranged --format n_characters/character/fh_ratio

Reads the frames below --src_dir with their X.json; copies (or moves, or links) each with all its sidecars to a folder
such as arranged/1_character/AobaKokona/face_height_ratio_25-50. A later run follows corrections: it moves what belongs
elsewhere now, leaves alone what a person moved, and sets aside what left the dataset, in .removed of the tree, until it
is back. --flatten takes the tree apart again. Nothing is overwritten.
"""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from framekit import console, errors
from framekit.arrange import flatten, leave, mend, place, resize
from framekit.arrange.folders import LEVELS, Rules, misplaced_in_words, parse_format
from framekit.arrange.locations import locate
from framekit.arrange.place import WAYS, way_of
from framekit.arrange.plan import Decision, carry_out, check_folders, describe_all, filtered, named_in, plan
from framekit.cli import run
from framekit.cli.config import read_defaults
from framekit.cli.parser import StageParser, count
from framekit.dataset import frames
from framekit.files.paths import REMOVED


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("arrange_folders", __doc__ or "")
    options.shared("src_dir", "dst_dir", "dry_run", "limit", "follow_links", "config")
    options.option(
        "format", default="n_characters/character/fh_ratio", help=f"levels of folders, of {', '.join(LEVELS)}"
    )
    options.option("copy", action="store_true", help="copy the frames (default)")
    options.option("move", action="store_true", help="move the frames")
    options.option("hardlink", action="store_true", help="hard-link the frames: no further space, no time")
    options.option("symlink", action="store_true", help="make symbolic links to the frames, copy their sidecars")
    options.option(
        "max_image_size",
        type=count,
        default=0,
        help="shrink frames whose edge has more px; 0 = never",
    )
    options.option("image_edge", choices=resize.EDGES, default="longer", help="edge that --max_image_size limits")
    options.shared("min_face_number", "max_face_number")
    options.option(
        "max_character_number",
        type=int,
        default=Rules.max_character_number,
        help="from this number on one folder: 6+_characters",
    )
    options.option(
        "min_image_per_combination",
        type=int,
        default=Rules.min_image_per_combination,
        help="combinations of characters with fewer frames go to character_others",
    )
    options.option(
        "face_ratio_folder_range", type=int, default=Rules.face_ratio_range, help="width of the fh_ratio folders in %%"
    )
    options.option("keep_src_structure", action="store_true", help="keep the folders of --src_dir above the levels")
    options.option(
        "flatten",
        action="store_true",
        help="undo: bring the frames of --src_dir back, below --dst_dir if given",
    )
    return options


def rules_of(given: Mapping[str, Any]) -> Rules:
    """Return how folders are named by the options. Raises UsageError for wrong ones."""
    if not 1 <= given["face_ratio_folder_range"] <= 100 or given["max_character_number"] < 1:
        raise errors.UsageError("--face_ratio_folder_range must be 1 to 100, and --max_character_number 1 or more")
    return Rules(
        parse_format(given["format"]),
        given["max_character_number"],
        given["min_image_per_combination"],
        given["face_ratio_folder_range"],
        given["keep_src_structure"],
        given["min_face_number"],
        given["max_face_number"],
    )


@run.script(parser)
@run.gc_paused()
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    src, tree = args.src_dir, args.dst_dir or args.src_dir
    if src.resolve() == tree.resolve():
        tree = src
    if args.flatten:
        refuse_ignored(vars(args))
        return flattened(src, tree, args.dry_run)
    way = way_of([name for name in WAYS if getattr(args, name)], args.max_image_size, args.image_edge)
    check_folders(src, tree, args.move)
    rules = rules_of(vars(args))
    fetched = 0 if args.dry_run else mend.mend(src, tree, way)
    located = locate(src, tree, args.limit, args.move)
    if args.max_image_size:
        resize.tell_unwritable(one.frame for one in located.locations)
    follows = src != tree and not args.limit and not args.move
    left = leave.leaving(located.left, src, tree, {one.frame for one in located.locations}) if follows else []
    placer = place.Placer(tree, way, src)
    described, unreadable = describe_all(located.locations, rules, placer.renames)
    if follows:
        left += filtered(located.locations, described, tree)
    aside = leave.set_aside(tree, left, args.dry_run)
    decisions = plan(located.locations, described, rules, tree)
    if not args.dry_run:
        carry_out(decisions, described, placer)
    if words := misplaced_in_words(named_in(decisions, described, tree), tree):
        console.warn(words)
    return run.close(
        closing(decisions, aside, fetched, located.by_hand, args.dry_run) + f", in {tree}",
        [*located.unusable, *unreadable],
    )


def closing(decisions: Sequence[Decision], aside: Mapping[str, int], fetched: int, by_hand: int, dry_run: bool) -> str:
    """Return the closing line: how many frames are there, and how many are not, for each kind of reason."""
    placed = [(one, target) for one, target in decisions if isinstance(target, Path)]
    kept_out = Counter(target for _, target in decisions if isinstance(target, str))
    back = sum(one.away is not None for one, _ in placed)
    new = sum(target != one.now for one, target in placed) - back
    would = " would be" if dry_run else ""
    reasons = ", ".join(f"{number} {reason}" for reason, number in aside.items())
    folders = len({target.parent for _, target in placed})
    parts = [
        f"{console.counted(len(placed), 'frame')}{would} in {console.counted(folders, 'folder')} ({new} new there)",
        f"{kept_out['moved']} moved and {kept_out['deleted']} deleted by hand and left alone"
        if kept_out["moved"] or kept_out["deleted"] else "",
        f"{by_hand} put there by hand" if by_hand else "",
        f"{kept_out['unwanted']} left out for their number of faces" if kept_out["unwanted"] else "",
        f"{sum(aside.values())}{would} set aside in .removed ({reasons})" if aside else "",
        f"{back}{would} back from .removed" if back else "",
        mend.followed_words(fetched),
    ]  # fmt: skip
    return ", ".join(filter(None, parts))


def refuse_ignored(given: Mapping[str, Any]) -> None:
    """Raise UsageError for options that --flatten would ignore; those of --config are for other runs."""
    plain = parser()
    if given["config"] is not None:
        plain.set_defaults(**read_defaults(given["config"], plain.script, plain.options()))
    heard = {"src_dir", "dst_dir", "dry_run", "config", "flatten"}
    ignored = [name for name in plain.options() if name not in heard and given[name] != plain.get_default(name)]
    if ignored:
        raise errors.UsageError(
            f"--flatten has no use for {' and '.join(f'--{name}' for name in ignored)}; leave it out, or --flatten"
        )


def flattened(tree: Path, destination: Path, dry_run: bool) -> int:
    """Run --flatten."""
    if not tree.is_dir():
        raise errors.UsageError(f"{tree} is not a folder; --src_dir must name the arranged tree")
    unusable: list[tuple[Path, str]] = []
    if dry_run:
        number, aside = len(frames.find_frames(tree, unusable=unusable)), 0
    else:
        number, aside, unusable = flatten.flatten(tree, destination)
    left = f", {aside} that left it set aside in {tree / REMOVED}" if aside else ""
    return run.close(
        f"{console.counted(number, 'frame')}{' would be' if dry_run else ''} back in {destination}{left}", unusable
    )


if __name__ == "__main__":
    raise SystemExit(main())
