"""Weights of folders as spreadsheets write them, and names of folders with brackets."""

from pathlib import Path, PurePosixPath

import pytest

import generate_metadata
import prepare_training
from framekit.errors import UsageError
from framekit.training.weights import read_weights, weight_of, weights_for
from tests.helpers_dataset import add_frame, loaded

SUB, OTHER = "[Sub] Show", "S Show"


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("a;0,5\nb;1\n", 0.5),
        ("sep=;\r\na;1,25\r\n", 1.25),
        ("a\t2,5\nb\t1\n", 2.5),
        ("folder;weight\na;3\nb;1\n", 3.0),
        ('a,"1,5"\n', 1.5),
        ("a;0,125\nb;1\n", 0.125),
        ("a,1e2\n", 100.0),
    ],
)
def test_numbers_of_spreadsheets(tmp_path: Path, text: str, weight: float) -> None:
    (tmp_path / "w.csv").write_bytes(text.encode("utf-8-sig"))
    assert weight_of(PurePosixPath("a"), read_weights(tmp_path / "w.csv")) == weight


@pytest.mark.parametrize("number", ["1,000", "1,0,0", "1.000,5", "3x", "50%"])
def test_a_number_that_could_mean_another_is_refused(tmp_path: Path, number: str) -> None:
    (tmp_path / "w.csv").write_text(f"a;1\nb;{number}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=rf"w\.csv, line 2: the weight of b, {number}, is not a number"):
        read_weights(tmp_path / "w.csv")


@pytest.mark.parametrize(
    ("pattern", "weighed"),
    [
        (SUB, {SUB}),
        (f"x/{SUB}", {SUB}),
        ("x/[Sub]*", {SUB}),
        ("x/?Sub] Show", {SUB}),
        ("x/[R-T] Show", {OTHER}),
        ("*/[[]Sub] Show", {SUB}),
        ("x/*Show", {SUB, OTHER}),
    ],
)
def test_brackets_stand_for_themselves_where_a_folder_is_called_so(pattern: str, weighed: set[str]) -> None:
    folders = [PurePosixPath("x", SUB), PurePosixPath("x", OTHER)]
    weights = weights_for([(pattern, 7.0)], folders)
    assert {folder.name for folder in folders if weight_of(folder, weights) == 7.0} == weighed


def test_brackets_are_a_choice_where_none_is_called_so() -> None:
    weights = weights_for([("x/[RS] Show", 7.0)], [PurePosixPath("x", OTHER)])
    assert weight_of(PurePosixPath("x", OTHER), weights) == 7.0


def test_the_script_weighs_a_folder_with_brackets(tmp_path: Path) -> None:
    for name in (SUB, OTHER):
        add_frame(tmp_path / "set" / name / "x.png", count=1, characters=["Aoba"])
    (tmp_path / "w.csv").write_text("[Sub]*,4\n", encoding="utf-8")
    words = [str(tmp_path / "set"), "--weight_csv", str(tmp_path / "w.csv"), "--trainer", "everydream2"]
    assert prepare_training.main(words) == 0
    factors = {name: (tmp_path / "set" / name / "multiply.txt").read_text(encoding="utf-8") for name in (SUB, OTHER)}
    assert {name: float(text) for name, text in factors.items()} == {SUB: 4.0, OTHER: 1.0}


@pytest.mark.parametrize(
    ("pattern", "read"),
    [
        (f"{SUB}/character", {SUB}),
        ("[Sub]*/character", {SUB}),
        ("[R-T]*/character", {OTHER}),
        ("*/character", {SUB, OTHER}),
    ],
)
def test_characters_are_read_from_folders_with_brackets(tmp_path: Path, pattern: str, read: set[str]) -> None:
    frames = {
        name: add_frame(tmp_path / name / "Aoba" / "x.png", count=1, characters=["unknown"]) for name in (SUB, OTHER)
    }
    assert generate_metadata.main([str(tmp_path), "--characters_from_folders", pattern]) == 0
    assert {name for name, frame in frames.items() if loaded(frame)["characters"] == ["Aoba"]} == read


def test_trigger_words_and_renames_in_all_forms(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "set" / "x.png", count=1, characters=["Aoba"], tags=["hat"])
    words = [str(tmp_path / "set"), "--trainer", "everydream2", "--trigger_csv", str(tmp_path / "t.csv")]
    for content in (
        b'Aoba,"kkn girl, blonde hair"\n',
        'character;trigger words\r\nAoba;"kkn girl, blonde hair"\r\n'.encode("utf-8-sig"),
        "Aoba\tkkn girl, blonde hair\r\n".encode("utf-16"),
        b"sep=;\rAoba;kkn girl, blonde hair\r",
    ):
        (tmp_path / "t.csv").write_bytes(content)
        assert prepare_training.main(words) == 0
        caption = frame.with_suffix(".txt").read_text(encoding="utf-8")
        assert "kkn girl blonde hair" in caption
        assert '"' not in caption
    (tmp_path / "names.tsv").write_bytes('"Aoba"\t"Aoba ""K"" Kokona"\r\n'.replace('""K"" ', "").encode("utf-16"))
    assert generate_metadata.main([str(tmp_path / "set"), "--rename", str(tmp_path / "names.tsv")]) == 0
    assert loaded(frame)["characters"] == ["Aoba Kokona"]


def test_rows_that_mean_no_folder_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_frame(tmp_path / "set" / "1_character" / "Aoba" / "x.png", characters=["Aoba"])
    (tmp_path / "w.csv").write_text("1_charcter,2\nAoba,2\n*/Aoba,3\n*/Hinata,3\n.,1\n")
    assert prepare_training.main([str(tmp_path / "set"), "--weight_csv", str(tmp_path / "w.csv")]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "--weight_csv: no folder is meant by 1_charcter; did you mean 1_character?",
        "--weight_csv: no folder is meant by */Hinata",
    ]
