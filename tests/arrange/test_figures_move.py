"""Label pictures in a tree: there with their frames, in every way and size, and wherever a person moves those."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import arrange_folders
import generate_metadata
import prepare_training
import remove_similar
from framekit.dataset import frames, removed
from framekit.files import names
from framekit.sidecars.instances import is_corrected
from tests.conftest import patchwork, tree
from tests.helpers_dataset import LATER, add_figures, add_frame, correct, labels, set_time
from tests.helpers_tree import move_all

WHO = {"f0": "Aoba", "f1": "Aoba", "f2": "Hinata", "f3": "Hinata"}


@pytest.fixture
def show(tmp_path: Path) -> Path:
    """Return a folder with a dataset of two episodes; the figure of frame N has the label N + 1."""
    for number, (stem, who) in enumerate(WHO.items()):
        path = tmp_path / f"set/EP0{1 + number % 2}/{stem}.png"
        frame = add_frame(path, patchwork(number, 240, 160), count=1, characters=[who], tags=[f"tag{number}"])
        add_figures(frame, label=number + 1)
    return tmp_path


def arrange(show: Path, *options: str) -> int:
    words = ["--src_dir", str(show / "set"), "--dst_dir", str(show / "tree"), "--levels", "character"]
    return arrange_folders.main([*words, "--min_image_per_combination", "1", *options])


def flatten(show: Path) -> int:
    return arrange_folders.main([str(show / "tree"), "--flatten", "--dst_dir", str(show / "set")])


def placed(show: Path) -> dict[str, str]:
    """Return the folder of each frame in the tree."""
    found = frames.find_frames(show / "tree")
    return {one.stem: one.parent.relative_to(show / "tree").as_posix() for one in found}


def is_own(frame: Path, number: int) -> bool:
    """Tell whether a frame has its own label picture, in its own size, which nobody painted."""
    with Image.open(names.mask_of(frame)) as held, Image.open(frame) as picture:
        return {*np.unique(held)} == {0, number + 1} and held.size == picture.size and not is_corrected(frame)


def strays(folder: Path) -> list[Path]:
    """Return the label pictures without their frame, those in trashes too."""
    found = [path for path in folder.rglob("*.png") if path.parent.name == names.MASK_FOLDER]
    return [path for path in found if not (path.parents[1] / path.name).exists()]


def assert_own(found: Iterable[Path]) -> None:
    """Assert that each frame `fN.png`, also `fN_2.png`, has its own label picture."""
    assert [one for one in found if not is_own(one, int(one.stem[1]))] == []


WAYS: dict[str, list[str]] = {
    **{way: [f"--{way}"] for way in ("copy", "hardlink", "symlink", "move")},
    "smaller": ["--max_image_size", "120"],
    "smaller by hard links": ["--max_image_size", "120", "--hardlink"],
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_into_the_tree_and_back(show: Path, way: str) -> None:
    before = tree(show / "set")
    assert arrange(show, *WAYS[way]) == 0
    assert_own(frames.find_frames(show / "tree"))
    assert placed(show) == WHO
    after = tree(show / "tree")
    if way != "move":
        assert tree(show / "set") == before
        assert arrange(show, *WAYS[way]) == 0
        assert tree(show / "tree") == after
    assert flatten(show) == 0
    assert {name: held for name, (held, _) in tree(show / "set").items() if not name.startswith(".removed")} == {
        name: held for name, (held, _) in before.items()
    }
    assert not [path for path in (show / "tree").rglob("*") if path.parent.name == names.MASK_FOLDER]
    assert strays(show / "set") == [] or "smaller" in way


def test_in_place_with_names_that_collide(show: Path) -> None:
    for episode in ("EP01", "EP02"):
        number = int(episode[-1]) - 1
        (show / f"set/{episode}/f{number}.png").rename(show / f"set/{episode}/f9.png")
        for end in (".json", ".instances.json"):
            (show / f"set/{episode}/f{number}{end}").rename(show / f"set/{episode}/f9{end}")
        (show / f"set/{episode}/.masks/f{number}.png").rename(show / f"set/{episode}/.masks/f9.png")
    words = ["--levels", "character", "--min_image_per_combination", "1"]
    before = tree(show / "set")
    assert arrange_folders.main([str(show / "set"), "--move", *words]) == 0
    held = {path.name for path in (show / "set/Aoba/.masks").iterdir()}
    assert held == {"f9.png", "f9_2.png"}
    for stem in ("f9", "f9_2"):
        frame = show / f"set/Aoba/{stem}.png"
        pixels = np.asarray(Image.open(frame))
        assert is_own(frame, 0 if (pixels == patchwork(0, 240, 160)).all() else 1)
    assert not (show / "set/EP01").exists()
    assert arrange_folders.main([str(show / "set"), "--flatten"]) == 0
    now = {name: held for name, (held, _) in tree(show / "set").items() if name != ".arranged.jsonl"}
    assert now == {name: held for name, (held, _) in before.items()}


def moved_with_what_is_seen(frame: Path, target: Path) -> None:
    """Move a frame with the files that a file manager shows; hidden folders stay."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for path in frame.parent.glob(f"{frame.stem}.*"):
        path.rename(target.with_name(target.stem + path.name[len(frame.stem) :]))


