"""Two names made one by `--merge_names`, and taken apart again by `--undo`: each frame gets its own back."""

import random
from pathlib import Path

import pytest

import arrange_folders
import generate_metadata
import prepare_training
from framekit.dataset import removed
from framekit.sidecars.renames import Step, Texts, followed, renamed
from tests.conftest import one_sentence, patchwork, tree
from tests.helpers_dataset import add_frame, add_json, add_text, correct, loaded
from tests.helpers_tree import NAMED, add_named, arrange, caption, folders, move, rename, run_all

MERGE = ("Aoba", "Hinata", "--merge_names")
UNDO = ("Aoba", "Hinata", "--undo")


@pytest.fixture
def show(tmp_path: Path) -> Path:
    """Return a folder with a dataset of five frames and the tree that was made of it."""
    for stem, name in NAMED.items():
        add_named(tmp_path, stem, name)
    run_all(tmp_path)
    return tmp_path


def named(show: Path, folder: str = "frames") -> dict[str, list[str]]:
    """Return the characters of each frame by its stem."""
    found = [path for path in (show / folder).rglob("*.png") if ".removed" not in path.parts]
    return {frame.stem: loaded(frame)["characters"] for frame in found}


WERE = {stem: [name] for stem, name in NAMED.items()}
ARE_ONE = {stem: ["Hinata"] for stem in NAMED}


