"""Arrange frames in folders by number of characters, characters, and size of the face.

    python arrange_folders.py --src_dir dataset --dst_dir arranged --format n_characters/character/fh_ratio

Reads the frames below --src_dir with their X.json; copies (or moves, or links) each with all its sidecars to a folder
such as arranged/1_character/AobaKokona/face_height_ratio_25-50. A later run follows corrections: it moves what belongs
elsewhere now and leaves alone what a person moved. --flatten takes the tree apart again. Nothing is overwritten.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from framekit import (
    arguments,
    arrangement,
    frame_names,
    frames,
    journals,
    moves,
    resizing,
    sidecar,
    stage,
    standings,
    transport,
)
from framekit.levels import LEVELS, Described, Rules, describe, leaf_folder, parse_format, rare_combinations
from framekit.placements import JOURNAL
from framekit.standings import Standing
from framekit.stems import Stems, visible_files

WAYS = {
    "copy": transport.COPY,
    "move": transport.MOVE,
    "hardlink": transport.HARDLINK,
    "symlink": transport.SYMLINK,
}


def describe_all(standing: Sequence[Standing], rules: Rules) -> tuple[dict[Path, Described], list[tuple[Path, str]]]:
    """Return what decides on the place of each frame, and the frames whose metadata can't be used."""
    described: dict[Path, Described] = {}
    unreadable: list[tuple[Path, str]] = []
    for one in stage.progress(standing, len(standing), "frame", "reading"):
        if not one.frame.exists():
            unreadable.append((one.frame, "it is a link that leads nowhere; remove it, or put the frame back"))
            continue
        try:
            values, held = arrangement.held_metadata(one.frame, one.now, one.put)
            described[one.frame] = replace(describe(values, rules), held=held)
        except sidecar.BadSidecar as error:
            unreadable.append((one.frame, str(error)))
    return described, unreadable


def decide(one: Standing, leaf: Path, stems: Stems) -> Path | str:
    """Return the place of a frame in the tree, or who keeps it out of there: a person who `moved` or `deleted` it."""
    if one.put is None:
        return one.frame if one.now and one.frame.parent == leaf else stems.reserve(leaf / one.frame.name)
    if one.now is None:
        return "deleted"
    if one.now != one.put.place:
        return "moved"
    return one.now if one.now.parent == leaf else stems.reserve(leaf / one.frame.name)


def check_folders(src: Path, dst: Path, move: bool) -> None:
    """Raise Misuse if the tree would be taken for part of the dataset, or the other way round."""
    if not src.is_dir():
        raise stage.Misuse(f"{src} is not a folder; --src_dir must name the folder that holds the frames")
    if src == dst:
        if not move:
            raise stage.Misuse(f"{src} is both --src_dir and --dst_dir; add --move to arrange it in place")
    elif dst.resolve().is_relative_to(src.resolve()) or src.resolve().is_relative_to(dst.resolve()):
        raise stage.Misuse(f"{dst} and {src} lie inside one another; give --dst_dir a folder beside --src_dir")


def parser() -> stage.StageParser:
    """Return the command line."""
    options = stage.StageParser("arrange_folders", __doc__ or "")
    options.shared("src_dir", "dst_dir", "dry_run", "limit", "config")
    options.option(
        "format", default="n_characters/character/fh_ratio", help=f"levels of folders, of {', '.join(LEVELS)}"
    )
    options.option("copy", action="store_true", help="copy the frames (this is done without any of these four)")
    options.option("move", action="store_true", help="move the frames")
    options.option("hardlink", action="store_true", help="make further names of the same files: no space, no time")
    options.option("symlink", action="store_true", help="link to the frames, copy their sidecars")
    options.option(
        "max_image_size",
        type=arguments.count,
        default=0,
        help="write frames smaller whose edge has more px; 0 = never",
    )
    options.option("image_edge", choices=resizing.EDGES, default="longer", help="the edge that --max_image_size means")
    options.shared("min_face_number", "max_face_number")
    options.option(
        "max_character_number", type=int, default=Rules.max_character_number, help="from this number on: 6+_characters"
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
        "flatten", action="store_true", help="undo: bring the frames of --src_dir back, into --dst_dir if given"
    )
    return options


