"""The sidecar of figures, X.instances.json, and their label picture: written, read back, and whether corrected."""

import errno
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit.boxes import Box, Face
from framekit.errors import BadSidecar
from framekit.files import atomic
from framekit.files.atomic import read_json
from framekit.files.names import INSTANCES, mask_of, sidecar
from framekit.sidecars import characters, corrections
from framekit.sidecars.corrections import WRITTEN, digest, is_edited

CHARACTER, OBJECT, BACKGROUND, PARTIAL = CATEGORIES = ("character", "object", "background", "partial")
MOST_FIGURES = 255  # what 8 bits can tell apart


@dataclass(frozen=True)
class Figure:
    """One figure of a frame: its label in the picture of labels, its box and its area as fractions of the frame.

    `faces` are the boxes of the faces that it holds, as X.faces.json has them; `score` is 0 to 1; `model` is what found
    it; `category` is one of CATEGORIES; one that is not `kept` stands in no layer and no mask for trainers. `track` is
    the same number for the same figure through a shot, 0 where nobody followed it.
    """

    label: int
    box: Box
    area: float
    faces: tuple[Box, ...] = ()
    score: float = 1.0
    model: str = ""
    category: str = CHARACTER
    kept: bool = True
    track: int = 0

    @property
    def is_used(self) -> bool:
        """Whether it is cut out: it is kept, and not what somebody called background."""
        return self.kept and self.category != BACKGROUND


def noted(figure: Figure) -> dict[str, Any]:
    """Return a figure as the sidecar holds it."""
    held: dict[str, Any] = {"label": figure.label, "box": list(figure.box), "area": figure.area}
    held |= {"faces": [list(box) for box in figure.faces], "score": figure.score, "model": figure.model}
    held |= {"category": figure.category, "kept": figure.kept}
    return held | ({"track": figure.track} if figure.track else {})


def instances_record(made: Mapping[str, Any], figures: Sequence[Figure], mask: bytes) -> dict[str, Any]:
    """Return the content of the sidecar of figures.

    `made` says with what it was made: `model`, `settings` by the names of options, and the boxes of the faces that were
    there to look with, as `looked`; `mask` are the bytes of the label picture. `written` and `mask` are digests:
    where one no longer fits, a person corrected the figures.
    """
    listed = [noted(figure) for figure in figures]
    return {"schema": 1, **made, "figures": listed, "mask": digest_of(mask), WRITTEN: digest(listed)}


def digest_of(mask: bytes) -> str:
    """Return 12 hex digits that change when the bytes of a label picture change."""
    return hashlib.sha256(mask).hexdigest()[:12]


def write_instances(
    frame: Path, made: Mapping[str, Any], figures: Sequence[Figure], mask: bytes, overwrite: bool = False
) -> bool:
    """Write the sidecar and the label picture of a frame, unless a person corrected one; tell whether they were.

    `mask` are the bytes of a PNG; with `overwrite` they are written in any case. What is there already is not written
    again. A kill leaves a frame without the sidecar, which is done again.
    """
    path, picture = sidecar(frame, INSTANCES), mask_of(frame)
    if picture.parent.is_symlink():
        raise OSError(errno.ELOOP, "is a link", str(picture.parent))
    if not overwrite and is_corrected(frame):
        return False
    record = instances_record(made, figures, mask)
    if characters.read_record(path) == json.loads(atomic.json_text(record)) and atomic.bytes_of(picture) == mask:
        return True
    path.unlink(missing_ok=True)  # first: a new picture beside the old sidecar would pass for a correction
    picture.parent.mkdir(exist_ok=True)
    atomic.write_whole(picture, mask)
    atomic.write_json(path, record)
    return True


def is_pending(frame: Path, seen: Sequence[Face], redo: bool) -> bool:
    """Tell whether figures of a frame are to be found: not yet done, its label picture lost, or its faces changed.

    A damaged sidecar may hold what a person corrected: it is not done again unasked.
    """
    path = sidecar(frame, INSTANCES)
    if redo or not path.exists():
        return True
    record = characters.read_record(path)
    is_lost = not mask_of(frame).exists() and not damaged([frame])
    return is_lost or ("looked" in record and record["looked"] != [list(face.box) for face in seen])


