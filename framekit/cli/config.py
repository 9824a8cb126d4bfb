"""The file that --config names: TOML with a table for each script, read as people write it."""

import argparse
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from framekit.cli.values import parted
from framekit.cli.words import hint, unknown_value
from framekit.console import nearest
from framekit.errors import BadSidecar, UsageError, reason_of
from framekit.files.atomic import read_text, toml_values
from framekit.files.tables import SHOWN

SCRIPTS = (
    "extract_frames",
    "remove_similar",
    "tag_images",
    "detect_faces",
    "classify_characters",
    "generate_metadata",
    "arrange_folders",
    "prepare_training",
    "build_dataset",
)
BUILD = "build"  # the table of build_dataset.py, which reads those of the others too
TABLES = (*SCRIPTS[:-1], BUILD)
EXTRAS = ("review", "segment_characters")
# The strings of a TOML file, and its comments, in which quotes mean nothing.
STRING = re.compile(
    r"'''.*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'[^'\n]*'|\"(?:[^\"\\\n]|\\[^\n])*(?:\"|(?=\n)|\Z)|\#[^\n]*", re.DOTALL
)
ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
WINDOWS_PATH = re.compile(r"[A-Za-z]:\\(?!\\)")
PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")


def read_defaults(path: Path, script: str, options: Mapping[str, argparse.Action]) -> dict[str, Any]:
    """Return the script's table of the file, converted to the types of the options.

    Raises UsageError for a table or key that no script or option has, naming the nearest, and for wrong values.
    """
    tables = read_tables(path)
    for name, table in tables.items():
        if name not in (*TABLES, *EXTRAS, script):
            raise UsageError(f"{path}: there is no script {name}{nearest(name, TABLES, '')}")
        if not isinstance(table, dict):
            raise UsageError(f"{path}: {name} must be a table: write [{name}] on a line of its own")
    own = tables.get(script, {})
    for key in own:
        if key not in options or key == "config":
            raise UsageError(f"{path}: [{script}] has no option {key}{hint(script, key, options, '')}")
    return {
        options[key].dest: converted(value, options[key], f"{path}: {key} in [{script}]") for key, value in own.items()
    }


def converted(value: Any, option: argparse.Action, where: str) -> Any:
    """Convert one TOML value as the command line would. Raises UsageError that begins with `where`."""
    if option.nargs == 0:
        if isinstance(value, bool):
            return value
        raise UsageError(f"{where} must be true or false")
    if option.nargs in ("+", "*"):
        values = value if isinstance(value, list) else parted(value) if isinstance(value, str) else [value]
        return [converted_one(one, option, where) for one in values]
    return converted_one(value, option, where)


def converted_one(value: Any, option: argparse.Action, where: str) -> Any:
    """Convert one text or number. Raises UsageError that begins with `where`."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UsageError(f"{where} must be one text or number")
    if option.choices is not None and value not in option.choices:
        raise UsageError(f"{where}: {unknown_value(option.dest, str(value), option.choices)}")
    convert = option.type if callable(option.type) else str
    try:
        return convert(str(value))
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise UsageError(f"{where} has a wrong value: {error}") from error


def read_tables(path: Path) -> dict[str, Any]:
    """Read a TOML file in UTF-8, or UTF-16 with a byte order mark, with the line ends of any system.

    Raises UsageError with the number of the line, and what to write, for what is no TOML or was not meant so.
    """
    try:
        text = read_text(path, is_given=True)
    except BadSidecar as error:
        raise UsageError(f"{path} cannot be read ({reason_of(error, path)}); --config must name a TOML file") from error
    for number, written in lone_backslashes(text):
        shown, quotes = visible(written), "'" if "'" not in written else "'''"
        meant = f"{quotes}{shown}{quotes}"
        raise UsageError(
            f'{path}, line {number}: "{shown}" has single backslashes, which TOML reads as escapes; write {meant}, or /'
            " for each"
        )
    try:
        return toml_values(text)
    except ValueError as error:
        raise UsageError(told_of_error(path, text, str(error))) from error


def lone_backslashes(text: str) -> Iterator[tuple[int, str]]:
    r"""Yield line and content of each string in double quotes with a backslash that was hardly meant as an escape.

    Paths of Windows come out as other paths: TOML reads a tab in "D:\train", an e with an accent in "D:\u00e9", and no
    end of the string in "D:\". Only `\\`, `\"` and, outside such paths, `\u` are what people write on purpose.
    """
    for found in STRING.finditer(text):
        string = found[0]
        if not string.startswith('"'):
            continue
        is_long = string.startswith('"""')
        written = string[3:-3] if is_long else string[1:].removesuffix('"')
        meant = ["\\", '"', *["\n"] * is_long]
        escapes = [escape[1] for escape in ESCAPE.finditer(written)]
        is_open = not is_long and (
            len(string) == 1 or not string.endswith('"') or bool(re.search(r'(?<!\\)\\"$', string))
        )
        is_path = WINDOWS_PATH.match(written) is not None
        wrong = [one for one in escapes if one not in meant and (is_path or len(one) == 1)]
        if wrong or (is_open and "\\" in string):
            yield text.count("\n", 0, found.start()) + 1, written


def visible(text: str) -> str:
    """Return a text as it stands in a message: in one line, without what controls a terminal, not too long."""
    return "".join(filter(str.isprintable, " ".join(text.split())))[:SHOWN]


def told_of_error(path: Path, text: str, error: str) -> str:
    """Return the sentence for what is no TOML, by the message of its reader."""
    reason = PLACE.sub("", error)
    found = PLACE.search(error)
    lines = text.rstrip("\n").split("\n")
    number = int(found[1]) if found and found[1] else len(lines)
    line = visible(lines[min(number, len(lines)) - 1])
    return (
        f"{path} is not a TOML file: line {number}, {line} ({reason}); write [SCRIPT_NAME], then lines such"
        " as src_dir = 'a folder', limit = 3, redo = true"
    )
