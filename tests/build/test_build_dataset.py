"""The command: a build of frames that are there, its messages, and what happens when it is stopped or killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import build_dataset
from framekit import console
from framekit.build.launch import Child, Ended, Tell
from framekit.build.order import Runner
from framekit.console import ENDS_WITH_INPUT
from tests.conftest import ROOT, one_sentence, patchwork
from tests.helpers_dataset import add_faces, add_frame

BOX = (0.3, 0.2, 0.6, 0.7)
LATER = "tags,metadata,arrange,prepare,check"  # what needs neither videos nor a detector


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a dataset of two episodes with faces, and work beside it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    for number in (1, 2):
        add_faces(add_frame(Path(f"dataset/frames/EP0{number}/show_EP0{number}_000001.png"), patchwork(number)), BOX)
    return Path("dataset")


def run(*words: str) -> int:
    return build_dataset.main(["--videos", "videos", "--dataset", "dataset", *words])


def test_the_stages_run_as_processes_and_a_second_run_finds_all_done(
    show: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--stages", LATER) == 0
    told = capsys.readouterr().out
    assert [line for line in told.splitlines() if line.startswith("$ ")] == [
        "$ python tag_images.py --src_dir dataset/frames --model measured",
        "$ python generate_metadata.py --src_dir dataset/frames --general_description anishot",
        "$ python arrange_folders.py --src_dir dataset/frames --dst_dir dataset/training --hardlink",
        "$ python prepare_training.py --src_dir dataset/training --shuffle_tags --report dataset/report.html",
        "$ python prepare_training.py --src_dir dataset/training --check",
    ]
    assert told.splitlines()[-1].startswith("5 stages done in ")
    before = {path: path.stat().st_mtime_ns for path in show.rglob("*.t*") if path.is_file()}
    assert run("--stages", LATER) == 0
    assert "nothing new, 2 already done" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_what_was_unreadable_is_reported_at_the_end(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (show / "frames/EP01/show_EP01_000002.png").write_bytes(b"no png")
    assert run("--stages", "tags,metadata") == 1
    told = capsys.readouterr()
    assert "unreadable: dataset/frames/EP01/show_EP01_000002.png: " in told.err
    assert "tags (1 unreadable file)" in told.out.splitlines()[-1]
    assert run("--status") == 0
    [row] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("EP01")]
    assert "1 of 2, 1 unreadable" in row


@pytest.mark.parametrize("left", ["nothing", "a link to nowhere", "an empty folder"])
def test_a_share_that_is_lost_during_a_build_ends_it_and_gets_no_file_in_its_place(
    show: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    run_script = Runner.run

    def lose(runner: Runner, words: Sequence[str], tell: Tell) -> Ended:
        if "--check_options" not in words and show.is_dir() and not Path("away").exists():
            show.rename("away")
            if left == "a link to nowhere":
                show.symlink_to("nowhere")
            elif left == "an empty folder":
                show.mkdir()
        return run_script(runner, words, tell)

    monkeypatch.setattr(Runner, "run", lose)
    assert run("--stages", LATER) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "dataset/frames" in lines[0]
    assert lines[1].startswith("tags did not run, for the reason above; correct that, then the same command goes on")
    assert not show.exists() or not list(show.iterdir())
    monkeypatch.setattr(Runner, "run", run_script)
    if left == "a link to nowhere":
        show.unlink()
    elif left == "an empty folder":
        show.rmdir()
    Path("away").rename(show)
    assert run("--stages", LATER) == 0


def test_the_status_of_each_episode(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("videos/show - 03.mp4").write_bytes(b"")
    add_frame(show / "frames/EP01/show_EP01_000002.png")
    assert run("--status") == 0
    _, *rows = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    cells = {row[0]: [cell.strip() for cell in row if cell.strip()] for row in rows}
    assert cells["EP01"][1] == "2"
    assert cells["EP01"].count("1 of 2") == 1  # faces
    assert cells["EP03"][1] == "0"
    assert "missing" in cells["EP03"]
    assert cells["all"][1] == "3"


def test_a_stage_that_fails_stops_the_build_with_its_command(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--stages", LATER, "--set", "tag_images.blacklist=gone.txt") == 2
    told = capsys.readouterr()
    assert "gone.txt" in told.err.splitlines()[0]
    last = told.err.splitlines()[-1]
    assert last.startswith("tags did not run, for the reason above")
    assert "python tag_images.py --src_dir dataset/frames --model measured --blacklist gone.txt" in last
    assert "generate_metadata" not in told.out


@pytest.mark.parametrize(
    "words",
    [
        ["--set", "tag_images.modell=x"],
        ["--set", "prepare_training.max_tag_number=many"],
        ["--stages", "tags", "--resume_from", "faces"],
        ["--stages", "faecs"],
        ["--config", "gone.toml"],
        ["--config", "wrong.toml"],
        ["--references", "gone"],
    ],
)
def test_wrong_use_is_told_before_anything_runs(
    show: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("wrong.toml").write_text('[build]\nvideo = "videos"\n')
    assert run(*words) == 2
    told = capsys.readouterr()
    one_sentence(told.err)
    assert told.out == ""


def test_a_config_is_written_and_runs_the_same(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--set", "tag_images.undesired_tags=sky", "--stages", "tags,metadata")
    assert run(*words, "--print_commands", "posix") == 0
    by_words = capsys.readouterr().out
    assert run(*words, "--write_config", "yama.toml") == 0
    capsys.readouterr()
    assert build_dataset.main(["--config", "yama.toml", "--print_commands", "posix"]) == 0
    by_file = capsys.readouterr().out
    assert (
        by_words.splitlines()[0]
        == "python tag_images.py --src_dir dataset/frames --model measured --undesired_tags sky"
    )
    assert (
        by_file.splitlines()[0] == "python tag_images.py --src_dir dataset/frames --model measured --config yama.toml"
    )


def test_stages_beside_each_other_name_their_lines(show: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from framekit.build.display import Display

    with Display(["faces", "tags"], lambda name: "") as display:
        display.begin("faces", "python a")
        display.tell("faces", "alone", is_error=False)
        display.begin("tags", "python b")
        display.tell("faces", "beside", is_error=True)
        display.end("tags", Ended(0, 1.0))
        display.tell("faces", "alone again", is_error=False)
    told = capsys.readouterr()
    assert told.err == "faces: beside\n"
    assert [line for line in told.out.splitlines() if line] == ["$ python a", "alone", "$ python b", "alone again"]


@pytest.mark.parametrize(
    ("code", "words"),
    [(70, "fault of the script"), (-9, "signal 9"), (137, "memory"), (143, "signal 15"), (2, "above")],
)
def test_why_a_stage_ended(code: int, words: str) -> None:
    assert words in build_dataset.why_ended(code)


SLOW = """
import sys, time
from framekit.cli.parser import StageParser
from framekit.cli import run

