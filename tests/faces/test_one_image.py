"""Faces of one image, as a notebook asks for them."""

import doctest
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from framekit.errors import UnreadableFrame, UsageError
from framekit.faces import Limits, detect, detect_faces
from framekit.faces.animeface import drawn_face
from tests.conftest import save_frame


def test_a_path_a_pillow_image_and_pixels_have_the_same_faces(tmp_path: Path) -> None:
    pytest.importorskip("animeface")
    path = save_frame(tmp_path / "x.png", drawn_face())
    [face] = detect_faces(path)
    assert [face] == detect_faces(str(path)) == detect_faces(Image.open(path)) == detect_faces(drawn_face())
    assert face.score > 0.7
    assert detect_faces(path, limits=Limits(min_size=0.9)) == []


def test_what_is_no_image_and_an_unknown_model_are_errors(tmp_path: Path) -> None:
    pytest.importorskip("animeface")
    (tmp_path / "x.png").write_bytes(b"broken")
    with pytest.raises(UnreadableFrame):
        detect_faces(tmp_path / "x.png")
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8 RGB, not \(4, 4\) float64"):
        detect_faces(np.zeros((4, 4)))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="there is no model nowhere"):
        detect_faces(drawn_face(), "nowhere")


def test_the_example_runs() -> None:
    pytest.importorskip("animeface")
    assert doctest.testmod(detect) == doctest.TestResults(failed=0, attempted=5)
