"""Small datasets for the tests of exporters, and what their readers have in common."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import prepare_training
from tests.conftest import plain
from tests.helpers_dataset import add_frame

SIDE = 24  # of the frames, in px
CAPTION = "1person, Aoba, long hair"
KNOWN: dict[str, Any] = {"count": 1, "characters": ["Aoba"], "tags": ["long_hair"], "rating": "safe"}
# Names that are hard for one format or another; a frame lies in each, and in one that holds others.
FOLDERS = ("a", "a/in it", "b 'quoted' \"twice\"", "c: # [x] ${HOME}", "青葉 ここな", "d\u2028e\x85f\x7fg")


def add_known(path: Path, **more: Any) -> Path:
    """Write a frame with metadata, of a colour that no other path has; return its path."""
    red, green, blue, *_ = sha256("/".join(path.parts[-2:]).encode()).digest()
    return add_frame(path, plain((red, green, blue), SIDE, SIDE), **{**KNOWN, **more})


def hard_dataset(root: Path) -> Path:
    """Write a dataset whose folders have names of all kinds, with 1, 2, … frames; return its folder."""
    for number, folder in enumerate(FOLDERS, 1):
        for frame in range(number):
            add_known(root / folder / f"f{number}_{frame}.png")
    return root


def export(source: Path, trainer: str, *options: str) -> Path:
    """Prepare for a trainer in a folder of its own; return that."""
    words = ["--src_dir", str(source), "--dst_dir", str(source.parent / "out"), "--trainer", trainer]
    assert prepare_training.main([*words, "--resolution", str(SIDE), *options]) == 0
    return source.parent / "out" / trainer


def check(root: Path, trainer: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines of --check --all but for the closing one."""
    capsys.readouterr()
    words = ["--src_dir", str(root), "--check", "--all", "--resolution", str(SIDE), "--workers", "1"]
    code = prepare_training.main([*words, "--trainer", trainer])
    *lines, _ = capsys.readouterr().out.splitlines()
    assert code == (1 if [line for line in lines if "[advice: " not in line] else 0)
    return lines


def shares(sizes: Sequence[float]) -> list[float]:
    return [size / sum(sizes) for size in sizes]
