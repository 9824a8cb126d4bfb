"""Training of a small head on the descriptors of a user's references: prototypical networks, MAML, or pairs.

The head adds a low-rank change to the descriptor, so that it starts as the descriptor itself and a few references can
only adjust it. Tasks, prototypes and the adaptation come from learn2learn.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framekit import console
from framekit.characters.descriptors import Vector
from framekit.characters.match import References
from framekit.errors import UsageError
from framekit.files import atomic

# Chosen so that training takes seconds on a CPU; measured together on a sample show only (README, figures), not tuned
# one by one.
RANK = 32  # columns of the low-rank change
STEPS = 150  # tasks, or batches of pairs
RATE = 1e-3  # learning rate; source: default of torch.optim.Adam
WAYS, SHOTS, QUERIES = 8, 2, 2  # characters of a task; views of each to fit on (support) and to predict (query)
INNER_RATE, INNER_STEPS = 0.5, 3  # MAML: learning rate and gradient steps within a task
LAST_STEPS = 10  # MAML: gradient steps on all references at the end
NEAR, MARGIN = 0.8, 0.5  # cosines: loss for a pair of one character below the first, of two above the second
TEMPERATURE = 10.0  # cosines are multiplied by it before the softmax
TRAINED = ("proto", "maml", "siamese")
INSTALL = "install requirements-train.txt in an environment of its own, or use --method centroid"


@dataclass(frozen=True)
class Head:
    """A low-rank change of descriptors: `down` (D, rank) and `up` (rank, D)."""

    down: Vector
    up: Vector

    def __call__(self, rows: Vector) -> Vector:
        """Return rows (..., D) changed, of length 1."""
        changed = rows + rows @ self.down @ self.up
        return np.asarray(changed / np.maximum(np.linalg.norm(changed, axis=-1, keepdims=True), 1e-9), np.float32)

    @classmethod
    def identity(cls, width: int) -> "Head":
        """Return a head that changes nothing."""
        return cls(np.zeros((width, 1), np.float32), np.zeros((1, width), np.float32))


def train_head(references: References, method: str, seed: int, quiet: bool = False) -> Head:
    """Train a head on the views and changed views of references; the same seed gives the same head.

    Fewer than two characters leave the descriptor as it is.
    """
    import torch

    views = np.concatenate([references.vectors, references.jittered], axis=1)
    names = references.characters
    labels = np.array([names.index(name) for name in references.names]).repeat(views.shape[1])
    rows = views.reshape(len(labels), -1)
    if len(names) < 2:
        return Head.identity(rows.shape[1])
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = head_module(rows.shape[1])
        TRAINERS[method](model, torch.from_numpy(rows), torch.from_numpy(labels), seed, quiet)
    down, up = (matrix.detach().cpu().numpy().astype(np.float32) for matrix in (model.down, model.up))
    return Head(down, up)


def head_module(width: int) -> Any:
    """Return a torch module that turns rows (N, width) into changed rows of length 1."""
    import torch

    class LowRankAdapter(torch.nn.Module):  # type: ignore[misc]
        """x + x·down·up, scaled to length 1; `up` starts at zero."""

        def __init__(self) -> None:
            super().__init__()
            self.down = torch.nn.Parameter(torch.randn(width, RANK) / width**0.5)
            self.up = torch.nn.Parameter(torch.zeros(RANK, width))

        def forward(self, rows: Any) -> Any:
            return torch.nn.functional.normalize(rows + rows @ self.down @ self.up, dim=-1)

    return LowRankAdapter()


def load_learn2learn() -> Any:
    """Import learn2learn without the notice of gym, which it needs for games only."""
    from contextlib import redirect_stderr
    from io import StringIO

    with redirect_stderr(StringIO()):
        import learn2learn
        import learn2learn.nn
    return learn2learn


def tasks_of(rows: Any, labels: Any, seed: int) -> Any:
    """Return a function that draws tasks (rows, labels from 0) with learn2learn."""
    import random

    import torch

    learn2learn = load_learn2learn()
    dataset = learn2learn.data.MetaDataset(torch.utils.data.TensorDataset(rows, labels))
    count = len(set(labels.tolist()))
    transforms = [
        learn2learn.data.transforms.NWays(dataset, min(WAYS, count)),
        learn2learn.data.transforms.KShots(dataset, SHOTS + QUERIES, replacement=True),
        learn2learn.data.transforms.LoadData(dataset),
        learn2learn.data.transforms.RemapLabels(dataset),
    ]
    random.seed(seed)
    np.random.seed(seed)  # learn2learn draws from the global ones
    return learn2learn.data.Taskset(dataset, transforms, num_tasks=-1)


def halves(task: Any) -> tuple[Any, Any, Any, Any]:
    """Split a task into rows and labels to fit on, and rows and labels to predict."""
    import torch

    rows, labels = task
    order = torch.argsort(labels, stable=True)
    rows, labels = rows[order], labels[order]
    asked = torch.arange(len(labels)) % (SHOTS + QUERIES) >= SHOTS
    return rows[~asked], labels[~asked], rows[asked], labels[asked]


def steps(quiet: bool, label: str) -> Any:
    """Return the numbers of the training steps, with a bar on a terminal."""
    return range(STEPS) if quiet else console.progress(range(STEPS), STEPS, "step", label)


def train_prototypes(model: Any, rows: Any, labels: Any, seed: int, quiet: bool) -> None:
    """Train so that the rows of one character gather around their mean. Source: Snell et al. 2017."""
    import torch

    prototypical = load_learn2learn().nn.PrototypicalClassifier
    tasks, optimizer = tasks_of(rows, labels, seed), torch.optim.Adam(model.parameters(), RATE)
    for _ in steps(quiet, "proto"):
        known, known_labels, asked, asked_labels = halves(tasks.sample())
        classifier = prototypical(distance="cosine")
        classifier.fit_(model(known), known_labels)
        loss = torch.nn.functional.cross_entropy(TEMPERATURE * classifier(model(asked)), asked_labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def train_maml(model: Any, rows: Any, labels: Any, seed: int, quiet: bool) -> None:
    """Find an adapter from which few steps fit new characters, then fit it to all references.

    Source: Finn et al. 2017.
    """
    import torch

    def loss_of(adapter: Any, known: Any, known_labels: Any, asked: Any, asked_labels: Any) -> Any:
        adapted = adapter(known)
        prototypes = torch.stack([adapted[known_labels == kind].mean(dim=0) for kind in known_labels.unique()])
        cosines = adapter(asked) @ torch.nn.functional.normalize(prototypes, dim=-1).T
        return torch.nn.functional.cross_entropy(TEMPERATURE * cosines, asked_labels)

    maml = load_learn2learn().algorithms.MAML(model, lr=INNER_RATE)
    tasks, optimizer = tasks_of(rows, labels, seed), torch.optim.Adam(maml.parameters(), RATE)
    for _ in steps(quiet, "maml"):
        known, known_labels, asked, asked_labels = halves(tasks.sample())
        learner = maml.clone()
        for _ in range(INNER_STEPS):
            learner.adapt(loss_of(learner, known, known_labels, known, known_labels))
        optimizer.zero_grad()
        loss_of(learner, known, known_labels, asked, asked_labels).backward()
        optimizer.step()
    last = torch.optim.SGD(model.parameters(), INNER_RATE)
    for _ in range(LAST_STEPS):
        loss = loss_of(model, rows, labels, rows, labels)
        last.zero_grad()
        loss.backward()
        last.step()


def train_pairs(model: Any, rows: Any, labels: Any, seed: int, quiet: bool) -> None:
    """Train so that rows of one character lie near each other, rows of two characters apart.

    Source: Hadsell et al. 2006.
    """
    import torch

    tasks, optimizer = tasks_of(rows, labels, seed), torch.optim.Adam(model.parameters(), RATE)
    for _ in steps(quiet, "siamese"):
        drawn, drawn_labels = tasks.sample()
        adapted = model(drawn)
        cosines = adapted @ adapted.T
        alike = drawn_labels[:, None] == drawn_labels[None]
        itself = torch.eye(len(drawn_labels), dtype=torch.bool)
        apart = torch.relu(cosines[~alike] - MARGIN) ** 2
        together = torch.relu(NEAR - cosines[alike & ~itself]) ** 2
        loss = together.mean() + apart.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


TRAINERS: dict[str, Callable[[Any, Any, Any, int, bool], None]] = {
    "proto": train_prototypes,
    "maml": train_maml,
    "siamese": train_pairs,
}


def require_training(method: str) -> None:
    """Raise UsageError if what a trained method needs is not installed."""
    from importlib.util import find_spec

    if missing := [name for name in ("torch", "learn2learn", "safetensors") if find_spec(name) is None]:
        raise UsageError(f"--method {method} needs {' and '.join(missing)}: {INSTALL}")


def save_head(path: Path, head: Head, origin: Mapping[str, Any]) -> None:
    """Write a head as safetensors, and what it was trained on as JSON beside it."""
    from safetensors.numpy import save

    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {"down": np.ascontiguousarray(head.down), "up": np.ascontiguousarray(head.up)}
    atomic.write_whole(path, save(tensors))
    atomic.write_whole(path.with_suffix(".json"), json.dumps(dict(origin), ensure_ascii=False, indent=1) + "\n")


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
