"""Which scripts may work on a folder of frames at once: one that moves frames works alone, others beside each other.

A lock is a hidden file in the folder that the system holds for its process, and lets go of however that ends.
"""

import errno
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from framekit.dataset.move import NOTE
from framekit.errors import UsageError
from framekit.files.names import is_ignored
from framekit.files.paths import REMOVED

LOCK = re.compile(r"\.(\w+)\.(alone|beside)\.lock")
SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # nothing planted is followed or waited for
TRIES, PAUSE = 4, 0.15  # seconds; two that start at the same moment see each other, and neither would run


@dataclass(frozen=True)
class Work:
    """What a script is about to do in a folder, which is resolved: move frames, which it does alone, or add files."""

    script: str
    folder: Path
    alone: bool

    @property
    def lock(self) -> Path:
        """Return its lock file."""
        return self.folder / f".{self.script}.{'alone' if self.alone else 'beside'}.lock"

    def refuses(self, other: Path) -> bool:
        """Tell whether a lock file is that of work that must not go on at the same time."""
        found = LOCK.fullmatch(other.name)
        return found is not None and (self.alone or found[2] == "alone" or found[1] == self.script)


@contextmanager
def locked_folders(script: str, folders: Mapping[Path, bool]) -> Iterator[list[Path]]:
    """Lock folders for a script, alone where that is True; yield the notes of moves there that were cut short.

    Where nothing can be locked, all may run. Raises UsageError if a script in another process works in one of them, in
    a folder around it, or in one below it, and must not meanwhile.
    """
    for number in range(1, TRIES + 1):
        with ExitStack() as held:
            works = [Work(script, held.enter_context(made_folder(one)), alone) for one, alone in folders.items()]
            own = {work.lock: held.enter_context(lock(work.lock)) for work in works}
            found = [(work, path) for work in works for path in files_around(work.folder)]
            taken = [path for path, is_ours in own.items() if not is_ours]
            taken += [path for work, path in found if path not in own and work.refuses(path) and is_held(path)]
            if not taken:
                yield sorted({path for work, path in found if path.name == NOTE})
                return
        if number == TRIES:
            raise UsageError(refusal(taken[0]))
        time.sleep(PAUSE * number * (1 + os.getpid() % 7 / 7))


def refuse_moving(folders: Iterable[Path]) -> None:
    """Raise UsageError if a script in another process moves frames in one of the folders; nothing is locked."""
    works = [Work("", folder.resolve(), alone=False) for folder in folders if folder.is_dir()]
    for work in works:
        for path in files_around(work.folder):
            if work.refuses(path) and is_held(path):
                raise UsageError(refusal(path))


def refusal(path: Path) -> str:
    """Return the sentence about a lock file that another process holds."""
    found = LOCK.fullmatch(path.name)
    script = found[1] if found else "another script"
    return f"{script}.py works on {path.parent} already, in another process; wait for its end, or stop it"


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
def lock(path: Path) -> Iterator[bool]:
    """Hold a lock file, which is removed in the end; False if another process holds it."""
    file, is_ours = take(path)
    try:
        yield is_ours
    finally:
        if file is not None:
            drop(file, path)


def take(path: Path) -> tuple[int | None, bool]:
    """Return a lock file that this process holds now, None where there can be none; False if another one holds it."""
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | SAFELY, 0o666)  # another login must be able to try it
        except OSError:
            return None, True
        if not hold(file):
            os.close(file)
            return None, False
        with suppress(OSError):
            if os.path.samestat(os.fstat(file), path.stat()):
                return file, True
        os.close(file)  # whoever had it has removed it meanwhile


def drop(file: int, path: Path) -> None:
    """Remove a lock file that this process holds, and let go of it."""
    if sys.platform != "win32":
        with suppress(OSError):
            path.unlink()
    os.close(file)
    if sys.platform == "win32":  # an open file cannot be removed there
        with suppress(OSError):
            path.unlink()


def is_held(path: Path) -> bool:
    """Tell whether a process holds a lock file; one that nobody holds was left by a killed run, and is removed."""
    try:
        file = os.open(path, os.O_RDONLY | SAFELY)
    except OSError:
        return False
    if hold(file):
        drop(file, path)
        return False
    os.close(file)
    return True


def hold(file: int) -> bool:
    """Lock an open file for this process alone; False if another one has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        return sys.platform != "win32" and error.errno not in (errno.EACCES, errno.EAGAIN)
    return True
