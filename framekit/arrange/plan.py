"""Where each frame belongs: its metadata turned into the folders of the tree."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from framekit import console, errors
from framekit.arrange import place
from framekit.arrange.folders import (
    CHARACTER,
    CHARACTER_OTHERS,
    Described,
    Rules,
    describe,
    leaf_folder,
    rare_combinations,
)
from framekit.arrange.leave import FILTERED, Leaving, drop_captions, drop_orphans, move_factors
from framekit.arrange.locations import FrameLocation, is_sure
from framekit.arrange.mend import clear_orphans
from framekit.dataset import frames, removed
from framekit.dataset.move import FolderNames, Stems, files_beside, remove_empty_folders, stem_key, visible_files
from framekit.dataset.read import Unusable
from framekit.files import names, paths
from framekit.files.names import on_disk
from framekit.pixels.decode import why_broken
from framekit.sidecars.metadata import read_own
from framekit.sidecars.renames import Renames

Placement = tuple[FrameLocation, Path]
Decision = tuple[FrameLocation, Path | str]


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
    locations: Sequence[FrameLocation], rules: Rules, renames: Renames
) -> tuple[dict[Path, Described], Unusable]:
    """Return what decides on the place of each frame, and the frames whose metadata can't be used.

    `renames` are those of the tree.
    """
    described: dict[Path, Described] = {}
    unusable = Unusable()
    held = cache(folder_names)
    for one in console.progress(locations, len(locations), "frame", "reading"):
        if not one.frame.exists():
            unusable.unreadable.append((one.frame, "it is a link that leads nowhere; remove it, or put the frame back"))
            continue
        if one.put is None and (reason := why_broken(one.frame)):
            unusable.unreadable.append((one.frame, f"it cannot be decoded: {reason}"))
            continue
        if closed := closed_file(one, held):
            unusable.unreadable.append(closed)
            continue
        try:
            values, digests = place.held_metadata(one.frame, one.other, one.put, renames)
            described[one.frame] = replace(describe(values, rules), digests=digests)
        except errors.MissingSidecar:
            unusable.missing.append(one.frame)
        except errors.BadSidecar as error:
            unusable.unreadable.append((damaged(one), str(error)))
    return described, unusable


def folder_names(folder: Path) -> FolderNames:
    """Return the names in a folder, none if it is not there."""
    return FolderNames(os.listdir(folder) if folder.is_dir() else ())  # noqa: PTH208


def closed_file(one: FrameLocation, held: Callable[[Path], FolderNames]) -> tuple[Path, str] | None:
    """Return where a file of a frame, in the dataset or in the tree, can't be read, with the reason; None if all can.

    It could not be copied or compared, and a frame never comes to a place without its files.
    """
    for path in filter(None, dict.fromkeys((one.frame, one.other))):
        folder, known = path.parent, held(path.parent)
        closed = frames.closed_masks(folder) if names.MASK_FOLDER in known else []
        beside = [] if closed else files_beside(path, known)
        closed += [(file, reason) for file in beside if (reason := frames.sidecar_trouble(file))]
        if closed:
            return path, f"{frames.relative_name(closed[0][0], folder)}: {closed[0][1]}"
    return None


def damaged(one: FrameLocation) -> Path:
    """Return where the X.json of a frame can't be used: in the dataset, or else in the tree."""
    here = names.sidecar(one.frame, names.METADATA)
    try:
        _ = here.exists() and read_own(here)
    except errors.BadSidecar:
        return one.frame
    return one.other or one.frame


def decide(one: FrameLocation, leaf: Path, stems: Stems) -> Path | str:
    """Return the place of a frame in the tree, or who keeps it out of there: a person who `moved` or `deleted` it."""
    if one.put is None:
        return one.frame if one.now and one.frame.parent == leaf else stems.reserve(leaf / one.frame.name)
    if one.now is None:
        return stems.reserve(one.away.place(leaf / one.frame.name)) if one.away else "deleted"
    if one.now != one.put.place or one.put.by_hand:
        return "moved"
    return one.now if one.now.parent == leaf and not has_new_name(one) else stems.reserve(leaf / one.frame.name)


def has_new_name(one: FrameLocation) -> bool:
    """Tell whether a frame that stands where it was put is called otherwise in the dataset now."""
    if one.put is None or one.now != one.put.place or one.put.by_hand:
        return False
    return one.origin != (one.put.origin or one.origin) or one.frame.suffix != one.now.suffix


