"""The forms of trainers' configs, TOML, JSON and JSON Lines: read to values and written again, comments included."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from framekit.files.atomic import parsed_json, toml_values

BARE = re.compile(r"[A-Za-z0-9_-]+")
HEADER, END = "", "\0end"  # in `Table.above`, what stands above the header of a table, and at the end of the file


@dataclass(frozen=True)
class Form:
    """How a config is read and written, and how entries of its lists are told apart.

    `read` raises ValueError for what it cannot read. An entry of a list is named by the first key of `names` that it
    has; `called` is the name of that value which stays the same when the dataset moves.
    """

    read: Callable[[str], Any]
    write: Callable[[Any], str]
    names: tuple[str, ...] = ()
    called: Callable[[str], str] = lambda value: value


class Table(dict[str, Any]):
    """A table of a TOML file with its comments: the lines above a key or its header, and what stands behind a value."""

    def __init__(self) -> None:
        """Begin without any key."""
        super().__init__()
        self.above: dict[str, list[str]] = {}
        self.behind: dict[str, str] = {}


def read_json_rows(text: str) -> list[Any]:
    """Return the value of each line; blank ones are skipped. Signs such as U+2028 stand within a line."""
    return [parsed_json(line) for line in text.split("\n") if line.strip()]


def write_json(values: Any) -> str:
    """Return JSON in ASCII, which reads the same in the encoding of any system."""
    return json.dumps(values, indent=1) + "\n"


def write_json_rows(rows: Sequence[Any]) -> str:
    """Return each value as a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def read_toml_text(text: str) -> Table:
    """Return the tables of a TOML file with their comments. Raises ValueError."""
    toml_values(text)  # the whole, since statements that are right one by one may contradict each other
    top = table = Table()
    above: list[str] = []
    for lines, values in statements(text):
        if not values:
            above += [line.strip() for line in lines if line.strip()]
            continue
        if lines[0].lstrip().startswith("["):
            table = open_table(top, values)
            key = HEADER
            table.behind[key] = comment_behind(lines[-1])
        else:
            (key,) = values
            joined = table[key] | values[key] if isinstance(table.get(key), dict) else values[key]  # dotted keys
            table[key] = joined
            table.behind[key] = comment_behind(lines[-1]) if len(lines) == 1 else ""
        table.above[key] = above
        above = []
    top.above[END] = above
    return top


def statements(text: str) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Yield the lines of each statement, the fewest that can be read alone, and what they say."""
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):  # other signs that break lines may stand in texts
        lines.append(line)
        try:
            values = toml_values("\n".join(lines))
        except ValueError:
            continue
        yield lines, values
        lines = []


def open_table(top: Table, header: Mapping[str, Any]) -> Table:
    """Return the table that a header opens, such as `[[datasets.subsets]]`, read alone."""
    node: Any = top
    inner: Any = header
    while True:
        ((part, inner),) = inner.items()
        if isinstance(inner, list):
            node.setdefault(part, []).append(Table())
            return node[part][-1]  # type: ignore[no-any-return]
        node = node.setdefault(part, Table())
        if not inner:
            return node  # type: ignore[no-any-return]
        node = node[-1] if isinstance(node, list) else node


def comment_behind(line: str) -> str:
    """Return the comment at the end of a statement of one line."""
    values = toml_values(line)
    for place in (found.start() for found in re.finditer("#", line)):
        try:
            if toml_values(line[:place]) == values:
                return line[place:].strip()
        except ValueError:
            continue
    return ""


def write_toml(values: Mapping[str, Any]) -> str:
    """Return a TOML file: single values first, then tables and lists of tables, each below a blank line."""
    lines = [*table_lines(values, ())]
    return "\n".join([*(lines[1:] if lines and not lines[0] else lines), *above(values, END)]) + "\n"


def table_lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of a table and those below it, without its own header."""
    tables: list[tuple[str, Sequence[Any]]] = []
    for key, value in table.items():
        if isinstance(value, Table):
            tables.append((key, [value]))
        elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            tables.append((key, value))
        else:
            yield from above(table, key)
            behind = table.behind.get(key) if isinstance(table, Table) else ""
            yield f"{toml_key(key)} = {toml_value(value)}" + (f"  {behind}" if behind else "")
    for key, listed in tables:
        header = ".".join(map(toml_key, (*path, key)))
        for one in listed:
            yield ""
            yield from above(one, HEADER)
            behind = one.behind.get(HEADER) if isinstance(one, Table) else ""
            yield (f"[{header}]" if isinstance(table[key], Table) else f"[[{header}]]") + (
                f"  {behind}" if behind else ""
            )
            yield from table_lines(one, (*path, key))


def above(table: Mapping[str, Any], key: str) -> list[str]:
    """Return the comments above a key of a table."""
    return table.above.get(key, []) if isinstance(table, Table) else []


def toml_key(key: str) -> str:
    """Return a key, in quotes where it needs them."""
    return key if BARE.fullmatch(key) else toml_text(key)


def toml_value(value: Any) -> str:
    """Return a value that stands behind a key."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml_key(key)} = {toml_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return toml_text(value) if isinstance(value, str) else str(value)


def toml_text(text: str) -> str:
    """Return text as a TOML string; JSON's escapes are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
