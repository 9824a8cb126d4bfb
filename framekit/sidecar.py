"""Names of the files beside a frame, whole writes, checked reads, and what is still pending."""

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

TAGS, FACES, CHARACTERS, METADATA, CAPTION = ".tags", ".faces.json", ".characters.json", ".json", ".txt"
EPISODE_RECORD = ".frames.json"
MULTIPLY = "multiply.txt"
REMOVED = ".removed"
MAX_SIDECAR_BYTES = 16 * 2**20  # a sidecar is a few kB; anything near this is not ours
# Windows refuses these names, whatever the suffix. Source: Microsoft, Naming Files, Paths, and Namespaces.
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}

CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class BadSidecar(Exception):
    """A sidecar that cannot be used as it is; the text is the reason."""


def sidecar(frame: Path, suffix: str) -> Path:
    """Return the path of a sidecar: `X.png.tags` for TAGS, `X<suffix>` for all others."""
    return frame.with_name((frame.name if suffix == TAGS else frame.stem) + suffix)


def part_of(path: Path) -> Path:
    """Return the hidden name under which `path` is written first, where no link waits that a stranger planted."""
    part = temporary(path)
    if part.is_symlink():
        part.unlink()
    return part


def temporary(path: Path) -> Path:
    """Return the hidden name of a file that is being written; short, so that long names stay possible."""
    suffix = next((ending for ending in (FACES, CHARACTERS) if path.name.endswith(ending)), path.suffix)
    return path.with_name(f".{hashlib.sha256(path.name.encode()).hexdigest()[:16]}{suffix}.tmp")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that it is there whole or not at all: temporary file beside it, then rename.

    Raises OSError with the path, also where the system tells none, as on a full disk.
    """
    part = part_of(path)
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        if error.errno and not error.filename:
            error.filename = str(path)
        raise


def write_json(path: Path, value: Any, indent: int | None = None) -> None:
    """Write a value as UTF-8 JSON with a final newline, whole or not at all."""
    write_whole(path, json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent) + "\n")


def read_text(path: Path, most_bytes: int = 0, is_given: bool = False) -> str:
    """Read a small UTF-8 file, with or without BOM. Raises BadSidecar with its name and the reason.

    A file that a person names `is_given` and may be a link; one in a dataset could lead a stranger's link anywhere.
    """
    most_bytes = most_bytes or MAX_SIDECAR_BYTES
    if not is_given and path.is_symlink():
        raise BadSidecar(f"{path.name} is a link, which could lead anywhere; put the file itself there")
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise BadSidecar(f"{path.name} is larger than {most_bytes // 2**20} MB")
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise BadSidecar(f"{path.name} is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise BadSidecar(f"{path.name}: {error.strerror}") from error


def read_json(path: Path, most_bytes: int = 0, is_given: bool = False) -> dict[str, Any]:
    """Read a JSON object, as `read_text` does. Raises BadSidecar with the file's name and the reason."""
    try:
        text = read_text(path, most_bytes, is_given)
        value = json.loads(text, parse_constant=refuse_constant)
        if "\\ud" in text or "\\uD" in text:  # half of an escaped surrogate pair could never be written
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise BadSidecar(f"{path.name} is not valid JSON ({error}); correct that file or delete it") from error
    if not isinstance(value, dict):
        raise BadSidecar(f"{path.name} is not a JSON object")
    return value


def refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which are not JSON."""
    raise ValueError(f"{name} is not a JSON number")


def digest(value: Any) -> str:
    """Return 12 hex digits that change when the JSON value changes."""
    text = CANONICAL.encode(value)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def pending(frames: Sequence[Path], suffix: str, redo: bool) -> list[Path]:
    """Return the frames that have no such sidecar yet, or all of them."""
    return [frame for frame in frames if redo or not sidecar(frame, suffix).exists()]


def clean_up(folders: Iterable[Path], suffix: str) -> None:
    """Delete what a killed run left half-written: temporary files of sidecars with this suffix."""
    for folder in set(folders):
        for part in folder.glob(f".{'[0-9a-f]' * 16}{suffix}.tmp"):
            part.unlink(missing_ok=True)


def safe_name(text: str, replacement: str = "_") -> str:
    """Turn any text into one file or folder name that every system takes and that never leads elsewhere."""
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r'[<>:"/\\|?*%\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]', replacement, text).strip(" .")
    text = text.encode()[:120].decode(errors="ignore").rstrip(" .")
    if not text or unicodedata.normalize("NFKC", text.split(".")[0]).strip().casefold() in RESERVED:
        text = f"{replacement}{text}"
    return text
