"""Every way to correct by hand, over the whole pipeline: run anything again, and it is in caption and folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import arrange_folders
import classify_characters
import generate_metadata
import prepare_training
import tag_images
from framekit.files import atomic, names
from framekit.sidecars import faces
from framekit.sidecars.renames import composed, renamed_tags
from tests.conftest import one_sentence, plain, tree
from tests.helpers_dataset import MIDDLE, add_frame, add_json, correct, frames_in, loaded, names_in

NAMES = {"a": "Aoba", "b": "Hinata", "c": "Aoba", "d": "Hinata"}

GREYS = {"Aoba": (220, 40, 40), "Hinata": (40, 40, 220)}


@pytest.fixture
def show(tmp_path: Path) -> Path:
    """Return a folder with a dataset of four frames, faces and names on them, and references."""
    for stem, name in NAMES.items():
        frame = add_frame(tmp_path / "frames" / "EP01" / f"{stem}.png", plain(GREYS[name], 40, 40))
        faces = [{"box": list(MIDDLE), "score": 0.9}]
        atomic.write_json(
            names.sidecar(frame, names.FACES),
            {"schema": 1, "model": "animeface", "threshold": 0.5, "faces": faces, "written": atomic.digest(faces)},
        )
    for name, colour in GREYS.items():
        reference = add_frame(tmp_path / "references" / name / "1.png", plain(colour, 40, 40))
        add_json(reference, ".faces.json", {"schema": 1, "model": "m", "threshold": 0.5, "faces": faces})
    run_names(tmp_path)
    run_rest(tmp_path)
    return tmp_path


def run_names(show: Path) -> None:
    """Name the faces as classify_characters.py would, if nobody corrected them."""
    for frame in sorted((show / "frames").rglob("*.png")):
        path = names.sidecar(frame, names.CHARACTERS)
        if not path.exists():
            named = [{"box": list(MIDDLE), "name": NAMES[frame.stem], "score": 0.9, "runner_up": None}]
            atomic.write_json(path, {"schema": 1, "model": "m", "references": "r", "faces": named,
                                      "written": atomic.digest(named)})  # fmt: skip


def run_rest(show: Path, *more: str) -> None:
    """Run the steps from tagging to training again."""
    frames, training = str(show / "frames"), str(show / "training")
    assert tag_images.main(["--src_dir", frames, "--model", "measured", "--workers", "1"]) == 0
    assert generate_metadata.main(["--src_dir", frames, "--general_description", "anishot"]) == 0
    arrange = ["--src_dir", frames, "--dst_dir", training, "--min_image_per_combination", "1"]
    assert arrange_folders.main([*arrange, "--format", "n_characters/character"]) == 0
    assert prepare_training.main(["--src_dir", training, *more]) == 0


def captions(show: Path) -> dict[str, str]:
    """Return folder and caption of each frame in the training tree."""
    root = show / "training"
    return {
        Path(name).stem: f"{Path(name).parent}: {(root / name).with_suffix('.txt').read_text().strip()}"
        for name in frames_in(root)
    }


def test_the_dataset_before_any_correction(show: Path) -> None:
    told = captions(show)
    assert told["a"].startswith(
        "1_character/Aoba: 1person, Aoba, anishot EP01" if False else "1_character/Aoba: 1person, Aoba, anishot"
    )
    assert told["b"].startswith("1_character/Hinata: 1person, Hinata, anishot")


def edit_json(show: Path) -> None:
    correct(show / "frames" / "EP01" / "a.png", characters=["Hinata"])


def edit_json_in_the_tree(show: Path) -> None:
    correct(show / "training" / "1_character" / "Aoba" / "a.png", characters=["Hinata"])


def move_to_another_folder(show: Path) -> None:
    for path in list((show / "training" / "1_character" / "Aoba").iterdir()):
        if path.name.startswith("a."):
            path.rename(show / "training" / "1_character" / "Hinata" / path.name)
    assert generate_metadata.main(["--src_dir", str(show / "training"), "--characters_from_folders"]) == 0


@pytest.mark.parametrize("way", [edit_json, edit_json_in_the_tree, move_to_another_folder])
def test_a_corrected_name_is_in_caption_and_folder_and_nothing_else_changed(
    show: Path, way: Callable[[Path], None]
) -> None:
    before = captions(show)
    way(show)
    for _ in range(2):
        run_names(show)
        run_rest(show)
        after = captions(show)
        assert after.pop("a") == before["a"].replace("Aoba", "Hinata")
        assert after == {stem: told for stem, told in before.items() if stem != "a"}


def test_corrected_tags_are_in_the_caption_and_nothing_else_changed(show: Path) -> None:
    before = captions(show)
    path = show / "frames" / "EP01" / "a.png.tags"
    path.write_text("red_hat\n", encoding="utf-8")
    for _ in range(2):
        run_rest(show)
        after = captions(show)
        assert after.pop("a") == "1_character/Aoba: 1person, Aoba, anishot, red hat"
        assert after == {stem: told for stem, told in before.items() if stem != "a"}
    assert tag_images.main(["--src_dir", str(show / "frames"), "--model", "measured", "--redo"]) == 0
    run_rest(show)
    assert captions(show)["a"].endswith(", red hat")


def test_an_edited_caption_stays_over_the_whole_pipeline(show: Path) -> None:
    (show / "training" / "1_character" / "Aoba" / "a.txt").write_text("by hand\n")
    run_rest(show)
    run_rest(show, "--shuffle_tags", "--max_tag_number", "3")
    assert captions(show)["a"] == "1_character/Aoba: by hand"


def test_a_corrected_name_survives_other_references_and_redo(show: Path) -> None:
    edit_json(show)
    references = ["--src_dir", str(show / "frames"), "--ref_dir", str(show / "references")]
    assert classify_characters.main([*references, "--model", "colour", "--redo", "--workers", "1"]) == 0
    assert loaded(show / "frames" / "EP01" / "c.png", ".characters.json")["model"] != "m"
    run_rest(show)
    assert captions(show)["a"].startswith("1_character/Hinata: 1person, Hinata")


def rename(show: Path, *words: str, folder: str = "frames") -> int:
    return generate_metadata.main(
        ["--src_dir", str(show / folder), "--general_description", "anishot", "--rename", *words]
    )


def test_a_renamed_character_is_everywhere_and_nothing_else_changed(show: Path) -> None:
    edit_json(show)
    run_rest(show)
    before = captions(show)
    assert rename(show, "Hinata", "KuraueHinata") == 0
    for _ in range(2):
        run_names(show)
        run_rest(show)
        assert captions(show) == {stem: told.replace("Hinata", "KuraueHinata") for stem, told in before.items()}
        assert names_in(show / "training" / "1_character") == ["Aoba", "KuraueHinata"]
    held = [
        path.read_text()
        for path in show.rglob("*.json")
        if "references" not in path.parts and ".removed" not in path.parts
    ]
    assert not [text for text in held if '"Hinata"' in text]


def test_a_rename_survives_names_that_are_made_again(show: Path) -> None:
    assert rename(show, "Hinata", "KuraueHinata") == 0
    for path in (show / "frames").rglob("*.characters.json"):
        path.unlink()
    run_names(show)
    run_rest(show)
    assert captions(show)["b"].startswith("1_character/KuraueHinata: 1person, KuraueHinata")


def test_a_rename_in_the_dataset_and_another_in_the_tree_both_hold(show: Path) -> None:
    assert rename(show, "Hinata", "KuraueHinata") == 0
    run_rest(show)
    assert rename(show, "Aoba", "AobaKokona", folder="training") == 0
    assert prepare_training.main(["--src_dir", str(show / "training")]) == 0
    told = captions(show)
    assert told["a"].startswith("1_character/AobaKokona: 1person, AobaKokona")
    assert told["b"].startswith("1_character/KuraueHinata: 1person, KuraueHinata")


def test_a_rename_is_no_correction_of_names(show: Path) -> None:
    assert rename(show, "Hinata", "KuraueHinata") == 0
    path = show / "frames" / "EP01" / "b.characters.json"
    assert loaded(show / "frames" / "EP01" / "b.png", ".characters.json")["faces"][0]["name"] == "KuraueHinata"
    assert not faces.is_corrected(path)


def test_a_rename_in_the_tree_alone_moves_folders_and_is_undone_by_the_next(show: Path) -> None:
    before = captions(show)
    frames = frames_in(show / "training")
    assert rename(show, "Hinata", "KuraueHinata", folder="training") == 0
    assert names_in(show / "training" / "1_character") == ["Aoba", "KuraueHinata"]
    assert (show / "training" / "1_character" / "KuraueHinata" / "multiply.txt").exists()
    assert prepare_training.main(["--src_dir", str(show / "training")]) == 0
    assert captions(show) == {stem: told.replace("Hinata", "KuraueHinata") for stem, told in before.items()}
    assert rename(show, "KuraueHinata", "Hinata", folder="training") == 0
    assert prepare_training.main(["--src_dir", str(show / "training")]) == 0
    assert captions(show) == before
    assert frames_in(show / "training") == frames


def test_a_frame_moved_by_hand_stays_so_when_its_folder_is_renamed(show: Path) -> None:
    move_to_another_folder(show)
    assert rename(show, "Hinata", "KuraueHinata", folder="training") == 0
    assert rename(show, "Hinata", "KuraueHinata") == 0
    run_rest(show)
    assert captions(show)["a"].startswith("1_character/KuraueHinata: 1person, KuraueHinata")


def test_renames_from_a_file(show: Path) -> None:
    (show / "names.csv").write_text("# old,new\nHinata, KuraueHinata\nAoba,AobaKokona\n")
    assert rename(show, str(show / "names.csv")) == 0
    run_rest(show)
    assert names_in(show / "training" / "1_character") == ["AobaKokona", "KuraueHinata"]


def test_two_names_can_be_exchanged(show: Path) -> None:
    (show / "names.csv").write_text("Hinata,Aoba\nAoba,Hinata\n")
    before = {frame.stem: loaded(frame)["characters"] for frame in (show / "frames").rglob("*.png")}
    assert rename(show, str(show / "names.csv")) == 0
    after = {frame.stem: loaded(frame)["characters"] for frame in (show / "frames").rglob("*.png")}
    other = {"Aoba": ["Hinata"], "Hinata": ["Aoba"]}
    assert after == {stem: other[names[0]] for stem, names in before.items()}


@pytest.mark.parametrize(
    "words",
    [["Hinata"], ["a", "b", "c"], ["Hinata", "unknown"], ["Hinata", "a+b"], ["Hinata", "a/b"], ["unknown", "x"]],
)
def test_a_rename_that_is_none_is_one_sentence(
    show: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    before = tree(show)
    capsys.readouterr()
    assert rename(show, *words) == 2
    assert one_sentence(capsys.readouterr().err)
    assert tree(show) == before


def test_tags_are_renamed_in_both_forms() -> None:
    names = {"hinata": "kuraue"}
    told = "character: kuraue, b\ngeneral: hinata_bag, hat\n"
    assert renamed_tags("character: hinata, b\ngeneral: hinata_bag, hat\n", names) == told
    assert renamed_tags("hinata, hat", names) == "kuraue, hat"
    assert renamed_tags("hat,  cap\n", names) == "hat,  cap\n"


def sorted_by_hand(folder: Path, place: str, characters: list[str]) -> Path:
    """Write a frame of another tool in a folder; return its path."""
    frame = add_frame(folder / place / "x.png")
    add_json(frame, ".json", {"count": 1, "characters": characters})
    return frame


def read_folders(folder: Path, *options: str) -> int:
    return generate_metadata.main(["--src_dir", str(folder), "--characters_from_folders", *options])


@pytest.mark.parametrize(
    ("place", "pattern", "before", "after"),
    [
        ("1_character/Aoba", [], [], ["Aoba"]),
        ("1_character/Aoba/face_height_ratio_0-25", [], [], ["Aoba"]),
        ("2_characters/Aoba+Hinata", [], ["Hinata"], ["Aoba", "Hinata"]),
        ("2_characters/Aoba+Hinata", [], ["Hinata", "Aoba"], ["Hinata", "Aoba"]),
        ("2_characters/character_others", [], ["A", "B"], ["A", "B"]),
        ("others/character_others", [], ["A"], []),
        ("others", [], ["A"], ["A"]),
        ("Aoba", ["character"], [], ["Aoba"]),
        ("EP1/Aoba/wide", ["*/character"], [], ["Aoba"]),
        ("EP1/Aoba", ["EP*/character"], [], ["Aoba"]),
        ("XX1/Aoba", ["EP*/character"], [], []),
        ("1_character/Aoba", [], ["Hinata", "unknown"], ["Aoba", "unknown"]),
    ],
)
def test_names_from_folders(
    tmp_path: Path, place: str, pattern: list[str], before: list[str], after: list[str]
) -> None:
    frame = sorted_by_hand(tmp_path, place, before)
    assert read_folders(tmp_path, *pattern) == 0
    assert loaded(frame)["characters"] == after


def test_folder_names_are_led_back_to_the_characters_they_stand_for(tmp_path: Path) -> None:
    sorted_by_hand(tmp_path, "1_character/Dr Stone", ["Dr. Stone"])
    frame = sorted_by_hand(tmp_path, "1_character/Dr Stone/other", ["Aoba"])
    assert read_folders(tmp_path) == 0
    assert loaded(frame)["characters"] == ["Dr. Stone"]


def test_a_name_that_is_not_valid_is_listed_with_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = sorted_by_hand(tmp_path / "set", "1_character/Hinatta", ["Aoba"])
    good = sorted_by_hand(tmp_path / "set", "1_character/Hinata", ["Aoba"])
    (tmp_path / "names.txt").write_text("Aoba\nHinata\n")
    assert read_folders(tmp_path / "set", "--valid_names", str(tmp_path / "names.txt")) == 1
    assert "did you mean Hinata?" in capsys.readouterr().err
    assert loaded(frame)["characters"] == ["Aoba"]
    assert loaded(good)["characters"] == ["Hinata"]


@pytest.mark.parametrize("part", ["face_height_ratio_25-50", "2_characters", "scene_0012", "no_episode"])
def test_a_folder_of_another_level_is_no_name(tmp_path: Path, capsys: pytest.CaptureFixture[str], part: str) -> None:
    frame = sorted_by_hand(tmp_path, f"Aoba/{part}", ["Aoba"])
    assert read_folders(tmp_path) == 1
    assert "a pattern that fits" in capsys.readouterr().err
    assert loaded(frame)["characters"] == ["Aoba"]


def test_a_later_correction_in_the_file_is_not_undone_by_the_folder(tmp_path: Path) -> None:
    frame = sorted_by_hand(tmp_path, "1_character/Hinata", ["Aoba"])
    assert read_folders(tmp_path) == 0
    correct(frame, characters=["Kaede"])
    assert read_folders(tmp_path) == 0
    assert loaded(frame)["characters"] == ["Kaede"]


def test_moved_once_more_the_new_folder_counts(tmp_path: Path) -> None:
    frame = sorted_by_hand(tmp_path, "1_character/Hinata", ["Aoba"])
    assert read_folders(tmp_path) == 0
    (tmp_path / "1_character" / "Hinata").rename(tmp_path / "1_character" / "Kaede")
    assert read_folders(tmp_path) == 0
    assert loaded(tmp_path / "1_character" / "Kaede" / frame.name)["characters"] == ["Kaede"]


def test_a_frame_that_nobody_moved_keeps_a_name_corrected_in_its_file(show: Path) -> None:
    edit_json_in_the_tree(show)
    assert read_folders(show / "training") == 0
    assert loaded(show / "training" / "1_character" / "Aoba" / "a.png")["characters"] == ["Hinata"]


@pytest.mark.parametrize("pattern", ["*", "character/character", ""])
def test_a_pattern_without_the_level_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pattern: str
) -> None:
    sorted_by_hand(tmp_path, "1_character/Aoba", [])
    assert read_folders(tmp_path, pattern) == 2
    assert "character" in one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize(
    ("batches", "names"),
    [
        ([], {}),
        ([{"a": "b"}, {"b": "c"}], {"a": "c", "b": "c"}),
        ([{"x": "y"}, {"y": "x"}], {"y": "x"}),
        ([{"a": "b", "b": "a"}], {"a": "b", "b": "a"}),
        ([{"a": "b", "b": "a"}, {"a": "b", "b": "a"}], {}),
    ],
)
def test_renames_follow_each_other(batches: list[dict[str, str]], names: dict[str, str]) -> None:
    assert composed(batches) == names


def test_a_rename_that_was_cut_short_is_completed_and_not_done_twice(
    show: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (show / "names.csv").write_text("Hinata,Aoba\nAoba,Hinata\n")
    correct(show / "frames" / "EP01" / "a.png", characters=["Aoba", "unknown"])
    calls, write = 0, atomic.write_unless

    def until_killed(path: Path, content: str | bytes, is_edited: Any) -> bool:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise KeyboardInterrupt
        return write(path, content, is_edited)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "write_unless", until_killed)
        assert rename(show, str(show / "names.csv")) == 130
    assert rename(show, str(show / "names.csv")) == 0
    after = {frame.stem: loaded(frame)["characters"] for frame in (show / "frames").rglob("*.png")}
    assert after == {"a": ["Hinata", "unknown"], "b": ["Aoba"], "c": ["Hinata"], "d": ["Aoba"]}
    assert rename(show, str(show / "names.csv")) == 0
    after = {frame.stem: loaded(frame)["characters"] for frame in (show / "frames").rglob("*.png")}
    assert after == {"a": ["Aoba", "unknown"], "b": ["Hinata"], "c": ["Aoba"], "d": ["Hinata"]}
