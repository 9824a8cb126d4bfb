"""Names of frames, folders and characters that systems, shells and trainers trip over, through the last three steps."""

import json
import os
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

import arrange_folders
import detect_faces
import generate_metadata
import prepare_training
import remove_similar
from tests.helpers_dataset import add_frame, frames_in

STEMS = [
    unicodedata.normalize("NFC", "Ünï"),
    unicodedata.normalize("NFD", "Ünï"),
    "ひなた 01",
    "🎀",
    "-leading",
    "--help",
    "trailing.",
    "trailing ",
    "two\nlines",
    "tab\there",
    "%d",
    "[1]",
    "*",
    "?",
    "{a}",
    "a'b\"c",
    "$HOME",
    "~",
    "#",
    "x" * 120,
    "com1",
    "_under",
]
CHARACTERS = [
    "../../etc",
    "/absolute",
    "C:\\drive",
    "con",
    "nul.png",
    ".hidden",
    "a/b",
    "a\\b",
    "dot.",
    "blank ",
    "x" * 300,
    "ひなた",
    "🎀",
    "<b>",
    "a+b",
    "a, b",
    "%s",
    "new\nline",
    "\u202egnp",
    "=cmd()",
]


def run_all(source: Path, tree: Path) -> list[int]:
    """Run metadata, arrangement and captions; return the exit codes."""
    words = ["--src_dir", str(source), "--dst_dir", str(tree), "--min_image_per_combination", "1"]
    return [
        generate_metadata.main(["--src_dir", str(source)]),
        arrange_folders.main([*words, "--hardlink"]),
        prepare_training.main(["--src_dir", str(tree), "--report", str(tree.parent / "report.html"), "--workers", "1"]),
    ]


@pytest.mark.parametrize("stem", STEMS)
def test_any_name_of_a_frame_goes_through_and_back(tmp_path: Path, stem: str) -> None:
    add_frame(tmp_path / "set" / f"{stem}.png")
    add_frame(tmp_path / "set" / "good.png")
    before = frames_in(tmp_path / "set")
    assert run_all(tmp_path / "set", tmp_path / "tree") == [0, 0, 0]
    assert len(frames_in(tmp_path / "tree")) == 2
    assert len([path for path in (tmp_path / "tree").rglob("*.txt") if path.name != "multiply.txt"]) == 2
    words = ["--src_dir", str(tmp_path / "tree"), "--dst_dir", str(tmp_path / "set"), "--flatten"]
    assert arrange_folders.main(words) == 0
    assert frames_in(tmp_path / "set") == before


@pytest.mark.parametrize("name", CHARACTERS)
def test_any_name_of_a_character_stays_inside_and_in_one_line(tmp_path: Path, name: str) -> None:
    frame = add_frame(tmp_path / "area" / "set" / "x.png")
    frame.with_suffix(".json").write_text(json.dumps({"count": 1, "characters": [name], "general": name}))
    outside = sorted(tmp_path.iterdir())
    assert run_all(tmp_path / "area" / "set", tmp_path / "area" / "tree") == [0, 0, 0]
    assert sorted(tmp_path.iterdir()) == outside
    (caption,) = [path for path in (tmp_path / "area" / "tree").rglob("*.txt") if path.name != "multiply.txt"]
    assert len(caption.read_text().splitlines()) == 1
    assert caption.resolve().is_relative_to((tmp_path / "area" / "tree").resolve())
    for part in caption.relative_to(tmp_path / "area" / "tree").parts:
        assert not part.startswith(".")
        assert not part.endswith((".", " "))


@pytest.mark.parametrize("folder", ["EP 01", "-x", "[1]", "ひ", "a.b", "100%", "x" * 200])
def test_any_name_of_a_folder_of_frames(tmp_path: Path, folder: str) -> None:
    add_frame(tmp_path / "set" / folder / "x.png")
    words = ["--src_dir", str(tmp_path / "set"), "--dst_dir", str(tmp_path / "tree"), "--keep_src_structure"]
    assert generate_metadata.main(["--src_dir", str(tmp_path / "set")]) == 0
    assert arrange_folders.main(words) == 0
    assert len(frames_in(tmp_path / "tree")) == 1


LONG = "x" * 300


@pytest.mark.skipif(os.name == "nt", reason="Windows counts characters of the whole path")
@pytest.mark.parametrize(
    ("main", "words"),
    [
        (generate_metadata.main, [LONG]),
        (prepare_training.main, ["set", "--dst_dir", LONG]),
        (prepare_training.main, ["set", "--report", f"{LONG}.html"]),
        (arrange_folders.main, ["set", "--dst_dir", LONG]),
        (remove_similar.main, ["set", "--restore", LONG]),
        (detect_faces.main, ["set", "--annotate", LONG]),
    ],
)
def test_a_name_on_the_command_line_that_no_disk_takes_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    main: Callable[[list[str]], int],
    words: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    add_frame(tmp_path / "set" / "x.png", count=1)
    assert main(words) == 2
    assert f"{LONG}" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow other lengths")
def test_frames_whose_path_leaves_no_room_for_sidecars_are_listed_and_the_rest_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = add_frame(tmp_path / "set" / "x.png")
    deep = tmp_path / "set"
    while len(str(deep)) < 3850:
        deep /= "d" * 200
        deep.mkdir()
    monkeypatch.chdir(deep)
    Path("y.png").write_bytes(frame.read_bytes())
    assert generate_metadata.main([str(tmp_path / "set")]) == 1
    assert frame.with_suffix(".json").exists()
    assert "the path to its frames is too long" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
