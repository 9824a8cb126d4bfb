"""Options that the last run had and this one has not: said, by the scripts whose options are rules for all frames."""

from pathlib import Path

import pytest

import arrange_folders
import generate_metadata
import prepare_training
from tests.helpers_dataset import MIDDLE, add_faces, add_frame, add_names


@pytest.fixture
def root(tmp_path: Path) -> Path:
    frame = add_frame(tmp_path / "set" / "x.png", count=1, characters=["Aoba"], tags=["hat"])
    add_faces(frame, MIDDLE)
    add_names(frame, {MIDDLE: "Aoba"})
    (tmp_path / "triggers.csv").write_text("Aoba,kkn\n")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what was said of the last run."""
    return [line for line in capsys.readouterr().out.splitlines() if "as the last run had it" in line]


def test_captions_that_lose_their_triggers(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words, csv = ["--src_dir", str(root / "set")], str(root / "triggers.csv")
    assert prepare_training.main([*words, "--trigger_csv", csv, "--resolution", "768", "--trainer", "kohya"]) == 0
    assert said(capsys) == []
    assert prepare_training.main([*words, "--trainer", "kohya", "--check"]) in (0, 1)
    assert said(capsys) == []
    assert prepare_training.main([*words, "--shuffle_tags", "--resolution", "640"]) == 0
    assert said(capsys) == [
        f"without --trainer kohya --resolution 768 --trigger_csv {csv}, as the last run had it;"
        " add that to keep what it did"
    ]
    assert prepare_training.main([*words, "--shuffle_tags", "--resolution", "640"]) == 0
    assert said(capsys) == []


def test_other_scripts_and_other_runs(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames, tree = ["--src_dir", str(root / "set")], ["--src_dir", str(root / "set"), "--dst_dir", str(root / "tree")]
    assert generate_metadata.main([*frames, "--count_from", "tags", "--general_description", "anishot"]) == 0
    assert generate_metadata.main([*frames, "--rename", "Aoba", "Hinata"]) == 0
    assert said(capsys) == []
    assert generate_metadata.main(frames) == 0
    assert said(capsys) == ["without --count_from tags, as the last run had it; add that to keep what it did"]
    assert arrange_folders.main([*tree, "--format", "character", "--hardlink", "--limit", "1"]) == 0
    assert arrange_folders.main(tree) == 0
    assert said(capsys) == [
        "without --levels character --hardlink, as the last run had it; add that to keep what it did"
    ]


def test_a_config_that_is_not_given_again(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "show.toml").write_text("[prepare_training]\nresolution = 640\n")
    words = ["--src_dir", str(root / "set")]
    config = ["--config", str(root / "show.toml")]
    assert prepare_training.main([*words, *config]) == 0
    assert prepare_training.main([*words, *config]) == 0
    assert said(capsys) == []
    assert prepare_training.main(words) == 0
    assert f"without --config {root / 'show.toml'}" in said(capsys)[0]
