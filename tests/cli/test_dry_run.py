"""--dry_run says what would be done and changes nothing; a file's name stands once in a message."""

from pathlib import Path

import pytest

import classify_characters
import extract_frames
import tag_images
from tests.conftest import one_sentence, plain, save_frame, tree
from tests.helpers_dataset import MIDDLE, add_faces


def test_what_would_be_tagged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_frame(tmp_path / "a.png", plain((1, 2, 3)))
    before = tree(tmp_path)
    assert tag_images.main([str(tmp_path), "--dry_run"]) == 0  # which needs no model
    assert capsys.readouterr().out == f"1 frame would be tagged, 0 already done, in {tmp_path}\n"
    assert tree(tmp_path) == before


def test_what_would_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_faces(save_frame(tmp_path / "set/a.png", plain((1, 2, 3))), MIDDLE)
    save_frame(tmp_path / "refs/Aoba/1.png", plain((1, 2, 3)))
    before = tree(tmp_path)
    assert classify_characters.main([str(tmp_path / "set"), "--ref_dir", str(tmp_path / "refs"), "--dry_run"]) == 0
    assert capsys.readouterr().out == f"1 frame would be named, 0 already done, in {tmp_path / 'set'}\n"
    assert tree(tmp_path) == before


def test_what_would_be_extracted(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = tmp_path / "videos/show_01.mp4"
    video.parent.mkdir()
    video.write_bytes(clip.read_bytes())
    words = [str(video.parent), "--dst_dir", str(tmp_path / "out")]
    assert extract_frames.main([*words, "--dry_run"]) == 0
    out = capsys.readouterr().out
    assert f"show_01.mp4 -> {tmp_path / 'out/EP01'}" in out
    assert "1 episode would be extracted, 0 already done" in out
    assert not (tmp_path / "out").exists()
    assert extract_frames.main(words) == 0
    before = tree(tmp_path)
    assert extract_frames.main([*words, "--mode", "all", "--dry_run"]) == 1
    assert "EP01 was extracted with --mode mpdecimate" in capsys.readouterr().err
    assert extract_frames.main([*words, "--mode", "all", "--redo", "--dry_run"]) == 0
    assert "1 episode would be extracted" in capsys.readouterr().out
    assert tree(tmp_path) == before


@pytest.mark.parametrize("option", ["--config", "--blacklist", "--replace", "--implications"])
def test_a_missing_file_is_named_once(tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    save_frame(tmp_path / "a.png", plain((1, 2, 3)))
    assert tag_images.main([str(tmp_path), "--model", "measured", option, str(tmp_path / "nowhere.txt")]) == 2
    assert one_sentence(capsys.readouterr().err).count("nowhere.txt") == 1
