"""A tree is made whole before anything else happens there: after a kill, after moves by hand, after renames."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from framekit import console, errors
from framekit.arrange.leave import DELETED, Away, deleted_at, note_place, set_aside_before
from framekit.arrange.locations import FrameLocation, in_tree
from framekit.arrange.pictures import Pictures
from framekit.arrange.place import FACTOR, LINE, REPLACED, TAKING_FACTOR, bring, bring_factors, do_also, factor_bearers
from framekit.arrange.placements import (
    JOURNAL,
    Arranged,
    Key,
    Placed,
    comes_from,
    metadata_digest,
    read_journal,
    read_sources,
    source_name,
)
from framekit.arrange.places import FOLLOWED, Places, note_ways, renamed_homes
from framekit.dataset import frames, move, removed
from framekit.dataset.figures import mask_beside
from framekit.dataset.move import Stems, visible_files
from framekit.files import atomic, journal, names, paths
from framekit.files.atomic import MOVE, Transport
from framekit.files.journal import Journal
from framekit.files.names import walk
from framekit.sidecars.metadata import read_own
from framekit.sidecars.renames import (
    MERGED,
    RECORD,
    RENAMED,
    Renames,
    is_unknown,
    rename_metadata,
    rename_sidecars,
    rename_values,
)
from framekit.sidecars.tags import TagRecord

SHOWN = 5  # frames that are told by name
SIDECARS = (*names.STEM_SUFFIXES, names.TAGS)


def finish_moves(notes: Iterable[Path], folders: Sequence[Path]) -> None:
    """Bring frames to their targets that a kill left on their way there, as the notes beside them say.

    Raises UsageError for one that leads out of the folders: that is for the script which began it.
    """
    for note in notes:
        finish_move(note, folders)
        note.unlink(missing_ok=True)
        for root in [one for one in folders if note.is_relative_to(one)]:
            move.remove_empty_folders(root)


def finish_move(note: Path, folders: Sequence[Path]) -> None:
    """Bring a frame to its target, as a note says; one that is none of ours, which are whole, says nothing."""
    try:
        said = atomic.read_json(note)
    except errors.BadSidecar:
        return
    frame, to = paths.inside(note.parent, said.get("frame")), said.get("to")
    if frame is None or frame.parent != note.parent or not isinstance(to, str) or not paths.usable_path(to):
        return
    target = Path(os.path.normpath(note.parent / to))
    roots = [one for one in folders if target.is_relative_to(one)]
    if not roots or paths.inside(roots[0], target.relative_to(roots[0]).as_posix()) is None:
        raise errors.UsageError(
            f"{frame} was on its way to {target} when its script was stopped; give that command again first, or delete"
            f" {note}"
        )
    also, trash = also_noted(said, note, folders), roots[0] / REPLACED
    if frame.exists() and [*(move.stamp(frame) or ())] == said.get("file"):
        owners = read_journal(roots[0]).owners()
        bring(frame, target, MOVE, trash, owners.get(target) or owners.get(frame), also=also)
    elif target.exists():
        do_also(also, note.parent, target.parent, trash)


def also_noted(said: Mapping[str, Any], note: Path, folders: Sequence[Path]) -> dict[str, Any]:
    """Return what a note says that belongs to a move besides, and is not done; a journal out of the folders is none."""
    also: dict[str, Any] = {FACTOR: said.get(FACTOR)}
    line = said.get(LINE)
    if isinstance(line, list) and len(line) == 2 and isinstance(line[0], str) and isinstance(line[1], dict):
        tree = Path(os.path.normpath(note.parent / line[0])) if paths.usable_path(line[0]) else note
        is_inside = any(note.is_relative_to(one) and tree.is_relative_to(one) for one in folders)
        if tree in note.parents and is_inside and [*journal.read_lines(tree / JOURNAL)][-1:] != [line[1]]:
            also[LINE] = line
    return also


def mend(source: Path, tree: Path, how: Transport) -> int:
    """Complete what a kill cut short, follow renames, and bring sidecars to pictures that a person moved alone.

    Return how many of those there were.
    """
    fetched = 0
    if tree.is_dir():
        removed.finish_interrupted(tree)
        away = set_aside_before(tree)
        finish_interrupted(source, tree, how, away)
        note_away(tree, away)
        fetched = follow_hand(tree)
    if source != tree:
        follow_renames(source, tree)
    return fetched


def finish_interrupted(source: Path, tree: Path, how: Transport, away: Collection[Key]) -> None:
    """Complete the last placement if a kill cut it short. The frame moves last, so it isn't at its target then.

    Those that are still `away` come back when it is their turn.
    """
    unfinished = settle_journal(tree)
    if unfinished is None or unfinished[0].key in away:
        return
    one, before = unfinished
    start = paths.inside(source, one.origin)
    if start is None or not start.exists() or start == one.place:
        return
    if not one.picture.key or Pictures().of(start, one.picture).key == one.picture.key:
        try:
            bring(start, one.place, how, tree / REPLACED, before)
        except errors.BadSidecar:
            return  # listed when its turn comes
        journal.append_line(tree / JOURNAL, one.record(tree))


def settle_journal(tree: Path) -> tuple[Placed, Placed | None] | None:
    """Let the journal of a tree say where the frame is whose placement a kill cut short; return what is neither there.

    It is at its new place, or still at the one before it: then its move did not begin.
    """
    unfinished = read_journal(tree).unfinished
    if unfinished is None:
        return None
    one, before = unfinished
    if before is not None and before.place.exists() and not one.place.exists() and move.files_beside(one.place):
        bring(before.place, one.place, MOVE, tree / REPLACED, before)  # version 0.1 left no note
    if one.place.exists():
        journal.append_line(tree / JOURNAL, one.record(tree))
    elif before is not None and before.place.exists():
        journal.append_line(tree / JOURNAL, before.record(tree, one))
    else:
        return unfinished
    return None


def note_away(tree: Path, away: Mapping[Key, Away]) -> None:
    """Note that frames left the tree which a kill hindered from being noted when they were set aside."""
    placed = read_journal(tree).placed
    for key, one in away.items():
        if key in placed and not placed[key].place.exists():
            journal.append_line(tree / JOURNAL, one.placed.record(tree) | {"left": one.reason})


def follow_hand(tree: Path) -> int:
    """Note where a person moved pictures, and bring those that were moved alone their sidecars; return how many.

    Where a picture was put last is its place from then on, so that moving it back is a move too. What is done so far
    stays so after a kill, and the next call does the rest.
    """
    settle_journal(tree)
    arranged, orphans = read_journal(tree), orphaned_stems(tree)
    stays = all(move.stamp(one.place) == one.picture.file for one in arranged.placed.values())
    if stays and not orphans and not (tree / DELETED).is_dir():
        return 0
    source = noted_source(tree, arranged)
    places = Places(arranged, in_tree(tree, arranged, source, []), source, Pictures())
    found = [(one, places.now(one)) for one in arranged.placed.values()]
    part_from_others(tree, found, arranged.owners())
    fetched = fetch_sidecars(tree, found, orphans)
    with journal.Journal(tree / JOURNAL) as lines:
        for one, now in found:
            if now is not None and now != one.place:
                lines.append(replace(one, place=now, by_hand=True).record(tree))
    return fetched


def part_from_others(tree: Path, found: Sequence[tuple[Placed, Path | None]], owners: Mapping[Path, Placed]) -> None:
    """Take the sidecars of another picture away from one that was moved alone to its place; that one fetches them."""
    for one, now in found:
        other = owners.get(now) if now is not None else None
        if now is None or other is None or other.key == one.key or not is_left_by(other, now, one):
            continue
        for path in move.files_beside(now):
            move.move_to_trash(path, deleted_at(tree, other).parent)


def is_left_by(other: Placed, now: Path, one: Placed) -> bool:
    """Tell whether the X.json of a picture that is `now` at the place of another one is still that one's.

    By its content, as it was when each of them was placed, or by the moment of the video that it tells.
    """
    digest = metadata_digest(now)
    if digest in (other.digests.tree, one.digests.tree):
        return other.digests.tree == digest != one.digests.tree
    try:
        source = read_own(names.sidecar(now, names.METADATA)).get("source")
    except errors.BadSidecar:
        return False
    return isinstance(source, dict) and other.picture.is_moment and Pictures.moment_of(source) == other.picture.key


def fetch_sidecars(
    tree: Path, found: Sequence[tuple[Placed, Path | None]], orphans: Mapping[str, Sequence[Path]]
) -> int:
    """Bring `orphans` to the pictures `found` that they belong to; return to how many."""
    moved = [(one, now) for one, now in found if now and (now != one.place or not has_metadata(now))]
    own = {move.stem_key(one.place) for one, _ in found}
    claims = Counter(stem for one, now in found for stem in {one.place.stem, (now or one.place).stem})
    fetched = 0
    for one, now in moved:
        before = [*left_behind(one, now, orphans, own, claims), deleted_at(tree, one)]
        found_beside = [(left, files) for left in before if (files := move.files_beside(left))]
        fetched += bool(found_beside)
        for left, files in found_beside:
            move.settle_beside(left, now, MOVE, tree / REPLACED, files)
    if fetched:
        move.remove_empty_folders(tree)
    return fetched


def has_metadata(frame: Path) -> bool:
    """Tell whether a frame has an X.json."""
    return names.sidecar(frame, names.METADATA).exists()


def followed_words(fetched: int) -> str:
    """Return how a closing line says how many pictures were moved alone; nothing for none."""
    return f"the files of {console.counted(fetched, 'picture')} that had been moved alone followed" if fetched else ""


def noted_source(tree: Path, arranged: Arranged) -> Path | None:
    """Return the dataset of a tree, as its journal names it, if that is a folder beside the tree.

    A journal from a stranger must not lead anywhere else.
    """
    named = next((one.source for one in reversed([*arranged.placed.values()]) if one.source), "")
    if not named or not paths.usable_path(named):
        return None
    source, around = (tree / named).resolve(), tree.resolve().parent
    return source if source.is_dir() and source.is_relative_to(around) and source != around else None


def orphaned_stems(tree: Path) -> dict[str, list[Path]]:
    """Return for the stems of sidecars that have no frame beside them the folders where they are.

    A label picture counts where its frame would be.
    """
    found: dict[str, list[Path]] = {}
    for folder, _, held in walk(tree):
        whole = {name.rpartition(".")[0] for name in held if frames.is_frame_name(name)}
        rest = [name for name in held if name.partition(".")[0] not in whole and name != names.MULTIPLY]
        stems = {move.stem_of(name) for name in rest if name.endswith(SIDECARS) and not name.startswith(".")}
        pictures = Path(folder, names.MASK_FOLDER).glob("*.png")
        stems |= {one.stem for one in pictures if mask_beside(Path(folder, one.name))}
        for stem in sorted(stems - whole):
            found.setdefault(stem, []).append(Path(folder))
    return found


def clear_orphans(tree: Path, targets: Iterable[Path]) -> None:
    """Take sidecars without a frame out of the way of frames that come there: they were another picture's."""
    orphans = orphaned_stems(tree)
    for target in targets:
        if target.parent in orphans.get(target.stem, ()):
            for path in move.files_beside(target):
                move.move_to_trash(path, tree / REPLACED / target.parent.relative_to(tree))


