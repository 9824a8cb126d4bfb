"""A folder as kohya's scripts want it, with captions and without our sidecars: what becomes of it here."""

from pathlib import Path

import pytest

import arrange_folders
import generate_metadata
import prepare_training
from tests.conftest import patchwork, save_frame
from tests.helpers_dataset import add_text, frames_in, loaded


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return frames of two characters with captions, one of them a sentence, and regularization."""
    captions = {
        "10_aoba girl/a": "Aoba, 1girl, long hair",
        "10_aoba girl/b": "aoba, a girl on a mountain",
        "5_hinata/c": "hinata, 2girls, hat",
        "5_hinata/d": "hinata, 1girl, sky",
        "1_1girl/e": "1girl, smile",
    }
    for number, (name, text) in enumerate(captions.items()):
        add_text(save_frame(tmp_path / "img" / f"{name}.png", patchwork(number)), ".txt", text)
    return tmp_path / "img"


def generate(root: Path, *options: str) -> int:
    return generate_metadata.main(["--src_dir", str(root), *options])


def test_captions_are_offered(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate(root) == 0
    assert "5 without tags (tag_images.py finds them)" in (told := capsys.readouterr().out)
    assert "5 of them with a caption (--tags_from_captions reads it)" in told


def test_captions_are_tags_sentences_and_names(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate(root, "--tags_from_captions") == 0
    assert "without tags" not in capsys.readouterr().out
    known = {frame.stem: loaded(frame) for frame in root.rglob("*.png")}
    assert {stem: one["tags"] for stem, one in known.items()} == {
        "a": ["1girl", "long hair"], "b": [], "c": ["2girls", "hat"], "d": ["1girl", "sky"], "e": ["1girl", "smile"]
    }  # fmt: skip
    assert {stem: one["characters"] for stem, one in known.items()} == {
        "a": ["aoba"], "b": ["aoba"], "c": ["hinata"], "d": ["hinata"], "e": []
    }  # fmt: skip
    assert known["b"]["description"] == "a girl on a mountain"
    assert {stem: one["count"] for stem, one in known.items()} == {"a": 1, "b": 1, "c": 2, "d": 1, "e": 1}
    assert generate(root) == 0  # later runs go on so
    assert {frame.stem: loaded(frame) for frame in root.rglob("*.png")} == known
    words = ["--src_dir", str(root), "--dst_dir", str(root.parent / "tree"), "--format", "n_characters/character"]
    assert arrange_folders.main([*words, "--min_image_per_combination", "1"]) == 0
    assert frames_in(root.parent / "tree") == [
        "1_character/aoba/a.png", "1_character/aoba/b.png", "1_character/hinata/c.png", "1_character/hinata/d.png",
        "others/character_others/e.png",
    ]  # fmt: skip


def test_tags_win_over_captions_and_our_own_captions_are_none(root: Path) -> None:
    frame = root / "5_hinata" / "c.png"
    add_text(frame, ".tags", "3girls")
    (root / "5_hinata" / "d.txt").unlink()
    assert generate(root) == 0
    assert prepare_training.main(["--src_dir", str(root)]) == 0
    assert (root / "5_hinata" / "d.txt").read_text() == "anime image\n"
    assert generate(root, "--tags_from_captions") == 0
    assert loaded(frame)["tags"] == ["3girls"]
    assert loaded(root / "5_hinata" / "d.png")["tags"] == []


def test_a_caption_has_the_sentence_where_the_file_is_ours(root: Path) -> None:
    assert generate(root, "--tags_from_captions") == 0
    assert prepare_training.main(["--src_dir", str(root), "--overwrite_corrections"]) == 0
    assert (root / "10_aoba girl" / "b.txt").read_text() == "1person, aoba, a girl on a mountain\n"


def test_names_from_folders_are_read_without_repeats(root: Path) -> None:
    assert generate(root, "--characters_from_folders", "character") == 0
    assert loaded(root / "10_aoba girl" / "a.png")["characters"] == ["aoba"]


def test_repeats_are_weights(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate(root, "--tags_from_captions") == 0
    assert prepare_training.main(["--src_dir", str(root)]) == 0
    factors = {path.parent.name: float(path.read_text()) for path in root.rglob("multiply.txt")}
    assert factors == {"10_aoba girl": 10.0, "5_hinata": 5.0, "1_1girl": 1.0}
    assert "kohya's repeats in the names of folders are kept" in capsys.readouterr().out
    csv = root.parent / "weights.csv"
    csv.write_text("10_aoba girl,1\n5_hinata,1\n1_1girl,1\n")
    assert prepare_training.main(["--src_dir", str(root), "--weight_csv", str(csv)]) == 0
    assert "kohya's repeats" not in capsys.readouterr().out


def test_a_caption_that_is_no_file_is_listed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    caption = root / "5_hinata" / "c.txt"
    caption.unlink()
    caption.symlink_to(root / "5_hinata" / "d.txt")
    assert generate(root) == 0
    assert "4 of them with a caption" in capsys.readouterr().out
    assert generate(root, "--tags_from_captions") == 1
    assert "c.txt is a link" in capsys.readouterr().err
    assert loaded(root / "5_hinata" / "d.png")["tags"] == ["1girl", "sky"]
