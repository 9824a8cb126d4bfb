"""kohya's sd-scripts: dataset_config.toml, folders named REPEATS_NAME, or JSON for fine-tuning."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from framekit.errors import UsageError
from framekit.files.atomic import parsed_json
from framekit.trainers import masks
from framekit.trainers.base import (
    Folder,
    FolderBalance,
    Settings,
    Text,
    Trainer,
    TrainingTree,
    below,
    by_stem,
    folder_in,
    plain,
    text_at,
)
from framekit.trainers.entries import entry_names
from framekit.trainers.forms import Form, read_toml_text, toml_text, write_toml
from framekit.trainers.kohya_check import CONFIG, has_wildcards, problems, resolution, sees

KOHYA_FORMS = ("config", "folders", "metadata")
KOHYA_METADATA = "kohya_metadata"
LEAST_BUCKET, BUCKET_STEP = 256, 64  # px; Source: kohya's defaults


def texts(tree: TrainingTree) -> list[Text]:
    """Return the files of kohya's form; folders named REPEATS_NAME need none."""
    if tree.settings.kohya_form == "config":
        return [config_text(tree.root, kohya_config(tree))]
    if tree.settings.kohya_form == "metadata":
        return kohya_metadata(tree)
    return []


def config_text(root: Path, content: str) -> Text:
    """Return a dataset config, whose subsets are named by what they train."""
    return text_at(root, CONFIG, content, Form(read_toml_text, write_toml, ("metadata_file", "image_dir"), below(root)))


def kohya_config(tree: TrainingTree) -> str:
    """Return kohya's dataset config: one subset per folder with frames, paths absolute as it needs them.

    With masks a subset takes no `is_reg`, so that regularization is trained like all else. Source: its config_util.py.
    """
    has_masks = tree.settings.mask_background is not None
    lines = [*head_of(tree.settings), 'caption_extension = ".txt"', "", *dataset_of(tree.settings)]
    for one in tree.balance:
        folder = (tree.root / one.folder).absolute()
        lines += ["", "[[datasets.subsets]]", f"image_dir = {toml_text(str(folder))}"]
        lines += [f"conditioning_data_dir = {toml_text(str(folder / masks.FOLDER))}"] * has_masks
        lines += keep_more(tree, one.folder)
        lines += [f"num_repeats = {one.repeats}  # multiply {plain(one.multiply)}"]
        lines += ["is_reg = true"] * (one.is_reg and not has_masks)
    return "\n".join(lines) + "\n"


def head_of(settings: Settings) -> list[str]:
    """Return the general part of a config of kohya's."""
    lines = ["# kohya-ss sd-scripts: --dataset_config=dataset_config.toml; written by prepare_training.py", "[general]"]
    if settings.separator:  # it stays in the trained text unless tags are shuffled
        lines += [f"keep_tokens_separator = {toml_text(settings.separator)}", "shuffle_caption = true"]
    else:
        lines += [f"keep_tokens = {settings.kept_parts}"]  # the count is one, the name another
    return lines + ["enable_wildcard = true"] * settings.several_captions


def keep_more(tree: TrainingTree, *folders: Folder) -> list[str]:
    """Return the line for a subset with captions whose name stands further back than in most."""
    most = max(tree.kept_parts.get(folder, 1) for folder in folders)
    return [f"keep_tokens = {most}"] * (most > tree.settings.kept_parts and not tree.settings.separator)


