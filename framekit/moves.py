"""Move or copy a frame with all its sidecars so that a kill at any moment loses nothing, and remember where from."""

import errno
import filecmp
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from framekit.frames import FRAME_SUFFIXES
from framekit.sidecar import CAPTION, CHARACTERS, FACES, METADATA, TAGS, temporary

# Everything that belongs to frame X.png: ours, and what trainers and taggers put beside a frame.
STEM_SUFFIXES = (FACES, CHARACTERS, METADATA, CAPTION, ".caption", ".npz")
NAME_SUFFIXES = (TAGS, ".txt", ".json")
# What systems say where a file cannot get another name: another disk, no such feature, too many names.
NO_LINKS = (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EACCES)


def frame_files(frame: Path) -> list[Path]:
    """Return the existing files of a frame, the frame itself last: while it is there, the rest is not finished."""
    beside = [frame.with_name(frame.stem + suffix) for suffix in STEM_SUFFIXES]
    beside += [frame.with_name(frame.name + suffix) for suffix in NAME_SUFFIXES]
    return [path for path in (*beside, frame) if os.path.lexists(path)]  # no error for a name too long to exist


def file_at(path: Path, frame: Path, target: Path) -> Path:
    """Return where a file of `frame` belongs when the frame is at `target`."""
    if path.name.startswith(frame.name):
        return target.with_name(target.name + path.name[len(frame.name) :])
    return target.with_name(target.stem + path.name[len(frame.stem) :])


def same_file(one: Path, other: Path) -> bool:
    """Tell whether two files hold the same bytes."""
    return one.stat().st_size == other.stat().st_size and filecmp.cmp(one, other, shallow=False)


def stem_of(name: str) -> str:
    """Return the stem of the frame that a frame or one of its sidecars belongs to, by the file's name."""
    if name.endswith(TAGS):
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


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file with its times so that the target is there whole or not at all."""
    part = temporary(target)
    shutil.copy2(source, part)
    os.replace(part, target)


def link_whole(source: Path, target: Path) -> None:
    """Let the target be another name of the same file; a copy where the file system cannot do that."""
    part = temporary(target)
    try:
        part.unlink(missing_ok=True)
        os.link(source, part)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        copy_whole(source, target)
    else:
        os.replace(part, target)


def move_whole(source: Path, target: Path) -> None:
    """Move a file, also to another disk, so that it is always whole in one of the places."""
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy_whole(source, target)
        source.unlink()


def settle(source: Path, target: Path, keep_source: bool, shelf: Path) -> None:
    """Bring a file to its target. If another version is there, the newer stays and the older goes to the shelf."""
    put = copy_whole if keep_source else move_whole
    if target.exists() and not same_file(source, target):
        if source.stat().st_mtime_ns <= target.stat().st_mtime_ns:
            if not keep_source:
                shelve(source, shelf)
            return
        shelve(target, shelf)
    if not target.exists() or not keep_source:
        put(source, target)


def shelve(path: Path, shelf: Path) -> None:
    """Move a file into the folder `shelf` under a free name."""
    shelf.mkdir(parents=True, exist_ok=True)
    number, target = 1, shelf / path.name
    while target.exists():
        number += 1
        target = shelf / f"{path.name}.{number}"
    move_whole(path, target)


def place_frame(
    frame: Path,
    target: Path,
    keep_source: bool,
    shelf: Path,
    settled: Path | None = None,
    same_frame: bool = False,
) -> None:
    """Bring a frame and its sidecars to `target`; what would be replaced goes to the shelf.

    `settled` is a sidecar that the caller saw to. `same_frame` says that the target is this frame from before: if its
    size and time are the same too, its pixels are not read again.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for path in frame_files(frame):
        place = file_at(path, frame, target)
        unchanged = path == frame and same_frame and keep_source and place.exists() and same_time(path, place)
        if path != settled and not unchanged:
            settle(path, place, keep_source, shelf)


def same_time(one: Path, other: Path) -> bool:
    """Tell whether two files have the same size and time of change."""
    first, second = one.stat(), other.stat()
    return (first.st_size, first.st_mtime_ns) == (second.st_size, second.st_mtime_ns)


def append_line(journal: Path, record: dict[str, Any]) -> None:
    """Add one record to a journal; callers do so before anything moves."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    torn = journal.exists() and journal.stat().st_size > 0 and last_byte(journal) != b"\n"
    with journal.open("ab") as file:
        file.write(b"\n" * torn + json.dumps(record, ensure_ascii=False).encode() + b"\n")


def last_byte(path: Path) -> bytes:
    """Return the last byte of a file that is not empty."""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)


def read_lines(journal: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a journal; a line torn by a kill is passed over."""
    if not journal.exists():
        return
    for line in journal.read_bytes().splitlines():
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record


def inside(root: Path, relative: Any) -> Path | None:
    """Return `root / relative` if that is a path below root, else None: a stranger's journal must not lead outside."""
    if not isinstance(relative, str) or not usable_path(relative):
        return None
    path = root / relative
    if not path.resolve().is_relative_to(root.resolve()) or path.resolve() == root.resolve():
        return None
    return path


def usable_path(text: str) -> bool:
    """Tell whether a file system can have this path: no NUL, UTF-8, no part above 255 bytes."""
    try:
        return "\x00" not in text and all(len(part.encode()) <= 255 for part in text.split("/"))
    except UnicodeEncodeError:
        return False


def remove_empty_folders(root: Path) -> None:
    """Remove the folders below root that hold nothing."""
    for folder in sorted((p for p in root.rglob("*") if p.is_dir() and not p.is_symlink()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
