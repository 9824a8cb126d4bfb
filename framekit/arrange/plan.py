"""Where each frame belongs: its metadata turned into the folders of the tree."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from framekit import console, errors
from framekit.arrange import place
from framekit.arrange.folders import Described, Rules, describe, leaf_folder, rare_combinations
from framekit.arrange.placements import FrameLocation
from framekit.dataset import frames
from framekit.dataset.move import Stems, visible_files
from framekit.files import paths
from framekit.files.names import on_disk


def check_folders(src: Path, dst: Path, move: bool) -> None:
    """Raise UsageError if the tree would be taken for part of the dataset, or the other way round."""
    if not src.is_dir():
        raise errors.UsageError(f"{src} is not a folder; --src_dir must name the folder that holds the frames")
    if src == dst:
        if not move:
            raise errors.UsageError(f"{src} is both --src_dir and --dst_dir; add --move to arrange it in place")
    elif dst.resolve().is_relative_to(src.resolve()) or src.resolve().is_relative_to(dst.resolve()):
        raise errors.UsageError(f"{dst} and {src} lie inside one another; give --dst_dir a folder beside --src_dir")


def describe_all(
    locations: Sequence[FrameLocation], rules: Rules
) -> tuple[dict[Path, Described], list[tuple[Path, str]]]:
    """Return what decides on the place of each frame, and the frames whose metadata can't be used."""
    described: dict[Path, Described] = {}
    unreadable: list[tuple[Path, str]] = []
    for one in console.progress(locations, len(locations), "frame", "reading"):
        if not one.frame.exists():
            unreadable.append((one.frame, "it is a link that leads nowhere; remove it, or put the frame back"))
            continue
        try:
            values, digests = place.held_metadata(one.frame, one.now, one.put)
            described[one.frame] = replace(describe(values, rules), digests=digests)
        except errors.BadSidecar as error:
            unreadable.append((one.frame, str(error)))
    return described, unreadable


def decide(one: FrameLocation, leaf: Path, stems: Stems) -> Path | str:
    """Return the place of a frame in the tree, or who keeps it out of there: a person who `moved` or `deleted` it."""
    if one.put is None:
        return one.frame if one.now and one.frame.parent == leaf else stems.reserve(leaf / one.frame.name)
    if one.now is None:
        return "deleted"
    if one.now != one.put.place:
        return "moved"
    return one.now if one.now.parent == leaf else stems.reserve(leaf / one.frame.name)


def plan(
    locations: Sequence[FrameLocation], described: Mapping[Path, Described], rules: Rules, tree: Path
) -> list[tuple[FrameLocation, Path | str]]:
    """Return for each described frame its place, or what keeps it out.

    Raises UsageError if a folder leads elsewhere.
    """
    rare = rare_combinations(described, rules.min_image_per_combination)
    stems = Stems(visible_files(tree))
    leaves = Leaves(tree, rules.levels, rare)
    decisions: list[tuple[FrameLocation, Path | str]] = []
    for one in locations:
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
        self.root = paths.Root(tree)
        self.known: dict[tuple[tuple[str, ...], str, str], Path] = {}

    def folder(self, one: Described, above: str) -> Path:
        """Return the folder of a frame, below the folder `above`. Raises UsageError if it leads out of the tree."""
        key = (one.folders, one.combination, above)
        if key not in self.known:
            leaf = on_disk(self.tree / above / leaf_folder(one, self.levels, self.rare))
            if self.root.inside(frames.relative_name(leaf / "x", self.tree)) is None:
                raise errors.UsageError(f"{leaf} is a link that leads out of {self.tree}; remove it")
            self.known[key] = leaf
        return self.known[key]
