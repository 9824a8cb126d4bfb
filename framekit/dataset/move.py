"""Move, copy or link a frame with all its sidecars so that a kill at any moment loses nothing."""

import filecmp
import os
from collections.abc import Collection, Iterable
from pathlib import Path

from framekit.dataset.frames import FRAME_SUFFIXES, is_frame_name
from framekit.files.atomic import Put, Transport, move_whole
from framekit.files.names import MADE_AGAIN, NAME_SUFFIXES, STEM_SUFFIXES, TAGS, walk
from framekit.files.paths import refuse_linked_trash


def frame_files(frame: Path, names: Collection[str] | None = None) -> list[Path]:
    """Return the existing files of a frame, the frame itself last: while it is there, the rest is not finished.

    `names` are those in its folder, if they are known already.
    """
    stem, own, folder = frame.stem, frame.name, frame.parent
    wanted = [stem + suffix for suffix in STEM_SUFFIXES] + [own + suffix for suffix in NAME_SUFFIXES]
    if names is not None:
        return [folder / name for name in wanted if name in names] + [frame]
    beside = (folder / name for name in wanted)
    return [path for path in (*beside, frame) if os.path.lexists(path)]  # no error for a name too long to exist


def file_at(path: Path, frame: Path, target: Path) -> Path:
    """Return where a file of `frame` belongs when the frame is at `target`."""
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
    if name.endswith(TAGS) and is_frame_name(name.removesuffix(TAGS)):
        name = name.removesuffix(TAGS)
    return next((name.removesuffix(suffix) for suffix in STEM_SUFFIXES if name.endswith(suffix)), Path(name).stem)


def stem_taken(target: Path) -> bool:
    """Tell whether a frame of this stem, of any suffix, is in the folder already."""
    suffixes = {target.suffix, *FRAME_SUFFIXES, *(suffix.upper() for suffix in FRAME_SUFFIXES)}
    return any(target.with_name(target.stem + suffix).exists() for suffix in suffixes)


def free_target(target: Path) -> Path:
    """Return `target`, or `X_2.png`, `X_3.png` … if a frame of that stem is there."""
    candidate, number = target, 1
    while stem_taken(candidate):
        number += 1
        candidate = target.with_name(f"{target.stem}_{number}{target.suffix}")
    return candidate


def settle(source: Path, target: Path, put: Put, keeps_source: bool, trash: Path) -> None:
    """Bring a file to its target. If another version is there, the newer stays and the older goes to the trash."""
    if target.exists() and not same_file(source, target):
        if source.stat().st_mtime_ns <= target.stat().st_mtime_ns:
            if not keeps_source:
                move_to_trash(source, trash)
            return
        move_to_trash(target, trash)
    if not target.exists() or not keeps_source:
        put(source, target)


def move_to_trash(path: Path, trash: Path) -> None:
    """Move a file into the folder `trash` under a free name. Raises OSError if the trash is a link."""
    refuse_linked_trash(trash / path.name)
    trash.mkdir(parents=True, exist_ok=True)
    number, target = 1, trash / path.name
    while target.exists():
        number += 1
        target = trash / f"{path.name}.{number}"
    move_whole(path, target)


def place_frame(
    frame: Path,
    target: Path,
    transport: Transport,
    trash: Path,
    settled: Path | None = None,
    same_frame: bool = False,
) -> None:
    """Bring a frame and its sidecars to `target`; what would be replaced goes to the trash.

    `settled` is a sidecar that the caller saw to. `same_frame` says that the target is this frame from before: if its
    size and time are the same too, its pixels are not read again.
    """
    refuse_linked_trash(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    for path in frame_files(frame):
        place = file_at(path, frame, target)
        if path == settled:
            continue
        if path != frame:
            settle(path, place, transport.beside, transport.keeps_source, trash)
        elif transport.rewrite is None or not transport.rewrite(path, place):
            unchanged = same_frame and transport.keeps_source and place.exists() and same_time(path, place)
            if not unchanged:
                settle(path, place, transport.frame, transport.keeps_source, trash)


def refresh_frame(frame: Path, target: Path, transport: Transport, trash: Path, names: Collection[str]) -> None:
    """Bring the files of a frame, of these `names`, whose size or time differs from those at its target."""
    for path in frame_files(frame, names):
        place = file_at(path, frame, target)
        if path == frame and transport.rewrite is not None and transport.rewrite(path, place):
            continue
        if not (place.exists() and same_time(path, place)):
            settle(path, place, transport.frame if path == frame else transport.beside, transport.keeps_source, trash)


def place_fresh(frame: Path, target: Path, transport: Transport, names: Collection[str]) -> None:
    """Bring a frame and its sidecars to a place where nothing of theirs is; `names` are those in the frame's folder."""
    *beside, _ = frame_files(frame, names)
    own, folder, length = frame.name, target.parent, len(frame.stem)
    for path in beside:
        name = path.name
        start, ending = (target.name, name[len(own) :]) if name.startswith(own) else (target.stem, name[length:])
        transport.beside(path, folder / f"{start}{ending}")
    if transport.rewrite is None or not transport.rewrite(frame, target):
        transport.frame(frame, target)


def same_time(one: Path, other: Path) -> bool:
    """Tell whether two files have the same size and time of change."""
    first, second = one.stat(), other.stat()
    return (first.st_size, first.st_mtime_ns) == (second.st_size, second.st_mtime_ns)


def remove_empty_folders(root: Path) -> None:
    """Remove the folders below root that hold nothing, or only what a system makes again by itself."""
    for folder, _, names in os.walk(root, topdown=False):
        is_empty = all(name.lower() in MADE_AGAIN for name in names)
        if is_empty and Path(folder) != root and len(os.listdir(folder)) == len(names):  # noqa: PTH208
            for name in names:
                Path(folder, name).unlink()
            Path(folder).rmdir()


class Stems:
    """The stems that are taken in each folder of a tree, so that no frame ever overwrites another."""

    def __init__(self, present: Iterable[Path]) -> None:
        """Start with these files: frames, or sidecars without their frame."""
        self.taken = {(path.parent, stem_of(path.name).casefold()) for path in present}

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
