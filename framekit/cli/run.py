"""What every command line shares: arguments, the configuration file, progress, the closing line, the exit code."""

import errno
import gc
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path

from framekit.dataset import history
from framekit.errors import Misuse

DONE, SOME_UNREADABLE, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
# What the world around may do to any file: what to say, and what to do about it.
FULL = ("the disk is full, it was not written", "make room")
FORBIDDEN = ("it may not be written or read", "give yourself the right to")
AWAY = ("it cannot be reached any more", "see whether its folder and disk are there")
REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), FORBIDDEN),
    errno.ELOOP: ("it is a link, and nothing is written through one", "remove the link"),
    **dict.fromkeys((errno.ENOENT, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENODEV), AWAY),
}
GO_ON = "what is written is whole, run the same command again to go on"
held: dict[Path, int] = {}  # open lock files; the system lets go of them when the process ends, however it ends


def close(sentence: str, unreadable: Sequence[tuple[Path, str]] = ()) -> int:
    """Print what was unreadable, then the closing line; return the exit code."""
    for path, reason in unreadable:
        print(f"unreadable: {path}: {reason}", file=sys.stderr)
    print(sentence + (f"; {len(unreadable)} unreadable, listed above" if unreadable else ""))
    return SOME_UNREADABLE if unreadable else DONE


@contextmanager
def uncollected() -> Iterator[None]:
    """Let Python not look for cycles meanwhile: 100,000 frames have none, and the search takes a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def one_sentence(main: Callable[[Sequence[str] | None], int]) -> Callable[..., int]:
    """Make a script's `main` answer wrong use, or a full disk, with one sentence and exit code 2; Ctrl-C with 130."""

    @wraps(main)
    def wrapped(argv: Sequence[str] | None = None) -> int:
        try:
            code = main(argv)
            history.note()
            return code
        except Misuse as error:
            print(error, file=sys.stderr)
            return WRONG_USE
        except OSError as error:
            if error.errno not in REMEDIES:
                raise
            told, remedy = REMEDIES[error.errno]
            print(f"{error.filename or 'a file'}: {told}; {remedy}; {GO_ON}", file=sys.stderr)
            return WRONG_USE
        except KeyboardInterrupt:
            print(f"stopped; {GO_ON}", file=sys.stderr)
            return INTERRUPTED
        finally:
            release()

    return wrapped


def claim(script: str, folder: Path) -> bool:
    """Claim a folder for a script; False if another process has it. Where nothing can be locked, all may run."""
    who = os.getuid() if hasattr(os, "getuid") else 0
    what = hashlib.sha256(f"{script}:{folder.resolve()}".encode(errors="surrogateescape")).hexdigest()[:24]
    path = Path(tempfile.gettempdir()) / f"anime-dataset-builder-{who}-{what}.lock"
    if path in held:
        return True
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError:
        return True
    if not lock(file):
        os.close(file)
        return False
    held[path] = file
    return True


def lock(file: int) -> bool:
    """Lock an open file for this process alone; False if another one has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def release() -> None:
    """Let go of all that was claimed."""
    while held:
        os.close(held.popitem()[1])
