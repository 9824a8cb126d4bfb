"""Names and paths that every system takes and that never lead outside a folder."""

import errno
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from framekit.files.names import nfc, on_disk

REMOVED = ".removed"
# Whether links that lead out of a dataset are followed. For a run as a whole, as --follow_links says.
FOLLOWED: ContextVar[bool] = ContextVar("follow_links", default=False)
# Windows refuses these names, whatever the suffix. Source: Microsoft, Naming Files, Paths, and Namespaces.
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def safe_name(text: str, replacement: str = "_") -> str:
    """Turn any text into one file or folder name that every system takes and that never leads elsewhere."""
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r'[<>:"/\\|?*%\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]', replacement, text).strip(" .")
    text = text.encode()[:120].decode(errors="ignore").rstrip(" .")
    if not text or unicodedata.normalize("NFKC", text.split(".")[0]).strip().casefold() in RESERVED:
        text = f"{replacement}{text}"
    return text


def without_parents(path: Path) -> Path:
    """Return a path that goes no way up, `a/../b`: what other programs read should be the same however it was typed."""
    return path.resolve() if ".." in path.parts else path


class Root:
    """A folder that paths from a stranger must not lead out of; each of its folders is looked into once."""

    def __init__(self, path: Path) -> None:
        """`path` need not exist yet."""
        self.path = path
        self.resolved = path.resolve()
        self.known: dict[Path, Path | None] = {}
        self.names: dict[Path, dict[str, str]] = {}

    def inside(self, relative: Any) -> Path | None:
        """Return the path below the folder, None if it is none, or leads elsewhere.

        Its names have the Unicode form that they have on disk, if they are there.
        Its last part may be a link: that is moved or replaced, never written through.
        """
        if not isinstance(relative, str) or not usable_path(relative):
            return None
        path = self.path / relative
        if path.name in ("", "..") or path == self.path:
            return None
        parent = path.parent
        if parent not in self.known:
            there = on_disk(parent)
            self.known[parent] = there if there.resolve().is_relative_to(self.resolved) else None
        folder = self.known[parent]
        return None if folder is None else folder / self.name_in(folder, path.name)

    def name_in(self, folder: Path, name: str) -> str:
        """Return a name in the Unicode form that it has in a folder, as it is if it is not there."""
        if name.isascii() or os.path.lexists(folder / name):
            return name
        if folder not in self.names:
            held = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208
            self.names[folder] = {nfc(one): one for one in held}
        return self.names[folder].get(nfc(name), name)


@contextmanager
def links_followed(wanted: bool) -> Iterator[None]:
    """Let links of frames, videos and references lead anywhere meanwhile: they are a person's own."""
    before = FOLLOWED.set(wanted)
    try:
        yield
    finally:
        FOLLOWED.reset(before)


def leads_out(path: Path, top: Path) -> bool:
    """Tell whether a path is a link that leads out of the folder `top`, and none that a person said to follow."""
    return path.is_symlink() and not FOLLOWED.get() and not path.resolve().is_relative_to(top.resolve())


def refuse_linked_trash(path: Path) -> None:
    """Raise OSError if something is to be put below a hidden trash that is a link, and so leads elsewhere."""
    for folder in path.parents:
        if folder.name == REMOVED and folder.is_symlink():
            raise OSError(errno.ELOOP, "is a link", str(folder))


def remove_if_empty(folder: Path) -> None:
    """Remove a folder that holds nothing any more."""
    with suppress(OSError):
        folder.rmdir()


def inside(root: Path, relative: Any) -> Path | None:
    """Return `root / relative` if that is a path below root, else None: a stranger's journal must not lead outside."""
    return Root(root).inside(relative)


def usable_path(text: str) -> bool:
    """Tell whether a file system can have this path: no NUL, UTF-8, no part above 255 bytes."""
    return is_utf8(text) and "\x00" not in text and all(len(part.encode()) <= 255 for part in text.split("/"))


def is_utf8(text: str) -> bool:
    """Tell whether a name can be written into a sidecar or a journal: some systems take any bytes in names."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
