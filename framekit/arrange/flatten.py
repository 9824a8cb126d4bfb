"""A tree taken apart again: every frame goes back to where it came from."""

from pathlib import Path

from framekit import errors
from framekit.arrange.place import REPLACED, bring
from framekit.arrange.placements import JOURNAL, FrameLocation, frame_locations
from framekit.dataset import frames, move
from framekit.dataset.move import Stems, visible_files
from framekit.files import names, paths
from framekit.files.atomic import MOVE

FLATTENED = f"{paths.REMOVED}/flattened"


def flatten(tree: Path, destination: Path) -> tuple[int, list[tuple[Path, str]]]:
    """Bring every frame of the tree back to where it came from, below `destination`.

    Returns how many there are, and those that stay because they or their X.json cannot be used. A frame that is there
    already, byte for byte, gets the corrections of both; another frame of that name stays beside it.
    """
    damaged: list[tuple[Path, str]] = []
    locations = frame_locations(tree, tree, damaged)
    number = len(locations) + len(damaged)
    apart: list[tuple[Path, str]] = []  # frames that are there and cannot be used: none of theirs is touched
    there = frames.find_frames(destination, unusable=apart) if destination.is_dir() else []
    left_out = frames.LeftOut(apart)
    stems = Stems([*there, *left_out.paths])
    for one in locations:
        target = paths.inside(destination, one.origin) or destination / one.frame.name
        if target == one.frame:
            continue
        if target in left_out or not is_back(one, target):
            target = stems.reserve(target)
        try:
            bring(one.frame, target, MOVE, destination / REPLACED, one.put)
        except errors.BadSidecar as error:
            damaged.append((one.frame, str(error)))
    if not damaged:
        for path in [*visible_files(tree, names.MULTIPLY), *filter(Path.exists, [tree / JOURNAL])]:
            move.move_to_trash(path, tree / FLATTENED / path.relative_to(tree).parent)
    move.remove_empty_folders(tree)
    return number - len(damaged), damaged


def is_back(one: FrameLocation, target: Path) -> bool:
    """Tell whether the frame is at its origin: byte for byte, or in the tree as it was rewritten from there."""
    if not target.exists():
        return False
    here, there = one.frame.stat(), target.stat()
    rewritten = one.put is not None and here.st_mtime_ns == there.st_mtime_ns and here.st_size != there.st_size
    return rewritten or move.same_file(one.frame, target)
