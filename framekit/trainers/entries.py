"""Configs that list folders, one entry each: names for the folders, and what is wrong with such a list."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from framekit.dataset.frames import is_frame_name
from framekit.errors import UsageError
from framekit.files import paths
from framekit.files.names import is_ignored
from framekit.trainers.base import (
    CORRECT,
    MANY,
    RENEW,
    Folder,
    FolderBalance,
    Kind,
    PreparedTree,
    Problem,
    Settings,
    Severity,
)

FRAMES = "frames"  # folder of all frames in a tree whose trainer walks hidden folders too: it holds none
STOPS, MISREADS, LOSES, _ = Severity
TOO_OFTEN = f"a frame of it is trained more than {MANY} times an epoch, and the others hardly at all"


def entry_names(balance: Sequence[FolderBalance]) -> dict[Folder, str]:
    """Return a name for each folder that no other has in any letter case: its path joined by ~."""
    taken: set[str] = set()
    found = {}
    for one in balance:
        name = unique = paths.safe_name("~".join(one.folder.parts) or "frames")
        number = 1
        while unique.casefold() in taken:  # long paths are cut off
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique.casefold())
        found[one.folder] = unique
    return found


def flat_layout(balance: Sequence[FolderBalance], settings: Settings) -> dict[Folder, Folder]:
    """Return where each folder goes so that none lies in another: a trainer reads each with all that is below it."""
    return {folder: Folder(FRAMES, name) for folder, name in entry_names(balance).items()}


def own_tree_only(trainer: str) -> Any:
    """Return what refuses a tree that others share, for a trainer that also reads what lies below a folder."""

    def refuse(settings: Settings) -> None:
        raise UsageError(
            f"{trainer} also reads folders below a folder, and hidden ones; give --dst_dir, where it gets its own"
        )

    return refuse


def folder_problems(
    trainer: str, config: Path, listed: Sequence[tuple[str, Any]], tree: PreparedTree, reads_below: bool
) -> list[Problem]:
    """Return what is wrong with the folders that a config lists; `reads_below`: with all that is below them.

    Each is listed with its resolution: the same frames may be trained in several.
    """
    problems = []
    seen: list[tuple[Path, Any]] = []
    for text, resolution in listed:
        folder = Path(text)
        if not folder.is_absolute():
            reason = f"a folder is not absolute, {trainer} seeks it where it is started"
            problems.append(Problem(config, Kind(f"{trainer}-folder-relative", MISREADS, reason, RENEW), text))
            continue
        if not folder.is_dir():
            kind = Kind(f"{trainer}-folder-gone", STOPS, "a folder is not there", RENEW)
            problems.append(Problem(config, kind, text))
            continue
        kind = Kind(f"{trainer}-folder-twice", MISREADS, "an entry names frames that another names as well", CORRECT)
        same = [other for other, at in seen if at == resolution and overlap(folder.resolve(), other, reads_below)]
        problems += [Problem(config, kind, text)] * len(same)
        seen.append((folder.resolve(), resolution))
        hidden = Kind(
            f"{trainer}-hidden-folder", MISREADS, f"{trainer} trains what lies in hidden folders", "move it elsewhere"
        )
        problems += [Problem(path, hidden) for path in hidden_folders(folder) if reads_below]
    kind = Kind(f"{trainer}-folder-unnamed", LOSES, f"{config.name} does not name it, so it is not trained", RENEW)
    named = {folder for folder, _ in seen}
    for folder in tree.filled:
        above = {folder.resolve(), *(folder.resolve().parents if reads_below else ())}
        problems += [Problem(folder, kind)] * (not above & named)
    return list(dict.fromkeys(problems))


def overlap(folder: Path, other: Path, reads_below: bool) -> bool:
    """Tell whether two entries read the same frames."""
    return folder == other or (reads_below and (folder.is_relative_to(other) or other.is_relative_to(folder)))


def hidden_folders(top: Path) -> Iterator[Path]:
    """Yield the folders with images that only a trainer sees which walks hidden folders, too."""
    for folder, _, names in os.walk(top):
        if any(is_ignored(part) for part in Path(folder).relative_to(top).parts) and any(map(is_frame_name, names)):
            yield Path(folder)


def value_problems(
    trainer: str, config: Path, name: str, values: Mapping[str, Any], wrong: Mapping[str, tuple[Any, str]]
) -> list[Problem]:
    """Return the problems in the values of an entry, by name of the key: what tells a wrong one, and what it does."""
    return [
        Problem(config, Kind(f"{trainer}-{key}", LOSES, reason, CORRECT), f"{key} = {values[key]!r} for {name}")
        for key, (is_wrong, reason) in wrong.items() if key in values and is_wrong(values[key])
    ]  # fmt: skip


def is_count(value: Any, least: int = 1) -> bool:
    """Tell whether a value is a whole number of at least so much; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_nothing(value: Any) -> bool:
    """Tell whether a value is no number above 0."""
    return not is_at_least(0)(value) or value == 0


def is_at_least(least: float) -> Any:
    """Return what tells a number of at least so much."""
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value >= least
