"""Move, copy or link a frame with all its sidecars so that a kill at any moment loses nothing."""

import filecmp
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from framekit.dataset import figures
from framekit.dataset.edited import is_label_picture, stays
from framekit.dataset.figures import mask_beside, refuse_masks_in
from framekit.dataset.frames import FRAME_SUFFIXES, is_frame_name
from framekit.errors import BadSidecar, named
from framekit.files.atomic import Put, Transport, move_whole, touch
from framekit.files.names import (
    CACHES,
    INSTANCES,
    MADE_AGAIN,
    MASK_FOLDER,
    NAME_SUFFIXES,
    STEM_SUFFIXES,
    TAGS,
    cache_stem,
    mask_of,
    walk,
)
from framekit.files.paths import refuse_linked_trash, remove_if_empty

Stamp = tuple[int, int]
NOTE = ".moving.json"  # beside a frame while it moves with its files
NOTHING: Mapping[str, Any] = {}


def frame_files(frame: Path, names: Collection[str] | None = None) -> list[Path]:
    """Return the existing files of a frame, the frame itself last: while it is there, the rest is not finished.

    `names` are those in its folder, if they are known already.
    """
    if os.path.lexists(frame) or names is not None:
        return [*files_beside(frame, names), frame]
    return files_beside(frame)


def files_beside(frame: Path, names: Collection[str] | None = None) -> list[Path]:
    """Return the existing files of a frame but for the frame itself, which need not be there."""
    stem, own, folder = frame.stem, frame.name, frame.parent
    mask = mask_beside(frame) if names is None or MASK_FOLDER in names else None
    wanted = [stem + suffix for suffix in STEM_SUFFIXES] + [own + suffix for suffix in NAME_SUFFIXES]
    if names is None:
        beside = (folder / name for name in wanted)
        found = [path for path in beside if os.path.lexists(path)]  # no error for a name too long to exist
        names = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208
    else:
        found = [folder / name for name in wanted if name in names]
    caches = names.caches if isinstance(names, FolderNames) else caches_in(names, stem)
    found += [folder / name for name in caches.get(stem, ())]
    return found if mask is None else [*found, mask]


def caches_in(names: Iterable[str], start: str = "") -> dict[str, list[str]]:
    """Return the caches among names that tell more than the stem, by the stem of their frame."""
    found: dict[str, list[str]] = {}
    for name in names:
        if name.startswith(start) and (stem := cache_stem(name)):
            found.setdefault(stem, []).append(name)
    return {stem: sorted(own) for stem, own in found.items()}


class FolderNames(frozenset[str]):
    """The names in a folder that stays as it is meanwhile, with its caches by the stem of their frame."""

    @cached_property
    def caches(self) -> dict[str, list[str]]:
        """The caches that tell more than the stem."""
        return caches_in(self)


def file_at(path: Path, frame: Path, target: Path) -> Path:
    """Return where a file of `frame` belongs when the frame is at `target`."""
    if path.parent != frame.parent:
        return mask_of(target)
    if path.name.startswith(frame.name):
        return target.with_name(target.name + path.name[len(frame.name) :])
    return target.with_name(target.stem + path.name[len(frame.stem) :])


def same_file(one: Path, other: Path) -> bool:
    """Tell whether two files hold the same bytes."""
    first, second = one.stat(), other.stat()
    if os.path.samestat(first, second):
        return True
    return first.st_size == second.st_size and filecmp.cmp(one, other, shallow=False)


def stem_of(name: str) -> str:
    """Return the stem of the frame that a frame or one of its sidecars belongs to, by the file's name."""
    if stem := cache_stem(name):
        return stem
    if name.endswith(TAGS) and is_frame_name(name.removesuffix(TAGS)):
        name = name.removesuffix(TAGS)
    return next((name.removesuffix(suffix) for suffix in STEM_SUFFIXES if name.endswith(suffix)), Path(name).stem)


def stem_taken(target: Path) -> bool:
    """Tell whether a frame of this stem, of any suffix, is in the folder already."""
    suffixes = {target.suffix, *FRAME_SUFFIXES, *(suffix.upper() for suffix in FRAME_SUFFIXES)}
    return any(os.path.lexists(target.with_name(target.stem + suffix)) for suffix in suffixes)  # links to nothing too


def free_target(target: Path) -> Path:
    """Return `target`, or `X_2.png`, `X_3.png` … if a frame of that stem is there."""
    candidate, number = target, 1
    while stem_taken(candidate):
        number += 1
        candidate = target.with_name(f"{target.stem}_{number}{target.suffix}")
    return candidate


