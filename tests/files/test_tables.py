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


@pytest.mark.parametrize(
    ("content", "cells"),
    [
        ("a;1\nb;2\n", [["a", "1"], ["b", "2"]]),
        ('a;"x; y"\nb;c, d\n', [["a", "x; y"], ["b", "c, d"]]),
        ("a;x, y\nb;z;\nc;w;;\n", [["a", "x, y"], ["b", "z"], ["c", "w"]]),
        ("a\tx, y; z\nb\tc\t\n", [["a", "x, y; z"], ["b", "c"]]),
        ("a,x; y\nb,z; w\n", [["a", "x; y"], ["b", "z; w"]]),
        (";d\nsmile\n;)\n", [[";d"], ["smile"], [";)"]]),
        (";d,smile\n;),grin\n", [[";d", "smile"], [";)", "grin"]]),
        ("smile,;d\ngrin,;)\n", [["smile", ";d"], ["grin", ";)"]]),
        ("smile\n>;)\nhat\n", [["smile"], [">;)"], ["hat"]]),
        ("sep=;\na;1,5\n", [["a", "1,5"]]),
        ('"sep=|"\na|1\n', [["a", "1"]]),
        ("SEP=,\na,x;y;z\n", [["a", "x;y;z"]]),
        ("a;\nb;\n", [["a"], ["b"]]),
        (";;\na;1\n ; \n", [["a", "1"]]),
        ("# x;y;z\na,1\n", [["a", "1"]]),
        ('a,"x,\ny"\nb,z\n', [["a", "x, y"], ["b", "z"]]),
        ('a,"x\r\n\r\ny"\r\nb,z\r\n', [["a", "x y"], ["b", "z"]]),
        ("a,1\n\ufeffb,2\n", [["a", "1"], ["b", "2"]]),
        ("a\u200b,1\u00a0\n", [["a", "1"]]),
        ("か\u3099,1\n", [["が", "1"]]),
        ("name,weight\na,1\n", [["a", "1"]]),
        ("Old Name;New Name\na;b\n", [["a", "b"]]),
        ("# of tags\nTags\nsolo\n", [["solo"]]),
        ("old,new\n", [["old", "new"]]),
        ("weight\na\n", [["weight"], ["a"]]),
    ],
)
def test_cells_of_spreadsheets_and_other_programs(tmp_path: Path, content: str, cells: list[list[str]]) -> None:
    assert rows(tmp_path, content) == cells


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_bytes_of_all_systems(tmp_path: Path, encoding: str, ends: str) -> None:
    mark = "\ufeff" * encoding.startswith("utf-16-")
    (tmp_path / "t.csv").write_bytes((mark + ends.join(["名\t1", 'b\t"x, y"', ""])).encode(encoding))
    assert [list(row.cells) for row in read_rows(tmp_path / "t.csv", "a,1", (2, 2))] == [["名", "1"], ["b", "x, y"]]


def test_lines_count_as_an_editor_counts_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"t\.csv, line 5: 'c' should look like"):
        rows(tmp_path, '# weights\na,"x\ny"\nb,z\nc\n', (2, 2))


def test_the_first_row_is_told_where_it_counts_as_headings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows(tmp_path, "folder,weight\na,1\n")
    assert capsys.readouterr().out == (
        f"{tmp_path / 't.csv'}, line 1: 'folder,weight' is read as the names of the columns\n"
    )


@pytest.mark.parametrize("line", ["a,\u201cx, y\u201d", "a,x\x07", "a\x00,b", 'a,"x" y'])
def test_what_no_person_meant_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(UsageError, match=r"t\.csv(, line 2:| cannot be read)"):
        rows(tmp_path, f"good,1\n{line}\n")


def test_a_file_that_cannot_be_read_is_one_sentence_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"t\.csv cannot be read .*; it needs lines such as name,weight"):
        read_rows(tmp_path / "t.csv", "name,weight", (2, 2))