def moved_alone(frame: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    frame.rename(target)


BY_HAND: dict[str, Callable[[Path, Path], None]] = {
    "all": move_all,
    "what is seen": moved_with_what_is_seen,
    "alone": moved_alone,
}


@pytest.mark.parametrize("how", BY_HAND)
@pytest.mark.parametrize(
    ("way", "name"), [("copy", "f0"), ("copy", "f7"), ("hardlink", "f7"), ("smaller", "f0")]
)  # renamed and smaller, nothing tells which it is
def test_a_frame_that_a_person_moved_has_its_label_picture_there(show: Path, how: str, way: str, name: str) -> None:
    assert arrange(show, *WAYS[way]) == 0
    BY_HAND[how](show / "tree/Aoba/f0.png", show / f"tree/best/{name}.png")
    for _ in range(2):
        assert arrange(show, *WAYS[way]) == 0
        assert is_own(show / f"tree/best/{name}.png", 0)
        assert_own(one for one in frames.find_frames(show / "tree") if one.parent.name != "best")
        assert strays(show / "tree") == []


def test_a_label_picture_whose_frame_a_person_deleted_is_no_other_frames(show: Path) -> None:
    assert arrange(show) == 0
    for path in (show / "tree/Aoba").glob("f0.*"):
        path.unlink()
    add_frame(show / "set/EP03/f0.png", patchwork(77, 240, 160), count=1, characters=["Aoba"])
    assert arrange(show) == 0
    assert (show / "tree/Aoba/f0.png").exists()
    assert not names.mask_of(show / "tree/Aoba/f0.png").exists()


def test_a_correction_moves_the_label_picture_too(show: Path) -> None:
    assert arrange(show) == 0
    correct(show / "tree/Aoba/f0.png", characters=["Hinata"])
    assert arrange(show) == 0
    assert placed(show)["f0"] == "Hinata"
    assert_own(frames.find_frames(show / "tree"))
    assert strays(show / "tree") == []


def test_frames_that_change_places_keep_their_own(show: Path) -> None:
    assert arrange(show) == 0
    before = tree(show / "tree")
    for stem, who in WHO.items():
        correct(next((show / "set").rglob(f"{stem}.png")), characters=["Hinata" if who == "Aoba" else "Aoba"])
    assert arrange(show) == 0
    assert_own(frames.find_frames(show / "tree"))
    assert strays(show / "tree") == []
    assert len(tree(show / "tree")) == len(before)


def test_what_is_painted_in_the_tree_stays_and_comes_back(show: Path) -> None:
    assert arrange(show) == 0
    painted = labels(*[[9] * 240] * 160)
    set_time(names.mask_of(show / "tree/Aoba/f0.png"), LATER).write_bytes(painted)
    frame = show / "set/EP01/f0.png"
    frame.with_suffix(names.INSTANCES).unlink()
    add_figures(frame, label=50)  # segment_characters.py again
    set_time(names.mask_of(frame), LATER + 9)
    set_time(frame.with_suffix(names.INSTANCES), LATER + 9)
    for _ in range(2):
        assert arrange(show) == 0
        assert names.mask_of(show / "tree/Aoba/f0.png").read_bytes() == painted
        assert is_corrected(show / "tree/Aoba/f0.png")
    assert flatten(show) == 0
    assert names.mask_of(frame).read_bytes() == painted
    assert is_corrected(frame)


def test_what_is_found_anew_in_the_dataset_follows(show: Path) -> None:
    assert arrange(show) == 0
    frame = show / "set/EP01/f0.png"
    frame.with_suffix(names.INSTANCES).unlink()
    add_figures(frame, label=50)
    assert arrange(show) == 0
    assert is_own(show / "tree/Aoba/f0.png", 49)
    assert_own(one for one in frames.find_frames(show / "tree") if one.stem != "f0")


def test_what_left_the_dataset_takes_its_label_picture_along_and_brings_it_back(show: Path) -> None:
    assert arrange(show) == 0
    removed.remove(show / "set", show / "set/EP01/f0.png", "similar")
    assert arrange(show) == 0
    assert sorted(path.name for path in (show / "tree/Aoba/.masks").iterdir()) == ["f1.png"]
    assert is_own(show / "tree/.removed/similar/Aoba/f0.png", 0)
    assert remove_similar.main([str(show / "set"), "--restore"]) == 0
    assert arrange(show) == 0
    assert_own(frames.find_frames(show / "tree"))
    assert_own(frames.find_frames(show / "set"))
    assert strays(show) == []


def test_a_rename_moves_folders_with_their_label_pictures(show: Path) -> None:
    assert arrange(show) == 0
    assert generate_metadata.main([str(show / "tree"), "--rename", "Aoba", "Kokona"]) == 0
    assert placed(show)["f0"] == "Kokona"
    assert_own(frames.find_frames(show / "tree"))
    assert not (show / "tree/Aoba").exists()


def test_the_folder_of_a_trainer_holds_no_label_pictures(show: Path) -> None:
    assert arrange(show) == 0
    words = ["--dst_dir", str(show / "export"), "--trainer", "kohya", "diffusers", "onetrainer", "ai-toolkit"]
    assert prepare_training.main([str(show / "tree"), *words]) == 0
    assert not [path for path in (show / "export").rglob("*") if names.MASK_FOLDER in path.parts]
    assert not list((show / "export").rglob("*.instances.json"))


@pytest.mark.parametrize("kind", ["link of the folder", "link", "folder", "pipe"])
@pytest.mark.parametrize("side", ["set/EP01", "tree/Aoba"])
def test_what_is_no_label_picture_is_told_and_the_rest_is_done(
    show: Path, capsys: pytest.CaptureFixture[str], kind: str, side: str
) -> None:
    elsewhere = show / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "f0.png").write_text("somebody's")
    assert arrange(show) == 0
    mask = names.mask_of(show / side / "f0.png")
    if kind == "link of the folder":
        mask.parent.rename(mask.parent.with_name("aside"))
        mask.parent.symlink_to(elsewhere, target_is_directory=True)
    else:
        mask.unlink()
        makers: dict[str, Callable[[], object]] = {
            "link": lambda: mask.symlink_to(elsewhere / "f0.png"), "folder": mask.mkdir, "pipe": lambda: os.mkfifo(mask)
        }  # fmt: skip
        makers[kind]()
    correct(show / "set/EP02/f3.png", characters=["Aoba"])
    capsys.readouterr()
    is_in_the_way = kind == "link of the folder" and side == "tree/Aoba"  # of a frame that comes there
    assert arrange(show) == (2 if is_in_the_way else 1)
    assert placed(show)["f3"] == ("Hinata" if is_in_the_way else "Aoba")
    told = capsys.readouterr().err
    assert (
        f"{names.MASK_FOLDER}: it is a link" if kind == "link of the folder" else f"{names.MASK_FOLDER}/f0.png: it is"
    ) in told
    assert {path.name: path.read_text() for path in elsewhere.iterdir()} == {"f0.png": "somebody's"}
