"""What NAS devices, archives, desktops and downloads leave in folders changes nothing in any script."""

import shutil
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
from framekit.dataset.move import remove_empty_folders
from framekit.episodes.labels import find_videos
from framekit.files import names
from tests.characters.helpers import shade
from tests.conftest import save_frame, tree
from tests.helpers_dataset import MIDDLE, add_faces, add_frame

FOLDERS = [
    "@eaDir/x.png",
    "@eadir",
    "#recycle",
    "#snapshot/daily",
    "@Recycle",
    ".@__thumb",
    "__MACOSX/Aoba",
    ".Trash-1000/files",
    "$RECYCLE.BIN/S-1-5-21",
    "System Volume Information",
    "LOST+FOUND",
    ".stversions",
    "clip.mp4.download",
    "found.000",
]
FILES = [
    "._x.png",
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    "~$x.png",
    "y.png.part",
    "y.png.crdownload",
    "y.png.tmp",
    ".y.png.a8Zq",
    "y.jpg.!qB",
]


def litter(top: Path) -> None:
    """Put leftovers into a folder and all folders below it."""
    below = [Path(folder) for folder, _, _ in names.walk(top)]
    below = [folder for folder in below if not (folder / "Thumbs.db").exists()]
    for folder in below:
        for name in FOLDERS:
            save_frame(folder / name / "SYNOPHOTO_THUMB_M.jpg", shade(45))
            save_frame(folder / name / "x.png", shade(80))
            (folder / name / "x.json").write_text('{"characters": ["Nobody"]}', encoding="utf-8")
        for name in FILES:
            (folder / name).write_bytes(b"\x00\x05\x16\x07")


def swept(held: dict[str, object]) -> set[str]:
    """Return the paths of files without leftovers."""
    return {name for name in held if not any(names.is_leftover(part) or "a8Zq" in part for part in Path(name).parts)}


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with references, and frames of two characters with faces."""
    monkeypatch.chdir(tmp_path)
    for name, angle in (("Aoba", 0), ("Hinata", 60)):
        for number in range(3):
            save_frame(tmp_path / "references" / name / f"{number}.png", shade(angle + number))
            add_faces(tmp_path / "references" / name / f"{number}.png", MIDDLE)
            add_faces(add_frame(tmp_path / "frames" / f"EP0{number}" / f"{name}.png", shade(angle + number)), MIDDLE)
    return tmp_path


STEPS: dict[str, Callable[[], int]] = {
    "similar": lambda: remove_similar.main(["frames", "--dry_run", "--no_filters"]),
    "tags": lambda: tag_images.main(["frames", "--model", "measured"]),
    "names": lambda: classify_characters.main(["frames", "--ref_dir", "references", "--model", "colour"]),
    "metadata": lambda: generate_metadata.main(["frames", "--characters_from_folders", "--valid_names", "references"]),
    "arranged": lambda: arrange_folders.main(["frames", "--dst_dir", "out", "--min_image_per_combination", "1"]),
    "again": lambda: arrange_folders.main(["frames", "--dst_dir", "out", "--format", "character"]),
    "prepared": lambda: prepare_training.main(["out", "--trainer", "kohya", "onetrainer", "musubi"]),
    "exported": lambda: prepare_training.main(["out", "--dst_dir", "own", "--trainer", "simpletuner"]),
    "flat": lambda: arrange_folders.main(["out", "--dst_dir", "flat", "--flatten"]),
}


def test_every_script_does_the_same_with_and_without(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(show, show.parent / "clean")
    told = []
    for folder, is_littered in ((show.parent / "clean", False), (show, True)):
        with pytest.MonkeyPatch.context() as there:
            there.chdir(folder)
            outputs = {}
            for name, step in STEPS.items():
                if is_littered:
                    for top in ("references", "frames", "out"):
                        litter(folder / top) if (folder / top).is_dir() else None
                assert step() == 0, (name, capsys.readouterr())
                lines = capsys.readouterr().out.replace(str(folder), "HERE").splitlines()
                outputs[name] = [line for line in lines if " s, " not in line]
            told.append((outputs, swept(dict(tree(folder)))))
    assert told[0][0] == told[1][0]
    assert told[0][1] == told[1][1]


def test_videos_are_those_of_the_person(tmp_path: Path, clip: Path) -> None:
    for name in ("EP01.mp4", "more/EP02.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(clip, tmp_path / name)
    for folder in FOLDERS:
        for above in (tmp_path, tmp_path / "more"):
            (above / folder).mkdir(parents=True, exist_ok=True)
            shutil.copy(clip, above / folder / "EP03.mp4")
    for name in ("._EP01.mp4", "EP04.mp4.part", "~$EP05.mp4"):
        (tmp_path / name).touch()
    found, unusable = find_videos(tmp_path, "*")
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["EP01.mp4", "more/EP02.mp4"]
    assert unusable == []


def test_a_dataset_of_leftovers_is_none(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "videos").mkdir()
    shutil.copy(clip, tmp_path / "videos" / "show - 01.mp4")
    for name in ("#recycle", "@eaDir", "__MACOSX"):
        (tmp_path / "out" / name).mkdir(parents=True)
        (tmp_path / "out" / name / ".frames.json").write_text('{"video": "show - 01.mp4"}', encoding="utf-8")
    assert extract_frames.main([str(tmp_path / "videos"), "--dst_dir", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "EP01").is_dir()


@pytest.mark.parametrize("left", [".DS_Store", "Thumbs.db", "@eaDir"])
def test_clusters_go_into_a_folder_that_is_empty_but_for_leftovers(show: Path, left: str) -> None:
    (show / "clusters" / left).mkdir(parents=True)
    assert classify_characters.main(["frames", "--cluster", "clusters", "--model", "colour", "--min_cluster", "2"]) == 0
    assert len([path for path in (show / "clusters").rglob("*.png") if "sheet" not in path.name]) >= 6
    (show / "mine").mkdir()
    (show / "mine" / "notes.txt").touch()
    assert classify_characters.main(["frames", "--cluster", "mine", "--model", "colour"]) == 2


def test_a_folder_that_only_holds_what_systems_make_again_is_empty(tmp_path: Path) -> None:
    for name in ("gone/Thumbs.db", "gone/.DS_Store", "kept/Thumbs.db", "kept/notes.txt", "nas/@eaDir/x.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    remove_empty_folders(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "nas"]
    assert (tmp_path / "kept" / "Thumbs.db").exists()


@pytest.mark.parametrize("folder", ["@eaDir/x.png", "__MACOSX", "#recycle"])
def test_a_check_tells_what_trainers_read_of_it(show: Path, folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (0, 1, 2):
        add_frame(show / "set" / "a" / f"{number}.png", shade(number), count=1, characters=["Aoba"])
    words = ["set", "--trainer", "everydream2", "--resolution", "32"]
    assert prepare_training.main(words) == 0
    before = prepare_training.main([*words, "--check"])
    assert before == 0
    save_frame(show / "set" / "a" / folder / "SYNOPHOTO_THUMB_M.jpg", shade(45))
    capsys.readouterr()
    assert prepare_training.main([*words, "--check", "--all"]) == 1
    told = capsys.readouterr().out
    assert f"set/a/{folder.split('/')[0]}" in told
    assert "3 frames read" in told


@pytest.mark.parametrize(
    "name", ["@Recycled", "Aoba@eaDir", "thumbs", "part", "a.part.png", "#1", "tmp", "Recycle", "~x"]
)
def test_other_names_are_peoples_own(name: str) -> None:
    assert not names.is_ignored(name)
