"""What the world around does: another run, Ctrl-C, a full or vanished disk, forbidden files. Finished work stays."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import arrange_folders
import detect_faces
import generate_metadata
import prepare_training
import remove_similar
import tag_images
from framekit.arrange import locations
from framekit.files import names
from tests.conftest import ROOT, one_sentence, patchwork, tree
from tests.helpers_dataset import add_frame, correct, loaded, set_time

fcntl = pytest.importorskip("fcntl")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has neither SIGINT for others nor SIGKILL")

HOLD = """import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from framekit.cli.locks import locked_folders
with locked_folders(sys.argv[2], {Path(sys.argv[3]): sys.argv[4] == "alone"}):
    print("working", flush=True)
    time.sleep(60)
"""


@contextmanager
def at_work(script: str, folder: Path, alone: bool) -> Iterator[None]:
    """Let a script in another process have a folder, until it is killed."""
    words = [sys.executable, "-c", HOLD, str(ROOT), script, str(folder), "alone" if alone else "beside"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "working\n"
        try:
            yield
        finally:
            other.send_signal(signal.SIGKILL)
            other.wait()


def test_the_same_script_on_the_same_folder_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add_frame(tmp_path / "x.png")
    with at_work("tag_images", tmp_path, alone=False):
        assert tag_images.main([str(tmp_path), "--model", "measured"]) == 2
        assert f"tag_images.py works on {tmp_path} already" in one_sentence(capsys.readouterr().err)
        assert not names.sidecar(frame, names.TAGS).exists()
        assert detect_faces.main([str(tmp_path), "--model", "animeface", "--workers", "1"]) == 0
        assert prepare_training.main(["--src_dir", str(tmp_path), "--check"]) == 1
    assert list(tmp_path.glob("*.lock"))
    assert tag_images.main([str(tmp_path), "--model", "measured"]) == 0
    assert not list(tmp_path.glob(".*.lock"))


@pytest.mark.parametrize("busy", ["frames", "tree", ".", "tree/1_character"])
def test_a_script_that_moves_frames_works_alone_on_all_trees_that_it_touches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], busy: str
) -> None:
    add_frame(tmp_path / "set/frames/x.png", count=1, characters=["Aoba"])
    (tmp_path / "set/tree/1_character").mkdir(parents=True)
    words = ["--src_dir", str(tmp_path / "set/frames"), "--dst_dir", str(tmp_path / "set/tree")]
    with at_work("tag_images", tmp_path / "set" / busy, alone=False):
        before = tree(tmp_path)
        assert arrange_folders.main(words) == 2
        assert "tag_images.py works on " in one_sentence(capsys.readouterr().err)
        assert arrange_folders.main([*words, "--dry_run"]) == 0
        assert tree(tmp_path) == before
    assert arrange_folders.main(words) == 0


@pytest.mark.parametrize("mine", ["frames", "frames/EP01", "."])
def test_nobody_reads_a_tree_whose_frames_are_moved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mine: str
) -> None:
    add_frame(tmp_path / "set/frames/EP01/x.png", count=1, characters=["Aoba"])
    with at_work("generate_metadata", tmp_path / "set/frames", alone=True):
        before, place = tree(tmp_path), str(tmp_path / "set" / mine)
        for main, words in (
            (tag_images.main, ["--model", "measured"]),
            (remove_similar.main, ["--dry_run"]),
            (prepare_training.main, ["--check"]),
            (arrange_folders.main, ["--dst_dir", str(tmp_path / "new")]),
        ):
            assert main([place, *words]) == 2
            assert "generate_metadata.py works on " in one_sentence(capsys.readouterr().err)
        assert tree(tmp_path) == before
        assert not (tmp_path / "new").exists()
    assert tag_images.main([str(tmp_path / "set"), "--model", "measured"]) == 0
    assert not [*tmp_path.rglob("*.lock")]


def test_where_nothing_can_be_locked_all_may_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_frame(tmp_path / "x.png")
    (tmp_path / "of others").touch()
    (tmp_path / ".generate_metadata.alone.lock").symlink_to(tmp_path / "of others")
    assert generate_metadata.main(["--src_dir", str(tmp_path)]) == 0
    assert (tmp_path / "of others").exists()
    (tmp_path / ".generate_metadata.alone.lock").unlink()

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert generate_metadata.main(["--src_dir", str(tmp_path)]) == 0


def test_two_scripts_on_one_folder_at_once(tmp_path: Path) -> None:
    for number in range(12):
        add_frame(tmp_path / "set" / f"{number}.png", patchwork(number))
    both = [["tag_images.py", "--model", "measured"], ["detect_faces.py", "--model", "animeface"]]
    started = [subprocess.Popen([sys.executable, str(ROOT / script), "--src_dir", str(tmp_path / "set"), *words],
                                stdout=subprocess.DEVNULL) for script, *words in both]  # fmt: skip
    assert [one.wait(timeout=120) for one in started] == [0, 0]
    for suffix in ("*.tags", "*.faces.json"):
        assert len(list((tmp_path / "set").glob(suffix))) == 12
    assert not list((tmp_path / "set").glob("*.tmp"))


def test_ctrl_c_stops_within_seconds_and_the_next_run_goes_on(tmp_path: Path) -> None:
    for number in range(40):
        add_frame(tmp_path / "set" / f"{number}.png", patchwork(number, 640, 360))
    words = [sys.executable, str(ROOT / "detect_faces.py"), "--src_dir", str(tmp_path / "set"), "--model", "animeface"]
    words_alone = [*words, "--workers", "1"]
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a job in the background inherits deafness to it
    with subprocess.Popen(words_alone, stderr=subprocess.PIPE, text=True, preexec_fn=heard) as process:
        deadline = time.monotonic() + 60
        while not list((tmp_path / "set").glob("*.faces.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        told = process.stderr.read()
        assert process.wait(timeout=20) == 130
        assert time.monotonic() - start < 10
    assert "stopped; " in one_sentence(told)
    assert subprocess.run(words, stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert len(list((tmp_path / "set").glob("*.faces.json"))) == 40


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.ENOENT, errno.ESTALE])
def test_what_the_disk_refuses_is_one_sentence_and_finished_work_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: int
) -> None:
    frames = [add_frame(tmp_path / "set" / f"{number}.png") for number in range(4)]
    calls, write = 0, Path.write_bytes

    def refuse(path: Path, content: Any) -> int:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError(code, os.strerror(code))
        return write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", refuse)
        assert generate_metadata.main(["--src_dir", str(tmp_path / "set")]) == 2
    assert "2.json" in one_sentence(capsys.readouterr().err)
    assert [frame.with_suffix(".json").exists() for frame in frames] == [True, True, False, False]
    assert loaded(frames[0])["schema"] == 1
    assert generate_metadata.main(["--src_dir", str(tmp_path / "set")]) == 0
    assert not list((tmp_path / "set").glob("*.tmp"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="an administrator may write everywhere")
def test_a_folder_without_the_right_to_write_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_frame(tmp_path / "set" / "x.png")
    (tmp_path / "set").chmod(0o500)
    try:
        assert generate_metadata.main(["--src_dir", str(tmp_path / "set")]) == 2
        assert "x.json" in one_sentence(capsys.readouterr().err)
    finally:
        (tmp_path / "set").chmod(0o700)


def test_a_folder_that_disappears_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add_frame(tmp_path / "set" / "x.png", count=1)
    found = locations.locate

    def vanish(*given: Any) -> Any:
        result = found(*given)
        (tmp_path / "set").rename(tmp_path / "away")
        return result

    monkeypatch.setattr(arrange_folders, "locate", vanish)
    words = ["--src_dir", str(tmp_path / "set"), "--dst_dir", str(tmp_path / "tree")]
    assert arrange_folders.main(words) in (1, 2)
    assert "x.png" in one_sentence(capsys.readouterr().err.replace(names.METADATA, ""))


def test_of_two_that_start_at_once_one_may_move_frames(tmp_path: Path) -> None:
    for number in range(40):
        add_frame(tmp_path / "set" / f"{number}.png", patchwork(number % 10, 640, 360))
    scripts = [["tag_images.py", "--model", "measured", "--workers", "1"], ["remove_similar.py", "--no_filters"]]
    started = [subprocess.Popen([sys.executable, str(ROOT / script), "--src_dir", str(tmp_path / "set"), *words],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
               for script, *words in scripts]  # fmt: skip
    told = [one.communicate(timeout=120)[1] for one in started]
    assert 0 in [one.returncode for one in started], told
    assert all(
        one.returncode == 0 or "already, in another process" in text for one, text in zip(started, told, strict=True)
    )
    assert len(list((tmp_path / "set").rglob("*.png"))) == 40
    for script, *words in scripts:
        words = [sys.executable, str(ROOT / script), "--src_dir", str(tmp_path / "set"), *words]
        assert subprocess.run(words, stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert len(list((tmp_path / "set").glob("*.tags"))) == len(list((tmp_path / "set").glob("*.png"))) == 10


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a disk of 1 MB; skips where none can be made."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    words = [str(mount), "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if mount is None or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=False)


def test_a_disk_that_gets_full_keeps_what_was_finished(small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(40):
        add_frame(small_disk / "set" / f"{number:02d}.png")
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - 10 * 4096)
    assert generate_metadata.main(["--src_dir", str(small_disk / "set")]) == 2
    assert "the disk is full" in one_sentence(capsys.readouterr().err)
    done = sorted((small_disk / "set").glob("*.json"))
    assert 0 < len(done) < 40
    assert all(loaded(path.with_suffix(".png"))["schema"] == 1 for path in done)
    filler.unlink()
    assert generate_metadata.main(["--src_dir", str(small_disk / "set")]) == 0
    assert len(list((small_disk / "set").glob("*.json"))) == 40
    assert not list((small_disk / "set").glob("*.tmp"))


SCRIPTS: dict[str, Callable[[Path], int]] = {
    "generate_metadata": lambda root: generate_metadata.main(["--src_dir", str(root / "set")]),
    "prepare_training": lambda root: prepare_training.main(["--src_dir", str(root / "set")]),
    "arrange_folders": lambda root: arrange_folders.main(
        ["--src_dir", str(root / "set"), "--dst_dir", str(root / "tree")]
    ),
    "tag_images": lambda root: tag_images.main(
        ["--src_dir", str(root / "set"), "--model", "measured", "--workers", "1"]
    ),
    "detect_faces": lambda root: detect_faces.main(
        ["--src_dir", str(root / "set"), "--model", "animeface", "--workers", "1"]
    ),
    "remove_similar": lambda root: remove_similar.main(
        ["--src_dir", str(root / "set"), "--no_filters", "--workers", "1"]
    ),
}


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("stop", [KeyboardInterrupt(), OSError(errno.EACCES, "share"), OSError(errno.ESTALE, "share")],
                         ids=["Ctrl-C", "refused", "stale"])  # fmt: skip
def test_a_rename_that_is_stopped_or_refused_is_made_up_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: str,
    stop: BaseException,
) -> None:
    for number in range(4):
        add_frame(tmp_path / "set" / f"{number}.png", patchwork(number % 2), count=1, tags=["hat"])
    calls, replace = 0, os.replace

    def refuse(*paths: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise stop
        replace(*paths)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        code = SCRIPTS[script](tmp_path)
    assert calls >= 2
    assert code == (130 if isinstance(stop, KeyboardInterrupt) else 2)
    assert one_sentence(capsys.readouterr().err)
    assert SCRIPTS[script](tmp_path) == 0
    assert not list(tmp_path.rglob("*.tmp"))
    assert len(list(tmp_path.joinpath("set").rglob("*.png"))) == 4


@pytest.mark.parametrize("seconds", [1, 4_000_000_000])
def test_a_clock_that_jumped_undoes_no_correction(tmp_path: Path, seconds: int) -> None:
    frame = add_frame(tmp_path / "set" / "x.png", count=1, characters=["Aoba"])
    words = [
        "--src_dir",
        str(tmp_path / "set"),
        "--dst_dir",
        str(tmp_path / "tree"),
        "--min_image_per_combination",
        "1",
    ]
    assert arrange_folders.main([*words, "--format", "character"]) == 0
    placed = tmp_path / "tree" / "Aoba" / "x.png"
    correct(placed, characters=["Hinata"])
    set_time(placed.with_suffix(".json"), seconds)
    correct(frame, general="by hand")
    for _ in range(2):
        assert arrange_folders.main([*words, "--format", "character"]) == 0
    known = loaded(tmp_path / "tree" / "Hinata" / "x.png")
    assert (known["characters"], known["general"]) == (["Hinata"], "by hand")
