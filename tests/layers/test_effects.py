import json
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from framekit.errors import UsageError
from framekit.layers.effects import NORMAL, SCREEN, encoded, find_effect, laid_over, load_prompts
from framekit.pixels.decode import Pixels
from tests.helpers_shots import RED, drawing, texture

HEIGHT, WIDTH = 180, 320
PLATE = texture(HEIGHT, WIDTH, 1, 20)
SEEN, NOBODY = np.ones((HEIGHT, WIDTH), bool), np.zeros((HEIGHT, WIDTH), np.uint8)
ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH]
GLOW = np.exp(-((ROWS - 80) ** 2 + (COLUMNS - 200) ** 2) / (2 * 25**2))[..., None] * np.array([0.5, 0.7, 0.2])


def screened(plate: Pixels, light: NDArray[np.float64]) -> Pixels:
    return np.asarray(np.rint(255 * (1 - (1 - plate / 255) * (1 - light))), np.uint8)


def added(plate: Pixels, light: NDArray[np.float64]) -> Pixels:
    return np.asarray(np.rint(np.minimum(255, plate + 255 * light)), np.uint8)


def test_a_screened_glow_is_found_with_its_light_and_gives_the_frame_back() -> None:
    frame = screened(PLATE, GLOW)
    effect = find_effect(frame, PLATE, SEEN, NOBODY)
    assert effect is not None
    assert effect.blend == SCREEN
    strong = GLOW.max(2) > 0.2
    light = effect.picture[..., :3] / 255 * (effect.picture[..., 3:] / 255)
    assert np.abs(light - GLOW)[strong].max() < 0.03
    assert np.abs(laid_over(effect, PLATE).astype(int) - frame)[effect.picture[..., 3] > 0].max() <= 2
    assert effect.picture[:, :90].max() == 0


def test_before_white_light_has_the_colour_of_that_around() -> None:
    plate = PLATE.copy()
    plate[70:90, 196:204] = 252
    noise = np.random.default_rng(6).normal(0, 1.5, PLATE.shape)
    frame = np.clip(screened(plate, GLOW) + noise, 0, 255).astype(np.uint8)
    effect = find_effect(frame, plate, SEEN, NOBODY)
    assert effect is not None
    light = effect.picture[..., :3] / 255 * (effect.picture[..., 3:] / 255)
    assert np.abs(light - GLOW)[70:90, 196:204].mean() < 0.06


def test_an_added_beam_gives_the_frame_back() -> None:
    beam = np.exp(-(((ROWS - COLUMNS / 2) / 6) ** 2))[..., None] * np.array([0.2, 0.3, 0.6])
    frame = added(PLATE, beam)
    effect = find_effect(frame, PLATE, SEEN, NOBODY)
    assert effect is not None
    assert np.abs(laid_over(effect, PLATE).astype(int) - frame)[beam.max(2) > 0.1].max() <= 2


def test_noise_specks_and_a_plate_out_of_place_are_no_effects() -> None:
    noise = np.random.default_rng(5).normal(0, 3, PLATE.shape)
    noisy = np.clip(PLATE + noise, 0, 255).astype(np.uint8)
    assert find_effect(noisy, PLATE, SEEN, NOBODY) is None
    specks = PLATE.copy()
    specks[40:44, 50:54] = specks[120:124, 250:254] = 255
    assert find_effect(specks, PLATE, SEEN, NOBODY) is None
    assert find_effect(np.roll(PLATE, 1, (0, 1)), PLATE, SEEN, NOBODY) is None


def test_a_figure_that_nobody_found_is_no_effect() -> None:
    dark = np.full_like(PLATE, 40)
    frame = dark.copy()
    frame[60:160, 100:150] = np.clip(drawing(100, 50, RED, 2).astype(int) + 60, 0, 255)
    assert find_effect(frame, dark, SEEN, NOBODY) is None


def test_nothing_is_said_of_figures_and_of_what_the_plate_invented() -> None:
    frame = screened(PLATE, GLOW)
    labels, seen = NOBODY.copy(), SEEN.copy()
    labels[:, 190:], seen[:, :190] = 1, False
    assert find_effect(frame, PLATE, SEEN, (GLOW.max(2) > 0.01).astype(np.uint8)) is None
    assert find_effect(frame, PLATE, seen, labels) is None
    effect = find_effect(frame, PLATE, SEEN, labels)
    assert effect is not None
    assert effect.picture[:, 190:].max() == 0


