"""What counts as edited by hand, whatever file it is in and wherever its digest is kept."""

import doctest
from pathlib import Path
from typing import Any

import pytest

from framekit.files import atomic
from framekit.files.atomic import digest
from framekit.sidecars import characters, corrections, faces
from framekit.sidecars.corrections import WRITTEN, edited_fields, is_edited, is_file_edited
from framekit.sidecars.tags import TagRecord


@pytest.mark.parametrize(
    ("held", "digests", "edited"),
    [
        ("a", {digest("a")}, False),
        ("a", {digest("b"), digest("a")}, False),
        ("b", {digest("a")}, True),
        ("", {digest("a")}, True),
        (["a"], (digest(["a"]),), False),
        ({"x": 1, "y": 2}, (digest({"y": 2, "x": 1}),), False),
        (None, (digest(None),), False),
        ("a", (None,), True),
        ("a", (), True),
    ],
)
def test_a_value_is_edited_that_no_script_wrote(held: Any, digests: Any, edited: bool) -> None:
    assert is_edited(held, digests) == edited


def test_a_file_is_edited_that_holds_another_text_and_not_if_it_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "X.txt"
    assert not is_file_edited(path, set())
    path.write_text("a\n", encoding="utf-8")
    assert not is_file_edited(path, {digest("a\n")})
    assert is_file_edited(path, {digest("b\n")})
    path.write_bytes(b"\xff")
    assert is_file_edited(path, {digest("a\n")})


def test_all_sidecars_agree_on_what_is_edited(tmp_path: Path) -> None:
    frame = tmp_path / "X.png"
    own = [{"box": [0.1, 0.1, 0.2, 0.2], "score": 1.0, "name": "AobaKokona"}]
    for by_hand in (False, True):
        record = {"faces": own, WRITTEN: digest([] if by_hand else own)}
        for suffix in (".faces.json", ".characters.json"):
            atomic.write_json(tmp_path / f"X{suffix}", record)
        tags = TagRecord(tmp_path)
        tags.write(tmp_path / "X.png.tags", "a\n", "test", None)
        if by_hand:
            (tmp_path / "X.png.tags").write_text("b\n", encoding="utf-8")
        assert faces.is_corrected(tmp_path / "X.faces.json") == by_hand
        assert characters.is_corrected(frame) == by_hand
        assert tags.is_edited(tmp_path / "X.png.tags") == by_hand
        assert edited_fields({"faces": own, WRITTEN: {"faces": record[WRITTEN]}}) == ({"faces"} if by_hand else set())


def test_a_characters_sidecar_without_a_digest_is_not_corrected(tmp_path: Path) -> None:
    atomic.write_json(tmp_path / "X.characters.json", {"faces": []})
    assert not characters.is_corrected(tmp_path / "X.png")
    atomic.write_json(tmp_path / "X.faces.json", {"faces": []})
    assert faces.is_corrected(tmp_path / "X.faces.json")


def test_the_examples() -> None:
    assert doctest.testmod(corrections).failed == 0
