"""A trained head: how it changes descriptors, and its file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framekit import sidecar
from framekit.characters import Vector
from framekit.stage import Misuse

TRAINED = ("proto", "maml", "siamese")
INSTALL = "install requirements-train.txt in an environment of its own, or use --method centroid"


@dataclass(frozen=True)
class Head:
    """A low-rank change of descriptors: `down` (D, rank) and `up` (rank, D)."""

    down: Vector
    up: Vector

    def __call__(self, rows: Vector) -> Vector:
        """Return rows (..., D) changed, of length 1."""
        bent = rows + rows @ self.down @ self.up
        return np.asarray(bent / np.maximum(np.linalg.norm(bent, axis=-1, keepdims=True), 1e-9), np.float32)

    @classmethod
    def identity(cls, width: int) -> "Head":
        """Return a head that changes nothing."""
        return cls(np.zeros((width, 1), np.float32), np.zeros((1, width), np.float32))


def require_training(method: str) -> None:
    """Raise Misuse if what a trained method needs is not installed."""
    from importlib.util import find_spec

    if missing := [name for name in ("torch", "learn2learn", "safetensors") if find_spec(name) is None]:
        raise Misuse(f"--method {method} needs {' and '.join(missing)}: {INSTALL}")


def save_head(path: Path, head: Head, told: Mapping[str, Any]) -> None:
    """Write a head as safetensors, and what it was trained on as JSON beside it."""
    from safetensors.numpy import save

    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {"down": np.ascontiguousarray(head.down), "up": np.ascontiguousarray(head.up)}
    sidecar.write_whole(path, save(tensors))
    sidecar.write_whole(path.with_suffix(".json"), json.dumps(dict(told), ensure_ascii=False, indent=1) + "\n")


def read_head(path: Path) -> Head | None:
    """Return the head in a file, None if there is none or it is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if not path.exists():
        return None
    try:
        tensors = load(path.read_bytes())
        head = Head(np.asarray(tensors["down"], np.float32), np.asarray(tensors["up"], np.float32))
    except (SafetensorError, KeyError):
        return None
    fits = head.down.ndim == head.up.ndim == 2 and head.down.shape == head.up.shape[::-1]
    return head if fits else None
