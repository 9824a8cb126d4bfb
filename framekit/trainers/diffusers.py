"""What the datasets library reads for diffusers: metadata.jsonl."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from framekit.trainers.base import FolderBalance, Problem

CONCEPTS, HF_METADATA = "onetrainer_concepts.json", "metadata.jsonl"


def hf_metadata(root: Path, leaves: Sequence[FolderBalance], captions: Mapping[Path, str]) -> str:
    """Return metadata.jsonl of an image folder: file_name, text, and multiply, for a sampler with weights."""
    factors = {leaf.folder: leaf.multiply for leaf in leaves}
    lines = []
    for frame, caption in captions.items():
        inside = PurePosixPath(frame.relative_to(root).as_posix())
        row = {"file_name": str(inside), "text": caption.split("\n")[0], "multiply": factors[inside.parent]}
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    return "".join(lines)


def hf_problems(root: Path, filled: Mapping[Path, int]) -> list[Problem]:
    """Return the problems in the metadata of an image folder."""
    top = root / "train" if (root / "train" / HF_METADATA).exists() else root
    path = top / HF_METADATA
    try:
        rows: list[Any] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        named = {str(row["file_name"]) for row in rows if isinstance(row["text"], str)}
    except (OSError, ValueError, KeyError, TypeError):
        return [Problem(path, "it is missing, or a line is no frame with a text", "prepare with --trainer diffusers")]
    problems = [Problem(path, f"there is no frame {name}", "prepare it again") for name in sorted(named)
             if not (top / name).is_file()]  # fmt: skip
    by_folder = {folder: sum((top / name).parent == folder for name in named) for folder in filled}
    return problems + [
        Problem(folder, f"{path.name} names {by_folder[folder]} of its {number} frames", "prepare it again")
        for folder, number in filled.items() if by_folder[folder] < number
    ]  # fmt: skip