def settle(source: Path, target: Path, put: Put, keeps_source: bool, trash: Path) -> None:
    """Bring a file to its target. If another version is there, one of them `stays`, and the other goes to the trash."""
    if keeps_source and target.is_symlink() and not leads_to(target, source):
        put(source, target)  # the link led to another file: it is no version of this one
        return
    if target.exists() and not same_file(source, target):
        if stays(target, source, keeps_source):
            if not keeps_source:
                move_to_trash(source, trash)
            elif source.stat().st_mtime_ns > target.stat().st_mtime_ns:
                touch(target)  # a correction is newer than what was made, also than the metadata
            return
        move_to_trash(target, trash)
    if not target.exists() or not keeps_source:
        put(source, target)


def keep_time(frame: Path, target: Path, keeps_source: bool) -> None:
    """Give a target that holds the bytes of a frame its time too: by size and time it is known wherever it is moved."""
    if not keeps_source or target.is_symlink() or not (frame.exists() and target.exists()):
        return
    if not same_time(frame, target) and same_file(frame, target):
        times = frame.stat()
        os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))


def leads_to(link: Path, file: Path) -> bool:
    """Tell whether a link leads to a file."""
    return link.exists() and link.samefile(file)


def move_to_trash(path: Path, trash: Path) -> None:
    """Move a file into the folder `trash` under a free name; a label picture into the MASK_FOLDER there.

    Raises OSError if the trash is a link.
    """
    refuse_linked_trash(trash / path.name)
    if is_label_picture(path):
        refuse_masks_in(trash)
        trash = trash / MASK_FOLDER
    trash.mkdir(parents=True, exist_ok=True)
    number, target = 1, trash / path.name
    while os.path.lexists(target):
        number += 1
        target = trash / f"{path.name}.{number}"
    move_whole(path, target)
    if is_label_picture(path):
        remove_if_empty(path.parent)


@contextmanager
def noted(frame: Path, target: Path, also: Mapping[str, Any] = NOTHING) -> Iterator[None]:
    """Keep a note beside a frame while it moves with its files: after a kill, whoever starts next finishes that first.

    `also` is what else the note says. BadSidecar means that nothing moved.
    """
    if not os.path.lexists(frame):
        yield  # it vanished meanwhile
        return
    note = frame.with_name(NOTE)
    try:
        to = Path(os.path.relpath(target.parent.resolve(), frame.parent.resolve()), target.name).as_posix()
    except ValueError:  # another drive
        to = (target.parent.resolve() / target.name).as_posix()
    note.unlink(missing_ok=True)
    text = json.dumps({"frame": frame.name, "to": to, "file": stamp(frame), **also}, ensure_ascii=False)
    try:
        with named(note), note.open("x", encoding="utf-8") as file:
            file.write(text)  # in one piece, before anything moves: an empty one says nothing
    except OSError:
        note.unlink(missing_ok=True)
        raise
    try:
        yield
    except BadSidecar:
        note.unlink()
        raise
    note.unlink()


def place_frame(
    frame: Path,
    target: Path,
    transport: Transport,
    trash: Path,
    settled: Path | None = None,
    same_frame: bool = False,
    is_noted: bool = False,
) -> None:
    """Bring a frame and its sidecars to `target`; what would be replaced goes to the trash.

    `settled` is a sidecar that the caller saw to; `is_noted` that the caller noted the move. `same_frame` says that the
    target is this frame from before: if its size and time are the same too, its pixels are not read again.
    """
    refuse_linked_trash(target)
    if mask_beside(frame):
        refuse_masks_in(target.parent)
    target.parent.mkdir(parents=True, exist_ok=True)
    with nullcontext() if transport.keeps_source or is_noted else noted(frame, target):
        keep_time(frame, target, transport.keeps_source)
        found = frame_files(frame)
        settle_beside(frame, target, transport, trash, [path for path in found if path not in (frame, settled)])
        if frame not in found:
            return  # it vanished meanwhile
        if frame.suffix.lower() != target.suffix.lower():
            if not transport.keeps_source:
                move_to_trash(frame, trash)
            return
        before = None if target.is_symlink() else stamp(target)
        drop_caches(frame, target, transport, found, trash)
        if not (transport.rewrite and transport.rewrite(frame, target)):
            unchanged = same_frame and transport.keeps_source and before is not None and before == stamp(frame)
            if not unchanged:
                settle(frame, target, transport.frame, transport.keeps_source, trash)


def refresh_frame(
    frame: Path, target: Path, transport: Transport, trash: Path, names: Collection[str], settled: Path
) -> None:
    """Bring the files of a frame, of these `names`, whose size or time differs from those at its target.

    `settled` is a sidecar that the caller saw to.
    """
    keep_time(frame, target, transport.keeps_source)
    *beside, _ = found = frame_files(frame, names)
    drop_caches(frame, target, transport, found, trash)
    changed = [path for path in beside if path != settled and not same_time(file_at(path, frame, target), path)]
    settle_beside(frame, target, transport, trash, changed)
    is_written = transport.rewrite is not None and transport.rewrite(frame, target)
    if not (is_written or same_time(target, frame)):
        settle(frame, target, transport.frame, transport.keeps_source, trash)


