"""Kills one script again and again, at writes and at random moments, runs it to its end, and compares what is there.

    python tests/faults/kill_driver.py SCRIPT BASE WORK MOMENTS WORDS…

BASE is a folder to start from; in WORDS, ROOT stands for its copy. Each run is a process of its own, forked from this
one, which has imported the script already. Prints a line for each moment whose result differs, exit code 1 then.
"""

import importlib
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

COUNTED = ("replace", "link", "unlink", "symlink", "rmdir")  # calls of os that change what is on the disk
# Journals tell a story that a kill makes longer; archives of numpy hold the time at which they were written.
TOLD_DIFFERENTLY = (".arranged.jsonl", "manifest.jsonl", ".tagged.jsonl", ".renamed.jsonl")


def held(root: Path) -> dict[str, bytes]:
    """Return the bytes of each file below a folder, journals and archives by their names alone."""
    return {
        path.relative_to(root).as_posix(): b"" if path.name in TOLD_DIFFERENTLY or path.suffix == ".npz" else
        path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }  # fmt: skip


def run(script: str, words: list[str], kill_at: int = 0, kill_after: float = 0.0) -> tuple[int, int, float]:
    """Run a script in a fork; return its exit code (-9 if killed), how many counted calls it made, and its seconds.

    It is killed before the n-th of these calls, or after so many seconds.
    """
    start = time.perf_counter()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        os._exit(run_counted(script, words, kill_at, writer))
    os.close(writer)
    if kill_after:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reader, "rb") as pipe:
        calls = int(pipe.read() or b"0")
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), calls, time.perf_counter() - start


def run_counted(script: str, words: list[str], kill_at: int, writer: int) -> int:
    """Run a script in this process, counting; tell the number through a pipe."""
    calls = 0

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*given, **options)

        return call

    for name in COUNTED:
        setattr(os, name, counted(getattr(os, name)))
    code: int = importlib.import_module(script).main(words)
    os.write(writer, b" " + str(calls).encode())
    return code


def moments_of(number: int, calls: int, seconds: float) -> list[tuple[int, float]]:
    """Return when to kill: before calls, evenly spread, and after random times."""
    chance = random.Random(0)
    by_call = max(1, min(calls, number // 2)) if calls else 0
    places = sorted({1 + place * calls // by_call for place in range(by_call)}) if by_call else []
    return [(place, 0.0) for place in places] + [
        (0, chance.uniform(0.001, seconds)) for _ in range(number - len(places))
    ]


def main() -> int:
    """Run the command line."""
    script, base, work, number, *words = sys.argv[1:]
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    root = Path(work) / "root"
    words = [word.replace("ROOT", str(root)) for word in words]
    importlib.import_module(script)

    def start_again() -> None:
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(base, root)

    start_again()
    code, calls, seconds = run(script, words)
    expected = held(root)
    if code not in (0, 1):
        print(f"{script} ended with {code} undisturbed")
        return 1
    failures = kills = 0
    for place, after in moments_of(int(number), calls, seconds):
        start_again()
        killed, _, _ = run(script, words, place, after)
        kills += killed == -signal.SIGKILL
        over = killed != -signal.SIGKILL and "--redo" in words  # a --redo that was not stopped is not gone on with
        again, _, _ = (killed, 0, 0.0) if over else run(script, words)
        found = held(root)
        if again != code or found != expected:
            failures += 1
            differing = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
            print(f"call {place}, {after:.3f} s: killed {killed}, then {again}; differ: {differing[:8]}")
    print(f"{script}: {number} moments, {kills} kills, {calls} calls, {failures} failures")
    return 1 if failures or 2 * kills < int(number) else 0


if __name__ == "__main__":
    raise SystemExit(main())
