"""What the folders of frames say: who is on them, after a person sorted them, and how many."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from framekit import sidecar, stage
from framekit.metadata import NOBODY
from framekit.placements import CHARACTER_OTHERS, OTHERS, combination, folder_name, read_journal

PATTERN = "*/character/*"
CHARACTER = "character"
NO_NAME = re.compile(r"(?:face_height_ratio_|scene_)\d.*|no_(?:scene|rating|source|episode)")  # levels of other kinds
NUMBER = re.compile(r"(\d+)\+?_(?:characters?|faces?|people|person)")


class BadFolder(Exception):
    """A folder that names nobody who is valid; the text is the reason."""


@dataclass(frozen=True)
class Reader:
    """Reads characters from the folders below `root`: where they stand, who is valid, and what arranging put where.

    `valid` maps the name of a folder to the character; with `any_name` a folder may name others too. `put` are frames
    that stand where arrange_folders.py put them: nobody sorted those.
    """

    root: Path
    pattern: tuple[str, ...]
    valid: Mapping[str, str]
    any_name: bool
    put: frozenset[Path]

    def part_of(self, frame: Path) -> str | None:
        """Return the part of a frame's folder that names characters; None if there is none, or nobody moved it."""
        parts = frame.parent.relative_to(self.root).parts
        place = self.pattern.index(CHARACTER)
        if frame in self.put or len(parts) <= place:
            return None
        pairs = zip(parts, self.pattern, strict=False)
        fits = all(wanted in ("*", CHARACTER) or fnmatchcase(part, wanted) for part, wanted in pairs)
        if OTHERS in parts[:place]:
            return OTHERS if fits else None
        return parts[place] if fits else None

    def names_of(self, part: str) -> list[str]:
        """Return the characters that a folder names. Raises BadFolder for one who is not valid."""
        if part == OTHERS:
            return []
        if part not in self.valid and (NO_NAME.fullmatch(part) or NUMBER.fullmatch(part)):
            raise BadFolder(f"the folder {part} names nobody; give --characters_from_folders a pattern that fits")
        found = []
        for name in part.split("+"):
            if name not in self.valid and not self.any_name:
                hint = stage.nearest(name, self.valid, "")
                raise BadFolder(f"the folder {part} names {name}, who is not among --valid_names{hint}")
            found.append(self.valid.get(name, name))
        return found


def reader(root: Path, pattern: str, valid_names: Path | None, known: Iterable[str]) -> Reader:
    """Return what reads characters from folders; `known` are those in the dataset. Raises Misuse for a wrong pattern.

    `valid_names` is a file with a name in each line, or a folder of references.
    """
    parts = tuple(part for part in pattern.strip("/").split("/") if part)
    if parts.count(CHARACTER) != 1:
        raise stage.Misuse(f"--characters_from_folders {pattern} needs the level {CHARACTER} once, such as {PATTERN}")
    given = read_valid_names(valid_names) if valid_names else []
    valid = {folder_name(name): name for name in (*known, *given)} if not given else {folder_name(n): n for n in given}
    put = frozenset(one.place for one in read_journal(root).placed.values())
    return Reader(root, parts, valid, not given, put)


def read_valid_names(path: Path) -> list[str]:
    """Return the names in a file, one a line, or of the folders in a folder. Raises Misuse if there are none."""
    try:
        if path.is_dir():
            names = [one.name for one in path.iterdir() if one.is_dir() and not one.name.startswith(".")]
        else:
            names = [line.strip() for line in sidecar.read_text(path, is_given=True).splitlines()]
    except sidecar.BadSidecar as error:
        raise stage.Misuse(f"{path} cannot be read ({error}); --valid_names needs a name in each line") from error
    if not (found := sorted(name for name in names if name)):
        raise stage.Misuse(f"{path} names nobody; --valid_names needs a name in each line, or a folder for each")
    return found


def corrected(current: Sequence[str], part: str, names: Sequence[str]) -> list[str] | None:
    """Return the characters of a frame that a person put into the folder `part`, which means `names`.

    None if the folder says nothing new. A single name takes the place of the single known one, so that the faces of
    others stay unknown.
    """
    known = [name for name in current if name not in NOBODY]
    if part in (CHARACTER_OTHERS, combination(known)) or sorted({*known}) == sorted({*names}):
        return None
    if len(names) == 1 and len(current) > 1 and len(known) == 1:
        return [names[0] if name == known[0] else name for name in current]
    return list(names)


def number_in(folder: Path) -> int | None:
    """Return the number that a folder such as `2_characters` or `3_people` on the way tells; None without one."""
    found = [int(match[1]) for part in folder.parts if (match := NUMBER.fullmatch(part))]
    return found[-1] if found else None
