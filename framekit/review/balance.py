"""The balance of the folders and characters of a dataset, as prepare_training.py would compute it now."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from framekit.desk.desk import Desk
from framekit.sidecars import metadata
from framekit.sidecars.metadata import Metadata
from framekit.trainers.base import folder_in
from framekit.training import balance, prepare, weights
from framekit.training.record import read_record

REG_FOLDERS = ("regularization",)


def row_of(row: balance.Row, path: str) -> dict[str, Any]:
    """Return a line of a table for the page; `path` is the folder that it stands for."""
    return {
        "name": row.name.strip(),
        "path": path,
        "depth": (len(row.name) - len(row.name.lstrip())) // 2,
        "frames": row.frames,
        "weight": row.weight,
        "multiply": row.multiply,
        "repeats": row.repeats,
        "before": row.before,
        "after": row.after,
    }


def tables(desk: Desk, weight_csv: Path | None) -> dict[str, Any]:
    """Return the table of folders and that of characters, and what is to be said of them.

    Raises UsageError for a damaged table of weights.
    """
    counts = desk.folders()
    given = weights.read_weights(weight_csv) if weight_csv is not None and weight_csv.exists() else []
    given = weights.weights_for(given, counts)
    held = [*given, *weights.kohya_weights(counts, given)]
    balanced_with = partial(balance.balance_folders, counts, held, balance.Limits(), reg_folders=REG_FOLDERS)
    computed, _ = balanced_with({})
    factors, _ = prepare.factors_by_hand(desk.root, computed, read_record(desk.root))
    balanced, deviation = balanced_with(factors)
    nodes = sorted({node for one in balanced for node in (one.folder, *one.folder.parents)}, key=lambda one: one.parts)
    folders = zip(balance.folder_rows(balanced, held, True), nodes, strict=True)
    entries = [*desk.catalogue.entries.values()]
    shown = [(folder_in(desk.root, one.path), Metadata(characters=somebody(one.names))) for one in entries]
    remarks = [balance.repeats_in_words(balanced, deviation, 0)] if balanced else []
    remarks += [*filter(None, [balance.by_heart_in_words(balanced)]), *weights.unmet_weights(given, counts)]
    return {
        "folders": [row_of(row, str(node)) for row, node in folders],
        "characters": [row_of(row, "") for row in balance.character_rows(balanced, shown)],
        "remarks": remarks,
        "weights": None if weight_csv is None else str(weight_csv),
    }


def somebody(names: Sequence[str]) -> list[str]:
    """Return those names that stand for a character."""
    return [name for name in names if name not in metadata.NOBODY]
