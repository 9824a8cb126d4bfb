"""Extracting again: what people made follows the pictures, a stopped --redo goes on, and no frame gets another's files.

The clip is first extracted with every frame, then with the drawings alone: the stem 000003 becomes 000002, and what
stands on 000002 has no frame any more.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import extract_frames
import generate_metadata
import remove_similar
from framekit.dataset import removed
from framekit.episodes import extract
from framekit.files import atomic
from framekit.files.names import mask_of
from framekit.pixels.decode import read_pixels
from framekit.sidecars.instances import is_corrected
from framekit.sidecars.tags import TagRecord
from framekit.video import stream
from framekit.video.ffmpeg import find_ffmpeg
from tests.conftest import CLIP_CHANGES, listing, plain, save_frame
from tests.helpers_dataset import MIDDLE, add_faces, add_figures, add_json, add_names, add_text, correct, labels, loaded


def run(root: Path, *words: str) -> int:
    common = ["--src_dir", str(root / "videos"), "--dst_dir", str(root / "frames"), "--prefix", "s"]
    return extract_frames.main([*common, "--workers", "1", *words])


def frame(root: Path, number: int, suffix: str = ".png") -> Path:
    return root / f"frames/EP01/s_EP01_{number:06d}{suffix}"


@pytest.fixture
def show(tmp_path: Path, clip: Path) -> Path:
    """Return a folder with every frame of the clip, each with metadata."""
    (tmp_path / "videos").mkdir()
    shutil.copy(clip, tmp_path / "videos/01.mp4")
    assert run(tmp_path, "--mode", "all") == 0
    assert generate_metadata.main(["--src_dir", str(tmp_path / "frames")]) == 0
    return tmp_path


def again(root: Path, *words: str) -> None:
    assert run(root, "--redo", *words) == 0
    assert len([*(root / "frames/EP01").glob("s_EP01_??????.[pj][np]g")]) == 14


def test_a_correction_follows_its_picture(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    correct(frame(show, 3), characters=["Aoba"])
    add_text(frame(show, 9), ".txt", "by hand")
    pixels = read_pixels(frame(show, 3)).tobytes()
    capsys.readouterr()
    again(show)
    assert read_pixels(frame(show, 2)).tobytes() == pixels
    assert loaded(frame(show, 2))["characters"] == ["Aoba"]
    assert frame(show, 4, ".txt").read_text() == "by hand"
    assert not frame(show, 3, ".json").exists()
    assert not frame(show, 9, ".txt").exists()
    assert "2 corrected files carried over" in capsys.readouterr().out
    assert generate_metadata.main(["--src_dir", str(show / "frames")]) == 0
    named = [number for number in range(1, 15) if loaded(frame(show, number))["characters"] == ["Aoba"]]
    assert named == [2]
    assert loaded(frame(show, 2))["source"]["source_frame"] == 2


def test_what_has_no_picture_any_more_stays_in_the_trash_and_is_counted(
    show: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    correct(frame(show, 2), characters=["Aoba"])
    add_text(frame(show, 2), ".npz", "latents")
    again(show)
    out = capsys.readouterr().out
    assert "2 without their picture now, in .removed/extracted_again" in out
    aside = show / "frames/.removed/extracted_again/EP01"
    assert loaded(aside / "s_EP01_000002.png")["characters"] == ["Aoba"]
    assert not frame(show, 2, ".json").exists()
    assert not frame(show, 2, ".npz").exists()


def test_each_kind_of_file_follows(show: Path) -> None:
    old = frame(show, 3)
    corrected = {"box": list(MIDDLE), "score": 1.0}
    add_faces(old, MIDDLE)
    add_json(old, ".faces.json", loaded(old, ".faces.json") | {"faces": [corrected], "written": "0" * 12})
    add_names(old, {MIDDLE: "Aoba"})
    for suffix in (".tags", ".caption", ".npz", "-masklabel.webp", "_0160x0090_sdxl.npz", ".depth.exr"):
        add_text(old, suffix, suffix)
    add_text(old, ".png.json", "{}")
    (old.parent / ".masks").mkdir()
    (old.parent / ".masks" / old.name).write_text("mask")
    again(show)
    suffixes = [".caption", ".npz", "-masklabel.webp", "_0160x0090_sdxl.npz", ".depth.exr"]
    assert [frame(show, 2, suffix).read_text() for suffix in suffixes] == suffixes
    assert frame(show, 2, ".png.tags").read_text() == ".tags"
    assert frame(show, 2, ".png.json").read_text() == "{}"
    assert loaded(frame(show, 2), ".faces.json")["faces"] == [corrected]
    assert loaded(frame(show, 2), ".characters.json")["faces"][0]["name"] == "Aoba"
    assert (old.parent / ".masks" / frame(show, 2).name).read_text() == "mask"
    others = [path.name for path in old.parent.iterdir() if path.suffix != ".png" and not path.name.startswith(".")]
    assert {name.split("_sdxl")[0][:13] for name in others} == {"s_EP01_000002"}


@pytest.mark.parametrize("is_cropped", [False, True])
def test_json_of_other_programs_follows_byte_for_byte(
    show: Path, monkeypatch: pytest.MonkeyPatch, is_cropped: bool
) -> None:
    text = '{"tags": "1girl long_hair", "size": 3, "source": "https://x"}'
    frame(show, 3, ".json").write_text(text)
    frame(show, 9, ".source.json").write_text(text)
    monkeypatch.setattr(stream, "detect_bars", lambda *_: (100, 80, 0, 0))
    again(show, *["--crop_bars"] * is_cropped)
    assert frame(show, 2, ".json").read_text() == text
    assert frame(show, 4, ".source.json").read_text() == text
    assert generate_metadata.main(["--src_dir", str(show / "frames")]) == 0
    assert [loaded(frame(show, number))["tags"] for number in (2, 4)] == [["1girl", "long_hair"]] * 2


def test_what_a_script_wrote_does_not_follow(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = frame(show, 3)
    add_faces(old, MIDDLE)
    held = loaded(old, ".faces.json")
    add_json(old, ".faces.json", held | {"written": atomic.digest(held["faces"])})
    TagRecord(old.parent).write(old.with_name(f"{old.name}.tags"), "hat\n", "model", None)
    add_text(old, ".txt", "a caption")
    atomic.write_json(show / "frames/.prepared.json", {old.stem: [atomic.digest("a caption")]})
    again(show)
    assert "carried" not in capsys.readouterr().out
    assert {path.suffix for path in old.parent.iterdir()} == {".png", ".npz", ".json"}
    assert listing(old.parent)[:2] == [".descriptors.npz", ".frames.json"]


def test_files_of_the_folder_and_pictures_of_others_stay_in_it(show: Path) -> None:
    mine = save_frame(show / "frames/EP01/my drawing.png", plain((1, 2, 3)))
    add_text(mine, ".txt", "mine")
    (mine.parent / "notes").mkdir()
    (mine.parent / "notes/a.md").write_text("a note")
    assert run(show, "--redo") == 0
    assert mine.exists()
    assert mine.with_suffix(".txt").read_text() == "mine"
    assert (mine.parent / "notes/a.md").read_text() == "a note"


def test_latents_follow_only_the_very_same_file(show: Path) -> None:
    add_text(frame(show, 3), ".npz", "latents")
    add_text(frame(show, 3), "-masklabel.png", "mask")
    add_text(frame(show, 3), ".tags", "by hand")
    again(show, "--format", "jpg")
    assert not frame(show, 2, ".npz").exists()
    assert frame(show, 2, "-masklabel.png").read_text() == "mask"
    assert frame(show, 2, ".jpg.tags").read_text() == "by hand"


def test_places_do_not_follow_to_a_picture_of_another_size(
    show: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    correct(frame(show, 3), general="by hand", facepos=["fvp 1 2 fhp 3 4"])
    correct(frame(show, 5), facepos=["fvp 1 2 fhp 3 4"])
    add_text(frame(show, 3), "-masklabel.png", "mask")
    add_text(frame(show, 3), ".txt", "by hand")
    monkeypatch.setattr(stream, "detect_bars", lambda *_: (100, 80, 0, 0))
    assert run(show, "--redo", "--crop_bars") == 0
    values = loaded(frame(show, 2))
    assert values["general"] == "by hand"
    assert "facepos" not in values
    assert len(list((show / "frames/EP01").glob("s_*.json"))) == 1
    assert len(list((show / "frames/EP01").glob("*.txt"))) == 1
    assert not list((show / "frames/EP01").glob("*mask*"))
    assert "2 without their picture now" in capsys.readouterr().out


def test_another_time_or_another_stream_is_another_picture(show: Path) -> None:
    for number in (1, 3, 5):
        correct(frame(show, number), general="by hand")
    path = show / "frames/EP01/.frames.json"
    record = json.loads(path.read_text())
    record["frames"]["s_EP01_000003"]["time"] += 0.04
    path.write_text(json.dumps(record))
    again(show)
    assert [path.stem for path in sorted((show / "frames/EP01").glob("s_*.json"))] == ["s_EP01_000001", "s_EP01_000003"]
    record = json.loads(path.read_text())
    record["video_stream"] = 1
    shutil.rmtree(show / "frames/.removed")
    path.write_text(json.dumps(record))
    again(show)
    assert not list((show / "frames/EP01").glob("s_*.json"))


def test_the_default_stream_and_another_one_have_other_pictures(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    drawn = [
        word for size in ("160x90", "320x180") for word in ("-f", "lavfi", "-i", f"testsrc2=size={size}:duration=1")
    ]
    marks = ["-disposition:v:0", "0", "-disposition:v:1", "default"]
    command = [find_ffmpeg().path, "-v", "error", *drawn, "-map", "0", "-map", "1", "-c:v", "ffv1", *marks]
    subprocess.run([*command, str(tmp_path / "videos/01.mkv")], check=True)
    assert run(tmp_path, "--mode", "all") == 0
    add_json(frame(tmp_path, 3), ".json", {"characters": ["Aoba"]})
    assert run(tmp_path, "--mode", "all", "--redo", "--video_stream", "0") == 0
    assert not frame(tmp_path, 3, ".json").exists()
    assert run(tmp_path, "--mode", "all", "--redo", "--video_stream", "1") == 0
    assert loaded(frame(tmp_path, 3))["characters"] == ["Aoba"]


def test_a_correction_comes_back_with_its_picture(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    correct(frame(show, 2), characters=["Aoba"])
    correct(frame(show, 3), characters=["Hinata"])
    again(show)
    frame(show, 2, ".json").unlink()
    capsys.readouterr()
    assert run(show, "--mode", "all", "--redo") == 0
    assert "1 corrected file carried over" in capsys.readouterr().out
    assert loaded(frame(show, 2))["characters"] == ["Aoba"]
    assert not frame(show, 3, ".json").exists(), "its correction was taken back while its picture was there"


def test_what_was_set_aside_of_another_video_does_not_come_back(show: Path) -> None:
    correct(frame(show, 2), characters=["Aoba"])
    again(show)
    aside = show / "frames/.removed/extracted_again/EP01/.frames.json"
    aside.write_text(json.dumps(json.loads(aside.read_text()) | {"video_digest": "0" * 12}))
    assert run(show, "--mode", "all", "--redo") == 0
    assert not frame(show, 2, ".json").exists()


@pytest.mark.parametrize("words", [("--redo",), ()])
def test_without_a_record_corrections_follow_the_content(show: Path, words: tuple[str, ...]) -> None:
    correct(frame(show, 3), characters=["Aoba"])
    correct(frame(show, 2), characters=["Hinata"])
    record = show / "frames/EP01/.frames.json"
    if words:
        record.write_text("{")
    else:
        record.unlink()
    assert run(show, *words) == 0
    assert loaded(frame(show, 2))["characters"] == ["Aoba"]
    assert not frame(show, 3, ".json").exists()


def test_an_older_record_that_tells_no_stream_lends_nothing_to_a_picture_of_another_size(show: Path) -> None:
    correct(frame(show, 3), characters=["Aoba"])
    path = show / "frames/EP01/.frames.json"
    record = json.loads(path.read_text())
    del record["video_stream"], record["settings"]["video_stream"]
    path.write_text(json.dumps(record))
    save_frame(frame(show, 3), plain((1, 2, 3)))
    again(show)
    assert not frame(show, 2, ".json").exists()


def test_removed_frames_and_their_corrections_go_with_the_old_ones(show: Path) -> None:
    correct(frame(show, 3), general="by hand")
    removed.remove(show / "frames", frame(show, 3), "dark")
    removed.remove(show / "frames", frame(show, 20), "dark")
    again(show)
    assert loaded(frame(show, 2))["general"] == "by hand"
    assert remove_similar.main(["--src_dir", str(show / "frames"), "--restore"]) == 0
    assert len(list((show / "frames/EP01").glob("*.png"))) == len(CLIP_CHANGES)
    assert len(list((show / "frames/.removed/extracted_again/EP01").glob("*.png"))) == 40


def paint(frame: Path, label: int) -> bytes:
    """Write the figures of a frame, then paint the label picture as a person does; return it."""
    add_figures(frame)
    painted = labels(*[[label] * 160] * 90)
    mask_of(frame).write_bytes(painted)
    return painted


@pytest.mark.parametrize("words", [(), ("--format", "jpg")])
@pytest.mark.parametrize("is_removed", [False, True])
def test_corrected_figures_follow_their_picture_and_others_are_found_anew(
    show: Path, words: tuple[str, ...], is_removed: bool
) -> None:
    painted = paint(frame(show, 3), 4)
    paint(frame(show, 2), 5)  # has no frame any more
    add_figures(frame(show, 9))
    if is_removed:
        removed.remove(show / "frames", frame(show, 3), "dark")
    again(show, *words)
    now = frame(show, 2)
    assert {path.name: path.read_bytes() for path in (now.parent / ".masks").iterdir()} == {now.name: painted}
    assert [path.name for path in now.parent.glob("*.instances.json")] == [f"{now.stem}.instances.json"]
    assert is_corrected(now)


@pytest.mark.parametrize("is_away", [False, True])
def test_figures_do_not_follow_to_pixels_of_another_size(
    show: Path, monkeypatch: pytest.MonkeyPatch, is_away: bool
) -> None:
    paint(frame(show, 3), 4)
    if is_away:
        frame(show, 3).unlink()
    monkeypatch.setattr(stream, "detect_bars", lambda *_: (100, 80, 0, 0))
    assert run(show, "--redo", "--crop_bars") == 0
    assert not (show / "frames/EP01/.masks").exists()
    assert not list((show / "frames/EP01").glob("*.instances.json"))
    assert (show / "frames/.removed/extracted_again/EP01/.masks" / frame(show, 3).name).exists()


def test_a_decision_to_keep_a_frame_follows_its_picture(show: Path) -> None:
    for number in (3, 2):
        removed.keep(show / "frames", frame(show, number))
    again(show)
    assert removed.kept_by_hand(show / "frames") == {frame(show, 2)}


def two_episodes(root: Path) -> None:
    shutil.copy(root / "videos/01.mp4", root / "videos/02.mp4")
    assert run(root, "--mode", "all") == 0


def test_a_redo_that_was_stopped_goes_on(
    show: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    two_episodes(show)
    real = extract.replace_old

    def stopped(job: Any, written: Any) -> Any:
        if job.episode.label == "EP02":
            raise KeyboardInterrupt
        return real(job, written)

    with monkeypatch.context() as patch:
        patch.setattr(extract, "replace_old", stopped)
        assert run(show, "--redo") == 130
    time = frame(show, 1).stat().st_mtime_ns
    capsys.readouterr()
    assert run(show, "--redo") == 0
    assert "from 1 episode" in capsys.readouterr().out
    assert frame(show, 1).stat().st_mtime_ns == time
    assert listing(show / "frames/.removed/extracted_again") == ["EP01", "EP02"]
    assert listing(show / "frames") == [".removed", "EP01", "EP02"]
    assert run(show, "--redo") == 0
    assert listing(show / "frames/.removed/extracted_again") == ["EP01", "EP01_2", "EP02", "EP02_2"]


def test_another_redo_after_a_stopped_one_begins_anew(show: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two_episodes(show)
    with monkeypatch.context() as patch:
        patch.setattr(extract, "set_aside", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert run(show, "--redo") == 130
    assert run(show, "--redo", "--mode", "keyframe") == 0
    assert listing(show / "frames/.removed/extracted_again") == ["EP01", "EP02"]
