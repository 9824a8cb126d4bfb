"""The files that tell trainers what to train: kohya's configs, OneTrainer's concepts, Hugging Face's metadata."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from framekit import sidecar
from framekit.leaves import Leaf
from framekit.prepared import Text

TRAINERS = ("everydream2", "kohya", "onetrainer", "diffusers")
KOHYA_FORMS = ("config", "folders", "metadata")
KOHYA_CONFIG, KOHYA_METADATA = "dataset_config.toml", "kohya_metadata"
LEAST_BUCKET, BUCKET_STEP = 256, 64  # px; Source: kohya's defaults
CONCEPTS, HF_METADATA = "onetrainer_concepts.json", "metadata.jsonl"
# Source: the loaders of EveryDream2 and kohya; EveryDream2's settings of a folder stand in text files of these names.
TRAINABLE = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
SETTINGS = ("multiply", "flip_p", "cond_dropout", "loss_scale", "batch_id", "shuffle_tags")


@dataclass(frozen=True)
class KohyaSettings:
    """What stands in kohya's config besides the folders."""

    resolution: int = 512
    separator: str = ""
    several_captions: bool = False


def multiply_texts(root: Path, leaves: Sequence[Leaf]) -> list[Text]:
    """Return multiply.txt of each folder: a plain number that EveryDream2 reads as it is."""
    return [
        Text(root / leaf.folder / sidecar.MULTIPLY, multiply_key(leaf.folder), f"{plain(leaf.multiply)}\n")
        for leaf in leaves
    ]


def multiply_key(folder: PurePosixPath) -> str:
    """Return the name under which a folder's factor stands in the record."""
    return f"{folder}/{sidecar.MULTIPLY}"


def plain(number: float) -> str:
    """Return a number without exponent."""
    return str(number) if number >= 0.001 else f"{number:.4f}"


def kohya_config(root: Path, leaves: Sequence[Leaf], settings: KohyaSettings) -> str:
    """Return kohya's dataset config: one subset per folder with frames, paths absolute as it needs them."""
    lines = [*head_of(settings), 'caption_extension = ".txt"', "", *dataset_of(settings)]
    for leaf in leaves:
        lines += ["", "[[datasets.subsets]]", f"image_dir = {toml_text(str((root / leaf.folder).absolute()))}"]
        lines += [f"num_repeats = {leaf.repeats}  # multiply {plain(leaf.multiply)}"]
        lines += ["is_reg = true"] * leaf.is_reg
    return "\n".join(lines) + "\n"


def head_of(settings: KohyaSettings) -> list[str]:
    """Return the general part of a config of kohya's."""
    lines = ["# kohya-ss sd-scripts: --dataset_config=dataset_config.toml; written by prepare_training.py", "[general]"]
    if settings.separator:  # it stays in the trained text unless tags are shuffled
        lines += [f"keep_tokens_separator = {toml_text(settings.separator)}", "shuffle_caption = true"]
    else:
        lines += ["keep_tokens = 1"]
    return lines + ["enable_wildcard = true"] * settings.several_captions


def dataset_of(settings: KohyaSettings) -> list[str]:
    """Return the lines of the one dataset in a config of kohya's.

    Without its own limits kohya makes no bucket above 1024 px or below 256, and stops if the resolution lies outside.
    """
    least = min(LEAST_BUCKET, settings.resolution // BUCKET_STEP * BUCKET_STEP or settings.resolution)
    most = -(-2 * settings.resolution // BUCKET_STEP) * BUCKET_STEP
    limits = [f"min_bucket_reso = {least}", f"max_bucket_reso = {most}"]
    return ["[[datasets]]", f"resolution = {settings.resolution}", "enable_bucket = true", *limits]


def kohya_metadata(
    root: Path, leaves: Sequence[Leaf], captions: Mapping[Path, str], settings: KohyaSettings
) -> list[Text]:
    """Return kohya's files for fine-tuning: one JSON per number of repeats, and the config that names them.

    Keys are absolute paths and captions one line, which all of its releases read; sizes are left to the trainer.
    """
    by_folder = {leaf.folder: leaf.repeats for leaf in leaves}
    held: dict[int, dict[str, Any]] = {}
    for frame, caption in captions.items():
        folder = PurePosixPath(frame.parent.relative_to(root).as_posix())
        held.setdefault(by_folder[folder], {})[str(frame.absolute())] = {"caption": caption.split("\n")[0]}
    texts = []
    lines = [*head_of(settings), "", *dataset_of(settings)]
    for repeats, entries in sorted(held.items()):
        name = f"{KOHYA_METADATA}_{repeats}.json"
        texts.append(Text(root / name, name, json.dumps(entries, ensure_ascii=False, indent=1) + "\n"))
        lines += ["", "[[datasets.subsets]]", f"image_dir = {toml_text(str(root.absolute()))}"]
        lines += [f"metadata_file = {toml_text(str((root / name).absolute()))}", f"num_repeats = {repeats}"]
    return [*texts, Text(root / KOHYA_CONFIG, KOHYA_CONFIG, "\n".join(lines) + "\n")]


def kohya_folders(leaves: Sequence[Leaf]) -> dict[PurePosixPath, PurePosixPath]:
    """Return the folder `train/3_NAME` or `reg/3_NAME` of each folder; NAME is its path joined by ~."""
    taken: set[str] = set()
    found = {}
    for leaf in leaves:
        name = sidecar.safe_name("~".join(leaf.folder.parts) or "frames")
        number, unique = 1, name
        while unique.casefold() in taken:  # long paths are cut off
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique.casefold())
        found[leaf.folder] = PurePosixPath("reg" if leaf.is_reg else "train", f"{leaf.repeats}_{unique}")
    return found


def concepts(root: Path, leaves: Sequence[Leaf]) -> str:
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


def hf_metadata(root: Path, leaves: Sequence[Leaf], captions: Mapping[Path, str]) -> str:
    """Return metadata.jsonl of an image folder: file_name, text, and multiply, for a sampler with weights."""
    factors = {leaf.folder: leaf.multiply for leaf in leaves}
    lines = []
    for frame, caption in captions.items():
        inside = PurePosixPath(frame.relative_to(root).as_posix())
        row = {"file_name": str(inside), "text": caption.split("\n")[0], "multiply": factors[inside.parent]}
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    return "".join(lines)


def toml_text(text: str) -> str:
    """Return text as a TOML string; JSON's escapes are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
