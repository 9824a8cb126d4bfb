"""Locks on a folder that several machines share: who holds one, which are left, and who notices that his is gone."""

import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

import generate_metadata
import tag_images
from framekit.cli import locks
from framekit.errors import UsageError
from tests.conftest import ROOT, one_sentence
from tests.helpers_dataset import add_frame

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has neither fork nor SIGSTOP")

HOLD = """import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from framekit.cli import locks
locks.BEAT, locks.STALE = 0.2, 1.0
with locks.locked_folders(sys.argv[2], {Path(sys.argv[3]): False}):
    print("working", flush=True)
    time.sleep(60)
"""


def start(folder: Path) -> "subprocess.Popen[str]":
    """Let tag_images.py work on a folder in another process, which beats each 0.2 s."""
    words = [sys.executable, "-c", HOLD, str(ROOT), "tag_images", str(folder)]
    other = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "working\n"
    return other


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let locks beat each 0.2 s, and be left after 1 s."""
    monkeypatch.setattr(locks, "BEAT", 0.2)
    monkeypatch.setattr(locks, "STALE", 1.0)


def lock_of(folder: Path, kind: str = "beside", age: float = 0.0, **owner: Any) -> Path:
    """Write a lock file of tag_images.py as another machine does."""
    path = folder / f".tag_images.{kind}.{len(list(folder.iterdir())):08x}.lock"
    path.write_text(json.dumps({"host": "nas-2", "machine": "nas-2 b", "process": 7, "started": "1"} | owner))
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def works(folder: Path, share: str = "", script: str = "tag_images") -> AbstractContextManager[list[Path]]:
    return locks.locked_folders(script, {folder: False}, share)


def test_a_lock_says_whose_it_is_and_is_gone_in_the_end(tmp_path: Path) -> None:
    with works(tmp_path):
        [path] = tmp_path.glob(".tag_images.beside.*.lock")
        record = json.loads(path.read_text())
        assert (record["host"], record["process"]) == (platform.node(), os.getpid())
        with pytest.raises(UsageError, match=rf"already, in another process \({os.getpid()} on "), works(tmp_path):
            pass
    assert not list(tmp_path.iterdir())


def test_another_machine_that_beats_is_respected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_frame(tmp_path / "x.png")
    path = lock_of(tmp_path, age=30)
    assert tag_images.main([str(tmp_path), "--model", "measured"]) == 2
    assert "works on" in (told := one_sentence(capsys.readouterr().err))
    assert "(7 on nas-2)" in told
    assert path.exists()


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("age", [100, -100_000], ids=["old", "of a clock that went back"])
def test_the_lock_of_another_machine_that_no_longer_beats_is_removed_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], age: float
) -> None:
    path = lock_of(tmp_path, age=age)
    with works(tmp_path):
        assert not path.exists()
    told = one_sentence(capsys.readouterr().err)
    assert told.startswith(f"tag_images.py ended in {tmp_path} without removing its lock")
    assert "(7 on nas-2)" in told


@pytest.mark.usefixtures("fast")
def test_a_wrong_clock_breaks_no_lock_that_beats(tmp_path: Path) -> None:
    path, ended = lock_of(tmp_path, age=100_000), threading.Event()

    def beat() -> None:
        for number in range(1, 100):
            if ended.wait(0.1):
                return
            os.utime(path, (number, number))

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        with pytest.raises(UsageError, match="nas-2"), works(tmp_path):
            pass
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("left", [b"{", b'{"process": true}', b'{"process": -1, "machine": 3}', b"[" * 90_000])
def test_a_lock_that_says_nothing_counts_by_its_age(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: bytes
) -> None:
    path = tmp_path / ".tag_images.alone.lock"
    path.write_bytes(left)
    with (
        pytest.raises(UsageError, match=r"^tag_images.py works on .* already, in another process; wait"),
        works(tmp_path),
    ):
        pass
    os.utime(path, (1, 1))
    monkeypatch.setattr(locks, "BEAT", 0.1)
    with works(tmp_path):
        assert not path.exists()


def test_a_process_that_was_killed_before_it_filled_its_lock_blocks_nobody_for_long(tmp_path: Path) -> None:
    path = tmp_path / ".tag_images.alone.0123abcd.lock"
    path.touch()
    begun = time.monotonic()
    with works(tmp_path):
        assert not path.exists()
    assert time.monotonic() - begun < locks.STALE / 4


def test_a_lock_that_is_just_being_filled_is_respected(tmp_path: Path) -> None:
    path = tmp_path / ".tag_images.alone.0123abcd.lock"
    path.touch()
    os.utime(path, (1, 1))
    filling = threading.Timer(0.3, path.write_text, ['{"host": "nas-2", "machine": "nas-2 b", "process": 7}'])
    filling.start()
    with pytest.raises(UsageError, match="nas-2"), works(tmp_path):
        pass
    filling.join()


def test_a_process_that_was_killed_blocks_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = start(tmp_path)
    other.kill()
    while not list(Path(f"/proc/{other.pid}").glob("stat")) and other.poll() is None:
        time.sleep(0.01)
    deadline = time.monotonic() + 5  # it may wait for its parent, which is us, to look
    while time.monotonic() < deadline and locks.start_of(other.pid) not in ("", "ended"):
        time.sleep(0.01)
    with works(tmp_path):
        assert f"({other.pid} on " in one_sentence(capsys.readouterr().err)
    other.communicate()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells when a process started")
def test_a_later_process_of_the_same_number_is_not_taken_for_it(tmp_path: Path) -> None:
    record = json.loads(locks.own_record())
    path = lock_of(tmp_path, **(record | {"started": "1"}))
    with works(tmp_path):
        assert not path.exists()


@pytest.mark.usefixtures("fast")
def test_a_process_that_slept_notices_that_its_lock_is_gone(tmp_path: Path) -> None:
    other = start(tmp_path)
    other.send_signal(signal.SIGSTOP)
    [path] = tmp_path.glob("*.lock")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"machine": "another"}))  # as another machine sees it
    time.sleep(1.2)
    with works(tmp_path):
        other.send_signal(signal.SIGCONT)
        _, told = other.communicate(timeout=10)
        assert "this run stood still, and another one took" in told
        assert "KeyboardInterrupt" in told  # which a script tells in one sentence
        assert list(tmp_path.glob("*.lock"))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="elsewhere the age alone tells")
@pytest.mark.usefixtures("fast")
def test_a_process_of_this_machine_may_stand_still_as_long_as_it_likes(tmp_path: Path) -> None:
    other = start(tmp_path)
    try:
        other.send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        with pytest.raises(UsageError, match=f"{other.pid} on "), works(tmp_path):
            pass
    finally:
        other.kill()
        other.communicate()


def test_a_lock_is_written_anew_while_it_is_held(tmp_path: Path) -> None:
    other = start(tmp_path)
    try:
        [path] = tmp_path.glob("*.lock")
        first = path.stat().st_mtime_ns
        time.sleep(0.6)
        assert path.stat().st_mtime_ns > first
    finally:
        other.terminate()
        other.communicate()


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [("1of2", "2of2", True), ("1of2", "1of3", True), ("1of2", "1of2", False), ("1of2", "", False), ("", "1of2", False)],
)
def test_shares_of_one_script_work_beside_each_other(tmp_path: Path, one: str, other: str, may: bool) -> None:
    with works(tmp_path, one):
        if may:
            with works(tmp_path, other):
                assert len(list(tmp_path.glob("*.lock"))) == 2
        else:
            with pytest.raises(UsageError, match="works on"), works(tmp_path, other):
                pass


def test_what_moves_frames_waits_for_shares_and_they_for_it(tmp_path: Path) -> None:
    with works(tmp_path, "1of2"):
        with works(tmp_path, script="detect_faces"):
            pass
        with pytest.raises(UsageError, match=r"tag_images\.py --shard 1/2 works on"):
            generate_all(tmp_path)
    with locks.locked_folders("remove_similar", {tmp_path: True}), pytest.raises(UsageError), works(tmp_path, "1of2"):
        pass


def generate_all(folder: Path) -> None:
    with locks.locked_folders("generate_metadata", {folder: True}):
        pass


@pytest.mark.usefixtures("fast")
def test_of_many_that_find_a_left_lock_at_once_one_goes_on_at_a_time(tmp_path: Path) -> None:
    lock_of(tmp_path, "alone", age=100)
    inside, most = 0, 0
    guard, begin = threading.Lock(), threading.Barrier(6)

    def run() -> None:
        nonlocal inside, most
        begin.wait()
        try:
            with locks.locked_folders("remove_similar", {tmp_path: True}):
                with guard:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.05)
                with guard:
                    inside -= 1
        except UsageError:
            pass

    run_all([run] * 6)
    assert most <= 1
    assert not list(tmp_path.iterdir())


def run_all(functions: list[Callable[[], None]]) -> None:
    """Run functions in threads of their own, and wait for them."""
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("left", [None, "another machine", "this machine"])
def test_turns_come_one_after_the_other(tmp_path: Path, left: str | None) -> None:
    if left:
        owner: dict[str, Any] = {"machine": locks.machine() if left == "this machine" else left, "process": 2**22 + 5}
        lock_of(tmp_path, "turn", **owner).rename(tmp_path / ".tag_images.turn.lock")
    counter = tmp_path / "counter"
    counter.write_text("0")

    def run() -> None:
        for _ in range(5):
            with locks.turn("tag_images", tmp_path):
                number = int(counter.read_text())
                time.sleep(0.002)
                counter.write_text(str(number + 1))

    run_all([run] * 4)
    assert counter.read_text() == "20"
    assert [path.name for path in tmp_path.iterdir()] == ["counter"]


def test_a_turn_that_a_kill_left_is_cleared_by_the_next_whole_run(tmp_path: Path) -> None:
    add_frame(tmp_path / "x.png")
    owner: dict[str, Any] = {"machine": locks.machine(), "process": 2**22 + 5}
    lock_of(tmp_path, "turn", **owner).rename(tmp_path / ".tag_images.turn.lock")
    assert tag_images.main([str(tmp_path), "--model", "measured", "--workers", "1"]) == 0
    assert not list(tmp_path.glob(".*.lock"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="an administrator may write everywhere")
def test_a_folder_that_takes_no_lock_is_worked_on_without(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with works(tmp_path), locks.turn("tag_images", tmp_path):
            assert not list(tmp_path.iterdir())
    finally:
        tmp_path.chmod(0o700)


def test_a_run_in_a_notebook_leaves_no_thread(tmp_path: Path) -> None:
    add_frame(tmp_path / "x.png")
    before = threading.active_count()
    assert generate_metadata.main([str(tmp_path)]) == 0
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before
