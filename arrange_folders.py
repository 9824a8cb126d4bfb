"""Arrange frames in folders by number of characters, characters, and size of the face.

    python arrange_folders.py --src_dir dataset --dst_dir arranged --format n_characters/character/fh_ratio

Reads the frames below --src_dir with their X.json; copies (or moves, or links) each with all its sidecars to a folder
such as arranged/1_character/AobaKokona/face_height_ratio_25-50. A later run follows corrections: it moves what belongs
elsewhere now and leaves alone what a person moved. --flatten takes the tree apart again. Nothing is overwritten.
"""

import argparse
from collections import Counter
from pathlib import Path

from framekit import console, errors
from framekit.arrange import flatten, place, placements, resize
from framekit.arrange.folders import LEVELS, Rules, parse_format
from framekit.arrange.place import WAYS, way_of
from framekit.arrange.placements import JOURNAL
from framekit.arrange.plan import check_folders, describe_all, plan
from framekit.cli import run
from framekit.cli.parser import StageParser, count
from framekit.dataset import frames, move
from framekit.files.journal import Journal


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("arrange_folders", __doc__ or "")
    options.shared("src_dir", "dst_dir", "dry_run", "limit", "config")
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


@run.script(parser)
@run.gc_paused()
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    src, tree = args.src_dir, args.dst_dir or args.src_dir
    if src.resolve() == tree.resolve():
        tree = src
    if args.flatten:
        return flattened(src, tree, args.dry_run)
    way = way_of([name for name in WAYS if getattr(args, name)], args.max_image_size, args.image_edge)
    check_folders(src, tree, args.move)
    if not 1 <= args.face_ratio_folder_range <= 100 or args.max_character_number < 1:
        raise errors.UsageError("--face_ratio_folder_range must be 1 to 100, and --max_character_number 1 or more")
    rules = Rules(
        parse_format(args.format),
        args.max_character_number,
        args.min_image_per_combination,
        args.face_ratio_folder_range,
        args.keep_src_structure,
        args.min_face_number,
        args.max_face_number,
    )
    if not args.dry_run:
        place.finish_interrupted(src, tree, way)
    unusable: list[tuple[Path, str]] = []
    locations = placements.frame_locations(src, tree, unusable, args.limit, args.move)
    if args.max_image_size:
        resize.tell_unwritable(one.frame for one in locations)
    described, unreadable = describe_all(locations, rules)
    decisions = plan(locations, described, rules, tree)
    placed = [(one, target) for one, target in decisions if isinstance(target, Path)]
    if not args.dry_run:
        with Journal(tree / JOURNAL) as journal:
            placer = place.Placer(tree, way, journal)
            for one, target in console.progress(placed, len(placed), "frame"):
                placer.place(one, target, described[one.frame].digests)
        left = {
            (one.now.parent, target.parent) for one, target in placed if one.now and one.now.parent != target.parent
        }
        place.follow_factors(tree, left)
        move.remove_empty_folders(tree)
    kept_out = Counter(target for _, target in decisions if isinstance(target, str))
    new = sum(target != one.now for one, target in placed)
    folders = len({target.parent for _, target in placed})
    moved, deleted = kept_out["moved"], kept_out["deleted"]
    by_hand = f", {moved} moved and {deleted} deleted by hand and left alone" if moved or deleted else ""
    left_out = f", {kept_out['unwanted']} left out for their number of faces" if kept_out["unwanted"] else ""
    return run.close(
        f"{console.counted(len(placed), 'frame')}{' would be' if args.dry_run else ''} in"
        f" {console.counted(folders, 'folder')} ({new} new there){by_hand}{left_out}, in {tree}",
        unusable + unreadable,
    )


def flattened(tree: Path, destination: Path, dry_run: bool) -> int:
    """Run --flatten."""
    if not tree.is_dir():
        raise errors.UsageError(f"{tree} is not a folder; --src_dir must name the arranged tree")
    unusable: list[tuple[Path, str]] = []
    if dry_run:
        number = len(frames.find_frames(tree, unusable=unusable))
    else:
        number, unusable = flatten.flatten(tree, destination)
    return run.close(
        f"{console.counted(number, 'frame')}{' would be' if dry_run else ''} back in {destination}", unusable
    )


if __name__ == "__main__":
    raise SystemExit(main())
