"""Captions of other programs: which of their parts are tags, and which are sentences."""

import pytest

from framekit.sidecars.captions import parse_caption


@pytest.mark.parametrize(
    ("text", "tags", "description"),
    [
        ("1girl, solo, long hair, smile", ["1girl", "solo", "long hair", "smile"], ""),
        ("1girl, looking at viewer, hand on own hip.\n", ["1girl", "looking at viewer", "hand on own hip"], ""),
        ("a girl with long hair, sunset", [], "a girl with long hair, sunset"),
        ("sks, a photo of a girl", ["sks"], "a photo of a girl"),
        ("1girl, long hair. A girl stands there, smiling.", ["1girl", "long hair"], "A girl stands there, smiling."),
        ("1girl, long_hair\nThe girl is happy.", ["1girl", "long_hair"], "The girl is happy."),
        ("dr. stone, ..., st. gloriana's school uniform", ["dr. stone", "...", "st. gloriana's school uniform"], ""),
        ("1girl, solo ||| hat, sky", ["1girl", "solo", "hat", "sky"], ""),
        ("1girl solo long_hair", ["1girl", "solo", "long_hair"], ""),
        ("\ufeff1girl, (smile:1.2), hat\r\n1girl, sky", ["1girl", "smile", "hat", "sky"], ""),
        ("Girl. Standing in front of the school.", ["Girl"], "Standing in front of the school."),
        ("", [], ""),
    ],
)  # fmt: skip
def test_tags_and_sentences(text: str, tags: list[str], description: str) -> None:
    found = parse_caption(text)
    assert (found.told["general"], found.description) == (tags, description)
    assert not found.told["unclear"]


def test_kinds_in_captions() -> None:
    found = parse_caption("artist:wlop, character:aoba, 1girl, rating:explicit, highres").told
    assert (found["artist"], found["character"], found["general"]) == (["wlop"], ["aoba"], ["1girl"])
    assert found["rating"] == ["explicit"]