def test_another_light_on_all_of_the_picture_is_no_effect() -> None:
    assert find_effect(added(PLATE, np.full(3, 0.2)), PLATE, SEEN, NOBODY) is None
    assert find_effect(255 - PLATE, PLATE, SEEN, NOBODY) is None


def test_where_a_text_points_what_is_opaque_is_an_effect_too() -> None:
    frame = PLATE.copy()
    frame[60:110, 100:150] = (20, 10, 60)
    prompted = np.zeros((HEIGHT, WIDTH), bool)
    assert find_effect(frame, PLATE, SEEN, NOBODY, prompted) is None
    prompted[50:120, 90:160] = True
    effect = find_effect(frame, PLATE, SEEN, NOBODY, prompted)
    assert effect is not None
    assert effect.blend == NORMAL
    assert np.abs(laid_over(effect, PLATE)[62:108, 102:148].astype(int) - frame[62:108, 102:148]).max() <= 2


def test_the_same_picture_has_none() -> None:
    assert find_effect(PLATE, PLATE, SEEN, NOBODY) is None
    assert find_effect(PLATE, PLATE, ~SEEN, NOBODY) is None


def save_clipseg(folder: Path, inputs: tuple[str, ...] = ("pixel_values", "input_ids", "attention_mask")) -> None:
    """Save a model of CLIPSeg's form: logits are red × the sum of the text's numbers, less those of the mask."""
    (folder / "onnx").mkdir()
    shapes: dict[str, list[str | int | None]] = {inputs[0]: ["n", 3, 352, 352]}
    given = [
        helper.make_tensor_value_info(
            name, TensorProto.FLOAT if name in shapes else TensorProto.INT64, shapes.get(name, ["n", "length"])
        )
        for name in inputs
    ]
    nodes = [
        helper.make_node("Gather", [inputs[0], "zero"], ["red"], axis=1),
        helper.make_node("Sub", [inputs[1], inputs[2]], ["less"]),
        helper.make_node("Cast", ["less"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["real"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["red", "sum"], ["logits"]),
    ]
    zero = numpy_helper.from_array(np.array(0, np.int64), "zero")
    out = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 352, 352])
    graph = helper.make_graph(nodes, "clipseg", given, [out], [zero])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(folder / "onnx" / "model.onnx"))


def save_tokenizer(folder: Path) -> None:
    words = {"fire": 5, "shade": 0, "?": 1}
    model = {"type": "WordLevel", "vocab": words, "unk_token": "?"}
    held = {"version": "1.0", "model": model, "pre_tokenizer": {"type": "Whitespace"}, "added_tokens": []}
    (folder / "tokenizer.json").write_text(json.dumps(held), "utf-8")


def test_texts_are_found_by_a_model_of_the_form_of_clipseg(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    save_clipseg(tmp_path)
    save_tokenizer(tmp_path)
    frame = np.zeros((90, 160, 3), np.uint8)
    frame[:, 80:] = 255
    found = load_prompts(str(tmp_path), ["fire"], "cpu")(frame)
    assert found.shape == (90, 160)
    assert found[:, 90:].min() > 0.99
    assert found[:, :70].max() < 0.01
    either = load_prompts(str(tmp_path), ["fire", "shade"], "cpu")(frame)
    assert either[:, 90:].min() > 0.99
    assert either[:, :70].min() > 0.85


def test_a_model_of_another_form_and_missing_files_are_said(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    with pytest.raises(UsageError, match=r"holds no onnx/model\.onnx and no tokenizer\.json"):
        load_prompts(str(tmp_path), ["fire"], "cpu")
    save_clipseg(tmp_path, ("pixels", "input_ids", "attention_mask"))
    save_tokenizer(tmp_path)
    with pytest.raises(UsageError, match="is no CLIPSeg"):
        load_prompts(str(tmp_path), ["fire"], "cpu")
    (tmp_path / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(UsageError, match=r"tokenizer\.json is no tokenizer"):
        load_prompts(str(tmp_path), ["fire"], "cpu")


def test_without_tokenizers_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UsageError, match="texts for effects need tokenizers; pip install tokenizers"):
        encoded("fire", tmp_path / "tokenizer.json")
