"""In which order stages run: each when those it waits for have ended, several at once where the machine allows."""

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Lock

from framekit.build.launch import Child, Ended, Tell

CORES, MEMORY = 8, 8e9  # from which two stages run at once: a stage takes about four cores and 3 GB; chosen


class Runner:
    """Runs scripts as processes of this machine; several threads may call `run`."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self.running: set[Child] = set()
        self.is_stopped = False
        self.lock = Lock()

    def run(self, words: Sequence[str], tell: Tell) -> Ended:
        """Run a script to its end. Raises KeyboardInterrupt if all were stopped before."""
        with self.lock:
            if self.is_stopped:
                raise KeyboardInterrupt
            child = Child(words, tell)
            self.running.add(child)
        try:
            return child.wait()
        finally:
            self.running.discard(child)

    def stop(self) -> None:
        """End all that runs, and start nothing more."""
        with self.lock:
            self.is_stopped = True
            children = list(self.running)
        for child in children:
            child.stop()
        for child in children:
            child.end()


def run_stages(
    waits: Mapping[str, Collection[str]],
    at_once: int,
    run: Callable[[str], Ended],
    ended: Callable[[str, Ended], None],
    stop: Callable[[], None],
) -> None:
    """Run stages, given each with those it waits for, in their order; `ended` is told of each end, in this thread.

    After one that did not end well nothing more begins; what runs beside it goes on to its end. Where this thread is
    interrupted, `stop` is called, which must end what runs.
    """
    left = list(waits)
    running: dict[Future[Ended], str] = {}
    with ThreadPoolExecutor(at_once) as pool:
        try:
            while left or running:
                busy = {*left, *running.values()}
                ready = [name for name in left if not busy & {*waits[name]}][: at_once - len(running)]
                for name in ready:
                    left.remove(name)
                    running[pool.submit(run, name)] = name
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    name, end = running.pop(future), future.result()
                    ended(name, end)
                    left = left if end.goes_on else []
        finally:
            if running:  # interrupted
                stop()


def stages_at_once(cores: int | None = None, memory: float | None = None) -> int:
    """Return how many stages this machine runs at once, by its cores and the bytes of memory that are free."""
    cores = cores or os.cpu_count() or 1
    memory = free_memory() if memory is None else memory
    return 2 if cores >= CORES and memory >= MEMORY else 1


def free_memory() -> float:
    """Return the bytes of memory that are free; enough where the system does not tell."""
    try:
        told = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return MEMORY
    found = re.search(r"^MemAvailable: +(\d+) kB", told, re.MULTILINE)
    return float(found[1]) * 1024 if found else MEMORY
