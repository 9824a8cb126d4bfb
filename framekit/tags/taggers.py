"""Taggers: ONNX models that score each tag of a list. A table says what each family of them expects and returns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framekit import errors
from framekit.files import atomic
from framekit.models import hub
from framekit.models.onnx import open_session, runs_at_once
from framekit.pixels.decode import Pixels
from framekit.tags import models

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

LARGEST_BATCH = 32  # frames; chosen, so that a batch of 448 px takes at most 77 MB
WORTH = 1.05  # chosen: a larger batch must be this many times as fast as the one before
BYTES, UNIT, SIGNED = "bytes", "unit", "signed"  # 0 to 255, 0 to 1, -1 to 1
# Danbooru's numbers of categories, as in selected_tags.csv; OTHER is for categories of no use in a dataset.
GENERAL, ARTIST, COPYRIGHT, CHARACTER, META, RATING, OTHER = 0, 1, 3, 4, 5, 9, -1
BY_WORD = {
    "general": GENERAL,
    "artist": ARTIST,
    "copyright": COPYRIGHT,
    "character": CHARACTER,
    "meta": META,
    "rating": RATING,
}


@dataclass(frozen=True)
class Layout:
    """What a model expects of a frame. Picklable.

    `side` in px; `scale` is "bytes" for 0 to 255, "unit" for 0 to 1, "signed" for -1 to 1; `fit` makes a square.
    """

    side: int
    channels_first: bool
    bgr: bool
    scale: str
    fit: Callable[[Pixels, int], Pixels]
    kind: type = np.float32

    def __call__(self, pixels: Pixels) -> NDArray[Any]:
        """Return the model's input of one frame."""
        square = self.fit(pixels, self.side)
        ready: NDArray[Any] = np.asarray(square[:, :, ::-1] if self.bgr else square, self.kind)
        if self.scale != BYTES:
            ready = ready / np.float32(255) if self.scale == UNIT else ready / np.float32(127.5) - np.float32(1)
        return np.ascontiguousarray(ready.transpose(2, 0, 1) if self.channels_first else ready)


@dataclass(frozen=True)
class TagList:
    """The tags of a model in the order of its outputs; names have underscores, categories are (N,) int64."""

    names: list[str]
    categories: NDArray[np.int64]


@dataclass(frozen=True)
class Tagger:
    """`prepare` makes the model's input of pixels, in any thread; `score` makes (N, tags) float32 of N such inputs.

    `name` is model and revision; `batch` is the only batch size that the file allows, None for any; `at_once` is how
    many threads should call `score` at once.
    """

    name: str
    tags: TagList
    prepare: Callable[[Pixels], NDArray[Any]]
    score: Callable[[list[NDArray[Any]]], NDArray[np.float32]]
    batch: int | None
    at_once: int = 1


def pad_and_resize(pixels: Pixels, side: int) -> Pixels:
    """Pad to a white square, centred; resize bicubically. Source: SmilingWolf's own demo of the WD taggers.

    Pillow resizes across first, then down; white rows stay white across, so they are added in between, which takes
    two thirds of the time and gives the same pixels.
    """
    from PIL import Image

    height, width = pixels.shape[:2]
    longest = max(height, width)
    top, left = (longest - height) // 2, (longest - width) // 2
    wide = pixels
    if width < longest:
        wide = np.full((height, longest, 3), 255, np.uint8)
        wide[:, left : left + width] = pixels
    tall = np.full((longest, side, 3), 255, np.uint8)
    tall[top : top + height] = np.asarray(Image.fromarray(wide).resize((side, height), Image.Resampling.BICUBIC))
    return np.asarray(Image.fromarray(tall).resize((side, side), Image.Resampling.BICUBIC))


