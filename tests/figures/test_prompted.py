"""SAM 2: which prompts faces and people give, and how encoders and decoders of several exports are fed."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from framekit.boxes import Face
from framekit.errors import UsageError
from framekit.figures.models import Look
from framekit.figures.prompted import Prompt, Sam, choice, points_of, prompts_of
from framekit.figures.segment import Settings, load_segmenter
from tests.conftest import BLACK, RED, one_sentence, plain
from tests.helpers_segmenters import FLOAT, INT64, End, save_graph, save_red, seen

PERSON = Face((0.0, 0.0, 0.5, 1.0), 0.9, "person")
INSIDE = Face((0.2, 0.1, 0.4, 0.3), 0.9)
ALONE = Face((0.7, 0.2, 0.9, 0.4), 0.9)
LOW = Face((0.7, 0.7, 0.9, 0.95), 0.9)


def near(prompt: Prompt) -> list[tuple[float, float]]:
    return [(round(x, 3), round(y, 3)) for x, y in prompt.points]


def test_a_person_is_a_box_with_the_faces_in_it_and_a_face_alone_is_two_points() -> None:
    first, second = prompts_of(Look(plain(RED), [INSIDE, ALONE], [PERSON]))
    assert (first.box, near(first)) == (PERSON.box, [(0.3, 0.2)])
    assert (second.box, near(second)) == (None, [(0.8, 0.3), (0.8, 0.58)])
    [third] = prompts_of(Look(plain(RED), [LOW]))
    assert near(third) == [(0.8, 0.825)]  # its chest lies below the frame
    assert prompts_of(Look(plain(RED))) == []


def test_points_are_in_pixels_of_the_input_with_the_labels_of_sam() -> None:
    points, labels = points_of(Prompt(((0.25, 0.5),), (0.0, 0.0, 0.5, 1.0)), (64, 128))
    assert points.tolist() == [[0, 0], [64, 64], [32, 32]]
    assert labels.tolist() == [2, 3, 1]


def test_the_largest_of_nearly_equal_masks_is_meant() -> None:
    maps = np.full((3, 4, 4), -1, np.float32)
    maps[0, :1], maps[1, :3], maps[2, :4] = 1, 1, 1
    assert choice(maps, np.array([0.9, 0.85, 0.5], np.float32)) == 1
    assert choice(maps, np.array([0.9, 0.85, 0.81], np.float32)) == 2
    assert choice(maps, np.array([0.9, 0.7, 0.7], np.float32)) == 0


FORMS: dict[str, dict[str, Any]] = {
    "samexporter": {
        "features": ["high_res_feats_0", "high_res_feats_1", "image_embed"],
        "points": ("point_coords", FLOAT, [1, "n", 2]),
        "labels": ("point_labels", FLOAT, [1, "n"]),
        "others": [("mask_input", FLOAT, [1, 1, 8, 8]), ("has_mask_input", FLOAT, [1])],
        "answers": ("masks", "iou_predictions"),
    },
    "ibaiGorordo": {
        "features": ["high_res_feats_0", "high_res_feats_1", "image_embed"],
        "points": ("point_coords", FLOAT, [1, "n", 2]),
        "labels": ("point_labels", FLOAT, [1, "n"]),
        "others": [
            ("mask_input", FLOAT, ["l", 1, 8, 8]), ("has_mask_input", FLOAT, [1]), ("orig_im_size", INT64, [2]),
        ],
        "answers": ("masks", "iou_predictions"),
    },
    "osam": {
        "features": ["image_embeddings", "high_res_features1", "high_res_features2"],
        "points": ("point_coords", FLOAT, [1, "n", 2]),
        "labels": ("point_labels", FLOAT, [1, "n"]),
        "others": [("mask_input", FLOAT, [1, 1, 8, 8]), ("orig_im_size", INT64, [2])],
        "answers": ("masks", "scores"),
    },
    "transformers": {
        "features": ["image_embeddings.0", "image_embeddings.1", "image_embeddings.2"],
        "points": ("input_points", FLOAT, [1, 1, "n", 2]),
        "labels": ("input_labels", INT64, [1, 1, "n"]),
        "others": [("input_boxes", FLOAT, [1, "m", 4])],
        "answers": ("pred_masks", "iou_scores"),
    },
}  # fmt: skip


def save_sam(folder: Path, form: str, other_names: bool = False) -> Path:
    """Write a SAM for 8 x 8 px: its masks are the red channel, less, or more of it; the second has the best score.

    The decoder adds to each score the sum of the labels over 100, so that they show what it was fed with.
    """
    held = FORMS[form]
    shapes: dict[str, list[int | str]] = {"wide": [1, 1, 8, 8], "middle": [1, 2, 4, 4], "small": [1, 3, 2, 2]}
    order = ["small", "wide", "middle"] if form == "osam" else ["wide", "middle", "small"]
    outs = [f"out{n}" for n in range(3)] if other_names else held["features"]
    wide, middle, small = (outs[order.index(name)] for name in ("wide", "middle", "small"))
    nodes = [
        helper.make_node("Gather", ["image", "first"], [wide], axis=1),
        helper.make_node("AveragePool", [wide], ["pool"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Concat", ["pool", "pool"], [middle], axis=1),
        helper.make_node("AveragePool", ["pool"], ["less"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Concat", ["less", "less", "less"], [small], axis=1),
    ]
    results: list[End] = [(name, FLOAT, shapes[kind]) for name, kind in zip(outs, order, strict=True)]
    encoder = save_graph(
        folder / "x.encoder.onnx", [("image", FLOAT, [1, 3, 8, 8])], results, nodes, first=np.array([0])
    )
    features: list[End] = [(name, FLOAT, shapes[kind]) for name, kind in zip(held["features"], order, strict=True)]
    given: list[End] = [*features, held["points"], held["labels"], *held["others"]]
    masks, scores = held["answers"]
    is_deep = form == "transformers"
    nodes = [
        helper.make_node("Concat", [held["features"][order.index("wide")]] * 3, ["three"], axis=1),
        helper.make_node("Sub", ["three", "bars"], ["flat"]),
        helper.make_node("Unsqueeze", ["flat", "axis"], [masks])
        if is_deep
        else helper.make_node("Identity", ["flat"], [masks]),
        helper.make_node("Cast", [held["labels"][0]], ["numbers"], to=FLOAT),
        helper.make_node("ReduceSum", ["numbers"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "part"], ["more"]),
        helper.make_node("Add", ["more", "base"], [scores]),
        helper.make_node("ReduceSum", [held["points"][0]], ["x"], keepdims=0),
    ]
    for number, (name, _kind, _shape) in enumerate(held["others"]):  # what nobody uses would be dropped from the graph
        nodes += [
            helper.make_node("Cast", [name], [f"c{number}"], to=FLOAT),
            helper.make_node("ReduceSum", [f"c{number}"], [f"s{number}"], keepdims=0),
        ]
    ends: list[End] = [(masks, FLOAT, [1, 1, 3, 8, 8] if is_deep else [1, 3, 8, 8]), (scores, FLOAT, [1, 3])]
    ends += [("x", FLOAT, []), *((f"s{number}", FLOAT, []) for number in range(len(held["others"])))]
    save_graph(
        folder / "x.decoder.onnx", given, ends, nodes,
        bars=np.array([1.9, 0.0, -9.0], np.float32).reshape(1, 3, 1, 1), axis=np.array([1]),
        part=np.array(0.01, np.float32), base=np.array([[0.5, 0.8, 0.4]], np.float32),
    )  # fmt: skip
    return encoder


def sam(path: Path) -> Sam:
    found = load_segmenter(Settings(str(path), "cpu"))
    assert isinstance(found, Sam)
    return found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("other_names", [False, True])
def test_each_export_gives_a_mask_for_each_prompt(tmp_path: Path, form: str, other_names: bool) -> None:
    pixels = plain(BLACK, 32, 32)
    pixels[:, :16] = RED
    looks = [Look(pixels, [INSIDE, ALONE], [PERSON]), Look(pixels), Look(pixels, [], [PERSON])]
    found = seen(sam(save_sam(tmp_path, form, other_names)), *looks)
    assert [len(one.masks) for one in found] == [2, 0, 1]
    assert all(one.probability is None for one in found)
    for mask in (*found[0].masks, *found[2].masks):
        assert mask.is_person
        assert mask.pixels[:, :14].all()
        assert not mask.pixels[:, 18:].any()
    boxed = form == "transformers"  # there the corners, labels 2 and 3, are no points
    scores = [round(mask.score, 2) for mask in (*found[0].masks, *found[2].masks)]
    assert scores == ([0.81, 0.82, 0.79] if boxed else [0.86, 0.82, 0.85])


def test_a_decoder_of_another_export_is_one_sentence(tmp_path: Path) -> None:
    encoder = save_sam(tmp_path / "one", "osam")
    other = save_sam(tmp_path / "two", "samexporter")
    narrow = save_graph(
        encoder, [("image", FLOAT, [1, 3, 8, 8])],
        [(f"f{n}", FLOAT, [1, 1, 8, 8]) for n in range(3)],
        [helper.make_node("Gather", ["image", "first"], [f"f{n}"], axis=1) for n in range(3)], first=np.array([0]),
    )  # fmt: skip
    other.with_name("x.decoder.onnx").replace(narrow.with_name("x.decoder.onnx"))
    with pytest.raises(UsageError, match=r"needs high_res_feats_0, which x\.encoder\.onnx does not give") as caught:
        seen(sam(narrow), Look(plain(RED), [ALONE]))
    one_sentence(str(caught.value))


def test_a_pair_that_is_not_sam_is_one_sentence(tmp_path: Path) -> None:
    save_red(tmp_path / "decoder.onnx")
    with pytest.raises(UsageError, match=r"encoder\.onnx and decoder\.onnx are not SAM 2") as caught:
        load_segmenter(Settings(str(save_red(tmp_path / "encoder.onnx")), "cpu"))
    one_sentence(str(caught.value))


with_ultralytics = pytest.mark.skipif(
    importlib.util.find_spec("ultralytics") is None, reason="make test-train installs it"
)


@with_ultralytics
def test_sam_in_a_pt_file_runs_on_torch(tmp_path: Path) -> None:
    import torch
    from ultralytics.models.sam import build

    torch.manual_seed(0)
    torch.save({"model": build.build_sam2_t().state_dict()}, tmp_path / "sam2_t.pt")
    segmenter = sam(tmp_path / "sam2_t.pt")
    maps, scores = segmenter.decode(
        segmenter.encode(segmenter.prepare(plain(RED, 64, 36))[0][None]),
        np.array([[512, 512]], np.float32), np.array([1]), (36, 64),
    )  # fmt: skip
    assert (maps.shape, scores.shape) == ((3, 256, 256), (3,))
    assert np.isfinite(maps).all()


@with_ultralytics
def test_a_yolo_in_a_pt_file_gives_masks_or_says_that_it_has_none(tmp_path: Path) -> None:
    import torch
    from ultralytics.nn.tasks import DetectionModel, SegmentationModel

    torch.manual_seed(0)
    for kind, config in ((SegmentationModel, "yolo11n-seg.yaml"), (DetectionModel, "yolo11n.yaml")):
        model = kind(config, nc=1, verbose=False)
        model.names = {0: "person"}
        torch.save({"model": model.half(), "ema": None}, tmp_path / f"{kind.__name__}.pt")
    settings = Settings(str(tmp_path / "SegmentationModel.pt"), "cpu", min_score=1e-6)
    [found] = seen(load_segmenter(settings), plain(RED, 64, 36))
    assert all(mask.pixels.shape == (36, 64) and mask.is_person for mask in found.masks)
    with pytest.raises(UsageError, match="finds boxes only"):
        seen(load_segmenter(Settings(str(tmp_path / "DetectionModel.pt"), "cpu")), plain(RED, 64, 36))
