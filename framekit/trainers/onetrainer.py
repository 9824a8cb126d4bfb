"""What OneTrainer reads: concepts.json."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from framekit.trainers.base import FolderBalance, Problem

CONCEPTS, HF_METADATA = "onetrainer_concepts.json", "metadata.jsonl"


def concepts(root: Path, leaves: Sequence[FolderBalance]) -> str:
    """Return OneTrainer's concepts: one per folder, balanced by fractional repeats; it fills in all other settings.

    Source: OneTrainer's ConceptConfig, version 1.
    """
    listed = [
        {
            "__version": 1,
            "name": str(leaf.folder),
            "path": str((root / leaf.folder).absolute()),
            "seed": place,
            "include_subdirectories": False,
            "balancing": leaf.multiply,
            "balancing_strategy": "REPEATS",
            "text": {"prompt_source": "sample", "tag_delimiter": ",", "keep_tags_count": 1},
        }
        for place, leaf in enumerate(leaves)
    ]
    return json.dumps(listed, ensure_ascii=False, indent=1) + "\n"


def concept_problems(path: Path, filled: Mapping[Path, int]) -> list[Problem]:
    """Return the problems in OneTrainer's list of concepts."""
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        paths = {Path(one["path"]) for one in listed}
    except (OSError, ValueError, KeyError, TypeError):
        return [Problem(path, "it is missing or no list of concepts", "prepare with --trainer onetrainer")]
    problems = [
        Problem(path, f"there is no folder {one}", "prepare it again") for one in sorted(paths) if not one.is_dir()
    ]
    known = {one.resolve() for one in paths}
    return problems + [
        Problem(folder, "no concept names it", "prepare it again") for folder in filled if folder.resolve() not in known
    ]
