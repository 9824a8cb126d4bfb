"""diffusers: the datasets library's metadata.jsonl, one line for each frame."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from framekit.files.atomic import file_text
from framekit.trainers import masks
from framekit.trainers.base import (
    CORRECT,
    RENEW,
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
CARD = "README.md"  # of a data set; what it names as data is taken as it stands
SPLIT = "train"  # folder of all frames; a folder of another name might become another split
# Words that datasets takes for splits between these signs, or at the end of a folder. Source: its data_files.py, 5.2.
SPLITS = "training|train|validation|valid|val|dev|testing|test|evaluation|eval"
SPLIT_WORD = re.compile(rf"(?:^|(?<=[-._ 0-9]))((?:{SPLITS})~*)(?=[-._ 0-9]|$)")
PATTERN_SIGN = re.compile(r"[*?\[]")
DATA = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: [%s]
---
"""
SUFFIXES = ("png", "jpg", "jpeg", "webp")
MASK = "mask_file_name"  # the column `mask` holds the image that it names

NO_METADATA = Kind(
    "metadata",
    Severity.STOPS,
    "it is missing, or has a line without file_name and text",
    "prepare with --trainer diffusers",
)
FRAME_GONE = Kind("metadata-frame-gone", Severity.STOPS, "it names a frame that is not there", RENEW)
FRAMES_UNNAMED = Kind("metadata-incomplete", Severity.LOSES, f"{HF_METADATA} does not name all its frames", RENEW)
MASK_GONE = Kind("metadata-mask-gone", Severity.STOPS, "it names a mask that is not there", RENEW)
DOUBLED = Kind("metadata-doubled", Severity.MISREADS, "it names a frame in two lines, which trains it twice", CORRECT)
STALE = Kind("metadata-stale", Severity.MISREADS, "its text of a frame is not the caption beside it", RENEW)
SECOND = Kind(
    "metadata-second", Severity.STOPS, "a second list of metadata stops datasets, or overrides the first", "remove it"
)
SPLIT_NAME = Kind(
    "split-name",
    Severity.LOSES,
    "datasets takes a word in its name for a split, and its caption is lost",
    f"prepare with --dst_dir, or load by data_files, or by the folder with the {CARD} that is written",
)
SPLIT_NAME_KNOWN = Kind(
    "split-name-known",
    Severity.ADVICE,
    'load_dataset("imagefolder", data_dir=…) would take a word in its name for a split',
    f"load by data_files, or by the folder, whose {CARD} says what it holds",
)
PATTERN = Kind(
    "path-is-a-pattern",
    Severity.ADVICE,
    "datasets takes the *, ? or [ in its path for a pattern, and finds nothing there by the folder alone",
    "load by data_files as prepare_training.py prints it, or rename the folder",
)
TEXTS_BESIDE = Kind(
    "texts-beside",
    Severity.MISREADS,
    "loaded by its name, it gives the texts beside the frames, and no frames",
    "prepare with --trainer diffusers",
)


def metadata_texts(tree: TrainingTree) -> list[Text]:
    """Return metadata.jsonl, beside the folders of frames, and the card that says what to load."""
    inside = split_layout(tree.balance, tree.settings) if tree.is_own else {}
    factors = {inside.get(one.folder, one.folder): one.multiply for one in tree.balance}
    top = tree.root / SPLIT if tree.is_own else tree.root
    has_masks = tree.settings.mask_background is not None
    rows = [
        {
            "file_name": frame.relative_to(top).as_posix(),
            "text": caption.split("\n")[0],
            "multiply": factors[folder_in(tree.root, frame)],
            **({MASK: masks.beside_hidden(tree.root, frame).relative_to(top).as_posix()} if has_masks else {}),
        }
        for frame, caption in tree.captions.items()
    ]
    form = Form(read_json_rows, write_json_rows, ("file_name",), by_stem(tree.captions))
    texts = [Text(top / HF_METADATA, HF_METADATA, write_json_rows(rows), form)] if tree.captions or top.is_dir() else []
    return [*texts, text_at(tree.root, CARD, card(f"{SPLIT}/" if tree.is_own else ""))]


def card(inside: str) -> str:
    """Return the card of a data set whose frames lie below a folder in it."""
    patterns = [f"{inside}**/*.{suffix}" for suffix in SUFFIXES]
    return DATA % ", ".join(f'"{one}"' for one in [*patterns, f"{inside}{HF_METADATA}"])


