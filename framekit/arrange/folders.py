"""The levels of an arranged tree: how the folders of a frame are called, and which combinations are too rare."""

import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from framekit import console, errors
from framekit.arrange.placements import NO_DIGESTS, MetadataDigests, read_journal
from framekit.console import nearest
from framekit.errors import UsageError
from framekit.files.names import is_ignored, nfc, walk, with_brackets_read
from framekit.files.paths import safe_name
from framekit.files.tables import read_rows
from framekit.sidecars.metadata import NOBODY, Metadata, folder_name, is_unnamed, metadata_from

PATTERN = "*/character/*"
CHARACTER = "character"
CHARACTER_OTHERS = "character_others"  # the folder of rare, overlong and empty combinations of characters
OTHERS = "others"  # the folder of frames without characters
MAX_BYTES = 240  # file systems take 255 bytes
MAX_COMBINATION = 100  # characters of text in the name of a combination; Source: anime_screenshot_pipeline


@dataclass(frozen=True)
class Rules:
    """How folders are named: the levels, and the numbers that steer them."""

    levels: tuple[str, ...]
    max_character_number: int = 6
    min_image_per_combination: int = 10
    face_ratio_range: int = 25
    keep_src_structure: bool = False
    min_face_number: int = 0
    max_face_number: int = 0

    def takes(self, known: Metadata) -> bool:
        """Tell whether a frame has a number of faces that is wanted."""
        return self.min_face_number <= known.face_count <= (self.max_face_number or known.face_count)


def combination(characters: Iterable[str]) -> str:
    """Return characters joined by `+`, sorted; `character_others` for none or too many."""
    joined = "+".join(sorted({folder_name(name) for name in characters}))
    short = len(joined) < MAX_COMBINATION and len(joined.encode()) <= MAX_BYTES
    return joined if joined and short else CHARACTER_OTHERS


@dataclass(frozen=True)
class Described:
    """What decides on the place of a frame: its folders, its combination of characters, the digests of its X.json.

    `is_named` tells whether anybody known is on it; a combination of too many names is that of none.
    """

    folders: tuple[str, ...]
    combination: str
    is_wanted: bool
    digests: MetadataDigests = NO_DIGESTS
    is_named: bool = False

    @property
    def names(self) -> list[str]:
        """The characters of the combination."""
        return [] if self.combination == CHARACTER_OTHERS else self.combination.split("+")


def count_folder(number: int, singular: str, plural: str, largest: int) -> str:
    """Return `1_character`, `2_characters`, …, `6+_characters`."""
    if number >= largest:
        return f"{largest}+_{plural}"
    return f"{number}_{singular if number == 1 else plural}"


def n_characters_folder(known: Metadata, rules: Rules) -> str:
    """Return the folder of the number of different known characters; `others` for none."""
    number = len(set(known.characters))
    return count_folder(number, "character", "characters", rules.max_character_number) if number else OTHERS


def fh_ratio_folder(known: Metadata, rules: Rules) -> str:
    """Return the folder of the height of the largest face in percent of the frame height."""
    step = rules.face_ratio_range
    lower = min(int(100 * known.face_height_ratio), 99) // step * step
    return f"face_height_ratio_{lower}-{min(lower + step, 100)}"


@dataclass(frozen=True)
class Level:
    """A level of folders: the folder of a frame by its metadata, and how its folders are told from characters'.

    `pattern` fits all folders of the level that cannot be a character; in those that count, its one group is the
    number.
    """

    folder: Callable[[Metadata, Rules], str]
    pattern: str = ""


LEVELS = {
    "n_characters": Level(n_characters_folder, r"(\d+)\+?_characters?"),
    "character": Level(lambda known, rules: combination(known.characters)),
    "face_height_ratio": Level(fh_ratio_folder, r"face_height_ratio_\d.*"),
    "n_faces": Level(
        lambda known, rules: count_folder(known.face_count, "face", "faces", rules.max_character_number),
        r"(\d+)\+?_faces?",
    ),
    "n_people": Level(
        lambda known, rules: count_folder(known.count, "person", "people", rules.max_character_number),
        r"(\d+)\+?_(?:person|people)",
    ),
    "episode": Level(lambda known, rules: safe_name(known.episode or "no_episode"), "no_episode"),
    "scene": Level(
        lambda known, rules: "no_scene" if known.scene is None else f"scene_{known.scene:04d}", r"scene_\d.*|no_scene"
    ),
    "rating": Level(lambda known, rules: safe_name(known.rating or "no_rating"), "no_rating"),
    "source": Level(lambda known, rules: safe_name(known.source_type or "no_source"), "no_source"),
}
REPEATED = re.compile(r"(\d{1,4})_(.*\S.*)")  # a folder of kohya's: repeats and name
# Words by which kohya's users call a class. Source: guides for its scripts.
CLASSES = frozenset(
    "1girl 1boy girl girls boy boys woman women man men person people character style anime reg regularization".split()
)
DEFAULT_LEVELS = ("n_characters", "character", "face_height_ratio")
OLDER_LEVELS = {"fh_ratio": "face_height_ratio"}
COUNTED = re.compile("|".join(level.pattern for level in LEVELS.values() if "(" in level.pattern))
NO_NAME = re.compile("|".join(level.pattern for level in LEVELS.values() if level.pattern and "(" not in level.pattern))


