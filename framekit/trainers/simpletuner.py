"""SimpleTuner: multidatabackend.json, an entry for each folder and one for the cache of its text encoders."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from framekit.files.atomic import file_text, parsed_json
from framekit.trainers import masks
from framekit.trainers.base import (
    CORRECT,
    MANY,
    RENEW,
    FolderBalance,
    Kind,
    Look,
    PreparedTree,
    Problem,
    Settings,
    Severity,
    Text,
    Trainer,
    TrainingTree,
    below,
    text_at,
)
from framekit.trainers.entries import (
    TOO_OFTEN,
    entry_names,
    flat_layout,
    folder_problems,
    is_at_least,
    is_count,
    is_nothing,
    own_tree_only,
    value_problems,
)
from framekit.trainers.forms import Form, write_json

NAME = "simpletuner"
BACKENDS = "multidatabackend.json"
TEXT_EMBEDS = "text-embeds"
CACHE = "cache"  # beside the frames: SimpleTuner reads all that is below a folder of frames
PIXELS_PER_MEGAPIXEL = 1_000_000
CUT = "resolution resolution_type minimum_image_size crop crop_style crop_aspect".split()  # how frames are cut
STOPS, MISREADS, LOSES, _ = Severity

UNREADABLE = Kind("simpletuner-unreadable", STOPS, "SimpleTuner needs a list of entries in it, as JSON", RENEW)
NO_ID = Kind("simpletuner-id", STOPS, "an entry has no id, or the id of another", CORRECT)
NO_TEXT_EMBEDS = Kind(
    "simpletuner-text-embeds", STOPS, "there must be one entry of dataset_type text_embeds with default true", CORRECT
)
NO_FOLDER = Kind("simpletuner-no-folder", STOPS, "an entry has no instance_data_dir", CORRECT)
REPEATS = Kind("simpletuner-repeats", STOPS, "repeats is not a whole number of at least 0", CORRECT)
CAPTIONS = Kind(
    "simpletuner-captions", MISREADS, 'without caption_strategy "textfile" the captions are not read', CORRECT
)
EXCLUDED = Kind(
    "simpletuner-excluded",
    LOSES,
    "minimum_image_size, or an aspect ratio, leaves frames out",
    "set the size to 0 and remove minimum_aspect_ratio and maximum_aspect_ratio",
)
ALL_REG = Kind("simpletuner-all-reg", LOSES, "is_regularisation_data is set everywhere, so nothing is trained", CORRECT)
DOWNSAMPLE = Kind("simpletuner-downsample", STOPS, "maximum_image_size needs target_downsample_size", CORRECT)
CROP_ASPECT = Kind("simpletuner-crop-aspect", STOPS, "crop_aspect is none that SimpleTuner knows", CORRECT)
LATE = Kind("simpletuner-late", STOPS, "no entry starts with the training", "let one begin with start_epoch 1")
NO_MASKS = Kind("simpletuner-masks", STOPS, "conditioning_data names no entry", RENEW)
WRONG = {
    "disabled": (lambda value: value is True, "the folder is not trained"),
    "disable": (lambda value: value is True, "the folder is not trained"),
    "only_instance_prompt": (lambda value: value is True, "one phrase takes the place of all captions"),
    "probability": (is_nothing, "it counts as 1, or nothing is drawn"),
    "resolution": (is_nothing, "nothing is left of the frames"),
    "repeats": (is_at_least(MANY), TOO_OFTEN),
    "max_num_samples": (lambda value: value is not None, "only so many frames are drawn"),
    "delete_unwanted_images": (lambda value: value is True, "SimpleTuner deletes frames that it does not want"),
    "delete_problematic_images": (lambda value: value is True, "SimpleTuner deletes frames that it cannot read"),
}


def texts(tree: TrainingTree) -> list[Text]:
    """Return multidatabackend.json; in ASCII, since it may be read in any encoding."""
    has_masks = tree.settings.mask_background is not None
    images = image_entries(tree.root, tree.balance, tree.settings.resolution)
    held = [entry for image in images for entry in (with_masks(tree.root, image) if has_masks else [image])]
    entries = [*held, text_embeds(tree.root)]
    form = Form(parsed_json, write_json, ("instance_data_dir", "id"), below(tree.root))
    return [text_at(tree.root, BACKENDS, write_json(entries), form)]


def image_entries(root: Path, balance: Sequence[FolderBalance], resolution: int) -> list[dict[str, Any]]:
    """Return the entry of each folder with frames; `repeats` counts further passes, so it is one less than kohya's."""
    names, layout = entry_names(balance), flat_layout(balance, Settings())
    return [
        {
            "id": names[one.folder],
            "type": "local",
            "dataset_type": "image",
            "instance_data_dir": str((root / layout[one.folder]).absolute()),
            "caption_strategy": "textfile",
            "metadata_backend": "discovery",
            "resolution": resolution,
            "resolution_type": "pixel_area",
            "minimum_image_size": 0,
            "crop": True,
            "crop_style": "center",
            "crop_aspect": "preserve",
            "cache_dir_vae": str((root / CACHE / "vae" / names[one.folder]).absolute()),
            "repeats": one.repeats - 1,
            **({"is_regularisation_data": True} if one.is_reg else {}),
        }
        for one in balance
    ]


