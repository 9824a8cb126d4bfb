"""What the user sees in the terminal: progress bars, short messages, numbers with their nouns."""

import difflib
import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from io import TextIOWrapper
from typing import TypeVar

from framekit.errors import named

Item = TypeVar("Item")
# Signs that nobody sees and some programs obey: control characters, separators of lines, those that turn the direction
# of text, and what is not UTF-8. White space, which may separate words, is none.
UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


def nearest(word: str, known: Iterable[str], dashes: str) -> str:
    """Return `; did you mean X?` for the most similar known word, or nothing."""
    close = difflib.get_close_matches(word.partition("=")[0], list(known), n=1, cutoff=0.5)
    return f"; did you mean {dashes}{close[0]}?" if close else ""


NOTHING_NEW = "nothing new"  # begin of a closing line after a run that found all done


def worker_count(workers: int) -> int:
    """Return the number of workers to start for a value of --workers."""
    return workers if workers > 0 else os.cpu_count() or 1


def progress(items: Iterable[Item], total: int | None, unit: str, label: str | None = None) -> Iterable[Item]:
    """Yield the items behind a progress bar with rate and remaining time; no bar where stderr is not a terminal."""
    from tqdm import tqdm

    return tqdm(items, total=total, unit=unit, desc=label, disable=None, dynamic_ncols=True)


def set_up_streams() -> None:
    """Let both streams take any text: what their encoding lacks is written as an escape, such as \\u30bd.

    One that is closed leads nowhere from now on: a file opened later would take its place, and get what is printed.
    """
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif isinstance(stream, TextIOWrapper) and name != "stdin":
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """Print a message, or the lines of a table, to stdout. Raises OSError if nobody takes it."""
    with named("standard output"):
        print("\n".join(map(shown, text.split("\n"))))


def flush() -> None:
    """Let what was printed reach its reader. Raises OSError if that cannot be."""
    with named("standard output"):
        sys.stdout.flush()


def warn(sentence: str) -> None:
    """Print a warning to stderr; where nobody reads it any more, as in a closed terminal, the work goes on."""
    with suppress(OSError):
        print(shown(sentence), file=sys.stderr)


def shown(text: str) -> str:
    """Return a text as one line that any terminal can show: signs that nobody sees, and ends of lines, as escapes.

    Names of files may hold any of these, and could otherwise forge lines or end the run.
    """
    return visible(re.sub(r"[\t\n\r]", as_escape, text))


def visible(text: str) -> str:
    """Return a text with the signs that nobody sees as escapes; its white space stays."""
    return UNSEEN.sub(as_escape, text)


def as_escape(sign: re.Match[str]) -> str:
    """Return how a sign would be written in a program."""
    return ascii(sign[0])[1:-1]


def without_unseen(text: str) -> str:
    """Return a text without the signs that nobody sees, and without what they do to a terminal.

    >>> without_unseen("blue\\x00 eyes\\x1b[31m")
    'blue eyes'
    """
    return UNSEEN.sub("", ESCAPE_SEQUENCE.sub("", text))


def counted(number: int, noun: str) -> str:
    """Return `1 frame`, `2 frames`; nouns in y become ies."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number} {noun if number == 1 else plural}"
