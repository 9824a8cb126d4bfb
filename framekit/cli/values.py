"""What the values of options hold: numbers, times, paths, expressions; a wrong one is told with what to write."""

import argparse
import re
from pathlib import Path
from typing import Any

from framekit.dataset.share import Share
from framekit.files.names import has_control, on_disk

DECIMAL_COMMA = re.compile(r"-?\d*,\d+")
SIZE = re.compile(r"(\d+)\s*[x×]\s*\d+", re.IGNORECASE)
SHARE = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")
PERCENT = re.compile(r"([\d.]+)\s*%")


def number(text: str) -> float:
    """Argument type: a number, with a decimal point."""
    try:
        return float(text)
    except ValueError:
        pass
    if DECIMAL_COMMA.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text} has a comma; write {text.replace(',', '.')}")
    if percent := PERCENT.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text} is a percentage; write {float(percent[1]) / 100:g}")
    raise argparse.ArgumentTypeError(f"{text} is no number; write one such as 0.5")


def whole(text: str) -> int:
    """Argument type: a whole number."""
    try:
        return int(text)
    except ValueError:
        pass
    if size := SIZE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text} is a size; write one number, such as {size[1]}")
    raise argparse.ArgumentTypeError(f"{text} is no whole number; write one such as 512")


def fraction(text: str) -> float:
    """Argument type: a number from 0 to 1."""
    value = number(text)
    if not 0 <= value <= 1:
        hint = f"; write {value / 100:g} for {value:g} %" if 1 < value <= 100 else ""
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1{hint}")
    return value


def positive(text: str) -> float:
    """Argument type: a number above 0."""
    value = number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def seconds(text: str) -> float:
    """Argument type: seconds from the start, or `H:MM:SS`."""
    value = 0.0
    try:
        for piece in text.split(":"):
            value = value * 60 + float(piece)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time: use seconds or H:MM:SS")
    return value


def count(text: str) -> int:
    """Argument type: a whole number, 0 or more."""
    value = whole(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def share(text: str) -> Share:
    """Argument type: `2/3`, the second of three parts of the work."""
    found = SHARE.fullmatch(text.strip())
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"{text} is no share; write I/N, such as 2/3, with I from 1 to N")
    return Share(int(found[1]), int(found[2]))


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


def parted(text: str) -> list[str]:
    """Split the values of a list at commas and blanks; a path, and what may be a number with a comma, stays whole."""
    if DECIMAL_COMMA.fullmatch(text) or Path(text).exists():
        return [text]
    return [part for part in re.split("[, ]", text) if part] or [text]


# How the help shows the value of a type.
SHOWN_AS: dict[Any, str] = {
    given_path: "PATH",
    Path: "PATH",
    fraction: "0-1",
    number: "NUMBER",
    positive: "NUMBER",
    count: "N",
    whole: "N",
    seconds: "TIME",
    expression: "REGEX",
    share: "I/N",
}
