"""A run with another tagger, threshold or rule than made the tags that are there says so, and changes nothing."""

from pathlib import Path

import pytest

from tests.conftest import plain, tree
from tests.helpers_dataset import add_frame, save_tagger
from tests.tags.helpers import OLIVE, channel_tagger, tag

TAGS = [("first", 0), ("second", 0), ("third", 0)]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Return a folder with two frames that were tagged, and one whose tags a person wrote."""
    for name in "abc":
        add_frame(tmp_path / f"dataset/{name}.png", plain(OLIVE, 4, 4))
    (tmp_path / "dataset/c.png.tags").write_text("by_hand\n")
    assert tag(tmp_path / "dataset", channel_tagger(tmp_path / "tagger")) == 0
    return tmp_path / "dataset"


@pytest.mark.parametrize(
    ("model", "words", "told", "remedy"),
    [
        ("measured", [], "of tagger", "--redo"),
        ("tagger,measured", [], "of tagger", "--redo"),
        ("tagger", ["--general_threshold", "0.5"], "with general>0.35 character>0.85", "--rethreshold"),
        ("tagger", ["--threshold_mode", "mcut"], "with general>0.35 character>0.85", "--rethreshold"),
        ("tagger", ["--undesired_tags", "third"], "tidied by other rules", "--rethreshold"),
        ("tagger", ["--character_line"], "tidied by other rules", "--rethreshold"),
    ],
)
def test_what_was_tagged_otherwise_is_told(
    dataset: Path, capsys: pytest.CaptureFixture[str], model: str, words: list[str], told: str, remedy: str
) -> None:
    models = ",".join(str(dataset.parent / one) if one == "tagger" else one for one in model.split(","))
    before = tree(dataset)
    capsys.readouterr()
    assert tag(dataset, models, *words) == 1
    assert tree(dataset) == before
    assert f"2 frames have tags {told} and keep them; add {remedy} to the command" in capsys.readouterr().err
    assert tag(dataset, models, *words, remedy) == 0
    assert (dataset / "c.png.tags").read_text() == "by_hand\n"
    assert tag(dataset, models, *words) == 0
    assert "add" not in capsys.readouterr().err


def test_other_weights_of_one_name_are_told(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = save_tagger(dataset.parent / "tagger", TAGS, (2, 1, 0))
    assert tag(dataset, model) == 1
    assert "2 frames have tags of other weights of tagger and keep them; add --redo" in capsys.readouterr().err


def test_a_name_of_the_hub_needs_no_network_to_be_told(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tag(dataset, "somebody/tagger") == 1
    assert "2 frames have tags of tagger and keep them" in capsys.readouterr().err


def test_tags_in_other_files_are_others(dataset: Path) -> None:
    assert tag(dataset, dataset.parent / "tagger", "--caption_extension", ".txt", "--general_threshold", "0.5") == 0
    assert tag(dataset, dataset.parent / "tagger") == 0