def parser():
    options = StageParser("slow", "Sleeps.")
    options.shared("config")
    return options

@run.script(parser)
def main(args):
    print("begun", flush=True)
    time.sleep(60)
    return 0

sys.exit(main())
"""


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Path]:
    """Return a script that takes a minute."""
    path = tmp_path / "slow.py"
    path.write_text(SLOW)
    yield path


def test_a_script_ends_when_its_input_is_closed(slow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    lines: list[str] = []
    child = Child([str(slow)], lambda line, _: lines.append(line))
    while "begun" not in lines:
        assert child.process.poll() is None
        time.sleep(0.02)
    child.stop()
    ended = child.wait()
    assert ended.code == 128 + signal.SIGTERM
    assert ended.seconds < 30
    assert lines == ["begun"]  # the build says that it was stopped


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signals of POSIX")
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_script_runs_on_when_the_build_is_killed(slow: Path, sign: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    code = (
        "from framekit.build.launch import Child\n"
        f"child = Child([{str(slow)!r}], lambda line, _: print(child.process.pid, flush=True))\n"
        "child.wait()\n"
    )
    build = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert build.stdout is not None
    pid = int(build.stdout.readline())
    build.send_signal(sign)
    build.wait(10)
    for _ in range(500):
        try:
            os.kill(pid, 0)
            gone = Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
        except (OSError, ProcessLookupError):
            gone = True
        if gone:
            break
        time.sleep(0.02)
    assert gone


def test_without_the_variable_a_script_has_nothing_to_do_with_its_input(
    show: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ENDS_WITH_INPUT, raising=False)
    words = [sys.executable, str(ROOT / "tag_images.py"), "dataset/frames", "--model", "measured"]
    assert subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


def test_a_fault_of_a_script_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "faulty.py"
    path.write_text(
        "import sys\nfrom framekit import console\nsys.excepthook = console.missing_package\nraise KeyError('x')\n"
    )
    ended = subprocess.run(
        [sys.executable, str(path)], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert ended.returncode == console.BUG
    assert "KeyError: 'x'" in ended.stderr


def contents(folder: Path) -> dict[str, bytes]:
    """Return what all files of a dataset hold, but records of runs and what names the moment of a file."""
    left_out = (".build", ".arranged.jsonl", ".prepared.json", ".configs.json")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {*path.parts} & {*left_out} and path.suffix != ".npz"
    }


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signals of POSIX")
@pytest.mark.parametrize("who", ["build", "its script"])
@pytest.mark.parametrize("moment", [0.3, 0.75])
def test_a_build_that_was_killed_ends_as_one_that_was_not(show: Path, moment: float, who: str) -> None:
    words = [sys.executable, str(ROOT / "build_dataset.py"), "--videos", "videos", "--dataset", "dataset"]
    words += ["--stages", LATER]
    shutil.copytree(show, "untouched")
    began = time.monotonic()
    assert subprocess.run(words, capture_output=True).returncode == 0
    seconds = time.monotonic() - began
    whole = contents(show)
    shutil.rmtree(show)
    shutil.move("untouched", show)
    build = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(moment * seconds)
    threads = Path(f"/proc/{build.pid}/task")
    scripts = [pid for path in threads.glob("*/children") for pid in path.read_text().split()]
    script = scripts[:1] if who == "its script" else []
    for pid in script or [str(build.pid)]:
        os.kill(int(pid), signal.SIGKILL)
    build.wait(60)
    for _ in range(100):  # what it left behind may still be ending, and is waited for
        again = subprocess.run(words, capture_output=True, text=True)
        if "in another process" not in again.stderr:
            break
        time.sleep(0.1)
    assert again.returncode == 0, again.stderr
    assert contents(show) == whole
