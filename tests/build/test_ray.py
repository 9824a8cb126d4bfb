"""A build on Ray: the same dataset as on one machine, also where a worker, a machine or its link is lost.

Machines are Ray nodes of this one, each with processes of its own. A node that is stopped by a signal is silent, as one
whose link is cut: Ray calls it dead, and its scripts are still there.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import ROOT, patchwork
from tests.helpers_dataset import add_faces, add_frame

pytest.importorskip("ray")

BOX = (0.3, 0.2, 0.6, 0.7)
TAGGING = "tag_images.py --src_dir dataset.*--shard"
LATER = "tags,metadata,arrange,prepare,check"
LEFT_OUT = (".build", ".arranged.jsonl", ".prepared.json", ".configs.json", ".tagged.jsonl")
QUICK = {
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "500",
    "RAY_health_check_failure_threshold": "3",
}


def contents(folder: Path) -> dict[str, bytes]:
    """Return what all files of a dataset hold, but records of runs, and lines that come in any order."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {*path.parts} & {*LEFT_OUT} and path.suffix != ".npz"
    }


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Work beside a dataset of four episodes; return what a build on one machine makes of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    Path("videos").mkdir()
    for number in range(80):
        frame = Path(f"dataset/frames/EP0{number % 4 + 1}/show_EP0{number % 4 + 1}_{number:06d}.png")
        add_faces(add_frame(frame, patchwork(number, 640, 360)), BOX)
    shutil.copytree("dataset", "untouched")
    assert build().wait(120) == 0
    made = contents(Path("dataset"))
    shutil.rmtree("dataset")
    shutil.move("untouched", "dataset")
    return made


def build(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "build_dataset.py"), "--videos", "videos", "--dataset", "dataset"]
    return subprocess.Popen(
        [*command, "--stages", LATER, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def processes(words: str) -> list[int]:
    """Return the processes whose command line holds these words."""
    found = subprocess.run(["pgrep", "-f", words], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split() if int(pid) != os.getpid()]


@pytest.fixture
def nodes(show: dict[str, bytes]) -> Iterator[tuple[str, list[int]]]:
    """Begin a head without cores and two machines of one core each; yield its address, and what runs on the second."""
    begin = [str(Path(sys.executable).with_name("ray")), "start", "--disable-usage-stats"]
    folder = tempfile.mkdtemp(prefix="ray")  # short, since paths of sockets must be
    port = 20000 + os.getpid() % 20000
    before = {*processes("ray")}
    head = [*begin, "--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false", f"--temp-dir={folder}"]
    node = [*begin, f"--address=127.0.0.1:{port}", "--num-cpus=1"]
    for command in (head, node):
        subprocess.run(command, check=True, capture_output=True)
    others = {*processes("ray")}
    subprocess.run(node, check=True, capture_output=True)
    yield f"127.0.0.1:{port}", [pid for pid in processes("ray") if pid not in others]
    for pid in {*processes("ray")} - before:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def parent(pid: int) -> int:
    """Return the process that began a process, 0 where it is gone."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[1])
    return 0


def wait_for_script(machine: Sequence[int] = ()) -> int:
    """Wait until a script works on the dataset, on this machine if one is given; return its process."""
    for _ in range(1200):
        for pid in processes(TAGGING):
            if not machine or {parent(pid), parent(parent(pid))} & {*machine}:
                return pid
        time.sleep(0.05)
    raise AssertionError("no script began")


def finish(running: subprocess.Popen[str], made: dict[str, bytes]) -> str:
    """Let a build end; return what it said."""
    told, _ = running.communicate(timeout=400)
    assert running.returncode == 0, told
    assert contents(Path("dataset")) == made
    return told


def test_a_build_on_ray_makes_what_one_machine_makes(show: dict[str, bytes]) -> None:
    told = finish(build("--engine", "ray", "--shards", "3"), show)
    assert "shard 2/3: " in told
    assert "5 stages done in" in told


def test_a_worker_that_is_killed_is_replaced(show: dict[str, bytes]) -> None:
    running = build("--engine", "ray", "--shards", "2")
    script = wait_for_script()
    os.kill(parent(script), signal.SIGKILL)
    finish(running, show)


def test_a_machine_that_is_killed_is_replaced(nodes: tuple[str, list[int]], show: dict[str, bytes]) -> None:
    address, second = nodes
    running = build("--engine", "ray", "--shards", "4", "--address", address)
    worker = parent(wait_for_script(second))
    for pid in {*second, worker}:
        os.kill(pid, signal.SIGKILL)
    finish(running, show)


def test_a_machine_whose_link_is_cut_is_replaced(nodes: tuple[str, list[int]], show: dict[str, bytes]) -> None:
    address, second = nodes
    running = build("--engine", "ray", "--shards", "4", "--address", address)
    worker = parent(wait_for_script(second))
    for pid in {*second, worker}:
        os.kill(pid, signal.SIGSTOP)
    assert "a machine of the cluster is gone" in finish(running, show)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_script_runs_on_when_the_build_is_stopped(show: dict[str, bytes], sign: int) -> None:
    running = build("--engine", "ray", "--shards", "2")
    script = wait_for_script()
    running.send_signal(sign)
    running.wait(60)
    for _ in range(600):
        if script not in processes(TAGGING):
            break
        time.sleep(0.1)
    assert script not in processes(TAGGING)
    for _ in range(200):
        if not processes(TAGGING):
            break
        time.sleep(0.1)
    finish(build(), show)


@pytest.mark.parametrize("words", [["--address", "127.0.0.1:1"], ["--num_gpus", "64"], ["--num_cpus", "9999"]])
def test_a_cluster_that_is_not_there_or_too_small_is_told(show: dict[str, bytes], words: list[str]) -> None:
    running = build("--engine", "ray", *words)
    told, _ = running.communicate(timeout=120)
    assert running.returncode == 2
    assert "Traceback" not in told
