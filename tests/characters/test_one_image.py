"""Names of the faces of one image, as a notebook asks for them."""

import doctest
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from framekit.boxes import Face
from framekit.characters import Choice, NamedFace, load_recogniser, recognise
from framekit.errors import UnreadableFrame, UsageError
from tests.characters.helpers import LEFT, RIGHT, add_references, shade
from tests.conftest import plain, save_frame
from tests.helpers_dataset import MIDDLE

ONE_FACE = [Face(MIDDLE, 0.9)]


@pytest.mark.usefixtures("asked")
def test_a_path_a_pillow_image_and_pixels_have_the_same_names(tmp_path: Path) -> None:
    recogniser = load_recogniser(
        str(add_references(tmp_path, Aoba=[0], Hinata=[90])), Choice(method="knn", unknown_below=0.9)
    )
    pixels = shade(10)
    path = save_frame(tmp_path / "x.png", pixels)
    [face] = recogniser.name(path, ONE_FACE)
    assert (face.box, face.name) == (MIDDLE, "Aoba")
    assert face.score == pytest.approx(np.cos(np.radians(10)), abs=0.005)
    assert face.runner_up is not None
    assert face.runner_up.name == "Hinata"
    assert [face] == recogniser.name(str(path), ONE_FACE)
    assert [face] == recogniser.name(Image.open(path), ONE_FACE) == recogniser.name(pixels, ONE_FACE)


@pytest.mark.usefixtures("asked")
def test_faces_are_named_in_the_order_given_and_none_is_no_name(tmp_path: Path) -> None:
    recogniser = load_recogniser(add_references(tmp_path, Aoba=[0], Hinata=[90]), Choice(unknown_below=0.9))
    image = np.hstack([shade(90), shade(0)])
    faces = [Face(RIGHT, 0.9), Face(LEFT, 0.9)]
    assert [face.name for face in recogniser.name(image, faces)] == ["Aoba", "Hinata"]
    assert recogniser.name(image, []) == []


@pytest.mark.usefixtures("asked")
def test_a_face_like_nobody_is_unknown_and_a_single_character_has_no_runner_up(tmp_path: Path) -> None:
    recogniser = load_recogniser(add_references(tmp_path, Aoba=[0]), Choice(unknown_below=0.9))
    [face] = recogniser.name(shade(90), ONE_FACE)
    assert face == NamedFace(MIDDLE, "unknown", face.score, None)


@pytest.mark.usefixtures("asked")
def test_remarks_say_what_was_not_used_and_how_the_threshold_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = add_references(tmp_path, Aoba=[0])
    save_frame(folder / "Aoba/sky.png", plain((10, 10, 250), 60, 60))
    frame = save_frame(tmp_path / "dataset/x.png", shade(45))
    recogniser = load_recogniser(folder, corrected={frame: [(ONE_FACE[0], "Hinata")]})
    faceless, learned, calibration = recogniser.remarks
    assert faceless.startswith(f"no face found in reference {folder / 'Aoba/sky.png'}")
    assert learned == "learned from 1 corrected frame"
    assert calibration.endswith("calibrated on 2 references")
    assert [face.name for face in recogniser.name(shade(45), ONE_FACE)] == ["Hinata"]
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("asked")
def test_what_is_no_image_and_no_references_are_errors(tmp_path: Path) -> None:
    recogniser = load_recogniser(add_references(tmp_path, Aoba=[0]))
    (tmp_path / "x.png").write_bytes(b"broken")
    with pytest.raises(UnreadableFrame):
        recogniser.name(tmp_path / "x.png", ONE_FACE)
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8 RGB, not \(4, 4\) float64"):
        recogniser.name(np.zeros((4, 4)), ONE_FACE)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="is not a folder"):
        load_recogniser(tmp_path / "nowhere")


def test_the_example_runs() -> None:
    pytest.importorskip("animeface")
    assert doctest.testmod(recognise) == doctest.TestResults(failed=0, attempted=13)
