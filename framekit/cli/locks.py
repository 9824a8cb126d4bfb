"""Which scripts may work on a folder of frames at once: one that moves frames works alone, others beside each other.

A lock is a hidden file in the folder with a name of its own, so that it holds on a share for all machines: its process
writes it anew every BEAT seconds. Whoever comes writes its own first, and then looks whether there are others that it
must not work beside: of two that come at once, at least one sees the other. No lock is ever taken over: one whose
process has ended is removed, which two may do at once without both being let in.

Why not a library: locks of the system (fcntl, portalocker) hold on one machine only where the share does not pass them
on, as SMB and NFS often don't; filelock's SoftFileLock needs a person to remove what a killed run left.
"""

import json
import os
import platform
import random
import re
import secrets
import signal
import sys
import time
from _thread import interrupt_main
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from threading import Event, Thread, current_thread, main_thread
from typing import Any

from framekit import console
from framekit.dataset.move import NOTE
from framekit.errors import BadSidecar, UsageError
from framekit.files import atomic
from framekit.files.names import is_ignored
from framekit.files.paths import REMOVED

ALONE, BESIDE, TURN = "alone", "beside", "turn"
LOCK = re.compile(r"\.(\w+)\.(alone|beside|turn|\d+of\d+)(?:\.\w+)?\.lock")
SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # nothing planted is followed or waited for
TRIES, PAUSE = 4, 0.15  # seconds; two that start at the same moment see each other, and neither would run
BEAT, STALE = 10.0, 60.0  # seconds; chosen: a share that hangs for half a minute breaks no lock
UNWRITTEN = 2.0  # seconds; a process fills its lock file as soon as it made it, one that is empty was killed there
MOST_BYTES = 4096  # of a lock file; ours have 250


@dataclass(frozen=True)
class Work:
    """What a script is about to do in a folder, which is resolved: move frames, which it does alone, or add files.

    `kind` is ALONE, BESIDE, or the mark of the share that it does, such as `2of3`.
    """

    script: str
    folder: Path
    kind: str

    def new_lock(self) -> Path:
        """Return a name for its lock file."""
        return self.folder / f".{self.script}.{self.kind}.{secrets.token_hex(4)}.lock"

    def refuses(self, other: Path) -> bool:
        """Tell whether a lock file is that of work that must not go on at the same time."""
        found = LOCK.fullmatch(other.name)
        if found is None:
            return False
        script, kind = found.groups()
        if ALONE in (self.kind, kind):
            return True
        return script == self.script and (BESIDE in (self.kind, kind) or self.kind == kind)


@contextmanager
def locked_folders(script: str, folders: Mapping[Path, bool], share: str = "") -> Iterator[list[Path]]:
    """Lock folders for a script, alone where that is True; yield the notes of moves there that were cut short.

    `share` is the mark of the part of the work that it does, beside other parts. Where nothing can be locked, all may
    run. Raises UsageError if a script in another process works in one of the folders, in a folder around it, or in one
    below it, and must not meanwhile.
    """
    for number in range(1, TRIES + 1):
        with ExitStack() as held:
            works = [
                Work(script, held.enter_context(made_folder(one)), ALONE if alone else share or BESIDE)
                for one, alone in folders.items()
            ]
            own = held.enter_context(announced([work.new_lock() for work in works]))
            found = [(work, path) for work in works for path in files_around(work.folder)]
            taken = [path for work, path in found if path not in own and work.refuses(path) and is_held(path, own)]
            if not taken:
                yield sorted({path for work, path in found if path.name == NOTE})
                return
            told = refusal(taken[0])
        if number == TRIES:
            raise UsageError(told)
        time.sleep(PAUSE * number * (1 + random.random()))


def refuse_moving(folders: Iterable[Path]) -> None:
    """Raise UsageError if a script in another process moves frames in one of the folders; nothing is locked."""
    works = [Work("", folder.resolve(), BESIDE) for folder in folders if folder.is_dir()]
    for work in works:
        for path in files_around(work.folder):
            if work.refuses(path) and is_held(path):
                raise UsageError(refusal(path))


def refusal(path: Path) -> str:
    """Return the sentence about a lock file that another process holds."""
    told = f"{worker(path)} works on {path.parent} already, in another process{place_of(path)}"
    return f"{told}; wait for its end, or stop it"


