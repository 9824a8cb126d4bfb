"""WebDataset: tar files in which each frame is followed by its caption and its metadata."""

import json
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from framekit.errors import UnreadableFrame
from framekit.pixels import decode
from framekit.pixels.encode import encode_frame
from framekit.trainers import packs
from framekit.trainers.base import Pack, Problem, Trainer, TrainingTree

PATTERN = "train-{number:05d}-of-{count:05d}.tar"
MASK = ".mask.png"  # ending of a mask, behind the frame
QUALITY = 95  # of the few frames that get the format of the many


def write(tree: TrainingTree) -> list[tuple[Path, str]]:
    """Write the tar files, frames well mixed; return the frames that were left out."""
    rows = sorted(packs.rows_of(tree), key=lambda row: sha256(row.values["file_name"].encode()).digest())
    suffixes = Counter(row.frame.suffix.lower() for row in rows).most_common(1)
    suffix = suffixes[0][0] if suffixes and suffixes[0][0] in packs.AS_THEY_ARE else ".png"
    return packs.write_files(tree, PATTERN, packs.in_files(rows), partial(write_tar, suffix))


def write_tar(suffix: str, path: Path, rows: Sequence[packs.Row]) -> list[tuple[Path, str]]:
    """Write one tar file, all frames in one format, since loaders know one column for it; return those left out.

    A key has no dot and no folder: loaders take what follows the first dot for the name of a column.
    """
    left_out = []
    with tarfile.open(path, "w") as tar:
        for number, row in enumerate(rows):
            try:
                content, own = packs.image_bytes(row.frame, [suffix])
            except UnreadableFrame as error:
                left_out.append((row.frame, str(error)))
                continue
            if own != suffix:
                content = encode_frame(decode.read_pixels(row.frame), suffix, QUALITY)
            key = f"{number:08d}"
            values = {key: value for key, value in row.values.items() if key != "text"}
            texts = {".txt": row.values["text"], ".json": json.dumps(values, ensure_ascii=False)}
            images = {suffix: content}
            if row.mask:
                images[MASK], reason = row.mask()
                left_out += [(row.frame, reason)] * bool(reason)
            for ending, part in {**images, **{name: text.encode() for name, text in texts.items()}}.items():
                entry = tarfile.TarInfo(key + ending)
                entry.size = len(part)
                tar.addfile(entry, BytesIO(part))
    return left_out


def read(root: Path) -> tuple[int, list[Problem]]:
    """Return how many frames the tar files hold, and the problems."""
    return packs.read_files(root, PATTERN, rows_in)


def rows_in(path: Path) -> Iterator[tuple[str, bytes, Any]]:
    """Yield key, bytes and caption of each frame of a tar file. Raises OSError if it is damaged."""
    try:
        with tarfile.open(path) as tar:
            held: dict[str, dict[str, bytes]] = {}
            for entry in tar:
                key, _, ending = entry.name.partition(".")
                file = tar.extractfile(entry)
                held.setdefault(key, {})[ending] = file.read() if file else b""
                if ending == "json":  # the last of a frame
                    yield row_of(key, held.pop(key))
            yield from (row_of(key, parts) for key, parts in held.items())
    except tarfile.TarError as error:
        raise OSError(str(error)) from error


def row_of(key: str, parts: dict[str, bytes]) -> tuple[str, bytes, Any]:
    """Return key, bytes and caption of a frame."""
    images = [content for ending, content in parts.items() if ending not in ("txt", "json")]
    return key, images[0] if images else b"", parts.get("txt", b"").decode(errors="replace")


TRAINER = Trainer(
    "webdataset",
    texts=lambda tree: [],
    problems=lambda tree: [],
    start=lambda root, settings: f'load_dataset("webdataset", data_files="{root}/train-*.tar"), or webdataset itself',
    refuse_shared=packs.needs_own_folder,
    pack=Pack(write, read),
)
