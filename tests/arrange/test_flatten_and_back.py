"""The documented undo, and arranging anew after it: each frame is there once, with what people made of it."""

from pathlib import Path

import pytest

import arrange_folders
import prepare_training
from framekit.dataset import removed
from tests.conftest import patchwork
from tests.helpers_dataset import add_frame, correct, frames_in, loaded

WAYS = ("copy", "hardlink", "symlink")
HOME = ["EP01/a.png", "EP01/b.png", "EP02/c.png"]
ARRANGED = ["Aoba/a.png", "Aoba/b.png", "Hinata/c.png"]


def arrange(folder: Path, *options: str) -> int:
    """Arrange folder/frames in folder/training by character."""
    words = [str(folder / "frames"), "--dst_dir", str(folder / "training"), "--format", "character"]
    return arrange_folders.main([*words, "--min_image_per_combination", "1", *options])


@pytest.fixture
def show(tmp_path: Path, way: str) -> Path:
    """Return a small dataset with its tree, which is prepared and holds a caption by hand."""
    for number, name in enumerate(HOME):
        who = "Hinata" if number == 2 else "Aoba"
        add_frame(tmp_path / "frames" / name, patchwork(number), count=1, characters=[who], tags=["hat"])
    assert arrange(tmp_path, f"--{way}") == 0
    assert prepare_training.main([str(tmp_path / "training")]) == 0
    (tmp_path / "training/Aoba/a.txt").write_text("by hand")
    return tmp_path


@pytest.mark.parametrize("way", WAYS)
def test_a_tree_that_was_flattened_in_its_place_is_arranged_once(
    show: Path, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    training = show / "training"
    for _ in range(2):
        assert arrange_folders.main([str(training), "--flatten"]) == 0
        assert frames_in(training) == HOME
        correct(show / "frames/EP02/c.png", tags=["bow"])
        assert arrange(show, f"--{way}") == 0
        assert "put there by hand" not in capsys.readouterr().out
        assert frames_in(training) == ARRANGED
        assert (training / "Aoba/a.txt").read_text() == "by hand"
        assert loaded(training / "Hinata/c.png")["tags"] == ["bow"]
        assert not list(training.glob("EP0*"))
    assert prepare_training.main([str(training)]) == 0
    assert "3 captions" in capsys.readouterr().out
    assert len([path for path in training.rglob("?.txt") if ".removed" not in path.parts]) == 3


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("home", ["training", "frames"])
def test_a_frame_that_was_deleted_by_hand_stays_away(show: Path, home: str, capsys: pytest.CaptureFixture[str]) -> None:
    training = show / "training"
    for path in list((training / "Aoba").glob("b.*")):
        path.unlink()
    assert arrange_folders.main([str(training), "--dst_dir", str(show / home), "--flatten"]) == 0
    assert arrange(show) == 0
    assert frames_in(training) == ["Aoba/a.png", "Hinata/c.png"]
    assert "1 deleted by hand and left alone" in capsys.readouterr().out


@pytest.mark.parametrize("way", ["copy"])
def test_what_flatten_leaves_is_told(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training = show / "training"
    (show / "frames/EP01/a.txt").write_text("older")
    (training / "Aoba/multiply.txt").write_text("3")
    assert arrange_folders.main([str(training), "--dst_dir", str(show / "frames"), "--flatten"]) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert "3 frames back in" in told
    assert f"2 factors in {training}/.removed/flattened" in told
    assert "older versions of files in" in told
    assert "other file such as dataset_config.toml left in" in told
    assert frames_in(training) == []


@pytest.mark.parametrize("way", ["copy"])
def test_what_was_set_aside_comes_back_after_flatten(show: Path) -> None:
    removed.remove(show / "frames", show / "frames/EP02/c.png", "dark")
    assert arrange(show) == 0
    assert arrange_folders.main([str(show / "training"), "--flatten"]) == 0
    removed.restore(show / "frames", [], ["dark"], dry_run=False)
    assert arrange(show) == 0
    assert frames_in(show / "training") == ARRANGED
