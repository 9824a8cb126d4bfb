"""The one list of files that may stand beside a frame, and their names."""

from collections.abc import Sequence
from pathlib import Path

TAGS, FACES, CHARACTERS, METADATA, CAPTION = ".tags", ".faces.json", ".characters.json", ".json", ".txt"
EPISODE_RECORD = ".frames.json"
MULTIPLY = "multiply.txt"
# Everything that belongs to frame X.png: ours, and what trainers and taggers put beside a frame.
STEM_SUFFIXES = (FACES, CHARACTERS, METADATA, CAPTION, ".caption", ".npz")
NAME_SUFFIXES = (TAGS, ".txt", ".json")
DOUBLE_SUFFIXES = tuple(suffix for suffix in STEM_SUFFIXES if suffix.count(".") == 2)


def sidecar(frame: Path, suffix: str) -> Path:
    """Return the path of a sidecar: `X.png.tags` for TAGS, `X<suffix>` for all others."""
    return frame.with_name((frame.name if suffix == TAGS else frame.stem) + suffix)


def pending(frames: Sequence[Path], suffix: str, redo: bool) -> list[Path]:
    """Return the frames that have no such sidecar yet, or all of them."""
    return [frame for frame in frames if redo or not sidecar(frame, suffix).exists()]
