"""Frames of a dataset in the folder of a trainer: hard links that follow what is renamed, moved or removed."""

from collections.abc import Collection, Mapping
from pathlib import Path

from framekit import console, errors
from framekit.arrange.resize import Rewriter, would_lose_colours
from framekit.dataset import move
from framekit.dataset.frames import relative_name
from framekit.files import atomic, paths
from framekit.files.names import nfc
from framekit.training.record import MAX_RECORD_BYTES

LINKED = ".linked.json"  # path in the dataset -> path here, so that frames that go elsewhere are followed
STALE, REPLACED = "stale", "replaced"


def read_links(root: Path) -> dict[str, str]:
    """Return where each frame was linked to before. Raises UsageError if the record is damaged."""
    path = root / LINKED
    try:
        held = atomic.read_json(path, MAX_RECORD_BYTES) if path.exists() else {}
    except errors.BadSidecar as error:
        raise errors.damaged(error, path, f"remove the folder {root}, it can be made again") from error
    return {nfc(origin): str(name) for origin, name in held.items() if paths.inside(root, name) is not None}


def link_frames(source: Path, root: Path, targets: Mapping[Path, Path], all_frames: bool) -> int:
    """Link each frame below `root`; return how many were new or changed.

    A frame whose colours trainers would convert wrongly is written anew, in 8 bits. One that was linked elsewhere
    before moves with its caption, which may be edited; one that left the dataset goes to `aside(root)` if these are
    `all_frames`. Raises UsageError if the record is damaged.
    """
    now = {relative_name(frame, source): target.relative_to(root).as_posix()
           for frame, target in targets.items()}  # fmt: skip
    before = followed(read_links(root), source, root, now)
    root.mkdir(parents=True, exist_ok=True)
    atomic.write_json(root / LINKED, {**now, **before})
    clear_places(root, before, now, all_frames)
    changed = 0
    in_8_bits = Rewriter(0)
    for frame, target in console.progress(targets.items(), len(targets), "frame"):
        if would_lose_colours(frame):
            target.parent.mkdir(parents=True, exist_ok=True)
            changed += in_8_bits(frame, target)
        elif not (target.exists() and (target.samefile(frame) or move.same_time(target, frame))):
            target.parent.mkdir(parents=True, exist_ok=True)
            atomic.link_whole(frame, target)
            changed += 1
    atomic.write_json(root / LINKED, now if all_frames else {**before, **now})
    move.remove_empty_folders(root)
    return changed


def followed(before: Mapping[str, str], source: Path, root: Path, now: Collection[str]) -> dict[str, str]:
    """Return where each frame was linked to before, by its path in the dataset now.

    A frame that went elsewhere there is known by its file, and by its name alone where it was written anew.
    """
    stamps = {origin: move.stamp(source / origin) for origin in now}
    owners = {found: origin for origin, found in stamps.items() if found is not None}
    come = [origin for origin in now if origin not in before]
    by_name = {Path(origin).name: origin for origin in come if would_lose_colours(source / origin)}
    held: dict[str, str] = {}
    for origin, name in before.items():
        found = move.stamp(root / name)
        owner = origin if found is None or stamps.get(origin) == found else owners.get(found)
        if owner is None and origin not in stamps:
            owner = by_name.get(Path(origin).name)
        if owner is not None and owner not in held:
            held[owner] = name
    taken = {*held.values()}
    return {origin: name for origin, name in before.items() if origin not in held and name not in taken} | held


def clear_places(root: Path, before: Mapping[str, str], now: Mapping[str, str], all_frames: bool) -> None:
    """Move frames that were linked elsewhere to their new place, and those that left the dataset out of the way.

    All leave their old place before any takes a new one, so that two may change places.
    """
    stale, replaced = aside(root) / STALE, aside(root) / REPLACED
    leaving = [origin for origin, name in before.items()
               if now.get(origin, "" if all_frames else name) != name and (root / name).exists()]  # fmt: skip
    for origin in leaving:
        move.place_frame(root / before[origin], stale / origin, atomic.MOVE, replaced)
    if stale.is_dir():
        for origin, name in now.items():
            if (stale / origin).exists() and not (root / name).exists():
                move.place_frame(stale / origin, root / name, atomic.MOVE, replaced)


def aside(root: Path) -> Path:
    """Return where frames that left a trainer's folder go: beside it, since some trainers walk hidden folders too."""
    return root.parent / paths.REMOVED / root.name
