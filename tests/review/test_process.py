"""`extras/review.py` as a process: how it begins, how it ends, and what a kill in the middle leaves."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from framekit.cli import locks
from framekit.desk.catalogue import id_of
from framekit.review.access import TOKEN
from tests.conftest import ROOT, one_sentence

REVIEW = [sys.executable, str(ROOT / "extras/review.py")]


@contextmanager
def started(root: Path, *words: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start the page as a user would; yield the process and what it said first."""
    command = [*REVIEW, str(root), "--no_browser", "--port", "0", *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            told = process.stdout.readline()
            while "http://" not in told:  # a lock of a killed one is told first
                assert told.startswith("review.py ended in"), told
                told = process.stdout.readline()
            yield process, told.strip()
        finally:
            process.kill()


def ask(told: str, what: str, asked: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask a page, by the address that it told, for something, or to do something."""
    address = urlsplit(told.split()[-1])
    token = parse_qs(address.query)["token"][0]
    connection = HTTPConnection(address.netloc, timeout=20)
    headers = {"Cookie": f"review_{address.port}={token}", TOKEN: token, "Content-Type": "application/json"}
    connection.request("POST" if asked else "GET", f"/api/{what}", json.dumps(asked) if asked else None, headers)
    found: dict[str, Any] = json.loads(connection.getresponse().read())
    return found


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_page_says_its_address_and_ends_without_a_word(root: Path, name: str) -> None:
    with started(root) as (process, told):
        assert told.startswith(f"3 frames of {root} at http://127.0.0.1:")
        assert ask(told, "summary")["total"] == 3
        os.kill(process.pid, getattr(signal, name))
        assert process.communicate(timeout=20)[0] == ""
        assert process.returncode == 0
    assert not [*root.rglob("*.lock")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "99999"], "--port"),
        (["--host", "203.0.113.7"], "cannot be had"),
        (["--host", "no such host"], "--host"),
        (["--ref_dir", "nowhere"], "nowhere is not a folder"),
        (["--weight_csv", "nowhere/weights.csv"], "nowhere is not a folder"),
        (["--trigger_csv", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(root: Path, words: list[str], said: str) -> None:
    done = subprocess.run([*REVIEW, str(root), "--no_browser", *words], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in one_sentence(done.stderr)


def test_a_port_that_is_taken_is_one_sentence(root: Path) -> None:
    with started(root) as (_, told):
        port = str(urlsplit(told.split()[-1]).port)
        words = [*REVIEW, str(root), "--no_browser", "--port", port]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert f"port {port}" in one_sentence(done.stderr)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("moment", [0.0, 0.004, 0.008, 0.012, 0.02])
def test_a_server_that_is_killed_while_it_corrects_leaves_all_or_nothing(root: Path, moment: float) -> None:
    frames = [f"EP01/f{number}.png" for number in range(3)]
    with started(root) as (process, told):
        ids = [id_of(root, root / one) for one in frames]
        asked = {"action": "tags", "ids": ids, "add": ["night"], "serial": 10**6}
        killer = subprocess.Popen(["sh", "-c", f"sleep {moment}; kill -9 {process.pid}"])
        with suppress(ConnectionError, IncompleteRead):
            ask(told, "act", asked)
        killer.wait(timeout=20)
        process.wait(timeout=20)
    with started(root) as (_, told):
        while (now := ask(told, "summary"))["indexed"] < now["total"]:
            time.sleep(0.15)  # the reading of sidecars waits for questions
        rows = ask(told, "frames?tag=night")["total"]
        assert rows in (0, 3)
        assert bool(ask(told, "summary")["undo"]) == (rows == 3)
    assert [("night" in Path(f"{root / one}.tags").read_text()) for one in frames] == [rows == 3] * 3


def test_the_page_starts_beside_a_script_that_is_at_work(root: Path) -> None:
    for name in (".tag_images.beside.0123abcd.lock", ".remove_similar.alone.0123abcd.lock"):
        (root / name).write_bytes(locks.own_record())
        with started(root) as (_, told):
            assert ask(told, "summary")["total"] == 3
        (root / name).unlink()


def test_a_page_that_only_shows_writes_nothing_also_after_a_kill(root: Path) -> None:
    frame = root / "EP01/f1.png"
    text = Path(f"{frame}.tags").read_text()
    file = {"path": "EP01/f1.png.tags", "before": text, "after": "night\n"}
    record = {"number": 1, "what": "tagged 1 frame +night", "time": "", "files": [file], "moves": []}
    (root / ".review.jsonl").write_text(json.dumps(record) + "\n")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with started(root, "--read_only") as (_, told):
        assert ask(told, "frames")["total"] == 3
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    with started(root) as (_, told):
        assert Path(f"{frame}.tags").read_text() == "night\n"
