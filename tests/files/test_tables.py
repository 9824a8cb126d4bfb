"""Small tables that people write: one set of rules for their lines, quotes, comments and mistakes."""

from pathlib import Path

import pytest

from framekit.errors import UsageError
from framekit.files.tables import ANY, read_rows


def rows(folder: Path, content: str, columns: tuple[int, int] = (1, ANY), unique: bool = False) -> list[list[str]]:
    """Return the cells of a table with this content."""
    (folder / "t.csv").write_bytes(content.encode())
    return [list(row.cells) for row in read_rows(folder / "t.csv", "name,weight", columns, unique)]


@pytest.mark.parametrize(
    ("content", "cells"),
    [
        ("", []),
        ("a", [["a"]]),
        ("a,1\nb,2\n", [["a", "1"], ["b", "2"]]),
        ("\ufeffa,1\r\nb,2\r\n", [["a", "1"], ["b", "2"]]),
        ("a,1\rb,2", [["a", "1"], ["b", "2"]]),
        ("\n \t\n,,\na\n", [["a"]]),
        ("# a,1\n  #b\na # b,1", [["a # b", "1"]]),
        ('"#a",1', [["#a", "1"]]),
        (' a b ,  1\t, "c, d" ', [["a b", "1", "c, d"]]),
        ('"say ""hi""",1', [['say "hi"', "1"]]),
        ("a,1,,", [["a", "1"]]),
        ("a,,b", [["a", "", "b"]]),
        ("a\"b,it's", [['a"b', "it's"]]),
        ("a\u2028b,1", [["a\u2028b", "1"]]),
    ],
)
def test_cells(tmp_path: Path, content: str, cells: list[list[str]]) -> None:
    assert rows(tmp_path, content) == cells


@pytest.mark.parametrize("line", ["a", "a,", ",1", "a,1,2", '"a,1', '"a"b,1', "x" * 300])
def test_a_wrong_row_is_one_sentence_with_its_place_and_an_example(tmp_path: Path, line: str) -> None:
    with pytest.raises(UsageError) as raised:
        rows(tmp_path, f"# weights\n\ngood,1\n{line}\n", (2, 2))
    message = str(raised.value)
    assert message.startswith(f"{tmp_path / 't.csv'}, line 4: ")
    assert message.endswith("should look like name,weight")
    assert len(message) < len(str(tmp_path)) + 200
    assert "\n" not in message


def test_a_second_row_of_the_same_name_is_refused_only_where_that_matters(tmp_path: Path) -> None:
    assert rows(tmp_path, "a,1\na,2") == [["a", "1"], ["a", "2"]]
    with pytest.raises(UsageError, match=r"t\.csv, line 3: a already stands in line 1; keep one of the two"):
        rows(tmp_path, "a,1\nb,1\na,2", unique=True)


def test_a_file_that_cannot_be_read_is_one_sentence_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"t\.csv cannot be read .*; it needs lines such as name,weight"):
        read_rows(tmp_path / "t.csv", "name,weight", (2, 2))
