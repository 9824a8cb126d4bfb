"""What kohya misreads: its dataset_config.toml, its JSON for fine-tuning, and folders named REPEATS_NAME.

Taken from the code of sd-scripts 0.9.1 and 0.10, and watched while their loaders ran.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from framekit.arrange.folders import COUNTED
from framekit.errors import UsageError
from framekit.files.atomic import file_text, parsed_json, read_toml
from framekit.trainers import masks
from framekit.trainers.base import CORRECT, HALF, MANY, RENEW, Kind, Look, PreparedTree, Problem, SeenFolder, Severity

CONFIG = "dataset_config.toml"
SUFFIXES = frozenset(".png .jpg .jpeg .webp .bmp".split())  # in lower or UPPER case only; Source: kohya's loader
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
# Keys of a subset with masks. Source: the schemas CN_SUBSET_* in config_util.py.
MASKED = {**ANYWHERE, "image_dir": (str,), "conditioning_data_dir": (str,)}
del MASKED["class_tokens"]
REPEATS_NAME = re.compile(r"-?\d+_.*|\d+")

UNREADABLE = Kind("kohya-config-unreadable", Severity.STOPS, "kohya cannot read it", CORRECT)
FORM = Kind(
    "kohya-config-form", Severity.STOPS, "it needs [general] once, and [[datasets]] with double brackets", RENEW
)
NO_RESOLUTION = Kind("kohya-no-resolution", Severity.STOPS, "a dataset has no resolution", CORRECT)
NO_BUCKETS = Kind(
    "kohya-no-buckets", Severity.STOPS, "without enable_bucket a frame of another size stops the training", CORRECT
)
MIXED = Kind(
    "kohya-mixed-subsets",
    Severity.STOPS,
    "subsets with and without metadata_file or conditioning_data_dir share a dataset, which stops kohya",
    CORRECT,
)
KEY = Kind("kohya-key", Severity.STOPS, "kohya stops at a key that it does not take there", CORRECT)
TYPE = Kind("kohya-type", Severity.STOPS, "kohya stops at a value of this type", CORRECT)
OUTSIDE = Kind(
    "kohya-resolution-outside",
    Severity.STOPS,
    "kohya stops if the resolution lies outside min_bucket_reso and max_bucket_reso",
    CORRECT,
)
FACE_CROP = Kind(
    "kohya-face-crop",
    Severity.MISREADS,
    "face_crop_aug_range takes two numbers with a decimal point, and frames named _X_Y_WIDTH_HEIGHT",
    "remove it",
)
NO_REPEATS = Kind("kohya-no-repeats", Severity.LOSES, "num_repeats below 1 drops the folder", "write 1 or more")
ALL_REG = Kind("kohya-all-reg", Severity.STOPS, "every subset is is_reg, so that none is trained", CORRECT)
NO_SUBSETS = Kind("kohya-no-subsets", Severity.STOPS, "a dataset has no subsets", RENEW)
DROPS = Kind("kohya-drops-captions", Severity.MISREADS, "half of the captions or tags are dropped, or more", CORRECT)
VALIDATION = Kind(
    "kohya-validation", Severity.LOSES, "this share of the frames is not trained but kept for validation", CORRECT
)
BELOW = Kind("kohya-below", Severity.STOPS, "kohya stops, or trains nothing, with a number so small", CORRECT)
TOO_MANY = Kind("kohya-many", Severity.MISREADS, f"its frames are trained more than {MANY} times an epoch", CORRECT)
ONE_TAG = Kind("kohya-one-tag", Severity.MISREADS, "captions, whose tags stand between commas, are one tag", CORRECT)
# key -> whether a number is wrong, and what follows
VALUES: dict[str, tuple[Callable[[float], bool], Kind]] = {
    "caption_dropout_rate": (lambda rate: rate >= HALF, DROPS),
    "caption_tag_dropout_rate": (lambda rate: rate >= HALF, DROPS),
    "caption_dropout_every_n_epochs": (lambda epochs: 0 < epochs <= 2, DROPS),
    "validation_split": (lambda share: share > 0.2, VALIDATION),  # chosen; more is a slip
    "network_multiplier": (lambda factor: factor <= 0, BELOW),
    "batch_size": (lambda size: size < 1, BELOW),
    "bucket_reso_steps": (lambda step: step < 1, BELOW),
    "resolution": (lambda edge: edge < 1, BELOW),
    "num_repeats": (lambda repeats: repeats > MANY, TOO_MANY),
}
SEPARATOR = Kind(
    "kohya-separator",
    Severity.MISREADS,
    "keep_tokens_separator is trained as text unless captions are shuffled",
    CORRECT,
)
CAPTION_SUFFIX = Kind(
    "kohya-caption-extension", Severity.MISREADS, 'without caption_extension = ".txt" kohya reads X.caption', CORRECT
)
RELATIVE = Kind(
    "kohya-relative-folder", Severity.MISREADS, "image_dir is not absolute, kohya seeks it where it is started", RENEW
)
GONE = Kind("kohya-folder-gone", Severity.LOSES, "image_dir is not there, kohya goes on without it", RENEW)
TWICE = Kind("kohya-folder-twice", Severity.LOSES, "image_dir stands there twice, kohya takes one", CORRECT)
UNNAMED = Kind(
    "kohya-folder-unnamed", Severity.LOSES, "dataset_config.toml does not name it, so it is not trained", RENEW
)
NO_JSON = Kind("kohya-metadata-unreadable", Severity.STOPS, "kohya cannot read it as JSON", RENEW)
NO_OBJECTS = Kind("kohya-metadata-form", Severity.STOPS, "kohya needs an object of objects", RENEW)
RELATIVE_FRAME = Kind(
    "kohya-metadata-relative",
    Severity.STOPS,
    "a frame is no absolute path with suffix; one of kohya's releases stops",
    RENEW,
)
FRAME_GONE = Kind("kohya-metadata-frame-gone", Severity.STOPS, "a frame is not there, which stops kohya", RENEW)
NO_TEXTS = Kind("kohya-metadata-types", Severity.STOPS, "caption and tags must be texts", RENEW)
NO_CAPTION = Kind("kohya-metadata-no-caption", Severity.MISREADS, "a frame has no caption", RENEW)
FIRST_LINE = Kind("kohya-metadata-lines", Severity.LOSES, "kohya drops what follows the first line of a caption", RENEW)
FIXED_BUCKET = Kind(
    "kohya-metadata-bucket",
    Severity.MISREADS,
    "train_resolution of a frame fixes its bucket in one of the releases",
    RENEW,
)
AT_TOP = Kind(
    "kohya-frames-at-top", Severity.LOSES, "kohya ignores frames at the top", "prepare with --kohya_form folders"
)
NUMBER = Kind(
    "kohya-folder-number",
    Severity.MISREADS,
    "kohya reads the number in its name as repeats",
    "use dataset_config.toml, or --kohya_form folders",
)
WITHOUT_REPEATS = Kind(
    "kohya-folder-without-repeats",
    Severity.LOSES,
    "kohya ignores a folder without repeats in its name",
    "name it 1_NAME",
)
BELOW_1 = Kind("kohya-folder-below-1", Severity.LOSES, "kohya drops a folder with less than 1 repeat", "name it 1_NAME")
DEEPER = Kind("kohya-folders-below", Severity.LOSES, "kohya does not look into the folders below it", RENEW)
CACHE = Kind("kohya-cache", Severity.LOSES, "kohya believes it, and sees no new frames or captions", "delete it")
TURNED = Kind(
    "kohya-turned", Severity.MISREADS, "EXIF turns it, which kohya ignores", "save it upright, as --max_image_size does"
)
FOLDER_NAME = Kind("kohya-folder-named-like-image", Severity.STOPS, "a folder of this name stops kohya", "rename it")


def sees(suffix: str) -> bool:
    """Tell whether kohya reads images with a suffix, as it is written."""
    return suffix.lower() in SUFFIXES and suffix in (suffix.lower(), suffix.upper())


def problems(tree: PreparedTree) -> list[Problem]:
    """Return what kohya misreads in a prepared tree."""
    config, filled = tree.root / CONFIG, tree.filled
    found = config_problems(config, filled, tree.looks) if config.exists() else numbered_problems(tree.root, filled)
    found += [Problem(image, TURNED) for image, seen in tree.looks.items() if seen.is_turned]
    return found + [problem for folder in tree.folders for problem in name_problems(folder)]


def name_problems(found: SeenFolder) -> Iterator[Problem]:
    """Yield what kohya takes wrongly among the names in a folder."""
    for name in sorted(found.names):
        path = found.folder / name
        if name == "metadata_cache.json":
            yield Problem(path, CACHE)
        elif path.suffix.lower() in SUFFIXES and path.is_dir():
            yield Problem(path, FOLDER_NAME)


def config_problems(path: Path, filled: Mapping[Path, int], looks: Mapping[Path, Look]) -> list[Problem]:
    """Return the problems in a config and in its masks; `filled` are the folders of the dataset that hold frames."""
    try:
        config = read_toml(path)
    except UsageError as error:
        return [Problem(path, UNREADABLE, str(error))]
    general, datasets = config.get("general", {}), config.get("datasets")
    if not isinstance(general, dict) or not are_tables(datasets) or not datasets:
        return [Problem(path, FORM)]
    problems = key_problems(path, "[general]", general, {**DATASET_ONLY, **ANYWHERE})
    subsets: list[dict[str, Any]] = []
    for dataset in datasets:
        own = {key: value for key, value in dataset.items() if key != "subsets"}
        problems += key_problems(path, "[[datasets]]", own, {**DATASET_ONLY, **ANYWHERE})
        if "resolution" not in {**general, **own}:
            problems.append(Problem(path, NO_RESOLUTION))
        if {**general, **own}.get("enable_bucket") is not True:
            problems.append(Problem(path, NO_BUCKETS))
        problems += range_problems(path, {**general, **own})
        listed = dataset.get("subsets", [])
        if not listed or not are_tables(listed):
            problems.append(Problem(path, NO_SUBSETS))
            continue
        problems += value_problems(path, {**general, **own})
        if len({("metadata_file" in one, "conditioning_data_dir" in one) for one in listed}) > 1:
            problems.append(Problem(path, MIXED))
        subsets += [{**general, **own, **one} for one in listed]
        problems += doubled(path, listed)
        for one in listed:
            known = MASKED if "conditioning_data_dir" in one else {**ANYWHERE, **SUBSET_ONLY}
            problems += key_problems(path, "[[datasets.subsets]]", one, known)
    return problems + subset_problems(path, subsets, filled) + masks.subset_problems(path, subsets, looks)


def are_tables(value: Any) -> bool:
    """Tell whether a value is a list of tables."""
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def key_problems(
    path: Path, where: str, table: Mapping[str, Any], known: Mapping[str, tuple[type, ...]]
) -> list[Problem]:
    """Return the keys of a table that kohya does not know or does not take there, and values of a wrong type."""
    problems = []
    for key, value in table.items():
        if key not in known:
            problems.append(Problem(path, KEY, f"{key} in {where}"))
        elif type(value) not in known[key]:
            problems.append(Problem(path, TYPE, f"{key} = {value!r}"))
    return problems


def value_problems(path: Path, table: Mapping[str, Any]) -> list[Problem]:
    """Return the values that make frames or captions vanish."""
    found = []
    for key, (is_wrong, kind) in VALUES.items():
        for value in table[key] if isinstance(table.get(key), list) else [table.get(key)]:
            if isinstance(value, int | float) and is_wrong(value):
                found.append(Problem(path, kind, f"{key} = {value}"))
    splits = any(table.get(key) for key in ("shuffle_caption", "caption_tag_dropout_rate", "token_warmup_step"))
    if splits and str(table.get("caption_separator", ",")).strip() != ",":
        found.append(Problem(path, ONE_TAG, f"caption_separator = {table['caption_separator']!r}"))
    return found


def range_problems(path: Path, dataset: Mapping[str, Any]) -> list[Problem]:
    """Return the problems in the sizes of buckets of a dataset, and in what crops faces."""
    problems = []
    sizes = dataset.get("resolution", [])
    if isinstance(sizes, list) and "resolution" in dataset and len(sizes) != 2:
        problems.append(Problem(path, TYPE, f"resolution = {sizes}, which needs width and height"))
    edges = [edge for edge in (sizes if isinstance(sizes, list) else [sizes]) if isinstance(edge, int)]
    least, most = dataset.get("min_bucket_reso", 256), dataset.get("max_bucket_reso", 1024)
    if edges and isinstance(least, int) and isinstance(most, int) and not (least <= min(edges) and max(edges) <= most):
        problems.append(Problem(path, OUTSIDE, f"{sizes} outside {least} to {most}"))
    if "face_crop_aug_range" in dataset:
        problems.append(Problem(path, FACE_CROP))
    return problems


def subset_problems(path: Path, subsets: list[dict[str, Any]], filled: Mapping[Path, int]) -> list[Problem]:
    """Return the problems in the subsets, whose values are joined with those above them."""
    problems: list[Problem] = []
    seen: set[Path] = set()
    listed_files: set[str] = set()
    if subsets and all(one.get("is_reg") is True for one in subsets):
        problems.append(Problem(path, ALL_REG))
    for one in subsets:
        problems += value_problems(path, one)
        folder = Path(str(one.get("image_dir", "")))
        if isinstance(one.get("num_repeats"), int) and one["num_repeats"] < 1:
            problems.append(Problem(path, NO_REPEATS, f"{one['num_repeats']} for {folder}"))
        if one.get("keep_tokens_separator") and one.get("shuffle_caption") is not True:
            problems.append(Problem(path, SEPARATOR))
        if "metadata_file" in one:
            file = Path(str(one["metadata_file"]))
            problems += metadata_problems(file)
            listed_files.add(str(file))
            continue
        if one.get("caption_extension") != ".txt":
            problems.append(Problem(path, CAPTION_SUFFIX))
        if not folder.is_absolute():
            problems.append(Problem(path, RELATIVE, str(folder)))
        elif not folder.is_dir():
            problems.append(Problem(path, GONE, str(folder)))
        seen.add(folder.resolve())
    if not listed_files:
        left = [folder for folder in filled if folder.resolve() not in seen]
        problems += [Problem(folder, UNNAMED) for folder in left]
    return list(dict.fromkeys(problems))


def doubled(path: Path, listed: Iterable[Mapping[str, Any]]) -> Iterator[Problem]:
    """Yield the folders that stand twice in one dataset; another one, of another resolution, may have them too."""
    named = [one["image_dir"] for one in listed if "image_dir" in one and "metadata_file" not in one]
    folders = Counter(Path(str(folder)) for folder in named)
    for folder, times in folders.items():
        if times > 1:
            yield Problem(path, TWICE, str(folder))


def metadata_problems(path: Path) -> list[Problem]:
    """Return the problems in a JSON file for fine-tuning."""
    try:
        entries = parsed_json(file_text(path))
    except (OSError, ValueError):
        return [Problem(path, NO_JSON)]
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        return [Problem(path, NO_OBJECTS)]
    return list(dict.fromkeys(entry_problems(path, entries.items())))


def entry_problems(path: Path, entries: Iterable[tuple[str, Any]]) -> list[Problem]:
    """Return the problems in the entries of a JSON file for fine-tuning."""
    problems = []
    for name, entry in entries:
        caption, tags = entry.get("caption", ""), entry.get("tags", "")
        if not Path(name).is_absolute() or not Path(name).suffix:
            problems.append(Problem(path, RELATIVE_FRAME, name))
        elif not Path(name).is_file():
            problems.append(Problem(path, FRAME_GONE, name))
        if not isinstance(caption, str) or not isinstance(tags, str):
            problems.append(Problem(path, NO_TEXTS, name))
        elif not (caption + tags).strip():
            problems.append(Problem(path, NO_CAPTION, name))
        elif "\n" in caption:
            problems.append(Problem(path, FIRST_LINE, name))
        if "train_resolution" in entry:
            problems.append(Problem(path, FIXED_BUCKET, name))
    return problems


def has_wildcards(root: Path) -> bool:
    """Tell whether the config in a tree makes kohya draw one of the lines of a caption."""
    try:
        general = read_toml(root / CONFIG).get("general", {})
    except UsageError:
        return False
    return isinstance(general, dict) and general.get("enable_wildcard") is True


def resolution(root: Path) -> int:
    """Return the largest edge in px that the config in a tree asks for; 0 without one."""
    try:
        held = read_toml(root / CONFIG)
    except UsageError:
        return 0
    listed = held.get("datasets", [])
    tables = [held.get("general"), *(listed if are_tables(listed) else [])]
    values = [table.get("resolution", 0) for table in tables if isinstance(table, dict)]
    edges = [edge for value in values for edge in (value if isinstance(value, list) else [value])]
    return max((edge for edge in edges if isinstance(edge, int)), default=0)


def numbered_problems(root: Path, filled: Mapping[Path, int]) -> list[Problem]:
    """Return the problems of a dataset without config, whose folders kohya reads as REPEATS_NAME."""
    top = root / "train" if (root / "train").is_dir() else root
    problems = []
    for folder in sorted({Path(top, *path.relative_to(top).parts[:1]) for path in filled if path.is_relative_to(top)}):
        if folder == top:
            problems.append(Problem(folder, AT_TOP))
        elif COUNTED.fullmatch(folder.name):
            name = folder.name.partition("_")
            problems.append(Problem(folder, NUMBER, f"{name[0]} repeats of {name[2]}"))
        elif not REPEATS_NAME.fullmatch(folder.name):
            problems.append(Problem(folder, WITHOUT_REPEATS))
        elif int(folder.name.partition("_")[0]) < 1:
            problems.append(Problem(folder, BELOW_1))
        elif any(path != folder and path.is_relative_to(folder) for path in filled):
            problems.append(Problem(folder, DEEPER))
    return problems