def plan(
    locations: Sequence[FrameLocation], described: Mapping[Path, Described], rules: Rules, tree: Path
) -> list[Decision]:
    """Return for each described frame its place, or what keeps it out.

    Raises UsageError if a folder leads elsewhere.
    """
    rare = rare_combinations(described, rules.min_image_per_combination)
    stems = Stems(path for path in visible_files(tree) if frames.is_frame_name(path.name))
    for one in locations:
        if has_new_name(one) and one.frame in described and one.now is not None:
            stems.release(one.now)
    leaves = Leaves(tree, rules.levels, rare)
    decisions: list[Decision] = []
    for one in locations:
        if one.frame not in described:
            continue
        if not described[one.frame].is_wanted:
            decisions.append((one, "unwanted"))
            continue
        above = str(Path(one.origin).parent) if rules.keep_src_structure else ""
        decisions.append((one, decide(one, leaves.folder(described[one.frame], above), stems)))
    return decisions


def others_in_words(decisions: Sequence[Decision], described: Mapping[Path, Described], rules: Rules) -> str:
    """Return how many frames are in `character_others`, and why; nothing if there are none."""
    if CHARACTER not in rules.levels:
        return ""
    rare = rare_combinations(described, rules.min_image_per_combination)
    placed = [described[one.frame] for one, target in decisions if isinstance(target, Path)]
    least = rules.min_image_per_combination
    reasons = {
        f"in combinations of fewer than {least} frames, see --min_image_per_combination": sum(
            one.combination in rare and one.combination != CHARACTER_OTHERS for one in placed
        ),
        "with nobody known": sum(not one.is_named for one in placed),
        "with too many names for a folder": sum(one.is_named and not one.names for one in placed),
    }
    words = "; ".join(f"{number} {reason}" for reason, number in reasons.items() if number)
    return f"{sum(reasons.values())} in {CHARACTER_OTHERS} ({words})" if words else ""


def filtered(locations: Sequence[FrameLocation], described: Mapping[Path, Described], tree: Path) -> list[Leaving]:
    """Return the frames in the tree that the options leave out now, but for those that a person decided to keep."""
    kept = removed.kept_by_hand(tree)
    found = ((one.put, one.now) for one in locations if one.frame in described and not described[one.frame].is_wanted)
    return [(put, now, FILTERED) for put, now in found if put and now and now not in kept and is_sure(put, now)]


def named_in(decisions: Sequence[Decision], described: Mapping[Path, Described], tree: Path) -> dict[Path, list[str]]:
    """Return the characters of the frames that are in the tree then, by their path in it."""
    places = ((one, target if isinstance(target, Path) else one.now) for one, target in decisions)
    return {
        where.relative_to(tree): described[one.frame].names for one, where in places
        if where is not None and where.is_relative_to(tree)
    }  # fmt: skip


def carry_out(decisions: Sequence[Decision], described: Mapping[Path, Described], placer: place.Placer) -> None:
    """Bring the frames to their places, and what belongs to folders after them."""
    placed = [(one, target) for one, target in decisions if isinstance(target, Path)]
    aside: dict[Path, FrameLocation] = {}
    drop_captions(placer.tree, (one.now for one, target in placed if one.now and one.now.stem != target.stem))
    clear_orphans(placer.tree, (target for one, target in placed if one.now != target))
    placer.bearers = place.factor_bearers(placer.tree, placed)
    with placer.journal:
        for one, target in decisions:
            if target == "moved":
                placer.follow(one, described[one.frame].digests)
            elif target == "deleted":
                placer.note_name(one)
        for one, target, in_a_circle in console.progress(in_order(placed), len(placed), "frame"):
            if in_a_circle:
                aside[one.frame] = placer.step_aside(one)
            else:
                placer.place(aside.get(one.frame, one), target, described[one.frame].digests)
    move_factors(placer.tree)
    drop_orphans(placer.tree, (one.put for one, target in decisions if target == "deleted" and one.put))
    place.bring_factors(placer.tree)
    remove_empty_folders(placer.tree)


def in_order(placed: Sequence[Placement]) -> list[tuple[FrameLocation, Path, bool]]:
    """Return placements such that a frame leaves its place before another one comes there.

    True marks one whose place is taken in a circle: it steps aside, and is placed once more at the end of the circle.
    """
    at_place = {
        stem_key(one.now): number for number, (one, target) in enumerate(placed)
        if one.now is not None and one.put is not None and one.now == one.put.place != target
    }  # fmt: skip
    if not at_place:
        return [(one, target, False) for one, target in placed]
    result: list[tuple[FrameLocation, Path, bool]] = []
    done: set[int] = set()
    for number in range(len(placed)):
        chain: dict[int, None] = {}
        following: int | None = number
        while following is not None and following not in done and following not in chain:
            chain[following] = None
            following = at_place.get(stem_key(placed[following][1]))
        if following in chain and following != next(reversed(chain)):
            result.append((*placed[following], True))
        done.update(chain)
        result += [(*placed[place], False) for place in reversed(chain)]
    return result


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
