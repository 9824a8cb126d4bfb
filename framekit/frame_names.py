"""Names of frames: which ones are frames, their natural order, and those that cannot be."""

import re
from collections.abc import Iterable
from os import sep
from pathlib import Path

from framekit.stage import Misuse

FRAME_SUFFIXES = frozenset(".png .jpg .jpeg .jfif .webp .bmp .gif .tif .tiff .avif".split())
DIGITS = re.compile(r"(\d+)")

Key = list[tuple[int, int, str]]


def natural_key(path: Path) -> list[Key]:
    """Sort key that puts `EP2` before `EP10`, folder by folder."""
    return [part_key(part) for part in path.parts]


def part_key(part: str) -> Key:
    """Return the sort key of a name: its numbers as numbers."""
    pieces = DIGITS.split(part.casefold())
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces]


def relative_name(path: Path, root: Path) -> str:
    """Return a path below `root`, as text with slashes."""
    text = str(path)
    return (text if root == Path() else text[len(str(root)) :].lstrip(sep)).replace(sep, "/")


def is_frame_name(name: str) -> bool:
    """Tell whether a file of this name counts as a frame."""
    return not name.startswith(".") and "." in name and f".{name.rpartition('.')[2].lower()}" in FRAME_SUFFIXES


def refuse_unusable_names(folder: Path, names: Iterable[str]) -> None:
    """Raise Misuse for a name that no sidecar could be written for: not UTF-8, or itself like the stem of a sidecar."""
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise Misuse(f"the name of {str(folder / name)!a} is not UTF-8; rename it") from error
        if name.rpartition(".")[0].lower().endswith((".faces", ".characters")):
            raise Misuse(f"{folder / name} would be taken for a frame and a sidecar at once; rename it")


def refuse_shared_stems(folder: Path, names: Iterable[str]) -> None:
    """Raise Misuse if two frames in one folder have the same stem, whatever the letter case."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.rpartition(".")[0].casefold(), name)
        if other is not name:
            first, second = sorted((other, name))
            raise Misuse(f"{first} and {second} in {folder} would share their sidecars; rename one of them")
