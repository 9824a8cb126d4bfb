"""The trash of removed frames, .removed/<reason>/, and its manifest: everything can be put back."""

import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from framekit import console, errors
from framekit.dataset import move
from framekit.files import atomic, journal, paths
from framekit.files.names import nfc

MANIFEST = f"{paths.REMOVED}/manifest.jsonl"
REPLACED = f"{paths.REMOVED}/replaced"
RESTORED, KEPT_BY_HAND, PURGED = "restored", "kept_by_hand", "purged"  # in place of a reason: what came after it


def remove(root: Path, frame: Path, reason: str, **details: Any) -> None:
    """Record a removal with its details, then move the frame with its sidecars to .removed/<reason>/."""
    name = frame.relative_to(root).as_posix()
    target = place_for(root, name, reason)
    record = {"frame": name, "to": target.relative_to(root).as_posix(), "reason": reason, **details}
    journal.append_line(root / MANIFEST, record)
    move.place_frame(frame, target, atomic.MOVE, root / REPLACED)


def place_for(root: Path, name: str, reason: str) -> Path:
    """Return where a frame, by its path in the dataset, goes if it is removed for a reason."""
    return move.free_target(root / paths.REMOVED / reason / name)


def removed_now(root: Path) -> Iterator[tuple[Path, Path, dict[str, Any]]]:
    """Yield (where it was, where it is, its line of the manifest) of each frame that is removed and still there."""
    over = (RESTORED, KEPT_BY_HAND, PURGED)
    yield from (one for one in still_there(root) if one[2].get("reason") not in over)


def still_there(root: Path) -> Iterator[tuple[Path, Path, dict[str, Any]]]:
    """Yield what `removed_now` does, also for frames that are there though their last line tells that they left."""
    latest: dict[str, dict[str, Any]] = {}
    for record in journal.read_lines(root / MANIFEST):
        latest[str(record.get("to"))] = record
    for name, record in latest.items():
        origin, where = paths.inside(root, record.get("frame")), paths.inside(root, name)
        if origin is None or where is None or not os.path.lexists(where):
            continue
        if where.parent.resolve().is_relative_to((root / paths.REMOVED).resolve()):
            yield origin, where, record


def kept_by_hand(root: Path) -> set[Path]:
    """Return the frames that a person decided to keep: put back one by one, or tagged `keep`."""
    kept: dict[str, bool] = {}
    for record in journal.read_lines(root / MANIFEST):
        if record.get("reason") != PURGED:
            kept[str(record.get("frame"))] = record.get("reason") == KEPT_BY_HAND
    return {root / name for name, still in kept.items() if still}


def keep(root: Path, frame: Path) -> None:
    """Record that a person decided to keep a frame."""
    journal.append_line(root / MANIFEST, {"frame": frame.relative_to(root).as_posix(), "reason": KEPT_BY_HAND})


def finish_interrupted(root: Path) -> None:
    """Complete the last move if the process was killed in it: the frame, which moves last, is not at its target yet."""
    last: dict[str, Any] = {}
    for record in journal.read_lines(root / MANIFEST):
        last = record
    here, there = paths.inside(root, last.get("frame")), paths.inside(root, last.get("to"))
    if here is None or there is None or last.get("reason") == PURGED:
        return
    back = last.get("reason") in (RESTORED, KEPT_BY_HAND)
    source, target = (there, here) if back else (here, there)
    if source.exists() and not target.exists():
        move.place_frame(source, target, atomic.MOVE, root / REPLACED)


def names_of(root: Path, origin: Path, record: dict[str, Any]) -> list[str]:
    """Return the names by which --restore accepts a removed frame."""
    return [origin.relative_to(root).as_posix(), origin.name, origin.stem, str(record.get("to")), str(origin)]


def refuse_unknown(root: Path, wanted: Sequence[str], reasons: Collection[str]) -> None:
    """Raise UsageError for a word that is neither one of the reasons nor anything that the manifest ever recorded."""
    known = dict.fromkeys(reasons)
    digits = re.compile(r"\d+")
    for record in journal.read_lines(root / MANIFEST):
        if (origin := paths.inside(root, record.get("frame"))) is not None:
            known |= dict.fromkeys(map(nfc, names_of(root, origin, record)))
            if (reason := str(record.get("reason"))) not in (RESTORED, KEPT_BY_HAND, PURGED):
                known[reason] = None
    for word in wanted:
        if word not in known:
            if (root / word).is_file():
                raise errors.UsageError(f"--restore {word}: it is in {root}, it was not removed")
            alike = [name for name in known if digits.findall(name) == digits.findall(word)]  # no other frame's number
            remedy = console.nearest(word, alike, "") or f"; the reasons are {', '.join(reasons)}"
            raise errors.UsageError(
                f"--restore {word}: neither a reason nor a frame that was removed in {root}{remedy}"
            )


