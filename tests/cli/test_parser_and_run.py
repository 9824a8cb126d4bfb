"""What every command line shares: options, the configuration file, the closing line, the exit code."""

import argparse
import io
import subprocess
import sys
from pathlib import Path

import pytest

from framekit import console
from framekit.cli import run
from framekit.cli.parser import StageParser, underscored
from framekit.cli.values import fraction, positive
from framekit.errors import UsageError
from tests.conftest import one_sentence

FOLDER = Path("dataset")


def parser() -> StageParser:
    """Return a command line with an option of each kind."""
    options = StageParser("paint_frames", "Paint frames.")
    options.shared("src_dir", "dst_dir", "redo", "limit", "workers", "config")
    options.option("thresh", type=fraction, default=0.5, help="least likeness")
    options.option("margin", type=float, default=0.0, help="extra width")
    options.option("prefix", help="start of each name")
    options.option("colour", choices=["red", "blue"], default="red", help="colour")
    return options


def read(*words: str) -> argparse.Namespace:
    return parser().read(["--src_dir", "dataset", *words])


def read_with(tmp_path: Path, toml: str, *words: str) -> argparse.Namespace:
    (tmp_path / "dataset.toml").write_text(toml, encoding="utf-8")
    return parser().read(["--config", str(tmp_path / "dataset.toml"), *words])


@pytest.mark.parametrize(
    "option", [["--src_dir", "dataset"], ["--src-dir", "dataset"], ["--src-dir=dataset"], ["dataset"]]
)
def test_the_folder_can_be_given_in_each_way(option: list[str]) -> None:
    assert parser().read(option).src_dir == FOLDER


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("--src-dir", "--src_dir"),
        ("--src_dir", "--src_dir"),
        ("--prefix=a-b", "--prefix=a-b"),
        ("--a-b=c-d", "--a_b=c-d"),
        ("a-b", "a-b"),
        ("-x-y", "-x-y"),
        ("--", "--"),
        ("--limit", "--limit"),
    ],
)
def test_hyphens_become_underscores_in_names_only(word: str, expected: str) -> None:
    assert underscored(word) == expected


def test_a_value_with_hyphens_stays_as_it_is() -> None:
    assert read("--prefix", "a-b-c").prefix == "a-b-c"


