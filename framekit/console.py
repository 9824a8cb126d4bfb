"""What the user sees in the terminal: progress bars, short messages, numbers with their nouns."""

import difflib
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from threading import Event, Lock
from types import TracebackType
from typing import Any, TextIO, TypeVar
from unicodedata import east_asian_width

from framekit.errors import named

Item = TypeVar("Item")
# Signs that nobody sees and some programs obey: control characters, separators of lines, those that turn the direction
# of text, and what is not UTF-8. White space, which may separate words, is none.
OUTPUT = "standard output"  # as errors name it
UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


def nearest(word: str, known: Iterable[str], dashes: str, cutoff: float = 0.5) -> str:
    """Return `; did you mean X?` for the most similar known word, or nothing; `cutoff` is its similarity, 0 to 1."""
    found = nearest_word(word.partition("=")[0], known, cutoff)
    return f"; did you mean {dashes}{found}?" if found else ""


def nearest_word(word: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """Return the most similar known word, or nothing; letter case does not count."""
    spelled = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(word.casefold(), list(spelled), n=1, cutoff=cutoff)
    return spelled[close[0]] if close else ""


BUG = 70  # exit code of a script that ends with a traceback, as sysexits.h has it; 1 says that some was unreadable
ENDS_WITH_INPUT = "FRAMEKIT_ENDS_WITH_INPUT"  # variable of the environment: the script ends when its input is closed
NOTHING_NEW = "nothing new"  # begin of a closing line after a run that found all done


def worker_count(workers: int) -> int:
    """Return the number of workers to start for a value of --workers."""
    return workers if workers > 0 else os.cpu_count() or 1


def progress(items: Iterable[Item], total: int | None, unit: str, label: str | None = None) -> Iterable[Item]:
    """Yield the items behind a progress bar with rate and remaining time; no bar where stderr is not a terminal."""
    from tqdm import tqdm

    return tqdm(
        items,
        total=total,
        unit=unit,
        desc=label,
        disable=True if VOICE.quiet else None,
        dynamic_ncols=True,
        leave=False,
    )


def how_bars_are() -> dict[str, Any]:
    """Return what is common to all bars: none where stderr is no terminal or the script is quiet; ended ones go."""
    return {"disable": True if VOICE.quiet else None, "dynamic_ncols": True, "leave": False}


@dataclass
class Voice:
    """How much a script says: warnings and errors alone, or also details."""

    quiet: bool = False
    verbose: bool = False


VOICE = Voice()  # of the run that is going on, see framekit/cli/run.py


class Videos:
    """Videos that are read at once: a bar over the seconds of all, one for each that is being read, a way to stop all.

    Threads may share it. There is no bar where stderr is not a terminal.
    """

    def __init__(self, seconds: Mapping[str, float]) -> None:
        """`seconds` is the length of each video by its label, 0 if it is unknown."""
        self.seconds = seconds
        self.stopped = Event()
        self.places: dict[str, float] = {}
        self.lock = Lock()
        self.whole = self.bar(sum(seconds.values()), "")
        self.bars: dict[str, Any] = {}

    def bar(self, total: float, label: str) -> Any:
        """Return a bar of a number of seconds."""
        from tqdm import tqdm

        form = "{desc} {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s of video [{elapsed}<{remaining}]"
        form = form if total else "{desc} {n:.0f} s of video [{elapsed}]"
        return tqdm(
            total=total or None,
            desc=label,
            bar_format=form,
            disable=True if VOICE.quiet else None,
            dynamic_ncols=True,
            leave=False,
        )

    def reach(self, label: str, seconds: float) -> None:
        """Show how far a video is read; its first call shows that it began. Raises KeyboardInterrupt if all stop."""
        if self.stopped.is_set():
            raise KeyboardInterrupt
        with self.lock:
            if label not in self.bars:
                self.bars[label] = self.bar(self.seconds[label], label)
            self.places[label] = seconds
            self.whole.set_description_str(f"episode {len(self.places)} of {len(self.seconds)}", refresh=False)
            for bar, place in ((self.bars[label], seconds), (self.whole, sum(self.places.values()))):
                bar.update(place - bar.n)

    def finish(self, label: str) -> None:
        """Take the bar of a video away."""
        with self.lock:
            if label in self.bars:
                self.bars.pop(label).close()
                self.places[label] = self.seconds[label] or self.places[label]

    def close(self) -> None:
        """Stop what is still being read, and take all bars away."""
        self.stopped.set()
        for bar in (*self.bars.values(), self.whole):
            bar.close()


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
    """Print a message, or the lines of a table, to stdout, unless the script is to be quiet.

    Raises OSError if nobody takes it.
    """
    if VOICE.quiet:
        return
    with named(OUTPUT):
        above_bars("\n".join(map(shown, text.split("\n"))), sys.stdout)
        sys.stdout.flush()


def above_bars(text: str, to: TextIO) -> None:
    """Print a text to a stream, above the bars that are shown."""
    if "tqdm" in sys.modules:
        from tqdm import tqdm

        tqdm.write(text, file=to)
    else:
        print(text, file=to)


def flush() -> None:
    """Let what was printed reach its reader. Raises OSError if that cannot be."""
    with named(OUTPUT):
        sys.stdout.flush()


def detail(text: str) -> None:
    """Print a message to stderr if the script is to be verbose."""
    for line in text.split("\n") if VOICE.verbose else ():
        warn(line)


def warn(sentence: str) -> None:
    """Print a warning to stderr; where nobody reads it any more, as in a closed terminal, the work goes on."""
    with suppress(OSError):
        above_bars(shown(sentence), sys.stderr)


def missing_package(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say in one sentence that a script runs outside its environment; show any other error as ever, and end with 70."""
    name = getattr(error, "name", None) or "framekit"
    if not isinstance(error, ModuleNotFoundError) or name.split(".")[0] == "framekit":
        sys.__excepthook__(kind, error, trace)
        if issubclass(kind, Exception):
            raise SystemExit(BUG)
        return
    activate = r".venv\Scripts\activate" if os.name == "nt" else "source .venv/bin/activate"
    warn(
        f"the package {name} is not installed for {sys.executable}; activate the environment ({activate}), or run make"
        " demo, which makes it"
    )
    raise SystemExit(2)


def is_script() -> bool:
    """Tell whether the program is a script beside framekit, and not one that uses the library."""
    program = getattr(sys.modules.get("__main__"), "__file__", None)
    return program is not None and Path(program).resolve().parent == Path(__file__).resolve().parents[1]


if is_script():
    sys.excepthook = missing_package


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


def terminal_columns() -> int:
    """Return how many columns a table may take: those of the terminal, 80 without one."""
    return shutil.get_terminal_size((80, 24)).columns


def columns_of(text: str) -> int:
    """Return how many columns a text takes; Chinese, Japanese and Korean characters take two each."""
    return sum(2 if east_asian_width(one) in "WF" else 1 for one in text)


def shortened(text: str, room: int) -> str:
    """Return a text with as much of its middle left out as it takes to fit into so many columns."""
    if columns_of(text) <= room:
        return text
    for left_out in range(1, len(text)):
        begin = (len(text) - left_out + 1) // 2
        cut = f"{text[:begin]}…{text[begin + left_out :]}"
        if columns_of(cut) <= room:
            return cut
    return "…"


def counted(number: int, noun: str) -> str:
    """Return `1 frame`, `2 frames`; nouns in y become ies."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number} {noun if number == 1 else plural}"


def as_option(name: str, value: Any) -> str:
    """Return a setting as it would be given on the command line; one that is off as `no --name`."""
    if value in (None, False, float("inf")):
        return f"no --{name}"
    if value is True:
        return f"--{name}"
    return f"--{name} {' '.join(map(str, value)) if isinstance(value, list) else value}"


def made_otherwise(kinds: Mapping[str, int], what: str, remedy: str = "--redo") -> list[str]:
    """Return a sentence for each way in which frames were done otherwise than is asked for now, by their number.

    >>> made_otherwise({"of measured": 44}, "tags")
    ['44 frames have tags of measured and keep them; add --redo to the command to replace them, corrections stay']
    """
    return [
        f"{counted(number, 'frame')} {'has' if number == 1 else 'have'} {what} {how} and"
        f" {'keeps' if number == 1 else 'keep'} them; add {remedy} to the command to replace them, corrections stay"
        for how, number in kinds.items()
    ]


def sized(bytes_: float) -> str:
    """Return a size with its unit, `950 bytes`, `12 kB`, `3.4 MB`, `1.2 GB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if bytes_ >= size:
            return f"{bytes_ / size:.{0 if bytes_ >= 100 * size or unit == 'kB' else 1}f} {unit}"
    return counted(round(bytes_), "byte")
