"""YOLO detectors: what their classes mean, batches, and frames of several shapes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from framekit.boxes import Face, Seen
from framekit.dataset.frames import Unreadable
from framekit.errors import UsageError
from framekit.faces import detect
from framekit.faces.filter import Limits
from framekit.faces.models import InWorker
from framekit.faces.yolo import Letterbox, Yolo, class_names, labels_of, load_yolo, yolo_boxes
from framekit.pixels.decode import Pixels
from tests.conftest import BLACK, BLUE, GREEN, RED, plain, save_frame
from tests.faces.helpers import faces_in

SIDE = 64


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["face"], ["face"]),
        (["head"], ["head"]),
        (["Anime Girl"], ["person"]),
        (["halfbody"], ["halfbody"]),
        (["0"], ["face"]),
        ([""], ["face"]),
        (["person", "bicycle", "car"], ["person", "", ""]),
        (["cat", "dog"], ["", ""]),
    ],
)
def test_what_the_classes_of_a_detector_mean(names: list[str], labels: list[str]) -> None:
    assert labels_of(names) == labels


@pytest.mark.parametrize(
    ("noted", "names"),
    [
        ("{0: 'face', 1: 'head'}", ["face", "head"]),
        ("{1: 'head'}", ["", "head"]),
        ("", ["", ""]),
        ("['face']", ["", ""]),
        ("__import__('os').system('true')", ["", ""]),
    ],
)
def test_names_of_classes_are_read_as_a_literal(noted: str, names: list[str]) -> None:
    assert class_names(noted, 2) == names


def test_boxes_of_different_classes_may_overlap() -> None:
    output = np.array([[32, 32], [32, 32], [20, 20], [20, 20], [0.9, 0.1], [0.1, 0.8]], np.float32)
    found = yolo_boxes(output, ["face", "head"], 0.3, 0.7)
    assert [(round(score, 4), kind) for _, score, kind in found] == [(0.9, 0), (0.8, 1)]
    assert [kind for _, _, kind in yolo_boxes(output, ["", "head"], 0.3, 0.7)] == [1]


class Cells:
    """A model that sees a box in each 16 px cell; class 0 where it is red, class 1 where it is green."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[Any]:
        self.shapes.append(batch.shape)
        count, _, height, width = batch.shape
        means = batch.reshape(count, 3, height // 16, 16, width // 16, 16).mean(axis=(3, 5)).reshape(count, 3, -1)
        y, x = (axis.ravel() * 16 + 8 for axis in np.mgrid[: height // 16, : width // 16])
        boxes = np.broadcast_to(np.stack([x, y, np.full_like(x, 16), np.full_like(x, 16)]), (count, 4, len(x)))
        return np.concatenate([boxes, means[:, :2]], axis=1).astype(np.float32)


def yolo(cells: Cells, *labels: str, one_by_one: bool = False, open_shape: bool = False) -> Yolo:
    return Yolo(Letterbox((SIDE, SIDE), open_shape), cells, labels, 0.9, 0.7, one_by_one)


def block(colour: tuple[int, int, int], x: int, y: int, width: int = SIDE, height: int = SIDE) -> Pixels:
    pixels = plain(BLACK, width, height)
    pixels[y : y + 16, x : x + 16] = colour
    return pixels


def test_a_batch_gives_what_each_frame_gives_alone() -> None:
    frames = [block(RED, 16 * n, 32) for n in range(3)] + [block(BLUE, 0, 0), block(RED, 0, 16, SIDE, 32)]
    cells = Cells()
    detect = yolo(cells, "face", "face")
    together = detect.detect([detect.prepare(one) for one in frames])
    assert cells.shapes == [(5, 3, SIDE, SIDE)]
    assert together == [faces_in(detect, one) for one in frames]
    assert [len(found) for found in together] == [1, 1, 1, 0, 1]


def test_frames_of_other_shapes_run_apart_and_a_fixed_batch_one_by_one() -> None:
    frames = [block(RED, 0, 0), block(RED, 0, 0, SIDE, 32), block(RED, 16, 0, SIDE, 32)]
    cells, single = Cells(), Cells()
    detect = yolo(cells, "face", "face", open_shape=True)
    detect.detect([detect.prepare(one) for one in frames])
    assert cells.shapes == [(1, 3, 64, 64), (2, 3, 32, 64)]
    detect = yolo(single, "face", "face", one_by_one=True)
    detect.detect([detect.prepare(one) for one in frames[:2]])
    assert single.shapes == [(1, 3, 64, 64), (1, 3, 64, 64)]


def test_a_head_stands_for_the_face_that_it_has() -> None:
    [face] = faces_in(yolo(Cells(), "face", "head"), block(GREEN, 16, 16))
    assert face.label == "head"
    left, top, right, bottom = face.box
    assert right - left == pytest.approx(0.25 / 1.7, abs=1e-3)
    assert (left + right) / 2 == pytest.approx(0.375, abs=1e-3)
    assert 0.375 < (top + bottom) / 2 < 0.4


def test_people_are_kept_apart_from_faces() -> None:
    finder = detect.Finder([yolo(Cells(), "face", "person")], [0.5], 0, Limits())
    pixels = block(RED, 16, 16)
    pixels[32:48, 32:48] = GREEN
    [seen] = finder.seen([finder.look(pixels)])
    assert [face.label for face in seen.faces] == ["face"]
    assert [face.label for face in seen.people] == ["person"]


def test_two_detectors_join_and_the_first_one_counts() -> None:
    def other(pixels: Pixels) -> list[Face]:
        return [Face((0.26, 0.26, 0.49, 0.49), 0.99), Face((0.7, 0.7, 0.9, 0.9), 0.8), Face((0.0, 0.7, 0.2, 0.9), 0.2)]

    finder = detect.Finder([yolo(Cells(), "face", ""), InWorker(other)], [0.5, 0.5], 0, Limits())
    [seen] = finder.seen([finder.look(block(RED, 16, 16))])
    assert [(face.box, face.score) for face in seen.faces] == [
        ((0.25, 0.25, 0.5, 0.5), pytest.approx(1)),
        ((0.7, 0.7, 0.9, 0.9), 0.8),
    ]


def test_frames_are_looked_at_in_batches_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [save_frame(tmp_path / f"{n}.png", block(RED if n % 2 else BLUE, 0, 0)) for n in range(5)]
    paths[2].write_bytes(b"broken")
    cells = Cells()
    monkeypatch.setattr(detect, "load_detector", lambda name, settings: yolo(cells, "face", ""))
    results = list(detect.find_faces(paths, detect.Settings("m.onnx"), Limits(), 2, batch_size=3))
    assert [path for path, _ in results] == paths
    assert isinstance(results[2][1], Unreadable)
    assert [len(seen.faces) for _, seen in results if isinstance(seen, Seen)] == [0, 1, 1, 0]
    assert [shape[0] for shape in cells.shapes] == [2, 2]


def test_a_pt_file_without_torch_is_one_sentence(tmp_path: Path) -> None:
    try:
        import torch  # noqa: F401
    except ImportError:
        with pytest.raises(UsageError, match=r"needs torch and ultralytics: install requirements-train\.txt"):
            load_yolo(str(tmp_path / "x.pt"), "cpu", 0.3, 0.7)
    else:
        with pytest.raises(UsageError, match=r"cannot be read"):
            load_yolo(str(tmp_path / "x.pt"), "cpu", 0.3, 0.7)
