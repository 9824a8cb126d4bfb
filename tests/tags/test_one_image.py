"""Tags of one image, as a notebook asks for them."""

import doctest
from pathlib import Path

import pytest
from PIL import Image

from framekit.faces.animeface import drawn_face
from framekit.tags import Thresholds, predict, tag
from tests.conftest import plain, save_frame
from tests.tags.helpers import OLIVE, channel_tagger


def test_a_path_a_pillow_image_and_pixels_have_the_same_tags(tmp_path: Path) -> None:
    pytest.importorskip("animeface")
    path = save_frame(tmp_path / "x.png", drawn_face())
    tags = tag(path)
    assert next(iter(tags)) == "solo"
    assert list(tags.values()) == sorted(tags.values(), reverse=True)
    assert tags == tag(str(path)) == tag(Image.open(path)) == tag(drawn_face())


def test_a_tagger_gives_its_scores_above_the_thresholds(tmp_path: Path) -> None:
    model = str(channel_tagger(tmp_path / "model", batch=2))
    pixels = plain(OLIVE, 4, 4)
    assert tag(pixels, model) == pytest.approx({"third": 200 / 255, "second": 100 / 255})
    assert list(tag(pixels, model, Thresholds(general=0.01))) == ["third", "second", "first"]
    assert tag(pixels, model, Thresholds(general=0.9)) == {}


def test_the_example_runs() -> None:
    pytest.importorskip("animeface")
    assert doctest.testmod(predict) == doctest.TestResults(failed=0, attempted=3)
