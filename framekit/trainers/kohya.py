"""The files that tell trainers what to train: kohya's configs, OneTrainer's concepts, Hugging Face's metadata."""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from framekit import errors
from framekit.arrange.folders import NUMBER_OF
from framekit.dataset.frames import is_frame_name
from framekit.files import paths
from framekit.files.atomic import read_toml
from framekit.trainers.base import FolderBalance, Problem, Text
from framekit.trainers.everydream2 import plain

TRAINERS = ("everydream2", "kohya", "onetrainer", "diffusers")
KOHYA_FORMS = ("config", "folders", "metadata")
KOHYA_CONFIG, KOHYA_METADATA = "dataset_config.toml", "kohya_metadata"
LEAST_BUCKET, BUCKET_STEP = 256, 64  # px; Source: kohya's defaults
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
REPEATS_NAME = re.compile(r"-?\d+_.*|\d+")


@dataclass(frozen=True)
class KohyaSettings:
    """What stands in kohya's config besides the folders."""

    resolution: int = 512
    separator: str = ""
    several_captions: bool = False


def kohya_config(root: Path, leaves: Sequence[FolderBalance], settings: KohyaSettings) -> str:
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
    root: Path, leaves: Sequence[FolderBalance], captions: Mapping[Path, str], settings: KohyaSettings
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


def kohya_folders(leaves: Sequence[FolderBalance]) -> dict[PurePosixPath, PurePosixPath]:
    """Return the folder `train/3_NAME` or `reg/3_NAME` of each folder; NAME is its path joined by ~."""
    taken: set[str] = set()
    found = {}
    for leaf in leaves:
        name = paths.safe_name("~".join(leaf.folder.parts) or "frames")
        number, unique = 1, name
        while unique.casefold() in taken:  # long paths are cut off
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique.casefold())
        found[leaf.folder] = PurePosixPath("reg" if leaf.is_reg else "train", f"{leaf.repeats}_{unique}")
    return found


def toml_text(text: str) -> str:
    """Return text as a TOML string; JSON's escapes are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def config_problems(path: Path, filled: Mapping[Path, int]) -> list[Problem]:
    """Return the problems in a config; `filled` are the folders of the dataset that hold frames."""
    try:
        config = read_toml(path)
    except errors.UsageError as error:
        return [Problem(path, f"kohya cannot read it: {error}", CORRECT)]
    general, datasets = config.get("general", {}), config.get("datasets")
    if not isinstance(general, dict) or not isinstance(datasets, list) or not datasets:
        return [Problem(path, "it needs [general] once, and [[datasets]] with double brackets", AGAIN)]
    problems = key_problems(path, "[general]", general, {**DATASET_ONLY, **ANYWHERE})
    subsets: list[dict[str, Any]] = []
    for dataset in datasets:
        own = {key: value for key, value in dataset.items() if key != "subsets"}
        problems += key_problems(path, "[[datasets]]", own, {**DATASET_ONLY, **ANYWHERE})
        if "resolution" not in {**general, **own}:
            problems.append(Problem(path, "a dataset has no resolution", CORRECT))
        if {**general, **own}.get("enable_bucket") is not True:
            problems.append(Problem(path, "without enable_bucket a frame of another size stops the training", CORRECT))
        problems += range_problems(path, {**general, **own})
        listed = dataset.get("subsets", [])
        if len({"metadata_file" in one for one in listed}) > 1:
            problems.append(
                Problem(path, "subsets with and without metadata_file share a dataset, which stops kohya", CORRECT)
            )
        subsets += [{**general, **own, **one} for one in listed]
        for one in listed:
            problems += key_problems(path, "[[datasets.subsets]]", one, {**ANYWHERE, **SUBSET_ONLY})
    return problems + subset_problems(path, subsets, filled)


def key_problems(
    path: Path, where: str, table: Mapping[str, Any], known: Mapping[str, tuple[type, ...]]
) -> list[Problem]:
    """Return the keys of a table that kohya does not know or does not take there, and values of a wrong type."""
    problems = []
    for key, value in table.items():
        if key not in known:
            problems.append(Problem(path, f"kohya takes no {key} in {where} and stops", CORRECT))
        elif type(value) not in known[key]:
            problems.append(Problem(path, f"{key} = {value!r} has a type at which kohya stops", CORRECT))
    return problems


def range_problems(path: Path, dataset: Mapping[str, Any]) -> list[Problem]:
    """Return the problems in the sizes of buckets of a dataset, and in what crops faces."""
    problems = []
    sizes = dataset.get("resolution", [])
    edges = [edge for edge in (sizes if isinstance(sizes, list) else [sizes]) if isinstance(edge, int)]
    least, most = dataset.get("min_bucket_reso", 256), dataset.get("max_bucket_reso", 1024)
    if edges and isinstance(least, int) and isinstance(most, int) and not (least <= min(edges) and max(edges) <= most):
        told = f"the resolution {sizes} lies outside min_bucket_reso {least} and max_bucket_reso {most}"
        problems.append(Problem(path, f"{told}, which stops kohya", CORRECT))
    if "face_crop_aug_range" in dataset:
        told = "face_crop_aug_range takes two numbers with a decimal point, and frames named _X_Y_WIDTH_HEIGHT"
        problems.append(Problem(path, told, "remove it"))
    return problems


def mask_problems(path: Path, folder: Path, masks: Path) -> list[Problem]:
    """Return the problems of a folder of masks: kohya needs one of the same stem for each frame, and no other."""
    if not masks.is_dir():
        return [Problem(path, f"conditioning_data_dir {masks} is not there, which stops kohya", CORRECT)]
    frames, held = ({one.stem for one in place.iterdir() if is_frame_name(one.name)} for place in (folder, masks))
    if frames == held:
        return []
    told = f"{len(frames - held)} frames of {folder} have no mask, {len(held - frames)} masks no frame"
    return [Problem(masks, f"{told}, which stops kohya", "give each frame one mask of its stem")]


def subset_problems(path: Path, subsets: list[dict[str, Any]], filled: Mapping[Path, int]) -> list[Problem]:
    """Return the problems in the subsets, whose values are joined with those above them."""
    problems: list[Problem] = []
    seen: set[Path] = set()
    listed_files: set[str] = set()
    for one in subsets:
        folder = Path(str(one.get("image_dir", "")))
        if isinstance(one.get("num_repeats"), int) and one["num_repeats"] < 1:
            problems.append(Problem(path, f"num_repeats = {one['num_repeats']} drops {folder}", "write 1 or more"))
        if one.get("keep_tokens_separator") and one.get("shuffle_caption") is not True:
            problems.append(
                Problem(path, "keep_tokens_separator is trained as text unless captions are shuffled", CORRECT)
            )
        if "conditioning_data_dir" in one and folder.is_dir():
            problems += mask_problems(path, folder, Path(str(one["conditioning_data_dir"])))
        if "metadata_file" in one:
            file = Path(str(one["metadata_file"]))
            problems += metadata_problems(file)
            listed_files.add(str(file))
            continue
        if one.get("caption_extension") != ".txt":
            problems.append(Problem(path, 'without caption_extension = ".txt" kohya reads X.caption', CORRECT))
        if not folder.is_absolute():
            problems.append(
                Problem(path, f"image_dir {folder} is not absolute, kohya seeks it where it is started", AGAIN)
            )
        elif not folder.is_dir():
            problems.append(Problem(path, f"image_dir {folder} is not there, kohya goes on without it", AGAIN))
        elif folder.resolve() in seen:
            problems.append(Problem(path, f"image_dir {folder} stands there twice, kohya takes one", CORRECT))
        seen.add(folder.resolve())
    if not listed_files:
        left = [folder for folder in filled if folder.resolve() not in seen]
        problems += [Problem(folder, f"{path.name} does not name it, so it is not trained", AGAIN) for folder in left]
    return list(dict.fromkeys(problems))


def metadata_problems(path: Path) -> list[Problem]:
    """Return the problems in a JSON file for fine-tuning."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return [Problem(path, "kohya cannot read it as JSON", AGAIN)]
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        return [Problem(path, "kohya needs an object of objects", AGAIN)]
    return list(dict.fromkeys(entry_problems(path, entries.items())))


