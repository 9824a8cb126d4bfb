"""How one file gets to its place: copied, moved or linked, always whole or not at all."""

import errno
import hashlib
import json
import os
import re
import shutil
import sys
import time
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any, BinaryIO

from framekit.errors import BadSidecar, UsageError, named
from framekit.files.names import DOUBLE_SUFFIXES, nfc

# What systems say where a file cannot get another name: another disk, no such feature, too many names.
NO_LINKS = (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EACCES)
CLOSED = (errno.EACCES, errno.EPERM)
Put = Callable[[Path, Path], None]
MAX_SIDECAR_BYTES = 16 * 2**20  # a sidecar is a few kB; anything near this is not ours
CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def open_regular(path: Path, is_given: bool = False) -> BinaryIO:
    """Open a file for reading; whatever lies in a dataset is opened so, since a pipe or a device may never end.

    Raises OSError: ENXIO for what is no regular file, ELOOP for a link, unless a person named the file (`is_given`),
    because one in a dataset could lead a stranger's link anywhere.
    """
    wanted = ["O_NONBLOCK", "O_BINARY", "O_CLOEXEC", *["O_NOFOLLOW"] * (not is_given)]
    if not is_given and path.is_symlink():  # where the system has no O_NOFOLLOW
        raise OSError(errno.ELOOP, "is a link", str(path))
    number = os.open(path, os.O_RDONLY | sum(getattr(os, flag, 0) for flag in wanted))
    mode = os.fstat(number).st_mode
    if S_ISREG(mode):
        return os.fdopen(number, "rb")
    os.close(number)
    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) if S_ISDIR(mode) else no_file(path)


def file_text(path: Path, errors: str = "strict") -> str:
    """Return the UTF-8 text of a file of a dataset, with `\\n` at line ends. Raises OSError, or ValueError."""
    with open_regular(path) as file:
        return file.read().decode("utf-8", errors).replace("\r\n", "\n").replace("\r", "\n")


def no_file(path: Path) -> OSError:
    """Return the error for a pipe, a socket or a device."""
    return OSError(errno.ENXIO, "no file but a pipe, a socket or a device", str(path))


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file with its times so that the target is there whole or not at all."""
    if source.exists() and not source.is_file():
        raise no_file(source)
    part = part_of(target)
    try:
        with named(target):
            shutil.copy2(source, part)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    os.replace(part, target)


def copy_beside(source: Path, target: Path) -> None:
    """Copy a file from beside a frame, as `copy_whole` does. Raises OSError for a link, which could lead anywhere."""
    if source.is_symlink():
        raise OSError(errno.ELOOP, "is a link", str(source))
    copy_whole(source, target)


def link_whole(source: Path, target: Path) -> None:
    """Let the target be another name of the same file; a copy where the file system cannot do that."""
    source = source.resolve() if source.is_symlink() else source
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

    Where the target is another name of the same file, the source's name goes; a link leads where it led, also if
    nothing is there now.
    """
    if target.exists() and target.samefile(source):
        if not same_entry(source, target):
            source.unlink()
        return
    if source.is_symlink():
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


def touch(path: Path) -> None:
    """Let a file have changed now, told finer than the clock of the file system does."""
    now = time.time_ns()
    os.utime(path, ns=(now, now))


def same_entry(one: Path, other: Path) -> bool:
    """Tell whether two paths are one name in one folder, however they are spelt."""
    return nfc(one.name).casefold() == nfc(other.name).casefold() and one.parent.samefile(other.parent)


@dataclass(frozen=True)
class Transport:
    """How a frame gets to its place, and how its sidecars do; whether the source stays where it is.

    `rewrite` writes a frame with other pixels to its place and tells whether it did; `size` tells which [width, height]
    these will have, None for a frame that stays as it is.
    """

    frame: Put
    beside: Put
    keeps_source: bool = True
    rewrite: Callable[[Path, Path], bool] | None = None
    size: Callable[[Path], list[int] | None] | None = None


MOVE = Transport(move_whole, move_whole, keeps_source=False)
COPY = Transport(copy_whole, copy_beside)
HARDLINK = Transport(link_whole, copy_beside)  # sidecars are edited, and must not change elsewhere by that
SYMLINK = Transport(symlink_whole, copy_beside)


@dataclass
class Writer:
    """Who writes in this process: the mark of its share, such as `2of3`, where others write the same files."""

    mark: str = ""


WRITER = Writer()  # of the run that is going on, see framekit/cli/run.py; also for its threads


def part_of(path: Path) -> Path:
    """Return the hidden name under which `path` is written first, where no link waits that a stranger planted."""
    part = temporary(path)
    if part.is_symlink():
        part.unlink()
    return part