@pytest.mark.parametrize(
    ("word", "known"),
    [("--tresh", "--thresh"), ("--thresh-hold", "--thresh"), ("--prefixx=png", "--prefix"), ("--re_do", "--redo")],
)
def test_an_unknown_option_names_the_nearest(word: str, known: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean {known}\\?"):
        read(word)


def test_an_unknown_option_like_no_other_is_named_alone() -> None:
    with pytest.raises(UsageError, match="unknown option --zzzzzz;") as caught:
        read("--zzzzzz")
    assert "did you mean" not in str(caught.value)


def test_options_are_not_abbreviated() -> None:
    with pytest.raises(UsageError, match="unknown option --thres; did you mean --thresh"):
        read("--thres", "0.1")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--thresh", "1.5"], "--thresh: 1.5 is not between 0 and 1"),
        (["--thresh", "nan"], "nan is not between 0 and 1"),
        (["--limit", "many"], "--limit: many is no whole number; write one such as 512"),
        (["--limit", "1024x1024"], "--limit: 1024x1024 is a size; write one number, such as 1024"),
        (["--limit", "1,5"], "--limit: 1,5 is no whole number"),
        (["--thresh", "0,35"], "--thresh: 0,35 has a comma; write 0.35"),
        (["--thresh", "35%"], "--thresh: 35% is a percentage; write 0.35"),
        (["--thresh", "85"], "--thresh: 85 is not between 0 and 1; write 0.85 for 85 %"),
        (["--margin", "wide"], "--margin: wide is no number; write one such as 0.5"),
        (["--limit"], "--limit: expected one argument"),
        (["--limit", "-1"], "--limit: "),
        (["--colour", "green"], "--colour: there is no green; it takes red, blue"),
        (["--colour", "bluee"], r"--colour: there is no bluee; did you mean blue\?; it takes red, blue"),
        (["--redo=yes"], "--redo"),
    ],
)
def test_a_wrong_value_names_its_option(words: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        read(*words)


def test_what_is_needed_and_missing_is_named() -> None:
    options = parser()
    options.needed.append("dst_dir")
    with pytest.raises(UsageError, match="--src_dir and --dst_dir must be given"):
        options.read([])


def test_a_config_without_its_file_is_wrong_use_like_any_other() -> None:
    with pytest.raises(UsageError, match="--config"):
        read("--config")


@pytest.mark.parametrize(("option", "default"), [("thresh", "0.5"), ("colour", "red"), ("margin", "0.0")])
def test_the_help_states_each_default(option: str, default: str) -> None:
    text = " ".join(parser().format_help().split())
    own = text[text.rindex(f"--{option} ") :].split(" --")[0]
    assert f"(default: {default})" in own


@pytest.mark.parametrize(("text", "expected"), [("0", 0.0), ("1", 1.0), ("0.25", 0.25)])
def test_fractions(text: str, expected: float) -> None:
    assert fraction(text) == expected


@pytest.mark.parametrize("text", ["-0.1", "1.01", "nan", "inf"])
def test_what_is_no_fraction(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        fraction(text)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf"])
def test_what_is_not_positive(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        positive(text)


def test_a_positive_number() -> None:
    assert positive("2.5") == 2.5


@pytest.mark.parametrize(("asked", "expected"), [(3, 3), (1, 1), (0, 5), (-2, 5)])
def test_no_number_of_workers_means_one_per_core(asked: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 5)
    assert console.worker_count(asked) == expected


TABLE = """
[paint_frames]
src_dir = "from_toml"
thresh = 0.25
prefix = "yamaS2"
redo = true
limit = 3

[tag_images]
unheard_of = 1
"""


def test_the_table_of_the_script_sets_defaults(tmp_path: Path) -> None:
    args = read_with(tmp_path, TABLE)
    assert (args.src_dir, args.thresh, args.prefix, args.redo) == (Path("from_toml"), 0.25, "yamaS2", True)
    assert (args.limit, args.colour) == (3, "red")


def test_the_command_line_wins(tmp_path: Path) -> None:
    args = read_with(tmp_path, TABLE, "--thresh", "0.75", "--prefix=other", "--src-dir", "dataset")
    assert (args.thresh, args.prefix, args.src_dir, args.limit) == (0.75, "other", FOLDER, 3)


def test_a_folder_without_option_name_wins_too(tmp_path: Path) -> None:
    assert read_with(tmp_path, TABLE, "dataset").src_dir == FOLDER


def test_a_table_that_no_script_has_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no script remove_simlar; did you mean remove_similar"):
        read_with(tmp_path, "[remove_simlar]\nthresh = 0.1\n", "dataset")


def test_a_file_without_the_table_changes_nothing(tmp_path: Path) -> None:
    assert read_with(tmp_path, "[tag_images]\nthresh = 0.1\n", "dataset").thresh == 0.5


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("tresh = 0.5", r"has no option tresh; did you mean thresh\?"),
        ("zzzzzz = 1", "has no option zzzzzz$"),
        ('config = "x.toml"', "has no option config"),
        ("help = true", "has no option help"),
        ("thresh = 2", "thresh in .* has a wrong value: 2 is not between 0 and 1"),
        ('thresh = "high"', "thresh in .* has a wrong value"),
        ("limit = 1.5", "limit in .* has a wrong value"),
        ("limit = true", "limit in .* must be one text or number"),
        ("limit = [1, 2]", "limit in "),
        ('src_dir = ["a", "b"]', "src_dir in "),
        ("prefix = {a = 1}", "prefix in "),
        ('redo = "yes"', "redo in .* must be true or false"),
        ("redo = 1", "redo in .* must be true or false"),
        ('colour = "green"', "colour in .*: there is no green; it takes red, blue"),
    ],
)
def test_a_wrong_line_is_named_with_its_file(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint) as caught:
        read_with(tmp_path, f"[paint_frames]\n{line}\n", "dataset")
    assert "dataset.toml" in str(caught.value)


def test_a_value_instead_of_the_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"write \[paint_frames\] on a line of its own"):
        read_with(tmp_path, "paint_frames = 1\n", "dataset")


