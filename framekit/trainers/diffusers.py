"""diffusers: the datasets library's metadata.jsonl, one line for each frame."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from framekit.trainers.base import (
    AGAIN,
    Folder,
    FolderBalance,
    Kind,
    PreparedTree,
    Problem,
    Settings,
    Severity,
    Text,
    Trainer,
    TrainingTree,
    by_stem,
    folder_in,
    text_at,
)
from framekit.trainers.forms import Form, read_json_rows, write_json_rows

HF_METADATA = "metadata.jsonl"
SPLIT = "train"  # folder of all frames; a folder of another name might become another split

NO_METADATA = Kind(
    "metadata",
    Severity.STOPS,
    "it is missing, or has a line without file_name and text",
    "prepare with --trainer diffusers",
)
FRAME_GONE = Kind("metadata-frame-gone", Severity.STOPS, "it names a frame that is not there", AGAIN)
FRAMES_UNNAMED = Kind("metadata-incomplete", Severity.LOSES, f"{HF_METADATA} does not name all its frames", AGAIN)


def metadata_texts(tree: TrainingTree) -> list[Text]:
    """Return metadata.jsonl, beside the folders of frames."""
    top = tree.root / SPLIT if tree.is_own and (tree.root / SPLIT).is_dir() else tree.root
    form = Form(read_json_rows, write_json_rows, ("file_name",), by_stem(tree.captions))
    return [text_at(top, HF_METADATA, hf_metadata(top, tree.balance, tree.captions), form)]


def hf_metadata(root: Path, balance: Sequence[FolderBalance], captions: Mapping[Path, str]) -> str:
    """Return metadata.jsonl of an image folder: file_name, text, and multiply, for a sampler with weights."""
    factors = {one.folder: one.multiply for one in balance}
    rows = []
    for frame, caption in captions.items():
        folder = folder_in(root, frame)
        row = {"file_name": str(folder / frame.name), "text": caption.split("\n")[0], "multiply": factors[folder]}
        rows.append(row)
    return write_json_rows(rows)


def split_layout(balance: Sequence[FolderBalance], settings: Settings) -> dict[Folder, Folder]:
    """Return where each folder goes in a tree of its own: below `train`."""
    return {one.folder: Folder(SPLIT) / one.folder for one in balance}


def metadata_problems(tree: PreparedTree) -> list[Problem]:
    """Return the problems in the metadata of an image folder."""
    top = tree.root / SPLIT if (tree.root / SPLIT / HF_METADATA).exists() else tree.root
    path = top / HF_METADATA
    try:
        rows: list[Any] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        named = {str(row["file_name"]) for row in rows if isinstance(row["text"], str)}
    except (OSError, ValueError, KeyError, TypeError):
        return [Problem(path, NO_METADATA)]
    gone = [Problem(path, FRAME_GONE, name) for name in sorted(named) if not (top / name).is_file()]
    by_folder = {folder: sum((top / name).parent == folder for name in named) for folder in tree.filled}
    return gone + [
        Problem(folder, FRAMES_UNNAMED, f"{by_folder[folder]} of {number}")
        for folder, number in tree.filled.items() if by_folder[folder] < number
    ]  # fmt: skip


TRAINER = Trainer(
    "diffusers",
    texts=metadata_texts,
    problems=metadata_problems,
    start=lambda root, settings: f'load_dataset("imagefolder", data_dir="{root}")',
    layout=split_layout,
)
