"""The commands that made a dataset: kept in order, told once, and never in the way."""

import json
from pathlib import Path

import pytest

import arrange_folders
import generate_metadata
import prepare_training
from framekit.dataset import history
from tests.helpers_dataset import add_frame


def told(folder: Path) -> list[str]:
    """Return the commands in a folder's record."""
    path = folder / history.LOG
    return [json.loads(line)["command"] for line in path.read_text().splitlines()] if path.exists() else []


def generate(folder: Path, *options: str) -> int:
    return generate_metadata.main(["--src_dir", str(folder), *options])


def test_a_command_is_kept_unless_it_is_the_last_one_and_told_once(tmp_path: Path) -> None:
    add_frame(tmp_path / "x.png")
    for options in ((), (), ("--count_from", "tags"), ()):
        assert generate(tmp_path, *options) == 0
    first = f"python generate_metadata.py --src_dir {tmp_path}"
    assert told(tmp_path) == [first, f"{first} --count_from tags", first]
    assert history.commands_of(tmp_path) == [first, f"{first} --count_from tags"]


def test_commands_of_the_folder_that_a_tree_was_made_from_come_first(tmp_path: Path) -> None:
    add_frame(tmp_path / "set" / "x.png")
    assert generate(tmp_path / "set") == 0
    assert arrange_folders.main(["--src_dir", str(tmp_path / "set"), "--dst_dir", str(tmp_path / "tree")]) == 0
    names = [command.split()[1] for command in history.commands_of(tmp_path / "tree")]
    assert names == ["generate_metadata.py", "arrange_folders.py"]
    (tmp_path / "elsewhere").mkdir()
    for name in ("set", "tree"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    assert len(history.commands_of(tmp_path / "elsewhere" / "tree")) == 2


def test_trees_side_by_side_tell_their_commands_too(tmp_path: Path) -> None:
    for name in ("fanart", "frames"):
        add_frame(tmp_path / name / "x.png")
        assert generate(tmp_path / name) == 0
        words = ["--src_dir", str(tmp_path / name), "--dst_dir", str(tmp_path / "training" / name)]
        assert arrange_folders.main(words) == 0
    assert len(history.commands_of(tmp_path / "training")) == 4


@pytest.mark.parametrize("words", [["--nonsense"], ["--rename", "a"]])
def test_a_command_that_failed_is_not_kept(tmp_path: Path, words: list[str]) -> None:
    add_frame(tmp_path / "x.png")
    assert generate(tmp_path, *words) == 2
    assert told(tmp_path) == []


def test_what_writes_nothing_is_not_kept(tmp_path: Path) -> None:
    add_frame(tmp_path / "set" / "x.png", count=1)
    prepare_training.main(["--src_dir", str(tmp_path / "set"), "--check"])
    words = ["--src_dir", str(tmp_path / "set"), "--dst_dir", str(tmp_path / "tree"), "--dry_run"]
    assert arrange_folders.main(words) == 0
    assert told(tmp_path / "set") == []


def test_the_home_folder_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    add_frame(tmp_path / "set" / "x.png")
    assert generate(tmp_path / "set") == 0
    assert told(tmp_path / "set") == ["python generate_metadata.py --src_dir ~/set"]


def test_a_record_from_a_stranger_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / history.LOG).write_text('{"command": "x", "reads": "../../../nowhere"}\n{"reads": 3}\n["x"]\n{')
    assert history.sources_of(tmp_path) == [tmp_path]
