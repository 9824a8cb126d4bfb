"""What a build is told: the tables of its configuration files, one over the other, and files written from them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from framekit.build.stages import STAGES, Options, Show
from framekit.console import columns_of, nearest, shortened
from framekit.errors import UsageError
from framekit.files.atomic import toml_values, write_whole
from framekit.files.names import on_disk
from framekit.trainers.forms import write_toml

FOLDERS = ("videos", "references", "dataset")


SCRIPTS = tuple(dict.fromkeys(stage.script for stage in STAGES.values()))


def merged(configs: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the tables of all scripts in some files; what a later file says wins."""
    tables: dict[str, dict[str, Any]] = {}
    for config in configs:
        for name in config.keys() & {*SCRIPTS}:
            tables.setdefault(name, {}).update(config[name])
    return tables


def parsed(settings: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the options of each script that are given as `script.option=value`. Raises UsageError for what is none."""
    tables: dict[str, dict[str, Any]] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        script, point, option = name.strip().partition(".")
        if not (equals and point and option):
            raise UsageError(
                f"--set {setting} is no SCRIPT.OPTION=VALUE; write one such as extract_frames.prefix=yamaS2"
            )
        if script not in SCRIPTS:
            raise UsageError(f"--set {setting}: there is no script {script}{nearest(script, SCRIPTS, '')}")
        tables.setdefault(script, {})[option.replace("-", "_")] = value_of(text)
    return tables


def value_of(text: str) -> Any:
    """Return a value as TOML would read it, and text that is none as it stands.

    >>> value_of("true"), value_of("0.5"), value_of("yamaS2"), value_of('["a", "b"]')
    (True, 0.5, 'yamaS2', ['a', 'b'])
    """
    try:
        return toml_values(f"value = {text}")["value"]
    except ValueError:
        return text


def folders(told: Mapping[str, Any], typed: Sequence[Path]) -> tuple[Path, Path | None, Path]:
    """Return the folders of videos, references and dataset, by the options and by what is typed without their names.

    Raises UsageError if there are too many, or one is missing that is needed.
    """
    if typed and len(typed) != len(FOLDERS):
        raise UsageError(
            f"{len(typed)} of the three folders VIDEOS REFERENCES DATASET are given; without references give --videos"
            " and --dataset"
        )
    found = dict(zip(FOLDERS, typed, strict=False))
    for name in FOLDERS:
        found.setdefault(name, told[name])
    for name in ("videos", "dataset"):
        if found[name] is None:
            raise UsageError(f"--{name} must be given, on the command line or as {name} in [build] of --config")
    references = found["references"]
    return on_disk(found["videos"]), references and on_disk(references), on_disk(found["dataset"])


def write(path: Path, show: Show, only: Sequence[str]) -> None:
    """Write a show to a configuration file. Raises UsageError if there is one already."""
    if path.exists():
        raise UsageError(f"{path} is there already; give another name, or remove it")
    own: dict[str, Any] = {name: str(one) for name in FOLDERS if (one := getattr(show, name)) is not None}
    own |= {"trainers": list(show.trainers)} if show.trainers else {}
    own |= {"stages": list(only)} if only else {}
    tables: dict[str, Options] = {"build": own, **{script: show.said(script) for script in SCRIPTS}}
    write_whole(path, "\n".join(f"[{name}]\n{write_toml(table)}" for name, table in tables.items() if table))


def columns(rows: Sequence[Sequence[str]], room: int) -> str:
    """Return rows as aligned text, the first column to the left and at most as wide as `room` columns allow."""
    widths = [max(columns_of(row[place]) for row in rows) for place in range(len(rows[0]))]
    widths[0] = min(widths[0], max(10, room - sum(widths[1:]) - 2 * (len(widths) - 1)))
    lines = []
    for row in rows:
        cells = [shortened(row[0], widths[0]), *row[1:]]
        padded = [cell + " " * (width - columns_of(cell)) for cell, width in zip(cells, widths, strict=True)]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)
