"""One run of a script on a folder at a time: a second one would take the first one's files for leftovers."""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

held: dict[Path, int] = {}  # open lock files; the system lets go of them when the process ends, however it ends


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
