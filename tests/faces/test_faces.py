"""Faces, their sidecar, and the detectors that find them."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from framekit.boxes import Face, Seen, face_at, holds_centre
from framekit.dataset.frames import Unreadable
from framekit.errors import BadSidecar, UsageError
from framekit.faces import animeface, detect
from framekit.faces.animeface import drawn_face
from framekit.faces.detect import Settings, find_faces, load_detector, needs_processes
from framekit.faces.filter import Limits, plausible_faces, reference_faces
from framekit.faces.models import Detector, InWorker
from framekit.faces.windows import Judges
from framekit.faces.yolo import Letterbox, yolo_boxes, yolo_shape
from framekit.pixels.decode import Pixels
from framekit.sidecars.faces import read_faces
from tests.conftest import BLACK, BLUE, RED, plain, save_frame
from tests.faces.helpers import faces_in

WIDE = (1920, 1080)


def face(*box: float, score: float = 0.9) -> Face:
    left, top, right, bottom = box
    return Face((left, top, right, bottom), score)


def test_a_box_is_clipped_to_the_frame_and_rounded() -> None:
    assert face_at(-0.1, 0.123456, 0.5, 1.2, 0.98765) == Face((0.0, 0.1235, 0.5, 1.0), 0.9877)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((0.2, 0.2, 0.4, 0.4), True),
        ((0.4, 0.4, 0.8, 0.8), False),
        ((0.0, 0.0, 1.0, 0.9), True),
        ((0.5, 0, 0.9, 1), False),
    ],
)
def test_which_box_holds_the_centre_of_another(other: tuple[float, ...], expected: bool) -> None:
    assert holds_centre((0.1, 0.1, 0.6, 0.6), other) is expected


@pytest.mark.parametrize(
    ("one", "stays"),
    [
        (face(0.1, 0.1, 0.2, 0.3, score=0.01), True),
        (face(0.0, 0.0, 0.5, 0.5), True),  # 960 x 540 px: 1.78 to 1
        (face(0.0, 0.0, 0.6, 0.5), False),  # 1152 x 540 px: 2.13 to 1
        (face(0.0, 0.0, 0.1, 0.5), False),  # 192 x 540 px
        (face(0.1, 0.1, 0.12, 0.13), True),
        (face(0.1, 0.1, 0.12, 0.12), False),  # lower than 3 % of the height
        (face(0.1, 0.1, 0.1, 0.1), False),
        (face(0.1, 0.1, 0.1, 0.3), False),
    ],
)
def test_lengthy_and_tiny_faces_are_dropped(one: Face, stays: bool) -> None:
    seen = plausible_faces([one], WIDE, Limits())
    assert seen.faces == ([one] if stays else [])
    assert [face for face, _ in seen.dropped] == ([] if stays else [one])


def test_faces_go_from_left_to_right() -> None:
    right, left = face(0.6, 0.1, 0.8, 0.3), face(0.1, 0.5, 0.3, 0.7)
    assert plausible_faces([right, left], (100, 100), Limits()).faces == [left, right]


def test_the_largest_face_of_a_reference_comes_first() -> None:
    small, large = face(0.1, 0.1, 0.2, 0.2, score=0.99), face(0.5, 0.1, 0.9, 0.6, score=0.8)
    assert reference_faces(InWorker(lambda pixels: [small, large]), plain(RED)) == [large, small]


def test_a_reference_is_looked_at_in_smaller_sizes_until_a_face_is_found() -> None:
    seen: list[int] = []

    def finds_it_at_224(pixels: Pixels) -> list[Face]:
        seen.append(pixels.shape[1])
        return [face(0.1, 0.1, 0.9, 0.9)] if pixels.shape[1] <= 224 else []

    assert reference_faces(InWorker(finds_it_at_224), plain(RED, 1000, 500)) == [face(0.1, 0.1, 0.9, 0.9)]
    assert seen == [640, 320, 224]


def test_a_doubtful_face_of_a_reference_does_not_count() -> None:
    good, doubtful = face(0.1, 0.1, 0.2, 0.2, score=0.6), face(0.5, 0.1, 0.9, 0.6, score=0.4)
    assert reference_faces(InWorker(lambda pixels: [good, doubtful]), plain(RED), 0.5) == [good]


def test_a_reference_without_a_face_has_none() -> None:
    assert reference_faces(InWorker(lambda pixels: []), plain(RED)) == []


def write_faces(folder: Path, content: str) -> Path:
    (folder / "x.faces.json").write_text(content, encoding="utf-8")
    return folder / "x.png"


def test_faces_are_read_as_written(tmp_path: Path) -> None:
    frame = write_faces(tmp_path, '{"faces": [{"box": [0.1, 0.2, 0.3, 0.4], "score": 0.9}], "model": "any"}')
    assert read_faces(frame) == [face(0.1, 0.2, 0.3, 0.4)]


def test_looked_and_found_nothing_is_not_not_looked(tmp_path: Path) -> None:
    assert read_faces(tmp_path / "x.png") is None
    assert read_faces(write_faces(tmp_path, '{"faces": []}')) == []


NOT_A_FACE = [
    '{"box": [0.1, 0.2, 0.3], "score": 1}',
    '{"box": [0.1, 0.2, 0.3, 0.4]}',
    '{"score": 1}',
    '{"box": null, "score": 1}',
    '{"box": [0.1, 0.2, "a", 0.4], "score": 1}',
    '{"box": [0.3, 0.2, 0.1, 0.4], "score": 1}',
    '{"box": [0.1, 0.4, 0.3, 0.2], "score": 1}',
    '{"box": [0, 0, 0, 0], "score": 1}',
    '{"box": [100, 50, 300, 250], "score": 1}',
    '{"box": [0, 0, 300, 250], "score": 1}',
    '{"box": [0.1, 0.2, 0.3, 0.4], "score": 1e999}',
    '{"box": [0.1, 0.2, 0.3, 0.4], "score": "nan"}',
    '{"box": [0.1, 0.2, 0.3, 0.4], "score": ' + "9" * 400 + "}",
    '"box"',
]


@pytest.mark.parametrize("one", NOT_A_FACE, ids=range(len(NOT_A_FACE)))
def test_what_is_no_face_is_a_bad_sidecar(tmp_path: Path, one: str) -> None:
    frame = write_faces(tmp_path, f'{{"faces": [{one}]}}')
    with pytest.raises(BadSidecar, match=r"box|score"):
        read_faces(frame)


@pytest.mark.parametrize("content", ["{}", '{"faces": null}', '{"faces": 3}', "[]", "", '{"faces": NaN}'])
def test_a_sidecar_without_a_list_of_faces_is_bad(tmp_path: Path, content: str) -> None:
    with pytest.raises(BadSidecar):
        read_faces(write_faces(tmp_path, content))


def on_canvas(x: int, y: int, width: int = 640, height: int = 360) -> Pixels:
    """Return a white frame with the drawn face at (x, y)."""
    pixels = plain((255, 255, 255), width, height)
    drawing = drawn_face()
    pixels[y : y + drawing.shape[0], x : x + drawing.shape[1]] = drawing
    return pixels


@pytest.fixture
def animeface_detector() -> Detector:
    """Return the real embedded detector, where the package has a build."""
    pytest.importorskip("animeface")
    return load_detector("animeface", Settings())


@pytest.mark.parametrize(("x", "y"), [(0, 0), (300, 100), (472, 192)])
def test_animeface_finds_the_drawn_face_where_it_is(animeface_detector: Detector, x: int, y: int) -> None:
    [found] = faces_in(animeface_detector, on_canvas(x, y))
    left, top, right, bottom = found.box
    assert (left + right) / 2 * 640 == pytest.approx(x + 84, abs=8)  # the middle of its eyes: (84, 89)
    assert (top + bottom) / 2 * 360 == pytest.approx(y + 97, abs=16)
    assert 40 < (right - left) * 640 < 100
    assert 40 < (bottom - top) * 360 < 100
    assert found.score >= Settings().least("animeface")


def test_animeface_finds_it_as_well_on_a_frame_twice_as_large(animeface_detector: Detector) -> None:
    pixels = on_canvas(300, 100)
    [small] = faces_in(animeface_detector, pixels)
    [large] = faces_in(animeface_detector, pixels.repeat(2, axis=0).repeat(2, axis=1))
    assert large.box == pytest.approx(small.box, abs=0.02)


def test_animeface_finds_nothing_on_a_plain_frame(animeface_detector: Detector) -> None:
    assert faces_in(animeface_detector, plain((200, 220, 240), 320, 180)) == []


def test_animeface_needs_processes_and_others_do_not(animeface_detector: Detector) -> None:
    assert needs_processes([animeface_detector])
    assert not needs_processes([InWorker(lambda pixels: [])])


def test_a_blind_animeface_is_reported_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animeface, "search", lambda grey, judges: [])
    with pytest.raises(
        UsageError, match=r"finds no face in its own test drawing.*--model face_detect_v1\.4_s"
    ) as caught:
        load_detector("animeface", Settings())
    assert "\n" not in str(caught.value)


def test_an_animeface_without_its_networks_is_reported_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def built_otherwise(both_looks: bool, patient: bool) -> Judges:
        raise ValueError("undefined symbol: nv_face_mlp_dir")

    monkeypatch.setattr(animeface, "load_judges", built_otherwise)
    with pytest.raises(UsageError, match=r"built without the networks .* use --model face_detect_v1\.4_s"):
        load_detector("animeface", Settings())


def test_a_missing_animeface_is_reported_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    animeface.load_judges.cache_clear()
    monkeypatch.setitem(sys.modules, "animeface", None)
    with pytest.raises(UsageError, match=r"not installed: use --model face_detect_v1\.4_s"):
        load_detector("animeface", Settings())


@pytest.mark.parametrize(
    ("settings", "threshold"),
    [
        (Settings(), 0.7),
        (Settings("face_detect_v1.4_s"), 0.307),
        (Settings("my.onnx"), 0.3),
        (Settings("my.onnx", min_score=0.0), 0.0),
        (Settings(min_score=0.95), 0.95),
    ],
)
def test_each_detector_has_its_threshold(settings: Settings, threshold: float) -> None:
    assert settings.threshold == threshold


@pytest.mark.parametrize(
    ("width", "height", "scale", "offset"),
    [
        (64, 32, 1.0, (0, 16)),
        (32, 64, 1.0, (16, 0)),
        (128, 32, 0.5, (0, 24)),
        (32, 32, 2.0, (0, 0)),
        (640, 1, 0.1, (0, 31)),
    ],
)
def test_letterbox(width: int, height: int, scale: float, offset: tuple[int, int]) -> None:
    square, (left, top, wide, high) = Letterbox((64, 64), open_shape=False)(plain(RED, width, height))
    assert square.shape == (64, 64, 3)
    assert (wide, high) == pytest.approx((width * scale, height * scale))
    assert (left, top) == offset
    x, y = offset
    assert tuple(square[y, x]) == RED
    assert (square[:y] == 114).all()
    assert (square[:, :x] == 114).all()
    inside = round(width * scale) * max(1, round(height * scale))
    assert int((square == RED).all(axis=2).sum()) == inside


def boxes(output: Any, min_score: float, labels: tuple[str, ...] = ("face",)) -> list[tuple[tuple[float, ...], float]]:
    return [(box, score) for box, score, _ in yolo_boxes(output, labels, min_score, 0.7)]


def raw_output(*rows: tuple[float, ...]) -> Any:
    """Return YOLO output (5, N) from rows (x, y, width, height, score)."""
    return np.array(rows, np.float32).reshape(-1, 5).T


def test_centres_and_sizes_become_corners() -> None:
    assert boxes(raw_output((50, 40, 20, 10, 0.75)), 0.3) == [((40, 35, 60, 45), 0.75)]


@pytest.mark.parametrize(
    ("shift", "kept"),
    # two boxes of 100 x 100 px, moved sideways by s, overlap by (100 - s) / (100 + s)
    [(0, 1), (10, 1), (17, 1), (18, 2), (50, 2), (200, 2)],
)
def test_boxes_that_overlap_more_than_allowed_are_one_face(shift: float, kept: int) -> None:
    found = boxes(raw_output((50, 50, 100, 100, 0.5), (50 + shift, 50, 100, 100, 0.75)), 0.3)
    assert [score for _, score in found] == [0.75, 0.5][:kept]


@pytest.mark.parametrize(("score", "kept"), [(0.25, 0), (0.5, 1), (0.75, 1)])
def test_a_face_at_the_threshold_is_kept(score: float, kept: int) -> None:
    assert len(boxes(raw_output((50, 50, 10, 10, score)), 0.5)) == kept


def test_no_box_at_all_is_no_face() -> None:
    assert boxes(raw_output(), 0.3) == []
    assert boxes(np.zeros((5, 0), np.float32), 0.3) == []


def test_the_best_of_several_classes_counts() -> None:
    output = np.array([[50], [50], [10], [10], [0.125], [0.75]], np.float32)
    assert [score for _, score in boxes(output, 0.3, ("face", "head"))] == [0.75]


def session_like(shape: list[Any], metadata: dict[str, str]) -> Any:
    return SimpleNamespace(
        get_inputs=lambda: [SimpleNamespace(shape=shape)],
        get_modelmeta=lambda: SimpleNamespace(custom_metadata_map=metadata),
    )


@pytest.mark.parametrize(
    ("shape", "metadata", "sides"),
    [
        ([1, 3, 320, 320], {}, (320, 320)),
        ([1, 3, 384, 640], {"imgsz": "[640, 640]"}, (384, 640)),
        (["batch", 3, "height", "width"], {"imgsz": "[384, 384]"}, (384, 384)),
        (["batch", 3, "height", "width"], {"imgsz": "[384, 640]"}, (640, 640)),
        (["batch", 3, "height", "width"], {"imgsz": "512"}, (512, 512)),
        (["batch", 3, None, None], {}, (640, 640)),
    ],
)
def test_the_input_shape(shape: list[Any], metadata: dict[str, str], sides: tuple[int, int]) -> None:
    assert yolo_shape(session_like(shape, metadata)) == Letterbox(sides, open_shape=not isinstance(shape[-1], int))


def red_cell_model(path: Path, side: int | None, imgsz: str | None = None) -> Path:
    """Write a model of YOLO's shape for 64 px that sees a face in each cell of 16 x 16 px that is red.

    Its scores are the means of the first channel of each cell, so its input must be RGB from 0 to 1.
    """
    centres = np.array([(x, y, 16, 16) for y in range(8, 64, 16) for x in range(8, 64, 16)], np.float32).T[None]
    axes: list[int | str] = [side, side] if side else ["height", "width"]
    frames = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, *axes])
    output = helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 5, 16])
    constants = [
        helper.make_tensor("boxes", TensorProto.FLOAT, centres.shape, centres.ravel().tolist()),
        helper.make_tensor("first", TensorProto.INT64, [1], [0]),
        helper.make_tensor("shape", TensorProto.INT64, [3], [1, 1, 16]),
    ]
    nodes = [
        helper.make_node("Gather", ["images", "first"], ["red"], axis=1),
        helper.make_node("AveragePool", ["red"], ["cells"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Reshape", ["cells", "shape"], ["scores"]),
        helper.make_node("Concat", ["boxes", "scores"], ["output0"], axis=1),
    ]
    graph = helper.make_graph(nodes, "red_cells", [frames], [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    if imgsz:
        helper.set_model_props(model, {"imgsz": imgsz})
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def red_cells(tmp_path: Path) -> Callable[..., Callable[[Pixels], list[Face]]]:
    """Return a function that loads the model above as a detector."""

    def load(side: int | None = 64, imgsz: str | None = None) -> Callable[[Pixels], list[Face]]:
        path = red_cell_model(tmp_path / "model.onnx", side, imgsz)
        return partial(faces_in, load_detector(str(path), Settings(device="cpu", min_score=0.9)))

    return load


def with_block(width: int, height: int, x: int, y: int, size: int, colour: tuple[int, int, int] = RED) -> Pixels:
    pixels = plain(BLACK, width, height)
    pixels[y : y + size, x : x + size] = colour
    return pixels


@pytest.mark.parametrize(
    ("pixels", "box"),
    [
        (with_block(64, 64, 16, 32, 16), (0.25, 0.5, 0.5, 0.75)),
        (with_block(64, 32, 32, 16, 16), (0.5, 0.5, 0.75, 1.0)),  # 16 px of grey above and below
        (with_block(32, 64, 0, 48, 16), (0.0, 0.75, 0.5, 1.0)),  # 16 px of grey at both sides
        (with_block(640, 320, 160, 0, 160), (0.25, 0.0, 0.5, 0.5)),  # ten times smaller
    ],
    ids=["square", "wide", "high", "large"],
)
@pytest.mark.parametrize("imgsz", [None, "[640, 640]"])
def test_yolo_finds_a_face_as_fractions_of_the_frame(
    red_cells: Callable[..., Callable[[Pixels], list[Face]]],
    pixels: Pixels,
    box: tuple[float, ...],
    imgsz: str | None,
) -> None:
    [found] = red_cells(64, imgsz)(pixels)
    assert found.box == pytest.approx(box, abs=1e-4)
    assert found.score == pytest.approx(1, abs=0.01)


def test_a_model_of_open_shape_gets_the_side_of_its_metadata(
    red_cells: Callable[..., Callable[[Pixels], list[Face]]],
) -> None:
    [found] = red_cells(None, "[64, 64]")(with_block(640, 640, 160, 320, 160))
    assert found.box == pytest.approx((0.25, 0.5, 0.5, 0.75), abs=1e-4)


@pytest.mark.parametrize(
    ("width", "height", "shape", "place"),
    [
        (1280, 720, (384, 640), (0, 12, 640, 360)),
        (720, 1280, (640, 384), (12, 0, 360, 640)),
        (100, 100, (640, 640), (0, 0, 640, 640)),
        (640, 10, (32, 640), (0, 11, 640, 10)),
    ],
)
def test_an_open_shape_wastes_less_than_32_pixels(
    width: int, height: int, shape: tuple[int, int], place: tuple[int, ...]
) -> None:
    ground, found = Letterbox((640, 640), open_shape=True)(plain(RED, width, height))
    assert ground.shape == (*shape, 3)
    assert found == pytest.approx(place)


def test_yolo_sees_rgb_and_grey_borders(red_cells: Callable[..., Callable[[Pixels], list[Face]]]) -> None:
    look = red_cells()
    assert look(with_block(64, 32, 32, 16, 16, BLUE)) == []
    assert look(plain(BLACK, 64, 32)) == []


def test_yolo_in_a_folder(tmp_path: Path) -> None:
    red_cell_model(tmp_path / "model.onnx", 64)
    [found] = faces_in(load_detector(str(tmp_path), Settings(device="cpu")), with_block(64, 64, 16, 32, 16))
    assert found.box == (0.25, 0.5, 0.5, 0.75)


def test_a_model_of_another_kind_is_wrong_use(tmp_path: Path) -> None:
    numbers = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 64, 64, 3]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "no_yolo", numbers[:1], numbers[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(UsageError, match=r"model\.onnx"):
        load_detector(str(tmp_path), Settings(device="cpu"))


def test_frames_are_looked_at_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [save_frame(tmp_path / f"{n}.png", colour_of) for n, colour_of in enumerate([plain(BLUE), plain(RED)])]
    paths.append(tmp_path / "broken.png")
    paths[2].write_bytes(b"broken")
    monkeypatch.setattr(
        detect,
        "load_detector",
        lambda name, settings: InWorker(
            lambda pixels: [face(0.1, 0.2, 0.3, 0.4)] if tuple(pixels[0, 0]) == BLUE else []
        ),
    )
    results = list(find_faces(paths, Settings(), Limits(), 1))
    assert [path for path, _ in results] == paths
    assert [seen.faces for _, seen in results[:2] if isinstance(seen, Seen)] == [[face(0.1, 0.2, 0.3, 0.4)], []]
    assert isinstance(results[2][1], Unreadable)


def test_without_frames_no_detector_is_loaded() -> None:
    assert list(find_faces([], Settings("no such model"), Limits(), 1)) == []


def test_animeface_finds_faces_in_processes(tmp_path: Path) -> None:
    pytest.importorskip("animeface")
    paths = [save_frame(tmp_path / f"{x}.png", on_canvas(x, 50, 320, 240)) for x in (0, 140)]
    results = [seen for _, seen in find_faces(paths, Settings(), Limits(), 2)]
    assert [len(seen.faces) for seen in results if isinstance(seen, Seen)] == [1, 1]
