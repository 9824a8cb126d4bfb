"""Frames are brought to their places in a tree; corrections made in both places are joined."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Any

from framekit import console, errors
from framekit.arrange.leave import Away, note_return, noted_factors, own_factors, return_factor
from framekit.arrange.locations import FrameLocation
from framekit.arrange.placements import JOURNAL, NO_DIGESTS, MetadataDigests, Placed, metadata_digest, source_name
from framekit.arrange.resize import Rewriter
from framekit.dataset import frames, move
from framekit.dataset.move import NOTHING, FolderNames
from framekit.files import atomic, names, paths
from framekit.files.atomic import COPY, HARDLINK, MOVE, SYMLINK, Transport, move_whole
from framekit.files.journal import Journal, append_line
from framekit.files.names import METADATA, sidecar
from framekit.sidecars import corrections
from framekit.sidecars.metadata import read_own
from framekit.sidecars.renames import NO_RENAMES, Renames, rename_metadata, rename_values

REPLACED = f"{paths.REMOVED}/replaced"
FACTOR, LINE = "factor", "line"  # what a note may say besides
WAITING = ".multiply.waiting.txt"  # a factor in the folder of an exchange that its frames come to
TAKING_FACTOR = {FACTOR: True}


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
    rewriter = Rewriter(largest, edge)
    return replace(way, rewrite=rewriter, size=rewriter.size)


def held_metadata(
    frame: Path, other: Path | None, put: Placed | None, renames: Renames = NO_RENAMES
) -> tuple[dict[str, Any], MetadataDigests]:
    """Return the content of X.json of a frame, and its digests in the tree (`other`) and in the dataset.

    Where only one of the two changed since it was placed, that one counts; where both did, the newer one with the
    corrections of both. `renames` are those of the tree, which hold for what comes there too. Raises BadSidecar if it
    is missing or damaged.
    """
    here = names.sidecar(frame, names.METADATA)
    there = names.sidecar(other, names.METADATA) if other is not None and other != frame else here
    if there == here or not (here.exists() and there.exists()):
        only = here if here.exists() else there
        if not only.exists():
            raise errors.MissingSidecar(f"no {here.name}; run generate_metadata.py")
        held = read_own(only)
        values, digest = rename_values(held, renames), atomic.digest(held)
        is_new = other is None and put is None
        return values, MetadataDigests(digest if values is held else atomic.digest(values), digest if is_new else "")
    given = read_own(here)
    if here.samefile(there):
        return given, MetadataDigests(atomic.digest(given), atomic.digest(given))
    own, placed = rename_values(given, renames), read_own(there)
    held_now = MetadataDigests(atomic.digest(placed), atomic.digest(given))
    before = put.digests if put else NO_DIGESTS
    if own == placed or held_now.tree == before.tree == before.dataset:
        return own, held_now
    if held_now.dataset == before.dataset:
        return placed, held_now
    is_newer = here.stat().st_mtime_ns > there.stat().st_mtime_ns
    newer, older = (own, placed) if is_newer else (placed, own)
    return corrections.join_corrections(newer, older), held_now


def join_metadata(frame: Path, target: Path, put: Placed | None, renames: Renames) -> None:
    """Write what the X.json of a frame and of its target say, joined, to the target's. Raises BadSidecar.

    If a person saves it meanwhile, it is read again.
    """
    there = names.sidecar(target, METADATA)
    is_written = False
    while not is_written:
        seen = atomic.bytes_in(there)
        joined, _ = held_metadata(frame, target, put, renames)
        is_written = joined == read_own(there) or atomic.write_over(there, corrections.metadata_text(joined), seen)


def bring(
    frame: Path,
    target: Path,
    how: Transport,
    trash: Path,
    put: Placed | None = None,
    renames: Renames = NO_RENAMES,
    also: Mapping[str, Any] = NOTHING,
) -> None:
    """Bring a frame with its sidecars to its target; where both have an X.json, their corrections are joined.

    `put` says that the frame was brought there before, `also` what belongs to the move besides, see `do_also`. A frame
    of another format does not take the target's place, only its sidecars do. Raises BadSidecar if an X.json is damaged;
    nothing moved then.
    """
    here, there = (names.sidecar(path, names.METADATA) for path in (frame, target))
    both = here.exists() and there.exists()
    same_frame = put is not None and put.place == target
    is_noted = not how.keeps_source and (both or bool(also))
    with move.noted(frame, target, also) if is_noted else nullcontext():
        if both:
            join_metadata(frame, target, put, renames)
            if not how.keeps_source:
                move.move_to_trash(here, trash)
        move.place_frame(frame, target, how, trash, here if both else None, same_frame, is_noted)
        do_also(also, frame.parent, target.parent, trash)
        if not both:
            rename_metadata(target, renames)


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
    if location.origin != (put.origin or location.origin):
        return Change.MOVED  # its picture has another name in the dataset
    stays = location.now == target == put.place and digests == put.digests
    return Change.UNCHANGED if stays else Change.MOVED


class Placer:
    """Brings frames to their places in a tree, each noted before and after."""

    def __init__(self, tree: Path, how: Transport, source: Path) -> None:
        """`source` is the dataset; the renames of the tree hold for what comes from there too."""
        self.tree, self.how, self.source = tree, how, source_name(source, tree)
        self.renames = Renames(tree if source != tree else None)
        self.journal = Journal(tree / JOURNAL)
        self.names: dict[Path, FolderNames] = {}
        self.made: set[Path] = set()
        self.bearers: set[Path] = set()  # see factor_bearers

    def place(self, location: FrameLocation, target: Path, digests: MetadataDigests) -> None:
        """Bring a frame to its target; a copy in the tree, or in its trash, is moved there first.

        `digests` are those of its X.json now. Raises BadSidecar if one is damaged.
        """
        put, change = location.put, change_of(location, target, digests)
        if change is Change.UNCHANGED:
            self.refresh(location.frame, target)
            self.note(location, target, digests)
            return
        by_hand = location.away is not None and location.away.was_moved
        if put is None or location.away or target != put.place or location.origin != put.origin:
            begun = replace(self.placed(location, target), by_hand=by_hand)
            self.journal.append(begun.record(self.tree, put, is_finished=False))
        if location.away is not None and by_hand:
            self.bring_back(location.away, target, put)
            bring(location.frame, target, self.how, self.tree / REPLACED, put, self.renames)
            now = MetadataDigests(metadata_digest(target), metadata_digest(location.frame))
            self.journal.append(replace(self.placed(location, target, now), by_hand=True).record(self.tree, put))
            return
        if change is Change.NEW:
            self.place_fresh(location.frame, target)
            now = digests if self.how.keeps_source else digests._replace(dataset="")
        else:
            self.place_again(location, target)
            now = MetadataDigests(
                metadata_digest(target), metadata_digest(location.frame) if location.frame != target else ""
            )
        self.note(location, target, now)

    def placed(self, location: FrameLocation, target: Path, digests: MetadataDigests | None = None) -> Placed:
        """Return what the journal should say of a frame; without digests, those of before hold."""
        held = digests or (location.put.digests if location.put else NO_DIGESTS)
        return Placed(target, held, location.origin, location.picture, self.source)

    def note(self, location: FrameLocation, target: Path, digests: MetadataDigests) -> None:
        """Note a finished placement, unless the journal says so already."""
        one = self.placed(location, target, digests)
        if one != location.put or location.away:
            self.journal.append(one.record(self.tree, location.put))

    def step_aside(self, location: FrameLocation) -> FrameLocation:
        """Bring a frame out of the way of another one that must come to its place first; return how it stands then.

        It keeps its old name in the journal, so that after a kill it still has a new one to get.
        """
        put = location.put or Placed(location.frame)
        aside = replace(put, place=move.free_target(put.place.with_name(f"{put.place.stem}_aside{put.place.suffix}")))
        self.journal.append(aside.record(self.tree, is_finished=False))
        bring(put.place, aside.place, MOVE, self.tree / REPLACED, put)
        self.journal.append(aside.record(self.tree))
        return replace(location, put=aside, now=aside.place)

    def bring_back(self, away: Away, target: Path, put: Placed | None) -> None:
        """Bring a frame with all its files back from the trash."""
        return_factor(away, target)
        note_return(self.tree, away, target)
        bring(away.where, target, MOVE, self.tree / REPLACED, put)

    def place_fresh(self, frame: Path, target: Path) -> None:
        """Bring a frame that was never placed, and whose stem is free in its target's folder."""
        if target.parent not in self.made:
            target.parent.mkdir(parents=True, exist_ok=True)
            self.made.add(target.parent)
        move.place_fresh(frame, target, self.how, self.names_beside(frame))
        rename_metadata(target, self.renames)

    def names_beside(self, frame: Path) -> FolderNames:
        """Return the names in the folder of a frame of the dataset, which stay the same meanwhile."""
        folder = frame.parent
        if folder not in self.names:
            self.names[folder] = FolderNames(path.name for path in folder.iterdir())
        return self.names[folder]

    def follow(self, location: FrameLocation, digests: MetadataDigests) -> None:
        """Bring what changed in the dataset to a frame that a person moved: it stays where it is."""
        frame, put, now = location.frame, location.put, location.now
        if put is None or now is None or frame == now or not self.how.keeps_source or not frame.exists():
            return
        held = put.digests, put.origin, put.picture
        is_linked = not now.is_symlink() or move.leads_to(now, frame)
        if is_linked and held == (digests, location.origin, location.picture):
            self.refresh(frame, now)
            return
        bring(frame, now, self.how, self.tree / REPLACED, put, self.renames)
        found = MetadataDigests(metadata_digest(now), metadata_digest(frame))
        one = replace(self.placed(location, put.place, found), by_hand=put.by_hand)
        if one != put:
            self.journal.append(one.record(self.tree, put))

    def note_name(self, location: FrameLocation) -> None:
        """Note what a frame that a person deleted in the tree is called in the dataset now."""
        put = location.put
        if put is not None and put.origin != location.origin:
            one = replace(self.placed(location, put.place), by_hand=put.by_hand)
            self.journal.append(one.record(self.tree, put))

    def refresh(self, frame: Path, target: Path) -> None:
        """Bring what changed in the dataset to a frame whose place and metadata stay."""
        if frame.exists():
            metadata = sidecar(frame, METADATA)
            move.refresh_frame(frame, target, self.how, self.tree / REPLACED, self.names_beside(frame), metadata)

    def place_again(self, location: FrameLocation, target: Path) -> None:
        """Bring a frame that is in the tree already, from there and from the dataset."""
        also = TAKING_FACTOR if location.frame in self.bearers else NOTHING
        if location.now is None and location.away is not None:
            self.bring_back(location.away, target, location.put)
        if location.now is not None and location.now != target:
            bring(location.now, target, MOVE, self.tree / REPLACED, location.put, also=also)
        if location.frame.exists() and location.frame != target:
            bring(location.frame, target, self.how, self.tree / REPLACED, location.put, self.renames)


