"""A dataset read back in a notebook."""

import json
from pathlib import Path

import pytest

from framekit.dataset import open_dataset
from framekit.dataset.read import characters_in, described, with_metadata
from framekit.errors import BadSidecar, UsageError
from tests.helpers_dataset import add_frame


def test_frames_come_in_natural_order_with_what_their_sidecars_say(tmp_path: Path) -> None:
    for number in (10, 2):
        frame = add_frame(tmp_path / f"{number}.png")
        frame.with_suffix(".json").write_text(json.dumps({"count": 1, "characters": [f"A{number}"]}))
        frame.with_name(f"{frame.name}.tags").write_text("solo, hat")
    first, second = open_dataset(tmp_path)
    assert (first.path.name, first.metadata.characters, first.tags["general"]) == ("2.png", ["A2"], ["solo", "hat"])
    assert (second.metadata.characters, second.source) == (["A10"], {})
    assert [one.path.name for one in open_dataset(str(tmp_path), limit=1)] == ["2.png"]


def test_what_is_damaged_says_so_when_it_is_asked_for(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png")
    frame.with_suffix(".json").write_text("{")
    (one,) = open_dataset(tmp_path)
    with pytest.raises(BadSidecar, match=r"x\.json"):
        _ = one.metadata
    known, unusable = with_metadata(described([frame]))
    assert (known, [path for path, _ in unusable.unreadable], characters_in([frame])) == ({}, [frame], set())


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        list(open_dataset(tmp_path / "missing"))
