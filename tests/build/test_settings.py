"""What a build is told: files over each other, single settings, folders, and files written from them."""

import re
from pathlib import Path
from typing import Any

import pytest

from docs import generate
from framekit.build import settings
from framekit.build.stages import Show
from framekit.cli.config import TABLES, read_defaults, read_tables
from framekit.console import columns_of
from framekit.errors import UsageError
from tests.conftest import ROOT, one_sentence

CONFIGS = [*sorted((ROOT / "runs").glob("*.toml")), ROOT / "show.example.toml"]


def check(path: Path) -> None:
    """Read a configuration file as each script does."""
    for table in TABLES:
        parser = generate.parser_of("build_dataset" if table == "build" else table)
        read_defaults(path, table, parser.by_all_names())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_the_files_that_come_along_hold_known_options(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    check(path)
    used = re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE)
    (tmp_path / "all.toml").write_text(used, encoding="utf-8")
    check(tmp_path / "all.toml")


def test_the_example_shows_every_table() -> None:
    assert {*read_tables(ROOT / "show.example.toml")} == {*TABLES}


def test_the_offline_profile_is_what_a_build_does_anyway() -> None:
    from framekit.build.stages import STAGES, options_of

    plain = Show(Path("v"), Path("r"), Path("d"))
    told = Show(Path("v"), Path("r"), Path("d"), (), (), settings.merged([read_tables(ROOT / "runs" / "offline.toml")]))
    assert [options_of(name, told) for name in STAGES if name != "check"] == [
        options_of(name, plain) for name in STAGES if name != "check"
    ]


def test_a_later_file_wins() -> None:
    one = {"tag_images": {"model": "a", "limit": 3}, "build": {"videos": "v"}}
    assert settings.merged([one, {"tag_images": {"model": "b"}}]) == {"tag_images": {"model": "b", "limit": 3}}


def test_settings_are_read_as_toml_or_as_text() -> None:
    told = ["tag_images.limit=3", "tag_images.redo=true", "extract_frames.skip-opening=1:30", "tag_images.model=a=b"]
    assert settings.parsed(told) == {
        "tag_images": {"limit": 3, "redo": True, "model": "a=b"},
        "extract_frames": {"skip_opening": "1:30"},
    }


@pytest.mark.parametrize("setting", ["prefix", "prefix=yama", "extract_frames.=x", "extract_fames.prefix=x"])
def test_what_is_no_setting_is_told(setting: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings.parsed([setting])
    assert setting in one_sentence(str(caught.value))


TOLD = {"videos": None, "references": None, "dataset": None}


def test_folders_come_from_the_command_line_or_from_options() -> None:
    typed = [Path("v"), Path("r"), Path("d")]
    assert settings.folders(TOLD, typed) == tuple(typed)
    by_option = {"videos": Path("v"), "references": None, "dataset": Path("d")}
    assert settings.folders(by_option, []) == (Path("v"), None, Path("d"))


@pytest.mark.parametrize("typed", [[], [Path("v")], [Path("v"), Path("d")], [Path("a")] * 4])
def test_missing_folders_are_told(typed: list[Path]) -> None:
    with pytest.raises(UsageError) as caught:
        settings.folders(TOLD, typed)
    one_sentence(str(caught.value))


def test_a_show_is_written_and_read_back(tmp_path: Path) -> None:
    tables: dict[str, dict[str, Any]] = {
        "extract_frames": {"prefix": 'ya"ma', "skip_opening": 1.5},
        "tag_images": {"model": ["a", "b"]},
    }
    show = Show(Path("v"), None, Path("D:\\d"), ["kohya"], (), tables, {"tag_images": {"limit": 3}})
    settings.write(tmp_path / "yama.toml", show, ["tags"])
    read = read_tables(tmp_path / "yama.toml")
    assert read.pop("build") == {"videos": "v", "dataset": "D:\\d", "trainers": ["kohya"], "stages": ["tags"]}
    assert read == {"extract_frames": tables["extract_frames"], "tag_images": {"model": ["a", "b"], "limit": 3}}
    check(tmp_path / "yama.toml")
    with pytest.raises(UsageError, match="is there already"):
        settings.write(tmp_path / "yama.toml", show, [])


def test_a_table_fits_the_terminal() -> None:
    rows = [["episode", "frames"], ["a very long name of an episode 桜の話", "12"], ["EP01", "3"]]
    lines = settings.columns(rows, 30).splitlines()
    assert all(columns_of(line) <= 30 for line in lines)
    assert len({columns_of(line[: line.rindex("  ")]) for line in lines}) <= 3