def factor_bearers(tree: Path, moves: Iterable[tuple[FrameLocation, Path]], takes_own: bool = False) -> set[Path]:
    """Return the frames that take the factor of their folder along: the first of each that all leave for one other.

    `moves` are frames in the tree and their targets. A factor that would have to go to two folders, or to one that
    keeps its own, goes to the trash before any frame moves: one that goes on after a kill does not see what went where.
    Where the frames of the other folder all leave too, as in an exchange, it waits there under another name, see
    `bring_factors`. What prepare_training.py wrote gives way; with `takes_own` it comes along to a folder that
    it wrote none for.
    """
    noted = noted_factors(tree)
    own = own_factors(tree, noted)
    leaving: dict[Path, dict[Path, tuple[Path, Path]]] = {}
    for one, target in moves:
        if one.now is not None and one.now.parent != target.parent:
            leaving.setdefault(one.now.parent, {})[one.now] = (one.frame, target.parent)
    full = {old: going for old, going in leaving.items() if going.keys() >= {*frames_in(old)}}
    bearers: dict[Path, Path] = {}  # where a factor comes to, who takes it there
    waiting: set[Path] = set()
    for old, going in sorted(full.items(), key=lambda one: (one[0] / names.MULTIPLY in own, one[0])):
        if not (old / names.MULTIPLY).exists():
            continue
        new, *others = sorted({new for _, new in going.values()})
        if old / names.MULTIPLY in own:
            if takes_own and not others and new not in {*bearers, *waiting} and new / names.MULTIPLY not in noted:
                bearers[new] = next(iter(going.values()))[0]
        elif others or new in bearers or new in waiting or (new / WAITING).exists():
            set_factor_aside(tree, old, "its frames go to several folders" if others else f"{new} gets another one")
        elif not (new / names.MULTIPLY).exists():
            bearers[new] = next(iter(going.values()))[0]
        elif new in full:
            waiting.add(new)
        else:
            set_factor_aside(tree, old, f"{new} has one of its own")
    for old, going in sorted(full.items()):
        new, factor = min(new for _, new in going.values()), old / names.MULTIPLY
        if new in waiting and factor.exists() and factor not in own and new not in bearers:
            move_whole(factor, new / WAITING)
    return {*bearers.values()}