def worker(path: Path) -> str:
    """Return the script that a lock file is of, with its share."""
    found = LOCK.fullmatch(path.name)
    if found is None:
        return "another script"
    return f"{found[1]}.py" + (f" --shard {found[2].replace('of', '/')}" if "of" in found[2] else "")


def place_of(path: Path) -> str:
    """Return which process of which machine wrote a lock file, in brackets; nothing if that cannot be read."""
    owner = owner_of(path)
    host, process = owner.get("host"), owner.get("process")
    return f" ({process} on {host})" if isinstance(host, str) and isinstance(process, int) else ""


def files_around(folder: Path) -> Iterator[Path]:
    """Yield the lock files in a folder, in those around it and in those below it, and the notes of moves below it."""
    for above in folder.parents:
        with suppress(OSError):
            yield from (above / name for name in os.listdir(above) if LOCK.fullmatch(name))  # noqa: PTH208
    for here, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if name == REMOVED or not is_ignored(name)]
        yield from (Path(here, name) for name in names if name == NOTE or LOCK.fullmatch(name))


@contextmanager
def made_folder(folder: Path) -> Iterator[Path]:
    """Let a folder be there meanwhile, and yield it; what was made for that, and stays empty, goes again."""
    made = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    with suppress(OSError):  # whoever writes there says so
        folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder.resolve()
    finally:
        for path in made:
            with suppress(OSError):
                path.rmdir()


