"""ONNX files that give one map of a frame: how frames are fed to each kind, and how the map is read."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from framekit.errors import UsageError
from framekit.figures.models import Look
from framekit.figures.saliency import IMAGENET, Layout, Saliency, stated
from framekit.figures.segment import Settings, load_segmenter
from framekit.pixels.decode import Pixels
from tests.conftest import BLACK, RED, WHITE, one_sentence, plain
from tests.helpers_segmenters import FLOAT, FLOAT16, INT64, UINT8, End, save_graph, save_red, seen


def load(path: Path | str, model_input: str = "0-1") -> Saliency:
    found = load_segmenter(Settings(str(path), "cpu", model_input))
    assert isinstance(found, Saliency)
    return found


def half_red(width: int = 8, height: int = 8) -> Pixels:
    pixels = plain(BLACK, width, height)
    pixels[:, : width // 2] = RED
    return pixels


def test_a_map_says_how_likely_each_pixel_is(tmp_path: Path) -> None:
    [found] = seen(load(save_red(tmp_path / "x.onnx")), half_red())
    assert found.probability is not None
    assert found.probability.dtype == np.float32
    assert found.probability.tolist() == [[1.0] * 4 + [0.0] * 4] * 8
    assert list(found.masks) == []


def test_a_map_has_the_size_of_the_frame_whatever_the_input_is(tmp_path: Path) -> None:
    [found] = seen(load(save_red(tmp_path / "x.onnx")), half_red(32, 18))
    assert found.probability is not None
    assert found.probability.shape == (18, 32)
    assert (found.probability[:, :14] == 1).all()
    assert (found.probability[:, 18:] == 0).all()


@pytest.mark.parametrize("shape", [("n", 3, 8, 8), (1, 3, 8, 8), (4, 3, 8, 8), ("n", 3, "h", "w"), ("n", 8, 8, 3)])
def test_a_batch_gives_what_each_frame_gives_alone(tmp_path: Path, shape: tuple[int | str, ...]) -> None:
    segmenter = load(save_red(tmp_path / "x.onnx", shape), "8 0-1")
    frames = [plain((40 * n, 0, 0), 16, 9 + n) for n in range(6)] + [half_red()]
    together = seen(segmenter, *frames)
    for frame, found in zip(frames, together, strict=True):
        [alone] = seen(segmenter, frame)
        assert found.probability is not None
        assert alone.probability is not None
        assert np.array_equal(found.probability, alone.probability)
        assert found.probability.shape == frame.shape[:2]
    assert [round(float(one.probability[0, 0]) * 255) for one in together[:6] if one.probability is not None] == [
        0, 40, 80, 120, 160, 200,
    ]  # fmt: skip


def test_only_an_open_batch_on_a_gpu_waits_for_more_frames(tmp_path: Path) -> None:
    assert load(save_red(tmp_path / "x.onnx")).views_per_call == 1  # a CPU
    assert load(save_red(tmp_path / "x.onnx", (4, 3, 8, 8))).views_per_call == 4


@pytest.mark.parametrize(("kind", "scale"), [(FLOAT16, "0-1"), (UINT8, "0-1")])
def test_other_types_of_inputs(tmp_path: Path, kind: int, scale: str) -> None:
    factor = 1 / 255 if kind == UINT8 else 1.0
    [found] = seen(load(save_red(tmp_path / "x.onnx", kind=kind, factor=factor), scale), plain((51, 0, 0), 8, 8))
    assert found.probability is not None
    assert found.probability == pytest.approx(np.full((8, 8), 0.2), abs=1e-3)


def test_logits_become_probabilities(tmp_path: Path) -> None:
    [found] = seen(load(save_red(tmp_path / "x.onnx", factor=10, offset=-5)), half_red())
    assert found.probability is not None
    assert found.probability[0, [0, 7]] == pytest.approx([0.99331, 0.00669], abs=1e-4)


def test_of_two_maps_the_second_is_the_figure(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Gather", ["input", "two"], ["both"], axis=1),
        helper.make_node("Mul", ["both", "ten"], ["output"]),
    ]
    path = save_graph(
        tmp_path / "x.onnx", [("input", FLOAT, ["n", 3, 8, 8])], [("output", FLOAT, ["n", 2, 8, 8])], nodes,
        two=np.array([1, 0]), ten=np.array(10, np.float32),
    )  # fmt: skip
    [found] = seen(load(path), half_red())
    assert found.probability is not None
    assert found.probability[0, [0, 7]] == pytest.approx([1 / (1 + np.exp(-10)), 0.5], abs=1e-4)


def test_spread_maps_run_from_0_to_1_and_a_plain_one_stays(tmp_path: Path) -> None:
    path = save_red(tmp_path / "x.onnx", factor=0.2, offset=0.1)
    [found, flat] = seen(load(path, "0-1 spread"), half_red(), plain(BLACK, 8, 8))
    assert found.probability is not None
    assert flat.probability is not None
    assert found.probability[0, [0, 7]].tolist() == [1.0, 0.0]
    assert flat.probability[0, 0] == pytest.approx(0.1)


def test_of_many_outputs_the_first_map_of_full_size_counts(tmp_path: Path) -> None:
    names = ["features", "small", "output", "side"]
    shapes: list[list[int | str]] = [["n", 3, 8, 8], ["n", 1, 4, 4], ["n", 1, 8, 8], ["n", 1, 8, 8]]
    nodes = [
        helper.make_node("Identity", ["input"], ["features"]),
        helper.make_node("Gather", ["input", "first"], ["output"], axis=1),
        helper.make_node("AveragePool", ["output"], ["small"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Sub", ["output", "output"], ["side"]),
    ]
    results = [(name, FLOAT, shape) for name, shape in zip(names, shapes, strict=True)]
    path = save_graph(tmp_path / "x.onnx", [("input", FLOAT, ["n", 3, 8, 8])], results, nodes, first=np.array([0]))
    [found] = seen(load(path), half_red())
    assert found.probability is not None
    assert found.probability[0].tolist() == [1.0] * 4 + [0.0] * 4


def test_a_letterboxed_frame_has_black_borders_that_are_not_read(tmp_path: Path) -> None:
    segmenter = load(save_red(tmp_path / "x.onnx"), "letterbox 0-1")
    given, place = segmenter.prepare(plain(WHITE, 16, 8))
    assert place == (0, 2, 8, 4)
    assert given[0].tolist() == [[0.0] * 8] * 2 + [[1.0] * 8] * 4 + [[0.0] * 8] * 2
    [found] = seen(segmenter, plain(RED, 16, 8))
    assert found.probability is not None
    assert (found.probability == 1).all()


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("", Layout((1024, 1024))),
        ("512", Layout((512, 512))),
        ("1024x576 letterbox 0-1", Layout((576, 1024), True, (0, 0, 0), (1, 1, 1))),
        ("-1-1 bgr", Layout((1024, 1024), False, (0.5,) * 3, (0.5,) * 3, bgr=True)),
        ("-0.5-0.5 Stretch spread", Layout((1024, 1024), False, (0.5,) * 3, (1,) * 3, spread=True)),
        ("letterbox stretch imagenet", Layout((1024, 1024), False, *IMAGENET)),
    ],
)
def test_what_model_input_says(text: str, layout: Layout) -> None:
    assert stated(text) == layout


@pytest.mark.parametrize("text", ["letterboxd", "0", "0-2", "99999", "1024x", "1024x0", "1e3"])
def test_a_slip_in_model_input_lists_the_words(text: str) -> None:
    with pytest.raises(UsageError, match=f"{re.escape(text)} is none of a side such as 1024 or 1024x576, stretch"):
        load_segmenter(Settings("grabcut", model_input=text))


def test_levels_of_each_scale(tmp_path: Path) -> None:
    path = save_red(tmp_path / "x.onnx")
    ends = {
        scale: [float(load(path, scale).prepare(plain(colour, 8, 8))[0][0, 0, 0]) for colour in (BLACK, WHITE)]
        for scale in ("0-1", "0-255", "-1-1", "-0.5-0.5", "imagenet")
    }
    assert ends["0-1"] == [0, 1]
    assert ends["0-255"] == pytest.approx([0, 255])
    assert ends["-1-1"] == [-1, 1]
    assert ends["-0.5-0.5"] == [-0.5, 0.5]
    assert ends["imagenet"] == pytest.approx([-2.1179, 2.2489], abs=1e-4)
    blue = load(path, "0-1 bgr").prepare(plain(RED, 8, 8))[0]
    assert blue[:, 0, 0].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("isnetis.onnx", "letterbox 0-1"),
        ("isnet-anime.onnx", "letterbox 0-1"),
        ("birefnet-toonout-fp16.onnx", "imagenet"),
        ("isnet-general-use.onnx", "-0.5-0.5"),
        ("u2netp.onnx", "imagenet spread"),
        ("modnet_photographic.onnx", "-1-1"),
    ],
)
def test_known_names_say_how_frames_are_fed(tmp_path: Path, name: str, statement: str) -> None:
    assert load(save_red(tmp_path / name), "").prepare == stated(statement, (8, 8))


def test_the_graph_says_it_where_names_do_not(tmp_path: Path) -> None:
    skytnt = save_red(tmp_path / "x.onnx", names=("img", "mask"))
    assert load(skytnt, "").prepare == stated("letterbox 0-1", (8, 8))
    assert load(save_red(tmp_path / "y.onnx", (1, 3, 320, 320)), "").prepare == stated("320 imagenet spread")
    maps: list[tuple[str, int, list[int | str]]] = [(f"d{n}", FLOAT, ["n", 3, 8, 8]) for n in range(7)]
    nodes = [helper.make_node("Identity", ["input"], [name]) for name, *_ in maps] + [
        helper.make_node("Gather", ["input", "first"], ["output"], axis=1)
    ]
    results: list[End] = [("output", FLOAT, ["n", 1, 8, 8]), *maps]
    path = save_graph(tmp_path / "z.onnx", [("input", FLOAT, ["n", 3, 8, 8])], results, nodes, first=np.array([0]))
    assert load(path, "").prepare == stated("-0.5-0.5", (8, 8))


def test_open_sides_are_those_of_the_name_else_1024(tmp_path: Path) -> None:
    shape = ("n", 3, "height", "width")
    assert load(save_red(tmp_path / "modnet.onnx", shape), "").prepare.sides == (512, 512)
    assert load(save_red(tmp_path / "x.onnx", shape), "").prepare.sides == (1024, 1024)
    assert load(save_red(tmp_path / "x.onnx", shape), "640x384").prepare.sides == (384, 640)


def test_a_file_that_says_nothing_is_assumed_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert load(save_red(tmp_path / "x.onnx"), "").prepare == stated("stretch imagenet", (8, 8))
    assert "x.onnx does not say how it takes frames; stretch and imagenet are assumed" in capsys.readouterr().out
    load(save_red(tmp_path / "x.onnx"), "stretch imagenet")
    assert "assumed" not in capsys.readouterr().out


def write_config(folder: Path, **values: Any) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps(values))


def test_the_configuration_of_transformers_is_read_beside_the_file_or_above(tmp_path: Path) -> None:
    path = save_red(tmp_path / "onnx" / "model.onnx", ("n", 3, "h", "w"))
    write_config(
        tmp_path, size={"height": 16, "width": 32}, image_mean=[0.5] * 3, image_std=[1.0] * 3, do_normalize=True,
        do_rescale=True, rescale_factor=1 / 255,
    )  # fmt: skip
    found = load(path, "").prepare
    assert (found.sides, found.mean) == ((16, 32), (0.5,) * 3)
    assert found.deviation == pytest.approx((1.0,) * 3)
    write_config(tmp_path / "onnx", size=16, do_normalize=False, do_pad=True)
    found = load(tmp_path, "").prepare
    assert (found.sides, found.letterbox, found.mean) == ((16, 16), True, (0, 0, 0))
    assert float(found(plain(WHITE, 8, 8))[0][0, 0, 0]) == pytest.approx(1)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"size": {"height": "x"}}', '{"image_mean": [1]}', '{"image_std": [0, 0, 0]}', '{"size": 0}']
)
def test_an_unusable_configuration_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "preprocessor_config.json").write_text(text)
    with pytest.raises(UsageError, match="or give --model_input") as caught:
        load(save_red(tmp_path / "x.onnx"), "")
    one_sentence(str(caught.value))


def test_a_stated_size_that_the_file_does_not_take_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"takes 8x8 px only; leave the size out of --model_input"):
        load(save_red(tmp_path / "x.onnx"), "16 0-1")


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (["n", 3, 8, 8], ["n", 10861]),  # a tagger
        (["n", 3, 8, 8], ["n", 5, 84]),  # a detector
        (["n", 3, 8, 8], ["n", "boxes", 6]),
        (["n", 3, 8, 8], ["n", 3, 8, 8]),  # a filter
        (["n", 3, 8, 8], ["n", 1, 8, 16]),
        (["n", 8], ["n", 1, 8, 8]),
        (["n", 4, 8, 8], ["n", 1, 8, 8]),
    ],
)
def test_a_file_of_another_kind_is_one_sentence(
    tmp_path: Path, given: list[int | str], answer: list[int | str]
) -> None:
    nodes = [helper.make_node("Expand", ["number", "shape"], ["output"])]
    path = save_graph(
        tmp_path / "x.onnx", [("input", FLOAT, given)], [("output", FLOAT, answer)], nodes,
        number=np.array(0, np.float32), shape=np.array([one if isinstance(one, int) else 1 for one in answer]),
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"x\.onnx is no segmenter: it makes .* --model grabcut needs none") as caught:
        load(path)
    one_sentence(str(caught.value))


def test_a_second_input_and_whole_numbers_are_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Gather", ["a", "first"], ["output"], axis=1)]
    both = [("a", FLOAT, [1, 3, 8, 8]), ("b", FLOAT, [1])]
    path = save_graph(tmp_path / "x.onnx", both, [("output", FLOAT, [1, 1, 8, 8])], nodes, first=np.array([0]))
    with pytest.raises(UsageError, match="is no segmenter"):
        load(path)
    nodes.append(helper.make_node("Cast", ["output"], ["labels"], to=INT64))
    path = save_graph(tmp_path / "x.onnx", both[:1], [("labels", INT64, [1, 1, 8, 8])], nodes, first=np.array([0]))
    with pytest.raises(UsageError, match="is no segmenter"):
        load(path)


def test_a_map_of_another_shape_than_promised_is_one_sentence(tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", ["input"], ["output"])]
    path = save_graph(
        tmp_path / "x.onnx", [("input", FLOAT, ["n", 3, 8, 8])], [("output", FLOAT, ["n", "c", "h", "w"])], nodes
    )
    with pytest.raises(UsageError, match="is no segmenter"):
        seen(load(path), plain(RED, 8, 8))


def test_the_input_of_a_worker_can_be_pickled(tmp_path: Path) -> None:
    import pickle

    prepare = load(save_red(tmp_path / "x.onnx")).prepare
    assert pickle.loads(pickle.dumps(prepare)) == prepare  # noqa: S301


def test_no_frames_give_no_evidence(tmp_path: Path) -> None:
    looks: list[Look] = []
    assert load(save_red(tmp_path / "x.onnx")).evidence([], looks) == []
