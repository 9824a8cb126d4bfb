"""What shuffling must not move: the count, and the name or trigger word of a character."""

import json
from pathlib import Path
from typing import Any

import pytest

import prepare_training
from framekit.files.atomic import read_toml
from framekit.sidecars.metadata import metadata_from
from framekit.training.captions import CaptionRules, parts_to_keep
from tests.helpers_dataset import add_frame, add_text

AOBA: dict[str, Any] = {"count": 1, "characters": ["Aoba"], "tags": ["sky", "tree"]}


@pytest.mark.parametrize(
    ("text", "names", "kept"),
    [
        ("1person, Aoba, sky", ["Aoba"], 2),
        ("Aoba, sky", ["Aoba"], 1),
        ("2people, Aoba Hinata, Aoba (cosplay)", ["Aoba", "Hinata"], 2),
        ("sky, tree", ["Aoba"], 1),
        ("sky", [], 1),
        ("Aobayama, 1person, a drawing of aoba, sky", ["Aoba"], 3),
        ("1person, Aoba\nx, y, Aoba", ["Aoba"], 3),
        (r"1person, Saber (Fate), sky", ["Saber (Fate)"], 2),
    ],
)
def test_parts_up_to_the_last_name_are_kept(text: str, names: list[str], kept: int) -> None:
    assert parts_to_keep(text, metadata_from({"characters": names}), CaptionRules()) == kept


def test_trigger_words_and_brackets_are_names(tmp_path: Path) -> None:
    known = metadata_from({"characters": ["Saber (Fate)"]})
    assert parts_to_keep("1person, sbr girl, sky", known, CaptionRules(triggers={"Saber (Fate)": "sbr girl"})) == 2
    assert parts_to_keep(r"1person, Saber \(Fate\), sky", known, CaptionRules(escape_brackets=True)) == 2


def test_kohya_and_onetrainer_keep_the_name(tmp_path: Path) -> None:
    for name in ("a/x", "a/y", "b/z"):
        add_frame(tmp_path / f"{name}.png", **AOBA)
    add_frame(tmp_path / "others" / "n.png", count=0, tags=["sky", "tree"])
    add_text(tmp_path / "b" / "z.png", ".txt", "sky, a day, with Aoba, tree\n")  # by hand
    assert prepare_training.main(["--src_dir", str(tmp_path), "--trainer", "kohya", "onetrainer"]) == 0
    held = read_toml(tmp_path / "dataset_config.toml")
    assert held["general"]["keep_tokens"] == 2
    (dataset,) = held["datasets"]
    assert [one.get("keep_tokens") for one in dataset["subsets"]] == [None, 3, None]
    listed = json.loads((tmp_path / "onetrainer_concepts.json").read_text())
    assert [one["text"]["keep_tags_count"] for one in listed] == [2, 3, 1]


def test_folders_without_a_config_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_frame(tmp_path / "set" / "a" / "x.png", **AOBA)
    options = ["--dst_dir", str(tmp_path / "out"), "--trainer", "kohya", "--kohya_form", "folders"]
    assert prepare_training.main(["--src_dir", str(tmp_path / "set"), *options]) == 0
    assert "--keep_tokens=2" in capsys.readouterr().out


def test_columns_of_other_trainers_are_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_frame(tmp_path / "a" / "x.png", **AOBA)
    assert prepare_training.main(["--src_dir", str(tmp_path), "--trainer", "everydream2"]) == 0
    said = capsys.readouterr().out
    assert "repeats" not in said and "kohya" not in said and "multiply" in said
