"""The sidecar of faces: written, read back, and told from one that a person corrected."""

from pathlib import Path
from typing import Any

from framekit.boxes import FACE, HEAD, Face, Seen, face_at
from framekit.errors import BadSidecar
from framekit.files.atomic import digest, read_json
from framekit.files.names import FACES, sidecar

WRITTEN = "written"  # key of the digest of the faces as a script wrote them


def noted(face: Face) -> dict[str, Any]:
    """Return a face as it stands in the sidecar."""
    return {"box": list(face.box), "score": face.score} | ({"label": face.label} if face.label != FACE else {})


def faces_record(model: str, threshold: float | list[float], seen: Seen) -> dict[str, Any]:
    """Return the content of the faces sidecar; people and dropped faces only where there are any.

    `written` is the digest of the faces, by which hand-corrected ones are told.
    """
    faces = [noted(face) for face in seen.faces]
    record: dict[str, Any] = {"schema": 1, "model": model, "threshold": threshold, "faces": faces}
    if seen.people:
        record["people"] = [noted(face) for face in seen.people]
    if seen.dropped:
        record["dropped"] = [noted(face) | {"reason": reason} for face, reason in seen.dropped]
    return record | {WRITTEN: digest(faces)}


def is_corrected(path: Path) -> bool:
    """Tell whether a sidecar of faces or names was changed since it was written, or comes from elsewhere."""
    try:
        record = read_json(path)
    except BadSidecar:
        return False
    return record.get(WRITTEN) != digest(record.get("faces"))


def read_faces(frame: Path) -> list[Face] | None:
    """Read the faces sidecar of a frame; None if there is none. Raises BadSidecar if it is not as it should be."""
    path = sidecar(frame, FACES)
    if not path.exists():
        return None
    try:
        listed = read_json(path)["faces"]
        boxes = [(*map(float, face["box"]), float(face["score"])) for face in listed]
        labels = [HEAD if face.get("label") == HEAD else FACE for face in listed]
        faces = [
            face_at(left, top, right, bottom, score, label)
            for (left, top, right, bottom, score), label in zip(boxes, labels, strict=True)
        ]
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise BadSidecar(f"{path.name}: its faces need a box of four fractions and a score each") from error
    if not all(0 <= number <= 1 for numbers in boxes for number in numbers):
        raise BadSidecar(f"{path.name}: boxes and scores must be fractions from 0 to 1")
    if any(face.box[0] >= face.box[2] or face.box[1] >= face.box[3] for face in faces):
        raise BadSidecar(f"{path.name}: a box must be [left, top, right, bottom] as fractions")
    return faces


def count_people(frame: Path) -> int:
    """Return how many people a person detector saw on a frame, 0 if none looked. Raises BadSidecar."""
    path = sidecar(frame, FACES)
    people = read_json(path).get("people") if path.exists() else None
    return len(people) if isinstance(people, list) else 0