def fit_inside(pixels: Pixels, side: int) -> Pixels:
    """Resize bicubically, then pad to a black square, centred. Source: imgutils for DeepDanbooru."""
    from PIL import Image

    height, width = (max(1, int(length * side / max(pixels.shape[:2]))) for length in pixels.shape[:2])
    square = np.zeros((side, side, 3), np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = np.asarray(Image.fromarray(pixels).resize((width, height)))
    return square


@dataclass(frozen=True)
class Family:
    """Taggers that are fed and read alike.

    `files`: names of model and tag list, several pairs if there are editions; `word`: what begins the names of these
    taggers in table and hub; `fit`: how a frame becomes a square; `bgr`: channel order; `scales`: of a float input with
    channels last and with channels first, as in Layout; `logits`: whether the output needs a sigmoid.
    """

    files: Sequence[tuple[str, str]]
    word: str
    fit: Callable[[Pixels, int], Pixels]
    bgr: bool
    scales: tuple[str, str]
    logits: bool


# A new family is an entry here, and the names of its models in models.py. The first one takes every other name.
FAMILIES = (
    Family([("model.onnx", "selected_tags.csv")], "wd", pad_and_resize, True, (BYTES, SIGNED), False),
    Family(
        [("model.onnx", "tag_mapping.json"), ("model_optimized.onnx", "tag_mapping.json")],
        "cl",
        pad_and_resize,
        True,
        (SIGNED, SIGNED),
        True,
    ),
    Family([("deepdanbooru.onnx", "deepdanbooru_tags.csv")], "deepdanbooru", fit_inside, False, (UNIT, UNIT), False),
)


def family_of(model: str) -> tuple[Family, tuple[str, str]]:
    """Return the family of a tagger, and the names of its model and tag list.

    `model` is a name of the table, a local folder or file, or a hub repository.
    """
    path = Path(model)
    if path.exists():
        folder = path if path.is_dir() else path.parent
        known = ((family, names) for family in FAMILIES for names in family.files)
        held = ((family, names) for family, names in known if all((folder / name).is_file() for name in names))
        return next(held, (FAMILIES[0], FAMILIES[0].files[0]))
    named = (family for family in FAMILIES[1:] if f"{family.word}_" in f"{model}_".lower())
    family = next(named, FAMILIES[0])
    return family, family.files[0]


def read_layout(path: Path, family: Family, session: "InferenceSession") -> Layout:
    """Return what the model expects, from its input. Raises UsageError if that is not a square image."""
    expected = session.get_inputs()[0]
    shape = [*expected.shape, *[None] * 4][:4]
    channels_first = shape[1] == 3
    side = shape[2] if channels_first else shape[1]
    types = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}
    wanted = [shape[0], 3, side, side] if channels_first else [shape[0], side, side, 3]
    if shape != wanted or not isinstance(side, int) or len(expected.shape) != 4 or expected.type not in types:
        raise errors.UsageError(
            f"{path} is no tagger: its input must be (batch, side, side, 3) or (batch, 3, side, side), not"
            f" {expected.shape} of {expected.type}"
        )
    scale = BYTES if expected.type == "tensor(uint8)" else family.scales[channels_first]
    return Layout(side, channels_first, family.bgr, scale, family.fit, types[expected.type])


def load_tagger(model: str, device: str, for_many: bool = False) -> Tagger:
    """Open a tagger of the table, of the hub, or of a local folder. Raises UsageError if it cannot be used.

    `for_many` frames, a CPU scores several batches at once.
    """
    family, (onnx, listed) = family_of(model)
    paths = hub.locate(model, models.KNOWN, [onnx, listed])
    tags = read_tag_list(paths[listed])
    at_once = runs_at_once(device) if for_many else 1
    session = open_session(paths[onnx], device, at_once)
    layout = read_layout(paths[onnx], family, session)
    name, output = session.get_inputs()[0].name, output_for(paths, session, len(tags.names))
    fixed = session.get_inputs()[0].shape[0]
    batch = fixed if isinstance(fixed, int) else None

    def score(inputs: list[NDArray[Any]]) -> NDArray[np.float32]:
        padding = [inputs[0]] * ((batch or len(inputs)) - len(inputs))
        scores = np.asarray(session.run([output], {name: np.stack(inputs + padding)})[0], np.float32)[: len(inputs)]
        if scores.ndim != 2 or scores.shape[1] != len(tags.names):
            raise errors.UsageError(mismatch(paths, scores.shape[-1], len(tags.names)))
        return np.asarray(1 / (1 + np.exp(-scores)), np.float32) if family.logits else scores

    return Tagger(identity(model, paths[onnx]), tags, layout, score, batch, at_once)


def short_name(model: str) -> str:
    """Return a tagger's name for files: its name in the table, that of its repository, or of its folder."""
    path = Path(model)
    if model in models.TAGGERS or not path.exists():
        return model.replace("/", "_")
    return (path if path.is_dir() else path.parent).resolve().name


