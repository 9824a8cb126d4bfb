"""A frame that a kill left on its way is brought to its new place by whichever script starts next, and nothing else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import arrange_folders
import detect_faces
import generate_metadata
import prepare_training
import remove_similar
import tag_images
from framekit.arrange.place import Placer
from framekit.dataset import move, removed
from framekit.files import names
from framekit.files.atomic import MOVE
from tests.conftest import one_sentence, patchwork, tree
from tests.helpers_dataset import add_frame, add_text, correct, frames_in, loaded, set_time

bring_back = Placer.bring_back
STARTING: dict[str, Callable[[str], int]] = {
    "tag_images": lambda folder: tag_images.main([folder, "--model", "measured", "--workers", "1"]),
    "detect_faces": lambda folder: detect_faces.main([folder, "--model", "animeface", "--workers", "1"]),
    "remove_similar": lambda folder: remove_similar.main([folder, "--no_filters", "--workers", "1"]),
    "generate_metadata": lambda folder: generate_metadata.main([folder]),
    "arrange_folders": lambda folder: arrange_folders.main([folder, "--move", "--format", "character"]),
    "prepare_training": lambda folder: prepare_training.main([folder]),
}


def note(frame: Path, to: str, **also: object) -> Path:
    """Write the note that stands beside a frame while it moves."""
    path = frame.with_name(move.NOTE)
    path.write_text(json.dumps({"frame": frame.name, "to": to, "file": move.stamp(frame), **also}))
    return path


@pytest.fixture
def halfway(tmp_path: Path) -> Path:
    """Return a tree in which a frame, with a caption and a factor by hand, is on its way from Aoba to Hinata."""
    frame = add_frame(tmp_path / "Aoba/x.png", patchwork(1), count=1, characters=["Aoba"], tags=["hat"])
    add_text(frame, ".txt", "by hand")
    (tmp_path / "Aoba/multiply.txt").write_text("3.5")
    note(frame, "../Hinata/x.png", factor=True)
    (tmp_path / "Hinata").mkdir()
    for name in ("x.json", "x.txt"):
        (tmp_path / "Aoba" / name).rename(tmp_path / "Hinata" / name)
    return tmp_path


@pytest.mark.parametrize("script", STARTING)
def test_whichever_script_starts_finishes_the_move(halfway: Path, script: str) -> None:
    assert STARTING[script](str(halfway)) == 0
    if script == "arrange_folders":  # which moves it on
        (found,) = halfway.rglob("x.png")
    else:
        found = halfway / "Hinata/x.png"
        assert (halfway / "Hinata/multiply.txt").read_text() == "3.5"
    assert found.with_suffix(".txt").read_text() == "by hand"
    assert found.with_suffix(".json").exists()
    assert not (halfway / "Aoba").exists()
    assert not [*halfway.rglob(move.NOTE)]


@pytest.mark.parametrize("place", ["Aoba", "Hinata"])
def test_a_script_that_sees_one_end_of_a_move_only_says_so(
    halfway: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(halfway)
    code = tag_images.main([str(halfway / place), "--model", "measured", "--workers", "1"])
    if place == "Aoba":
        assert code == 2
        assert "was on its way to" in one_sentence(capsys.readouterr().err)
        assert tree(halfway) == before
    assert tag_images.main([str(halfway), "--model", "measured", "--workers", "1"]) == 0
    assert frames_in(halfway) == ["Hinata/x.png"]


@pytest.mark.parametrize("to", ["../../outside/x.png", "/tmp/x.png", "../.."])
def test_a_note_of_a_stranger_leads_nowhere(tmp_path: Path, to: str, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add_frame(tmp_path / "set/Aoba/x.png", patchwork(1))
    note(frame, to)
    before = tree(tmp_path)
    for start in STARTING.values():
        assert start(str(tmp_path / "set")) == 2
        assert "was on its way to" in one_sentence(capsys.readouterr().err)
        assert tree(tmp_path) == before


@pytest.mark.parametrize("text", ["{", "[]", '{"frame": "../x.png", "to": "y.png"}', '{"frame": "x.png", "to": 1}'])
def test_a_note_that_is_none_moves_nothing(tmp_path: Path, text: str) -> None:
    frame = add_frame(tmp_path / "Aoba/x.png", patchwork(1))
    (tmp_path / "Aoba" / move.NOTE).write_text(text)
    assert STARTING["tag_images"](str(tmp_path)) == 0
    assert frame.exists()
    assert not (tmp_path / "Aoba" / move.NOTE).exists()


def test_another_frame_that_came_to_the_old_place_since_stays_there(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "Aoba/x.png", patchwork(1))
    note(frame, "../Hinata/x.png")
    (tmp_path / "Hinata").mkdir()
    frame.rename(tmp_path / "Hinata/x.png")
    set_time(add_frame(frame, patchwork(2)), 1_000_000_000)
    assert STARTING["tag_images"](str(tmp_path)) == 0
    assert frames_in(tmp_path) == ["Aoba/x.png", "Hinata/x.png"]


def test_a_dry_run_and_a_check_finish_nothing(halfway: Path) -> None:
    before = tree(halfway)
    remove_similar.main([str(halfway), "--dry_run"])
    prepare_training.main([str(halfway), "--check"])
    assert tree(halfway) == before


def test_sidecars_without_a_picture_take_no_place_and_go_to_the_trash(tmp_path: Path) -> None:
    words = [str(tmp_path / "set"), "--dst_dir", str(tmp_path / "tree"), "--format", "character"]
    words += ["--min_image_per_combination", "1"]
    frame = add_frame(tmp_path / "set/x.png", patchwork(1), count=1, characters=["Aoba"])
    add_frame(tmp_path / "set/y.png", patchwork(2), count=1, characters=["Hinata"])
    assert arrange_folders.main(words) == 0
    (tmp_path / "tree/Hinata/x.txt").write_text("of another picture")
    (tmp_path / "tree/Aoba/x.txt").write_text("by hand")
    correct(frame, characters=["Hinata"])
    assert arrange_folders.main(words) == 0
    assert frames_in(tmp_path / "tree") == ["Hinata/x.png", "Hinata/y.png"]
    assert (tmp_path / "tree/Hinata/x.txt").read_text() == "by hand"
    assert (tmp_path / "tree/.removed/replaced/Hinata/x.txt").read_text() == "of another picture"


def test_a_rename_in_a_tree_takes_sidecars_without_a_picture_for_nobody(tmp_path: Path) -> None:
    words = [str(tmp_path / "set"), "--dst_dir", str(tmp_path / "tree"), "--format", "character"]
    add_frame(tmp_path / "set/x.png", patchwork(1), count=1, characters=["Aoba"])
    assert arrange_folders.main([*words, "--min_image_per_combination", "1"]) == 0
    (tmp_path / "tree/Kokona").mkdir()
    (tmp_path / "tree/Kokona/x.txt").write_text("of another picture")
    (tmp_path / "tree/Aoba/x.txt").write_text("by hand")
    assert generate_metadata.main([str(tmp_path / "tree"), "--rename", "Aoba", "Kokona"]) == 0
    assert frames_in(tmp_path / "tree") == ["Kokona/x.png"]
    assert (tmp_path / "tree/Kokona/x.txt").read_text() == "by hand"
    assert names.sidecar(tmp_path / "tree/Kokona/x.png", names.METADATA).exists()
    assert [path.name for path in (tmp_path / "tree/.removed/replaced/Kokona").iterdir()] == ["x.txt"]


def test_a_frame_on_its_way_back_from_the_trash_stands_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [str(tmp_path / "set"), "--dst_dir", str(tmp_path / "tree"), "--format", "character"]
    words += ["--min_image_per_combination", "1"]
    for number in range(4):
        add_frame(tmp_path / f"set/f{number}.png", patchwork(number), count=1, characters=["Aoba"])
    assert arrange_folders.main(words) == 0
    (tmp_path / "tree/mine").mkdir()
    move.place_frame(tmp_path / "tree/Aoba/f2.png", tmp_path / "tree/mine/f2.png", MOVE, tmp_path / "trash")
    add_text(tmp_path / "tree/Aoba/f1.png", ".txt", "by hand")
    for number in (1, 2):
        removed.remove(tmp_path / "set", tmp_path / f"set/f{number}.png", "similar")
    assert arrange_folders.main(words) == 0
    removed.restore(tmp_path / "set", [], ["similar"], dry_run=False)

    def and_stop(placer: Placer, *given: Any) -> None:
        bring_back(placer, *given)
        raise KeyboardInterrupt

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(Placer, "bring_back", and_stop)
            assert arrange_folders.main(words) == 130
    assert arrange_folders.main(words) == 0
    assert frames_in(tmp_path / "tree") == ["Aoba/f0.png", "Aoba/f1.png", "Aoba/f3.png", "mine/f2.png"]
    assert (tmp_path / "tree/Aoba/f1.txt").read_text() == "by hand"


def test_an_exchange_of_names_that_was_stopped_at_its_end_takes_no_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Aoba", "Hinata"):
        add_frame(tmp_path / f"set/{name}/{name[0]}.png", patchwork(len(name)), count=1, characters=[name])
    (tmp_path / "exchange.csv").write_text("Aoba,Hinata\nHinata,Aoba\n")
    command = [str(tmp_path / "set"), "--rename", str(tmp_path / "exchange.csv")]

    def stopped(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(generate_metadata, "finish", stopped)
        assert generate_metadata.main(command) == 130
    assert generate_metadata.main(command) == 0
    assert frames_in(tmp_path / "set") == ["Aoba/H.png", "Hinata/A.png"]
    assert loaded(tmp_path / "set/Aoba/H.png")["characters"] == ["Aoba"]
    assert generate_metadata.main(command) == 0  # a new one
    assert frames_in(tmp_path / "set") == ["Aoba/A.png", "Hinata/H.png"]
