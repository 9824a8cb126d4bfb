"""A tree taken apart again: every frame goes back to where it came from."""

import os
from pathlib import Path

from framekit import errors
from framekit.arrange.leave import leaving, set_aside, set_aside_before
from framekit.arrange.locations import FrameLocation, locate
from framekit.arrange.mend import fetch_sidecars, note_away, settle_journal
from framekit.arrange.place import LINE, REPLACED, bring
from framekit.arrange.placements import JOURNAL
from framekit.dataset import frames, move, removed
from framekit.dataset.move import Stems, visible_files
from framekit.files import names, paths
from framekit.files.atomic import MOVE
from framekit.sidecars.renames import hand_over

FLATTENED = f"{paths.REMOVED}/flattened"


def flatten(tree: Path, destination: Path) -> tuple[int, int, list[tuple[Path, str]]]:
    """Bring every frame of the tree back to where it came from, below `destination`.

    Returns how many there are, how many were set aside since they left the dataset, and those that stay because they or
    their X.json cannot be used. A frame that is there already, byte for byte or as the same picture, gets the
    corrections of both; another frame of that name stays beside it.
    """
    removed.finish_interrupted(tree)
    note_away(tree, set_aside_before(tree))
    settle_journal(tree)
    fetch_sidecars(tree)
    homes, aside = go_home(tree, destination)
    located = locate(tree, tree)
    locations, damaged = located.locations, [*located.unusable]
    number = len(locations) + len(damaged)
    apart: list[tuple[Path, str]] = []  # frames that are there and cannot be used: none of theirs is touched
    there = frames.find_frames(destination, unusable=apart) if destination.is_dir() else []
    left_out = frames.LeftOut(apart)
    stems = Stems([*there, *left_out.paths])
    for one in locations:
        target = homes.get(one.frame) or paths.inside(destination, one.origin) or destination / one.frame.name
        if target == one.frame:
            continue
        if target in left_out or (one.frame not in homes and not is_back(one, target)):
            target = stems.reserve(target)
        also = {}
        if one.put is not None:  # else it would count as deleted by hand where this is not the end of the tree
            above = Path(os.path.relpath(tree, one.frame.parent)).as_posix()
            also = {LINE: [above, one.put.record(tree) | {"left": "flattened"}]}
        try:
            bring(one.frame, target, MOVE, destination / REPLACED, one.put, also=also)
        except errors.BadSidecar as error:
            damaged.append((one.frame, str(error)))
    if destination != tree:
        hand_over(tree, destination)
    if not damaged:
        for path in [*visible_files(tree, names.MULTIPLY), *filter(Path.exists, [tree / JOURNAL])]:
            move.move_to_trash(path, tree / FLATTENED / path.relative_to(tree).parent)
    move.remove_empty_folders(tree)
    return number - len(damaged), aside, damaged


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
