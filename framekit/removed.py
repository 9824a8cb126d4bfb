"""The shelf of removed frames, .removed/<reason>/, and its manifest: everything can be put back."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from framekit import journals, moves, sidecar, stage, transport

MANIFEST = f"{sidecar.REMOVED}/manifest.jsonl"
REPLACED = f"{sidecar.REMOVED}/replaced"
RESTORED, KEPT_BY_HAND, PURGED = "restored", "kept_by_hand", "purged"


def remove(root: Path, frame: Path, reason: str, **told: Any) -> None:
    """Write a removal down, then move the frame with its sidecars to .removed/<reason>/."""
    name = frame.relative_to(root).as_posix()
    target = moves.free_target(root / sidecar.REMOVED / reason / name)
    record = {"frame": name, "to": target.relative_to(root).as_posix(), "reason": reason, **told}
    journals.append_line(root / MANIFEST, record)
    moves.place_frame(frame, target, transport.MOVE, root / REPLACED)


def removed_now(root: Path) -> Iterator[tuple[Path, Path, dict[str, Any]]]:
    """Yield (where it was, where it is, its line of the manifest) of each frame that is removed and still there."""
    latest: dict[str, dict[str, Any]] = {}
    for record in journals.read_lines(root / MANIFEST):
        latest[str(record.get("to"))] = record
    for name, record in latest.items():
        origin, where = journals.inside(root, record.get("frame")), journals.inside(root, name)
        gone = record.get("reason") in (RESTORED, KEPT_BY_HAND, PURGED)
        if gone or origin is None or where is None or not where.exists():
            continue
        if where.resolve().is_relative_to((root / sidecar.REMOVED).resolve()):
            yield origin, where, record


def kept_by_hand(root: Path) -> set[Path]:
    """Return the frames that a person decided to keep: put back one by one, or tagged `keep`."""
    kept: dict[str, bool] = {}
    for record in journals.read_lines(root / MANIFEST):
        if record.get("reason") != PURGED:
            kept[str(record.get("frame"))] = record.get("reason") == KEPT_BY_HAND
    return {root / name for name, still in kept.items() if still}


def keep(root: Path, frame: Path) -> None:
    """Write down that a person decided to keep a frame."""
    journals.append_line(root / MANIFEST, {"frame": frame.relative_to(root).as_posix(), "reason": KEPT_BY_HAND})


def finish_interrupted(root: Path) -> None:
    """Complete the last move if a kill cut it short: the frame, which moves last, is not at its target yet."""
    last: dict[str, Any] = {}
    for record in journals.read_lines(root / MANIFEST):
        last = record
    here, there = journals.inside(root, last.get("frame")), journals.inside(root, last.get("to"))
    if here is None or there is None or last.get("reason") == PURGED:
        return
    back = last.get("reason") in (RESTORED, KEPT_BY_HAND)
    source, target = (there, here) if back else (here, there)
    if source.exists() and not target.exists():
        moves.place_frame(source, target, transport.MOVE, root / REPLACED)


def is_wanted(root: Path, origin: Path, record: dict[str, Any], wanted: Sequence[str]) -> tuple[bool, bool]:
    """Tell whether --restore means a frame, and whether by name; `wanted` holds reasons and frames, none for all."""
    names = {origin.name, origin.stem, origin.relative_to(root).as_posix(), str(record.get("to")), str(origin)}
    named = any(word in names for word in wanted)
    return named or not wanted or record.get("reason") in wanted, named


def restore(root: Path, wanted: Sequence[str], dry_run: bool) -> tuple[int, list[tuple[Path, str]]]:
    """Put removed frames back; return how many, and those that stay removed since their place is taken.

    A frame that is named is kept from then on, one of a reason may be removed again.
    """
    taken: list[tuple[Path, str]] = []
    restored = 0
    for origin, where, record in removed_now(root):
        meant, named = is_wanted(root, origin, record, wanted)
        if not meant:
            continue
        if moves.stem_taken(origin):
            taken.append((where, f"{origin} is there again; rename one of them"))
            continue
        restored += 1
        if not dry_run:
            place = {"frame": origin.relative_to(root).as_posix(), "to": where.relative_to(root).as_posix()}
            journals.append_line(root / MANIFEST, place | {"reason": KEPT_BY_HAND if named else RESTORED})
            moves.place_frame(where, origin, transport.MOVE, root / REPLACED)
    if not dry_run:
        moves.remove_empty_folders(root / sidecar.REMOVED)
    return restored, taken


def purge(root: Path) -> int:
    """Delete the removed frames with their sidecars for good, after asking; return how many that were.

    Raises Misuse unless the answer is yes.
    """
    shelf = root / sidecar.REMOVED
    going = list(removed_now(root))
    if not going:
        return 0
    question = f"delete {stage.counted(len(going), 'removed frame')} in {shelf} for good? [yes/no] "
    try:
        answer = input(question)
    except EOFError:
        answer = "no"
    if answer.strip().lower() not in ("y", "yes"):
        raise stage.Misuse(f"nothing was deleted; answer yes to delete {stage.counted(len(going), 'frame')} in {shelf}")
    for origin, where, _ in going:
        place = {"frame": origin.relative_to(root).as_posix(), "to": where.relative_to(root).as_posix()}
        for path in moves.frame_files(where):
            path.unlink()
        journals.append_line(root / MANIFEST, place | {"reason": PURGED})
    moves.remove_empty_folders(shelf)
    return len(going)