def parse_levels(text: str) -> tuple[str, ...]:
    """Split --levels into its levels. Raises UsageError for an unknown one."""
    levels = tuple(OLDER_LEVELS.get(level, level) for level in text.strip("/").split("/") if level)
    for level in levels:
        if level not in LEVELS:
            hint = nearest(level, LEVELS, "")
            raise UsageError(f"--levels has no level {level}{hint}; it takes {', '.join(LEVELS)}, joined by /")
    return levels


def rare_combinations(described: Mapping[Path, Described], least: int) -> set[str]:
    """Return the combinations of characters that fewer than `least` of the wanted frames have."""
    counts = Counter(one.combination for one in described.values() if one.is_wanted)
    return {name for name, number in counts.items() if number < least}


def leaf_folder(one: Described, levels: Sequence[str], rare: set[str]) -> Path:
    """Return the folder of a frame, relative to the top of the tree."""
    if one.combination not in rare:
        return Path(*one.folders)
    pairs = zip(levels, one.folders, strict=True)
    return Path(*(CHARACTER_OTHERS if level == "character" else name for level, name in pairs))


def describe(values: Mapping[str, object], rules: Rules) -> Described:
    """Return what the content of X.json says about the place of its frame. Raises BadSidecar."""
    known = metadata_from(values)
    folders = tuple(sys.intern(LEVELS[level].folder(known, rules)) for level in rules.levels)
    together = sys.intern(combination(known.characters))
    return Described(folders, together, rules.takes(known), is_named=bool(known.characters))


def characters_named(folder: Path) -> set[str]:
    """Return the names of folders that may stand for characters in a path, those of pairs apart."""
    parts = [part for part in map(nfc, folder.parts) if not (NO_NAME.fullmatch(part) or COUNTED.fullmatch(part))]
    return {name for part in parts for name in part.split("+")} - {CHARACTER_OTHERS, OTHERS}


def character_level(named: Mapping[Path, Collection[str]]) -> int | None:
    """Return which level of folders names characters: where most frames stand in one called after theirs.

    `named` are the characters of each frame, by its path in the tree. So does the level below the numbers of
    characters. None where no folder names anybody.
    """
    numbers = re.compile(LEVELS["n_characters"].pattern)
    levels = Counter(
        level
        for frame, characters in named.items()
        for level, part in enumerate(frame.parts[:-1])
        if (characters and {*nfc(part).split("+")} == {folder_name(name) for name in characters})
        or (level and part != CHARACTER_OTHERS and numbers.fullmatch(frame.parts[level - 1]))
    )
    return levels.most_common(1)[0][0] if levels else None


def misplaced(named: Mapping[Path, Collection[str]]) -> list[Path]:
    """Return the frames that stand in folders of other characters than those that they are `named` after.

    >>> named = {"EP01/Aoba/1.png": ["Aoba"], "EP01/Hinata/2.png": ["Hinata"], "EP01/Hinata/3.png": ["Aoba"]}
    >>> [frame.name for frame in misplaced({Path(path): names for path, names in named.items()})]
    ['3.png']
    """
    level = character_level(named)
    told = {} if level is None else {frame: characters_at(frame, level) for frame in named}
    return [
        frame for frame, names in told.items()
        if names is not None and names != {folder_name(name) for name in named[frame]}
    ]  # fmt: skip


def characters_at(frame: Path, level: int) -> set[str] | None:
    """Return the characters that this level of the folders of a frame names; None if it says nothing."""
    parts = [nfc(part) for part in frame.parent.parts[: level + 1]]
    if OTHERS in parts:
        return set()
    if len(parts) <= level or parts[level] == CHARACTER_OTHERS:
        return None
    is_other_level = NO_NAME.fullmatch(parts[level]) or COUNTED.fullmatch(parts[level])
    return None if is_other_level else {*parts[level].split("+")}


def misplaced_in_words(named: Mapping[Path, Collection[str]], tree: Path) -> str:
    """Return that frames stand in folders of other characters than theirs, and what to do; nothing where none do."""
    found = misplaced(named)
    if not found:
        return ""
    stand = f"{console.counted(len(found), 'frame')} {'stands in a folder' if len(found) == 1 else 'stand in folders'}"
    level = character_level(named)
    option = "" if level == PATTERN.split("/").index(CHARACTER) else f" '{'*/' * (level or 0)}{CHARACTER}'"
    return (
        f"{stand} of other characters than the metadata names, such as {found[0]}; to take the folders' names, run"
        f" generate_metadata.py --src_dir {tree} --characters_from_folders{option}; else move the frames back"
    )


class BadFolder(Exception):
    """A folder that names nobody who is valid; the text is the reason."""


