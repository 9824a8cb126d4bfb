"""A tree taken apart again: every frame goes back to where it came from."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from framekit import errors
from framekit.arrange.leave import leaving, set_aside, set_aside_before
from framekit.arrange.locations import FrameLocation, locate
from framekit.arrange.mend import follow_hand, note_away
from framekit.arrange.place import LINE, REPLACED, bring
from framekit.dataset import frames, move, removed
from framekit.dataset.move import Stems, visible_files
from framekit.files import names, paths
from framekit.files.atomic import MOVE
from framekit.sidecars.renames import hand_over

FLATTENED = f"{paths.REMOVED}/flattened"


@dataclass(frozen=True)
class Flattened:
    """What became of a tree: how many frames are back, and how many were set aside since they left the dataset.

    `replaced` counts files that lost against a newer version, in .removed/replaced of the destination, `factors` those
    in .removed/flattened of the tree; `rest` are the other files that stay there. Frames that cannot be used, or whose
    X.json cannot, are `unusable` and stay, too.
    """

    back: int
    aside: int
    replaced: int
    factors: int
    rest: Sequence[Path]
    unusable: Sequence[tuple[Path, str]]


def flatten(tree: Path, destination: Path) -> Flattened:
    """Bring every frame of the tree back to where it came from, below `destination`.

    A frame that is there already, byte for byte or as the same picture, gets the corrections of both; another frame of
    that name stays beside it. The journal stays: it knows which frames a person deleted, and which are in the tree.
    """
    removed.finish_interrupted(tree)
    note_away(tree, set_aside_before(tree))
    follow_hand(tree)
    homes, aside = go_home(tree, destination)
    located = locate(tree, tree)
    locations, damaged = located.locations, [*located.unusable]
    number = len(locations) + len(damaged)
    apart: list[tuple[Path, str]] = []  # frames that are there and cannot be used: none of theirs is touched
    there = frames.find_frames(destination, unusable=apart) if destination.is_dir() else []
    left_out = frames.LeftOut(apart)
    stems = Stems([*there, *left_out.paths])
    before = files_below(destination / REPLACED)
    for one in locations:
        target = homes.get(one.frame) or paths.inside(destination, one.origin) or destination / one.frame.name
        if target == one.frame:
            continue
        if target in left_out or (one.frame not in homes and not is_back(one, target)):
            target = stems.reserve(target)
        try:
            bring(one.frame, target, MOVE, destination / REPLACED, one.put, also=noting(one, target, tree))
        except errors.BadSidecar as error:
            damaged.append((one.frame, str(error)))
    if destination != tree:
        hand_over(tree, destination)
    factors = visible_files(tree, names.MULTIPLY) if not damaged else []
    for path in factors:
        move.move_to_trash(path, tree / FLATTENED / path.relative_to(tree).parent)
    move.remove_empty_folders(tree)
    rest = [] if destination.is_relative_to(tree) or damaged else visible_files(tree)
    replaced = files_below(destination / REPLACED) - before
    return Flattened(number - len(damaged), aside, replaced, len(factors), rest, damaged)


def noting(one: FrameLocation, target: Path, tree: Path) -> dict[str, Any]:
    """Return what the journal of the tree gets when a frame goes home: its new place, or that it left.

    Else it would count as deleted by hand.
    """
    if one.put is None:
        return {}
    above = Path(os.path.relpath(tree, one.frame.parent)).as_posix()
    if target.is_relative_to(tree):
        return {LINE: [above, replace(one.put, place=target, by_hand=False).record(tree)]}
    return {LINE: [above, one.put.record(tree) | {"left": "flattened"}]}


def files_below(folder: Path) -> int:
    """Return how many files are in a folder and below it."""
    return sum(len(found) for _, _, found in os.walk(folder))


def go_home(tree: Path, destination: Path) -> tuple[dict[Path, Path], int]:
    """Return for the frames of the tree which of the destination each is; those that left it are set aside.

    Nothing, where the destination is not the dataset that the tree was made from.
    """
    if destination == tree or not destination.is_dir() or not frames.find_frames(destination, 1, unusable=[]):
        return {}, 0
    located = locate(destination, tree)
    left = leaving(located.left, destination, tree, {one.frame for one in located.locations})
    set_aside(tree, left, dry_run=False)
    return {one.now: one.frame for one in located.locations if one.now is not None}, len(left)


def is_back(one: FrameLocation, target: Path) -> bool:
    """Tell whether the frame is at its origin: byte for byte, or in the tree as it was rewritten from there."""
    if not target.exists():
        return False
    here, there = one.frame.stat(), target.stat()
    rewritten = one.put is not None and here.st_mtime_ns == there.st_mtime_ns and here.st_size != there.st_size
    return rewritten or move.same_file(one.frame, target)
