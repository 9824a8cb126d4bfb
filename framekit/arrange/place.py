"""Frames are brought to their places in a tree; corrections made in both places are joined."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Any

from framekit import errors
from framekit.arrange.placements import (
    JOURNAL,
    NO_DIGESTS,
    FrameLocation,
    MetadataDigests,
    Placed,
    metadata_digest,
    placement,
    read_journal,
)
from framekit.arrange.resize import Rewriter
from framekit.dataset import frames, move
from framekit.files import atomic, journal, names, paths
from framekit.files.atomic import COPY, HARDLINK, MOVE, SYMLINK, Transport, move_whole
from framekit.files.journal import Journal
from framekit.files.names import METADATA, sidecar
from framekit.sidecars import corrections
from framekit.sidecars.metadata import read_own

REPLACED = f"{paths.REMOVED}/replaced"


WAYS = {
    "copy": COPY,
    "move": MOVE,
    "hardlink": HARDLINK,
    "symlink": SYMLINK,
}


def way_of(wanted: Sequence[str], largest: int, edge: str) -> Transport:
    """Return how frames get into the tree. Raises UsageError for two ways, or if originals would be lost."""
    if len(wanted) > 1:
        raise errors.UsageError(f"--{wanted[0]} and --{wanted[1]} exclude each other; give one of them")
    way = WAYS[wanted[0] if wanted else "copy"]
    if not largest:
        return way
    if not way.keeps_source:
        raise errors.UsageError(
            "--max_image_size would lose the originals with --move; copy or link the frames instead"
        )
    return replace(way, rewrite=Rewriter(largest, edge))


def joined_metadata(frame: Path, other: Path | None, put: Placed | None) -> dict[str, Any]:
    """Return the content of X.json of a frame of the dataset that may also stand in the tree as `other`.

    Raises BadSidecar if it is missing or damaged.
    """
    return held_metadata(frame, other, put)[0]


def held_metadata(frame: Path, other: Path | None, put: Placed | None) -> tuple[dict[str, Any], MetadataDigests]:
    """Return the content of X.json of a frame, and its digests in the tree (`other`) and in the dataset.

    Where only one of the two changed since it was placed, that one counts; where both did, the newer one with the
    corrections of both. Raises BadSidecar if it is missing or damaged.
    """
    here = names.sidecar(frame, names.METADATA)
    there = names.sidecar(other, names.METADATA) if other is not None and other != frame else here
    if there == here or not (here.exists() and there.exists()):
        only = here if here.exists() else there
        if not only.exists():
            raise errors.BadSidecar(f"no {here.name}; run generate_metadata.py")
        values = read_own(only)
        return values, MetadataDigests(atomic.digest(values))
    own = read_own(here)
    if here.samefile(there):
        return own, MetadataDigests(atomic.digest(own), atomic.digest(own))
    placed = read_own(there)
    held = MetadataDigests(atomic.digest(placed), atomic.digest(own))
    before = put.digests if put else NO_DIGESTS
    if own == placed or held.tree == before.tree == before.dataset:
        return own, held
    if held.dataset == before.dataset:
        return placed, held
    is_newer = here.stat().st_mtime_ns > there.stat().st_mtime_ns
    newer, older = (own, placed) if is_newer else (placed, own)
    return corrections.join_corrections(newer, older), held


def bring(frame: Path, target: Path, how: Transport, trash: Path, put: Placed | None = None) -> None:
    """Bring a frame with its sidecars to its target; where both have an X.json, their corrections are joined.

    `put` says that the frame was brought there before. Raises BadSidecar if an X.json is damaged; nothing moved then.
    """
    here, there = (names.sidecar(path, names.METADATA) for path in (frame, target))
    both = here.exists() and there.exists()
    if both:
        joined = joined_metadata(frame, target, put)
        if joined != read_own(there):
            atomic.write_whole(there, corrections.metadata_text(joined))
        if not how.keeps_source:
            move.move_to_trash(here, trash)
    same_frame = put is not None and put.place == target
    move.place_frame(frame, target, how, trash, settled=here if both else None, same_frame=same_frame)


def finish_interrupted(source: Path, tree: Path, how: Transport) -> None:
    """Complete the last placement if a kill cut it short. The frame moves last, so it isn't at its target then."""
    unfinished = read_journal(tree).unfinished
    if unfinished is None:
        return
    origin, before, target = unfinished
    starts = [(before.place, MOVE)] if before else []
    starts += [(start, how)] if (start := paths.inside(source, origin)) else []
    for start, one in starts:
        if start.exists() and start != target and not target.exists():
            try:
                bring(start, target, one, tree / REPLACED, before)
            except errors.BadSidecar:
                return  # listed when its turn comes
    if target.exists():
        digests = before.digests if before else NO_DIGESTS
        journal.append_line(tree / JOURNAL, placement(origin, target, tree, digests))


