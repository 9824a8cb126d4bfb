"""Where a person put a frame last is where it stays, and what they say by that, or in a sidecar, isn't passed over."""

import json
import re
import shutil
from pathlib import Path

import pytest

import arrange_folders
import generate_metadata
import prepare_training
from framekit.arrange.folders import character_level, misplaced, misplaced_in_words
from framekit.arrange.placements import moved_by_hand
from framekit.dataset import frames
from framekit.files import atomic, names
from framekit.sidecars import corrections
from framekit.sidecars.tags import TagRecord
from tests.conftest import patchwork
from tests.helpers_dataset import LATER, add_frame, add_text, loaded, set_time
from tests.helpers_tree import NAMED, add_named, arrange, caption, folders, move, move_all, rename, run_all

HINATAS, AOBAS = "1_character/Hinata", "1_character/Aoba"


WAYS = pytest.mark.parametrize("way", ["--copy", "--hardlink", "--symlink"])


@pytest.fixture
def way() -> str:
    """Return how frames get into the tree, unless a test is run for each way."""
    return "--copy"


@pytest.fixture
def show(tmp_path: Path, way: str) -> Path:
    """Return a folder with a dataset of five frames and the tree that was made of it."""
    for stem, name in NAMED.items():
        add_named(tmp_path, stem, name)
    run_all(tmp_path, way)
    return tmp_path


def read_folders(show: Path) -> None:
    assert generate_metadata.main(["--src_dir", str(show / "training"), "--characters_from_folders"]) == 0


@WAYS
@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("arranged_between", [False, True])
def test_a_frame_is_moved_to_and_fro_as_often_as_a_person_likes(
    show: Path, alone: bool, arranged_between: bool
) -> None:
    for folder in (HINATAS, AOBAS, HINATAS, "1_character/Sora", AOBAS):
        now = move(show, "a", folder, alone=alone)
        read_folders(show)
        if arranged_between:
            arrange(show)
        name = folder.rpartition("/")[2]
        assert (folders(show)["a"], loaded(now)["characters"]) == (folder, [name])
        assert prepare_training.main(["--src_dir", str(show / "training")]) == 0
        assert name in caption(show, "a")
    arrange(show)
    assert len(folders(show)) == len(NAMED)
    assert moved_by_hand(show / "training") == 1


@WAYS
def test_a_folder_that_is_renamed_by_hand_and_back_names_its_frames(show: Path) -> None:
    for old, new in (("Hinata", "Sora"), ("Sora", "Hinata"), ("Hinata", "Sora")):
        (show / f"training/1_character/{old}").rename(show / f"training/1_character/{new}")
        read_folders(show)
        arrange(show)
        assert {stem: folder for stem, folder in folders(show).items() if stem in "bd"} == dict.fromkeys(
            "bd", f"1_character/{new}"
        )
        assert loaded(show / f"training/1_character/{new}/b.png")["characters"] == [new]


@pytest.mark.parametrize("way", ["--copy", "--hardlink"])
def test_two_frames_that_change_places_by_hand_stay_there(show: Path) -> None:
    first, second, aside = (show / "training" / name for name in (f"{AOBAS}/a.png", f"{HINATAS}/b.png", "x.png"))
    add_text(first, ".txt", "of a")
    for now, then in ((first, aside), (second, first), (aside, second)):
        move_all(now, then)
    read_folders(show)
    arrange(show)
    assert {one: folders(show)[one] for one in "ab"} == {"a": AOBAS, "b": HINATAS}
    assert second.with_suffix(".txt").read_text() == "of a"
    assert [loaded(one)["characters"] for one in (first, second)] == [["Aoba"], ["Hinata"]]


def test_a_rename_follows_a_frame_that_was_moved_back(show: Path) -> None:
    for folder in (HINATAS, AOBAS):
        move(show, "a", folder)
        read_folders(show)
    rename(show, "Aoba", "Sora")
    run_all(show)
    assert folders(show)["a"] == "1_character/Sora"
    assert "Sora" in caption(show, "a")


