"""extras/segment_characters.py killed at many moments: run again, it ends where an undisturbed run does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from extras import segment_characters
from framekit.dataset import removed
from framekit.files.names import mask_of
from tests.conftest import ROOT
from tests.helpers_kills import run_killed
from tests.helpers_layers import add_shot, edit, face_box, held, paint, set_faces
from tests.helpers_segmenters import save_fill

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
SCRIPT = "extras.segment_characters"
WORDS = ["ROOT/frames", "--workers", "1"]
LAYERS = ["--layers", "ROOT/layers", "--fill", "ROOT/fill.onnx"]


@pytest.fixture
def shown(tmp_path: Path) -> list[Path]:
    """Return the frames of a dataset: a shot of two, and two of one."""
    save_fill(tmp_path / "base/fill.onnx", 1.0)
    folder = tmp_path / "base/frames/EP01"
    frames = add_shot(folder, "a", [[20, 60], [30, 70]], 0, ["Aoba", "Hinata"])
    return [*frames, *add_shot(folder, "b", [[40]], 1), *add_shot(folder, "c", [[10]], 2)]


@pytest.fixture
def changed(shown: list[Path], tmp_path: Path) -> list[Path]:
    """Return them with figures and layers, after a person corrected some, painted two pictures and removed a frame."""
    words = [word.replace("ROOT", str(tmp_path / "base")) for word in (*WORDS, *LAYERS)]
    assert segment_characters.main(words) == 0
    edit(shown[0], 1, kept=False)
    paint(shown[2], slice(0, 8), 9)
    set_faces(shown[1], face_box(30))
    for name in ("characters/EP01/a0_1.png", "backgrounds/EP01/c0.png"):
        path = tmp_path / "base/layers" / name
        Image.open(path).rotate(180).save(path)
    removed.remove(tmp_path / "base/frames", shown[3], "similar")
    return shown


def of_hand(base: Path) -> dict[str, bytes]:
    """Return the bytes of what a person made or changed."""
    names = ["frames/EP01/.masks/b0.png", "frames/EP01/a0.instances.json"]
    names += ["layers/characters/EP01/a0_1.png", "layers/backgrounds/EP01/c0.png"]
    return {name: (base / name).read_bytes() for name in names}


def test_figures(shown: list[Path], tmp_path: Path, moments: int) -> None:
    run_killed(tmp_path, moments, SCRIPT, *WORDS)
    assert mask_of(tmp_path / "work/root/frames/EP01" / shown[0].name).exists()


def test_layers(shown: list[Path], tmp_path: Path, moments: int) -> None:
    run_killed(tmp_path, moments, SCRIPT, *WORDS, *LAYERS)
    assert len([*(tmp_path / "work/root/layers/characters").rglob("*.png")]) == 6


@pytest.mark.parametrize("words", [[], ["--redo"], ["--shard", "1/1"]], ids=["", "redo", "shard"])
def test_layers_after_corrections(changed: list[Path], tmp_path: Path, moments: int, words: list[str]) -> None:
    assert len(changed) == 4
    before = of_hand(tmp_path / "base")
    run_killed(tmp_path, moments, SCRIPT, *WORDS, *LAYERS, *words)
    assert of_hand(tmp_path / "work/root") == before


def test_figures_over_corrections(changed: list[Path], tmp_path: Path, moments: int) -> None:
    assert len(changed) == 4
    run_killed(tmp_path, moments, SCRIPT, *WORDS, "--overwrite_corrections")
    before, after = of_hand(tmp_path / "base"), of_hand(tmp_path / "work/root")
    assert [name for name in before if after[name] != before[name]] == [*before][:2]


def test_two_shares_at_once_are_one_run(shown: list[Path], tmp_path: Path) -> None:
    assert len(shown) == 4
    shutil.copytree(tmp_path / "base/frames", tmp_path / "alone/frames")
    fill = str(tmp_path / "base/fill.onnx")  # is noted, with the folder
    words = [word.replace("ROOT", str(tmp_path / "alone")) for word in (*WORDS, *LAYERS[:-1])]
    assert segment_characters.main([*words, fill]) == 0
    command = [sys.executable, str(ROOT / "extras/segment_characters.py")]
    command += [word.replace("ROOT", str(tmp_path / "base")) for word in (*WORDS, *LAYERS)]
    both = [subprocess.Popen([*command, "--shard", f"{share}/2"], stderr=subprocess.PIPE) for share in (1, 2)]
    assert [(one.communicate()[1], one.returncode)[1] for one in both] == [0, 0]
    alone, together = (held(tmp_path / name / "layers") for name in ("alone", "base"))
    assert sorted(alone.pop(".layers.jsonl").splitlines()) == sorted(together.pop(".layers.jsonl").splitlines())
    assert {name: content for name, content in alone.items() if together[name] != content} == {}
    assert alone.keys() == together.keys()