@pytest.mark.parametrize("content", [b"= 1", b"[paint_frames", b"prefix = '\xe9'"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dataset.toml").write_bytes(content)
    with pytest.raises(UsageError, match=r"dataset\.toml (is not a TOML file: line 1|.*is not UTF-8 text; save it)"):
        read("--config", str(tmp_path / "dataset.toml"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.toml cannot be read .*--config must name a TOML file"):
        read("--config", str(tmp_path / "missing.toml"))


def test_when_all_went_well_the_closing_line_is_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.close("3 frames done") == 0
    assert capsys.readouterr() == ("3 frames done\n", "")


def test_unreadable_frames_are_listed_with_their_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.close("3 frames done", [(Path("a.png"), "cut short"), (Path("b.png"), "empty")]) == 1
    out, err = capsys.readouterr()
    assert out == "3 frames done; 2 unreadable, listed above\n"
    assert err.splitlines() == ["unreadable: a.png: cut short", "unreadable: b.png: empty"]


@pytest.mark.parametrize(
    ("number", "noun", "expected"),
    [(0, "frame", "0 frames"), (1, "frame", "1 frame"), (2, "frame", "2 frames"), (2, "entry", "2 entries")],
)
def test_counted(number: int, noun: str, expected: str) -> None:
    assert console.counted(number, noun) == expected


def test_wrong_use_is_one_sentence_and_2(capsys: pytest.CaptureFixture[str]) -> None:
    @run.script(parser)
    def main(args: argparse.Namespace) -> int:
        raise UsageError("there is no x; make one")

    assert main([str(FOLDER)]) == 2
    assert one_sentence(capsys.readouterr().err) == "there is no x; make one"


def test_ctrl_c_is_one_sentence_and_130(capsys: pytest.CaptureFixture[str]) -> None:
    @run.script(parser)
    def main(args: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    assert main([str(FOLDER)]) == 130
    assert "run the same command again" in one_sentence(capsys.readouterr().err)


def test_any_other_error_keeps_its_traceback() -> None:
    @run.script(parser)
    def main(args: argparse.Namespace) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        main([str(FOLDER)])


def test_without_words_the_command_line_of_the_system_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["paint_frames.py", "--src-dir", "dataset"])
    assert parser().read(None).src_dir == FOLDER


class Terminal(io.StringIO):
    """A terminal of 80 columns."""

    def isatty(self) -> bool:
        return True


def test_several_videos_have_a_bar_over_all_and_one_each_and_messages_stand_above(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    videos = console.Videos({"EP01": 60.0, "EP02": 40.0, "EP03": 0.0})
    videos.reach("EP01", 0.0)
    videos.reach("EP02", 20.0)
    console.warn("a message")
    videos.finish("EP01")
    videos.reach("EP03", 5.0)
    assert [videos.whole.n, videos.whole.total, len(videos.bars)] == [85, 100, 2]
    assert videos.whole.desc == "episode 3 of 3"
    assert "a message\n" in terminal.getvalue()
    videos.close()
    with pytest.raises(KeyboardInterrupt):
        videos.reach("EP02", 21.0)


@pytest.mark.parametrize(("words", "next_time"), [([], run.GO_ON), (["--redo"], run.BEGIN_ANEW)])
def test_a_redo_that_was_stopped_says_what_the_same_command_does(
    tmp_path: Path, words: list[str], next_time: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def parser() -> StageParser:
        options = StageParser("tag_images", "doc")
        options.shared("src_dir", "redo", "config")
        return options

    @run.script(parser)
    def main(args: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    assert main([str(tmp_path), *words]) == 130
    assert capsys.readouterr().err == f"stopped; {next_time}\n"


def test_progress_is_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(console.progress([1, 2, 3], 3, "frame")) == [1, 2, 3]
    assert capsys.readouterr() == ("", "")


def test_two_runs_in_one_process_leave_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[argparse.Namespace] = []

    @run.script(parser)
    def main(args: argparse.Namespace) -> int:
        seen.append(args)
        return run.close("done")

    assert [main([str(tmp_path), "--redo"]), main([str(tmp_path)])] == [0, 0]
    assert [one.redo for one in seen] == [True, False]
    assert capsys.readouterr().out == "done\ndone\n"
    assert len((tmp_path / ".commands.jsonl").read_text().splitlines()) == 2


def test_a_closed_pipe_ends_the_run_quietly(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from tests.cli.test_parser_and_run import talk; sys.exit(talk())"
    )
    words = [sys.executable, "-c", code, str(Path(__file__).resolve().parents[2])]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() == 141


def talk() -> int:
    """Print more than a pipe holds."""

    @run.script(parser)
    def main(args: argparse.Namespace) -> int:
        for number in range(100_000):
            print(f"line {number}")
        return 0

    return main(["dataset"])


def test_a_configuration_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert read_with(tmp_path, "\ufeff[paint_frames]\nthresh = 0.25\n", "--src_dir", "dataset").thresh == 0.25
