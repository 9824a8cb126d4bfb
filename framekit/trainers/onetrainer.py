"""OneTrainer: a list of concepts, one for each folder, balanced by fractions."""

import json
from collections.abc import Sequence
from pathlib import Path

from framekit.trainers.base import (
    AGAIN,
    FolderBalance,
    Kind,
    PreparedTree,
    Problem,
    Severity,
    Text,
    Trainer,
    TrainingTree,
    below,
    text_at,
)
from framekit.trainers.forms import Form, write_json

CONCEPTS = "onetrainer_concepts.json"

NO_CONCEPTS = Kind(
    "concepts", Severity.STOPS, "OneTrainer finds no list of concepts in it", "prepare with --trainer onetrainer"
)
CONCEPT_GONE = Kind("concept-gone", Severity.LOSES, "there is no folder for a concept", AGAIN)
NO_CONCEPT = Kind("concept-missing", Severity.LOSES, "no concept names it, so OneTrainer does not train it", AGAIN)


def concept_texts(tree: TrainingTree) -> list[Text]:
    """Return the list of concepts, each named by its folder."""
    form = Form(json.loads, write_json, ("path",), below(tree.root))
    return [text_at(tree.root, CONCEPTS, concepts(tree.root, tree.balance), form)]


def concepts(root: Path, balance: Sequence[FolderBalance]) -> str:
    """Return OneTrainer's concepts: one per folder, balanced by fractional repeats; it fills in all other settings.

    Source: OneTrainer's ConceptConfig, version 1.
    """
    listed = [
        {
            "__version": 1,
            "name": str(one.folder),
            "path": str((root / one.folder).absolute()),
            "seed": place,
            "include_subdirectories": False,
            "balancing": one.multiply,
            "balancing_strategy": "REPEATS",
            "text": {"prompt_source": "sample", "tag_delimiter": ",", "keep_tags_count": 1},
        }
        for place, one in enumerate(balance)
    ]
    return write_json(listed)


def concept_problems(tree: PreparedTree) -> list[Problem]:
    """Return the problems in the list of concepts."""
    path = tree.root / CONCEPTS
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        paths = {Path(one["path"]) for one in listed}
    except (OSError, ValueError, KeyError, TypeError):
        return [Problem(path, NO_CONCEPTS)]
    known = {one.resolve() for one in paths}
    gone = [Problem(path, CONCEPT_GONE, str(one)) for one in sorted(paths) if not one.is_dir()]
    return gone + [Problem(folder, NO_CONCEPT) for folder in tree.filled if folder.resolve() not in known]


TRAINER = Trainer(
    "onetrainer",
    texts=concept_texts,
    problems=concept_problems,
    start=lambda root, settings: f"concepts from {root / CONCEPTS}",
    takes_lines=lambda root: True,
    mask_ending="-masklabel",
)