@dataclass(frozen=True)
class Reader:
    """Reads characters from the folders below `root`: where they stand, who is valid, and what arranging put where.

    `valid` maps the name of a folder to the character; with `any_name` a folder may name others too. `put` are frames
    that stand where arrange_folders.py put them: nobody sorted those.
    """

    root: Path
    pattern: tuple[str, ...]  # in which brackets that stand for themselves are escaped
    valid: Mapping[str, str]
    any_name: bool
    put: frozenset[Path]

    def part_of(self, frame: Path) -> str | None:
        """Return the part of a frame's folder that names characters; None if there is none, or nobody moved it."""
        return None if frame in self.put else self.part_in(frame)

    def part_in(self, frame: Path) -> str | None:
        """Return the part of a frame's folder that the pattern says to name characters, whoever put it there."""
        parts = tuple(map(nfc, frame.parent.relative_to(self.root).parts))
        place = self.pattern.index(CHARACTER)
        if len(parts) <= place:
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
        if part not in self.valid and (NO_NAME.fullmatch(part) or COUNTED.fullmatch(part) or is_unnamed(part)):
            raise BadFolder(f"the folder {part} names nobody; give --characters_from_folders a pattern that fits")
        found = []
        repeated = None if part in self.valid else repeats_and_name(part)
        for name in (repeated[1] if repeated and repeated[1] else part).split("+"):
            if name not in self.valid and not self.any_name:
                hint = console.nearest(name, self.valid, "")
                raise BadFolder(f"the folder {part} names {name}, who is not among --valid_names{hint}")
            found.append(self.valid.get(name, name))
        return found


def reader(root: Path, pattern: str, valid_names: Path | None, known: Iterable[str]) -> Reader:
    """Return what reads characters from folders; `known` are those in the dataset.

    `valid_names` is a file with a name in each line, or a folder of references. Raises UsageError for a wrong pattern.
    """
    parts = tuple(nfc(part) for part in pattern.strip("/").split("/") if part)
    if parts.count(CHARACTER) != 1:
        raise errors.UsageError(
            f"--characters_from_folders {pattern} needs the level {CHARACTER} once, such as {PATTERN}"
        )
    given = read_valid_names(valid_names) if valid_names else []
    valid = {folder_name(name): name for name in (*known, *given)} if not given else {folder_name(n): n for n in given}
    put = frozenset(one.place for one in read_journal(root).placed.values() if not one.by_hand)
    held = [Path(folder).relative_to(root).parts for folder, _, _ in walk(root)] if "[" in pattern else []
    parts = tuple(
        with_brackets_read(part, {nfc(folder[level]) for folder in held if len(folder) > level})
        for level, part in enumerate(parts)
    )
    return Reader(root, parts, valid, not given, put)


def unfitting(reader: Reader, found: Sequence[Path]) -> str:
    """Return a sentence if no frame stands in a folder that the pattern fits; nothing else."""
    if not found or any(reader.part_in(frame) is not None for frame in found):
        return ""
    folder = found[0].parent.relative_to(reader.root).as_posix()
    return (
        f"no folder fits --characters_from_folders {'/'.join(reader.pattern)}, frames stand in folders such as"
        f" {folder}; give a pattern of these with {CHARACTER} for the level that names them"
    )


def read_valid_names(path: Path) -> list[str]:
    """Return the names in a file, one a line, or of the folders in a folder. Raises UsageError if there are none."""
    if path.is_dir():
        found = [nfc(one.name) for one in path.iterdir() if one.is_dir() and not is_ignored(one.name)]
    else:
        found = [row.cells[0] for row in read_rows(path, "AobaKokona", (1, 1))]
    if not found:
        raise errors.UsageError(f"{path} names nobody; --valid_names needs a name in each line, or a folder for each")
    return sorted({*found})


def corrected(current: Sequence[str], part: str, names: Sequence[str]) -> list[str] | None:
    """Return the characters of a frame that a person put into the folder `part`, which means `names`.

    None if the folder says nothing new. A single name takes the place of the single known one, so that the faces of
    others stay unknown.
    """
    current = [nfc(name) for name in current]
    known = [name for name in current if name not in NOBODY]
    if part in (CHARACTER_OTHERS, combination(known)) or sorted({*known}) == sorted({*names}):
        return None
    if len(names) == 1 and len(current) > 1 and len(known) == 1:
        return [names[0] if name == known[0] else name for name in current]
    return list(names)


def repeats_and_name(folder: str) -> tuple[int, str] | None:
    """Return the repeats and the name in a folder as kohya's scripts want it; None for another folder.

    Words for a class of people, as in `10_aoba girl` or `1_1girl`, are no part of the name.

    >>> repeats_and_name("10_aoba girl")
    (10, 'aoba')
    """
    found = REPEATED.fullmatch(nfc(folder))
    if found is None or COUNTED.fullmatch(nfc(folder)):
        return None
    words = found[2].split()
    while words and words[-1].lower() in CLASSES:
        words.pop()
    return int(found[1]), " ".join(words)


def number_in(folder: Path) -> int | None:
    """Return the number that a folder such as `2_characters` or `3_people` on the way says; None without one."""
    matches = filter(None, map(COUNTED.fullmatch, folder.parts))
    found = [int(match[match.lastindex or 0]) for match in matches]
    return found[-1] if found else None
