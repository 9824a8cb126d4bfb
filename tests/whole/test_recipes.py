"""Recipes of the documentation, followed to the letter."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import ROOT, patchwork, plain, save_frame
from tests.helpers_dataset import add_faces, add_frame


def commands(recipe: str) -> list[list[str]]:
    """Return the commands in the first block of a recipe, with the tagger that needs no download."""
    text = (ROOT / "docs" / "recipes" / recipe).read_text(encoding="utf-8")
    block = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert block
    lines = [shlex.split(line)[1:] for line in block[1].splitlines()]
    return [[*line, *["--model", "measured"] * (line[0] == "tag_images.py")] for line in lines]


def test_fan_art_and_regularization(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    add_frame(Path("dataset/frames/EP01/s.png"), patchwork(1), count=1, characters=["Aoba"], tags=["sky"])
    for number, folder in enumerate(("fanart", "reg")):
        add_faces(save_frame(Path(folder) / "light.png", patchwork(number + 2)))
        add_faces(save_frame(Path(folder) / "black.png", plain((number, 0, 0))))
    for script, *words in commands("fanart.md"):
        assert importlib.import_module(script.removesuffix(".py")).main(words) == 0
    assert "nothing but the general text" not in capsys.readouterr().out
    captions = {path.stem: path.read_text() for path in Path("dataset/training").rglob("*.txt")}
    assert len(captions) == 4  # black and light twice, s, multiply
    assert "dark" in captions["black"]
