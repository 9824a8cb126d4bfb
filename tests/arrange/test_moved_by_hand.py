"""What a person moved in the tree is known again, wherever it stands, and follows its dataset there."""

import json
import os
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

import arrange_folders
from framekit.dataset import frames, move, removed
from tests.conftest import patchwork, tree
from tests.helpers_dataset import add_frame, add_text, correct, loaded
from tests.helpers_tree import move_all

WAYS = ("copy", "hardlink", "symlink")


def show(folder: Path, moments: dict[str, int]) -> None:
    """Write an episode anew: its frames by stem with their moments, the record, and X.json of each."""
    place = folder / "set/EP01"
    shutil.rmtree(place, ignore_errors=True)
    known = {stem: {"time": moment / 24, "source_frame": moment, "scene": 1} for stem, moment in moments.items()}
    for stem, moment in moments.items():
        source = {"video": "Show 01.mkv", "prefix": "s", "episode": "EP01", **known[stem]}
        about = {"count": 1, "characters": ["Aoba"], "n_faces": 1, "tags": [f"tag{moment}"]}
        add_frame(place / f"{stem}.png", patchwork(moment), **about, source=source)
    record = {"schema": 1, "video": "Show 01.mkv", "prefix": "s", "episode": "EP01", "frames": known}
    (place / ".frames.json").write_text(json.dumps(record))


def arrange(folder: Path, *options: str) -> int:
    words = ["--src_dir", str(folder / "set"), "--dst_dir", str(folder / "tree"), "--format", "character"]
    return arrange_folders.main([*words, "--min_image_per_combination", "1", *options])


def frames_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in frames.find_frames(folder))


def hand_work(frame: Path) -> dict[str, bytes]:
    """Correct a frame in the tree and write its caption; return the caption by its ending."""
    correct(frame, note="by hand")
    return {".txt": add_text(frame, ".txt", f"of {frame.stem}").read_bytes()}


def move_alone(frame: Path, target: Path) -> None:
    """Move a picture without its files."""
    target.parent.mkdir(parents=True, exist_ok=True)
    frame.rename(target)


def flatten(folder: Path) -> int:
    return arrange_folders.main(["--src_dir", str(folder / "tree"), "--flatten", "--dst_dir", str(folder / "set")])


def leave(folder: Path, stem: str) -> None:
    """Let a frame leave the dataset."""
    removed.remove(folder / "set", folder / f"set/EP01/{stem}.png", "similar")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", ["mine/s_1.png", "mine/deeper/s_1.png", "mine/other.png"])
def test_what_changes_in_the_dataset_reaches_a_frame_that_was_moved(tmp_path: Path, way: str, place: str) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    assert arrange(tmp_path, f"--{way}") == 0
    frame, origin = tmp_path / "tree" / place, tmp_path / "set/EP01/s_1.png"
    move_all(tmp_path / "tree/Aoba/s_1.png", frame)
    correct(frame, mine="in the tree")
    correct(origin, count=2, characters=["Hinata"])
    add_text(origin, "-masklabel.png", "mask")
    for _ in range(2):
        assert arrange(tmp_path, f"--{way}") == 0
        assert frames_in(tmp_path / "tree") == ["Aoba/s_2.png", place]
        held = loaded(frame)
        assert (held["characters"], held["count"], held["mine"]) == (["Hinata"], 2, "in the tree")
        assert frame.with_name(f"{frame.stem}-masklabel.png").read_text() == "mask"
        assert frame.read_bytes() == origin.read_bytes()
    before = tree(tmp_path)
    assert arrange(tmp_path, f"--{way}") == 0
    after = tree(tmp_path)
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {"tree/.commands.jsonl"}


def test_a_moved_link_is_known_by_where_it_leads(tmp_path: Path) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    assert arrange(tmp_path, "--symlink") == 0
    move_all(tmp_path / "tree/Aoba/s_2.png", tmp_path / "tree/mine/s_2.png")
    show(tmp_path, {"s_1": 0, "s_2": 24})
    assert arrange(tmp_path, "--symlink") == 0
    assert frames_in(tmp_path / "tree") == ["Aoba/s_1.png", "Aoba/s_2.png"]
    assert loaded(tmp_path / "tree/Aoba/s_2.png")["tags"] == ["tag24"]
    leave(tmp_path, "s_2")
    move_all(tmp_path / "tree/Aoba/s_1.png", tmp_path / "tree/mine/deeper/s_1.png")
    leave(tmp_path, "s_1")
    show(tmp_path, {"s_3": 36})
    assert arrange(tmp_path, "--symlink") == 0
    assert frames_in(tmp_path / "tree") == ["Aoba/s_3.png"]


