"""Small datasets for the tests of the steps from tagging to training: frames with sidecars, and tiny ONNX models."""

import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from framekit.dataset import history
from framekit.files.names import mask_of
from framekit.pixels.decode import Pixels, frame_size
from framekit.sidecars.corrections import merge_corrections, metadata_text
from framekit.sidecars.instances import Figure, write_instances
from tests.conftest import plain, save_frame

Box = tuple[float, float, float, float]

MIDDLE: Box = (0.25, 0.25, 0.75, 0.75)

LONG_AGO, LATER = 1_600_000_000, 1_700_000_000  # seconds; times of files, years apart

COLUMNS = ("tag_id", "name", "category", "count")  # of selected_tags.csv


def add_frame(path: Path, pixels: Pixels | None = None, **metadata: Any) -> Path:
    """Write a frame, plain unless pixels are given; with any fields also its X.json as generated; return its path."""
    save_frame(path, plain((90, 120, 150), 8, 6) if pixels is None else pixels)
    if metadata:
        add_text(path, ".json", metadata_text(merge_corrections(None, metadata)[0]))
    return path


def add_text(frame: Path, suffix: str, text: str) -> Path:
    """Write a file beside a frame: `X.png.tags` for `.tags`, `X<suffix>` else; return its path."""
    path = frame.with_name((frame.name if suffix == ".tags" else frame.stem) + suffix)
    path.write_text(text, encoding="utf-8")
    return path


def add_json(frame: Path, suffix: str, value: Any) -> Path:
    """Write a JSON file beside a frame; return its path."""
    return add_text(frame, suffix, json.dumps(value))


def add_faces(frame: Path, *boxes: Box, model: str = "animeface") -> Path:
    """Write X.faces.json as detect_faces.py does; return its path."""
    found = [{"box": list(box), "score": 0.9} for box in boxes]
    return add_json(frame, ".faces.json", {"schema": 1, "model": model, "threshold": 0.7, "faces": found})


def add_names(frame: Path, named: Mapping[Box, str]) -> Path:
    """Write X.characters.json as classify_characters.py does; return its path."""
    found = [{"box": list(box), "name": name, "score": 0.9, "runner_up": None} for box, name in named.items()]
    return add_json(frame, ".characters.json", {"schema": 1, "model": "m", "references": "r", "faces": found})


def labels(*rows: Sequence[int]) -> bytes:
    """Return a label picture of these rows as PNG."""
    written = BytesIO()
    Image.fromarray(np.array(rows, np.uint8)).save(written, "PNG")
    return written.getvalue()


def add_figures(frame: Path, mask: bytes = b"", label: int = 1) -> Path:
    """Write X.instances.json and the label picture as segment_characters.py does; return the picture's path.

    Without `mask` the picture has the frame's size, its left half is the figure.
    """
    width, height = frame_size(frame) or [8, 6]
    mask = mask or labels(*[[label if column < width // 2 else 0 for column in range(width)]] * height)
    figure = Figure(label, (0.0, 0.0, 0.5, 1.0), 0.5, model="grabcut")
    assert write_instances(frame, {"model": "grabcut", "settings": {}}, [figure], mask)
    return mask_of(frame)


def loaded(frame: Path, suffix: str = ".json") -> dict[str, Any]:
    """Return what a JSON file beside a frame holds."""
    value: dict[str, Any] = json.loads(frame.with_name(frame.stem + suffix).read_text(encoding="utf-8"))
    return value


def correct(frame: Path, **fields: Any) -> None:
    """Change fields of X.json as a person does with an editor, and later than anything else was written."""
    set_time(add_json(frame, ".json", loaded(frame) | fields), LATER)


def set_time(path: Path, seconds: int) -> Path:
    """Set the time of the last change of a file; return its path."""
    os.utime(path, (seconds, seconds))
    return path


def age(folder: Path) -> None:
    """Make all files below a folder old."""
    for path in folder.rglob("*"):
        if path.is_file():
            set_time(path, LONG_AGO)


def frames_in(folder: Path) -> list[str]:
    """Return the relative paths of the PNG frames below a folder; those in hidden folders are left out."""
    found = (path.relative_to(folder) for path in folder.rglob("*.png"))
    return sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))


def names_in(folder: Path) -> list[str]:
    """Return the names of everything directly in a folder, but for its commands."""
    return sorted(path.name for path in folder.iterdir() if path.name != history.LOG)


def save_model(path: Path, shape: Sequence[int | str], nodes: Iterable[Any], **constants: NDArray[Any]) -> Path:
    """Write an ONNX file with the float or uint8 input `input` and the float output `output`.

    The input is uint8 if `shape` begins with "uint8". The constants are named as the nodes use them.
    """
    byte = shape[0] == "uint8"
    dimensions = list(shape[1:] if byte else shape)
    given = helper.make_tensor_value_info("input", TensorProto.UINT8 if byte else TensorProto.FLOAT, dimensions)
    result = helper.make_tensor_value_info("output", TensorProto.FLOAT, None)
    held = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(list(nodes), "small", [given], [result], held)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def save_tagger(
    folder: Path, tags: Sequence[tuple[str, int]], spots: Sequence[int], side: int = 4, batch: int | str = "n"
) -> Path:
    """Write a tagger whose n-th score is the n-th of `spots` of its input over 255; return its folder.

    A spot is an index into the (side, side, 3) input: 3 * (side * row + column) + channel.
    """
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"], axis=1),
        helper.make_node("Gather", ["flat", "spots"], ["picked"], axis=1),
        helper.make_node("Div", ["picked", "white"], ["output"]),
    ]
    spots_held, white = np.array(spots, np.int64), np.array(255, np.float32)
    save_model(folder / "model.onnx", [batch, side, side, 3], nodes, spots=spots_held, white=white)
    save_tag_list(
        folder / "selected_tags.csv", [(number, name, category) for number, (name, category) in enumerate(tags)]
    )
    return folder


def save_tag_list(path: Path, rows: Iterable[tuple[int, str, int]]) -> Path:
    """Write selected_tags.csv with the columns of the WD taggers; return its path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *([*row, 1] for row in rows)])
    return path