def with_masks(root: Path, image: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the entry of a folder with frames, and the one of its masks, which are cut as these are."""
    name, folder = f"{masks.TOP}~~{image['id']}", Path(image["instance_data_dir"])
    cut = {key: image[key] for key in CUT}
    entry = {
        "id": name,
        "type": "local",
        "dataset_type": "conditioning",
        "conditioning_type": "mask",
        "instance_data_dir": str((root / masks.TOP / folder.name).absolute()),
        "caption_strategy": "filename",
        "metadata_backend": "discovery",
        **cut,
        "cache_dir_vae": str((root / CACHE / "vae" / name).absolute()),
    }
    return [{**image, "conditioning_data": name}, entry]


def text_embeds(root: Path) -> dict[str, Any]:
    """Return the entry that says where the text encoders' results go."""
    return {
        "id": TEXT_EMBEDS,
        "type": "local",
        "dataset_type": "text_embeds",
        "default": True,
        "cache_dir": str((root / CACHE / "text").absolute()),
    }


def problems(tree: PreparedTree) -> list[Problem]:
    """Return what SimpleTuner misreads in multidatabackend.json."""
    path = tree.root / BACKENDS
    try:
        entries = entries_in(tree.root)
    except (OSError, ValueError):
        return [Problem(path, UNREADABLE)]
    ids = [entry.get("id") for entry in entries]
    found = [
        Problem(path, NO_ID, repr(one)) for one in ids if not isinstance(one, str) or not one or ids.count(one) > 1
    ]
    texts = [entry for entry in entries if entry.get("dataset_type") == "text_embeds"]
    found += [Problem(path, NO_TEXT_EMBEDS)] * (sum(entry.get("default") is True for entry in texts) != 1)
    images = [entry for entry in entries if entry.get("dataset_type", "image") == "image"]
    for entry in images:
        found += entry_problems(path, entry, tree)
    places = {entry.get("id"): entry.get("instance_data_dir") for entry in entries}
    paired = [(entry.get("instance_data_dir"), places.get(entry.get("conditioning_data"))) for entry in images]
    found += masks.problems_apart(paired, tree)
    found += [
        Problem(path, NO_MASKS, str(entry.get("id"))) for entry in images
        if entry.get("conditioning_data") is not None and entry["conditioning_data"] not in ids
    ]  # fmt: skip
    begin = [all(entry.get(key, 1) in (0, 1) for key in ("start_epoch", "start_step")) for entry in images]
    found += [Problem(path, LATE)] * (bool(images) and not any(begin))
    found += [Problem(path, ALL_REG)] * (
        bool(images) and all(entry.get("is_regularisation_data") is True for entry in images)
    )
    sides = [(entry.get("instance_data_dir"), entry.get("resolution")) for entry in images]
    listed = [(folder, side) for folder, side in sides if isinstance(folder, str)]
    return list(dict.fromkeys(found + folder_problems(NAME, path, listed, tree, reads_below=True)))


def entry_problems(path: Path, entry: dict[str, Any], tree: PreparedTree) -> list[Problem]:
    """Return the problems in an entry of frames."""
    name = str(entry.get("id"))
    found = [Problem(path, NO_FOLDER, name)] * (not isinstance(entry.get("instance_data_dir"), str))
    found += [Problem(path, REPEATS, name)] * (not is_count(entry.get("repeats", 0), 0))
    found += [Problem(path, CAPTIONS, name)] * (entry.get("caption_strategy") != "textfile")
    found += [Problem(path, DOWNSAMPLE, name)] * (
        bool(entry.get("maximum_image_size")) and not entry.get("target_downsample_size")
    )
    aspects = ("square", "preserve", "random", "closest")
    found += [Problem(path, CROP_ASPECT, name)] * (entry.get("crop_aspect", "square") not in aspects)
    folder = Path(str(entry.get("instance_data_dir")))
    small = sum(
        is_below(look, entry.get("minimum_image_size"), entry.get("resolution_type")) or is_misshapen(look, entry)
        for image, look in tree.looks.items() if image.is_relative_to(folder)
    )  # fmt: skip
    found += [Problem(path, EXCLUDED, f"{small} of {name}")] * (small > 0)
    return found + value_problems(NAME, path, name, entry, WRONG)


def entries_in(root: Path) -> list[dict[str, Any]]:
    """Return the entries of multidatabackend.json. Raises ValueError for another form, OSError if there is none."""
    entries = parsed_json(file_text(root / BACKENDS))
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("no list of entries")
    return entries


def resolution(root: Path) -> int:
    """Return the smallest resolution that an entry asks for in pixels; 0 where none does."""
    try:
        entries = [one for one in entries_in(root) if str(one.get("resolution_type")).startswith("pixel")]
    except (OSError, ValueError):
        return 0
    return min((one["resolution"] for one in entries if is_count(one.get("resolution"))), default=0)


def is_below(look: Look, least: Any, unit: Any) -> bool:
    """Tell whether SimpleTuner leaves out a frame as too small; `unit` is its resolution_type."""
    if not is_at_least(0)(least) or look.error:
        return False
    if unit == "pixel":
        return min(look.width, look.height) < float(least)
    area = look.width * look.height
    return area < (float(least) ** 2 if unit == "pixel_area" else float(least) * PIXELS_PER_MEGAPIXEL)


def is_misshapen(look: Look, entry: dict[str, Any]) -> bool:
    """Tell whether SimpleTuner leaves out a frame for its width by its height."""
    if look.error or not look.height:
        return False
    least: Any = entry.get("minimum_aspect_ratio")
    most: Any = entry.get("maximum_aspect_ratio")
    aspect = look.width / look.height
    return bool((is_at_least(0)(least) and aspect < least) or (is_at_least(0)(most) and 0 < most < aspect))


TRAINER = Trainer(
    NAME,
    texts=texts,
    problems=problems,
    start=lambda root, settings: f"--data_backend_config={root / BACKENDS}",
    sees=lambda suffix: suffix == suffix.lower(),
    takes_lines=lambda root: True,
    whole_repeats=True,
    walks=True,
    masks=masks.APART_NAMED,
    resolution=resolution,
    layout=flat_layout,
    refuse_shared=own_tree_only(NAME),
)
