"""Frames whose colours trainers convert wrongly: exported in 8 bits, and told by --check where they lie as they are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import prepare_training
from tests.conftest import tree
from tests.helpers_trainers import SIDE, add_known, check, export

GREY = 100  # of 255


def save(frame: Path, image: Image.Image) -> Path:
    """Write another image to the place of a frame with metadata; return its path."""
    add_known(frame.with_suffix(".png")).unlink()
    image.save(frame)
    return frame


IMAGES = {
    "I;16.png": Image.fromarray(np.full((SIDE, SIDE), GREY * 257, np.uint16)),
    "CMYK.jpg": Image.new("RGB", (SIDE, SIDE), (GREY,) * 3).convert("CMYK"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_an_export_is_right_as_trainers_convert_it(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = save(tmp_path / "set" / "a" / name, IMAGES[name])
    plain = add_known(tmp_path / "set" / "a" / "plain.png")
    before = frame.read_bytes()
    root = export(tmp_path / "set", "kohya")
    with Image.open(root / "a" / name) as image:
        assert np.asarray(image.convert("RGB")).mean() == pytest.approx(GREY, abs=2)
    assert (root / "a" / "plain.png").samefile(plain)
    assert check(root, "kohya", capsys) == []
    assert frame.read_bytes() == before
    held = tree(root / "a")
    export(tmp_path / "set", "kohya")
    assert tree(root / "a") == held


@pytest.mark.parametrize("name", IMAGES)
def test_in_place_it_is_told(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = save(tmp_path / "set" / "a" / name, IMAGES[name])
    assert prepare_training.main(["--src_dir", str(tmp_path / "set"), "--resolution", str(SIDE)]) == 0
    (line,) = check(tmp_path / "set", "kohya", capsys)
    assert line.startswith(f"{frame}: ")
    assert "--max_image_size" in line


def test_two_deep_greys_are_not_one_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for level in (50, 100):
        save(tmp_path / "set" / "a" / f"{level}.png", Image.fromarray(np.full((SIDE, SIDE), level * 257, np.uint16)))
    assert prepare_training.main(["--src_dir", str(tmp_path / "set"), "--resolution", str(SIDE)]) == 0
    assert not [line for line in check(tmp_path / "set", "kohya", capsys) if "same-picture" in line]
