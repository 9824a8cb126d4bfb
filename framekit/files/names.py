"""The one list of files that may stand beside a frame, and their names."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

TAGS, FACES, CHARACTERS, METADATA, CAPTION = ".tags", ".faces.json", ".characters.json", ".json", ".txt"
SOURCE = ".source.json"  # JSON of another program, as it was found in the place of X.json
HIDDEN_METADATA = "_meta.json"  # of waifuc, in .X_meta.json
EPISODE_RECORD = ".frames.json"
MULTIPLY = "multiply.txt"
# Everything that belongs to frame X.png: ours, and what trainers and taggers put beside a frame.
STEM_SUFFIXES = (FACES, CHARACTERS, SOURCE, METADATA, TAGS, CAPTION, ".caption", ".npz")
NAME_SUFFIXES = (TAGS, ".txt", ".json")
DOUBLE_SUFFIXES = tuple(suffix for suffix in STEM_SUFFIXES if suffix.count(".") == 2)


def sidecar(frame: Path, suffix: str) -> Path:
    """Return the path of a sidecar: `X.png.tags` for TAGS, `X<suffix>` for all others."""
    return frame.with_name((frame.name if suffix == TAGS else frame.stem) + suffix)


def pending(frames: Sequence[Path], suffix: str, redo: bool) -> list[Path]:
    """Return the frames that have no such sidecar yet, or all of them."""
    return [frame for frame in frames if redo or not sidecar(frame, suffix).exists()]


def with_brackets_read(pattern: str, names: Iterable[str]) -> str:
    """Return a pattern of names for fnmatch in which brackets stand for themselves, if any of the names fits it so.

    Else it is returned as it is, and brackets are a choice of characters.
    """
    literal = pattern.replace("[", "[[]")
    return literal if literal != pattern and any(fnmatch(name.lower(), literal.lower()) for name in names) else pattern