def dataset_of(settings: Settings) -> list[str]:
    """Return the lines of the one dataset in a config of kohya's.

    Without its own limits kohya makes no bucket above 1024 px or below 256, and stops if the resolution lies outside.
    """
    least = min(LEAST_BUCKET, settings.resolution // BUCKET_STEP * BUCKET_STEP or settings.resolution)
    most = -(-2 * settings.resolution // BUCKET_STEP) * BUCKET_STEP
    limits = [f"min_bucket_reso = {least}", f"max_bucket_reso = {most}"]
    return ["[[datasets]]", f"resolution = {settings.resolution}", "enable_bucket = true", *limits]


def kohya_metadata(tree: TrainingTree) -> list[Text]:
    """Return kohya's files for fine-tuning: one JSON per number of repeats, and the config that names them.

    Keys are absolute paths and captions one line, which all of its releases read; sizes are left to the trainer.
    """
    root = tree.root
    by_folder = {one.folder: one.repeats for one in tree.balance}
    form = Form(read_entries, write_entries, ("frame",), by_stem(tree.captions))
    held: dict[int, list[dict[str, Any]]] = {}
    for frame, caption in tree.captions.items():
        entry = {"frame": str(frame.absolute()), "caption": caption.split("\n")[0]}
        held.setdefault(by_folder[folder_in(root, frame)], []).append(entry)
    texts = []
    lines = [*head_of(tree.settings), "", *dataset_of(tree.settings)]
    for repeats, entries in sorted(held.items()):
        name = f"{KOHYA_METADATA}_{repeats}.json"
        texts.append(text_at(root, name, write_entries(entries), form))
        lines += ["", "[[datasets.subsets]]", f"image_dir = {toml_text(str(root.absolute()))}"]
        lines += [f"metadata_file = {toml_text(str((root / name).absolute()))}", f"num_repeats = {repeats}"]
        lines += keep_more(tree, *{folder_in(root.absolute(), Path(entry["frame"])) for entry in entries})
    return [*texts, config_text(root, "\n".join(lines) + "\n")]


def read_entries(text: str) -> list[dict[str, Any]]:
    """Return the entries of a JSON file for fine-tuning, each with its frame. Raises ValueError."""
    held = parsed_json(text)
    if not isinstance(held, dict) or not all(isinstance(entry, dict) for entry in held.values()):
        raise ValueError("it needs an object of objects")
    return [{"frame": frame, **entry} for frame, entry in held.items()]


def write_entries(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return the JSON file for fine-tuning of entries with their frames."""
    held = {entry["frame"]: {key: value for key, value in entry.items() if key != "frame"} for entry in entries}
    return json.dumps(held, ensure_ascii=False, indent=1) + "\n"


def numbered_folders(balance: Sequence[FolderBalance]) -> dict[Folder, Folder]:
    """Return the folder `train/3_NAME` or `reg/3_NAME` of each folder; NAME is its path joined by ~."""
    named = entry_names(balance)
    return {
        one.folder: Folder("reg" if one.is_reg else "train", f"{one.repeats}_{named[one.folder]}") for one in balance
    }


def layout(balance: Sequence[FolderBalance], settings: Settings) -> Mapping[Folder, Folder]:
    """Return where each folder goes in a tree of kohya's own."""
    if settings.kohya_form == "folders":
        return numbered_folders(balance)
    return {one.folder: one.folder for one in balance}


def refuse_shared(settings: Settings) -> None:
    """Raise UsageError for folders named REPEATS_NAME, which no other trainer could use."""
    if settings.kohya_form == "folders":
        raise UsageError("--kohya_form folders needs --dst_dir, a folder where kohya's folders can be made")


def start(root: Path, settings: Settings) -> str:
    """Return the options that make kohya train what was prepared."""
    if settings.kohya_form != "folders":
        return f"--dataset_config={root / CONFIG}" + " --masked_loss" * (settings.mask_background is not None)
    options = (
        f"--train_data_dir={root / 'train'} --reg_data_dir={root / 'reg'} --caption_extension=.txt --enable_bucket"
    )
    options += f" --resolution={settings.resolution}" + " --enable_wildcard" * settings.several_captions
    if settings.separator:
        return options + f" --shuffle_caption --keep_tokens_separator={settings.separator!r}"
    return options + f" --keep_tokens={settings.kept_parts}"


TRAINER = Trainer(
    "kohya",
    texts=texts,
    problems=problems,
    start=start,
    sees=sees,
    takes_lines=has_wildcards,
    has_caption_syntax=True,
    whole_repeats=True,
    walks=True,
    masks=masks.HIDDEN,
    resolution=resolution,
    layout=layout,
    refuse_shared=refuse_shared,
)