@contextmanager
def announced(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """Yield those of the lock files that can be written; they are kept young meanwhile, and go in the end."""
    ours: list[Path] = []
    kept: list[int] = []
    ended = Event()
    stop = stop_main if current_thread() is main_thread() else ended.set  # no other thread can be stopped
    young = Thread(target=keep_young, args=(ours, ended, stop), daemon=True)
    try:
        for path in paths:
            if write_lock(path):
                ours.append(path)
                if sys.platform == "win32":  # an open file cannot be removed there, by which others know
                    kept.append(os.open(path, os.O_RDONLY))
        young.start()
        yield ours
    finally:
        ended.set()
        for file in kept:
            os.close(file)
        for path in ours:
            with suppress(OSError):
                path.unlink()


def keep_young(ours: Sequence[Path], ended: Event, stop: Callable[[], None]) -> None:
    """Write lock files anew until it has `ended`; if another run has removed one meanwhile, `stop` this one.

    That befalls a process that stood still for longer than STALE, as on a machine that slept.
    """
    while not ended.wait(BEAT):
        for path in ours:
            if not beat(path) and path.parent.is_dir() and not ended.is_set():
                console.warn(f"this run stood still, and another one took {path.parent} for left; it stops")
                stop()
                return


def stop_main() -> None:
    """Stop what the main thread does as Ctrl-C would, or a request to end where Ctrl-C is not heard."""
    heard = [one for one in (signal.SIGINT, signal.SIGTERM) if callable(signal.getsignal(one))]
    if sys.platform == "win32":
        interrupt_main(signal.SIGINT)
    elif heard and (ident := main_thread().ident):
        signal.pthread_kill(ident, heard[0])  # which also ends its waiting


def write_lock(path: Path) -> bool | None:
    """Write a new lock file of this process; False if it is there already, None where there can be none."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFELY, 0o666)  # other logins must be able to read
    except FileExistsError:
        return False
    except OSError:
        return None
    with suppress(OSError), os.fdopen(file, "wb", buffering=0) as opened:
        opened.write(own_record())
    return True


def beat(path: Path) -> bool:
    """Write a lock file of this process anew, by which the file server's clock dates it; False if it is gone."""
    try:
        file = os.open(path, os.O_WRONLY | SAFELY)
    except FileNotFoundError:
        return False
    except OSError:  # such as a share that does not answer: it may come back
        return True
    with suppress(OSError), os.fdopen(file, "wb", buffering=0) as opened:
        opened.write(own_record())
    return True


def own_record() -> bytes:
    """Return what a lock file of this process holds."""
    process = os.getpid()
    record = {"host": platform.node(), "machine": machine(), "process": process, "started": start_of(process)}
    return json.dumps(record).encode() + b"\n"


@lru_cache(maxsize=1)
def machine() -> str:
    """Return by what processes are of one machine, as long as it runs; a container may be one too."""
    told = [platform.node()]
    with suppress(OSError):  # Linux alone has these
        told += [Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()]
        told += [os.readlink("/proc/self/ns/pid")]  # noqa: PTH115
    return " ".join(told)


def start_of(process: int) -> str:
    """Return when a process of this machine started, by which it is not taken for a later one of its number.

    `ended` if it waits only for its parent to notice, "" where the system does not tell. Source: man 5 proc_pid_stat.
    """
    try:
        told = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "ended" if told[0] in "ZX" else told[19]
    except (OSError, IndexError):
        return ""


def owner_of(path: Path) -> dict[str, Any]:
    """Return what a lock file says of its process; nothing if it cannot be read, or is not written yet."""
    try:
        return atomic.read_json(path, MOST_BYTES)
    except BadSidecar:
        return {}


def is_held(path: Path, ours: Sequence[Path] = ()) -> bool:
    """Tell whether the process of a lock file works on; if it has ended, the file is removed, which is told.

    `ours` are lock files of this process beside it.
    """
    try:
        if not S_ISREG(path.lstat().st_mode):  # planted
            return False
    except OSError:
        return False
    owner = owner_of(path)
    runs = is_running(owner, path)
    if runs is None:
        runs = (is_young(path, ours) or changes(path, 1.5 * BEAT)) if is_filled(path) else changes(path, UNWRITTEN)
    if not runs:
        place = place_of(path)
        with suppress(OSError):
            path.unlink()
            console.warn(f"{worker(path)} ended in {path.parent} without removing its lock, which is gone now{place}")
    return runs


def is_running(owner: Mapping[str, Any], path: Path) -> bool | None:
    """Tell whether the owner of a lock file is a process of this machine that runs; None if that cannot be known."""
    process = owner.get("process")
    if owner.get("machine") != machine() or not isinstance(process, int) or not 0 < process < 2**31:
        return None
    if sys.platform == "win32":
        try:
            path.unlink()
        except PermissionError:
            return True
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another login
        pass
    started = start_of(process)
    return started == owner.get("started") if started else None


def is_young(path: Path, ours: Sequence[Path]) -> bool:
    """Tell whether a lock file was written lately, by the clock of the file server, as one of `ours` shows it."""
    now = time.time()
    for own in ours[:1]:
        beat(own)
        now = written(own) or now
    return abs(now - written(path)) < STALE


def is_filled(path: Path) -> bool:
    """Tell whether a lock file holds anything."""
    with suppress(OSError):
        return path.stat().st_size > 0
    return False


def changes(path: Path, within: float) -> bool:
    """Tell whether a lock file is written anew within these seconds: a clock may be wrong, a share have hung."""
    seen, deadline = written(path), time.monotonic() + within
    while seen and time.monotonic() < deadline:
        if (now := written(path)) != seen:
            return now > 0
        time.sleep(min(BEAT, within) / 20)
    return False


def written(path: Path) -> float:
    """Return when a file was written, in seconds; 0 if it is gone. It is opened: a share then asks its server."""
    try:
        file = os.open(path, os.O_RDONLY | SAFELY)
    except PermissionError:
        with suppress(OSError):
            return path.stat().st_mtime
        return 0.0
    except OSError:
        return 0.0
    try:
        return os.fstat(file).st_mtime
    finally:
        os.close(file)


@contextmanager
def turn(script: str, folder: Path) -> Iterator[None]:
    """Let shares of a script write one after the other what they keep together in files of one folder.

    It is short. One that lies there for STALE seconds is of a process that ended.
    """
    path = folder / f".{script}.{TURN}.lock"
    seen, since = 0.0, time.monotonic()
    while (made := write_lock(path)) is False:
        if (now := written(path)) != seen:
            seen, since = now, time.monotonic()
        elif is_running(owner_of(path), path) is False or time.monotonic() - since > STALE:
            remove_left(path, now)
            continue
        time.sleep(random.uniform(0.02, 0.1))
    try:
        yield
    finally:
        if made:
            with suppress(OSError):
                path.unlink()


def remove_left(path: Path, seen: float) -> None:
    """Remove a lock file that was written at the time `seen`, and no later one that another process just wrote."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    with suppress(OSError):
        path.rename(aside)
        if written(aside) != seen:
            with suppress(OSError):
                os.link(aside, path)
        aside.unlink()
