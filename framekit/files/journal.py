"""Journals: one JSON record a line, added before anything moves; and paths in them that must not lead outside."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from framekit.errors import named
from framekit.files.atomic import open_regular, parsed_json, write_whole
from framekit.files.paths import refuse_linked_trash

WANTED = ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")  # neither through a link nor waiting for the reader of a pipe


class Journal:
    """An open journal to which records are added; each is with the system before `append` returns."""

    def __init__(self, path: Path) -> None:
        """`path` is made with its folder when the first record comes."""
        self.path = path
        self.file: BinaryIO | None = None

    def append(self, record: dict[str, Any]) -> None:
        """Add one record; a line that a kill tore before is ended first."""
        line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
        if self.file is None:
            refuse_linked_trash(self.path)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            torn = self.path.exists() and self.path.stat().st_size > 0 and last_byte(self.path) != b"\n"
            own_file(self.path)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | sum(getattr(os, flag, 0) for flag in WANTED)
            self.file = os.fdopen(os.open(self.path, flags, 0o666), "ab", buffering=0)
            line = b"\n" * torn + line
        with named(self.path):
            self.file.write(line)

    def __enter__(self) -> "Journal":
        """Return the journal."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()


def own_file(path: Path) -> None:
    """Make a file that has other names too, as in a backup of hard links, a file of its own."""
    if path.exists() and not path.is_symlink() and path.stat().st_nlink > 1:
        write_whole(path, path.read_bytes())


def append_line(journal: Path, record: dict[str, Any]) -> None:
    """Add one record to a journal; callers do so before anything moves."""
    with Journal(journal) as file:
        file.append(record)


def last_byte(path: Path) -> bytes:
    """Return the last byte of a file that is not empty."""
    with open_regular(path) as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)


def read_lines(journal: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a journal; a line torn by a kill is passed over."""
    if not journal.exists():
        return
    with open_regular(journal) as file:
        for line in file:
            try:
                record = parsed_json(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record
