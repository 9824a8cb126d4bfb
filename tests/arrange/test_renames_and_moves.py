"""Renames reach whatever a person moved, in both directions; a picture that is moved alone fetches its files."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import arrange_folders
import generate_metadata
import prepare_training
from framekit.dataset import frames, removed
from framekit.files import atomic
from framekit.sidecars.renames import Renames
from tests.conftest import patchwork
from tests.helpers_dataset import add_frame, add_text, correct, loaded
from tests.helpers_tree import NAMED, add_named, arrange, caption, folders, move, rename, run_all

BESIDE = (".txt", ".png.tags", "-masklabel.png", "_0640x0360_sd.npz", ".npz")


@pytest.fixture
def show(tmp_path: Path) -> Path:
    """Return a folder with a dataset of five frames and the tree that was made of it."""
    for stem, name in NAMED.items():
        add_named(tmp_path, stem, name)
    run_all(tmp_path)
    return tmp_path


def told(show: Path) -> str:
    """Return all that the tree says of its frames, in one text."""
    root = show / "training"
    texts = [path.read_text() for path in root.rglob("*") if path.suffix in (".json", ".txt", ".toml", ".tags")]
    return "\n".join([*folders(show).values(), *texts])


def test_a_rename_reaches_a_frame_that_was_moved_by_hand(show: Path) -> None:
    move(show, "a", "1_character/Sora Minato")
    assert generate_metadata.main(["--src_dir", str(show / "training"), "--characters_from_folders"]) == 0
    rename(show, "Sora Minato", "Sora", folder="training")
    for _ in range(2):
        run_all(show)
        assert folders(show) == {"a": "1_character/Sora"} | {
            stem: f"1_character/{name}" for stem, name in NAMED.items() if stem != "a"
        }
        assert loaded(show / "training/1_character/Sora/a.png")["characters"] == ["Sora"]
        assert "Sora" in caption(show, "a")
        assert "Minato" not in told(show)


def test_a_rename_reaches_corrections_strays_and_pairs_in_the_tree(show: Path) -> None:
    correct(show / "training/1_character/Aoba/c.png", characters=["Sora Minato"])
    add_frame(show / "training/2_characters/Hinata+Sora Minato/mine.png", patchwork(1), characters=["Sora Minato"])
    add_frame(show / "training/1_character/Sora Minato/plain.png", patchwork(2))
    rename(show, "Sora Minato", "Aki", folder="training")
    arrange(show)
    assert "Minato" not in told(show)
    assert folders(show)["mine"] == "2_characters/Aki+Hinata"
    assert folders(show)["plain"] == folders(show)["c"] == "1_character/Aki"


def test_two_names_that_are_exchanged_are_exchanged_once(show: Path) -> None:
    move(show, "e", "best/Aoba")
    correct(show / "training/1_character/Hinata/b.png", characters=["Aoba"])
    (show / "names.csv").write_text("Aoba,Hinata\nHinata,Aoba\n")
    rename(show, str(show / "names.csv"))
    for _ in range(3):
        run_all(show)
        assert folders(show) == {
            "a": "1_character/Hinata", "b": "1_character/Hinata", "c": "1_character/Hinata", "d": "1_character/Aoba",
            "e": "best/Hinata",
        }  # fmt: skip
        assert loaded(show / "training/best/Hinata/e.png")["characters"] == ["Hinata"]


def test_a_rename_in_the_tree_holds_for_what_comes_later(show: Path) -> None:
    rename(show, "Hinata", "Kurae", folder="training")
    add_named(show, "f", "Hinata")
    correct(show / "frames/EP01/d.png", tags=["hat"])
    for _ in range(2):
        run_all(show)
        assert {stem for stem, folder in folders(show).items() if folder == "1_character/Kurae"} == {"b", "d", "f"}
        assert loaded(show / "training/1_character/Kurae/d.png")["tags"] == ["hat"]
        assert "Kurae" in caption(show, "f")
        assert "Hinata" not in "\n".join(caption(show, stem) for stem in folders(show))


@pytest.mark.parametrize("way", ["copy", "hardlink", "symlink"])
def test_a_rename_in_the_tree_stays_there_whatever_the_way(show: Path, way: str) -> None:
    shutil.rmtree(show / "training")
    arrange(show, f"--{way}")
    rename(show, "Hinata", "Kurae", folder="training")
    for _ in range(2):
        arrange(show, f"--{way}")
        assert set(folders(show).values()) == {"1_character/Aoba", "1_character/Kurae"}
        assert loaded(show / "frames/EP01/b.png")["characters"] == ["Hinata"]


def test_renames_in_both_places_both_hold(show: Path) -> None:
    rename(show, "Hinata", "Kurae", folder="training")
    rename(show, "Aoba", "Yukimura")
    move(show, "c", "best/Aoba")
    add_named(show, "f", "Hinata")
    for _ in range(2):
        run_all(show)
        assert set(folders(show).values()) == {"1_character/Yukimura", "1_character/Kurae", "best/Yukimura"}
    rename(show, "Kurae", "Ueno", folder="training")
    rename(show, "Yukimura", "Iruma")
    for _ in range(2):
        run_all(show)
        assert set(folders(show).values()) == {"1_character/Iruma", "1_character/Ueno", "best/Iruma"}


def test_the_same_rename_in_both_places_is_one(show: Path) -> None:
    (show / "names.csv").write_text("Aoba,Hinata\nHinata,Aoba\n")
    for folder in ("training", "frames"):
        rename(show, str(show / "names.csv"), folder=folder)
    for _ in range(2):
        run_all(show)
        assert folders(show) == {
            stem: f"1_character/{'Hinata' if name == 'Aoba' else 'Aoba'}" for stem, name in NAMED.items()
        }


def test_what_comes_back_from_the_trash_has_the_new_name(show: Path) -> None:
    correct(show / "training/1_character/Aoba/c.png", characters=["Sora Minato"])
    move(show, "e", "best/Aoba")
    for stem in "ce":
        removed.remove(show / "frames", show / f"frames/EP01/{stem}.png", "similar")
    arrange(show)
    assert {*"ce"}.isdisjoint(folders(show))
    rename(show, "Sora Minato", "Sora", folder="training")
    rename(show, "Aoba", "Yukimura")
    arrange(show)
    removed.restore(show / "frames", [], ["similar"], dry_run=False)
    run_all(show)
    assert folders(show)["c"] == "1_character/Sora"
    assert folders(show)["e"] == "best/Yukimura"
    run_all(show)
    assert folders(show)["c"] == "1_character/Sora"


def test_a_rename_in_the_tree_goes_back_to_the_dataset_with_its_frames(show: Path) -> None:
    rename(show, "Hinata", "Kurae", folder="training")
    add_named(show, "f", "Hinata")
    words = ["--src_dir", str(show / "training"), "--dst_dir", str(show / "frames"), "--flatten"]
    assert arrange_folders.main(words) == 0
    run_all(show)
    assert set(folders(show).values()) == {"1_character/Aoba", "1_character/Kurae"}
    assert loaded(show / "frames/EP01/f.png")["characters"] == ["Kurae"]


def test_a_rename_in_one_dataset_leaves_the_frames_of_another_alone(show: Path) -> None:
    words = ["--src_dir", str(show / "other"), "--dst_dir", str(show / "training"), "--format"]
    for stem in "xy":
        add_frame(show / f"other/EP09/{stem}.png", patchwork(ord(stem)), characters=["Aoba"], count=1)
    assert arrange_folders.main([*words, "n_characters/character", "--min_image_per_combination", "1"]) == 0
    move(show, "y", "best/Aoba")
    rename(show, "Aoba", "Yukimura")
    arrange(show)
    assert (folders(show)["a"], folders(show)["x"]) == ("1_character/Yukimura", "1_character/Aoba")


def test_a_rename_that_a_kill_cut_short_in_the_tree_is_finished(show: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for stem in "ac":
        move(show, stem, "best/Aoba")
    rename(show, "Aoba", "Yukimura")
    write = atomic.write_unless
    left = [4]

    def dies(path: Path, content: Any, is_edited: Any) -> bool:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return write(path, content, is_edited)

    monkeypatch.setattr(atomic, "write_unless", dies)
    words = ["--src_dir", str(show / "frames"), "--dst_dir", str(show / "training"), "--format"]
    assert arrange_folders.main([*words, "n_characters/character", "--min_image_per_combination", "1"]) == 130
    monkeypatch.undo()
    run_all(show)
    assert set(folders(show).values()) == {"best/Yukimura", "1_character/Yukimura", "1_character/Hinata"}
    assert "Aoba" not in told(show)


def test_marks_of_several_datasets_stand_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "one/.renamed.jsonl").write_text('{"names": {"A": "B"}}\n{"names": {"B": "C"}}\n')
    (tmp_path / "two/.renamed.jsonl").write_text('{"names": {"C": "D"}}\n')
    one, two = Renames(tmp_path / "one"), Renames(tmp_path / "two")
    first = one.added_to("")
    both = two.added_to(first)
    assert both.split() == sorted([one.mark, two.mark])
    assert both == one.added_to(two.added_to(""))
    assert (one.since(both), two.since(both), two.since(first)) == ({}, {}, {"C": "D"})
    assert one.since(f"{list(one.places)[1]} x") == {"B": "C"}
    assert one.added_to(f"{two.mark} {list(one.places)[1]}").split() == sorted([two.mark, one.mark])
    for damaged in (7, None, ["x"], {"a": 1}):
        assert one.since(damaged) == {"A": "C", "B": "C"}


def add_beside(show: Path, stem: str) -> dict[str, bytes]:
    """Put all files beside a frame of the tree that can be there; return them by their ending."""
    (frame,) = [one for one in frames.find_frames(show / "training") if one.stem == stem]
    for end in BESIDE:
        frame.with_name(f"{stem}{end}").write_bytes(f"{stem}{end}".encode())
    return {path.name[len(stem) :]: path.read_bytes() for path in frame.parent.glob(f"{stem}[.-_]*") if path != frame}


STEPS: dict[str, Callable[[Path], int | None]] = {
    "arrange": arrange,
    "generate": lambda show: generate_metadata.main(["--src_dir", str(show / "training")]),
    "prepare": lambda show: prepare_training.main(["--src_dir", str(show / "training")]),
    "from folders": lambda show: generate_metadata.main(
        ["--src_dir", str(show / "training"), "--characters_from_folders"]
    ),
}


@pytest.mark.parametrize("name", ["", "renamed"])
@pytest.mark.parametrize("step", STEPS)
def test_a_picture_that_was_moved_alone_fetches_its_files(
    show: Path, capsys: pytest.CaptureFixture[str], step: str, name: str
) -> None:
    held = add_beside(show, "b")
    now = move(show, "b", "1_character/Aoba", alone=True, name=name)
    capsys.readouterr()
    assert not STEPS[step](show)
    assert "the files of 1 picture that had been moved alone followed" in capsys.readouterr().out
    own = name or "b"
    found = {path.name[len(own) :]: path.read_bytes() for path in now.parent.glob(f"{own}[.-_]*") if path != now}
    assert found.keys() == held.keys()
    assert {end: one for end, one in found.items() if end != ".json"} == {
        end: one for end, one in held.items() if end != ".json"
    }
    assert not list((show / "training/1_character/Hinata").glob("b[.-_]*"))
    wanted = ["Aoba"] if step == "from folders" else ["Hinata"]
    assert loaded(now)["characters"] == wanted


def test_a_picture_that_was_moved_back_alone_fetches_its_files(show: Path) -> None:
    held = add_beside(show, "b")
    move(show, "b", "best")
    move(show, "b", "1_character/Hinata", alone=True)
    assert prepare_training.main(["--src_dir", str(show / "training")]) == 0
    assert (show / "training/1_character/Hinata/b.txt").read_bytes() == held[".txt"]


def test_a_folder_of_pictures_that_were_moved_alone_loses_its_empty_place(show: Path) -> None:
    for stem in "bd":
        move(show, stem, "best", alone=True)
    assert prepare_training.main(["--src_dir", str(show / "training")]) == 0
    assert all((show / f"training/best/{stem}.json").exists() for stem in "bd")
    assert not (show / "training/1_character/Hinata/b.json").exists()


def test_another_picture_of_the_same_name_gets_nothing(show: Path) -> None:
    add_text(show / "training/1_character/Hinata/b.png", ".txt", "by hand")
    (show / "training/1_character/Hinata/b.png").unlink()
    add_frame(show / "training/best/b.png", patchwork(77), characters=["Aoba"])
    arrange(show)
    assert not list((show / "training/1_character/Hinata").glob("b.*"))
    (caption_of_b,) = (show / "training/.removed/deleted").rglob("b.txt")
    assert caption_of_b.read_text() == "by hand"
    assert not (show / "training/best/b.txt").exists()


def test_captions_that_a_script_wrote_are_made_anew_where_pictures_change_their_names(show: Path) -> None:
    for old, new in (("a", "x"), ("c", "a"), ("x", "c")):
        for path in list((show / "frames/EP01").glob(f"{old}.*")):
            path.rename(path.with_name(new + path.name[1:]))
    correct(show / "frames/EP01/a.png", tags=["first"])
    correct(show / "frames/EP01/c.png", tags=["third"])
    run_all(show)
    assert "first" in caption(show, "a")
    assert "third" in caption(show, "c")
    for stem, tags in (("a", ["fourth"]), ("c", ["fifth"])):
        correct(show / f"frames/EP01/{stem}.png", tags=tags)
    removed.remove(show / "frames", show / "frames/EP01/e.png", "similar")
    run_all(show)
    assert ("fourth" in caption(show, "a"), "fifth" in caption(show, "c")) == (True, True)
    removed.restore(show / "frames", [], ["similar"], dry_run=False)
    correct(show / "frames/EP01/e.png", tags=["sixth"])
    run_all(show)
    assert "sixth" in caption(show, "e")
