"""Traps in what steers trainers: factors and settings of folders, kohya's config, lists of concepts and metadata."""

import json
import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from framekit import kohya_config_traps, sidecar, stage
from framekit.config import read_toml
from framekit.trainers import CONCEPTS, HF_METADATA, KOHYA_CONFIG, SETTINGS
from framekit.trap import Trap

NUMBER_OF = re.compile(r"\d+\+?_(?:characters?|faces?|people|person)")
REPEATS_NAME = re.compile(r"-?\d+_.*|\d+")


def takes_several_lines(root: Path, wanted: Collection[str]) -> bool:
    """Tell whether all these trainers take a caption in each line of a file; kohya does if its config says so."""
    if not {*wanted} <= {"kohya", "onetrainer"}:
        return False
    try:
        general = read_toml(root / KOHYA_CONFIG).get("general", {})
    except stage.Misuse:
        general = {}
    return "kohya" not in wanted or (isinstance(general, dict) and general.get("enable_wildcard") is True)


def folder_traps(folder: Path, names: Collection[str], has_images: bool, wanted: Collection[str]) -> list[Trap]:
    """Return the traps in the settings of one folder, and in what kohya keeps there."""
    traps = []
    if "metadata_cache.json" in names and "kohya" in wanted:
        reason = "kohya believes it, and sees no new frames or captions"
        traps.append(Trap(folder / "metadata_cache.json", reason, "delete it"))
    if "everydream2" not in wanted:
        return traps
    for name in sorted(names):
        path = folder / name
        setting = name.lower().removesuffix(".txt").removesuffix(".txt")
        if name.lower().endswith(".txt") and setting in SETTINGS and name != f"{setting}.txt":
            traps.append(Trap(path, "EveryDream2 ignores a setting of this name", f"name it {setting}.txt"))
        elif name in ("local.yaml", "local.yml", "global.yaml", "global.yml"):
            reason = "it overrides or joins the settings and captions of its folder"
            traps.append(Trap(path, reason, "remove it, unless you mean it"))
        elif name == sidecar.MULTIPLY:
            traps += multiply_traps(path, has_images)
        elif name == "batch_id.txt" and path.read_bytes()[-1:].isspace():
            traps.append(Trap(path, "the line end becomes part of the batch id", "remove it"))
    return traps


def multiply_traps(path: Path, has_images: bool) -> list[Trap]:
    """Return the traps in one multiply.txt."""
    plain = "write one plain number above 0"
    if not has_images:
        return [Trap(path, "it holds for frames directly in its folder only, and there are none", "remove it")]
    try:
        value = float(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError):
        return [Trap(path, "EveryDream2 cannot read it as a number and takes 1", plain)]
    if value == 0:
        return [Trap(path, "EveryDream2 takes 0 for 1", f"{plain}, or begin the folder's name with a dot")]
    if value < 0 or not math.isfinite(value):
        return [Trap(path, f"{value:g} stops EveryDream2", plain)]
    return []


def dataset_traps(root: Path, images: Mapping[Path, int], wanted: Collection[str]) -> list[Trap]:
    """Return the traps of the dataset as a whole; `images` says how many each folder holds directly."""
    filled = {folder: number for folder, number in images.items() if number}
    if not filled:
        return [Trap(root, "there are no frames in it", "name the folder that prepare_training.py wrote to")]
    traps = []
    if "everydream2" in wanted:
        traps += epoch_traps(root, filled)
    if "kohya" in wanted:
        if (root / KOHYA_CONFIG).exists():
            traps += kohya_config_traps.config_traps(root / KOHYA_CONFIG, filled)
        else:
            traps += kohya_folder_traps(root, filled)
    if "onetrainer" in wanted:
        traps += concept_traps(root / CONCEPTS, filled)
    if "diffusers" in wanted:
        traps += hf_traps(root, filled)
    return traps


def epoch_traps(root: Path, filled: Mapping[Path, int]) -> list[Trap]:
    """Return the traps of factors that are missing, or too small together."""
    traps, total = [], 0.0
    with_factor = [folder for folder in filled if (folder / sidecar.MULTIPLY).exists()]
    for folder, number in filled.items():
        if folder in with_factor:
            try:
                value = float((folder / sidecar.MULTIPLY).read_text(encoding="utf-8"))
            except ValueError:
                value = 1.0
            total += number * (value if value > 0 and math.isfinite(value) else 1.0)
        else:
            total += number
            if with_factor:
                traps.append(Trap(folder, "it has no multiply.txt, so its frames count once", "prepare it again"))
    if total < 1:
        traps.append(Trap(root, "all factors together make less than one frame an epoch", "raise --min_multiply"))
    return traps


def kohya_folder_traps(root: Path, filled: Mapping[Path, int]) -> list[Trap]:
    """Return the traps of a dataset without config, whose folders kohya reads as REPEATS_NAME."""
    top = root / "train" if (root / "train").is_dir() else root
    traps = []
    for folder in sorted({Path(top, *path.relative_to(top).parts[:1]) for path in filled if path.is_relative_to(top)}):
        if folder == top:
            traps.append(Trap(folder, "kohya ignores frames at the top", "prepare with --kohya_form folders"))
        elif NUMBER_OF.fullmatch(folder.name):
            name = folder.name.partition("_")
            reason = f"kohya reads its name as {name[0]} repeats of {name[2]}"
            traps.append(Trap(folder, reason, f"use {KOHYA_CONFIG}, or --kohya_form folders"))
        elif not REPEATS_NAME.fullmatch(folder.name):
            traps.append(Trap(folder, "kohya ignores a folder without repeats in its name", "name it 1_NAME"))
        elif int(folder.name.partition("_")[0]) < 1:
            traps.append(Trap(folder, "kohya drops a folder with less than 1 repeat", "name it 1_NAME"))
        elif any(path != folder and path.is_relative_to(folder) for path in filled):
            traps.append(Trap(folder, "kohya does not look into the folders below it", "prepare it again"))
    return traps


def concept_traps(path: Path, filled: Mapping[Path, int]) -> list[Trap]:
    """Return the traps in OneTrainer's list of concepts."""
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        paths = {Path(one["path"]) for one in listed}
    except (OSError, ValueError, KeyError, TypeError):
        return [Trap(path, "it is missing or no list of concepts", "prepare with --trainer onetrainer")]
    traps = [Trap(path, f"there is no folder {one}", "prepare it again") for one in sorted(paths) if not one.is_dir()]
    known = {one.resolve() for one in paths}
    return traps + [
        Trap(folder, "no concept names it", "prepare it again") for folder in filled if folder.resolve() not in known
    ]


def hf_traps(root: Path, filled: Mapping[Path, int]) -> list[Trap]:
    """Return the traps in the metadata of an image folder."""
    top = root / "train" if (root / "train" / HF_METADATA).exists() else root
    path = top / HF_METADATA
    try:
        rows: list[Any] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        named = {str(row["file_name"]) for row in rows if isinstance(row["text"], str)}
    except (OSError, ValueError, KeyError, TypeError):
        return [Trap(path, "it is missing, or a line is no frame with a text", "prepare with --trainer diffusers")]
    traps = [Trap(path, f"there is no frame {name}", "prepare it again") for name in sorted(named)
             if not (top / name).is_file()]  # fmt: skip
    by_folder = {folder: sum((top / name).parent == folder for name in named) for folder in filled}
    return traps + [
        Trap(folder, f"{path.name} names {by_folder[folder]} of its {number} frames", "prepare it again")
        for folder, number in filled.items() if by_folder[folder] < number
    ]  # fmt: skip
