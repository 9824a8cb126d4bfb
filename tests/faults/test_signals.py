"""A script that is ended: by Ctrl-C, a request to end, the end of its terminal, or at once. Nothing of it stays."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing import spawn
from pathlib import Path

import pytest

import detect_faces
import generate_metadata
from framekit.cli.run import stopped_by_signals
from framekit.dataset.frames import Unreadable, map_frames
from framekit.errors import UsageError
from framekit.pixels.decode import Pixels
from framekit.tags.store import FrameScores
from framekit.tags.write import Tally, parts
from framekit.video.stream import Watch, messages
from tests.conftest import ROOT, one_sentence, patchwork
from tests.helpers_dataset import add_frame

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signals")


def of_group(leader: int) -> list[int]:
    """Return the processes of a group that still run."""
    words = ["ps", "-A", "-o", "pid=,pgid=,stat="]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    told = [line.split() for line in lines]
    return [int(process) for process, group, state in told if int(group) == leader and state[0] != "Z"]


def wait_for(path: Path) -> None:
    """Wait until a file is there."""
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT", "SIGKILL"])
@pytest.mark.parametrize("whole_group", [False, True], ids=["process", "group"])
def test_workers_end_with_their_script_and_finished_frames_stay(tmp_path: Path, name: str, whole_group: bool) -> None:
    number = getattr(signal, name)
    for each in range(60):
        add_frame(tmp_path / "set" / f"{each:02d}.png", patchwork(each, 640, 360))
    (tmp_path / "scratch").mkdir()
    words = [sys.executable, str(ROOT / "detect_faces.py"), str(tmp_path / "set"), "--workers", "2"]
    surroundings = {**os.environ, "TMPDIR": str(tmp_path / "scratch")}
    with subprocess.Popen(
        words, stderr=subprocess.PIPE, text=True, env=surroundings, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:  # fmt: skip
        wait_for(tmp_path / "set" / "00.faces.json")
        assert len(of_group(process.pid)) >= 3
        (os.killpg if whole_group else os.kill)(process.pid, number)
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(timeout=20) == (-number if name == "SIGKILL" else 128 + number)
        deadline = time.monotonic() + 10
        while of_group(process.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not of_group(process.pid)
    if name != "SIGKILL":
        assert one_sentence(said).startswith("stopped; ")
    assert all(left.suffix == ".lock" for left in (tmp_path / "scratch").iterdir())
    assert 1 <= len(list((tmp_path / "set").glob("*.faces.json"))) < 60


def leave(_: Pixels) -> None:
    """End the process in which this runs."""
    os._exit(3)


def test_a_worker_that_the_system_ended_is_one_sentence(tmp_path: Path) -> None:
    frames = [add_frame(tmp_path / f"{number}.png") for number in range(3)]
    with pytest.raises(UsageError, match="give fewer --workers"):
        list(map_frames(leave, frames, 2, processes=True))


def test_a_python_that_may_not_be_started_anew_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add_frame(tmp_path / "set" / "x.png")
    monkeypatch.setattr(spawn, "get_executable", lambda: os.fsencode(tmp_path / "python"))
    assert detect_faces.main([str(tmp_path / "set"), "--workers", "2"]) == 2
    assert "may not be started by this user, so no worker can; give --workers 1" in one_sentence(
        capsys.readouterr().err
    )
    assert detect_faces.main([str(tmp_path / "set"), "--workers", "1"]) == 0


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_the_first_signal_stops_and_what_is_tidied_up_then_is_not_stopped(name: str) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), stopped_by_signals():
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)
    assert signal.getsignal(number) == before


def test_what_runs_under_nohup_goes_on() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_by_signals():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_script_runs_in_any_thread(tmp_path: Path) -> None:
    add_frame(tmp_path / "x.png")
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(generate_metadata.main([str(tmp_path)])))
    thread.start()
    thread.join()
    assert codes == [0]


def test_scores_that_are_there_when_the_tagger_is_stopped_are_kept(tmp_path: Path) -> None:
    def scored() -> Iterator[tuple[Path, FrameScores | Unreadable]]:
        yield tmp_path / "1.png", FrameScores(1, {})
        yield tmp_path / "2.png", FrameScores(1, {})
        raise KeyboardInterrupt

    coming = parts(scored(), Tally())
    assert [frame.name for frame, _ in next(coming)] == ["1.png", "2.png"]
    with pytest.raises(KeyboardInterrupt):
        next(coming)


def test_all_ffmpegs_can_be_ended_by_another_thread() -> None:
    words = [sys.executable, "-c", "import sys, time; print('begun', file=sys.stderr, flush=True); time.sleep(60)"]
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(messages(words)))
    thread.start()
    while thread.is_alive():
        time.sleep(0.3)
        Watch.end_all()
    assert said[0].strip() in ("begun", "")
    assert not Watch.watched