def left_behind(
    one: Placed,
    now: Path,
    orphans: Mapping[str, Sequence[Path]],
    own: Collection[tuple[Path, str]],
    claims: Mapping[str, int],
) -> list[Path]:
    """Return where a frame that is `now` elsewhere would be for its sidecars: where it was put, or was moved before.

    `own` are the places of all frames, `claims` tell how many have, or had, each stem: what only one of them can have
    left is its own; else it takes what lies in a single folder, at no place of another one, if it lacks its X.json.
    """
    found = [one.place] if one.place.parent in orphans.get(one.place.stem, ()) else []
    for stem in dict.fromkeys((one.place.stem, now.stem)):
        before = [folder / f"{stem}{now.suffix}" for folder in orphans.get(stem, ())]
        before = [path for path in before if move.stem_key(path) not in own]
        if claims[stem] == 1 or (len(before) == 1 and not has_metadata(now)):
            found += before
    return list(dict.fromkeys(found))


def follow_renames(source: Path, tree: Path) -> None:
    """Rename in a tree whom a person renamed in its dataset since: in sidecars, and in folders that a person chose.

    Frames that stand where they were put get their folders when they are arranged. What is done so far stays so after a
    kill, and the next call does the rest.
    """
    renames, name = Renames(source), source_name(source, tree)
    followed = last_followed(tree)
    if renames.mark == followed.get(name, ""):
        return
    arranged, reads = read_journal(tree), read_sources(tree)
    present = frames.find_frames(tree, unusable=[]) if tree.is_dir() else []
    owners, places = arranged.owners(), Places(arranged, present, source, Pictures())
    others = {places.now(put) for put in arranged.placed.values() if not comes_from(put, name, reads)}
    found = [frame for frame in present if frame not in others]
    by_hand = [frame for frame in found if (put := owners.get(frame)) is None or put.by_hand]
    now = rename_folders(tree, {frame: held_marks(frame, followed.get(name)) for frame in by_hand}, renames, name)
    away = set_aside_before(tree).values()
    stood = {one.stood: held_marks(one.where, "") for one in away if one.was_moved}
    homes = renamed_homes(tree, stood, renames, name)
    note_ways(tree, {old: folder / old.name for old, folder in homes.items()}, stood, renames, name)
    for one in [one for one in away if one.stood in homes]:
        note_place(tree, one, homes[one.stood] / one.stood.name)
    tagged: dict[Path, TagRecord] = {}
    unknown: list[Path] = []
    with Journal(tree / JOURNAL) as lines:
        for frame in [*(now.get(frame, frame) for frame in found), *(one.where for one in away)]:
            try:
                put, digest = owners.get(frame), metadata_digest(frame)
                if put is not None and digest and put.digests.tree == digest != renamed_digest(frame, renames):
                    digests = put.digests._replace(tree=renamed_digest(frame, renames))
                    lines.append(replace(put, digests=digests).record(tree))
                rename_sidecars(frame, renames, tagged)
                rename_metadata(frame, renames)
                unknown += [frame] if holds_unknown(frame) else []
            except errors.BadSidecar:
                continue  # whoever reads it lists it
    if unknown and renames.has_merges:
        console.warn(unknown_in_words(unknown, tree))
    journal.append_line(tree / RECORD, {FOLLOWED: followed | {name: renames.mark}})


