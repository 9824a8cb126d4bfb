"""What a build shows while it runs: the lines of its scripts as they come, a live table or a bar on a terminal."""

import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from threading import Event, Lock, Thread
from typing import Any, Protocol

from framekit import console
from framekit.build.launch import Ended

EVERY = 2.0  # seconds from one look at the folders to the next; longer where a look takes long
SPARE = 20  # looks take at most one part in so many of the time


class View(Protocol):
    """What is drawn on a terminal below the lines, anew at each look."""

    def draw(self, rows: Sequence[Sequence[str]], ended: int) -> None:
        """Show the rows: stage, state, progress, time; so many of the stages have ended."""

    def close(self) -> None:
        """Take it away, or leave it as it was last."""


class LiveTable:
    """The table of rich, which is optional."""

    def __init__(self) -> None:
        """Begin to draw."""
        from rich.live import Live

        self.live: Any = Live(auto_refresh=False)
        self.live.start()

    def draw(self, rows: Sequence[Sequence[str]], ended: int) -> None:
        """Show the rows."""
        from rich.table import Table
        from rich.text import Text

        table = Table(
            "stage",
            "",
            "",
            "time",
            box=None,
            pad_edge=False,
            title=f"{ended} of {len(rows)} stages",
            title_justify="left",
        )
        for row in rows:
            table.add_row(*map(Text, row), style="" if row[1] in ("running", "failed") else "dim")
        self.live.update(table, refresh=True)

    def close(self) -> None:
        """Leave the table as it was last."""
        self.live.stop()


class Bar:
    """A bar over the stages, for a terminal without rich."""

    def __init__(self, total: int) -> None:
        """Begin to draw."""
        from tqdm import tqdm

        self.bar = tqdm(total=total, unit="stage", **console.how_bars_are())

    def draw(self, rows: Sequence[Sequence[str]], ended: int) -> None:
        """Show what runs, and how far it is."""
        self.bar.update(ended - self.bar.n)
        self.bar.set_description_str(", ".join(f"{row[0]} {row[2]}".strip() for row in rows if row[1] == "running"))

    def close(self) -> None:
        """Take the bar away."""
        self.bar.close()


class Display:
    """The state of each stage of a build, within `with`; scripts that run at once may tell lines from any thread."""

    def __init__(self, stages: Sequence[str], progress: Callable[[str], str]) -> None:
        """`progress` tells how far a stage is, from the folders."""
        self.progress = progress
        self.states = dict.fromkeys(stages, "")
        self.began: dict[str, float] = {}
        self.seconds: dict[str, float] = {}
        self.over, self.lock = Event(), Lock()
        self.view: View | None = None
        self.watcher = Thread(target=self.watch, daemon=True)

    def __enter__(self) -> "Display":
        """Begin; nothing is drawn where stderr is no terminal, or the build is to be quiet."""
        if sys.stderr.isatty() and not console.VOICE.quiet:
            is_rich = sys.stdout.isatty() and find_spec("rich") is not None
            self.view = LiveTable() if is_rich else Bar(len(self.states))
            self.watcher.start()
        return self

    def __exit__(self, *error: object) -> None:
        """End."""
        self.over.set()
        if self.view is not None:
            self.watcher.join()
            self.view.draw(self.rows(), len(self.seconds))
            self.view.close()

    def begin(self, name: str, command: str) -> None:
        """Show that a stage begins, and its command."""
        with self.lock:
            self.states[name] = "running"
            self.began[name] = time.monotonic()
            console.say(f"\n$ {command}")

    def tell(self, name: str, line: str, is_error: bool) -> None:
        """Show a line of a script, with the name of the stage if another one runs beside it."""
        with self.lock:
            several = sum(state == "running" for state in self.states.values()) > 1
            text = f"{name}: {line}" if several else line
            if is_error:
                console.warn(text)
            else:
                console.say(text)

    def end(self, name: str, ended: Ended) -> None:
        """Show that a stage has ended."""
        with self.lock:
            self.states[name] = {0: "done", 1: "done in part"}.get(ended.code, "failed")
            self.seconds[name] = ended.seconds

    def rows(self) -> list[list[str]]:
        """Return what a view shows: stage, state, progress, time."""
        now = time.monotonic()
        rows = []
        for name, state in self.states.items():
            spent = self.seconds.get(name, now - self.began[name] if name in self.began else 0.0)
            told = self.progress(name) if state == "running" else ""
            rows.append([name, state, told, clock(spent) if name in self.began else ""])
        return rows

    def watch(self) -> None:
        """Draw again and again."""
        pause = 0.1
        while not self.over.wait(pause):
            began = time.monotonic()
            rows = self.rows()
            if self.view is not None:
                self.view.draw(rows, len(self.seconds))
            pause = max(EVERY, SPARE * (time.monotonic() - began))


def clock(seconds: float) -> str:
    """Return a span of time, `0:07`, `12:30`, `1:02:03`.

    >>> clock(3723.4)
    '1:02:03'
    """
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