def temporary(path: Path) -> Path:
    """Return the hidden name of a file that is being written; short, so that long names stay possible.

    Each share of the work has its own, since two that overlap may write the same file at once.
    """
    suffix = next((ending for ending in DOUBLE_SUFFIXES if path.name.endswith(ending)), path.suffix)
    mark = f".{WRITER.mark}" if WRITER.mark else ""
    return path.with_name(f".{hashlib.sha256(path.name.encode()).hexdigest()[:16]}{mark}{suffix}.tmp")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that it is there whole or not at all: temporary file beside it, then rename.

    Raises OSError with the path, also where the system tells none, as on a full disk.
    """
    write_unless(path, content, lambda: False)


def write_unless(path: Path, content: str | bytes, is_edited: Callable[[], bool]) -> bool:
    """Write a file as `write_whole` does, unless it `is_edited`; tell whether it was written.

    That is asked right before the file is replaced: what a person saves during a long run, after it was decided what is
    to be written, must not be lost.
    """
    part = part_of(path)
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        stays = is_edited()
        if stays:
            part.unlink()
        else:
            os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        if error.errno and error.filename in (None, str(part)):
            error.filename = str(path)
        raise
    return not stays


def write_over(path: Path, content: str | bytes, seen: bytes | None) -> bool:
    """Write a file unless it no longer holds the bytes that were `seen`; tell whether it was written.

    A caller that read the file takes `bytes_in` before, and reads the file again if it was not written.
    """
    return write_unless(path, content, lambda: bytes_in(path) != seen)


def bytes_in(path: Path) -> bytes | None:
    """Return the bytes of a file, None if there is none, or no file of its own: a folder, a link, a pipe."""
    try:
        with open_regular(path) as file:
            return file.read()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EISDIR, errno.ENXIO, errno.ELOOP):
            raise
        return None


def bytes_of(path: Path) -> bytes | None:
    """Return what `bytes_in` does. Raises BadSidecar for a file that may not be read."""
    try:
        return bytes_in(path)
    except OSError as error:
        raise unusable(path, error) from error


def json_text(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON with a final newline. Raises ValueError for what is not JSON, such as NaN."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent) + "\n"


def write_json(path: Path, value: Any, indent: int | None = None) -> None:
    """Write a value as UTF-8 JSON with a final newline, whole or not at all."""
    write_whole(path, json_text(value, indent))


def read_text(path: Path, most_bytes: int = 0, is_given: bool = False) -> str:
    """Read a small UTF-8 file, with or without BOM. Raises BadSidecar with its name and the reason.

    A file that a person names `is_given`: it may be UTF-16 with a BOM, as Windows and spreadsheets write it, and may be
    a link; one in a dataset could lead a stranger's link anywhere.
    """
    most_bytes = most_bytes or MAX_SIDECAR_BYTES
    try:
        with open_regular(path, is_given) as file:
            content = file.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise BadSidecar(f"{path.name} is larger than {most_bytes // 2**20} MB")
        is_utf16 = is_given and content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
        if is_given and "\0" in text:
            raise BadSidecar(f"{path.name} is no text; save it as UTF-8")
        text = text.lstrip("\ufeff") if is_given else text  # a converter may have left the mark of the file before
        return text.replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise BadSidecar(f"{path.name} is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise unusable(path, error) from error


def unusable(path: Path, error: OSError) -> BadSidecar:
    """Return the error for a sidecar that the system does not let us read."""
    if error.errno == errno.ELOOP:
        return BadSidecar(f"{path.name} is a link, which could lead anywhere; put the file itself there")
    if error.errno == errno.ENXIO:
        return BadSidecar(f"{path.name} is {error.strerror}; remove it")
    if error.errno == errno.EISDIR:
        return BadSidecar(f"{path.name} is a folder; rename or remove it")
    if error.errno in CLOSED:
        return BadSidecar(f"{path.name}: it may not be read; give yourself the right to")
    return BadSidecar(f"{path.name}: {error.strerror}")


def read_json(path: Path, most_bytes: int = 0, is_given: bool = False) -> dict[str, Any]:
    """Read a JSON object, as `read_text` does. Raises BadSidecar with the file's name and the reason."""
    value = read_json_value(path, most_bytes, is_given)
    if not isinstance(value, dict):
        raise BadSidecar(f"{path.name} is not a JSON object")
    return value


def read_json_value(path: Path, most_bytes: int = 0, is_given: bool = False) -> Any:
    """Read any JSON value, as `read_text` does. Raises BadSidecar with the file's name and the reason."""
    try:
        text = read_text(path, most_bytes, is_given)
        value = parsed_json(text, parse_constant=refuse_constant)
        if "\\ud" in text or "\\uD" in text:  # half of an escaped surrogate pair could never be written
            json.dumps(value, ensure_ascii=False).encode()
    except ValueError as error:
        raise BadSidecar(f"{path.name} is not valid JSON ({error}); correct that file or delete it") from error
    return value


def parsed_json(text: str | bytes, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """Return the value of a JSON text. Raises ValueError, also for one that nests too deep for Python."""
    try:
        return json.loads(text, parse_constant=parse_constant)
    except RecursionError as error:
        raise ValueError("it nests too deep") from error


def refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which are not JSON."""
    raise ValueError(f"{name} is not a JSON number")


def digest(value: Any) -> str:
    """Return 12 hex digits that change when the JSON value changes."""
    text = CANONICAL.encode(value)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def clean_up(folders: Iterable[Path], suffix: str) -> None:
    """Delete what a killed run left half-written: temporary files of sidecars with this suffix.

    A share of the work deletes its own ones only: the others may be at work.
    """
    mark = rf"\.{WRITER.mark}" if WRITER.mark else r"(?:\.\d+of\d+)?"
    left = re.compile(rf"\.[0-9a-f]{{16}}{mark}{re.escape(suffix)}\.tmp")
    for folder in set(folders):
        for name in filter(left.fullmatch, os.listdir(folder)):  # noqa: PTH208
            (folder / name).unlink(missing_ok=True)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises UsageError if it is missing or wrong."""
    try:
        with open_regular(path) as file:
            return toml_values(file.read().decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UsageError(f"{path} is not a TOML file: {error}") from error


def toml_values(text: str) -> dict[str, Any]:
    """Return what a TOML text says.

    Raises ValueError, in which `(at line N, column M)` tells the place, also for one that nests too deep for Python.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return dict(tomllib.loads(text))
    except RecursionError as error:
        raise ValueError("it nests too deep") from error
