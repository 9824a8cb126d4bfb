"""The file of --config as editors of all systems write it, and paths that come out otherwise than they were meant."""

import argparse
from pathlib import Path

import pytest

import arrange_folders
from framekit.cli.parser import StageParser
from framekit.errors import UsageError
from tests.conftest import one_sentence, tree


def read(folder: Path, text: str | bytes, *words: str) -> argparse.Namespace:
    """Return what a command line with this file as --config says."""
    options = StageParser("paint_frames", "Paint frames.")
    options.shared("src_dir", "dst_dir", "redo", "limit", "config")
    options.option("prefix", help="start of each name")
    options.option("refs", type=Path, nargs="+", help="folders")
    (folder / "my.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return options.read(["--config", str(folder / "my.toml"), *words])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_bytes_of_all_systems(tmp_path: Path, encoding: str, ends: str) -> None:
    lines = ["[paint_frames]", "src_dir = 'ヤマ'  # it's \"here\"", "limit = 3", ""]
    mark = "\ufeff" * encoding.startswith("utf-16-")
    args = read(tmp_path, (mark + ends.join(lines)).encode(encoding))
    assert (args.src_dir, args.limit) == (Path("ヤマ"), 3)


def test_a_mark_that_a_converter_left_is_no_text(tmp_path: Path) -> None:
    text = "\ufeff[paint_frames]\nsrc_dir = 'a'\n"
    assert [read(tmp_path, text.encode(one)).src_dir for one in ("utf-8-sig", "utf-16")] == [Path("a")] * 2


WRONG = [
    r"C:\Users\me\anime", r"D:\new\train", r"D:\data", r"C:\books\frames", r"D:\u00e9", r"D:\\a\b", r"\\nas\anime",
    "D:\\", r"E:\out\\"[:-1], r"a\b",
]  # fmt: skip


@pytest.mark.parametrize("path", WRONG)
def test_single_backslashes_are_refused_with_what_to_write(tmp_path: Path, path: str) -> None:
    text = f'[tag_images]\nlimit = 1\n\n[paint_frames]\nsrc_dir = "{path}"\nlimit = 2\n'
    with pytest.raises(UsageError) as raised:
        read(tmp_path, text)
    message = str(raised.value)
    assert message.startswith(f'{tmp_path / "my.toml"}, line 5: "')
    assert message.endswith(f"; write '{path}', or / for each")
    assert read(tmp_path, text.replace('"', "'")).src_dir == Path(path)


@pytest.mark.parametrize(
    ("line", "prefix"),
    [
        (r'prefix = "a\\b"', r"a\b"),
        (r'prefix = "say \"hi\""', 'say "hi"'),
        (r'prefix = "\u30ac"', "ガ"),
        (r"prefix = 'a\b'", r"a\b"),
        (r"prefix = '''a\b'''", r"a\b"),
        ('prefix = """a\\\n  b"""', "ab"),
        (r'prefix = "a" # "C:\new"', "a"),
        ("prefix = 'a' # it's \"C:\\new", "a"),
    ],
)
def test_backslashes_that_are_meant_stay(tmp_path: Path, line: str, prefix: str) -> None:
    assert read(tmp_path, f"[paint_frames]\n{line}\n", "x").prefix == prefix


@pytest.mark.parametrize("value", ["'a\tb'", "''", "' '", '"""a\nb"""'])
@pytest.mark.parametrize("option", ["src_dir", "refs"])
def test_a_path_that_cannot_be_meant_is_refused(tmp_path: Path, option: str, value: str) -> None:
    value = value.replace("'a\tb'", '"a\tb"')
    with pytest.raises(
        UsageError, match=rf"{option} in \[paint_frames\] has a wrong value: .*(empty; write \.|control)"
    ):
        read(tmp_path, f"[paint_frames]\n{option} = {value}\n", "x")


@pytest.mark.parametrize("word", ["", " ", "a\nb", "a\tb", "\x1b[0m", "a\x7f"])
@pytest.mark.parametrize("option", [[], ["--src_dir"], ["--dst_dir"]])
def test_such_a_path_on_the_command_line_is_one_sentence(
    tmp_path: Path, word: str, option: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    others = {"--src_dir": ["--dst_dir", "out"], "--dst_dir": ["--src_dir", "."]}.get("".join(option), [])
    assert arrange_folders.main([*option, word, *others]) == 2
    told = one_sentence(capsys.readouterr().err)
    assert ("the path is empty" if not word.strip() else "control character") in told
    assert tree(tmp_path) == {}


def test_the_home_folder_is_meant_by_its_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    args = read(tmp_path, "[paint_frames]\nsrc_dir = '~/anime'\n", "--dst_dir=~/out")
    assert (args.src_dir, args.dst_dir) == (tmp_path / "anime", tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[paint_frames]\n\nsrc_dir = C:/anime\n", "line 3, src_dir = C:/anime ("),
        ("[paint_frames]\nsrc_dir = \u201ca\u201d\n", "line 2, src_dir = \u201ca\u201d ("),
        ("[paint_frames]\nlimit = 1\nlimit = 2\n", "line 3, limit = 2 ("),
        ("[paint_frames\n", "line 1, [paint_frames ("),
        ("[paint_frames]\nredo = yes", "line 2, redo = yes ("),
        ("[paint_frames]\nrefs = ['a',\n", "line 2, "),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(UsageError) as raised:
        read(tmp_path, text)
    assert f"my.toml is not a TOML file: {line}" in str(raised.value)
    assert "src_dir = 'a folder'" in str(raised.value)
    assert "\n" not in str(raised.value)
