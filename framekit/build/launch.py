"""One stage as a process: the script as a person would start it, its lines as they come, its end with ours."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO

from framekit.console import ENDS_WITH_INPUT

SCRIPTS_DIR = Path(__file__).resolve().parents[2]
PATIENCE = 30  # seconds that a script which is to stop may tidy up; chosen, a frame of a big model takes a few
UNREADABLE, STOPPED = "unreadable: ", "stopped; "
Tell = Callable[[str, bool], None]  # takes a line, and whether it is for stderr


@dataclass(frozen=True)
class Ended:
    """How a stage ended: exit code, seconds, its last line for stderr, and what it listed as unreadable."""

    code: int
    seconds: float
    sentence: str = ""
    unreadable: tuple[str, ...] = ()

    @property
    def goes_on(self) -> bool:
        """Tell whether what comes after it may begin: it is done, or all but some frames."""
        return self.code in (0, 1)


class Child:
    """A running script. It ends when its input is closed, so that none runs on when this process is killed."""

    def __init__(self, words: Sequence[str], tell: Tell) -> None:
        """Start `words` without python; each line that it prints goes to `tell`, from threads of its own."""
        self.tell, self.began = tell, time.monotonic()
        self.errors: list[str] = []
        self.is_stopping = False
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPTS_DIR / words[0]), *words[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, ENDS_WITH_INPUT: "1", "PYTHONIOENCODING": "utf-8"},
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        streams = ((self.process.stdout, False), (self.process.stderr, True))
        self.readers = [Thread(target=self.read, args=stream, daemon=True) for stream in streams]
        for reader in self.readers:
            reader.start()

    def read(self, stream: IO[bytes], is_error: bool) -> None:
        """Hand on what the script prints, line by line."""
        with stream:
            for raw in stream:
                line = raw.decode(errors="replace").rstrip("\r\n")
                if is_error:
                    self.errors.append(line)
                if not self.is_stopping and not line.startswith(STOPPED):  # we say that once for all
                    self.tell(line, is_error)

    def wait(self) -> Ended:
        """Wait for its end."""
        code = self.process.wait()
        for reader in self.readers:
            reader.join()
        self.close_input()
        listed = tuple(line.removeprefix(UNREADABLE) for line in self.errors if line.startswith(UNREADABLE))
        return Ended(code, time.monotonic() - self.began, next(iter(self.errors[-1:]), ""), listed)

    def stop(self) -> None:
        """Ask it to end, as Ctrl-C would."""
        self.is_stopping = True
        self.close_input()

    def end(self) -> None:
        """Wait for one that was stopped; end it if it takes too long."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def close_input(self) -> None:
        """Close what the script reads, which ends it."""
        assert self.process.stdin is not None
        if not self.process.stdin.closed:
            self.process.stdin.close()