def put_back(root: Path, origin: Path, where: Path, told: str) -> None:
    """Record that a frame comes back, which is `told` as RESTORED or KEPT_BY_HAND, then move it with its sidecars."""
    place = {"frame": origin.relative_to(root).as_posix(), "to": where.relative_to(root).as_posix()}
    journal.append_line(root / MANIFEST, place | {"reason": told})
    move.place_frame(where, origin, atomic.MOVE, root / REPLACED)


def restore(
    root: Path, wanted: Sequence[str], reasons: Collection[str], dry_run: bool
) -> tuple[int, list[tuple[Path, str]]]:
    """Put removed frames back; return how many, and those that stay removed since their place is taken.

    `wanted` holds reasons and frames, nothing means all. A frame that is named is kept from then on, one restored by
    its reason may be removed again. Raises UsageError for a word that is neither one of the `reasons` nor known from
    the manifest, and then restores nothing.
    """
    wanted = [nfc(word) for word in wanted]
    refuse_unknown(root, wanted, reasons)
    taken: list[tuple[Path, str]] = []
    restored = 0
    for origin, where, record in removed_now(root):
        named = not {*map(nfc, names_of(root, origin, record))}.isdisjoint(wanted)
        if not (named or not wanted or record.get("reason") in wanted):
            continue
        if move.stem_taken(origin):
            taken.append((where, f"{origin} is there again; rename one of them"))
            continue
        restored += 1
        if not dry_run:
            put_back(root, origin, where, KEPT_BY_HAND if named else RESTORED)
    if not dry_run:
        move.remove_empty_folders(root / paths.REMOVED)
    return restored, taken


def purge(root: Path, confirmed: Callable[[str], bool]) -> int:
    """Delete the removed frames with their sidecars for good; return how many that were.

    `confirmed` is asked a question first. Raises UsageError unless it agrees.
    """
    trash = root / paths.REMOVED
    going = list(removed_now(root))
    if going and not confirmed(f"delete {console.counted(len(going), 'removed frame')} in {trash} for good?"):
        raise errors.UsageError(
            f"nothing was deleted; answer yes to delete {console.counted(len(going), 'frame')} in {trash}"
        )
    for origin, where, _ in going:
        place = {"frame": origin.relative_to(root).as_posix(), "to": where.relative_to(root).as_posix()}
        journal.append_line(root / MANIFEST, place | {"reason": PURGED})
    gone = [where for _, where, record in still_there(root) if record.get("reason") == PURGED]  # also of a killed run
    for where in gone:
        for path in move.frame_files(where):
            path.unlink()
    if trash.is_dir():
        move.remove_empty_folders(trash)
    return len(gone)


def free_aside(folder: Path, reason: str) -> Path:
    """Return a free place in .removed/<reason>/ for an episode folder."""
    trash = folder.parent / paths.REMOVED / reason
    names = [folder.name, *(f"{folder.name}_{number}" for number in range(2, 10000))]
    return next(trash / name for name in names if not (trash / name).exists())


def set_aside(folder: Path, target: Path) -> None:
    """Move an episode folder to its place in .removed, with its frames that were removed; nothing is deleted.

    What a kill left undone is done by the next call: the folder is away then, some removed frames are not.
    """
    if folder.exists():
        paths.refuse_linked_trash(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder, target)
        console.say(f"{folder} was set aside as {target}")
    root = folder.parent
    for origin, where, _ in list(removed_now(root)):
        if origin.parent == folder:
            move.place_frame(where, move.free_target(target / origin.name), atomic.MOVE, root / REPLACED)
    if (root / paths.REMOVED).is_dir():
        move.remove_empty_folders(root / paths.REMOVED)


def frames_kept(root: Path, folder: Path) -> list[str]:
    """Return the names of the frames of a folder that a person decided to keep."""
    return sorted(frame.name for frame in kept_by_hand(root) if frame.parent == folder)


def keep_instead(root: Path, folder: Path, now: Collection[str]) -> None:
    """Record that a person decided to keep these frames of a folder, by name, and no others of it."""
    held = set(frames_kept(root, folder))
    for name in sorted(held - {*now}):
        journal.append_line(root / MANIFEST, {"frame": f"{folder.name}/{name}", "reason": RESTORED})
    for name in sorted({*now} - held):
        keep(root, folder / name)