def without_record(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files below a folder, but for the journals."""
    return {name: held for name, (held, _) in tree(folder).items() if not name.endswith(".jsonl")}


def test_an_undone_merge_leaves_the_dataset_as_it_was_however_often(show: Path) -> None:
    before = without_record(show / "frames")
    for _ in range(3):
        rename(show, *MERGE)
        assert named(show) == ARE_ONE
        rename(show, *UNDO)
        assert named(show) == WERE
        assert without_record(show / "frames") == before
    rename(show, *UNDO)
    assert without_record(show / "frames") == before


@pytest.mark.parametrize("way", ["copy", "hardlink", "symlink"])
def test_an_undone_merge_is_undone_in_the_tree_too(show: Path, way: str) -> None:
    places = folders(show)
    for _ in range(2):
        rename(show, *MERGE)
        run_all(show, f"--{way}")
        assert {*folders(show).values()} == {"1_character/Hinata"}
        assert "Aoba" not in "".join(caption(show, stem) for stem in NAMED)
        rename(show, *UNDO)
        run_all(show, f"--{way}")
        assert (named(show, "training"), folders(show)) == (WERE, places)
        assert all(name in caption(show, stem) for stem, name in NAMED.items())


def test_captions_follow_without_generating_anew(show: Path) -> None:
    rename(show, *MERGE)
    run_all(show)
    rename(show, *UNDO)
    arrange(show)
    assert prepare_training.main(["--src_dir", str(show / "training")]) == 0
    assert all(name in caption(show, stem) for stem, name in NAMED.items())


def test_a_merge_in_a_tree_is_undone_there(show: Path) -> None:
    rename(show, *MERGE, folder="training")
    arrange(show)
    assert named(show, "training") == ARE_ONE
    assert named(show) == WERE
    rename(show, *UNDO, folder="training")
    for _ in range(2):
        run_all(show)
        assert (named(show, "training"), named(show)) == (WERE, WERE)


def test_frames_that_came_after_the_merge_keep_the_name(show: Path) -> None:
    rename(show, *MERGE)
    add_named(show, "f", "Hinata")
    run_all(show)
    rename(show, *UNDO)
    for _ in range(2):
        assert named(show) == WERE | {"f": ["Hinata"]}
        run_all(show)


def test_what_a_person_corrected_meanwhile_stays(show: Path) -> None:
    rename(show, *MERGE)
    correct(show / "frames/EP01/a.png", characters=["Hinata", "Kaede"])
    correct(show / "frames/EP01/c.png", characters=["Kaede"])
    correct(show / "frames/EP01/b.png", characters=["Hinata", "Hinata"], tags=["hat"])
    correct(show / "frames/EP01/e.png", general="by hand", tags=["hat", "Hinata"])
    rename(show, *UNDO)
    assert named(show) == WERE | {"a": ["Aoba", "Kaede"], "c": ["Kaede"], "b": ["Hinata", "Hinata"]}
    assert loaded(show / "frames/EP01/e.png")["tags"] == ["hat", "Hinata"]
    run_all(show)
    assert named(show) == WERE | {"a": ["Aoba", "Kaede"], "c": ["Kaede"], "b": ["Hinata", "Hinata"]}
    assert loaded(show / "frames/EP01/e.png")["general"] == "by hand"


def test_corrections_from_before_the_merge_are_still_corrections(show: Path) -> None:
    correct(show / "frames/EP01/b.png", characters=["Aoba"])
    rename(show, *MERGE)
    run_all(show)
    rename(show, *UNDO)
    run_all(show)
    assert named(show) == WERE | {"b": ["Aoba"]}


def add_pair(show: Path, **fields: object) -> Path:
    return add_frame(
        show / "frames/EP01/p.png", patchwork(99), characters=["Aoba", "Hinata"], count=2, tags=["hat"], **fields
    )


@pytest.mark.parametrize("left", [["Hinata"], ["Hinata", "Hinata"]])
def test_a_frame_that_had_both_has_both_and_its_count(show: Path, left: list[str]) -> None:
    pair = add_pair(show)
    rename(show, *MERGE)
    assert loaded(pair)["characters"] == ["Hinata", "Hinata"]
    correct(pair, characters=left, count=1)  # as the closing line of the merge asks for
    rename(show, *UNDO)
    assert (loaded(pair)["characters"], loaded(pair)["count"]) == (["Aoba", "Hinata"], 2)


def test_a_count_that_was_corrected_to_something_else_stays(show: Path) -> None:
    pair = add_pair(show)
    rename(show, *MERGE)
    correct(pair, count=7)
    rename(show, *UNDO)
    assert (loaded(pair)["characters"], loaded(pair)["count"]) == (["Aoba", "Hinata"], 7)


def test_where_it_cannot_be_known_that_is_said(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = add_pair(show)
    rename(show, *MERGE)
    correct(pair, characters=["Hinata", "Kaede"])
    capsys.readouterr()
    rename(show, *UNDO)
    assert "in 1 frame names were changed since the merge" in (said := " ".join(capsys.readouterr()))
    assert "EP01/p.png" in said
    assert loaded(pair)["characters"] == ["Hinata", "Kaede"]


def test_where_it_cannot_be_known_in_the_tree_that_is_said(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_pair(show)
    arrange(show)
    rename(show, *MERGE)
    arrange(show)
    (placed,) = (show / "training").rglob("p.png")
    correct(placed, characters=["Hinata", "Kaede"])
    rename(show, *UNDO)
    capsys.readouterr()
    arrange(show)
    assert "in 1 frame names were changed since the merge" in " ".join(capsys.readouterr())


def test_what_could_not_be_known_once_does_no_harm_later(show: Path) -> None:
    pair = add_pair(show)
    rename(show, *MERGE)
    correct(pair, characters=["Hinata", "Kaede"])
    rename(show, *UNDO)
    for _ in range(2):
        correct(pair, characters=["Kaede", "Aoba"])
        rename(show, *MERGE)
        run_all(show)
        rename(show, *UNDO)
        assert loaded(pair)["characters"] == ["Kaede", "Aoba"]


def test_tags_that_tell_who_is_there_are_right_again(tmp_path: Path) -> None:
    one, two = (add_frame(tmp_path / f"frames/{stem}.png", patchwork(ord(stem))) for stem in "ab")
    add_text(one, ".tags", "character: Aoba, Hinata\ngeneral: hat\n")
    add_text(two, ".tags", "Aoba, hat\n")
    assert generate_metadata.main(["--src_dir", str(tmp_path / "frames"), "--count_from", "characters"]) == 0
    before = without_record(tmp_path / "frames")
    rename(tmp_path, *MERGE)
    assert generate_metadata.main(["--src_dir", str(tmp_path / "frames"), "--count_from", "characters"]) == 0
    assert (loaded(one)["count"], loaded(two)["tags"]) == (1, ["Hinata", "hat"])
    rename(tmp_path, *UNDO)
    assert without_record(tmp_path / "frames") == before


def test_removed_frames_have_their_own_names_when_they_come_back(show: Path) -> None:
    removed.remove(show / "frames", show / "frames/EP01/a.png", "similar")
    rename(show, *MERGE)
    rename(show, *UNDO)
    removed.restore(show / "frames", [], ["similar"], dry_run=False)
    assert named(show) == WERE


def test_a_frame_that_was_removed_between_has_its_name_too(show: Path) -> None:
    rename(show, *MERGE)
    removed.remove(show / "frames", show / "frames/EP01/a.png", "similar")
    arrange(show)
    rename(show, *UNDO)
    arrange(show)
    removed.restore(show / "frames", [], ["similar"], dry_run=False)
    run_all(show)
    assert (named(show), named(show, "training")) == (WERE, WERE)


def test_renames_between_stay(show: Path) -> None:
    rename(show, *MERGE)
    rename(show, "Hinata", "Kurae")
    run_all(show)
    rename(show, *UNDO)
    for _ in range(2):
        assert named(show) == {stem: ["Aoba" if name == "Aoba" else "Kurae"] for stem, name in NAMED.items()}
        run_all(show)
        assert named(show, "training") == named(show)


def test_of_several_merges_the_last_is_undone_first(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_named(show, "f", "Kaede")
    run_all(show)
    rename(show, *MERGE)
    rename(show, "Hinata", "Kaede", "--merge_names")
    run_all(show)
    capsys.readouterr()
    words = ["--src_dir", str(show / "frames"), "--rename"]
    assert generate_metadata.main([*words, *UNDO]) == 2
    assert "another merge came after it" in one_sentence(capsys.readouterr().err)
    rename(show, "Hinata", "Kaede", "--undo")
    assert named(show) == ARE_ONE | {"f": ["Kaede"]}
    rename(show, *UNDO)
    run_all(show)
    assert named(show) == named(show, "training") == WERE | {"f": ["Kaede"]}


def test_a_tree_that_followed_neither_merge_nor_undoing_or_both_is_as_it_was(show: Path) -> None:
    add_named(show, "f", "Kaede")
    run_all(show)
    rename(show, *MERGE)
    rename(show, "Hinata", "Kaede", "--merge_names")
    arrange(show)
    rename(show, "Hinata", "Kaede", "--undo")
    rename(show, *UNDO)
    arrange(show)
    assert named(show, "training") == WERE | {"f": ["Kaede"]}


def test_what_was_never_merged_or_not_noted_is_refused(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(show)
    words = ["--src_dir", str(show / "frames"), "--rename"]
    capsys.readouterr()
    assert generate_metadata.main([*words, *UNDO]) == 2
    assert "there was no --rename Aoba Hinata --merge_names" in one_sentence(capsys.readouterr().err)
    assert tree(show) == before
    (show / "frames/.renamed.jsonl").write_text('{"names": {"Aoba": "Hinata"}}\n{"done": true}\n')  # version 0.1
    assert generate_metadata.main([*words, *UNDO]) == 2
    assert "cannot be known" in one_sentence(capsys.readouterr().err)
    assert named(show) == WERE


def test_two_names_that_become_a_third_are_a_merge(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = show / "names.csv"
    table.write_text("Aoba,Kaede\nHinata,Kaede\n")
    words = ["--src_dir", str(show / "frames"), "--rename", str(table)]
    capsys.readouterr()
    assert generate_metadata.main(words) == 2
    assert "is to be Kaede too" in one_sentence(capsys.readouterr().err)
    assert generate_metadata.main([*words, "--merge_names"]) == 0
    assert named(show) == {stem: ["Kaede"] for stem in NAMED}
    assert generate_metadata.main([*words, "--undo"]) == 0
    assert named(show) == WERE


def test_a_rename_back_says_that_it_is_no_undoing(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rename(show, *MERGE)
    capsys.readouterr()
    rename(show, "Hinata", "Aoba")
    assert "--rename Aoba Hinata --undo instead" in " ".join(capsys.readouterr())


def test_flatten_brings_back_a_merge_and_its_undoing(show: Path) -> None:
    flat = ["--src_dir", str(show / "training"), "--dst_dir", str(show / "frames"), "--flatten"]
    rename(show, *MERGE, folder="training")
    assert arrange_folders.main(flat) == 0
    run_all(show)
    assert named(show) == ARE_ONE
    for folder in ("frames", "training"):
        rename(show, *UNDO, folder=folder)
    run_all(show)
    assert named(show) == named(show, "training") == WERE


def test_frames_that_a_person_moved_go_back_to_their_folders(show: Path) -> None:
    move(show, "a", "best/Aoba")
    move(show, "b", "best/Hinata")
    add_frame(show / "training/best/Aoba/mine.png", patchwork(7))
    arrange(show)
    before = folders(show)
    for _ in range(2):
        rename(show, *MERGE)
        arrange(show)
        assert {folders(show)[stem] for stem in ("a", "b", "mine")} == {"best/Hinata"}
        rename(show, *UNDO)
        arrange(show)
        assert folders(show) == before


def test_merges_and_renames_in_any_order_give_back_what_they_took() -> None:
    for seed in range(500):
        chance = random.Random(seed)
        wanted = [chance.choice("ABCDx") for _ in range(chance.randint(0, 4))]
        texts: Texts = {"characters": [*wanted]}
        note, merges = None, list[dict[str, str]]()
        for number in range(chance.randint(1, 6)):
            if kind := chance.choice(["merge", "undo", ""]):
                step = Step(dict([chance.sample("ABCD", 2)]), is_merge=True)
                if kind == "undo" and merges:
                    step = Step(merges.pop(), undoes=True)
                elif not merges or step.names != merges[-1]:
                    merges.append({**step.names})
            else:
                step = Step({chance.choice("ABCD"): f"N{number}"})
                wanted = renamed(wanted, step.names)
            texts, note = followed(texts, note, [step])
        texts, note = followed(texts, note, [Step(names, undoes=True) for names in reversed(merges)])
        assert (texts["characters"], note) == (wanted, None), seed


def test_a_note_of_a_stranger_changes_nothing(show: Path) -> None:
    rename(show, *MERGE)
    frame = show / "frames/EP01/a.png"
    strange = {
        "names": {"Aoba": "Hinata"},
        "was": {"characters": [], "count": []},
        "is": {"characters": [1], "count": []},
    }
    notes: list[object] = [
        7,
        {"names": {}},
        strange,
        {**strange, "is": {"characters": [], "count": []}, "before": strange},
    ]
    for note in notes:
        add_json(frame, ".json", loaded(frame) | {"merged": note})
        rename(show, *UNDO)
        assert loaded(frame)["characters"] == ["Hinata"]
        rename(show, *MERGE)