def entry_problems(path: Path, entries: Iterable[tuple[str, Any]]) -> list[Problem]:
    """Return the problems in the entries of a JSON file for fine-tuning."""
    problems = []
    for name, entry in entries:
        caption, tags = entry.get("caption", ""), entry.get("tags", "")
        if not Path(name).is_absolute() or not Path(name).suffix:
            problems.append(
                Problem(path, f"{name} is no absolute path with suffix; one of kohya's releases stops", AGAIN)
            )
        elif not Path(name).is_file():
            problems.append(Problem(path, f"{name} is not there, which stops kohya", AGAIN))
        if not isinstance(caption, str) or not isinstance(tags, str):
            problems.append(Problem(path, f"caption and tags of {name} must be texts", AGAIN))
        elif not (caption + tags).strip():
            problems.append(Problem(path, f"{name} has no caption", AGAIN))
        elif "\n" in caption:
            problems.append(Problem(path, f"kohya drops what follows the first line of the caption of {name}", AGAIN))
        if "train_resolution" in entry:
            problems.append(Problem(path, f"train_resolution of {name} fixes its bucket in one of the releases", AGAIN))
    return problems


def takes_several_lines(root: Path, wanted: Collection[str]) -> bool:
    """Tell whether all these trainers take a caption in each line of a file; kohya does if its config says so."""
    if not {*wanted} <= {"kohya", "onetrainer"}:
        return False
    try:
        general = read_toml(root / KOHYA_CONFIG).get("general", {})
    except errors.UsageError:
        general = {}
    return "kohya" not in wanted or (isinstance(general, dict) and general.get("enable_wildcard") is True)


def kohya_folder_problems(root: Path, filled: Mapping[Path, int]) -> list[Problem]:
    """Return the problems of a dataset without config, whose folders kohya reads as REPEATS_NAME."""
    top = root / "train" if (root / "train").is_dir() else root
    problems = []
    for folder in sorted({Path(top, *path.relative_to(top).parts[:1]) for path in filled if path.is_relative_to(top)}):
        if folder == top:
            problems.append(Problem(folder, "kohya ignores frames at the top", "prepare with --kohya_form folders"))
        elif NUMBER_OF.fullmatch(folder.name):
            name = folder.name.partition("_")
            reason = f"kohya reads its name as {name[0]} repeats of {name[2]}"
            problems.append(Problem(folder, reason, f"use {KOHYA_CONFIG}, or --kohya_form folders"))
        elif not REPEATS_NAME.fullmatch(folder.name):
            problems.append(Problem(folder, "kohya ignores a folder without repeats in its name", "name it 1_NAME"))
        elif int(folder.name.partition("_")[0]) < 1:
            problems.append(Problem(folder, "kohya drops a folder with less than 1 repeat", "name it 1_NAME"))
        elif any(path != folder and path.is_relative_to(folder) for path in filled):
            problems.append(Problem(folder, "kohya does not look into the folders below it", "prepare it again"))
    return problems