@pytest.mark.parametrize("way", ["copy", "hardlink"])
@pytest.mark.parametrize("before", ["away", "deleted", "exchanged"])
def test_a_picture_moved_to_the_place_of_another_is_still_itself(tmp_path: Path, way: str, before: str) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    assert arrange(tmp_path, f"--{way}") == 0
    first, second = tmp_path / "tree/Aoba/s_1.png", tmp_path / "tree/Aoba/s_2.png"
    held = hand_work(second)
    if before == "away":
        leave(tmp_path, "s_1")
        assert arrange(tmp_path, f"--{way}") == 0
    elif before == "deleted":
        for path in move.frame_files(first):
            path.unlink()
    else:
        move_all(first, tmp_path / "aside/s_1.png")
    move_all(second, first)
    if before == "exchanged":
        move_all(tmp_path / "aside/s_1.png", second)
    correct(tmp_path / "set/EP01/s_2.png", late="from the dataset")
    for _ in range(2):
        assert arrange(tmp_path, f"--{way}") == 0
        there = [name for name in ("Aoba/s_1.png", "Aoba/s_2.png") if name != "Aoba/s_2.png" or before == "exchanged"]
        assert frames_in(tmp_path / "tree") == there
        assert first.read_bytes() == (tmp_path / "set/EP01/s_2.png").read_bytes()
        assert (loaded(first)["note"], loaded(first)["late"]) == ("by hand", "from the dataset")
        assert first.with_suffix(".txt").read_bytes() == held[".txt"]


@pytest.mark.parametrize("way", ["copy", "hardlink"])
def test_a_frame_extracted_again_is_known_by_its_new_time(tmp_path: Path, way: str) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    assert arrange(tmp_path, f"--{way}") == 0
    show(tmp_path, {"s_1": 0, "s_2": 12})
    for path in frames.find_frames(tmp_path / "set"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    cache = tmp_path / "tree/Aoba/s_2_0008x0006_sd.npz"
    cache.write_bytes(b"of these pixels")
    assert arrange(tmp_path, f"--{way}") == 0
    assert cache.exists()
    move_all(tmp_path / "tree/Aoba/s_2.png", tmp_path / "tree/mine/s_2.png")
    leave(tmp_path, "s_2")
    assert arrange(tmp_path, f"--{way}") == 0
    assert frames_in(tmp_path / "tree") == ["Aoba/s_1.png"]
    assert (tmp_path / "tree/.removed/similar/mine" / cache.name).exists()


@pytest.mark.parametrize("way", WAYS)
def test_a_picture_moved_alone_again_and_again_fetches_all_its_files(tmp_path: Path, way: str) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    assert arrange(tmp_path, f"--{way}") == 0
    places = [tmp_path / "tree" / name for name in ("Aoba/s_1.png", "one/s_1.png", "two/s_1.png", "three/s_1.png")]
    for number, (here, there) in enumerate(pairwise(places)):
        here.with_name(f"s_1{('.txt', '-masklabel.png', '.caption')[number]}").write_text(str(number))
        move_alone(here, there)
    assert arrange(tmp_path, f"--{way}") == 0
    found = sorted(path.name for path in (tmp_path / "tree/three").iterdir())
    assert found == ["s_1-masklabel.png", "s_1.caption", "s_1.json", "s_1.png", "s_1.txt"]


def test_flatten_takes_the_files_of_a_picture_that_was_moved_alone_along(tmp_path: Path) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    assert arrange(tmp_path) == 0
    frame = tmp_path / "tree/Aoba/s_1.png"
    held = hand_work(frame)
    move_alone(frame, tmp_path / "tree/mine/s_1.png")
    assert flatten(tmp_path) == 0
    assert loaded(tmp_path / "set/EP01/s_1.png")["note"] == "by hand"
    assert (tmp_path / "set/EP01/s_1.txt").read_bytes() == held[".txt"]


def test_frames_that_a_flatten_brought_back_before_it_stopped_are_not_deleted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(tmp_path, {"s_1": 0, "s_2": 12})
    assert arrange(tmp_path) == 0
    broken = tmp_path / "tree/Aoba/s_2.json"
    text = broken.read_text()
    broken.write_text("{")
    assert flatten(tmp_path) == 1
    broken.write_text(text)
    capsys.readouterr()
    assert arrange(tmp_path) == 0
    assert "2 frames in 1 folder (1 new there), in" in capsys.readouterr().out
    assert frames_in(tmp_path / "tree") == ["Aoba/s_1.png", "Aoba/s_2.png"]
