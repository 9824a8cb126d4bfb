"""The one list of files that may stand beside a frame, and their names."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

TAGS, FACES, CHARACTERS, METADATA, CAPTION = ".tags", ".faces.json", ".characters.json", ".json", ".txt"
EPISODE_RECORD = ".frames.json"
MULTIPLY = "multiply.txt"
# Masks that trainers read beside a frame: pictures, but no frames. Source: OneTrainer; taggers' usual name.
MASKS = ("-masklabel.png", "-condlabel.png", ".mask.png")
# What trainers and taggers computed of the pixels: another picture under this name would be trained with it.
CACHES = (".npz", ".safetensors", ".npy", ".pt")
# Everything that belongs to frame X.png: ours, and what trainers and taggers put beside a frame.
STEM_SUFFIXES = (FACES, CHARACTERS, METADATA, CAPTION, ".caption", *CACHES, *MASKS)
NAME_SUFFIXES = (TAGS, ".txt", ".json", ".caption", ".npz", ".safetensors")
DOUBLE_SUFFIXES = tuple(suffix for suffix in STEM_SUFFIXES if suffix.count(".") == 2 and suffix not in MASKS)
# Caches that tell the size or the model: X_0640x0360_sd.npz, X_0640x0360_wan.safetensors, X_sd3_te.npz.
SIZED_CACHE = re.compile(r"_(?:\d{3,5}x\d{3,5}(?:_\w+)?|te_outputs|[a-z0-9]+_te)\.(?:npz|safetensors)")


def is_mask(name: str) -> bool:
    """Tell whether a file of this name is the mask of a frame, and so no frame itself."""
    return name.lower().endswith(MASKS)


def cache_stem(name: str) -> str:
    """Return the stem of the frame that a cache such as `X_0640x0360_sd.npz` was made of; "" for other files."""
    found = SIZED_CACHE.search(name) if name.endswith((".npz", ".safetensors")) else None
    return name[: found.start()] if found and found.end() == len(name) else ""


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
