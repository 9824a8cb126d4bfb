"""Models that find single things with masks: YOLO segmentation and RTMDet-Ins, made small."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import helper

from framekit.errors import UsageError
from framekit.figures.instances import Instances, are_people
from framekit.figures.segment import Settings, load_segmenter
from framekit.pixels.decode import Pixels
from tests.conftest import BLACK, GREEN, RED, one_sentence, plain
from tests.helpers_segmenters import FLOAT, save_graph, seen

SIDE = 64
LEFT, RIGHT = (16, 32, 32, 64), (48, 32, 32, 64)  # boxes of the halves of the input: centre and size in px


def save_yolo(path: Path, boxes: Sequence[tuple[int, int, int, int]], names: str, batch: int | str = "n") -> Path:
    """Write a YOLO of two classes and two prototypes: the red of the upper left pixel is the score of the first class.

    The n-th box of class n has the n-th prototype as its mask: red above half, then green above half, at 16 x 16 px.
    """
    count = len(boxes)
    fixed = np.array(boxes, np.float32).T[None]
    coefficients = np.eye(2, dtype=np.float32)[:, [n % 2 for n in range(count)]][None]
    classes = np.eye(2, dtype=np.float32)[:, [n % 2 for n in range(count)]][None]
    nodes = [
        helper.make_node("Slice", ["images", "zero", "one", "last"], ["rows"]),
        helper.make_node("Slice", ["rows", "zero", "one", "second"], ["column"]),
        helper.make_node("Gather", ["column", "zero"], ["corner"], axis=1),
        helper.make_node("Reshape", ["corner", "spots"], ["score"]),
        helper.make_node("Mul", ["score", "classes"], ["scores"]),
        helper.make_node("Mul", ["score", "nil"], ["none"]),
        helper.make_node("Add", ["none", "boxes"], ["places"]),
        helper.make_node("Add", ["none", "coefficients"], ["weights"]),
        helper.make_node("Concat", ["places", "scores", "weights"], ["output0"], axis=1),
        helper.make_node("Gather", ["images", "colours"], ["both"], axis=1),
        helper.make_node("AveragePool", ["both"], ["small"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Sub", ["small", "half"], ["output1"]),
    ]
    return save_graph(
        path,
        [("images", FLOAT, [batch, 3, SIDE, SIDE])],
        [("output0", FLOAT, [batch, 8, count]), ("output1", FLOAT, [batch, 2, 16, 16])],
        nodes,
        {"names": names},
        zero=np.array([0]), one=np.array([1]), last=np.array([2]), second=np.array([3]), spots=np.array([-1, 1, 1]),
        nil=np.array(0, np.float32), boxes=fixed, classes=classes, coefficients=coefficients,
        colours=np.array([0, 1]), half=np.array(0.5, np.float32),
    )  # fmt: skip


def load(path: Path, min_score: float = 0.3) -> Instances:
    found = load_segmenter(Settings(str(path), "cpu", min_score=min_score))
    assert isinstance(found, Instances)
    return found


def scene() -> Pixels:
    """Return a frame whose left half is red and whose lower right quarter is green."""
    pixels = plain(BLACK, SIDE, SIDE)
    pixels[:, :32] = RED
    pixels[32:, 32:] = GREEN
    return pixels


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def test_each_thing_has_its_mask_score_and_kind(tmp_path: Path) -> None:
    [found] = seen(load(save_yolo(tmp_path / "x.onnx", [LEFT, RIGHT], "{0: 'person', 1: 'sword'}")), scene())
    assert found.probability is None
    person, sword = found.masks
    assert (person.is_person, sword.is_person) == (True, False)
    assert person.score == sword.score == pytest.approx(1)
    assert box_of(person.pixels) == (0, 0, 32, 64)
    assert box_of(sword.pixels) == pytest.approx((32, 32, 64, 64), abs=2)
    assert person.pixels[:, :30].all()


def test_a_mask_ends_with_its_box(tmp_path: Path) -> None:
    [found] = seen(load(save_yolo(tmp_path / "x.onnx", [(16, 16, 16, 16)], "{0: 'girl', 1: 'x'}")), scene())
    assert box_of(found.masks[0].pixels) == (8, 8, 24, 24)


def test_masks_lie_in_the_frame_and_not_in_the_letterbox(tmp_path: Path) -> None:
    segmenter = load(save_yolo(tmp_path / "x.onnx", [(32, 32, 64, 64)], "{0: 'person', 1: 'x'}"), 0.1)
    pixels = plain(BLACK, 320, 160)  # its corner in the input is grey, which is a score of 0.45
    pixels[:, 80:160] = RED
    [found] = seen(segmenter, pixels)
    assert found.masks[0].pixels.shape == (160, 320)
    assert box_of(found.masks[0].pixels) == pytest.approx((80, 0, 160, 160), abs=10)


def test_a_batch_gives_what_each_frame_gives_alone(tmp_path: Path) -> None:
    frames = [scene(), plain(BLACK, SIDE, SIDE), scene()[:, ::-1].copy(), plain(RED, SIDE, SIDE)]
    for batch in ("n", 1):
        segmenter = load(save_yolo(tmp_path / f"{batch}.onnx", [LEFT, RIGHT], "{0: 'person', 1: 'x'}", batch))
        together = seen(segmenter, *frames)
        assert [len(found.masks) for found in together] == [2, 0, 0, 2]
        for frame, found in zip(frames, together, strict=True):
            [alone] = seen(segmenter, frame)
            assert [one.score for one in alone.masks] == [one.score for one in found.masks]
            for one, other in zip(alone.masks, found.masks, strict=True):
                assert np.array_equal(one.pixels, other.pixels)


def test_boxes_that_are_one_give_one_mask_and_weak_ones_none(tmp_path: Path) -> None:
    path = save_yolo(tmp_path / "x.onnx", [LEFT, RIGHT, LEFT], "{0: 'person', 1: 'x'}")
    assert len(seen(load(path), scene())[0].masks) == 2
    half = scene()
    half[0, 0] = (100, 0, 0)
    assert len(seen(load(path, 0.3), half)[0].masks) == 2
    assert len(seen(load(path, 0.5), half)[0].masks) == 0


@pytest.mark.parametrize(
    ("names", "people"),
    [
        (["person", "bicycle"], [True, False]),
        (["Anime Girl", "sword"], [True, False]),
        (["man", "woman", "mantle"], [True, True, False]),
        (["0"], [True]),
        (["", ""], [False, False]),
    ],
)
def test_which_classes_are_people(names: list[str], people: list[bool]) -> None:
    assert are_people(names) == people


def test_a_model_that_joins_boxes_itself(tmp_path: Path) -> None:
    rows = np.array([[[0, 0, 32, 64, 0.9, 0, 1, 0], [32, 32, 64, 64, 0.2, 1, 0, 1]]], np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Squeeze", ["mean", "axis"], ["flat"]),
        helper.make_node("Mul", ["flat", "nil"], ["none"]),
        helper.make_node("Add", ["none", "held"], ["output0"]),
        helper.make_node("Gather", ["images", "colours"], ["both"], axis=1),
        helper.make_node("Sub", ["both", "half"], ["output1"]),
    ]
    path = save_graph(
        tmp_path / "x.onnx", [("images", FLOAT, ["n", 3, SIDE, SIDE])],
        [("output0", FLOAT, ["n", 2, 8]), ("output1", FLOAT, ["n", 2, SIDE, SIDE])], nodes,
        {"names": "{0: 'person', 1: 'x'}"}, nil=np.array(0, np.float32), held=rows, colours=np.array([0, 1]),
        half=np.array(0.5, np.float32), axis=np.array([3]),
    )  # fmt: skip
    [found] = seen(load(path), scene())
    [mask] = found.masks
    assert mask.score == pytest.approx(0.9)
    assert mask.is_person
    assert box_of(mask.pixels) == (0, 0, 32, 64)


def test_rtmdet_takes_bgr_and_gives_masks_of_characters(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Gather", ["input", "blue"], ["mask"], axis=1),
        helper.make_node("Sigmoid", ["mask"], ["likely"]),
        helper.make_node("Concat", ["likely", "likely"], ["masks"], axis=1),
        helper.make_node("Identity", ["held"], ["dets"]),
    ]
    held = np.array([[[0, 0, 32, 64, 0.8], [0, 0, 64, 64, 0.1]]], np.float32)
    path = save_graph(
        tmp_path / "base.onnx", [("input", FLOAT, [1, 3, SIDE, SIDE])],
        [("dets", FLOAT, [1, 2, 5]), ("masks", FLOAT, [1, 2, SIDE, SIDE])], nodes, held=held, blue=np.array([2]),
    )  # fmt: skip
    [found] = seen(load(path), scene())  # red is last in BGR
    [mask] = found.masks
    assert mask.score == pytest.approx(0.8)
    assert mask.is_person
    assert box_of(mask.pixels) == (0, 0, 32, 64)


@pytest.mark.parametrize(("rows", "prototypes"), [([1, 5, 20], [1, 2, 16, 16]), ([1, 20, 7], [1, 32, 16, 16])])
def test_a_yolo_of_another_generation_is_one_sentence(tmp_path: Path, rows: list[int], prototypes: list[int]) -> None:
    nodes = [helper.make_node("Identity", ["a"], ["output0"]), helper.make_node("Identity", ["b"], ["output1"])]
    path = save_graph(
        tmp_path / "x.onnx", [("images", FLOAT, [1, 3, SIDE, SIDE])],
        [("output0", FLOAT, rows), ("output1", FLOAT, prototypes)], nodes,
        a=np.zeros(rows, np.float32), b=np.zeros(prototypes, np.float32),
    )  # fmt: skip
    with pytest.raises(UsageError, match="is no YOLO segmentation of version 8 or later") as caught:
        load(path)
    one_sentence(str(caught.value))


def test_an_input_that_is_no_frame_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", ["a"], ["dets"]), helper.make_node("Identity", ["b"], ["masks"])]
    path = save_graph(
        tmp_path / "x.onnx", [("input", FLOAT, [1, 9])],
        [("dets", FLOAT, [1, 1, 5]), ("masks", FLOAT, [1, 1, 4, 4])], nodes,
        a=np.zeros((1, 1, 5), np.float32), b=np.zeros((1, 1, 4, 4), np.float32),
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"masks are read of models of \(N, 3, height, width\)"):
        load(path)
