"""What a person did on the page: written before it is done, so that it can be undone, and is finished after a kill."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from framekit import errors
from framekit.dataset import move
from framekit.dataset.move import Stamp
from framekit.desk.moved import given_path, moved
from framekit.files import atomic, journal, paths

LOG = ".review.jsonl"
EXPECTED = (errors.UsageError, errors.BadSidecar, errors.UnreadableFrame, OSError)  # where a step may stop
Record = dict[str, Any]


@dataclass
class Journal:
    """The actions of a dataset: `done` can be undone, the last first, `undone` can be done again.

    `outside` are files and folders of a person that lie elsewhere, by the options that name them.
    """

    root: Path
    outside: Mapping[str, Path] = field(default_factory=dict)
    done: list[Record] = field(default_factory=list)
    undone: list[Record] = field(default_factory=list)
    last: int = 0
    stamp: Stamp | None = None

    def would_move(self, back: bool) -> bool:
        """Tell whether the next step moves frames; what another page of the dataset is about to do stays its own."""
        read = self.stamp
        if move.stamp(self.root / LOG) != read:
            self.load()
            self.stamp = read  # whoever holds the lock catches up
        source = self.done if back else self.undone
        return bool(source and source[-1]["moves"])

    def catch_up(self) -> None:
        """Read the record anew if another page of the dataset wrote into it; the dataset is locked."""
        if move.stamp(self.root / LOG) != self.stamp:
            self.read()

    def read(self) -> list[str]:
        """Read the record, finish what a kill left half done; return what could not be finished, in sentences."""
        pending = self.load()
        if pending is None:
            return []
        record = next(one for one in [*self.done, *self.undone] if one.get("number") == pending["number"])
        try:
            stays = self.carry_out(record, pending["back"])
        except EXPECTED as error:
            return [f"{record['what']}: half done, and not finished: {error}"]
        return [f"{record['what']}: {self.in_words(stays)}"] if stays else []

    def load(self) -> Record | None:
        """Read the record; return which action a kill left half done, by its `number`, and whether it went `back`."""
        self.stamp = move.stamp(self.root / LOG)
        pending: Record | None = None
        self.done, self.undone, self.last = [], [], 0
        for line in journal.read_lines(self.root / LOG):
            if "what" in line:
                self.done.append(line)
                self.undone, self.last = [], max(self.last, int(line.get("number", 0)))
                pending = {"number": line.get("number"), "back": False}
            elif "undo" in line or "again" in line:
                back = "undo" in line
                source, target = (self.done, self.undone) if back else (self.undone, self.done)
                if source:
                    target.append(source.pop())
                    pending = {"number": target[-1].get("number"), "back": back}
            elif "finished" in line:
                pending = None
        return pending

    def begin(self, what: str, texts: Sequence[tuple[Path, bytes | None, str]], moves: Sequence[Record]) -> Record:
        """Write down an action, then do it; return its record. Raises Changed if a file is no longer what was seen.

        `texts` has (file, what it held, what it is to hold); `moves` what `moved` takes.
        """
        self.catch_up()
        files = [self.named(path) | {"before": as_text(path, held), "after": text} for path, held, text in texts]
        self.last += 1
        time = datetime.now(timezone.utc).isoformat(timespec="seconds")
        record = {"number": self.last, "what": what, "time": time, "files": files, "moves": [*moves]}
        self.refuse_changed(record)
        self.refuse_unwritable(record)
        self.append(record)
        self.done.append(record)
        self.undone = []
        try:
            self.carry_out(record, back=False)
        except EXPECTED:
            self.take_back()
            raise
        return record

    def take_back(self) -> None:
        """Undo what was done of the last action, which could not be finished; it can be done again."""
        record = self.done.pop()
        self.undone.append(record)
        self.append({"undo": record["number"]})
        with suppress(*EXPECTED):  # the next start tries again
            self.carry_out(record, back=True)

    def append(self, record: Record) -> None:
        """Write a line into the record."""
        journal.append_line(self.root / LOG, record)
        self.stamp = move.stamp(self.root / LOG)

    def step(self, back: bool) -> tuple[Record, str]:
        """Undo the last action, or do the last undone one again; return its record, and what stays as it is.

        A file that was changed since, by hand or by a script, stays. Raises UsageError if there is nothing to do.
        """
        self.catch_up()
        source, target = (self.done, self.undone) if back else (self.undone, self.done)
        if not source:
            raise errors.UsageError("there is nothing to undo" if back else "there is nothing to do again")
        record = source[-1]
        self.refuse_unwritable(record)
        self.append({"undo" if back else "again": record["number"]})
        target.append(source.pop())
        stays = self.carry_out(record, back)
        return record, self.in_words(stays) if stays else ""

    def refuse_changed(self, record: Record) -> None:
        """Raise Changed if a file does not hold what an action begins with."""
        for file in record["files"]:
            path = self.place(file)
            if atomic.bytes_in(path) != as_bytes(file["before"]):
                raise Changed(f"{self.shown(path)} was changed since, by a script or by hand; nothing was done", [path])

    def refuse_unwritable(self, record: Record) -> None:
        """Raise UsageError if something may not be written that an action or its undoing touches."""
        framed = [self.root / str(one["frame"]) for one in record["moves"] if "reference" not in one]
        for path in [*map(self.place, record["files"]), *framed]:
            if path.parent.is_dir() and not os.access(path.parent, os.W_OK):
                raise errors.UsageError(
                    f"{self.shown(path.parent)} may not be written; give yourself the right to, then repeat"
                )

    def in_words(self, stays: Sequence[Path]) -> str:
        """Return which files stay as they are, and why."""
        others = f" and {len(stays) - 1} more" if len(stays) > 1 else ""
        return f"{self.shown(stays[0])}{others} changed since, and stays"

    def carry_out(self, record: Record, back: bool) -> list[Path]:
        """Bring files and frames to where a step leaves them; return the files that stay, since they changed."""
        stays: list[Path] = []
        before, after = ("after", "before") if back else ("before", "after")
        for one in reversed(record["moves"]) if back else record["moves"]:
            moved(self.root, self.outside, one, back)
        for file in record["files"]:
            path = self.place(file)
            held = atomic.bytes_in(path)
            if held == as_bytes(file[after]):
                continue
            if held != as_bytes(file[before]) or not path.parent.is_dir():
                stays.append(path)
            elif file[after] is None:
                path.unlink()
            else:
                atomic.write_whole(path, file[after])
        self.append({"finished": record["number"]})
        return stays

    def named(self, path: Path) -> Record:
        """Return how the record names a file: by its path in the dataset, or by the option that gave it."""
        option = next((option for option, given in self.outside.items() if given == path), None)
        return {"path": path.relative_to(self.root).as_posix()} if option is None else {"option": option}

    def shown(self, path: Path) -> str:
        """Return how a message names a file."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def place(self, file: Record) -> Path:
        """Return a file by what the record says, which leads nowhere else. Raises UsageError."""
        if "option" in file:
            return given_path(self.outside, str(file["option"]))
        found = paths.inside(self.root, file.get("path"))
        if found is None:
            raise errors.UsageError(f"{self.root / LOG}: {file.get('path')!r} lies outside; remove that line")
        return found


class Changed(errors.UsageError):
    """A file is no longer what the page has seen."""

    def __init__(self, sentence: str, files: Sequence[Path]) -> None:
        """Keep which files these are."""
        super().__init__(sentence)
        self.files = [*files]


def as_text(path: Path, held: bytes | None) -> str | None:
    """Return the bytes of a sidecar as text. Raises BadSidecar if they are none."""
    try:
        return None if held is None else held.decode()
    except UnicodeDecodeError as error:
        raise errors.BadSidecar(f"{path.name} is not UTF-8 text; save it as UTF-8") from error


def as_bytes(text: str | None) -> bytes | None:
    """Return what a file holds that has this text, None for one that is not there."""
    return None if text is None else text.encode()
