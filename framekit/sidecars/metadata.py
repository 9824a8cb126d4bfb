"""The metadata file X.json: what it means, and its older forms."""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from framekit import errors
from framekit.errors import BadSidecar, MissingSidecar
from framekit.files import paths
from framekit.files.atomic import read_json_value
from framekit.files.names import METADATA, SOURCE, nfc, sidecar
from framekit.sidecars import kinds, tags
from framekit.sidecars.corrections import WRITTEN

UNKNOWN = "unknown"  # name of a face that resembles no reference enough
OOD = "ood"  # out of distribution: name of a face that resembles people to ignore, and of their reference folder
IGNORED = "noise"  # reference folders whose name begins so hold people to ignore, too
UNNAMED = re.compile(r"cluster_\d{3,}")  # a group of faces that nobody gave a name
NOBODY = (UNKNOWN, OOD, "")  # names that stand for no character
OLDER = {"fh_ratio", "n_people", "n_faces", "facepos", "character", "count"}  # keys that older files have
# Keys that no other program has, those that some have, and what such a program has, too.
OWN_KEYS = {"facepos", "fh_ratio", "face_height_ratio", "n_people", "n_faces", "inferred", "source_type"}
SHARED_KEYS = {"count", "characters", "general"}
FOREIGN_KEYS = set(
    "id category subcategory extension filename md5 hash url file_url gallery_id title meta species lore series parody"
    " shapes imagePath version images annotations nodes post posts".split()
)
FACEPOS = re.compile(r"fvp (\d+) (\d+) fhp (\d+) (\d+)")
LONGEST_NAME = 100  # characters; longer ones don't fit into folder names of several characters
MEANINGFUL = "+,/\\"  # characters that separate names in folders and captions


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the later steps read from X.json; `characters` without unknown ones, ratios as fractions.

    `inferred` are characters whom nobody saw on this frame, but before and after it in its scene.
    """

    count: int = 0
    characters: list[str] = field(default_factory=list)
    general: str = ""
    facepos: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    copyright: list[str] = field(default_factory=list)
    artist: list[str] = field(default_factory=list)
    rating: str = ""
    face_count: int = 0
    face_height_ratio: float = 0.0
    episode: str = ""
    scene: int | None = None
    time: float | None = None
    source_type: str = ""
    inferred: list[str] = field(default_factory=list)
    description: str = ""


def facepos_of(box: Sequence[float]) -> str:
    """Return `fvp 42 70 fhp 22 39` for a box [left, top, right, bottom] in fractions: percent of height, then width."""
    left, top, right, bottom = (round(100 * edge) for edge in box)
    return f"fvp {top} {bottom} fhp {left} {right}"


def read_metadata(frame: Path) -> Metadata:
    """Read X.json of a frame, of this generation or the older one.

    Raises MissingSidecar if there is none yet, BadSidecar if it is damaged.
    """
    path = sidecar(frame, METADATA)
    if not path.exists():
        raise MissingSidecar(f"no {path.name}; run generate_metadata.py")
    return metadata_from(read_own(path))


def read_own(path: Path) -> dict[str, Any]:
    """Read X.json. Raises BadSidecar if it is damaged, MissingSidecar if another program wrote it."""
    values = read_json_value(path)
    if is_foreign(values):
        kept = path.with_suffix(SOURCE).name
        raise MissingSidecar(f"{path.name} is of another program; run generate_metadata.py, which keeps it as {kept}")
    if not isinstance(values, dict):
        raise BadSidecar(f"{path.name} is not a JSON object")
    return values


def is_foreign(values: Any) -> bool:
    """Tell whether another program wrote what stands in the place of X.json: by its keys, which are not ours."""
    if isinstance(values, list):
        return bool(values) and all(isinstance(one, str | dict) for one in values)
    if not isinstance(values, dict) or not values:
        return False
    if type(values.get("schema")) is int or isinstance(values.get(WRITTEN), dict) or OWN_KEYS & values.keys():
        return False
    if FOREIGN_KEYS & values.keys() or not SHARED_KEYS & values.keys():
        return True
    return "character" in values and not {"count", "characters"} & values.keys()


def metadata_from(values: Mapping[str, Any]) -> Metadata:
    """Make sense of the keys of X.json. Raises BadSidecar naming the key that is wrong.

    The older generation wrote `count` as a string or `n_people`, `facepos` as number lists, `fh_ratio` and `n_faces`.
    """
    facepos = [position(item) for item in as_list(values, "facepos") if item != ""]
    named = [name for name in texts(values, "characters") if name not in NOBODY]
    source = values.get("source")
    faces = whole(values, "n_faces", len(facepos))
    return Metadata(
        count=whole(values, "n_people" if values.get("count") is None else "count", faces),
        characters=named,
        general=text_of(values, "general"),
        facepos=facepos,
        tags=[kinds.spelled(tag) for tag in texts(values, "tags")],
        copyright=texts(values, "copyright"),
        artist=texts(values, "artist"),
        rating=text_of(values, "rating"),
        face_count=faces,
        face_height_ratio=height_ratio(values, facepos),
        episode=text_of(source, "episode") if isinstance(source, dict) else "",
        scene=scene_of(source),
        time=time_of(source),
        source_type=text_of(values, "source_type"),
        description=text_of(values, "description"),
        inferred=[name for name in texts(values, "inferred") if name not in NOBODY],
    )


def scene_of(source: Any) -> int | None:
    """Return the number of the scene within its episode; None if nobody knows it."""
    scene = source.get("scene") if isinstance(source, dict) else None
    return scene if isinstance(scene, int) and not isinstance(scene, bool) and scene >= 0 else None


def time_of(source: Any) -> float | None:
    """Return the time of a frame in its episode in seconds; None if nobody knows it."""
    time = source.get("time") if isinstance(source, dict) else None
    return float(time) if isinstance(time, int | float) and not isinstance(time, bool) and time >= 0 else None


def height_ratio(values: Mapping[str, Any], facepos: Sequence[str]) -> float:
    """Return the height of the largest face over the frame height: as written, else from the face positions."""
    value = values.get("face_height_ratio", values.get("fh_ratio"))
    if value is None:
        spans = [match for text in facepos if (match := FACEPOS.fullmatch(text))]
        return max((int(span[2]) - int(span[1]) for span in spans), default=0) / 100
    if not is_fraction(value):
        raise BadSidecar("face_height_ratio must be a number from 0 to 1")
    return float(value)


def is_fraction(value: Any) -> bool:
    """Tell whether a value is a number from 0 to 1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def position(item: Any) -> str:
    """Return one face position in the `fvp … fhp …` form."""
    if isinstance(item, str):
        return one_line(item)
    if isinstance(item, list) and len(item) == 4 and all(is_fraction(edge) for edge in item):
        return facepos_of(item)
    raise BadSidecar('facepos must be a list of "fvp 42 70 fhp 22 39" texts')


