"""Parquet: tables of frames with captions and metadata, as the `datasets` package reads them."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from framekit.errors import UnreadableFrame, UsageError
from framekit.trainers import packs
from framekit.trainers.base import Pack, Problem, Trainer, TrainingTree

PATTERN = "data/train-{number:05d}-of-{count:05d}.parquet"
IN_A_GROUP = 64  # frames that are read at once
TEXTS = "file_name text general rating episode source_type description folder".split()
LISTS = "characters facepos tags copyright artist inferred".split()
WHOLE = "count face_count scene repeats".split()
NUMBERS = "face_height_ratio time multiply".split()


def arrow() -> Any:
    """Return pyarrow. Raises UsageError if it is not installed."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError("--trainer parquet needs pyarrow: pip install -r requirements-parquet.txt") from error
    return pyarrow


def schema(pa: Any, has_masks: bool) -> Any:
    """Return the columns, with what tells `datasets` which hold images. Source: its Features."""
    kinds = {"string": TEXTS, "int64": WHOLE, "float64": NUMBERS, "bool": ["is_regularization"]}
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    fields = [("image", image), *[("mask", image)] * has_masks]
    features: dict[str, Any] = {name: {"_type": "Image"} for name, _ in fields}
    for kind, names in kinds.items():
        fields += [(name, getattr(pa, {"bool": "bool_"}.get(kind, kind))()) for name in names]
        features |= {name: {"dtype": kind, "_type": "Value"} for name in names}
    fields += [(name, pa.list_(pa.string())) for name in LISTS]
    inner = {"dtype": "string", "_type": "Value"}
    features |= {name: {"feature": inner, "_type": "Sequence"} for name in LISTS}
    told = json.dumps({"info": {"features": features}})
    return pa.schema(fields, metadata={"huggingface": told})


def write(tree: TrainingTree) -> list[tuple[Path, str]]:
    """Write the tables; return the frames that were left out. Raises UsageError if pyarrow is missing."""
    arrow()
    return packs.write_files(tree, PATTERN, packs.in_files(packs.rows_of(tree)), write_table)


def write_table(path: Path, rows: Sequence[packs.Row]) -> list[tuple[Path, str]]:
    """Write one table, a few frames at a time; return the frames that were left out."""
    pa = arrow()
    left_out = []
    columns = schema(pa, any(row.mask for row in rows))
    with pa.parquet.ParquetWriter(path, columns) as writer:
        for start in range(0, len(rows), IN_A_GROUP):
            group = []
            for row in rows[start : start + IN_A_GROUP]:
                try:
                    content, suffix = packs.image_bytes(row.frame)
                except UnreadableFrame as error:
                    left_out.append((row.frame, str(error)))
                    continue
                name = row.frame.with_suffix(suffix).name
                images = {"image": {"bytes": content, "path": name}}
                if row.mask:
                    mask, reason = row.mask()
                    images["mask"] = {"bytes": mask, "path": f"{row.frame.stem}.png"}
                    left_out += [(row.frame, reason)] * bool(reason)
                group.append({**images, **row.values})
            if group:
                writer.write_table(pa.Table.from_pylist(group, schema=columns))
    return left_out


def read(root: Path) -> tuple[int, list[Problem]]:
    """Return how many frames the tables hold, and the problems."""
    return packs.read_files(root, PATTERN, rows_in)


def rows_in(path: Path) -> Iterator[tuple[str, bytes, Any]]:
    """Yield name, bytes and caption of each frame of a table."""
    with arrow().parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(IN_A_GROUP, columns=["image", "file_name", "text"]):
            for row in batch.to_pylist():
                yield str(row["file_name"]), row["image"]["bytes"] or b"", row["text"]


TRAINER = Trainer(
    "parquet",
    texts=lambda tree: [],
    problems=lambda tree: [],
    start=lambda root, settings: f'load_dataset("parquet", data_dir="{root}/data"), columns image, text, multiply, …',
    refuse_shared=packs.needs_own_folder,
    pack=Pack(write, read),
)
