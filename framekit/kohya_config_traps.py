"""Traps in kohya's dataset_config.toml and in the JSON files that it names."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from framekit import stage
from framekit.config import read_toml
from framekit.frame_names import is_frame_name
from framekit.trap import Trap

# key -> types that kohya takes; Source: the schemas in its config_util.py.
DATASET_ONLY: dict[str, tuple[type, ...]] = {
    "resolution": (int, list),
    "batch_size": (int,),
    "enable_bucket": (bool,),
    "min_bucket_reso": (int,),
    "max_bucket_reso": (int,),
    "bucket_reso_steps": (int,),
    "bucket_no_upscale": (bool,),
    "network_multiplier": (float,),
    "validation_split": (float,),
    "validation_seed": (int,),
}
ANYWHERE: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("num_repeats", "keep_tokens", "token_warmup_min", "caption_dropout_every_n_epochs"), (int,)),
    **dict.fromkeys(("shuffle_caption", "enable_wildcard", "flip_aug", "color_aug", "random_crop"), (bool,)),
    **dict.fromkeys(("token_warmup_step", "caption_dropout_rate", "caption_tag_dropout_rate"), (float, int)),
    **dict.fromkeys(("keep_tokens_separator", "secondary_separator", "caption_separator"), (str,)),
    **dict.fromkeys(("caption_prefix", "caption_suffix", "caption_extension", "class_tokens"), (str,)),
    **dict.fromkeys(("resize_interpolation",), (str,)),
    "face_crop_aug_range": (list,),
    "custom_attributes": (dict,),
    "cache_info": (bool,),
}
SUBSET_ONLY: dict[str, tuple[type, ...]] = {
    "image_dir": (str,),
    "is_reg": (bool,),
    "alpha_mask": (bool,),
    "metadata_file": (str,),
    "conditioning_data_dir": (str,),
}
CORRECT, AGAIN = "correct it", "run prepare_training.py again"


def config_traps(path: Path, filled: Mapping[Path, int]) -> list[Trap]:
    """Return the traps in a config; `filled` are the folders of the dataset that hold frames."""
    try:
        config = read_toml(path)
    except stage.Misuse as error:
        return [Trap(path, f"kohya cannot read it: {error}", CORRECT)]
    general, datasets = config.get("general", {}), config.get("datasets")
    if not isinstance(general, dict) or not isinstance(datasets, list) or not datasets:
        return [Trap(path, "it needs [general] once, and [[datasets]] with double brackets", AGAIN)]
    traps = key_traps(path, "[general]", general, {**DATASET_ONLY, **ANYWHERE})
    subsets: list[dict[str, Any]] = []
    for dataset in datasets:
        own = {key: value for key, value in dataset.items() if key != "subsets"}
        traps += key_traps(path, "[[datasets]]", own, {**DATASET_ONLY, **ANYWHERE})
        if "resolution" not in {**general, **own}:
            traps.append(Trap(path, "a dataset has no resolution", CORRECT))
        if {**general, **own}.get("enable_bucket") is not True:
            traps.append(Trap(path, "without enable_bucket a frame of another size stops the training", CORRECT))
        traps += range_traps(path, {**general, **own})
        listed = dataset.get("subsets", [])
        if len({"metadata_file" in one for one in listed}) > 1:
            traps.append(
                Trap(path, "subsets with and without metadata_file share a dataset, which stops kohya", CORRECT)
            )
        subsets += [{**general, **own, **one} for one in listed]
        for one in listed:
            traps += key_traps(path, "[[datasets.subsets]]", one, {**ANYWHERE, **SUBSET_ONLY})
    return traps + subset_traps(path, subsets, filled)


def key_traps(path: Path, where: str, table: Mapping[str, Any], known: Mapping[str, tuple[type, ...]]) -> list[Trap]:
    """Return the keys of a table that kohya does not know or does not take there, and values of a wrong type."""
    traps = []
    for key, value in table.items():
        if key not in known:
            traps.append(Trap(path, f"kohya takes no {key} in {where} and stops", CORRECT))
        elif type(value) not in known[key]:
            traps.append(Trap(path, f"{key} = {value!r} has a type at which kohya stops", CORRECT))
    return traps


def range_traps(path: Path, dataset: Mapping[str, Any]) -> list[Trap]:
    """Return the traps in the sizes of buckets of a dataset, and in what crops faces."""
    traps = []
    sizes = dataset.get("resolution", [])
    edges = [edge for edge in (sizes if isinstance(sizes, list) else [sizes]) if isinstance(edge, int)]
    least, most = dataset.get("min_bucket_reso", 256), dataset.get("max_bucket_reso", 1024)
    if edges and isinstance(least, int) and isinstance(most, int) and not (least <= min(edges) and max(edges) <= most):
        told = f"the resolution {sizes} lies outside min_bucket_reso {least} and max_bucket_reso {most}"
        traps.append(Trap(path, f"{told}, which stops kohya", CORRECT))
    if "face_crop_aug_range" in dataset:
        told = "face_crop_aug_range takes two numbers with a decimal point, and frames named _X_Y_WIDTH_HEIGHT"
        traps.append(Trap(path, told, "remove it"))
    return traps


def mask_traps(path: Path, folder: Path, masks: Path) -> list[Trap]:
    """Return the traps of a folder of masks: kohya needs one of the same stem for each frame, and no other."""
    if not masks.is_dir():
        return [Trap(path, f"conditioning_data_dir {masks} is not there, which stops kohya", CORRECT)]
    frames, held = ({one.stem for one in place.iterdir() if is_frame_name(one.name)} for place in (folder, masks))
    if frames == held:
        return []
    told = f"{len(frames - held)} frames of {folder} have no mask, {len(held - frames)} masks no frame"
    return [Trap(masks, f"{told}, which stops kohya", "give each frame one mask of its stem")]


def subset_traps(path: Path, subsets: list[dict[str, Any]], filled: Mapping[Path, int]) -> list[Trap]:
    """Return the traps in the subsets, whose values are joined with those above them."""
    traps: list[Trap] = []
    seen: set[Path] = set()
    listed_files: set[str] = set()
    for one in subsets:
        folder = Path(str(one.get("image_dir", "")))
        if isinstance(one.get("num_repeats"), int) and one["num_repeats"] < 1:
            traps.append(Trap(path, f"num_repeats = {one['num_repeats']} drops {folder}", "write 1 or more"))
        if one.get("keep_tokens_separator") and one.get("shuffle_caption") is not True:
            traps.append(Trap(path, "keep_tokens_separator is trained as text unless captions are shuffled", CORRECT))
        if "conditioning_data_dir" in one and folder.is_dir():
            traps += mask_traps(path, folder, Path(str(one["conditioning_data_dir"])))
        if "metadata_file" in one:
            file = Path(str(one["metadata_file"]))
            traps += metadata_traps(file)
            listed_files.add(str(file))
            continue
        if one.get("caption_extension") != ".txt":
            traps.append(Trap(path, 'without caption_extension = ".txt" kohya reads X.caption', CORRECT))
        if not folder.is_absolute():
            traps.append(Trap(path, f"image_dir {folder} is not absolute, kohya seeks it where it is started", AGAIN))
        elif not folder.is_dir():
            traps.append(Trap(path, f"image_dir {folder} is not there, kohya goes on without it", AGAIN))
        elif folder.resolve() in seen:
            traps.append(Trap(path, f"image_dir {folder} stands there twice, kohya takes one", CORRECT))
        seen.add(folder.resolve())
    if not listed_files:
        left = [folder for folder in filled if folder.resolve() not in seen]
        traps += [Trap(folder, f"{path.name} does not name it, so it is not trained", AGAIN) for folder in left]
    return list(dict.fromkeys(traps))


def metadata_traps(path: Path) -> list[Trap]:
    """Return the traps in a JSON file for fine-tuning."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return [Trap(path, "kohya cannot read it as JSON", AGAIN)]
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        return [Trap(path, "kohya needs an object of objects", AGAIN)]
    return list(dict.fromkeys(entry_traps(path, entries.items())))


def entry_traps(path: Path, entries: Iterable[tuple[str, Any]]) -> list[Trap]:
    """Return the traps in the entries of a JSON file for fine-tuning."""
    traps = []
    for name, entry in entries:
        caption, tags = entry.get("caption", ""), entry.get("tags", "")
        if not Path(name).is_absolute() or not Path(name).suffix:
            traps.append(Trap(path, f"{name} is no absolute path with suffix; one of kohya's releases stops", AGAIN))
        elif not Path(name).is_file():
            traps.append(Trap(path, f"{name} is not there, which stops kohya", AGAIN))
        if not isinstance(caption, str) or not isinstance(tags, str):
            traps.append(Trap(path, f"caption and tags of {name} must be texts", AGAIN))
        elif not (caption + tags).strip():
            traps.append(Trap(path, f"{name} has no caption", AGAIN))
        elif "\n" in caption:
            traps.append(Trap(path, f"kohya drops what follows the first line of the caption of {name}", AGAIN))
        if "train_resolution" in entry:
            traps.append(Trap(path, f"train_resolution of {name} fixes its bucket in one of the releases", AGAIN))
    return traps