def set_factor_aside(tree: Path, folder: Path, reason: str) -> None:
    """Move the factor that a person wrote for a folder to the trash, and say so."""
    trash = tree / REPLACED / folder.relative_to(tree)
    move.move_to_trash(folder / names.MULTIPLY, trash)
    console.warn(f"the hand-written {folder / names.MULTIPLY} is in {trash} now, since {reason}")


def bring_factors(tree: Path) -> None:
    """Give folders the factors that waited there until their own had left; where no frame is left, our own go."""
    for path in sorted(tree.rglob(WAITING)):
        there = path.with_name(names.MULTIPLY)
        if there.exists():
            move.move_to_trash(there, tree / REPLACED / path.parent.relative_to(tree))
        move_whole(path, there)
    for factor in own_factors(tree, noted_factors(tree)):
        if not frames_in(factor.parent):
            factor.unlink()


def frames_in(folder: Path) -> list[Path]:
    """Return the frames in a folder itself."""
    return [path for path in folder.iterdir() if frames.is_frame_name(path.name)]


def do_also(also: Mapping[str, Any], old: Path, new: Path, trash: Path) -> None:
    """Do what belongs to a move from one folder to another besides.

    FACTOR: its folder's factor comes along, or goes to the trash where there is one. LINE: the journal beside which
    folder, as told from the old one, gets which record.
    """
    factor, there = old / names.MULTIPLY, new / names.MULTIPLY
    if also.get(FACTOR) is True and factor.exists():
        if there.exists():
            move.move_to_trash(factor, trash / old.relative_to(trash.parents[1]))
        else:
            move_whole(factor, there)
    if LINE in also:
        above, record = also[LINE]
        append_line(Path(os.path.normpath(old / above / JOURNAL)), record)
