"""Small tables that people write, by hand or with a spreadsheet: one set of rules for weights, tags and names."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from framekit import console
from framekit.errors import BadSidecar, UsageError, reason_of
from framekit.files.atomic import read_text
from framekit.files.names import has_control, nfc

SHOWN = 80  # characters of a wrong line in its message
ANY = 2**20  # columns; more than a line can hold
SEPARATORS = ",;\t"  # of CSV; of spreadsheets where the comma stands in numbers; of "Unicode text"
SEP_LINE = re.compile(r'"?sep=(.)"?[,;\t]*', re.IGNORECASE)  # tells a spreadsheet the separator
INVISIBLE = "\ufeff\u200b\u200e\u200f\u2060"  # what copying from pages and joining files leaves at the ends of words
CURLY = ("\u201c", "\u201d", "\u201e")  # quotes that word processors make of straight ones
# Words of a first row that says what the columns hold; in a list only the first of them.
LIST_HEADINGS = frozenset("tag tags name names character characters".split())
HEADINGS = LIST_HEADINGS | frozenset(
    "old new old_name new_name old_tag new_tag from to folder folders pattern folder_or_pattern path weight"
    " weights other others implied implies implication words word"
    " trigger triggers trigger_word trigger_words replacement token tokens prompt prompts activation_word"
    " character_name caption_name class factor multiply".split()
)


@dataclass(frozen=True)
class Row:
    """One row: its cells, none of the last ones empty, and `place`, the path and line number for messages."""

    cells: Sequence[str]
    place: str


@dataclass(frozen=True)
class Line:
    """A row as it stands in a table: the number and text of its first line, its cells or None if it is wrong.

    `is_divided` tells whether something follows its first cell, be it empty.
    """

    number: int
    text: str
    cells: Sequence[str] | None
    is_divided: bool = False


def read_rows(path: Path, example: str, columns: tuple[int, int], unique: bool = False) -> list[Row]:
    """Read a table in UTF-8, or UTF-16 with a byte order mark, with the line ends of any system.

    Commas, semicolons or tabs separate the cells of the whole table; a line `sep=;` in front may tell which. Cells are
    stripped and in Unicode's composed form; one with a separator or a line end stands in double quotes; empty cells at
    the end of a row don't count. Blank lines, those that begin with # and a first row of headings are skipped.
    `columns` are the fewest and the most cells of a row.

    Raises UsageError with the path, the number of the line and `example` for a file that cannot be read, a row that
    isn't one, or, with `unique`, a second row with the same first cell.

        read_rows(Path("weights.csv"), "1_character,3", (2, 2))
    """
    try:
        text = read_text(path, is_given=True)
    except BadSidecar as error:
        raise UsageError(
            f"{path} cannot be read ({reason_of(error, path)}); it needs lines such as {example}, saved as CSV UTF-8"
        ) from error
    return rows_in(text, path, example, columns, unique)


def rows_in(text: str, path: Path, example: str, columns: tuple[int, int], unique: bool = False) -> list[Row]:
    """Return the rows of the text of a table, which `path` names in messages; see `read_rows`. Raises UsageError."""
    rows: list[Row] = []
    seen: dict[str, str] = {}
    for line in without_headings(lines_of(text), path):
        place = f"{path}, line {line.number}"
        cells = line.cells
        if cells is None or not cells[0] or not columns[0] <= len(cells) <= columns[1]:
            raise UsageError(f"{place}: {shortened(line.text)} should look like {example}")
        if any(cell.startswith(CURLY) for cell in cells):
            raise UsageError(f'{place}: {shortened(line.text)} has curly quotes; write straight ones, "…"')
        if unique and cells[0] in seen:
            raise UsageError(f"{place}: {cells[0]} already stands in {seen[cells[0]]}; keep one of the two")
        seen[cells[0]] = f"line {line.number}"
        rows.append(Row(cells, place))
    return rows


def without_headings(lines: Sequence[Line], path: Path) -> Sequence[Line]:
    """Return the rows without a first one that only names the columns, which is told."""
    words = [cell.casefold().replace(" ", "_") for cell in (lines[0].cells or [""])] if len(lines) > 1 else [""]
    if not {*words} <= (HEADINGS if len(words) > 1 else LIST_HEADINGS):
        return lines
    console.say(f"{path}, line {lines[0].number}: {shortened(lines[0].text)} is read as the names of the columns")
    return lines[1:]


def lines_of(text: str) -> Sequence[Line]:
    """Return the rows of a table, wrong ones too."""
    is_told = SEP_LINE.fullmatch(text.split("\n", 1)[0].strip(" ")) is not None
    return list(split_by(separator_of(text), text, skipped=int(is_told)))


def separator_of(text: str) -> str:
    """Return what separates the cells of a table: what its first line tells, or what most of its rows have.

    It must stand in more than half of the rows, and not in front, as in the tag `;d`; of two, the one that the table
    has first counts. Else it is the comma, as in a list of one column.
    """
    if told := SEP_LINE.fullmatch(text.split("\n", 1)[0].strip(" ")):
        return told[1]
    tables = {separator: list(split_by(separator, text)) for separator in SEPARATORS}
    best = (0, 0, ",")
    for separator, rows in tables.items():
        divided = sum(row.is_divided for row in rows)
        if 2 * divided > len(rows):
            best = max(best, (divided, -text.index(separator), separator))
    return best[2]


def split_by(separator: str, text: str, skipped: int = 0) -> Iterator[Line]:
    """Yield the rows of a table, without blank lines, comments and the first `skipped` lines."""
    lines = enumerate(text.split("\n"), start=1)
    for number, line in lines:
        if number <= skipped or not line.strip(f"{SEPARATORS} {INVISIBLE}") or line.lstrip().startswith("#"):
            continue
        following = (one for _, one in lines)  # a quoted cell may go on there
        record = (f"{one}\n" for one in chain([line.strip(f" {INVISIBLE}")], following))
        try:
            found = next(csv.reader(record, delimiter=separator, skipinitialspace=True, strict=True))
        except csv.Error:
            yield Line(number, line, None)
            continue
        cells = [clean(cell) for cell in found]
        is_divided = len(cells) > 1 and cells[0] != ""
        while cells and not cells[-1]:
            cells.pop()
        yield Line(number, line, None if any(map(has_control, cells)) else cells, is_divided)


def clean(cell: str) -> str:
    """Return the text of a cell in one line, composed, without what can't be seen at its ends."""
    return nfc(re.sub(r"\s*[\n\t]\s*", " ", cell).strip().strip(INVISIBLE).strip())


def shortened(line: str) -> str:
    """Return a line as it stands in a message: quoted, without control characters, not too long."""
    return repr(line.strip() if len(line) <= SHOWN else f"{line.strip()[:SHOWN]}…")