def split_layout(balance: Sequence[FolderBalance], settings: Settings) -> dict[Folder, Folder]:
    """Return where each folder goes in a tree of its own: below `train`, by names that are no splits."""
    return {one.folder: Folder(SPLIT, *map(no_split, one.folder.parts)) for one in balance}


def no_split(name: str) -> str:
    """Return a name that datasets cannot take for a split.

    >>> no_split("test_EP01_000123.png")
    'test~_EP01_000123.png'
    """
    return SPLIT_WORD.sub(r"\1~", name)


def is_split(name: str) -> bool:
    """Tell whether datasets takes a name for a split."""
    return any(not found[1].endswith("~") for found in SPLIT_WORD.finditer(name))


def start(root: Path, settings: Settings) -> str:
    """Return the call that loads the image folder, whatever its names are."""
    top = root / SPLIT if (root / SPLIT / HF_METADATA).exists() else root
    path = PATTERN_SIGN.sub(r"[\g<0>]", str(top))
    return f'load_dataset("imagefolder", data_files={{"train": "{path}/**"}})'


def metadata_problems(tree: PreparedTree) -> list[Problem]:
    """Return the problems in the metadata of an image folder."""
    top = tree.root / SPLIT if (tree.root / SPLIT / HF_METADATA).exists() else tree.root
    path = top / HF_METADATA
    try:
        rows: list[Any] = read_json_rows(file_text(path))
        named = Counter(str(row["file_name"]) for row in rows)
        texts = {str(row["file_name"]): row["text"] for row in rows}
        if not all(isinstance(text, str) for text in [*texts.values(), *(row.get(MASK, "") for row in rows)]):
            raise TypeError
    except (OSError, ValueError, KeyError, TypeError):
        return [Problem(path, NO_METADATA), *loading_problems(tree)]
    found = [Problem(path, FRAME_GONE, name) for name in sorted(named) if not (top / name).is_file()]
    masked = {Path(top, row["file_name"]).parent for row in rows if isinstance(row.get(MASK), str)}
    found += [Problem(path, MASK_GONE, row[MASK]) for row in rows if row.get(MASK) and not (top / row[MASK]).is_file()]
    held = [masks.MasksFound(folder, masks.masks_in(folder / masks.FOLDER), False) for folder in sorted(masked)]
    found += masks.mask_problems(held, tree.looks)
    found += [Problem(path, DOUBLED, name) for name in sorted(named) if named[name] > 1]
    for name, text in texts.items():
        beside = [line for line in tree.lines.get(top / name, []) if line.strip()]
        if beside and text.strip() not in {line.strip() for line in beside}:
            found.append(Problem(path, STALE, name))
    by_folder = Counter((top / name).parent for name in named)
    found += [
        Problem(folder, FRAMES_UNNAMED, f"{by_folder[folder]} of {number}")
        for folder, number in tree.filled.items() if by_folder[folder] < number
    ]  # fmt: skip
    for seen in tree.folders:
        others = [
            seen.folder / name for name in ("metadata.csv", "metadata.parquet", HF_METADATA) if name in seen.names
        ]
        found += [Problem(other, SECOND) for other in others if other != path]
    return [*found, *loading_problems(tree)]


def loading_problems(tree: PreparedTree) -> Iterator[Problem]:
    """Yield what datasets takes wrongly unless it is told which files to load."""
    try:
        is_told = "data_files:" in file_text(tree.root / CARD)
    except (OSError, ValueError):
        is_told = False
    if not is_told and any(f"{image.stem}.txt" in seen.names for seen in tree.folders for image in seen.images):
        yield Problem(tree.root, TEXTS_BESIDE)
    if PATTERN_SIGN.search(str(tree.root.absolute())):
        yield Problem(tree.root, PATTERN)
    for seen in tree.folders:
        for image in seen.images:
            inside = image.relative_to(tree.root).parts
            parts = inside[1:] if inside[0] == SPLIT else inside
            if any(map(is_split, parts)):
                yield Problem(image, SPLIT_NAME_KNOWN if is_told else SPLIT_NAME)


TRAINER = Trainer(
    "diffusers",
    texts=metadata_texts,
    problems=metadata_problems,
    start=start,
    layout=split_layout,
    frame_name=no_split,
    masks=masks.HIDDEN,
)
