"""The levels of an arranged tree: how the folders of a frame are called, and which combinations are too rare."""

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from framekit.metadata import Metadata, metadata_from
from framekit.placements import CHARACTER_OTHERS, OTHERS, combination
from framekit.sidecar import safe_name
from framekit.stage import Misuse, nearest


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


@dataclass(frozen=True)
class Described:
    """What decides on the place of a frame: its folders, its combination of characters, its X.json."""

    folders: tuple[str, ...]
    combination: str
    is_wanted: bool
    held: tuple[str, str] = ("", "")


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


LEVELS: dict[str, Callable[[Metadata, Rules], str]] = {
    "n_characters": n_characters_folder,
    "character": lambda known, rules: combination(known.characters),
    "fh_ratio": fh_ratio_folder,
    "n_faces": lambda known, rules: count_folder(known.face_count, "face", "faces", rules.max_character_number),
    "n_people": lambda known, rules: count_folder(known.count, "person", "people", rules.max_character_number),
    "episode": lambda known, rules: safe_name(known.episode or "no_episode"),
    "scene": lambda known, rules: "no_scene" if known.scene is None else f"scene_{known.scene:04d}",
    "rating": lambda known, rules: safe_name(known.rating or "no_rating"),
    "source": lambda known, rules: safe_name(known.source_type or "no_source"),
}


def parse_format(text: str) -> tuple[str, ...]:
    """Split --format into its levels. Raises Misuse for an unknown one."""
    levels = tuple(level for level in text.strip("/").split("/") if level)
    for level in levels:
        if level not in LEVELS:
            hint = nearest(level, LEVELS, "")
            raise Misuse(f"--format has no level {level}{hint}; it takes {', '.join(LEVELS)}, joined by /")
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
    folders = tuple(sys.intern(LEVELS[level](known, rules)) for level in rules.levels)
    return Described(folders, sys.intern(combination(known.characters)), rules.takes(known))
