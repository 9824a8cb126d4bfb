"""Small tables that people write: CSV with a row in each line, the same rules for weights, tags, names and renames."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from framekit.errors import BadSidecar, UsageError
from framekit.files.atomic import read_text

SHOWN = 80  # characters of a wrong line in its message
ANY = 2**20  # columns; more than a line can hold


@dataclass(frozen=True)
class Row:
    """One row: its cells, none of the last ones empty, and `place`, the path and line number for messages."""

    cells: Sequence[str]
    place: str


def read_rows(path: Path, example: str, columns: tuple[int, int], unique: bool = False) -> list[Row]:
    """Read a table in UTF-8, with or without a byte order mark, with the line ends of any system.

    Cells are stripped; one with a comma stands in double quotes; empty cells at the end of a row don't count. Blank
    lines and those that begin with # are skipped. `columns` are the fewest and the most cells of a row.

    Raises UsageError with the path, the number of the line and `example` for a file that cannot be read, a row that
    isn't one, or, with `unique`, a second row with the same first cell.

        read_rows(Path("weights.csv"), "1_character,3", (2, 2))
    """
    try:
        text = read_text(path, is_given=True)
    except BadSidecar as error:
        raise UsageError(f"{path} cannot be read ({error}); it needs lines such as {example}") from error
    rows: list[Row] = []
    seen: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        place = f"{path}, line {number}"
        cells = [] if line.lstrip().startswith("#") else cells_of(line)
        if cells == []:
            continue
        if cells is None or not cells[0] or not columns[0] <= len(cells) <= columns[1]:
            raise UsageError(f"{place}: {shortened(line)} should look like {example}")
        if unique and cells[0] in seen:
            raise UsageError(f"{place}: {cells[0]} already stands in {seen[cells[0]]}; keep one of the two")
        seen[cells[0]] = f"line {number}"
        rows.append(Row(cells, place))
    return rows


def cells_of(line: str) -> list[str] | None:
    """Return the cells of a line, without empty ones at its end; None where its quotes are wrong."""
    try:
        cells = [cell.strip() for cell in next(csv.reader([line.strip()], skipinitialspace=True, strict=True), [])]
    except csv.Error:
        return None
    while cells and not cells[-1]:
        cells.pop()
    return cells


def shortened(line: str) -> str:
    """Return a line as it stands in a message: quoted, without control characters, not too long."""
    return repr(line.strip() if len(line) <= SHOWN else f"{line.strip()[:SHOWN]}…")