def damaged(done: Iterable[Path]) -> list[tuple[Path, str]]:
    """Return the frames whose sidecar is malformed, with the reason."""
    listed = []
    for frame in sorted(done):
        try:
            read_figures(frame)
        except BadSidecar as error:
            listed.append((frame, str(error)))
    return listed


def found_otherwise(done: Iterable[Path], now: Mapping[str, Any]) -> Counter[str]:
    """Count frames whose figures were found otherwise than now, by how, such as `of isnetis`; corrected ones stay.

    `now` is what `instances_record` takes.
    """
    hows = Counter[str]()
    for frame in done:
        record = characters.read_record(sidecar(frame, INSTANCES))
        others = corrections.other_settings(record, now)
        model = record.get("model", now["model"])
        how = f"of {model}" if model != now["model"] else f"with {' '.join(others)}" if others else ""
        if how and not is_corrected(frame):
            hows[how] += 1
    return hows


def is_corrected(frame: Path) -> bool:
    """Tell whether a person edited the figures of a frame, in the sidecar or in the label picture."""
    try:
        record = read_json(sidecar(frame, INSTANCES))
    except BadSidecar:
        return False
    mask = mask_of(frame)
    held = None if mask.parent.is_symlink() else atomic.bytes_of(mask)
    painted = held is not None and digest_of(held) != record.get("mask")
    return painted or is_edited(record.get("figures"), (record.get(WRITTEN),))


def noted_anew(record: Mapping[str, Any], before: bytes, now: bytes) -> dict[str, Any] | None:
    """Return the content of a sidecar whose label picture is written in another size; None if it stays as it is.

    `before` and `now` are the bytes of the picture. One that a person painted counts as painted in the new size too.
    """
    return {**record, "mask": digest_of(now)} if record.get("mask") == digest_of(before) else None


def read_figures(frame: Path) -> list[Figure] | None:
    """Return the figures of a frame; None if nobody looked for any. Raises BadSidecar if the sidecar is malformed."""
    path = sidecar(frame, INSTANCES)
    return figures_in(read_json(path), path.name) if path.exists() else None


def figures_in(record: Mapping[str, Any], name: str) -> list[Figure]:
    """Return the figures that a sidecar of this name holds. Raises BadSidecar if it is malformed."""
    try:
        figures = [figure_in(held) for held in record["figures"]]
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise BadSidecar(
            f"{name}: its figures need a label and a box of four fractions each, and kept is true or false"
        ) from error
    if len({figure.label for figure in figures}) < len(figures):
        raise BadSidecar(f"{name}: two of its figures have one label")
    for figure in figures:
        if not 1 <= figure.label <= MOST_FIGURES:
            raise BadSidecar(f"{name}: labels of figures are whole numbers from 1 to {MOST_FIGURES}")
        if figure.category not in CATEGORIES:
            raise BadSidecar(f"{name}: a category is one of {', '.join(CATEGORIES)}")
        boxes = (figure.box, *figure.faces)
        if not all(0 <= edge <= 1 for box in boxes for edge in box):
            raise BadSidecar(f"{name}: boxes must be fractions from 0 to 1")
        if any(box[0] >= box[2] or box[1] >= box[3] for box in boxes):
            raise BadSidecar(f"{name}: a box must be [left, top, right, bottom] as fractions")
    return figures


def figure_in(held: Mapping[str, Any]) -> Figure:
    """Return one figure of a sidecar. Raises KeyError, TypeError or ValueError where something is missing or wrong."""
    return Figure(
        label=whole(held["label"]),
        box=box_in(held["box"]),
        area=float(held.get("area", 0.0)),
        faces=tuple(box_in(box) for box in held.get("faces", ())),
        score=float(held.get("score", 1.0)),
        model=str(held.get("model", "")),
        category=str(held.get("category", CHARACTER)),
        kept=flag(held.get("kept", True)),
        track=whole(held.get("track", 0)),
    )


def flag(value: Any) -> bool:
    """Return true or false. Raises ValueError for another value, such as a text."""
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


def whole(value: Any) -> int:
    """Return a whole number. Raises ValueError for another value."""
    if isinstance(value, bool) or int(value) != value:
        raise ValueError(value)
    return int(value)


def box_in(value: Sequence[Any]) -> Box:
    """Return a box of four numbers. Raises ValueError for another number of them."""
    left, top, right, bottom = map(float, value)
    return left, top, right, bottom
