"""What the user sees in the terminal: progress bars, short messages, numbers with their nouns."""

import difflib
import os
import sys
from collections.abc import Iterable, Mapping
from threading import Event, Lock
from typing import Any, TextIO, TypeVar
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

    return tqdm(items, total=total, unit=unit, desc=label, disable=None, dynamic_ncols=True, leave=False)


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
        return tqdm(total=total or None, desc=label, bar_format=form, disable=None, dynamic_ncols=True, leave=False)

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


def say(sentence: str, to: TextIO | None = None) -> None:
    """Print a message to stdout, or to another stream; above the bars that are shown."""
    if "tqdm" in sys.modules:
        from tqdm import tqdm

        tqdm.write(sentence, file=to or sys.stdout)
    else:
        print(sentence, file=to or sys.stdout)


def warn(sentence: str) -> None:
    """Print a warning to stderr."""
    say(sentence, sys.stderr)


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
