"""The sidecar of names, X.characters.json: who is on a frame, and whether a person corrected it there or in X.json."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framekit import boxes, errors
from framekit.boxes import Box
from framekit.errors import BadSidecar
from framekit.files import atomic, names
from framekit.files.atomic import read_json
from framekit.files.names import CHARACTERS, METADATA, nfc, sidecar
from framekit.sidecars import corrections, faces, metadata
from framekit.sidecars.corrections import WRITTEN, digest


def names_record(made: Mapping[str, Any], named: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the content of the characters sidecar.

    `made` says with what it was made: `model`, the digest of `references`, and `settings` by the names of options.
    """
    return {"schema": 1, **made, "faces": list(named), WRITTEN: digest(list(named))}


@dataclass(frozen=True)
class Named:
    """Who is on a frame: the name of each face by its box, and who is inferred from the scene without a face.

    `renamed` is the mark of the renames that the sidecar followed; `scores` say how sure names are, 0 to 1, and
    `runners_up` who comes next, where a script said it.
    """

    names: Mapping[Box, str] = field(default_factory=dict)
    inferred: Sequence[str] = ()
    renamed: Any = 0
    scores: Mapping[Box, float] = field(default_factory=dict)
    runners_up: Mapping[Box, str] = field(default_factory=dict)


def read_names(frame: Path) -> Mapping[Box, str]:
    """Return the name of each face of a frame by its box; empty if nobody named them. Raises BadSidecar."""
    return read_named(frame).names


def read_named(frame: Path) -> Named:
    """Return who is on a frame; nobody if nobody named them. Raises BadSidecar."""
    path = sidecar(frame, CHARACTERS)
    if not path.exists():
        return Named()
    record = read_json(path)
    try:
        named = {tuple(face["box"]): nfc(str(face["name"])) for face in record["faces"]}
        held = {tuple(face["box"]): face.get("score") for face in record["faces"]}
        seconds = {tuple(face["box"]): face.get("runner_up") for face in record["faces"]}
    except (KeyError, TypeError) as error:
        raise BadSidecar(f"{path.name}: its faces need a box and a name each") from error
    scores = {box: float(score) for box, score in held.items() if isinstance(score, int | float)}
    runners_up = {box: nfc(str(one.get("name", ""))) for box, one in seconds.items() if isinstance(one, dict)}
    return Named(named, metadata.texts(record, "inferred"), record.get("renamed"), scores, runners_up)


def corrected_names(frame: Path) -> list[str] | None:
    """Return the names in X.json if a person corrected them or the faces there, else None."""
    path = sidecar(frame, METADATA)
    try:
        values = metadata.read_own(path) if path.exists() else {}
        touched = corrections.edited_fields(values) & {"characters", "facepos", "faces"} if values else set()
        return metadata.texts(values, "characters") if touched else None
    except BadSidecar:
        return None  # generate_metadata.py lists it


def read_record(path: Path) -> dict[str, Any]:
    """Return the content of a sidecar; empty if it is missing or damaged."""
    try:
        return atomic.read_json(path)
    except errors.BadSidecar:
        return {}


def boxes_in(record: dict[str, Any]) -> list[list[float]] | None:
    """Return the boxes that the content of a characters sidecar names; None if it names none."""
    try:
        return [list(face["box"]) for face in record["faces"]]
    except (KeyError, TypeError):
        return None


def known_faces(
    found: Sequence[Path],
) -> tuple[dict[Path, list[boxes.Face]], list[Path], list[tuple[Path, str]]]:
    """Return the faces of each frame, the frames without X.faces.json, and those whose sidecar is damaged."""
    known: dict[Path, list[boxes.Face]] = {}
    undetected: list[Path] = []
    damaged: list[tuple[Path, str]] = []
    for frame in found:
        try:
            seen = faces.read_faces(frame)
        except errors.BadSidecar as error:
            damaged.append((frame, str(error)))
            continue
        if seen is None:
            undetected.append(frame)
        else:
            known[frame] = seen
    return known, undetected, damaged


def is_corrected(frame: Path) -> bool:
    """Tell whether a person corrected the names of a frame, in X.json or in X.characters.json."""
    record = read_record(names.sidecar(frame, names.CHARACTERS))
    edited = WRITTEN in record and corrections.is_edited(record.get("faces"), (record[WRITTEN],))
    return edited or corrected_names(frame) is not None


def write_names(frame: Path, record: Mapping[str, Any], overwrite: bool) -> bool:
    """Write the characters sidecar of a frame, unless a person corrected its names, be it meanwhile.

    With `overwrite`, it is written in any case. Tell whether it was written.
    """
    path = names.sidecar(frame, names.CHARACTERS)
    return atomic.write_unless(path, atomic.json_text(record), lambda: not overwrite and is_corrected(frame))


def is_pending(frame: Path, seen: Sequence[boxes.Face], redo: bool) -> bool:
    """Tell whether a frame is to be named: not yet done, or its faces changed since."""
    named = boxes_in(read_record(names.sidecar(frame, names.CHARACTERS)))
    return redo or named != [list(face.box) for face in seen]


def named_otherwise(done: Iterable[Path], now: Mapping[str, Any]) -> Counter[str]:
    """Count frames whose faces were named otherwise than now, by how, such as `of colour_shape knn`.

    `now` is what `names_record` takes.
    """
    hows = (differing(read_record(names.sidecar(frame, names.CHARACTERS)), now) for frame in done)
    return Counter(how for how in hows if how)


def differing(record: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return how a sidecar was made otherwise than now; "" if it was not, or does not say."""
    if record.get("model") == faces.OF_CROP["model"]:
        return ""
    if record.get("model", now["model"]) != now["model"]:
        return f"of {record['model']}"
    if others := corrections.other_settings(record, now):
        return f"with {' '.join(others)}"
    return "of other references" if record.get("references", now["references"]) != now["references"] else ""
