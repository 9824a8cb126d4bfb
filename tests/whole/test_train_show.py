"""classify_characters.py with methods that train, on drawn heads; where torch and learn2learn are installed."""

import importlib.util
import json
from pathlib import Path

import pytest

import classify_characters
from tests.characters.helpers import HAIR, head, names_of, show
from tests.conftest import save_frame, tree
from tests.helpers_dataset import add_faces, loaded

if importlib.util.find_spec("learn2learn") is None:
    pytest.skip("make test-train installs it", allow_module_level=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return frames of three characters, and three references of each."""
    root = tmp_path_factory.mktemp("train")
    show(root)
    for name, hair in HAIR.items():
        for turn in (-8, 0, 8):
            path = save_frame(root / f"references/{name.capitalize()}/{turn + 9}.png", head(hair, turn))
            add_faces(path, (0.28, 0.32, 0.72, 0.84))
    return root


def classify(folder: Path, *words: str) -> int:
    places = ["--src_dir", str(folder / "frames"), "--ref_dir", str(folder / "references")]
    return classify_characters.main([*places, "--workers", "1", *words])


@pytest.mark.parametrize("method", ["proto", "maml", "siamese"])
def test_a_trained_method_names_the_frames_and_keeps_its_head(
    folder: Path, method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--method", method, "--redo", "--unknown_below", "0.5"]
    assert classify(folder, *words) == 0
    assert "trained " in capsys.readouterr().out
    frames = sorted((folder / "frames/EP01").glob("*.png"))
    assert [names_of(frame) for frame in frames] == [[frame.stem.split("_")[0].capitalize()] for frame in frames]
    assert loaded(frames[0], ".characters.json")["model"] == f"colour_shape {method} seed0"
    (kept,) = (folder / "references/.heads").glob(f"{method}-*.safetensors")
    assert json.loads(kept.with_suffix(".json").read_text())["method"] == method
    before = {name: content for name, (content, _) in tree(folder / "frames").items()}
    assert classify(folder, *words) == 0
    assert "trained " not in capsys.readouterr().out
    kept.unlink()
    assert classify(folder, *words) == 0
    assert {name: content for name, (content, _) in tree(folder / "frames").items()} == before


def test_a_trained_method_is_evaluated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert classify(folder, "--method", "proto", "--evaluate", str(folder / "who.png")) == 0
    out = capsys.readouterr().out
    assert "calibrated on 9 references" in out
    assert "0 wrong" in out
