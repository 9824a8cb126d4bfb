"""Links of a stranger's dataset lead nowhere, in any script; a person's own are followed where they say so."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import arrange_folders
import detect_faces
import extract_frames
import generate_metadata
import prepare_training
import remove_similar
import tag_images
from framekit.characters.references import find_references
from framekit.dataset.frames import find_frames
from framekit.errors import UsageError
from framekit.files.paths import links_followed
from tests.conftest import patchwork, save_frame, tree
from tests.helpers_dataset import add_frame

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need rights there")
SAID = "is a link out of its folder"
Step = Callable[[Path], list[str]]
SCRIPTS: dict[str, tuple[Callable[[list[str]], int], Step]] = {
    "remove_similar": (remove_similar.main, lambda folder: []),
    "detect_faces": (detect_faces.main, lambda folder: ["--workers", "1"]),
    "tag_images": (tag_images.main, lambda folder: ["--model", "measured", "--workers", "1"]),
    "generate_metadata": (generate_metadata.main, lambda folder: []),
    "arrange_folders": (arrange_folders.main, lambda folder: ["--dst_dir", str(folder.parent / "tree")]),
    "prepare_training": (prepare_training.main, lambda folder: ["--dst_dir", str(folder.parent / "export")]),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a dataset with a frame, links to a private picture, a private text and a folder of these."""
    save_frame(tmp_path / "private/secret.png", patchwork(2))
    (tmp_path / "private/passwords").write_text("root:x")
    folder = tmp_path / "frames"
    add_frame(folder / "own.png", patchwork(1), count=1, characters=["Aoba"], general="g", tags=[])
    for name, target in (("picture", "secret.png"), ("text", "passwords")):
        link = folder / f"{name}.png"
        link.symlink_to(tmp_path / "private" / target)
        (folder / f"{name}.json").write_text((folder / "own.json").read_text())
    (folder / "linked").symlink_to(tmp_path / "private", target_is_directory=True)
    return folder


@pytest.mark.parametrize("script", SCRIPTS)
def test_links_out_of_a_dataset_are_listed_and_lead_nowhere(
    folder: Path, capsys: pytest.CaptureFixture[str], script: str
) -> None:
    before = tree(folder.parent / "private")
    main, words = SCRIPTS[script]
    assert main(["--src_dir", str(folder), *words(folder)]) == 1
    said = capsys.readouterr().err
    assert said.count(SAID) == 2
    assert "linked: it is a link to a folder elsewhere" in said
    assert tree(folder.parent / "private") == before
    placed = [
        path for path in folder.parent.rglob("*.png") if path.parent.name != "private" and folder not in path.parents
    ]
    assert {path.name for path in placed} <= {"own.png"}
    secret = (folder.parent / "private/secret.png").read_bytes()
    assert not [path for path in placed if path.read_bytes() == secret]


def test_a_persons_own_links_are_followed_and_what_is_no_picture_never(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "linked").unlink()
    for way in ("--copy", "--hardlink", "--symlink"):
        target = folder.parent / way
        assert generate_metadata.main(["--src_dir", str(folder), "--follow_links"]) == 1
        words = ["--src_dir", str(folder), "--dst_dir", str(target), "--format", "character", way]
        assert arrange_folders.main([*words, "--follow_links", "--min_image_per_combination", "1"]) == 1
        assert "text.png: it cannot be decoded: no image of a known format" in capsys.readouterr().err
        (picture,) = target.rglob("picture.png")
        assert picture.read_bytes() == (folder.parent / "private/secret.png").read_bytes()
        assert not list(target.rglob("text.*"))


def test_a_relative_link_within_a_dataset_is_one_of_its_frames(folder: Path) -> None:
    (folder / "linked").unlink()
    (folder / "sub").mkdir()
    (folder / "sub/again.png").symlink_to(Path("..", "own.png"))
    (folder / "sub/again.json").write_text((folder / "own.json").read_text())
    target = folder.parent / "tree"
    words = ["--src_dir", str(folder), "--dst_dir", str(target), "--format", "character", "--hardlink"]
    assert arrange_folders.main([*words, "--min_image_per_combination", "1"]) == 1
    again = target / "Aoba/again.png"
    assert not again.is_symlink()
    assert again.samefile(folder / "own.png")


def test_the_links_of_an_arranged_tree_lead_to_its_dataset(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--src_dir", str(folder), "--dst_dir", str(folder.parent / "tree"), "--symlink"]
    assert arrange_folders.main(words) == 1
    capsys.readouterr()
    assert prepare_training.main(["--src_dir", str(folder.parent / "tree")]) == 0
    assert "1 caption, " in capsys.readouterr().out


def test_links_of_videos_lead_nowhere(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "Show - 01.mkv").symlink_to(clip)
    (videos / "more").symlink_to(clip.parent, target_is_directory=True)
    words = ["--src_dir", str(videos), "--dst_dir", str(tmp_path / "frames")]
    assert extract_frames.main(words) == 1
    said = capsys.readouterr().err
    assert SAID in said
    assert "more: it is a link to a folder elsewhere" in said
    assert not list(tmp_path.rglob("*.png"))
    assert extract_frames.main([*words, "--follow_links"]) == 1
    assert list((tmp_path / "frames/EP01").glob("*.png"))


def test_links_of_references_lead_nowhere(tmp_path: Path) -> None:
    save_frame(tmp_path / "private/Hinata/a.png", patchwork(1))
    save_frame(tmp_path / "references/Aoba/own.png", patchwork(2))
    (tmp_path / "references/Aoba/link.png").symlink_to(tmp_path / "private/Hinata/a.png")
    unusable: list[tuple[Path, str]] = []
    found = find_references(tmp_path / "references", unusable)
    assert [path.name for path in found["Aoba"]] == ["own.png"]
    assert [path.name for path, _ in unusable] == ["link.png"]
    with links_followed(True):
        assert len(find_references(tmp_path / "references", [])["Aoba"]) == 2
    (tmp_path / "references/Hinata").symlink_to(tmp_path / "private/Hinata", target_is_directory=True)
    with pytest.raises(UsageError, match=SAID):
        find_references(tmp_path / "references", [])


def test_the_links_of_one_run_are_not_followed_in_the_next(folder: Path) -> None:
    with links_followed(True):
        assert len(find_frames(folder, unusable=[])) == 3
    assert [path.name for path in find_frames(folder, unusable=[])] == ["own.png"]
