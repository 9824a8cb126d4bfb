"""The file of --config: one TOML table per script, whose keys are its options."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from framekit.stage import Misuse, nearest

SCRIPTS = (
    "extract_frames",
    "remove_similar",
    "tag_images",
    "detect_faces",
    "classify_characters",
    "generate_metadata",
    "arrange_folders",
    "prepare_training",
)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises Misuse if it is missing or wrong."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with path.open("rb") as file:
            return dict(tomllib.load(file))
    except OSError as error:
        raise Misuse(f"{path} cannot be read ({error.strerror}); --config must name a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misuse(f"{path} is not a TOML file: {error}") from error


def read_defaults(path: Path, script: str, options: Mapping[str, argparse.Action]) -> dict[str, Any]:
    """Return the script's table of the file, converted to the types of the options.

    Raises Misuse for a table or key that no script or option has, naming the nearest, and for wrong values.
    """
    tables = read_toml(path)
    for name, table in tables.items():
        if name not in (*SCRIPTS, script):
            raise Misuse(f"{path}: there is no script {name}{nearest(name, SCRIPTS, '')}")
        if not isinstance(table, dict):
            raise Misuse(f"{path}: {name} must be a table: write [{name}] on a line of its own")
    own = tables.get(script, {})
    for key in own:
        if key not in options or key == "config":
            raise Misuse(f"{path}: [{script}] has no option {key}{nearest(key, options, '')}")
    return {key: converted(value, options[key], f"{path}: {key} in [{script}]") for key, value in own.items()}


def converted(value: Any, option: argparse.Action, where: str) -> Any:
    """Convert one TOML value as the command line would. Raises Misuse that begins with `where`."""
    if option.nargs == 0:
        if isinstance(value, bool):
            return value
        raise Misuse(f"{where} must be true or false")
    if option.nargs in ("+", "*"):
        values = value if isinstance(value, list) else [value]
        return [converted_one(one, option, where) for one in values]
    return converted_one(value, option, where)


def converted_one(value: Any, option: argparse.Action, where: str) -> Any:
    """Convert one text or number. Raises Misuse that begins with `where`."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Misuse(f"{where} must be one text or number")
    if option.choices is not None and value not in option.choices:
        raise Misuse(f"{where} must be one of {', '.join(option.choices)}")
    convert = option.type if callable(option.type) else str
    try:
        return convert(str(value))
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise Misuse(f"{where} has a wrong value: {error}") from error
