"""What a trainer would misread: where, what happens, and what to do about it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Trap:
    """A file or folder that a trainer misreads; reason and remedy are parts of one sentence."""

    path: Path
    reason: str
    remedy: str
