"""What may go wrong and is expected: wrong use, files that cannot be used, and how it is told."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UsageError(Exception):
    """Wrong use or a missing model: one sentence with the path and the remedy, exit code 2."""


class BadSidecar(Exception):
    """A sidecar that cannot be used as it is; the text is the reason."""


class MissingSidecar(BadSidecar):
    """A sidecar that the script for it has not written yet; the text is the reason."""


class UnreadableFrame(Exception):
    """Raised by `read_pixels`; the text is the reason."""


def reason_of(error: Exception, path: Path) -> str:
    """Return the text of an error without the name of its file, for a sentence that names the path already."""
    return str(error).removeprefix(f"{path.name}: ").removeprefix(f"{path.name} ")


def damaged(error: Exception, path: Path, remedy: str) -> UsageError:
    """Return the error for a record that cannot be used: what it holds is damaged, or the system does not give it."""
    if isinstance(error.__cause__, OSError):
        return UsageError(f"{path}{str(error).removeprefix(path.name)}")
    return UsageError(f"{path} is damaged ({reason_of(error, path)}); {remedy}")


@contextmanager
def named(written: Path | str) -> Iterator[None]:
    """Let an error of the system tell what was written, where it tells no file or, on a full disk, the source."""
    try:
        yield
    except OSError as error:
        if error.errno and (not error.filename or error.errno in (errno.ENOSPC, errno.EDQUOT)):
            error.filename = str(written)
        raise