def holds_unknown(frame: Path) -> bool:
    """Tell whether nothing tells which names an undone merge made on a frame. Raises BadSidecar."""
    path = names.sidecar(frame, names.METADATA)
    return path.exists() and is_unknown(read_own(path).get(MERGED))


def unknown_in_words(unknown: Sequence[Path], root: Path) -> str:
    """Return in which frames nothing tells which names an undone merge made, the first ones by name."""
    shown = ", ".join([*(str(one.relative_to(root)) for one in unknown[:SHOWN]), *["…"] * (len(unknown) > SHOWN)])
    return (
        f"in {console.counted(len(unknown), 'frame')} names were changed since the merge, so that which of them it made"
        f" cannot be known; they stay, correct them there: {shown}"
    )


def renamed_digest(frame: Path, renames: Renames) -> str:
    """Return the digest of a frame's X.json with old names replaced. Raises BadSidecar."""
    return atomic.digest(rename_values(read_own(names.sidecar(frame, names.METADATA)), renames))


def last_followed(tree: Path) -> dict[str, str]:
    """Return for each dataset of a tree which of its renames was followed last."""
    noted = [record[FOLLOWED] for record in journal.read_lines(tree / RECORD) if FOLLOWED in record]
    return noted[-1] if noted and isinstance(noted[-1], dict) else {}