def plan(
    standing: Sequence[Standing], described: Mapping[Path, Described], rules: Rules, tree: Path
) -> list[tuple[Standing, Path | str]]:
    """Return for each described frame its place, or what keeps it out. Raises Misuse if a folder leads elsewhere."""
    rare = rare_combinations(described, rules.min_image_per_combination)
    stems = Stems(visible_files(tree))
    leaves = Leaves(tree, rules.levels, rare)
    decisions: list[tuple[Standing, Path | str]] = []
    for one in standing:
        if one.frame not in described:
            continue
        if not described[one.frame].is_wanted:
            decisions.append((one, "unwanted"))
            continue
        above = str(Path(one.origin).parent) if rules.keep_src_structure else ""
        decisions.append((one, decide(one, leaves.folder(described[one.frame], above), stems)))
    return decisions


class Leaves:
    """The folders of a tree that hold frames, each made up and checked once."""

    def __init__(self, tree: Path, levels: Sequence[str], rare: set[str]) -> None:
        """`rare` are the combinations of characters that go to the others."""
        self.tree, self.levels, self.rare = tree, levels, rare
        self.root = journals.Root(tree)
        self.known: dict[tuple[tuple[str, ...], str, str], Path] = {}

    def folder(self, one: Described, above: str) -> Path:
        """Return the folder of a frame, below the folder `above`. Raises Misuse if it leads out of the tree."""
        key = (one.folders, one.combination, above)
        if key not in self.known:
            leaf = self.tree / above / leaf_folder(one, self.levels, self.rare)
            if self.root.inside(frame_names.relative_name(leaf / "x", self.tree)) is None:
                raise stage.Misuse(f"{leaf} is a link that leads out of {self.tree}; remove it")
            self.known[key] = leaf
        return self.known[key]


def way_of(wanted: Sequence[str], largest: int, edge: str) -> transport.Transport:
    """Return how frames get into the tree. Raises Misuse for two ways, or if originals would be lost."""
    if len(wanted) > 1:
        raise stage.Misuse(f"--{wanted[0]} and --{wanted[1]} exclude each other; give one of them")
    way = WAYS[wanted[0] if wanted else "copy"]
    if not largest:
        return way
    if not way.keeps_source:
        raise stage.Misuse("--max_image_size would lose the originals with --move; copy or link the frames instead")
    return replace(way, rewrite=resizing.Rewriter(largest, edge))


@stage.one_sentence
@stage.uncollected()
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    args = parser().read(argv)
    src, tree = args.src_dir, args.dst_dir or args.src_dir
    if src.resolve() == tree.resolve():
        tree = src
    if args.flatten:
        return flatten(src, tree, args.dry_run)
    way = way_of([name for name in WAYS if getattr(args, name)], args.max_image_size, args.image_edge)
    check_folders(src, tree, args.move)
    if not 1 <= args.face_ratio_folder_range <= 100 or args.max_character_number < 1:
        raise stage.Misuse("--face_ratio_folder_range must be 1 to 100, and --max_character_number 1 or more")
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
        arrangement.finish_interrupted(src, tree, way)
    standing = standings.standings(src, tree, args.limit, args.move)
    described, unreadable = describe_all(standing, rules)
    decisions = plan(standing, described, rules, tree)
    placed = [(one, target) for one, target in decisions if isinstance(target, Path)]
    if not args.dry_run:
        with journals.Journal(tree / JOURNAL) as journal:
            placer = arrangement.Placer(tree, way, journal)
            for one, target in stage.progress(placed, len(placed), "frame"):
                placer.place(one, target, described[one.frame].held)
        left = {
            (one.now.parent, target.parent) for one, target in placed if one.now and one.now.parent != target.parent
        }
        arrangement.follow_factors(tree, left)
        moves.remove_empty_folders(tree)
    kept_out = Counter(target for _, target in decisions if isinstance(target, str))
    new = sum(target != one.now for one, target in placed)
    folders = len({target.parent for _, target in placed})
    left_out = f", {kept_out['unwanted']} left out for their number of faces" if kept_out["unwanted"] else ""
    return stage.close(
        f"{stage.counted(len(placed), 'frame')}{' would be' if args.dry_run else ''} in"
        f" {stage.counted(folders, 'folder')} ({new} new there), {kept_out['moved']} moved and {kept_out['deleted']}"
        f" deleted by hand and left so{left_out}, in {tree}",
        unreadable,
    )


def flatten(tree: Path, destination: Path, dry_run: bool) -> int:
    """Run --flatten."""
    if not tree.is_dir():
        raise stage.Misuse(f"{tree} is not a folder; --src_dir must name the arranged tree")
    number, damaged = (len(frames.find_frames(tree)), []) if dry_run else arrangement.flatten(tree, destination)
    return stage.close(
        f"{stage.counted(number, 'frame')}{' would be' if dry_run else ''} back in {destination}", damaged
    )


if __name__ == "__main__":
    raise SystemExit(main())