def test_a_correction_after_the_folder_was_read_stays(show: Path) -> None:
    now = move(show, "a", HINATAS)
    read_folders(show)
    now.with_suffix(".json").write_text(now.with_suffix(".json").read_text().replace('["Hinata"]', '["Aoba"]'))
    read_folders(show)
    arrange(show)
    assert (folders(show)["a"], loaded(now)["characters"]) == (HINATAS, ["Aoba"])


def test_a_folder_that_says_the_same_counts_as_read(show: Path) -> None:
    now = move(show, "a", "best/Aoba")
    read_folders(show)
    now.with_suffix(".json").write_text(now.with_suffix(".json").read_text().replace('["Aoba"]', '["Hinata"]'))
    read_folders(show)
    assert loaded(now)["characters"] == ["Hinata"]


def test_frames_in_folders_of_others_are_told(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    move(show, "a", HINATAS)
    capsys.readouterr()
    arrange(show)
    said = capsys.readouterr().err
    assert "1 frame stands in a folder of other characters than the metadata names" in said
    assert f"generate_metadata.py --src_dir {show / 'training'} --characters_from_folders;" in said
    root = str(show / "training")
    assert prepare_training.main(["--src_dir", root]) == 0
    assert "such as 1_character/Hinata/a.png" in capsys.readouterr().err
    assert prepare_training.main(["--src_dir", root, "--check"]) == 1
    assert "stands in a folder of other characters" in capsys.readouterr().out
    read_folders(show)
    arrange(show)
    assert prepare_training.main(["--src_dir", root]) == 0
    assert "other characters" not in capsys.readouterr().err


def frames_of(**named: str) -> dict[Path, list[str]]:
    return {Path(path.replace("__", "/")): names.split() for path, names in named.items()}


@pytest.mark.parametrize(
    ("named", "level", "found"),
    [
        ({"Aoba__1": "Aoba", "Hinata__2": "Hinata", "Hinata__3": "Aoba"}, 0, ["Hinata/3"]),
        ({"EP01__Aoba__1": "Aoba", "EP01__character_others__2": "Hinata"}, 1, []),
        ({"EP01__Aoba__1": "Aoba", "EP01__Sora__2": ""}, 1, ["EP01/Sora/2"]),
        ({"Aoba__1": "Aoba", "2": "Hinata", "scene_0001__3": "Hinata", "2_characters__4": ""}, 0, []),
        ({"1_character__Aoba__1": "Aoba", "others__character_others__2": "Hinata"}, 1, ["others/character_others/2"]),
        ({"1_character__Aoba__1": "Aoba", "others__character_others__2": ""}, 1, []),
        ({"2_characters__Aoba+Sora__1": ""}, 1, ["2_characters/Aoba+Sora/1"]),
        ({"2_characters__face_height_ratio_0-25__1": "Aoba"}, 1, []),
        ({"EP01__1": "Aoba", "EP02__2": "Hinata"}, None, []),
        ({}, None, []),
    ],
)
def test_the_level_of_characters_is_found(named: dict[str, str], level: int | None, found: list[str]) -> None:
    given = frames_of(**named)
    assert character_level(given) == level
    assert [path.as_posix() for path in misplaced(given)] == found


def test_pairs_are_the_same_in_any_order_and_another_pattern_is_told() -> None:
    assert not misplaced({Path("Hinata+Aoba/1.png"): ["Aoba", "Hinata"]})
    words = misplaced_in_words(frames_of(Aoba__1="Aoba", Sora__2="Aoba"), Path("t"))
    assert "--characters_from_folders 'character';" in words


@WAYS
def test_a_sidecar_in_the_tree_is_a_file_of_its_own(show: Path) -> None:
    for path in (show / "training" / AOBAS).glob("a.*"):
        if path.suffix != ".png":
            assert path.stat().st_nlink == 1
            assert not path.is_symlink()


def test_tags_that_were_edited_in_the_tree_are_told_until_they_are_read(
    show: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tags = show / "training" / AOBAS / "a.png.tags"
    tags.write_text("solo, blue_hair")
    set_time(tags, LATER * 2)
    root = str(show / "training")
    capsys.readouterr()
    assert prepare_training.main(["--src_dir", root]) == 0
    said = capsys.readouterr().err
    assert "1 frame has tags or names that are newer than the metadata, such as 1_character/Aoba/a.png" in said
    assert generate_metadata.main(["--src_dir", root]) == 0
    assert prepare_training.main(["--src_dir", root]) == 0
    assert "newer" not in capsys.readouterr().err
    assert "blue hair" in caption(show, "a")
    arrange(show)
    assert tags.read_text() == "solo, blue_hair"


@WAYS
def test_what_a_deleted_picture_left_is_set_aside_and_comes_back_with_it(show: Path) -> None:
    picture = show / "training" / AOBAS / "a.png"
    kept = show / "kept.png"
    picture.with_suffix(".txt").write_text("by hand")
    shutil.copy2(picture, kept)
    picture.unlink()
    arrange(show)
    assert not list(picture.parent.glob("a.*"))
    for folder in (AOBAS, HINATAS):
        back = show / "training" / folder / "a.png"
        shutil.copy2(kept, back)
        assert prepare_training.main(["--src_dir", str(show / "training")]) == 0
        assert back.with_suffix(".txt").read_text() == "by hand"
        back.unlink()
        arrange(show)
        assert not list(back.parent.glob("a.*"))
    assert (show / "frames/EP01/a.png").exists()


@pytest.mark.parametrize("way", ["--copy", "--hardlink"])
def test_two_pictures_deleted_at_one_place_get_their_own_files_back(show: Path) -> None:
    picture = show / "training" / AOBAS / "a.png"
    kept = {stem: shutil.copy2(show / f"frames/EP01/{stem}.png", show / f"{stem}-kept.png") for stem in "ab"}
    picture.with_suffix(".txt").write_text("of a")
    picture.unlink()
    arrange(show)
    move_all(show / "training" / HINATAS / "b.png", picture)
    picture.with_suffix(".txt").write_text("of b")
    arrange(show)
    for stem in "ba":
        picture.unlink()
        arrange(show)
        shutil.copy2(kept[stem], picture)
        arrange(show)
        assert picture.with_suffix(".txt").read_text() == f"of {stem}"


@pytest.mark.parametrize("way", ["--copy", "--hardlink"])  # a link that was moved alone is made anew
@pytest.mark.parametrize("corrected", [False, True])
def test_two_pictures_that_change_places_alone_keep_what_is_theirs(show: Path, corrected: bool) -> None:
    first, second, aside = (show / "training" / name for name in (f"{AOBAS}/a.png", f"{HINATAS}/b.png", "x.png"))
    for frame, text in ((first, "of a"), (second, "of b")):
        add_text(frame, ".txt", text)
        if corrected:
            add_text(frame, ".json", frame.with_suffix(".json").read_text().replace('"count": 1', '"count": 3'))
    for now, then in ((first, aside), (second, first), (aside, second)):
        now.rename(then)
    assert prepare_training.main(["--src_dir", str(show / "training")]) == 0
    arrange(show)
    if not corrected:  # else nothing tells whose X.json it is: these have no moment of a video
        assert [one.with_suffix(".txt").read_text() for one in (first, second)] == ["of b", "of a"]
        assert [loaded(one)["characters"] for one in (first, second)] == [["Hinata"], ["Aoba"]]
    assert sorted(one.with_suffix(".txt").read_text() for one in (first, second)) == ["of a", "of b"]


def test_a_picture_put_over_another_one_alone_keeps_what_is_its_own(show: Path) -> None:
    first, second = show / "training" / AOBAS / "a.png", show / "training" / HINATAS / "b.png"
    add_text(first, ".txt", "of a")
    add_text(second, ".txt", "of b")
    first.replace(second)
    arrange(show)
    assert second.with_suffix(".txt").read_text() == "of a"
    assert loaded(second)["characters"] == ["Aoba"]
    (left,) = (show / "training/.removed/deleted").rglob("b.txt")
    assert left.read_text() == "of b"


@WAYS
def test_a_sidecar_corrected_in_the_tree_stays_when_the_dataset_gets_new_ones(
    show: Path, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tag(show)
    run_all(show, way)
    frame = show / "training" / AOBAS / "a.png"
    add_text(frame, ".png.tags", "hat, by_hand")
    for kind, old, new in ((".faces.json", "0.25", "0.26"), (".characters.json", "Aoba", "Kaede")):
        path = frame.with_suffix(kind)
        path.write_text(path.read_text().replace(old, new, 1))
    assert generate_metadata.main([str(show / "training")]) == 0
    held = {kind: frame.with_suffix(kind).read_text() for kind in (".png.tags", ".faces.json", ".characters.json")}
    tag(show, "scarf")
    for kind in (".faces.json", ".characters.json"):
        path = show / f"frames/EP01/a{kind}"
        record = loaded(path.with_name("a.png"), kind)
        record["faces"][0]["score"] = 0.5
        path.write_text(json.dumps(record | {"written": atomic.digest(record["faces"])}))
    capsys.readouterr()
    run_all(show, way)
    assert "1 frame has tags or names that are newer than the metadata" in capsys.readouterr().err
    (now,) = [path for path in frames.find_frames(show / "training") if path.stem == "a"]
    assert {kind: now.with_suffix(kind).read_text() for kind in held} == held
    assert loaded(now.with_name("b.png").parents[1] / "Hinata/b.png", ".json")["tags"] == ["scarf"]
    assert generate_metadata.main([str(show / "training")]) == 0
    assert "by hand" in caption_of(show, "a")


def tag(show: Path, *words: str) -> None:
    """Tag the frames of the dataset as tag_images.py does."""
    for frame in frames.find_frames(show / "frames"):
        path = names.sidecar(frame, names.TAGS)
        seen = path.read_bytes() if path.exists() else None
        assert TagRecord(frame.parent).write(path, ", ".join(words or ("hat",)) + "\n", "measured", seen)


def caption_of(show: Path, stem: str) -> str:
    """Return a caption as it is written now."""
    assert prepare_training.main([str(show / "training")]) == 0
    return caption(show, stem)


@pytest.mark.parametrize("folder", ["frames", "training"])
def test_the_factors_of_two_who_exchange_their_names_go_with_their_frames(show: Path, folder: str) -> None:
    (show / "training" / AOBAS / "multiply.txt").write_text("7.5")
    (show / "training" / HINATAS / "multiply.txt").write_text("2.5")
    (show / "exchange.csv").write_text("Aoba,Hinata\nHinata,Aoba\n")
    rename(show, str(show / "exchange.csv"), folder=folder)
    arrange(show)
    assert (show / "training" / HINATAS / "multiply.txt").read_text() == "7.5"
    assert (show / "training" / AOBAS / "multiply.txt").read_text() == "2.5"
    assert not list(show.rglob("*waiting*"))


@pytest.mark.parametrize("way", ["--copy", "--hardlink"])
def test_two_pictures_that_look_alike_may_be_exchanged(tmp_path: Path, way: str) -> None:
    for stem in "ab":
        add_named(tmp_path, stem, NAMED[stem])
    alike = patchwork(1)
    for number, stem in enumerate("ab"):
        alike[0, 0] = number * 40
        set_time(add_frame(tmp_path / f"frames/EP01/{stem}.png", alike), LATER + number)
    run_all(tmp_path, way)
    places = [tmp_path / "training" / folder / f"{stem}.png" for folder, stem in ((AOBAS, "a"), (HINATAS, "b"))]
    held = [path.read_bytes() for path in places]
    assert held[0] != held[1]
    places[0].rename(tmp_path / "x.png")
    places[1].rename(places[0])
    (tmp_path / "x.png").rename(places[1])
    arrange(tmp_path, way)
    assert [path.read_bytes() for path in places] == held[::-1]


def test_a_broken_file_is_named_where_it_lies(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = [f"training/{AOBAS}/a.json", "frames/EP01/b.json", f"training/{AOBAS}/c.txt"]
    for name in broken:
        (show / name).unlink()
        (show / name).mkdir() if name.endswith(".txt") else (show / name).write_text("{")
    capsys.readouterr()
    assert arrange_folders.main([str(show / "frames"), "--dst_dir", str(show / "training")]) == 1
    said = capsys.readouterr().err
    for name in broken:
        assert f"unreadable: {show / Path(name).with_suffix('.png')}: {Path(name).name}" in said


def test_a_factor_that_was_computed_goes_with_the_last_frame_of_its_folder(
    show: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training = show / "training"
    move(show, "b", "best", alone=True)
    move(show, "d", "best", alone=True)
    assert (training / HINATAS / "multiply.txt").exists()
    arrange(show)
    assert not (training / HINATAS).exists()
    assert prepare_training.main([str(training)]) == 0
    capsys.readouterr()
    assert prepare_training.main([str(training), "--check"]) == 0
    assert "lost" not in capsys.readouterr().out


def test_a_factor_of_a_person_that_two_names_in_one_leave_without_a_folder_is_told(
    show: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (show / "training" / AOBAS / "multiply.txt").write_text("7.5")
    capsys.readouterr()
    rename(show, "Aoba", "Hinata", "--merge_names", folder="training")
    told = "hand-written .*/Aoba/multiply.txt is in .*/replaced/.*/Aoba now, since .*/Hinata has one of its own"
    assert re.search(told, capsys.readouterr().err)
    assert (show / "training/.removed/replaced" / AOBAS / "multiply.txt").read_text() == "7.5"


def test_a_tree_with_other_levels_and_moves_by_hand_is_prepared_at_once(show: Path) -> None:
    training, levels = str(show / "training"), ["--levels", "episode/character", "--min_image_per_combination", "1"]
    add_named(show, "f", "Kaede")
    run_all(show)
    assert arrange_folders.main([str(show / "frames"), "--dst_dir", training, *levels]) == 0
    (moved,) = (show / "training").rglob("Kaede/f.png")
    (other,) = (show / "training").rglob("Hinata/b.png")
    moved.rename(other.with_name("f.png"))
    arrange(show)
    held = []
    for _ in range(2):
        assert prepare_training.main([training]) == 0
        texts = [*(show / "training").rglob("multiply.txt"), *(show / "training").glob("*.toml")]
        held.append({path: path.read_text() for path in texts})
    assert held[0] == held[1]
    assert len(held[0]) > 3


def test_a_record_of_a_stranger_takes_no_factor_out_of_the_tree(show: Path) -> None:
    (show / "other").mkdir()
    factors = [show / "other/multiply.txt", show / "training/empty/multiply.txt"]
    factors[1].parent.mkdir()
    record = json.loads((show / "training/.prepared.json").read_text())
    for path, key in zip(factors, ("../other/multiply.txt", "empty/multiply.txt"), strict=True):
        path.write_text("2.0\n")
        record[key] = [corrections.text_digest(path, "2.0\n")]
    for run in (arrange, lambda folder: prepare_training.main([str(folder / "training")])):
        (show / "training/.prepared.json").write_text(json.dumps(record))
        factors[1].parent.mkdir(exist_ok=True)
        factors[1].write_text("2.0\n")
        run(show)
        assert [path.exists() for path in factors] == [True, False]
