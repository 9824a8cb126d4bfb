"""How one file gets to its place: copied, moved or linked, always whole or not at all."""

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from framekit.sidecar import part_of, temporary

# What systems say where a file cannot get another name: another disk, no such feature, too many names.
NO_LINKS = (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EACCES)


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file with its times so that the target is there whole or not at all."""
    part = part_of(target)
    shutil.copy2(source, part)
    os.replace(part, target)


def link_whole(source: Path, target: Path) -> None:
    """Let the target be another name of the same file; a copy where the file system cannot do that."""
    try:
        os.link(source, target)
        return
    except FileExistsError:
        part = temporary(target)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        copy_whole(source, target)
        return
    part.unlink(missing_ok=True)
    os.link(source, part)
    os.replace(part, target)


def symlink_whole(source: Path, target: Path) -> None:
    """Let the target be a link to the file, told from the link's own folder, so that both may move together."""
    part = temporary(target)
    part.unlink(missing_ok=True)
    part.symlink_to(os.path.relpath(source.resolve(), target.parent.resolve()))
    os.replace(part, target)


def move_whole(source: Path, target: Path) -> None:
    """Move a file, also to another disk, so that it is always whole in one of the places.

    Where the target is another name of the same file, the source's name goes; a link still leads to the same file.
    """
    if target.exists() and target.samefile(source):
        if not same_entry(source, target):
            source.unlink()
        return
    if source.is_symlink() and source.exists():
        symlink_whole(source, target)
        source.unlink()
        return
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy_whole(source, target)
        source.unlink()


def same_entry(one: Path, other: Path) -> bool:
    """Tell whether two paths are one name in one folder, however they are spelt."""
    return one.name.casefold() == other.name.casefold() and one.parent.samefile(other.parent)


Put = Callable[[Path, Path], None]


@dataclass(frozen=True)
class Transport:
    """How a frame gets to its place, and how its sidecars do; whether the source stays where it is.

    `rewrite` writes a frame with other pixels to its place and tells whether it did.
    """

    frame: Put
    beside: Put
    keeps_source: bool = True
    rewrite: Callable[[Path, Path], bool] | None = None


MOVE = Transport(move_whole, move_whole, keeps_source=False)
COPY = Transport(copy_whole, copy_whole)
HARDLINK = Transport(link_whole, link_whole)
SYMLINK = Transport(symlink_whole, copy_whole)
