"""What left the dataset leaves the tree too, with all its files; it comes back with them when it does."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit import console, errors
from framekit.arrange.pictures import noted_picture
from framekit.arrange.placements import (
    JOURNAL,
    Key,
    Placed,
    comes_from,
    placement,
    read_journal,
    read_sources,
    source_name,
)
from framekit.dataset import frames, move, removed
from framekit.dataset.edited import MAX_RECORD_BYTES, PREPARED
from framekit.dataset.frames import relative_name
from framekit.files import atomic, names, paths
from framekit.files.journal import append_line
from framekit.sidecars import corrections

GONE = "gone"  # the reason where nobody noted why a frame left the dataset
DELETED = f"{paths.REMOVED}/deleted"  # folder of what belonged to pictures that a person deleted in the tree
FILTERED = "face_number"  # the reason of frames whose number of faces is not wanted, as detect_faces.py calls it
Leaving = tuple[Placed, Path, str]  # how it was placed, where it is now, why it leaves


@dataclass(frozen=True)
class Away:
    """A frame that was set aside: where it stood in the tree, where it is, how it was placed, and why it left."""

    stood: Path
    where: Path
    placed: Placed
    reason: str = GONE

    @property
    def was_moved(self) -> bool:
        """Tell whether a person had moved it before."""
        return self.placed.by_hand or self.stood != self.placed.place

    def place(self, leaf: Path) -> Path:
        """Return where it comes back to: where a person had moved it, else where it belongs now."""
        return self.stood if self.was_moved else leaf


def set_aside_before(tree: Path) -> dict[Key, Away]:
    """Return what was set aside when it left the dataset, and is still in the trash of the tree."""
    found: dict[Key, Away] = {}
    root = paths.Root(tree)
    for stood, where, record in removed.removed_now(tree):
        noted = record.get("placed")
        if isinstance(noted, dict) and (one := placement(noted, root, None, noted_picture(noted))) is not None:
            found[one.key] = Away(stood, where, one, str(record.get("reason")))
    return found


def leaving(left: Iterable[tuple[Placed, Path]], source: Path, tree: Path, found: Collection[Path]) -> list[Leaving]:
    """Return which of the frames that are in the dataset no more were put there from it, and nobody decided to keep.

    Their reason is that for which they were removed from the dataset, if anybody noted one. A file that is there, but
    not among the frames `found`, is merely passed over. Raises UsageError if the dataset is empty or cannot be read,
    since nobody can tell then.
    """
    name, reads, kept = source_name(source, tree), read_sources(tree), removed.kept_by_hand(tree)
    own = [(one, now) for one, now in left if one.is_copy and comes_from(one, name, reads) and now not in kept]
    if own and not found:
        raise errors.UsageError(
            f"{source} holds no frame, but {console.counted(len(own), 'frame')} in {tree} came from there; see whether"
            f" its disk is there, or delete {tree} if the frames are gone for good"
        )
    if not own:
        return []
    refuse_unreadable(source)
    gone = removed.removed_now(source)
    reasons = {relative_name(origin, source): str(record.get("reason")) for origin, _, record in gone}
    own = [(one, now) for one, now in own if source / one.origin in found or not (source / one.origin).exists()]
    return [(one, now, paths.safe_name(reasons.get(one.origin, GONE))) for one, now in own]


def refuse_unreadable(source: Path) -> None:
    """Raise UsageError if a folder of the dataset cannot be read: its frames are not gone, but nobody sees them."""
    failed: list[OSError] = []
    for _ in os.walk(source, onerror=failed.append):
        pass
    if failed:
        raise errors.UsageError(
            f"{failed[0].filename} cannot be read ({failed[0].strerror}), so nothing tells which frames left; give"
            " yourself the right to read it, or see whether its disk is there"
        )


def set_aside(tree: Path, left: Sequence[Leaving], dry_run: bool) -> Counter[str]:
    """Move frames with all their files to .removed/<reason>/ of the tree; return how many for each reason."""
    drop_captions(tree, [] if dry_run else (now for _, now, _ in left))
    for one, now, reason in console.progress([] if dry_run else left, len(left), "frame", "setting aside"):
        record: dict[str, Any] = one.record(tree)
        removed.remove(tree, now, reason, placed=record)
        append_line(tree / JOURNAL, record | {"left": reason})
    return Counter(reason for _, _, reason in left)


def drop_captions(tree: Path, moving: Iterable[Path]) -> None:
    """Take captions out of the way that prepare_training.py wrote for frames that get another name, or leave.

    It knows its own by the name of the frame, and writes them again where they are missing.
    """
    prepared = read_prepared(tree)
    for frame in moving:
        caption, noted = names.sidecar(frame, names.CAPTION), prepared.get(frame.stem)
        if isinstance(noted, list) and caption.exists() and not corrections.is_file_edited(caption, noted):
            move.move_to_trash(caption, tree / removed.REPLACED)


def read_prepared(tree: Path) -> dict[str, Any]:
    """Return the digests of what prepare_training.py wrote; none where nobody knows which are its own."""
    try:
        return atomic.read_json(tree / PREPARED, MAX_RECORD_BYTES)
    except errors.BadSidecar:
        return {}


def noted_factors(tree: Path) -> dict[Path, list[Any]]:
    """Return the digests of the factors that prepare_training.py wrote, by their places, whether they are there."""
    root = paths.Root(tree)
    keys = {key: one for key, one in read_prepared(tree).items() if key.endswith(f"/{names.MULTIPLY}")}
    return {path: one for key, one in keys.items() if isinstance(one, list) and (path := root.inside(key)) is not None}


def own_factors(tree: Path, noted: Mapping[Path, list[Any]]) -> set[Path]:
    """Return the factors that prepare_training.py wrote and nobody changed, also where they came from other folders."""
    moved = [digest for path, digests in noted.items() if not path.exists() for digest in digests]
    there = [Path(folder) / names.MULTIPLY for folder, _, held in names.walk(tree) if names.MULTIPLY in held]
    return {path for path in there if not corrections.is_file_edited(path, [*noted.get(path, ()), *moved])}


def drop_orphans(tree: Path, deleted: Iterable[Placed]) -> None:
    """Take the files of pictures that a person deleted out of the tree; they come back if their picture does."""
    owners = read_journal(tree).owners()
    for one in deleted:
        if owners[one.place].key == one.key and not move.stem_taken(one.place):
            for path in move.files_beside(one.place):
                move.move_to_trash(path, deleted_at(tree, one).parent)


def deleted_at(tree: Path, one: Placed) -> Path:
    """Return where a picture that a person deleted would be for the files that it left: no other picture shares it."""
    return (tree / DELETED / one.place.relative_to(tree)).parent / atomic.digest(one.key) / one.place.name


def note_place(tree: Path, away: Away, stood: Path) -> None:
    """Record that a frame in the trash stood in a folder that has another name now."""
    if stood != away.stood:
        line = {"frame": relative_name(stood, tree), "to": relative_name(away.where, tree), "reason": away.reason}
        append_line(tree / removed.MANIFEST, line | {"placed": away.placed.record(tree)})


def note_return(tree: Path, away: Away, target: Path) -> None:
    """Record that a frame comes back from the trash to its target, before it moves."""
    record = {"frame": relative_name(target, tree), "to": relative_name(away.where, tree), "reason": removed.RESTORED}
    append_line(tree / removed.MANIFEST, record)


def move_factors(tree: Path) -> None:
    """Take the factor of a folder along that all frames were set aside from, so that it can come back with them."""
    for folder, trash in {(away.stood.parent, away.where.parent) for away in set_aside_before(tree).values()}:
        factor = folder / names.MULTIPLY
        if factor.exists() and not any(frames.is_frame_name(path.name) for path in folder.iterdir()):
            move.move_to_trash(factor, trash)


def return_factor(away: Away, target: Path) -> None:
    """Bring the factor of a folder back, unless it has one again."""
    factor, there = away.where.with_name(names.MULTIPLY), target.with_name(names.MULTIPLY)
    if factor.exists() and not there.exists():
        there.parent.mkdir(parents=True, exist_ok=True)
        move.move_to_trash(factor, there.parent)
