"""musubi-tuner: a TOML that lists a dataset for each folder of frames, and for each folder of clips."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from framekit.errors import UsageError
from framekit.files.atomic import read_toml
from framekit.files.names import is_ignored, walk
from framekit.trainers.base import (
    CORRECT,
    MANY,
    RENEW,
    Kind,
    PreparedTree,
    Problem,
    Settings,
    Severity,
    Text,
    Trainer,
    TrainingTree,
    below,
    plain,
    text_at,
)
from framekit.trainers.entries import TOO_OFTEN, entry_names, folder_problems, is_at_least, is_count, value_problems
from framekit.trainers.forms import Form, read_toml_text, toml_text, write_toml

NAME = "musubi"
CONFIG = "musubi_dataset.toml"
CACHE = ".musubi_cache"  # each dataset needs one of its own
SUFFIXES = frozenset(".png .jpg .jpeg .webp .bmp .avif".split())  # in lower or UPPER case only; Source: its media_utils
CLIPS = frozenset(".mp4 .webm .avi .mkv .mov .flv .wmv .m4v .mpg .mpeg".split())  # likewise
TARGET_FRAMES = (1, 25)  # of a clip: one, and a second at 24 per second; each is N * 4 + 1
EXTRACTIONS = ("head", "chunk", "slide", "uniform", "full")
STOPS, MISREADS, LOSES, _ = Severity


def is_sides(value: Any) -> bool:
    """Tell whether a value is a resolution: one side, or width and height."""
    return is_count(value) or (isinstance(value, list) and len(value) == 2 and all(map(is_count, value)))


def is_text(value: Any) -> bool:
    """Tell whether a value is a text."""
    return isinstance(value, str)


def is_switch(value: Any) -> bool:
    """Tell whether a value is true or false."""
    return isinstance(value, bool)


def is_counts(value: Any) -> bool:
    """Tell whether a value is a list of whole numbers."""
    return isinstance(value, list) and all(is_count(one, 0) for one in value)


# key -> what tells a value that musubi-tuner takes. Source: the schemas in its config_utils.py.
ANYWHERE: dict[str, Callable[[Any], bool]] = {
    "resolution": is_sides,
    "caption_extension": is_text,
    "batch_size": is_count,
    "num_repeats": is_count,
    **dict.fromkeys(("enable_bucket", "bucket_no_upscale", "skip_corrupted_cache"), is_switch),
}
IN_DATASET = {"cache_directory": is_text, "control_directory": is_text, "fp_latent_window_size": is_count}
OF_IMAGES: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("image_directory", "image_jsonl_file"), is_text),
    **dict.fromkeys(("multiple_target", "fp_1f_no_post", "no_resize_control"), is_switch),
    **dict.fromkeys(("flux_kontext_no_resize_control", "qwen_image_edit_no_resize_control"), is_switch),
    **dict.fromkeys(("control_resolution", "qwen_image_edit_control_resolution"), is_sides),
    "fp_1f_clean_indices": is_counts,
    "fp_1f_target_index": lambda value: is_count(value, 0),
}
OF_CLIPS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("video_directory", "video_jsonl_file"), is_text),
    "target_frames": is_counts,
    "frame_extraction": lambda value: value in EXTRACTIONS,
    **dict.fromkeys(("frame_stride", "frame_sample", "max_frames"), is_count),
    "source_fps": lambda value: isinstance(value, float),
}

UNREADABLE = Kind("musubi-unreadable", STOPS, "musubi-tuner cannot read it", CORRECT)
FORM = Kind("musubi-form", STOPS, "it needs [[datasets]] with double brackets", RENEW)
KEY = Kind("musubi-key", STOPS, "musubi-tuner stops at a key that it does not take there", CORRECT)
VALUE = Kind("musubi-value", STOPS, "musubi-tuner stops at such a value, or trains nothing with it", CORRECT)
NO_FOLDER = Kind("musubi-no-folder", STOPS, "a dataset names neither a folder nor a JSONL file", CORRECT)
SAME_CACHE = Kind("musubi-cache", STOPS, "two datasets have one cache_directory", "give each its own")
NO_CAPTIONS = Kind("musubi-captions", STOPS, 'without caption_extension ".txt" the captions are not found', CORRECT)
NO_RESOLUTION = Kind("musubi-no-resolution", MISREADS, "without resolution all frames are cut to 960x544", CORRECT)
NO_BUCKETS = Kind("musubi-no-buckets", MISREADS, "without enable_bucket all frames are cut to one shape", CORRECT)
TRUNCATED = Kind("musubi-target-frames", MISREADS, "target_frames are cut to N * 4 + 1", "write 1, 25, 49 or so")
NO_CLIPS = Kind("musubi-no-clips", STOPS, "a video_directory holds no clip", RENEW)
NO_CLIP_CAPTION = Kind("musubi-clip-caption", STOPS, "a clip without caption stops musubi-tuner", "write its X.txt")
CLIPS_UNNAMED = Kind("musubi-clips-unnamed", LOSES, f"{CONFIG} does not name it, so its clips are not trained", RENEW)


def texts(tree: TrainingTree) -> list[Text]:
    """Return the TOML: general settings, a dataset for each folder with frames, and for each with clips."""
    names = entry_names(tree.balance)
    cache = tree.root / CACHE
    lines = [
        "# musubi-tuner: --dataset_config musubi_dataset.toml; written by prepare_training.py",
        "[general]",
        f"resolution = [{tree.settings.resolution}, {tree.settings.resolution}]",
        'caption_extension = ".txt"',
        "batch_size = 1",
        "enable_bucket = true",
        "bucket_no_upscale = false",
    ]
    for one in tree.balance:
        multiply = f"multiply {plain(one.multiply)}"
        lines += [
            "",
            "[[datasets]]",
            f"image_directory = {toml_text(str((tree.root / one.folder).absolute()))}",
            f"cache_directory = {toml_text(str((cache / names[one.folder]).absolute()))}",
            f"num_repeats = {one.repeats}  # {'regularization is trained like all else' if one.is_reg else multiply}",
        ]
    for number, folder in enumerate(clip_folders(tree.source)):
        lines += [
            "",
            "[[datasets]]",
            f"video_directory = {toml_text(str(folder.absolute()))}",
            f"cache_directory = {toml_text(str((cache / f'clips_{number}').absolute()))}",
            f"target_frames = {list(TARGET_FRAMES)}  # of N * 4 + 1 frames",
            'frame_extraction = "head"',
            "# source_fps = 23.976  # of the clips; without it every frame counts, whatever the model's own rate",
        ]
    form = Form(read_toml_text, write_toml, ("image_directory", "video_directory"), below(tree.root))
    return [text_at(tree.root, CONFIG, "\n".join(lines) + "\n", form)]


def clip_folders(root: Path) -> Iterator[Path]:
    """Yield the folders that hold clips, in order; hidden ones are left out."""
    for folder, _, names in walk(root):
        if any(map(is_clip, names)):
            yield Path(folder)


def is_clip(name: str) -> bool:
    """Tell whether musubi-tuner takes a file for a clip."""
    return not is_ignored(name) and has_suffix(Path(name).suffix, CLIPS)


def has_suffix(suffix: str, known: frozenset[str]) -> bool:
    """Tell whether a suffix is one of the known, in lower or upper case throughout."""
    return suffix.lower() in known and suffix in (suffix.lower(), suffix.upper())


def problems(tree: PreparedTree) -> list[Problem]:
    """Return what musubi-tuner misreads in its TOML."""
    path = tree.root / CONFIG
    try:
        config = read_toml(path)
    except UsageError as error:
        return [Problem(path, UNREADABLE, str(error))]
    general, datasets = config.get("general", {}), config.get("datasets")
    is_formed = isinstance(datasets, list) and all(isinstance(one, dict) for one in datasets)
    if not is_formed or not datasets or not isinstance(general, dict):
        return [Problem(path, FORM)]
    found = key_problems(path, "[general]", general, ANYWHERE)
    for one in datasets:
        found += dataset_problems(path, one, general)
    caches = [one.get("cache_directory", one.get("image_directory", one.get("video_directory"))) for one in datasets]
    found += [Problem(path, SAME_CACHE, str(one)) for one in caches if one is not None and caches.count(one) > 1]
    listed = [
        (one["image_directory"], one.get("resolution")) for one in datasets if is_text(one.get("image_directory"))
    ]
    found += folder_problems(NAME, path, listed, tree, reads_below=False)
    return list(dict.fromkeys([*found, *clip_problems(path, datasets, tree)]))


def dataset_problems(path: Path, one: Mapping[str, Any], general: Mapping[str, Any]) -> list[Problem]:
    """Return the problems in a dataset of the TOML."""
    folder = one.get("image_directory", one.get("video_directory"))
    is_video = "video_directory" in one or "video_jsonl_file" in one
    known = {**ANYWHERE, **IN_DATASET, **(OF_CLIPS if is_video else OF_IMAGES)}
    found = key_problems(path, "[[datasets]]", one, known)
    both = {**general, **one}
    if folder is None:
        found += [Problem(path, NO_FOLDER)] * ("image_jsonl_file" not in one and "video_jsonl_file" not in one)
    elif both.get("caption_extension") != ".txt":
        found.append(Problem(path, NO_CAPTIONS, str(folder)))
    found += [Problem(path, NO_RESOLUTION, str(folder))] * ("resolution" not in both)
    found += [Problem(path, NO_BUCKETS, str(folder))] * (both.get("enable_bucket") is not True)
    frames = one.get("target_frames", [])
    cut = [number for number in frames if is_count(number) and number % 4 != 1] if isinstance(frames, list) else []
    found += value_problems(NAME, path, str(folder), both, {"num_repeats": (is_at_least(MANY + 1), TOO_OFTEN)})
    return found + [Problem(path, TRUNCATED, f"{cut} for {folder}")] * bool(cut)


def key_problems(
    path: Path, where: str, table: Mapping[str, Any], known: Mapping[str, Callable[[Any], bool]]
) -> list[Problem]:
    """Return the keys of a table that musubi-tuner does not take there, and values that it does not."""
    found = [Problem(path, KEY, f"{key} in {where}") for key in table if key not in known]
    return found + [
        Problem(path, VALUE, f"{key} = {value!r} in {where}")
        for key, value in table.items() if key in known and not known[key](value)
    ]  # fmt: skip


def clip_problems(path: Path, datasets: Sequence[Mapping[str, Any]], tree: PreparedTree) -> list[Problem]:
    """Return the problems of folders with clips: not there, empty, not named, and clips without a caption."""
    named = [Path(one["video_directory"]) for one in datasets if is_text(one.get("video_directory"))]
    found = []
    for folder in named:
        clips = sorted(clip for clip in (folder.iterdir() if folder.is_dir() else ()) if is_clip(clip.name))
        found += [Problem(path, NO_CLIPS, str(folder))] * (not clips)
        found += [Problem(clip, NO_CLIP_CAPTION) for clip in clips if not clip.with_suffix(".txt").is_file()]
    known = {folder.resolve() for folder in named}
    return found + [
        Problem(folder, CLIPS_UNNAMED) for folder in clip_folders(tree.root) if folder.resolve() not in known
    ]


def resolution(root: Path) -> int:
    """Return the resolution that the TOML asks for: the shorter side; 0 where it says none."""
    try:
        sides = read_toml(root / CONFIG).get("general", {}).get("resolution", 0)
    except (UsageError, AttributeError):
        return 0
    return (min(sides) if isinstance(sides, list) else int(sides)) if is_sides(sides) else 0


def start(root: Path, settings: Settings) -> str:
    """Return the option that all scripts of musubi-tuner take."""
    return f"--dataset_config {root / CONFIG}, for caching latents and text first, then for training"


TRAINER = Trainer(
    NAME,
    texts=texts,
    problems=problems,
    start=start,
    sees=lambda suffix: has_suffix(suffix, SUFFIXES),
    whole_repeats=True,
    walks=True,
    resolution=resolution,
    family="wan",
)
