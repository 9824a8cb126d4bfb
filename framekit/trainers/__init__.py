"""What trainers read: one file each says what it writes, what the trainer misreads, and how to start it.

Enters: a balanced tree with captions. Leaves: the files of each trainer, and the problems that it would have.
Owns on disk: `multiply.txt`, `dataset_config.toml`, `onetrainer_concepts.json`, `metadata.jsonl` and its `README.md`.
"""

from typing import TYPE_CHECKING

from framekit.lazy import hands_on

if TYPE_CHECKING:
    from framekit.trainers.base import Problem as Problem
    from framekit.trainers.base import Trainer as Trainer

__getattr__ = hands_on(__name__, {"Problem": "base", "Trainer": "base"})
