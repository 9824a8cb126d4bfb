"""What every command line shares: arguments, the configuration file, progress, the closing line, the exit code."""

import argparse
import difflib
import errno
import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from framekit import commands, running
from framekit.arguments import SHARED

Item = TypeVar("Item")

DONE, SOME_UNREADABLE, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
# What the world around may do to any file: what to say, and what to do about it.
FULL = ("the disk is full, it was not written", "make room")
FORBIDDEN = ("it may not be written or read", "give yourself the right to")
AWAY = ("it cannot be reached any more", "see whether its folder and disk are there")
REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), FORBIDDEN),
    errno.ELOOP: ("it is a link, and nothing is written through one", "remove the link"),
    **dict.fromkeys((errno.ENOENT, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENODEV), AWAY),
}
GO_ON = "what is written is whole, run the same command again to go on"


class Misuse(Exception):
    """Wrong use or a missing model: one sentence with the path and the remedy, exit code 2."""


class StageParser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence, and which prints the default of each option."""

    def __init__(self, script: str, doc: str) -> None:
        """`script` names the table in --config; `doc` is the script's docstring."""
        super().__init__(
            prog=f"{script}.py", description=doc, allow_abbrev=False, formatter_class=argparse.RawTextHelpFormatter
        )
        self.script = script
        self.needed: list[str] = []

    def error(self, message: str) -> NoReturn:
        """Raise Misuse instead of printing the whole usage."""
        raise Misuse(f"{self.prog}: {message}; {self.prog} --help lists the options")

    def shared(self, *names: str) -> None:
        """Add options that mean the same in every script."""
        for name in names:
            if name == "src_dir":
                self.add_argument("positional_src_dir", nargs="?", type=Path, metavar="SRC_DIR", help=argparse.SUPPRESS)
            self.option(name, needed=name == "src_dir", **SHARED[name])

    def option(self, name: str, needed: bool = False, **settings: Any) -> None:
        """Add `--name`; the help gets the default appended. A needed option may also come from --config."""
        self.needed += [name] * needed
        default = settings.get("default")
        if isinstance(default, list):
            settings["help"] += f" (default: {' '.join(default)})"
        elif default is not None and default is not False and "%(default)" not in settings["help"]:
            settings["help"] += " (default: %(default)s)"
        self.add_argument(f"--{name}", **settings)

    def options(self) -> dict[str, argparse.Action]:
        """Return the options by their names without dashes."""
        return {action.dest: action for action in self._actions if action.option_strings and action.dest != "help"}

    def read(self, argv: Sequence[str] | None) -> argparse.Namespace:
        """Parse the command line over the defaults of --config.

        Raises Misuse for unknown options, naming the nearest known one.
        """
        words = [underscored(word) for word in (sys.argv[1:] if argv is None else argv)]
        given, unknown = self.parse_known_args(words)
        if unknown:
            self.error(f"unknown option {unknown[0]}{nearest(unknown[0].lstrip('-'), self.options(), '--')}")
        if given.config is not None:
            from framekit.config import read_defaults

            self.set_defaults(**read_defaults(given.config, self.script, self.options()))
        args = self.parse_args(words)
        if getattr(args, "positional_src_dir", None) is not None:
            if given.src_dir is not None:
                self.error(f"--src_dir is given twice, as {given.src_dir} and as {args.positional_src_dir}")
            args.src_dir = args.positional_src_dir
        if missing := [f"--{name}" for name in self.needed if getattr(args, name) is None]:
            self.error(f"{' and '.join(missing)} must be given")
        commands.hear(self.script, sys.argv[1:] if argv is None else argv, vars(args))
        if commands.given and not running.claim(self.script, commands.given[0].folder):
            folder = commands.given[0].folder
            raise Misuse(f"{self.prog} works on {folder} already, in another process; wait for its end, or stop it")
        return args


def underscored(word: str) -> str:
    """Accept `--src-dir` for `--src_dir`; values are left alone."""
    if not word.startswith("--") or len(word) == 2:
        return word
    name, equals, value = word.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value


def nearest(word: str, known: Iterable[str], dashes: str) -> str:
    """Return `; did you mean X?` for the most similar known word, or nothing."""
    close = difflib.get_close_matches(word.partition("=")[0], list(known), n=1, cutoff=0.5)
    return f"; did you mean {dashes}{close[0]}?" if close else ""


def worker_count(workers: int) -> int:
    """Return the number of workers to start for a value of --workers."""
    return workers if workers > 0 else os.cpu_count() or 1


def progress(items: Iterable[Item], total: int | None, unit: str, label: str | None = None) -> Iterable[Item]:
    """Wrap an iterable in a bar with rate and remaining time; silent when stderr is not a terminal."""
    from tqdm import tqdm

    return tqdm(items, total=total, unit=unit, desc=label, disable=None, dynamic_ncols=True)


def close(sentence: str, unreadable: Sequence[tuple[Path, str]] = ()) -> int:
    """Print what was unreadable, then the closing line; return the exit code."""
    for path, reason in unreadable:
        print(f"unreadable: {path}: {reason}", file=sys.stderr)
    print(sentence + (f"; {len(unreadable)} unreadable, listed above" if unreadable else ""))
    return SOME_UNREADABLE if unreadable else DONE


def counted(number: int, noun: str) -> str:
    """Return `1 frame`, `2 frames`; nouns in y become ies."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number} {noun if number == 1 else plural}"


@contextmanager
def uncollected() -> Iterator[None]:
    """Let Python not look for cycles meanwhile: 100,000 frames have none, and the search takes a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def one_sentence(main: Callable[[Sequence[str] | None], int]) -> Callable[..., int]:
    """Make a script's `main` answer wrong use, or a full disk, with one sentence and exit code 2; Ctrl-C with 130."""

    @wraps(main)
    def wrapped(argv: Sequence[str] | None = None) -> int:
        try:
            code = main(argv)
            commands.note()
            return code
        except Misuse as error:
            print(error, file=sys.stderr)
            return WRONG_USE
        except OSError as error:
            if error.errno not in REMEDIES:
                raise
            told, remedy = REMEDIES[error.errno]
            print(f"{error.filename or 'a file'}: {told}; {remedy}; {GO_ON}", file=sys.stderr)
            return WRONG_USE
        except KeyboardInterrupt:
            print(f"stopped; {GO_ON}", file=sys.stderr)
            return INTERRUPTED
        finally:
            running.release()

    return wrapped
