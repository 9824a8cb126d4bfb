"""What options of command lines hold: their types, and those that mean the same in every script."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from framekit import console
from framekit.cli.config import read_defaults
from framekit.dataset import history
from framekit.errors import UsageError
from framekit.files.names import has_control, on_disk
from framekit.files.paths import is_utf8


def fraction(text: str) -> float:
    """Argument type: a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def positive(text: str) -> float:
    """Argument type: a number above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def seconds(text: str) -> float:
    """Argument type: seconds from the start, or `H:MM:SS`."""
    value = 0.0
    for piece in text.split(":"):
        value = value * 60 + float(piece)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time: use seconds or H:MM:SS")
    return value


def count(text: str) -> int:
    """Argument type: a whole number, 0 or more."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def given_path(text: str) -> Path:
    """Argument type: a path, found in whichever Unicode form its names have on disk; ~ in front is the home folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the path is empty; write . for the current folder")
    if has_control(text):
        raise argparse.ArgumentTypeError(f"{text!r} holds a control character, which no path has on purpose; remove it")
    path = Path(text)
    return on_disk(path.expanduser() if path.parts[:1] == ("~",) else path)


def expression(text: str) -> re.Pattern[str]:
    """Argument type: a regular expression with at least one group. Raises ArgumentTypeError."""
    try:
        compiled = re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text} is no regular expression: {error}") from error
    if not compiled.groups:
        raise argparse.ArgumentTypeError(f"{text} has no group (...) that holds the number of the episode")
    return compiled


SHARED: dict[str, dict[str, Any]] = {
    "src_dir": {"type": Path, "help": "folder to read; may also be given without the option name"},
    "dst_dir": {"type": Path, "help": "folder to write"},
    "redo": {"action": "store_true", "help": "redo what is already done"},
    "dry_run": {"action": "store_true", "help": "report what would be done, write nothing"},
    "device": {"default": "auto", "help": "auto, cpu, cuda, directml or coreml; auto takes the first available"},
    "batch_size": {"type": count, "default": 0, "help": "frames per call of an ONNX model; 0 = chosen by the script"},
    "workers": {"type": count, "default": 0, "help": "parallel workers; 0 = one per core"},
    "limit": {"type": count, "default": 0, "help": "stop after so many frames, or episodes; 0 = no limit"},
    "overwrite_corrections": {"action": "store_true", "help": "replace what people corrected by hand"},
    "seed": {"type": int, "default": 0, "help": "random seed of what is drawn or shuffled"},
    "min_face_number": {"type": count, "default": 0, "help": "leave out frames with fewer faces"},
    "max_face_number": {"type": count, "default": 0, "help": "leave out frames with more faces; 0 = no limit"},
    "report": {"type": Path, "help": "HTML page to write about what is there and what becomes of it"},
    "annotate": {"type": Path, "help": "folder to write frames with boxes and names to, and contact sheets"},
    "config": {"type": Path, "help": "TOML file; its table [SCRIPT_NAME] sets defaults, the command line wins"},
}


class Joined(argparse.Action):
    """An option that may be given several times; its values are joined with commas."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        """Add one value to those that were given before."""
        given = [*getattr(namespace, f"given_{self.dest}", ()), values]
        setattr(namespace, f"given_{self.dest}", given)
        setattr(namespace, self.dest, ",".join(given))


class StageParser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence, and which prints the default of each option."""

    def __init__(self, script: str, doc: str) -> None:
        """`script` names the table in --config; `doc` is the script's docstring."""
        super().__init__(
            prog=f"{script}.py", description=doc, allow_abbrev=False, formatter_class=argparse.RawTextHelpFormatter
        )
        self.script = script
        self.needed: list[str] = []
        self.redo_goes_on = False  # a --redo that was stopped goes on when it is given again

    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of printing the whole usage."""
        raise UsageError(f"{self.prog}: {message}; {self.prog} --help lists the options")

    def shared(self, *names: str) -> None:
        """Add options that mean the same in every script."""
        for name in names:
            if name == "src_dir":
                self.add_argument(
                    "positional_src_dir", nargs="?", type=given_path, metavar="SRC_DIR", help=argparse.SUPPRESS
                )
            self.option(name, needed=name == "src_dir", **SHARED[name])

    def option(self, name: str, needed: bool = False, **settings: Any) -> None:
        """Add `--name`; the help gets the default appended. A needed option may also come from --config."""
        self.needed += [name] * needed
        default = settings.get("default")
        if isinstance(default, list):
            settings["help"] += f" (default: {' '.join(default)})"
        elif default is not None and default is not False and "%(default)" not in settings["help"]:
            settings["help"] += " (default: %(default)s)"
        if settings.get("type") is Path:
            settings["type"] = given_path
        self.add_argument(f"--{name}", **settings)

    def options(self) -> dict[str, argparse.Action]:
        """Return the options by their names without dashes."""
        return {action.dest: action for action in self._actions if action.option_strings and action.dest != "help"}

    def read(self, argv: Sequence[str] | None) -> argparse.Namespace:
        """Parse the command line over the defaults of --config; `command` is what the history keeps, None for nothing.

        Raises UsageError for unknown options, naming the nearest known one, and for words that are not UTF-8.
        """
        words = [underscored(word) for word in (sys.argv[1:] if argv is None else argv)]
        for word in words:
            if not is_utf8(word):  # neither the history of commands nor a config could name it
                self.error(f"{console.shown(word)} is not UTF-8; rename that folder or file")
        given, unknown = self.parse_known_args(words)
        if unknown:
            self.error(f"unknown option {unknown[0]}{console.nearest(unknown[0].lstrip('-'), self.options(), '--')}")
        if given.config is not None:
            self.set_defaults(**read_defaults(given.config, self.script, self.options()))
        args = self.parse_args(words)
        if getattr(args, "positional_src_dir", None) is not None:
            if given.src_dir is not None:
                self.error(f"--src_dir is given twice, as {given.src_dir} and as {args.positional_src_dir}")
            args.src_dir = args.positional_src_dir
        if missing := [f"--{name}" for name in self.needed if getattr(args, name) is None]:
            self.error(f"{' and '.join(missing)} must be given")
        args.command = history.command_of(self.script, sys.argv[1:] if argv is None else argv, vars(args))
        return args


def underscored(word: str) -> str:
    """Accept `--src-dir` for `--src_dir`; values are left alone."""
    if not word.startswith("--") or len(word) == 2:
        return word
    name, equals, value = word.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value
