"""What a trainer would misread: where, what happens, and what to do about it."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

Folder = PurePosixPath


@dataclass(frozen=True)
class Problem:
    """A file or folder that a trainer misreads; reason and remedy are parts of one sentence."""

    path: Path
    reason: str
    remedy: str


@dataclass(frozen=True)
class FolderBalance:
    """A folder with frames, as it is trained: `multiply` for trainers that repeat by fractions, `repeats` for kohya.

    `before` is the share of an epoch that its frames alone would give it, `after` the one by `multiply`.
    """

    folder: Folder
    frames: int
    multiply: float
    repeats: int
    before: float
    after: float
    is_reg: bool = False


@dataclass(frozen=True)
class Text:
    """A text file to write; `key` names it in the record, and survives another arrangement of the folders."""

    path: Path
    key: str
    content: str


def folder_in(root: Path, frame: Path) -> Folder:
    """Return the folder of a frame relative to the top of its dataset."""
    return Folder(frame.parent.relative_to(root).as_posix())


def text_at(root: Path, name: str, content: str) -> Text:
    """Return a text whose name alone stands in the record."""
    return Text(root / name, name, content)