def settle_beside(frame: Path, target: Path, transport: Transport, trash: Path, found: Iterable[Path]) -> None:
    """Bring the files `found` beside a frame to its target, whether the frame itself follows or is there already."""
    own = figures.figure_files(frame)
    for path in [path for path in found if path not in own]:
        settle(path, file_at(path, frame, target), transport.beside, transport.keeps_source, trash)
    if own or figures.figure_files(target):
        is_replaced = replaces(frame, target, transport)
        figures.settle(frame, target, transport, is_replaced, partial(move_to_trash, trash=trash))


def replaces(frame: Path, target: Path, transport: Transport) -> bool:
    """Tell whether a frame replaces the pixels that are at its target."""
    before, now = None if target.is_symlink() else stamp(target), stamp(frame)
    if before is None or now is None or before[1] == now[1] or frame.suffix.lower() != target.suffix.lower():
        return False
    return (before[1] < now[1] or transport.rewrite is not None) and not same_file(frame, target)


def drop_caches(frame: Path, target: Path, transport: Transport, found: Iterable[Path], trash: Path) -> None:
    """Take caches out of the way that were computed of other pixels, before a frame replaces its target.

    Those that come with the frame, among the files `found` with it, stay. They go first, so that a kill leaves none of
    them beside the new pixels.
    """
    if not replaces(frame, target, transport):
        return
    kept = {file_at(path, frame, target) for path in found}
    for path in files_beside(target):
        if path.name.endswith(CACHES) and path not in kept:
            move_to_trash(path, trash)


def place_fresh(frame: Path, target: Path, transport: Transport, names: Collection[str]) -> None:
    """Bring a frame and its sidecars to a place where nothing of theirs is; `names` are those in the frame's folder."""
    *beside, _ = frame_files(frame, names)
    own, folder, length = frame.name, target.parent, len(frame.stem)
    of_figures = [path for path in beside if path.name.endswith(INSTANCES) or path.parent != frame.parent]
    if of_figures:
        figures.put(figures.pieces(frame, of_figures, target, transport), transport)
    for path in [path for path in beside if path not in of_figures]:
        name = path.name
        start, ending = (target.name, name[len(own) :]) if name.startswith(own) else (target.stem, name[length:])
        transport.beside(path, folder / f"{start}{ending}")
    if transport.rewrite is None or not transport.rewrite(frame, target):
        transport.frame(frame, target)


def stamp(path: Path) -> Stamp | None:
    """Return size and time of change of a file, which tell it from another version; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def same_time(one: Path, other: Path) -> bool:
    """Tell whether two files have the same size and time of change."""
    return stamp(one) == stamp(other)


def remove_empty_folders(root: Path) -> None:
    """Remove the folders below root that hold nothing, or only what a system makes again by itself."""
    for folder, _, names in os.walk(root, topdown=False):
        is_empty = all(name.lower() in MADE_AGAIN for name in names)
        if is_empty and Path(folder) != root and len(os.listdir(folder)) == len(names):  # noqa: PTH208
            for name in names:
                Path(folder, name).unlink()
            Path(folder).rmdir()


def stem_key(path: Path) -> tuple[Path, str]:
    """Return what two frames, or a frame and a sidecar, of one stem in one folder have in common."""
    return path.parent, stem_of(path.name).casefold()


class Stems:
    """The stems that are taken in each folder of a tree, so that no frame ever overwrites another."""

    def __init__(self, present: Iterable[Path]) -> None:
        """Start with these files: frames, or sidecars without their frame."""
        self.taken = {stem_key(path) for path in present}

    def release(self, frame: Path) -> None:
        """Give the stem of a frame free that will leave its place."""
        self.taken.discard(stem_key(frame))

    def reserve(self, wished: Path) -> Path:
        """Return the wished place, or `X_2.png`, `X_3.png` … if its stem is taken; from then on it is."""
        folder, stem, number = wished.parent, wished.stem, 1
        name = stem
        while (folder, name.casefold()) in self.taken:
            number += 1
            name = f"{stem}_{number}"
        self.taken.add((folder, name.casefold()))
        return wished if number == 1 else folder / f"{name}{wished.suffix}"


def visible_files(tree: Path, name: str = "") -> list[Path]:
    """Return the files below the tree, or those of this name, but for those that are ignored."""
    found = []
    for folder, _, names in walk(tree):
        found += [Path(folder, one) for one in names if name in ("", one)]
    return found
