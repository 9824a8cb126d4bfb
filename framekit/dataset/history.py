"""The commands that made a dataset, kept beside it in the order in which they were given."""

import contextlib
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit.files import journal, paths
from framekit.files.names import is_ignored

LOG = ".commands.jsonl"


@dataclass(frozen=True)
class Command:
    """A command line: its words, the folder that it works on, and the one that it reads."""

    words: tuple[str, ...]
    folder: Path
    source: Path

    def __str__(self) -> str:
        """Return the command as it was typed, the home folder as ~."""
        typed, home = shlex.join(["python", *self.words]), Path.home()
        return typed.replace(str(home), "~") if len(home.parts) > 1 else typed


def command_of(script: str, words: Sequence[str], options: Mapping[str, Any]) -> Command | None:
    """Return the command of a script with the values of its options; one that writes nothing is none."""
    source = options.get("src_dir")
    if not isinstance(source, Path) or options.get("dry_run") or options.get("check"):
        return None
    return Command((f"{script}.py", *words), options.get("dst_dir") or source, source)


def record_command(command: Command) -> None:
    """Write a command down, unless it is the last one of its script there; a folder that takes no file goes without."""
    if not command.folder.is_dir():
        return
    path = command.folder / LOG
    if commands_given(command.folder, command.words[0])[-1:] == [shlex.split(str(command))[2:]]:
        return
    reads = os.path.relpath(command.source, command.folder) if command.source != command.folder else ""
    with contextlib.suppress(OSError):
        journal.append_line(path, {"command": str(command)} | ({"reads": reads} if reads else {}))


def commands_given(folder: Path, script: str) -> list[list[str]]:
    """Return the words of each command of a script, such as `arrange_folders.py`, on a folder, the last one last."""
    found: list[list[str]] = []
    for record in journal.read_lines(folder / LOG):
        with contextlib.suppress(ValueError):  # a stranger's quotes
            words = shlex.split(str(record.get("command")))
            found += [words[2:]] if words[1:2] == [script] else []
    return found


def sources_of(folder: Path) -> list[Path]:
    """Return the folders that a dataset was made from, and itself, oldest first.

    A record from a stranger must not lead anywhere: only folders beside the dataset are followed.
    """
    logs = (path for path in folder.glob(f"*/{LOG}") if not is_ignored(path.parent.name))
    found = [folder.resolve(), *sorted(path.parent.resolve() for path in logs)]
    around = folder.resolve().parent
    for one in found:
        for record in journal.read_lines(one / LOG):
            reads = record.get("reads")
            if isinstance(reads, str) and paths.usable_path(reads):
                source = (one / reads).resolve()
                beside = source.is_relative_to(around) and source != around
                found += [source] if beside and source.is_dir() and source not in found else []
    return [folder if one == folder.resolve() else one for one in found[::-1]]


def commands_of(folder: Path, running: Command | None = None) -> list[str]:
    """Return the commands that made a dataset, each once, in the order in which they were first given.

    Those of the folders that it was made from come first, `running` last.
    """
    known = [str(record.get("command")) for one in sources_of(folder) for record in journal.read_lines(one / LOG)]
    return list(dict.fromkeys([*known, *([str(running)] if running else [])]))
