"""Tags that belong to a character, counted on frames where it is alone."""

from pathlib import Path

import pytest

import prepare_training
from framekit.sidecars.metadata import Metadata
from framekit.training.captions import core_table, core_tags
from tests.helpers_dataset import add_frame


def alone(*tags: str, name: str = "Aoba") -> Metadata:
    return Metadata(count=1, characters=[name], tags=list(tags))


def test_what_a_character_nearly_always_has() -> None:
    described = [alone("blue_hair", "hat", "smile")] * 4 + [alone("blue_hair", "smile")] * 6
    assert core_tags(described, 0.5) == {"Aoba": {"blue_hair": 1.0}}
    assert core_tags(described, 0.4) == {"Aoba": {"blue_hair": 1.0, "hat": 0.4}}


def test_frames_with_others_do_not_count() -> None:
    pair = Metadata(count=2, characters=["Aoba", "Hinata"], tags=["red_hair"])
    crowd = Metadata(count=3, characters=["Aoba"], tags=["red_hair"])
    assert core_tags([alone("blue_hair")] * 5 + [pair, crowd] * 9, 0.3) == {"Aoba": {"blue_hair": 1.0}}


def test_a_few_frames_say_nothing() -> None:
    assert core_tags([alone("blue_hair")] * 4, 0.4) == {}
    assert "no character has enough frames" in core_table({})


def test_nothing_described() -> None:
    assert core_tags([], 0.4) == {}


def test_captions_leave_core_tags_out_and_the_table_says_which(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(5):
        add_frame(tmp_path / f"{number}.png", count=1, characters=["Aoba"], tags=["blue_hair", "smile", f"t{number}"])
    pair = add_frame(tmp_path / "p.png", count=2, characters=["Aoba", "Hinata"], tags=["blue_hair", "red_hair"])
    nobody = add_frame(tmp_path / "n.png", count=1, tags=["blue_hair"])
    assert prepare_training.main(["--src_dir", str(tmp_path), "--prune_core_tags", "0.4"]) == 0
    assert (tmp_path / "0.txt").read_text() == "1person, Aoba, smile, t0\n"
    assert pair.with_suffix(".txt").read_text() == "2people, Aoba Hinata, red hair\n"
    assert nobody.with_suffix(".txt").read_text() == "1person, blue hair\n"
    assert "Aoba: blue_hair 100%" in capsys.readouterr().out
