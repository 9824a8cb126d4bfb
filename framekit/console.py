"""What the user sees in the terminal: progress bars, short messages, numbers with their nouns."""

import difflib
import os
import sys
from collections.abc import Iterable
from typing import TypeVar
from unicodedata import category

Item = TypeVar("Item")


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


def say(sentence: str) -> None:
    """Print a message to stdout."""
    print(sentence)


def warn(sentence: str) -> None:
    """Print a warning to stderr."""
    print(sentence, file=sys.stderr)


def shown(text: str) -> str:
    """Return a text as one line that any terminal can show: control characters and what is not UTF-8 as escapes.

    Names of files may hold any of these, and could otherwise forge lines or end the run.
    """
    return "".join(ascii(one)[1:-1] if category(one) in ("Cc", "Cs", "Zl", "Zp") else one for one in text)


def counted(number: int, noun: str) -> str:
    """Return `1 frame`, `2 frames`; nouns in y become ies."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number} {noun if number == 1 else plural}"


def sized(bytes_: float) -> str:
    """Return a size with its unit, `950 bytes`, `12 kB`, `3.4 MB`, `1.2 GB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if bytes_ >= size:
            return f"{bytes_ / size:.{0 if bytes_ >= 100 * size or unit == 'kB' else 1}f} {unit}"
    return counted(round(bytes_), "byte")
