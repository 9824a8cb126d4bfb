"""Whatever the terminal or the pipe: a message reaches who reads it, no terminal obeys it, none ends the work."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import generate_metadata
import prepare_training
from framekit import console, htmlpage
from framekit.cli import run
from framekit.errors import named
from framekit.files import atomic
from framekit.files.journal import Journal
from tests.conftest import ROOT, one_sentence
from tests.helpers_dataset import add_frame

HOSTILE = "So\x07ra\x1b[2J \x1b]0;title\x07Min\x00ato\u202e"
on_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has other shells, and names in UTF-16")


def shell(line: str, **surroundings: str) -> "subprocess.CompletedProcess[str]":
    """Run a line of bash, in which `prepare` and `describe` are scripts."""
    scripts = (
        f'prepare() {{ {sys.executable} {ROOT}/prepare_training.py "$@"; }}\n'
        f'describe() {{ {sys.executable} {ROOT}/generate_metadata.py "$@"; }}\n'
    )
    words = ["bash", "-c", scripts + line]
    return subprocess.run(
        words, capture_output=True, encoding="utf-8", errors="replace", env={**os.environ, **surroundings}, check=False
    )


@on_posix
@pytest.mark.parametrize(
    "surroundings", [{"PYTHONIOENCODING": "cp1252"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}], ids=["cp1252", "C"]
)
def test_japanese_names_are_no_error_in_a_terminal_that_lacks_them(
    tmp_path: Path, surroundings: dict[str, str]
) -> None:
    frame = add_frame(tmp_path / "番組" / "空.png", characters=["空ミナト"])
    ran = shell(f"prepare {tmp_path}/番組 && describe {tmp_path}/番組", **surroundings)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "空ミナト" in frame.with_suffix(".txt").read_text(encoding="utf-8")


def test_where_names_of_files_are_no_utf8_a_notebook_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    assert generate_metadata.main([str(tmp_path)]) == 2
    assert "set PYTHONUTF8=1" in one_sentence(capsys.readouterr().err)


@on_posix
@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("prepare {root} | true; exit ${{PIPESTATUS[0]}}", (0, 141)),
        ("prepare {root} 2>&1 | true; exit ${{PIPESTATUS[0]}}", (0, 141)),
        ("prepare {root} --check --all | head -n 1; exit ${{PIPESTATUS[0]}}", (1, 141)),
        ("prepare {root} >&-", (0,)),
        ("prepare {root} 2>&-", (0,)),
        ("prepare {root} <&- >&- 2>&-", (0,)),
    ],
)
def test_a_closed_stream_ends_quietly(tmp_path: Path, line: str, codes: tuple[int, ...]) -> None:
    add_frame(tmp_path / "x.png", count=1)
    ran = shell(line.format(root=tmp_path))
    assert ran.returncode in codes
    assert "Error" not in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no such device")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_told_with_what_was_written_there(tmp_path: Path, unbuffered: str) -> None:
    add_frame(tmp_path / "x.png", count=1)
    ran = shell(f"prepare {tmp_path} > /dev/full", PYTHONUNBUFFERED=unbuffered)  # CI sets it, users do not
    assert ran.returncode == 2
    assert one_sentence(ran.stderr).startswith("standard output: the disk is full")


def test_what_is_copied_or_added_to_a_full_disk_is_told_by_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device", str(source), None, str(target))

    monkeypatch.setattr(atomic.shutil, "copy2", full)  # type: ignore[attr-defined]
    with pytest.raises(OSError, match="target"):
        atomic.copy_whole(tmp_path / "source.png", tmp_path / "target.png")
    assert not list(tmp_path.iterdir())
    with pytest.raises(OSError, match="journal") as met, Journal(tmp_path / "journal.jsonl") as journal:
        journal.append({})
        assert journal.file is not None
        journal.file.close()
        journal.file = open("/dev/full", "ab", buffering=0)  # noqa: PTH123, SIM115
        journal.append({})
    assert run.report_error(met.value) == 2
    assert "journal.jsonl: the disk is full" in one_sentence(capsys.readouterr().err)


def test_an_error_that_tells_its_file_keeps_it() -> None:
    with pytest.raises(OSError, match="there"), named("elsewhere"):
        raise OSError(errno.EACCES, "forbidden", "there")


def test_a_message_has_no_sign_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    console.say(f"a\n{HOSTILE}\tb")
    console.warn(f"{HOSTILE}\nforged")
    out, err = capsys.readouterr()
    assert out == "a\nSo\\x07ra\\x1b[2J \\x1b]0;title\\x07Min\\x00ato\\u202e\\tb\n"
    assert err == "So\\x07ra\\x1b[2J \\x1b]0;title\\x07Min\\x00ato\\u202e\\nforged\n"


def test_a_page_has_no_sign_that_nobody_sees() -> None:
    assert htmlpage.element("p", HOSTILE, title=HOSTILE + "\udc80").isprintable()


def test_captions_are_written_without_what_nobody_sees_and_that_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [
        add_frame(tmp_path / "set" / f"{number}.png", characters=[HOSTILE], tags=["blue\x00_eyes", "\x1b[31mhat"])
        for number in range(3)
    ]
    page = tmp_path / "page.html"
    assert prepare_training.main([str(tmp_path / "set"), "--report", str(page), "--trainer", "kohya"]) == 0
    assert frames[0].with_suffix(".txt").read_text() == "Sora Minato, blue eyes, hat\n"
    assert all(sign.isprintable() or sign == "\n" for sign in page.read_text())
    out, err = capsys.readouterr()
    assert err.count("3 frames with control characters") == 1
    assert all(sign.isprintable() or sign == "\n" for sign in out + err)
    assert prepare_training.main([str(tmp_path / "set"), "--check", "--trainer", "kohya"]) in (0, 1)
    assert "advice, 3 times: its metadata holds NUL" in capsys.readouterr().out
