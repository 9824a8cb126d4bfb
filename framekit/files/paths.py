"""Names and paths that every system takes and that never lead outside a folder."""

import errno
import re
import unicodedata
from pathlib import Path
from typing import Any

REMOVED = ".removed"
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


class Root:
    """A folder that paths from a stranger must not lead out of; each of its folders is resolved once."""

    def __init__(self, path: Path) -> None:
        """`path` need not exist yet."""
        self.path = path
        self.resolved = path.resolve()
        self.known: dict[Path, bool] = {}

    def inside(self, relative: Any) -> Path | None:
        """Return the path below the folder, None if it is none, or leads elsewhere.

        Its last part may be a link: that is moved or replaced, never written through.
        """
        if not isinstance(relative, str) or not usable_path(relative):
            return None
        path = self.path / relative
        if path.name in ("", "..") or path == self.path:
            return None
        parent = path.parent
        if parent not in self.known:
            self.known[parent] = parent.resolve().is_relative_to(self.resolved)
        return path if self.known[parent] else None


def refuse_linked_trash(path: Path) -> None:
    """Raise OSError if something is to be put below a hidden trash that is a link, and so leads elsewhere."""
    for folder in path.parents:
        if folder.name == REMOVED and folder.is_symlink():
            raise OSError(errno.ELOOP, "is a link", str(folder))


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
