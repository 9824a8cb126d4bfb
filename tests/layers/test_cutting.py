"""The layers of one shot: what is cut out, where it lies, and all put together."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from framekit.boxes import Face
from framekit.errors import BadSidecar, UnreadableFrame
from framekit.files.names import mask_of
from framekit.layers import cutting
from framekit.layers.complete import Completion
from framekit.layers.cutting import Frame, Layer, Making, figure_layer, is_named, layers_of, read_frame, with_part
from framekit.layers.matting import CutOut
from framekit.layers.shots import Shot
from framekit.pixels.decode import Pixels
from framekit.sidecars.instances import Figure
from tests.conftest import plain, save_frame
from tests.helpers_dataset import add_faces, add_figures, labels
from tests.helpers_layers import HEIGHT, WIDTH, drawn

WHOLE = (0.0, 0.0, 1.0, 1.0)
FACE = (0.25, 0.25, 0.5, 0.5)


def frame_of(*figures: Figure, mask: bytes = b"", faces: Mapping[tuple[float, float, float, float], str] = {}) -> Frame:
    """Return a frame with these figures, and faces with their names."""
    held = mask or labels([0, 1, 2], [0, 1, 9])
    return Frame(Path("EP01/x.png"), figures, [Face(box, 0.9) for box in faces], faces, held)


def fill(pixels: Pixels, hole: NDArray[np.bool_]) -> Pixels:
    """Fill holes with one colour."""
    return np.where(hole[..., None], np.uint8(77), pixels)


def nothing(pixels: Pixels) -> NDArray[np.bool_]:
    """Return that nothing hides the background."""
    return np.zeros(pixels.shape[:2], bool)


MAKING = Making(fill, "some")


def test_figures_that_are_used_are_those_kept_and_those_painted() -> None:
    listed = [Figure(1, WHOLE, 0.5, kept=False), Figure(2, WHOLE, 0.5, category="object"), Figure(3, WHOLE, 0.1)]
    frame = frame_of(*listed)
    used = frame.used(frame.labels((2, 3)))
    assert [figure.label for figure in used] == [2, 9]  # 3 has no pixels, 9 is in no list
    assert used[1].is_used


def test_what_is_called_background_has_no_label() -> None:
    frame = frame_of(Figure(1, WHOLE, 0.5, category="background"), Figure(2, WHOLE, 0.5))
    assert frame.labels((2, 3)).tolist() == [[0, 0, 2], [0, 0, 9]]
    assert [figure.label for figure in frame.used(frame.labels((2, 3)))] == [2, 9]


def test_labels_come_in_the_size_of_the_frame() -> None:
    assert frame_of().labels((2, 3, 3)).tolist() == [[0, 1, 2], [0, 1, 9]]
    assert frame_of().labels((4, 6)).tolist() == [[0, 0, 1, 1, 2, 2]] * 2 + [[0, 0, 1, 1, 9, 9]] * 2
    with pytest.raises(UnreadableFrame):
        frame_of(mask=b"no picture").labels((2, 3))


def test_a_frame_is_read_as_it_stands_on_disk(tmp_path: Path) -> None:
    frame = save_frame(tmp_path / "x.png", plain((9, 9, 9), 8, 6))
    assert read_frame(frame) is None
    add_figures(frame)
    held = read_frame(frame)
    assert held is not None
    assert [figure.label for figure in held.figures] == [1]
    assert held.faces == []
    add_faces(frame, FACE)
    held = read_frame(frame)
    assert held is not None
    assert [face.box for face in held.faces] == [FACE]
    mask_of(frame).unlink()
    with pytest.raises(BadSidecar, match=r"\.masks/x\.png is gone; put it back, or give --overwrite_corrections"):
        read_frame(frame)


def test_a_cut_out_tells_where_it_lay_and_whose_face_it_holds() -> None:
    figure = Figure(2, WHOLE, 0.5, faces=(FACE,), category="object", track=4)
    frame = frame_of(figure, faces={FACE: "Aoba", (0.3, 0.3, 0.4, 0.4): "Hinata"})
    cut = CutOut(np.zeros((50, 50, 4), np.uint8), (20, 10, 70, 60))
    layer = figure_layer(frame, figure, cut, (100, 100, 3), None)
    assert (layer.kind, layer.name, layer.frame) == ("characters", "x_2.png", Path("EP01/x.png"))
    assert layer.cut == {
        "frame": "x.png", "figure": 2, "box": [0.2, 0.1, 0.7, 0.6], "category": "object", "track": 4
    }  # fmt: skip
    assert [face.box for face in layer.faces] == [(0.1, 0.3, 0.6, 0.8)]
    assert layer.names == ["Aoba"]


def test_a_face_that_lies_outside_and_a_track_that_nobody_knows_are_left_out() -> None:
    figure = Figure(1, WHOLE, 0.5, faces=(FACE,))
    cut = CutOut(np.zeros((10, 10, 4), np.uint8), (90, 90, 100, 100))
    layer = figure_layer(frame_of(figure, faces={FACE: "Aoba"}), figure, cut, (100, 100, 3), None)
    assert (layer.faces, layer.names) == ([], [])
    assert "track" not in layer.cut


def test_what_was_completed_is_told() -> None:
    figure = Figure(1, WHOLE, 0.5)
    filled = np.zeros((10, 10), bool)
    filled[0] = True
    part = Completion(np.zeros((10, 10, 4), np.uint8), filled, (1,))
    layer = figure_layer(frame_of(figure), figure, CutOut(np.zeros((2, 2, 4), np.uint8), (0, 0, 2, 2)), (10, 10), part)
    assert layer.cut["completed"] == 0.1


@pytest.mark.parametrize(
    ("names", "expected"), [([], False), (["unknown"], False), (["", "Aoba"], True), ([""], False)]
)
def test_whether_somebody_named_a_face(names: list[str], expected: bool) -> None:
    layer = Layer("characters", "x.png", b"", [], names, {}, Path("x.png"))
    assert is_named(layer) is expected


def test_what_was_covered_lies_below_the_cut_out() -> None:
    cut = CutOut(np.full((2, 2, 4), (200, 0, 0, 255), np.uint8), (4, 4, 6, 6))
    cut.rgba[0, 0, 3] = 0
    picture, filled = np.zeros((10, 10, 4), np.uint8), np.zeros((10, 10), bool)
    filled[4, 2:5] = True
    picture[filled] = (0, 200, 0, 255)
    whole = with_part(cut, Completion(picture, filled, (1,)))
    assert whole.place == (2, 4, 6, 6)
    assert whole.rgba.shape == (2, 4, 4)
    assert whole.rgba[0].tolist() == [[0, 200, 0, 255], [0, 200, 0, 255], [0, 200, 0, 255], [200, 0, 0, 255]]
    assert whole.rgba[1].tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [200, 0, 0, 255], [200, 0, 0, 255]]
    assert with_part(cut, None) is cut


@pytest.fixture
def shot(tmp_path: Path) -> tuple[Shot, dict[Path, Frame]]:
    """Return a shot of two frames with one figure that moves on, and a third without any."""
    frames = {}
    for number, columns in enumerate(([20], [60], [])):
        path = save_frame(tmp_path / f"{number}.png", drawn(columns))
        picture = np.zeros((HEIGHT, WIDTH), np.uint8)
        for x in columns:
            picture[12:24, x : x + 12] = picture[24:, x - 3 : x + 15] = 1
        figures = [Figure(1, WHOLE, 0.1, track=1)] * len(columns)
        frames[path] = Frame(path, figures, [], {}, labels(*picture.tolist()))
    return Shot(tuple(frames), (0, 3, 6)), frames


def made(shot: Shot, frames: Mapping[Path, Frame], failed: list[Any], making: Making = MAKING) -> list[Layer]:
    """Return the layers of a shot."""
    return [*layers_of(shot, frames, {}, nothing, making, failed)]


def pixels_of(layer: Layer) -> NDArray[np.uint8]:
    """Return the pixels of a layer."""
    return np.asarray(Image.open(BytesIO(layer.content)))


def test_the_layers_of_a_shot(shot: tuple[Shot, dict[Path, Frame]]) -> None:
    found = made(*shot, [])
    assert [f"{one.kind}/{one.name}" for one in found] == [
        "backgrounds/0.png", "characters/0_1.png", "composites/0.png", "characters/1_1.png", "composites/1.png"
    ]  # fmt: skip
    plate = found[0]
    assert plate.cut == {"plate_of": ["0.png", "1.png", "2.png"], "seen": 1.0, "invented": 0.0}
    assert np.abs(pixels_of(plate).astype(int) - drawn([])).mean() < 1
    assert found[2].cut == {"frame": "0.png", "figures": 1}
    assert pixels_of(found[1]).shape[2] == 4


def test_what_no_frame_shows_is_filled_and_told(shot: tuple[Shot, dict[Path, Frame]]) -> None:
    one, frames = shot
    alone = Shot(one.frames[:1], (0,))
    plate = made(alone, frames, [])[0]
    assert plate.cut["fill"] == "some"
    assert 0.05 < plate.cut["invented"] < 0.4
    assert (pixels_of(plate)[40, 26] == 77).all()


def test_an_unreadable_frame_gives_no_layers_and_is_told(shot: tuple[Shot, dict[Path, Frame]]) -> None:
    one, frames = shot
    one.frames[0].write_bytes(b"no picture")
    frames[one.frames[1]] = Frame(one.frames[1], [], [], {}, b"no picture")
    failed: list[tuple[Path, str]] = []
    assert [layer.name for layer in made(one, frames, failed)] == ["0.png"]
    assert [path for path, _ in failed] == [*one.frames[:2]]


def test_a_shot_of_unreadable_frames_gives_nothing(shot: tuple[Shot, dict[Path, Frame]]) -> None:
    one, frames = shot
    for path in one.frames:
        path.write_bytes(b"no picture")
    failed: list[tuple[Path, str]] = []
    assert made(one, frames, failed, Making(fill, "some", complete=True)) == []
    assert len(failed) == 3


def test_a_frame_that_is_all_figure_has_a_cut_out_and_no_background(tmp_path: Path) -> None:
    path = save_frame(tmp_path / "x.png", plain((200, 50, 50), WIDTH, HEIGHT))
    mask = labels(*np.ones((HEIGHT, WIDTH), np.uint8).tolist())
    frames = {path: Frame(path, [Figure(1, WHOLE, 1.0)], [], {}, mask)}
    found = made(Shot((path,), (None,)), frames, [])
    assert [layer.kind for layer in found] == ["characters"]
    assert (pixels_of(found[0])[..., 3] == 255).all()


def test_an_effect_that_a_text_finds(shot: tuple[Shot, dict[Path, Frame]]) -> None:
    one, frames = shot
    glow = drawn([])
    glow[5:25, 70:90] = 255
    Image.fromarray(glow).save(one.frames[2])

    def find(pixels: Pixels) -> NDArray[np.float32]:
        where = np.zeros(pixels.shape[:2], np.float32)
        where[5:25, 70:90] = 1
        return where

    found = made(one, frames, [], Making(fill, "some", find))
    [effect] = [layer for layer in found if layer.kind == "effects" and layer.name == "2.png"]
    assert effect.cut["frame"] == "2.png"
    assert effect.cut["share"] == pytest.approx(400 / HEIGHT / WIDTH, abs=0.05)


@pytest.mark.parametrize(("faces", "kinds"), [([], ["backgrounds"]), ([Face(WHOLE, 0.4)], [])])
def test_a_frame_that_may_show_a_face_gets_into_no_background(
    shot: tuple[Shot, dict[Path, Frame]], monkeypatch: pytest.MonkeyPatch, faces: list[Face], kinds: list[str]
) -> None:
    one, frames = shot
    asked: list[float] = []

    def faint(pixels: Pixels, min_score: float) -> list[Face]:
        asked.append(min_score)
        return faces

    monkeypatch.setattr(cutting, "detect_faces", faint)
    assert [layer.kind for layer in made(Shot(one.frames[2:], (2,)), frames, [])] == kinds
    assert set(asked) == {0.3}
