"""The sidecar of faces, X.faces.json: written, read back, and whether a person corrected it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from framekit.boxes import FACE, HEAD, PEOPLE, Face, Seen, face_at
from framekit.errors import BadSidecar
from framekit.files import atomic
from framekit.files.atomic import read_json
from framekit.files.names import FACES, sidecar
from framekit.sidecars import corrections
from framekit.sidecars.corrections import WRITTEN, digest, is_edited

BY_HAND = "by hand"  # in place of a model, where a person began a sidecar
OF_CROP = {"model": "crop", "threshold": 0.0}  # with what faces of crops were made: they are those of their frame


def noted(face: Face) -> dict[str, Any]:
    """Return a face as the sidecar holds it."""
    return {"box": list(face.box), "score": face.score} | ({"label": face.label} if face.label != FACE else {})


def faces_record(made: Mapping[str, Any], seen: Seen) -> dict[str, Any]:
    """Return the content of the faces sidecar; people and dropped faces only where there are any.

    `made` says with what it was made: `model`, `threshold`, and `settings` by the names of options.
    `written` is the digest of the faces: where it no longer fits them, a person corrected them.
    """
    faces = [noted(face) for face in seen.faces]
    record: dict[str, Any] = {"schema": 1, **made, "faces": faces}
    if seen.people:
        record["people"] = [noted(face) for face in seen.people]
    if seen.dropped:
        record["dropped"] = [noted(face) | {"reason": reason} for face, reason in seen.dropped]
    return record | {WRITTEN: digest(faces)}


def is_corrected(path: Path) -> bool:
    """Tell whether a person edited a faces sidecar, or another program wrote it; one that is damaged or gone is not."""
    try:
        record = read_json(path)
    except BadSidecar:
        return False
    return is_edited(record.get("faces"), (record.get(WRITTEN),))


def write_faces(frame: Path, record: Mapping[str, Any], overwrite: bool) -> bool:
    """Write the faces sidecar of a frame, unless a person corrected it, be it meanwhile; tell whether it was written.

    With `overwrite`, it is written in any case.
    """
    path = sidecar(frame, FACES)
    return atomic.write_unless(path, atomic.json_text(record), lambda: not overwrite and is_corrected(path))


def detected_otherwise(frames: Iterable[Path], now: Mapping[str, Any]) -> Counter[str]:
    """Count frames whose faces were found otherwise than now, by how, such as `of animeface`; corrected ones stay.

    `now` is what `faces_record` takes.
    """
    kinds: Counter[str] = Counter()
    for path in (sidecar(frame, FACES) for frame in frames):
        try:
            record = read_json(path)
        except BadSidecar:
            continue  # the step that reads it lists it
        how = differing(record, now)
        if how and not is_edited(record.get("faces"), (record.get(WRITTEN),)):
            kinds[how] += 1
    return kinds


def differing(record: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return how a sidecar was made otherwise than now; "" if it was not, or does not say."""
    if record.get("model") == OF_CROP["model"]:
        return ""
    if record.get("model", now["model"]) != now["model"]:
        return f"of {record['model']}"
    if record.get("threshold", now["threshold"]) != now["threshold"]:
        return f"with --score_threshold {record['threshold']}"
    others = corrections.other_settings(record, now)
    return f"with {' '.join(others)}" if others else ""


def read_faces(frame: Path) -> list[Face] | None:
    """Read the faces sidecar of a frame; None if there is none. Raises BadSidecar if it is malformed."""
    path = sidecar(frame, FACES)
    return faces_in(read_json(path), path.name) if path.exists() else None


def read_seen(frame: Path) -> Seen | None:
    """Read all that the faces sidecar of a frame holds; None if there is none. Raises BadSidecar if it is malformed."""
    path = sidecar(frame, FACES)
    if not path.exists():
        return None
    record = read_json(path)
    people, dropped = ({"faces": record.get(key) or []} for key in ("people", "dropped"))
    reasons = [str(face.get("reason", "")) for face in dropped["faces"] if isinstance(face, dict)]
    return Seen(
        faces_in(record, path.name),
        faces_in(people, path.name),
        list(zip(faces_in(dropped, path.name), reasons, strict=True)),
    )


def faces_in(record: Mapping[str, Any], name: str) -> list[Face]:
    """Return the faces that a sidecar of this name holds. Raises BadSidecar if it is malformed."""
    try:
        listed = record["faces"]
        boxes = [(*map(float, face["box"]), float(face["score"])) for face in listed]
        labels = [HEAD if face.get("label") == HEAD else FACE for face in listed]
        faces = [
            face_at(left, top, right, bottom, score, label)
            for (left, top, right, bottom, score), label in zip(boxes, labels, strict=True)
        ]
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise BadSidecar(f"{name}: its faces need a box of four fractions and a score each") from error
    if not all(0 <= number <= 1 for numbers in boxes for number in numbers):
        raise BadSidecar(f"{name}: boxes and scores must be fractions from 0 to 1")
    if any(face.box[0] >= face.box[2] or face.box[1] >= face.box[3] for face in faces):
        raise BadSidecar(f"{name}: a box must be [left, top, right, bottom] as fractions")
    return faces


def read_people(frame: Path) -> list[Face]:
    """Return the people that a person detector saw on a frame; none without one. Raises BadSidecar."""
    path = sidecar(frame, FACES)
    listed = read_json(path).get("people", []) if path.exists() else []
    try:
        labels = [str(one.get("label")) for one in listed]
        found = faces_in({"faces": listed}, path.name)
    except (AttributeError, TypeError) as error:
        raise BadSidecar(f"{path.name}: its people need a box of four fractions and a score each") from error
    return [replace(one, label=label) for one, label in zip(found, labels, strict=True) if label in PEOPLE]


def count_people(record: Mapping[str, Any]) -> int:
    """Return how many people the content of a faces sidecar holds, 0 if no person detector looked."""
    people = record.get("people")
    return len(people) if isinstance(people, list) else 0
