"""One name in two Unicode forms, as macOS and other systems store it, is one name in every script."""

import json
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

import arrange_folders
import classify_characters
import extract_frames
import generate_metadata
import prepare_training
import remove_similar
import tag_images
from framekit.files import atomic
from framekit.files.names import on_disk
from framekit.files.tables import read_rows
from tests.characters.helpers import shade
from tests.conftest import one_sentence, save_frame
from tests.helpers_dataset import MIDDLE, add_faces, add_frame, correct, frames_in, loaded

NAME = "ガヴリール"  # composed
APART = unicodedata.normalize("NFD", NAME)
PREFIX = "ヤマガ"
FORMS = [(NAME, APART), (APART, NAME)]


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


@pytest.fixture(autouse=True)
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with frames of two characters with faces."""
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        for name, angle in (("G", 0), ("H", 60)):
            add_faces(add_frame(tmp_path / "frames" / f"{name}{number}.png", shade(angle + number)), MIDDLE)
    return tmp_path


def add_references(folder: Path, name: str, angle: int, numbers: range = range(3)) -> None:
    for number in numbers:
        save_frame(folder / name / f"{number}.png", shade(angle + number))
        add_faces(folder / name / f"{number}.png", MIDDLE)


def classify(references: str = "references") -> int:
    words = ["--ref_dir", references, "--model", "colour", "--workers", "1"]
    return classify_characters.main(["frames", *words])


def arrange() -> int:
    return arrange_folders.main(["frames", "--dst_dir", "tree", "--min_image_per_combination", "1"])


def test_references_of_either_form_give_the_composed_name(show: Path) -> None:
    add_references(show / "references", APART, 0)
    add_references(show / "references", "Hinata", 60)
    assert classify() == 0
    assert loaded(show / "frames" / "G0.png", ".characters.json")["faces"][0]["name"] == NAME
    assert generate_metadata.main(["frames"]) == 0
    assert loaded(show / "frames" / "G0.png")["characters"] == [NAME]


def test_two_reference_folders_of_one_name_are_one(show: Path) -> None:
    add_references(show / "references", APART, 0, range(1))
    add_references(show / "references", NAME, 0, range(1, 3))
    add_references(show / "references", "Hinata", 60)
    assert classify() == 0
    once = loaded(show / "frames" / "G0.png", ".characters.json")
    add_references(show / "joined", NAME, 0)
    add_references(show / "joined", "Hinata", 60)
    assert classify("joined") == 0
    assert loaded(show / "frames" / "G0.png", ".characters.json") == once


@pytest.fixture
def named(show: Path) -> Path:
    """Return the working folder, its frames named by X.json in the decomposed form, as a person may type it."""
    for path in (show / "frames").glob("*.png"):
        who = APART if path.name[0] == "G" else "Hinata"
        add_frame(path, shade(0), count=1, characters=[who], tags=["hat"])
    return show


@pytest.mark.parametrize("form", [NAME, APART])
def test_frames_go_into_the_folder_that_is_there(named: Path, form: str) -> None:
    add_frame(named / "tree" / "1_character" / form / "face_height_ratio_0-25" / "mine.png")
    assert arrange() == 0
    held = [path.name for path in (named / "tree" / "1_character").iterdir()]
    assert sorted(held) == sorted(["Hinata", form])
    assert len([name for name in frames_in(named / "tree") if nfc(name).startswith(f"1_character/{NAME}/")]) == 4


@pytest.mark.parametrize(("typed", "there"), FORMS)
def test_folders_tell_characters_in_either_form(named: Path, typed: str, there: str) -> None:
    assert arrange() == 0
    moved = named / "tree" / "1_character" / "Hinata" / "face_height_ratio_0-25" / "H0.png"
    target = named / "tree" / "1_character" / there / "face_height_ratio_0-25"
    target.mkdir(parents=True, exist_ok=True)
    for path in (moved.with_suffix(suffix) for suffix in (".png", ".json")):
        path.rename(target / path.name)
    (named / "names.txt").write_text(f"{typed}\nHinata\n", encoding="utf-8")
    words = ["--characters_from_folders", "--valid_names", "names.txt"]
    assert generate_metadata.main(["tree", *words]) == 0
    assert loaded(target / "H0.png")["characters"] == [NAME]
    untouched = named / "tree" / "1_character" / NAME / "face_height_ratio_0-25" / "G0.png"
    assert "folder" not in loaded(untouched)


def prepare(*words: str) -> int:
    return prepare_training.main(["tree", "--trainer", "everydream2", *words])


@pytest.mark.parametrize(("typed", "there"), FORMS)
def test_tables_and_options_fit_either_form(named: Path, typed: str, there: str) -> None:
    for path in sorted((named / "frames").iterdir()):
        folder = named / "tree" / (there if path.name[0] == "G" else "Hinata")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / path.name)
    (named / "w.csv").write_text(f"{typed},4\n", encoding="utf-8")
    (named / "t.csv").write_text(f"{typed};gvr girl\n", encoding="utf-8")
    assert prepare("--weight_csv", "w.csv", "--trigger_csv", "t.csv") == 0
    assert (named / "tree" / there / "multiply.txt").read_text(encoding="utf-8").strip() == "4.0"
    assert "gvr girl" in (named / "tree" / there / "G0.txt").read_text(encoding="utf-8")
    (named / "w.csv").write_text(f"{typed[:-2]}*,3\n", encoding="utf-8")
    assert prepare("--weight_csv", "w.csv", "--trigger_csv", "t.csv") == 0
    assert (named / "tree" / there / "multiply.txt").read_text(encoding="utf-8").strip() == "3.0"
    assert prepare("--reg_folders", typed, "--trainer", "kohya") == 0
    assert "is_reg" in (named / "tree" / "dataset_config.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("old", [NAME, APART])
def test_a_rename_finds_either_form(named: Path, old: str) -> None:
    add_frame(named / "frames" / "1_character" / APART / "I0.png", shade(0), count=1, characters=[NAME])
    new = unicodedata.normalize("NFD", "ガブ")
    (named / "r.csv").write_text(f"{old}\t{new}\n", encoding="utf-16")
    assert generate_metadata.main(["frames", "--rename", "r.csv"]) == 0
    assert loaded(named / "frames" / "G0.png")["characters"] == [nfc(new)]
    assert (named / "frames" / "1_character" / nfc(new) / "I0.png").exists()


@pytest.mark.parametrize(("typed", "there"), FORMS)
def test_folders_are_found_as_they_lie(named: Path, typed: str, there: str) -> None:
    (named / "frames").rename(named / there)
    assert generate_metadata.main([typed]) == 0
    (named / "my.toml").write_text(f"[generate_metadata]\nsrc_dir = '{typed}'\n", encoding="utf-8")
    assert generate_metadata.main(["--config", "my.toml"]) == 0
    assert arrange_folders.main([typed, "--dst_dir", f"{typed}/../tree"]) == 0
    assert len(frames_in(named / "tree")) == 6
    assert [path.name for path in named.iterdir() if nfc(path.name) == NAME] == [there]
    assert on_disk(Path(typed) / "new" / typed) == Path(there) / "new" / typed


def test_two_folders_of_one_name_are_told(named: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, form in enumerate((NAME, APART)):
        add_frame(named / "set" / form / f"{number}.png", shade(0), count=1, characters=[NAME])
    capsys.readouterr()
    if len(list((named / "set").iterdir())) == 2:
        assert prepare_training.main(["set", "--trainer", "everydream2"]) == 0
        told = one_sentence(capsys.readouterr().err)
        assert told == f"set holds two folders called {NAME}, in two Unicode forms; join them"


@pytest.mark.parametrize("form", ["NFD", "NFC"])
def test_a_tree_that_lay_on_another_disk_follows_corrections(named: Path, form: str) -> None:
    if form == "NFC":
        (named / "tree" / "1_character" / APART).mkdir(parents=True)
    assert arrange() == 0
    converted(named / "tree", form)
    frame = next((named / "tree").glob("1_character/*/*/G0.png"))
    correct(frame, characters=["Hinata"])
    assert arrange() == 0
    assert (named / "tree" / "1_character" / "Hinata" / "face_height_ratio_0-25" / "G0.png").exists()
    assert not frame.exists()
    assert len(frames_in(named / "tree")) == 6


@pytest.mark.parametrize("both", [True, False])
def test_nothing_is_doubled_after_a_dataset_lay_on_another_disk(named: Path, both: bool) -> None:
    (named / "frames" / NAME).mkdir()
    for path in (named / "frames").glob("G*"):
        path.rename(named / "frames" / NAME / f"{PREFIX}{path.name}")
    before = None
    for form in ("NFC", "NFD", "NFC"):
        for folder in ("frames", "tree")[: 1 + both]:
            converted(named / folder, form)
        assert arrange() == 0
        words = ["tree", "--dst_dir", "own", "--trainer", "simpletuner"]
        assert prepare_training.main(words) == 0
        now = {top: sorted(map(nfc, frames_in(named / top))) for top in ("tree", "own")}
        before = before or now
        assert now == before


def converted(top: Path, form: str) -> None:
    """Give everything below a folder its name in another form, as copying to another disk does."""
    for path in sorted(top.rglob("*"), reverse=True):
        path.rename(path.with_name(unicodedata.normalize(form, path.name)))  # type: ignore[arg-type]


def test_a_dataset_that_lay_on_another_disk_stays_the_same(show: Path, clip: Path) -> None:
    (show / "videos").mkdir()
    shutil.copy(clip, show / "videos" / f"{PREFIX} - 01.mp4")
    words = ["videos", "--dst_dir", "set", "--prefix", PREFIX, "--mode", "interval", "--every_seconds", "0.5"]
    steps: list[Callable[[], int]] = [
        lambda: extract_frames.main(words),
        lambda: tag_images.main(["set", "--model", "measured"]),
        lambda: generate_metadata.main(["set"]),
        lambda: prepare_training.main(["set", "--trainer", "everydream2"]),
    ]
    assert [step() for step in steps] == [0] * 4
    before = {nfc(name): loaded(show / "set" / name) for name in frames_in(show / "set")}
    assert all(values["source"]["time"] >= 0 for values in before.values())
    for folder in ("set", "videos"):
        converted(show / folder, "NFD")
    assert [step() for step in steps] == [0] * 4
    assert {nfc(name): loaded(show / "set" / name) for name in frames_in(show / "set")} == before


def test_nothing_counts_as_written_by_a_person_after_that(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add_frame(show / "set" / f"{PREFIX}.png", shade(0), count=1, characters=[NAME], tags=["hat"])
    assert tag_images.main(["set", "--model", "measured"]) == 0
    assert prepare_training.main(["set", "--trainer", "everydream2"]) == 0
    converted(show / "set", "NFD")
    frame = next((show / "set").glob("*.png"))
    assert frame.name != f"{PREFIX}.png"
    capsys.readouterr()
    assert tag_images.main(["set", "--model", "measured", "--redo"]) == 0
    assert prepare_training.main(["set", "--trainer", "everydream2"]) == 0
    assert "kept" not in capsys.readouterr().out


def test_restore_knows_a_frame_in_either_form(show: Path) -> None:
    for number in range(2):
        add_frame(show / "set" / f"{PREFIX}{number}.png", shade(0))
    assert remove_similar.main(["set", "--no_filters"]) == 0
    (gone,) = {f"{PREFIX}0.png", f"{PREFIX}1.png"} - {path.name for path in (show / "set").glob("*.png")}
    assert remove_similar.main(["set", "--restore", unicodedata.normalize("NFD", gone)]) == 0
    assert (show / "set" / gone).exists()


def test_two_frames_of_one_stem_share_their_sidecars(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (NAME, APART):
        add_frame(show / "set" / f"{name}.png")
    if len(list((show / "set").iterdir())) == 2:
        assert generate_metadata.main(["set"]) == 1
        assert capsys.readouterr().err.count("would share their sidecars") == 2


def test_a_file_never_goes_with_its_other_name(tmp_path: Path) -> None:
    """A disk that takes both forms for one name tells two paths of one file."""
    one, other = tmp_path / NAME, tmp_path / APART
    one.write_text("a", encoding="utf-8")
    assert atomic.same_entry(one, other)


def test_cells_of_tables_are_composed(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(json.dumps(APART, ensure_ascii=False) + ",1", encoding="utf-8")
    assert read_rows(tmp_path / "t.csv", "a,1", (2, 2))[0].cells == [NAME, "1"]
