"""Which faces count, which of them are the same, and which frames have too few or too many."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from framekit import console, errors
from framekit.boxes import (
    HEAD,
    HEAD_LIFT,
    HEAD_SCALE,
    PEOPLE,
    Face,
    Seen,
    area,
    face_at,
    height_of,
    holds_centre,
    overlap,
)
from framekit.dataset import removed
from framekit.faces.models import Detector
from framekit.files import names
from framekit.pixels.decode import Pixels, shrink
from framekit.sidecars import faces as sidecar

# px, longer side; chosen: from what frames are shrunk to down to a quarter, since detectors miss a face that fills the
# image unless it is small.
REFERENCE_SIZES = (640, 320, 224, 160)
FACE_NUMBER = "face_number"  # the reason of frames with too few or too many faces
SAME_PERSON = 0.5  # intersection over union above which two boxes are one person; chosen, as PASCAL VOC counts a hit


def face_of_head(head: Face) -> Face:
    """Return a head with the box of its face, or where the face would be if it is turned away."""
    left, top, right, bottom = head.box
    width, height = (right - left) / HEAD_SCALE, (bottom - top) / HEAD_SCALE
    x, y = (left + right) / 2, (top + bottom) / 2 + HEAD_LIFT * height
    return face_at(x - width / 2, y - height / 2, x + width / 2, y + height / 2, head.score, HEAD)


def same(one: Face, other: Face) -> bool:
    """Return whether two boxes are the same face, by their centres, or the same person, by their overlap."""
    if (one.label in PEOPLE) != (other.label in PEOPLE):
        return False
    if one.label in PEOPLE:
        return overlap(one.box, other.box) > SAME_PERSON
    return holds_centre(one.box, other.box) or holds_centre(other.box, one.box)


def merge_detectors(found: Iterable[Sequence[Face]]) -> list[Face]:
    """Join what several detectors found: the earlier ones take precedence, the later ones add what those missed."""
    merged: list[Face] = []
    for faces in found:
        merged += [face for face in faces if not any(same(face, other) for other in merged)]
    return merged


@dataclass(frozen=True)
class Limits:
    """Which faces count.

    `max_aspect`: longer side over the shorter one, in px; `min_size`: height as a fraction of the frame's;
    `max_faces`: how many, the largest first, 0 for all.
    """

    max_aspect: float = 2.0  # chosen: a square face that the frame's edge cuts in half still counts
    min_size: float = 0.03  # chosen: 32 px at 1080 rows
    max_faces: int = 0


def objection(face: Face, size: tuple[int, int], limits: Limits) -> str:
    """Return why a face does not count, "" if it does. `size` is (width, height) in px."""
    left, top, right, bottom = face.box
    width, height = (right - left) * size[0], (bottom - top) * size[1]
    if width <= 0 or height <= 0:
        return "empty"
    if bottom - top < limits.min_size:
        return f"lower than {limits.min_size:g} of the frame"
    if max(width, height) > limits.max_aspect * min(width, height):
        return f"longer than {limits.max_aspect:g} times its width"
    return ""


def plausible_faces(found: Sequence[Face], size: tuple[int, int], limits: Limits) -> Seen:
    """Sort what was found into faces that count, people, and the rest. `size` is (width, height) in px."""
    found = sorted(found, key=lambda face: face.box)
    people = [face for face in found if face.label in PEOPLE]
    judged = [(face, objection(face, size, limits)) for face in found if face.label not in PEOPLE]
    good = [face for face, reason in judged if not reason]
    dropped = [(face, reason) for face, reason in judged if reason]
    if limits.max_faces and len(good) > limits.max_faces:
        largest = sorted(good, key=height_of, reverse=True)[: limits.max_faces]
        dropped += [(face, f"not among the {limits.max_faces} largest") for face in good if face not in largest]
        good = [face for face in good if face in largest]
    return Seen(good, people, dropped)


def reference_faces(detector: Detector, pixels: Pixels, least: float = 0.0) -> list[Face]:
    """Return the faces of a reference image, the largest first, from the first size at which any are found.

    `least` is the minimum score, 0 to 1.
    """
    for size in REFERENCE_SIZES:
        [faces] = detector.detect([detector.prepare(shrink(pixels, size))])
        if found := [face for face in faces if face.label not in PEOPLE and face.score >= least]:
            return sorted(found, key=area, reverse=True)
    return []


def uncorrected(frames: Sequence[Path]) -> list[Path]:
    """Return the frames whose X.faces.json nobody has corrected by hand."""
    paths = {frame: names.sidecar(frame, names.FACES) for frame in frames}
    return [frame for frame, path in paths.items() if not path.exists() or not sidecar.is_corrected(path)]


def number_objection(number: int, least: int, most: int) -> str:
    """Return what is wrong with a number of faces, "" if nothing is; `most` 0 is no limit."""
    if number < least:
        return f"{console.counted(number, 'face')}, fewer than {least}"
    return f"{console.counted(number, 'face')}, more than {most}" if most and number > most else ""


def frame_objection(frame: Path, least: int, most: int) -> str:
    """Return what is wrong with the number of faces in a frame's sidecar; "" without a readable one."""
    try:
        faces = sidecar.read_faces(frame)
    except errors.BadSidecar:
        return ""  # the step that reads it reports it
    return "" if faces is None else number_objection(len(faces), least, most)


def remove_by_number(frames: Sequence[Path], root: Path, least: int, most: int, dry_run: bool) -> list[Path]:
    """Move frames below `root` with too few or too many faces to .removed; return those that stay."""
    objections = {frame: frame_objection(frame, least, most) for frame in frames}
    for frame, objection in objections.items():
        if objection and not dry_run:
            removed.remove(root, frame, FACE_NUMBER, detail=objection)
    return [frame for frame, objection in objections.items() if not objection]


def removed_by_number(root: Path, least: int, most: int) -> list[str]:
    """Return a sentence for frames that were removed for their number of faces, which is right for limits given now."""
    gone = [where for _, where, record in removed.removed_now(root) if record.get("reason") == FACE_NUMBER]
    number = sum(not frame_objection(where, least, most) for where in gone) if least or most else 0
    if not number:
        return []
    return [
        f"{console.counted(number, 'removed frame')} {'has' if number == 1 else 'have'} a number of faces that is right"
        f" now; remove_similar.py --src_dir {root} --restore {FACE_NUMBER} brings them back, then give this command"
        " again"
    ]