def as_list(values: Mapping[str, Any], key: str) -> list[Any]:
    """Return a value that should be a list; one text stands for a list of comma-separated texts."""
    value = values.get(key)
    if value is None:
        return []
    if isinstance(value, str):
        return tags.sort_tags(value)[kinds.GENERAL] if key == "tags" else value.split(",")
    if not isinstance(value, list):
        raise BadSidecar(f"{key} must be a list of texts")
    return value


def texts(values: Mapping[str, Any], key: str) -> list[str]:
    """Return a list of non-empty one-line texts."""
    items = as_list(values, key)
    if not all(isinstance(item, str) for item in items):
        raise BadSidecar(f"{key} must be a list of texts")
    return [sys.intern(clean) for item in items if (clean := one_line(item))]


def whole(values: Mapping[str, Any], key: str, default: int) -> int:
    """Return a value that should be a whole number, also when written as text."""
    value = default if values.get(key) is None else values[key]
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise BadSidecar(f"{key} must be a whole number")


def text_of(values: Mapping[str, Any], key: str) -> str:
    """Return a value that should be a text, as one line; nothing for null."""
    value = values.get(key)
    if not (value is None or isinstance(value, str)):
        raise BadSidecar(f"{key} must be a text")
    return one_line(value or "")


def one_line(text: str) -> str:
    """Return text in Unicode's composed form, with all white space, line ends too, as single blanks."""
    return nfc(" ".join(text.split()))


def upgraded(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of X.json of the older generation with today's keys; a newer one as it is.

    What cannot be understood stays as it stands, and is refused when it is read.
    """
    if "schema" in values or not OLDER & values.keys():
        return dict(values)
    new = {name: value for name, value in values.items() if name not in ("fh_ratio", "n_people", "character")}
    try:
        known = metadata_from({**values, "characters": values.get("characters", values.get("character"))})
    except BadSidecar:
        return dict(values)
    new["count"] = known.count
    new |= {"facepos": known.facepos} if "facepos" in values else {}
    if {"characters", "character"} & values.keys():
        named = as_list({"characters": values.get("characters", values.get("character"))}, "characters")
        new["characters"] = [one_line(name) for name in named]
    if {"fh_ratio", "face_height_ratio", "facepos"} & values.keys():
        new["face_height_ratio"] = known.face_height_ratio
    return new


def is_unnamed(name: str) -> bool:
    """Tell whether a folder is still called as `classify_characters.py --cluster` made it, such as `cluster_001`."""
    return UNNAMED.fullmatch(name) is not None


def is_ood(name: str) -> bool:
    """Tell whether a reference folder holds people to ignore."""
    return name == OOD or name.startswith(IGNORED)


def refuse_name(name: str, where: Path | str) -> None:
    """Raise UsageError for a character's name that cannot be used in folders and captions; it stands in `where`."""
    if "/" in name or "\\" in name:
        raise errors.UsageError(f"{where}: the name {name!r} holds a slash; call it {paths.safe_name(name)}")
    if name == UNKNOWN or any(sign in name for sign in MEANINGFUL) or not name.strip():
        raise errors.UsageError(f"{where}: the name {name!r} has another meaning, or holds + or a comma; rename it")
    if name != paths.safe_name(name) and len(name) <= LONGEST_NAME:
        raise errors.UsageError(f"{where}: not every system takes the name {name!r}; call it {paths.safe_name(name)}")
    if len(name) > LONGEST_NAME:
        raise errors.UsageError(f"{where}: the name has {len(name)} characters; {LONGEST_NAME} at most, rename it")


@lru_cache(maxsize=2**14)
def folder_name(character: str) -> str:
    """Return the name of a character as it stands in folders; `+` and dots have meanings of their own there."""
    return paths.safe_name(character.replace(".", "").replace("+", " "))
