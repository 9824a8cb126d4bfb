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
    """Return OneTrainer's concepts, one per folder, each named by its path; it fills in all other settings.

    Of a concept balanced by repeats it takes whole frames, rounded down, so that small folders lose most. Samples are
    whole numbers from the start. Source: OneTrainer's ConceptConfig, version 1, and VariationSorting of its loader.
    """
    listed = [
        {
            "__version": 1,
            "name": str(one.folder),
            "path": str((tree.root / one.folder).absolute()),
            "seed": place,
            "include_subdirectories": False,
            "balancing": samples,
            "balancing_strategy": "SAMPLES",
            "text": {
                "prompt_source": "sample",
                "tag_delimiter": ",",
                "keep_tags_count": tree.kept_parts.get(one.folder, 1),
            },
        }
        for place, (one, samples) in enumerate(zip(tree.balance, whole_samples(tree.balance), strict=True))
    ]
    form = Form(json.loads, write_json, ("path",), below(tree.root))
    return [text_at(tree.root, CONCEPTS, write_json(listed), form)]


def whole_samples(balance: Sequence[FolderBalance]) -> list[int]:
    """Return how many frames of each folder make an epoch: whole numbers with the sum of the exact ones, none 0.

    >>> whole_samples([FolderBalance(Folder(name), 1, 1.5, 1, 0.5, 0.5) for name in "ab"])
    [2, 1]
    """
    wished = [one.frames * one.multiply for one in balance]
    found = [max(1, int(exact)) for exact in wished]
    rest = sorted(range(len(found)), key=lambda place: found[place] - wished[place])
    for place in rest[: max(0, round(sum(wished)) - sum(found))]:
        found[place] += 1
    return found


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
    start=lambda root, settings: f"copy {root / CONCEPTS} to its training_concepts/, whose files alone its page lists",
    takes_lines=lambda root: True,
    mask_ending="-masklabel",
)