def held_marks(frame: Path, otherwise: str | None) -> str:
    """Return the marks of the renames after which the X.json of a frame was written."""
    try:
        return str(read_own(names.sidecar(frame, names.METADATA)).get(RENAMED) or "")
    except errors.BadSidecar:
        return otherwise or ""


def rename_folders(root: Path, held: Mapping[Path, str], renames: Renames, source: str = "") -> dict[Path, Path]:
    """Move frames out of folders with an old name in theirs; return where each is now. A hand-sorted frame stays one.

    For what is given see `renamed_homes`.
    """
    moving = renamed_homes(root, held, renames, source)
    owners = read_journal(root).owners()
    stems = Stems(path for path in visible_files(root) if frames.is_frame_name(path.name))
    result = {frame: stems.reserve(folder / frame.name) for frame, folder in moving.items()}
    note_ways(root, result, held, renames, source)
    clear_orphans(root, result.values())
    moves = ((FrameLocation(one, "", now=one), target) for one, target in result.items())
    bearers = factor_bearers(root, moves, takes_own=True)
    with Journal(root / JOURNAL) as lines:
        for frame, target in result.items():
            put = owners.get(frame)
            if put:
                lines.append(replace(put, place=target).record(root, is_finished=False))
            also = TAKING_FACTOR if frame in bearers else move.NOTHING
            bring(frame, target, MOVE, root / REPLACED, put, also=also)
            if put:
                lines.append(replace(put, place=target).record(root))
    bring_factors(root)
    move.remove_empty_folders(root)
    return result
