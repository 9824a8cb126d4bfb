"""What a face looks like, as numbers."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx import TensorProto, helper

from framekit.boxes import Face
from framekit.characters import descriptors
from framekit.errors import UsageError
from framekit.faces import crops
from framekit.pixels.decode import Pixels
from tests.conftest import patchwork, plain
from tests.helpers_dataset import save_model

PINK, NAVY, SKIN = (240, 130, 190), (40, 40, 90), (255, 224, 200)


def head(hair: tuple[int, int, int], side: int = 96) -> Pixels:
    """Draw a head with a tail of hair on one side only."""
    pixels = plain((200, 210, 215), 96, 96)
    cv2.ellipse(pixels, (48, 44), (36, 40), 0, 0, 360, hair, -1)
    cv2.ellipse(pixels, (80, 60), (10, 30), 0, 0, 360, hair, -1)
    cv2.ellipse(pixels, (46, 54), (26, 26), 0, 0, 360, SKIN, -1)
    for x in (36, 58):
        cv2.ellipse(pixels, (x, 54), (5, 7), 0, 0, 360, (60, 90, 200), -1)
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def alike(one: Pixels, other: Pixels) -> float:
    return float(descriptors.describe_head(one) @ descriptors.describe_head(other))


def test_unit_vectors() -> None:
    assert descriptors.unit(np.array([3.0, 0.0, 4.0])).tolist() == pytest.approx([0.6, 0.0, 0.8])
    assert descriptors.unit(np.zeros(3)).tolist() == [0, 0, 0]


def coordinates(width: int, height: int) -> Pixels:
    """Draw pixels whose red is their column and whose green is their row."""
    rows, columns = np.mgrid[:height, :width]
    return np.dstack([columns, rows, 0 * rows]).astype(np.uint8)


def test_the_crop_is_a_square_around_the_head() -> None:
    # Box 40..60 wide, 50..70 high: side 20 * 1.7 = 34, centre (50, 60 - 0.15 * 20 = 57): columns 33..66, rows 40..73.
    crop = crops.crop_head(coordinates(100, 100), Face((0.4, 0.5, 0.6, 0.7), 1.0))
    assert crop.shape == (34, 34, 3)
    assert crop[0, 0].tolist() == [33, 40, 0]
    assert crop[-1, -1].tolist() == [66, 73, 0]


def test_the_longer_side_of_the_box_counts_in_pixels() -> None:
    # 0.1 of 200 px wide is 20, 0.3 of 100 px high is 30: side 51.
    crop = crops.crop_head(coordinates(200, 100), Face((0.4, 0.4, 0.5, 0.7), 1.0))
    assert crop.shape == (51, 51, 3)


def test_beyond_the_frame_its_edge_is_repeated() -> None:
    # Box 0..20 both ways: side 34, centre (10, 7): columns -7..26, rows -10..23.
    crop = crops.crop_head(coordinates(100, 100), Face((0.0, 0.0, 0.2, 0.2), 1.0))
    assert crop.shape == (34, 34, 3)
    assert crop[:11, :8, :2].max() == 0
    assert crop[-1, -1].tolist() == [26, 23, 0]


def test_a_face_as_large_as_the_frame() -> None:
    # Side 170, centre (50, 35): columns -35..134, rows -50..119.
    crop = crops.crop_head(coordinates(100, 100), Face((0.0, 0.0, 1.0, 1.0), 1.0))
    assert crop.shape == (170, 170, 3)
    assert crop[50, 35].tolist() == [0, 0, 0]
    assert crop[-1, -1].tolist() == [99, 99, 0]


def test_a_crop_is_never_empty() -> None:
    assert crops.crop_head(plain(SKIN, 10, 10), Face((0.5, 0.5, 0.5, 0.5), 1.0)).shape == (2, 2, 3)


@pytest.mark.parametrize(
    "crop",
    [head(PINK), head(PINK, 20), head(NAVY, 300), patchwork(1, 96, 96), plain(PINK, 96, 96), plain((0, 0, 0), 96, 96)],
    ids=["head", "small head", "large head", "patches", "plain", "black"],
)
def test_the_descriptor_has_length_1(crop: Pixels) -> None:
    assert float(np.linalg.norm(descriptors.describe_head(crop))) == pytest.approx(1.0, abs=1e-5)


def test_a_head_is_like_itself_at_another_size() -> None:
    assert alike(head(PINK), head(PINK)) == pytest.approx(1.0, abs=1e-5)
    assert alike(head(PINK), head(PINK, 300)) > 0.9


def test_two_clearly_different_hair_colours_are_told_apart_even_on_one_outline() -> None:
    moved = np.roll(head(PINK), (4, -3), axis=(0, 1))
    assert alike(head(PINK), moved) > alike(head(PINK), head(NAVY)) + 0.1


def test_a_mirrored_head_looks_less_alike_which_is_why_both_ways_are_kept() -> None:
    assert alike(head(PINK), np.ascontiguousarray(head(PINK)[:, ::-1])) < 0.98


def test_the_embedded_descriptor_needs_no_file() -> None:
    assert (
        descriptors.load_one("colour_shape", "auto")([head(PINK)])[0] == descriptors.describe_head(head(PINK))
    ).all()


def mean_of(axes: list[int], cast: bool = False) -> list[object]:
    """Return the nodes of a model whose vector is the mean of each channel of its input."""
    first = [helper.make_node("Cast", ["input"], ["number"], to=TensorProto.FLOAT)] if cast else []
    name = "number" if cast else "input"
    return [*first, helper.make_node("ReduceMean", [name], ["output"], axes=axes, keepdims=0)]


@pytest.mark.parametrize("side", [8, "side"])
@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        # (colour / 255 - CLIP's mean) / CLIP's deviation, over its length; worked out apart
        ((255, 255, 255), [0.5430308, 0.58369408, 0.60367108]),
        ((255, 0, 0), [0.6439073, -0.58445161, -0.49376077]),
        ((51, 102, 204), [-0.58893056, -0.1243942, 0.79855299]),
    ],
)
def test_a_float_model_gets_channels_first_as_for_clip(
    tmp_path: Path, side: int | str, colour: tuple[int, int, int], expected: list[float]
) -> None:
    path = save_model(tmp_path / "m.onnx", ["n", 3, side, side], mean_of([2, 3]))
    vector = descriptors.load_one(str(path), "cpu")([plain(colour, 30, 30)])[0]
    assert vector.dtype == np.float32
    assert vector.tolist() == pytest.approx(expected, abs=1e-3)


def test_a_uint8_model_gets_channels_last_as_they_are(tmp_path: Path) -> None:
    path = save_model(tmp_path / "m.onnx", ["uint8", "n", 8, 8, 3], mean_of([1, 2], cast=True))
    vector = descriptors.load_one(str(path), "cpu")([plain((30, 40, 0), 30, 30)])[0]
    assert vector.tolist() == pytest.approx([0.6, 0.8, 0.0], abs=1e-6)


def test_rows_and_columns_are_not_swapped(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["input"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["number"], ["output"], axes=[2, 3], keepdims=0),
    ]
    path = save_model(tmp_path / "m.onnx", ["uint8", 1, 2, 2, 3], nodes)
    crop = np.zeros((2, 2, 3), np.uint8)
    crop[0] = 255  # only the upper row is lit, so the mean of each row is 255, 0
    assert descriptors.load_one(str(path), "cpu")([crop])[0].tolist() == [1.0, 0.0]


def test_a_folder_with_the_model_will_do(tmp_path: Path) -> None:
    save_model(tmp_path / "model_feat.onnx", ["n", 3, 8, 8], mean_of([2, 3]))
    assert descriptors.load_one(str(tmp_path), "cpu")([head(PINK)])[0].shape == (3,)


def test_a_folder_without_the_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"model_feat\.onnx"):
        descriptors.load_one(str(tmp_path), "cpu")


@pytest.mark.parametrize("shape", [["n"], ["n", 12], ["n", 3, 8], ["n", 4, 8, 8]], ids=str)
def test_a_model_of_something_else_is_one_sentence(tmp_path: Path, shape: list[int | str]) -> None:
    path = save_model(tmp_path / "m.onnx", shape, [helper.make_node("Identity", ["input"], ["output"])])
    with pytest.raises(UsageError, match=r"m\.onnx"):
        descriptors.load_one(str(path), "cpu")([head(PINK)])[0]
