"""Small painted datasets of shots with figures and faces, for tests of what finds figures and cuts them out."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from extras import segment_characters
from framekit.boxes import Face, Seen
from framekit.boxes import face_at as face_of
from framekit.figures import look
from framekit.figures.features import places_of
from framekit.files.names import INSTANCES, mask_of, sidecar
from framekit.layers import inpaint
from framekit.pixels.decode import Pixels
from framekit.sidecars.faces import faces_record, write_faces
from tests.conftest import save_frame
from tests.helpers_dataset import Box, add_names
from tests.helpers_plates import painted

WIDTH, HEIGHT = 96, 54
TOP, SIDE = 12, 12  # px, of a face
SKIN = (250, 220, 200)
COLOURS = ((230, 60, 60), (60, 90, 230), (60, 200, 80))


def face_box(x: int) -> Box:
    """Return the box of the face whose left edge is in this column."""
    return face_of(x / WIDTH, TOP / HEIGHT, (x + SIDE) / WIDTH, (TOP + SIDE) / HEIGHT, 1.0).box


def drawn(columns: Sequence[int]) -> Pixels:
    """Return a frame with a figure at each of these columns: a head, and a body down to the lower edge."""
    pixels = painted(3, HEIGHT, WIDTH)
    for number, x in enumerate(columns):
        pixels[TOP : TOP + SIDE, x : x + SIDE] = SKIN
        pixels[TOP + SIDE :, x - 3 : x + SIDE + 3] = COLOURS[number]
    return pixels


def add_shot(
    folder: Path, name: str, columns: Sequence[Sequence[int]], scene: int, names: Sequence[str] = ()
) -> list[Path]:
    """Write frames `name`0.png, `name`1.png … of one shot, with their faces, names and record; return their paths."""
    path = folder / ".frames.json"
    begun: dict[str, Any] = {"schema": 1, "frames": {}}
    record: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else begun
    record |= {"video": "v.mkv", "episode": 1, "prefix": "s"}
    frames = []
    for number, own in enumerate(columns):
        frame = save_frame(folder / f"{name}{number}.png", drawn(own))
        source = {"time": 100.0 * scene + number, "source_frame": 100 * scene + 3 * number, "scene": scene}
        record["frames"][frame.stem] = source
        set_faces(frame, *map(face_box, own))
        if names:
            add_names(frame, dict(zip(map(face_box, own), names, strict=False)))
        frames.append(frame)
    path.write_text(json.dumps(record), encoding="utf-8")
    return frames


def set_faces(frame: Path, *boxes: Box) -> None:
    """Write X.faces.json as detect_faces.py does."""
    seen = Seen([Face(box, 0.9) for box in boxes], [], [])
    write_faces(frame, faces_record({"model": "animeface", "threshold": 0.7}, seen), overwrite=True)


def quick_likelihood(pixels: Pixels, faces: Sequence[Face]) -> NDArray[np.float32]:
    """Return how likely places are of a figure, as `figure_likelihood` does, by the faces alone."""
    shape = pixels.shape[0], pixels.shape[1]
    likely = np.where(places_of(faces, shape).sure, np.float32(0.9), np.float32(0))
    for face in faces:
        left, _, right, bottom = (round(edge * side) for edge, side in zip(face.box, shape[::-1] * 2, strict=True))
        part = likely[bottom:, max(0, left - 3) : right + 3]
        np.maximum(part, 0.7, out=part)
    return np.asarray(likely, np.float32)


def quick_fill(_: str, __: str) -> Callable[[Pixels, NDArray[np.bool_]], Pixels]:
    """Return what fills holes with one colour."""
    return lambda pixels, hole: np.where(hole[..., None], np.uint8(90), pixels)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find figures without the trees, and fill holes with one colour: neither is what a test is about."""
    monkeypatch.setattr(look, "figure_likelihood", quick_likelihood)
    monkeypatch.setattr(inpaint, "load_fill", quick_fill)


def segment(folder: Path, *words: str | Path) -> int:
    """Run the script on a folder."""
    return segment_characters.main([str(folder), "--workers", "1", *map(str, words)])


def edit(frame: Path, number: int = 0, **values: Any) -> None:
    """Change a figure of a frame as a person does in an editor."""
    path = sidecar(frame, INSTANCES)
    record = json.loads(path.read_text("utf-8"))
    record["figures"][number] |= values
    path.write_text(json.dumps(record, indent=4), "utf-8")


def paint(frame: Path, columns: slice, label: int) -> bytes:
    """Paint columns of the label picture of a frame as a person does; return its bytes."""
    picture = np.array(Image.open(mask_of(frame)))
    picture[:, columns] = label
    Image.fromarray(picture).save(mask_of(frame))
    return mask_of(frame).read_bytes()


def labels_of(frame: Path) -> NDArray[np.uint8]:
    """Return the label picture of a frame."""
    return np.array(Image.open(mask_of(frame)), np.uint8)


def held(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file below a folder, but for its commands."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".commands.jsonl")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