def short_names(text: str) -> dict[str, str]:
    """Return the short name of each tagger that --model names.

    Raises UsageError for none, a slip of a known one, or two of one name.
    """
    models.KNOWN.refuse_slip(text)
    taggers = hub.model_names(text)
    found = {tagger: short_name(tagger) for tagger in taggers}
    if len(set(found.values())) < max(1, len(taggers)):
        raise errors.UsageError(f"--model {text} must name taggers of different names; rename one of the folders")
    return found


def identity(model: str, path: Path) -> str:
    """Return name and revision; of a model that is not in the table, name and digest of its file."""
    known = models.TAGGERS.get(model)
    revision = known.revision if known else hub.file_sha256(path)
    return f"{short_name(model)}@{revision[:8]}"


def known_identity(model: str) -> str:
    """Return name and revision of a tagger, without opening it; of one of the hub that no table names, the name."""
    path = Path(model)
    onnx = path / family_of(model)[1][0] if path.is_dir() else path
    return identity(model, onnx) if model in models.TAGGERS or onnx.is_file() else short_name(model)


def output_for(paths: dict[str, Path], session: "InferenceSession", count: int) -> str:
    """Return the name of the output with a score for each tag. Raises UsageError if all have other widths."""
    widths: list[tuple[str, Any]] = [(one.name, one.shape[-1] if one.shape else None) for one in session.get_outputs()]
    fitting = [name for name, width in widths if width == count or not isinstance(width, int)]
    if not fitting:
        raise errors.UsageError(mismatch(paths, widths[0][1], count))
    return next((name for name, width in widths if width == count), fitting[0])


def mismatch(paths: dict[str, Path], width: Any, count: int) -> str:
    """Return the message for a model and a tag list that do not belong together."""
    model, listed = paths.values()
    return f"{model} gives {width} scores, but {listed} names {count} tags; they must come from the same model"


def find_batch_size(tagger: Tagger, example: NDArray[Any]) -> int:
    """Return the batch size above which a larger one is hardly faster, or does not fit into memory."""
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

    best, rate = 1, 0.0
    tagger.score([example])  # the first run is slow
    size = 1
    while size <= LARGEST_BATCH:
        started = perf_counter()
        try:
            tagger.score([example] * size)
        except (Fail, RuntimeException, MemoryError):
            break
        now = size / (perf_counter() - started)
        if now < WORTH * rate:
            break
        best, rate, size = size, now, 2 * size
    return best


def read_tag_list(path: Path) -> TagList:
    """Read selected_tags.csv or tag_mapping.json. Raises UsageError if it is neither."""
    return read_mapping(path) if path.suffix == ".json" else read_csv(path)


def read_csv(path: Path) -> TagList:
    """Read a table with the columns name and category, in any order; the rows are in the order of the outputs."""
    import pandas

    try:
        table = pandas.read_csv(path, keep_default_na=False)
        return TagList([tag_name(str(name)) for name in table["name"]], table["category"].to_numpy(np.int64))
    except (KeyError, ValueError, UnicodeDecodeError) as error:
        raise errors.UsageError(f"{path} is no tag list: it needs the columns name and category") from error


def read_mapping(path: Path) -> TagList:
    """Read tag_mapping.json: `{"0": {"tag": …, "category": …}}`, or `idx_to_tag` and `tag_to_category`."""
    try:
        value = atomic.read_json(path, is_given=True)
        if "idx_to_tag" in value:
            of_tag = value["tag_to_category"]
            found = {int(index): (str(tag), str(of_tag[tag])) for index, tag in value["idx_to_tag"].items()}
        else:
            found = {int(index): (str(one["tag"]), str(one["category"])) for index, one in value.items()}
        rows = [found[index] for index in range(len(found))]
    except (errors.BadSidecar, AttributeError, KeyError, TypeError, ValueError) as error:
        raise errors.UsageError(
            f"{path} is no tag list: it needs a tag and a category for each number from 0"
        ) from error
    categories = [BY_WORD.get(category.lower(), OTHER) for _, category in rows]
    return TagList([tag_name(name) for name, _ in rows], np.array(categories, np.int64))


def tag_name(name: str) -> str:
    """Return a tag as it stands in .tags: with underscores, and without what separates tags and lines."""
    return "_".join(name.replace(",", " ").split())
