"""The weights of folders: those of a table that a person wrote, and those that kohya's folder names say."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path, PurePosixPath

from framekit.arrange.folders import repeats_and_name
from framekit.console import nearest
from framekit.errors import UsageError
from framekit.files.names import nfc, with_brackets_read
from framekit.files.tables import Row, lines_of, read_rows, rows_in, separator_of

# (folder name or pattern of the whole path, weight), in the order in which they are tried
Weights = Sequence[tuple[str, float]]
MAX_WEIGHT = 1e6
EXAMPLE = "1_character,3"
# Weights of sources side by side at the top of a tree. Source: anime_screenshot_pipeline, default weights.
SOURCE_WEIGHTS: Weights = (("screenshots", 3.0), ("fanart", 2.0), ("regularization", 5.0))
# In a table whose cells are separated otherwise; a comma before three digits could stand for thousands.
DECIMAL_COMMA = re.compile(r"^(0|\d+(?=,\d\d?$)),(\d+)$")


def read_weights(path: Path) -> Weights:
    """Read `name or pattern,weight` rows. Raises UsageError for a row that is none."""
    return weights_in(read_rows(path, EXAMPLE, (2, 2)))


def weights_in(rows: Iterable[Row]) -> Weights:
    """Return the weights of the rows of a table. Raises UsageError for a weight that is no number in its range."""
    weights = []
    for row in rows:
        name, text = row.cells
        try:
            weight = float(DECIMAL_COMMA.sub(r"\1.\2", text))
        except ValueError as error:
            raise UsageError(
                f"{row.place}: the weight of {name}, {text}, is not a number; write it such as 1.5"
            ) from error
        if not 1 / MAX_WEIGHT <= weight <= MAX_WEIGHT:
            raise UsageError(f"{row.place}: the weight of {name} must be above 0, and at most {MAX_WEIGHT:g}")
        weights.append((name, weight))
    return weights


def weights_for(weights: Weights, filled: Iterable[PurePosixPath]) -> Weights:
    """Return weights in which brackets stand for themselves where any of the folders, or one above, fits them so."""
    nodes = {node for folder in filled for node in (folder, *folder.parents)}
    known = {nfc(text) for node in nodes for text in (node.name, str(node))}
    return [(with_brackets_read(name, known), weight) for name, weight in weights]


def unmet_weights(weights: Weights, filled: Iterable[PurePosixPath]) -> list[str]:
    """Return a sentence for each row of weights that means no folder, with the nearest one."""
    nodes = {node for folder in filled for node in (folder, *folder.parents)}
    names = {node.name for node in nodes} - {""}
    return [
        f"--weight_csv: no folder is meant by {name}{nearest(name, names, '')}"
        for name, _ in weights
        if not any(fits(node, name) for node in nodes)
    ]


def kohya_weights(counts: Mapping[PurePosixPath, int], weights: Weights) -> Weights:
    """Return weights that keep kohya's repeats of folders such as `10_aoba`, where no `weights` are given for any.

    They count where all folders beside each other are called so.
    """
    below: dict[PurePosixPath, dict[PurePosixPath, int]] = {}
    for folder, count in counts.items():
        for node in (folder, *folder.parents)[:-1]:
            beside = below.setdefault(node.parent, {})
            beside[node] = beside.get(node, 0) + count
    kept: list[tuple[str, float]] = []
    for parent, beside in below.items():
        repeats = [(repeats_and_name(node.name) or (0,))[0] for node in beside]
        is_given = any(fits(node, name) for node in beside for name, _ in weights)
        if 0 in repeats or counts.get(parent) or is_given or len({*repeats}) == 1:
            continue
        frames = [one * count for one, count in zip(repeats, beside.values(), strict=True)]
        kept += [(escape(str(node)), one / min(frames)) for node, one in zip(beside, frames, strict=True)]
    return kept


def with_weight(text: str, folder: PurePosixPath, weight: float, filled: Iterable[PurePosixPath]) -> str:
    """Return the text of a table of weights in which a folder has this weight, and every other one what it had.

    Its own row is changed, or a row is added; comments, headings and the order of rows stay. Raises UsageError for a
    table that cannot say it.

    >>> with_weight("kaede;2\\n", PurePosixPath("iku"), 1.5, [PurePosixPath("iku"), PurePosixPath("kaede")])
    'kaede;2\\niku;1.5\\n'
    """
    folders = [*filled]
    nodes = {node for one in folders for node in (one, *one.parents) if node.parts}

    def weighed(table: str) -> dict[PurePosixPath, float]:
        weights = weights_for(weights_in(rows_in(table, Path("the table of weights"), EXAMPLE, (2, 2))), folders)
        return {node: weight_of(node, weights) for node in nodes}

    wanted = {**weighed(text), folder: weight}
    for table in tables_with(text, folder, weight):
        if weighed(table) == wanted:
            return table
    raise UsageError(f"the table of weights cannot give {folder} alone another weight; edit it by hand")


def tables_with(text: str, folder: PurePosixPath, weight: float) -> Iterator[str]:
    """Yield the table with the row of a folder changed, or added at its end or begin: by its name, then by its path."""
    separator, lines = separator_of(text), text.split("\n")
    for name in (nfc(folder.name), escape(nfc(str(folder)))):
        quoted = '"' + name.replace('"', '""') + '"' if {*name} & {*',;"\t#'} else name
        row = f"{quoted}{separator}{weight:g}"
        for line in lines_of(text):
            if line.cells and line.cells[0] == name:
                yield "\n".join([*lines[: line.number - 1], row, *lines[line.number :]])
        yield f"{text}\n{row}\n" if text and not text.endswith("\n") else f"{text}{row}\n"
        yield f"{row}\n{text}"


def fits(folder: PurePosixPath, name: str) -> bool:
    """Tell whether a name or pattern of weights means a folder."""
    return name.replace("[[]", "[") == nfc(folder.name) or fnmatchcase(nfc(str(folder)), name)


def weight_of(folder: PurePosixPath, weights: Weights) -> float:
    """Return the weight of a folder: by its name, else by the first pattern that fits its path, else its default.

    By default a source at the top has the weight of its kind, and any other folder 1.
    """
    for name, weight in weights:
        if name.replace("[[]", "[") == nfc(folder.name):
            return weight
    default = dict(SOURCE_WEIGHTS).get(str(folder), 1.0)
    return next((weight for pattern, weight in weights if fnmatchcase(nfc(str(folder)), pattern)), default)