class Change(Enum):
    """What happens to a frame on its way to its target in the tree."""

    NEW = "new"  # nothing of it is in the tree
    UNCHANGED = "unchanged"  # it is at its target, and its metadata are those of then
    MOVED = "moved"  # it goes elsewhere, was arranged in place, or its metadata changed


def change_of(location: FrameLocation, target: Path, digests: MetadataDigests) -> Change:
    """Return what happens to a frame; `digests` are those of its X.json now."""
    put = location.put
    if location.frame == target:
        return Change.MOVED
    if put is None:
        return Change.NEW if location.now is None else Change.MOVED
    stays = location.now == target == put.place and digests == put.digests
    return Change.UNCHANGED if stays else Change.MOVED


class Placer:
    """Brings frames to their places in a tree, each noted before and after."""

    def __init__(self, tree: Path, how: Transport, journal: Journal) -> None:
        """`journal` is that of the tree."""
        self.tree, self.how, self.journal = tree, how, journal
        self.names: dict[Path, frozenset[str]] = {}
        self.made: set[Path] = set()

    def place(self, location: FrameLocation, target: Path, digests: MetadataDigests) -> None:
        """Bring a frame to its target; a copy in the tree is moved there first.

        `digests` are those of its X.json now. Raises BadSidecar if one is damaged.
        """
        put, change = location.put, change_of(location, target, digests)
        if change is Change.UNCHANGED:
            self.refresh(location.frame, target)
            return
        if put is None or target != put.place:
            self.journal.append(placement(location.origin, target, self.tree))
        if change is Change.NEW:
            self.place_fresh(location.frame, target)
            now = MetadataDigests(digests.tree, digests.tree if self.how.keeps_source else "")
        else:
            self.place_again(location, target)
            now = MetadataDigests(
                metadata_digest(target), metadata_digest(location.frame) if location.frame != target else ""
            )
        if Placed(target, now) != put:
            self.journal.append(placement(location.origin, target, self.tree, now))

    def place_fresh(self, frame: Path, target: Path) -> None:
        """Bring a frame that was never placed, and whose stem is free in its target's folder."""
        if target.parent not in self.made:
            target.parent.mkdir(parents=True, exist_ok=True)
            self.made.add(target.parent)
        move.place_fresh(frame, target, self.how, self.names_beside(frame))

    def names_beside(self, frame: Path) -> frozenset[str]:
        """Return the names in the folder of a frame of the dataset, which stay the same meanwhile."""
        folder = frame.parent
        if folder not in self.names:
            self.names[folder] = frozenset(path.name for path in folder.iterdir())
        return self.names[folder]

    def refresh(self, frame: Path, target: Path) -> None:
        """Bring what changed in the dataset to a frame whose place and metadata stay."""
        if frame.exists():
            metadata = sidecar(frame, METADATA)
            names = self.names_beside(frame) - {metadata.name}
            move.refresh_frame(frame, target, self.how, self.tree / REPLACED, names)

    def place_again(self, location: FrameLocation, target: Path) -> None:
        """Bring a frame that is in the tree already, from there and from the dataset."""
        if location.now is not None and location.now != target:
            bring(location.now, target, MOVE, self.tree / REPLACED, location.put)
        if location.frame.exists() and location.frame != target:
            bring(location.frame, target, self.how, self.tree / REPLACED, location.put)


def follow_factors(tree: Path, left: Iterable[tuple[Path, Path]]) -> None:
    """Take the factors of folders that no frame is in any more along, or out of the way.

    `left` are the folders that frames were in, and where each of them is now.
    """
    now: dict[Path, set[Path]] = {}
    for old, new in left:
        now.setdefault(old, set()).add(new)
    for old, folders in sorted(now.items()):  # the first factor that comes to a folder stays there
        factor = old / names.MULTIPLY
        if factor.exists() and not any(frames.is_frame_name(path.name) for path in old.iterdir()):
            there = min(folders) / names.MULTIPLY
            if len(folders) == 1 and not there.exists():
                move_whole(factor, there)
            else:
                move.move_to_trash(factor, tree / REPLACED / old.relative_to(tree))
