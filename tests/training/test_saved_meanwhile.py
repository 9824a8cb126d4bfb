"""What a person saves while prepare_training.py writes: it stays, and counts as edited."""

import json
from pathlib import Path

import pytest

import prepare_training
from framekit.files.atomic import read_toml
from tests.conftest import SavedMeanwhile, plain
from tests.helpers_dataset import add_frame, correct, names_in

KOHYA = "dataset_config.toml"
KEPT = "kept {} hand-edited file"


def prepare(root: Path, *options: str) -> None:
    assert prepare_training.main(["--src_dir", str(root), *options]) == 0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a dataset of 3 frames in two folders."""
    for name in ("a/x", "a/y", "b/w"):
        add_frame(tmp_path / "set" / f"{name}.png", plain((90, 120, 150), 24, 24), count=1, characters=["Aoba"])
    return tmp_path / "set"


@pytest.mark.parametrize("is_first_run", [True, False])
@pytest.mark.parametrize("options", [[], ["--overwrite_corrections"]])
def test_a_caption_stays(
    root: Path,
    saved_meanwhile: SavedMeanwhile,
    capsys: pytest.CaptureFixture[str],
    is_first_run: bool,
    options: list[str],
) -> None:
    if not is_first_run:
        prepare(root)
        for frame in root.rglob("*.png"):
            correct(frame, characters=["Hinata"])
    saved_meanwhile({root / "a" / "x.txt": "by hand\n", root / "b" / "w.txt": "mine\n"})
    prepare(root, *options)
    assert (root / "a" / "x.txt").read_text() == "by hand\n"
    assert (root / "b" / "w.txt").read_text() == "mine\n"
    assert KEPT.format(2) in capsys.readouterr().out
    assert not [name for name in names_in(root / "a") if name.endswith(".tmp")]
    prepare(root)
    assert (root / "a" / "x.txt").read_text() == "by hand\n"
    assert KEPT.format(2) in capsys.readouterr().out


def test_an_edit_before_the_run_is_dropped_and_one_during_it_stays(root: Path, saved_meanwhile: SavedMeanwhile) -> None:
    prepare(root)
    for name in ("a/x", "a/y"):
        (root / f"{name}.txt").write_text("before\n")
    saved_meanwhile({root / "a" / "x.txt": "during\n"})
    prepare(root, "--overwrite_corrections")
    assert (root / "a" / "x.txt").read_text() == "during\n"
    assert (root / "a" / "y.txt").read_text() == "1person, Aoba\n"


def test_a_caption_stands_in_the_lists_of_captions_at_once(root: Path, saved_meanwhile: SavedMeanwhile) -> None:
    saved_meanwhile({root / "a" / "x.txt": "by hand\n"})
    prepare(root, "--trainer", "diffusers")
    rows = [json.loads(line) for line in (root / "metadata.jsonl").read_text().splitlines()]
    assert {row["file_name"]: row["text"] for row in rows}["a/x.png"] == "by hand"


def test_a_factor_stays(root: Path, saved_meanwhile: SavedMeanwhile, capsys: pytest.CaptureFixture[str]) -> None:
    saved_meanwhile({root / "b" / "multiply.txt": "7.5\n"})
    prepare(root)
    assert (root / "b" / "multiply.txt").read_text() == "7.5\n"
    assert KEPT.format(1) in capsys.readouterr().out
    prepare(root)
    assert (root / "b" / "multiply.txt").read_text() == "7.5\n"


@pytest.mark.parametrize("edited_before", [False, True])
def test_a_config_is_renewed_around_what_was_changed(
    root: Path, saved_meanwhile: SavedMeanwhile, capsys: pytest.CaptureFixture[str], edited_before: bool
) -> None:
    prepare(root)
    path = root / KOHYA
    if edited_before:
        path.write_text(path.read_text().replace("keep_tokens = 2", "keep_tokens = 3"))
    add_frame(root / "c" / "v.png", plain((90, 120, 150), 24, 24), count=1, characters=["Aoba"])
    capsys.readouterr()
    saved_meanwhile({path: path.read_text().replace("resolution = 1024", "resolution = 640")})
    prepare(root)
    config = read_toml(path)
    (dataset,) = config["datasets"]
    assert dataset["resolution"] == 640
    assert config["general"]["keep_tokens"] == 3 if edited_before else 2
    assert {Path(one["image_dir"]).name: one["num_repeats"] for one in dataset["subsets"]} == {"a": 1, "b": 2, "c": 2}
    assert KEPT.format(1) in capsys.readouterr().out
    add_frame(root / "c" / "u.png", plain((90, 120, 150), 24, 24), count=1, characters=["Aoba"])
    prepare(root)  # repeats were no edits
    (dataset,) = read_toml(path)["datasets"]
    assert dataset["resolution"] == 640
    assert {Path(one["image_dir"]).name: one["num_repeats"] for one in dataset["subsets"]} == {"a": 1, "b": 2, "c": 1}


def test_a_caption_in_the_folder_of_a_trainer_stays(root: Path, saved_meanwhile: SavedMeanwhile) -> None:
    out = root.parent / "out"
    prepare(root, "--dst_dir", str(out), "--trainer", "kohya")
    correct(root / "a" / "x.png", characters=["Hinata"])
    saved_meanwhile({out / "kohya" / "a" / "x.txt": "by hand\n"})
    prepare(root, "--dst_dir", str(out), "--trainer", "kohya")
    assert (out / "kohya" / "a" / "x.txt").read_text() == "by hand\n"
