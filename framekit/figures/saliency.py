"""ONNX files that say how likely each pixel is of a figure: ISNet, BiRefNet, U2-Net, MODNet and others like them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framekit import console
from framekit.errors import BadSidecar, UsageError
from framekit.figures.models import Evidence, Look
from framekit.files.atomic import read_json
from framekit.models.onnx import PROVIDERS
from framekit.pixels.decode import Pixels

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Place = tuple[int, int, int, int]  # (left, top, width, height) in px of the model's input
Prepared = tuple[NDArray[Any], Place]
SIDE = 1024  # px, where neither the file nor anybody says; Source: ISNet and BiRefNet, which most others follow
LARGEST_SIDE = 8192  # px; chosen: more is no input of a network but a slip
TOLERANCE = 0.01  # chosen: float16 rounds probabilities by less, and logits leave 0 to 1 by far more
VIEWS_PER_CALL = 4  # on a GPU; chosen, not measured. One ISNet run at 1024 px takes 2.4 GB, so that a CPU has one
# --model_input's words for levels, as mean and deviation of levels from 0 to 1. Source: torchvision for ImageNet.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SCALES = {
    "0-1": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "0-255": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
    "-1-1": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "-0.5-0.5": ((0.5, 0.5, 0.5), (1.0, 1.0, 1.0)),
    "imagenet": IMAGENET,
}
FITS = ("stretch", "letterbox")
# What names of files, folders and repositories say of the input; the first that matches. Sources: the authors' own code
# for isnetis (SkyTNT), BiRefNet, DIS and MODNet; rembg for U2-Net, whose map is spread over 0 to 1 as its author does.
FORMS = (
    ("isnet.?is|isnet.?anime|anime.?seg", "1024 letterbox 0-1"),
    ("birefnet|toonout|rmbg.?2|ben2", "1024 stretch imagenet"),
    ("isnet|rmbg", "1024 stretch -0.5-0.5"),
    ("u2net|silueta", "320 stretch imagenet spread"),
    ("modnet|hivision", "512 stretch -1-1"),
)
CONFIG = "preprocessor_config.json"  # of transformers and transformers.js, beside the file or one folder above
TYPES: dict[str, type] = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


@dataclass(frozen=True)
class Layout:
    """What a model expects of a frame. Picklable.

    `sides` is (height, width) in px; a frame is stretched to them, or fitted into black where `letterbox`. Levels from
    0 to 1 become (level - mean) / deviation, but for a model that takes uint8. `spread` maps run from 0 to 1 in each
    frame.
    """

    sides: tuple[int, int]
    letterbox: bool = False
    mean: tuple[float, float, float] = IMAGENET[0]
    deviation: tuple[float, float, float] = IMAGENET[1]
    bgr: bool = False
    spread: bool = False
    channels_first: bool = True
    kind: type = np.float32

    def __call__(self, pixels: Pixels) -> Prepared:
        """Return the model's input of one frame, and where in it the frame lies."""
        import cv2

        (height, width), (high, wide) = pixels.shape[:2], self.sides
        if self.letterbox:
            scale = min(high / height, wide / width)
            high, wide = max(1, round(height * scale)), max(1, round(width * scale))
        place = ((self.sides[1] - wide) // 2, (self.sides[0] - high) // 2, wide, high)
        how = cv2.INTER_AREA if high * wide < height * width else cv2.INTER_LINEAR
        fitted = cv2.resize(pixels, (wide, high), interpolation=how)
        ready: NDArray[Any] = np.zeros((*self.sides, 3), self.kind)
        ready[place[1] : place[1] + high, place[0] : place[0] + wide] = self.scaled(
            fitted[..., ::-1] if self.bgr else fitted
        )
        return np.ascontiguousarray(ready.transpose(2, 0, 1) if self.channels_first else ready), place

    def scaled(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return levels as the model wants them."""
        if self.kind is np.uint8:
            return pixels
        mean, deviation = np.array(self.mean, np.float32), np.array(self.deviation, np.float32)
        return np.asarray((pixels / np.float32(255) - mean) / deviation, self.kind)


@dataclass(frozen=True)
class Saliency:
    """A segmenter that gives one map for each frame.

    `run` turns (N, …) inputs into (N, H, W) or, with background and figure apart, (N, 2, H, W) numbers; `batch` is the
    only batch size that the file takes, None for any.
    """

    prepare: Layout
    run: Callable[[NDArray[Any]], NDArray[np.float32]]
    batch: int | None
    views_per_call: int = 1

    def evidence(self, prepared: Sequence[Prepared], looks: Sequence[Look]) -> list[Evidence]:
        """Return the probability of each pixel of each frame."""
        size = self.batch or max(1, len(prepared))
        maps: list[NDArray[np.float32]] = []
        for start in range(0, len(prepared), size):
            given = [one for one, _ in prepared[start : start + size]]
            padding = [given[0]] * (size - len(given)) if self.batch else []
            maps += list(self.run(np.stack(given + padding)))[: len(given)]
        return [
            Evidence(probability_of(one, place, self.prepare, look.pixels.shape[:2]))
            for one, (_, place), look in zip(maps, prepared, looks, strict=True)
        ]


def probability_of(
    answer: NDArray[np.float32], place: Place, layout: Layout, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Return the probability of each pixel of a frame of (height, width) from the map of the model's input.

    A map that leaves 0 to 1 is taken for logits; of two, the second is the figure's.
    """
    import cv2

    if answer.ndim == 3:
        inside = answer.min() >= -TOLERANCE and answer.max() <= 1 + TOLERANCE
        answer = answer[1] if inside else answer[1] - answer[0]
    if answer.min() < -TOLERANCE or answer.max() > 1 + TOLERANCE:
        answer = np.asarray(1 / (1 + np.exp(-np.clip(answer, -80, 80))), np.float32)
    down, across = answer.shape[0] / layout.sides[0], answer.shape[1] / layout.sides[1]
    left, top = round(place[0] * across), round(place[1] * down)
    own = answer[top : top + max(1, round(place[3] * down)), left : left + max(1, round(place[2] * across))]
    if layout.spread and own.max() > own.min():
        own = (own - own.min()) / (own.max() - own.min())
    return np.asarray(np.clip(cv2.resize(own.astype(np.float32), (shape[1], shape[0])), 0, 1), np.float32)


def stated(text: str, sides: tuple[int, int] = (SIDE, SIDE)) -> Layout:
    """Return what --model_input says: side or WIDTHxHEIGHT in px, how a frame is fitted, levels, `bgr`, `spread`.

    What it leaves out is `sides`, stretch, imagenet, RGB and the map as it is. Raises UsageError for another word.
    """
    layout = Layout(sides)
    for word in text.lower().split():
        size = re.fullmatch(r"(\d+)(?:x(\d+))?", word)
        if size and 1 <= int(size[1]) <= LARGEST_SIDE and 1 <= int(size[2] or size[1]) <= LARGEST_SIDE:
            layout = replace(layout, sides=(int(size[2] or size[1]), int(size[1])))
        elif word in SCALES:
            layout = replace(layout, mean=SCALES[word][0], deviation=SCALES[word][1])
        elif word in FITS:
            layout = replace(layout, letterbox=word == FITS[1])
        elif word in ("rgb", "bgr"):
            layout = replace(layout, bgr=word == "bgr")
        elif word == "spread":
            layout = replace(layout, spread=True)
        else:
            raise UsageError(
                f"--model_input {text}: {word} is none of a side such as 1024 or 1024x576, {', '.join(FITS)},"
                f" {', '.join(SCALES)}, rgb, bgr, spread"
            )
    return layout


def configured(path: Path) -> Layout | None:
    """Return what the preprocessor_config.json of a model says, None without one. Raises UsageError if malformed."""
    config = next((one for one in (path.parent / CONFIG, path.parent.parent / CONFIG) if one.is_file()), None)
    if config is None:
        return None
    try:
        held = read_json(config, is_given=True)
        size = held.get("size", {})
        size = {"height": size, "width": size} if isinstance(size, int) else size
        sides = int(size.get("height", SIDE)), int(size.get("width", SIDE))
        mean, deviation = held.get("image_mean", IMAGENET[0]), held.get("image_std", IMAGENET[1])
        if not held.get("do_normalize", True):
            mean, deviation = SCALES["0-1"]
        factor = float(held.get("rescale_factor", 1 / 255)) * 255 if held.get("do_rescale", True) else 255.0
        (first, second, third), (one, two, three) = mean, deviation
        if not all(1 <= side <= LARGEST_SIDE for side in sides) or not factor or not one * two * three:
            raise ValueError(sides)
    except (BadSidecar, AttributeError, TypeError, ValueError) as error:
        raise UsageError(
            f"{config} says nothing usable of size, image_mean and image_std; correct it, or give --model_input"
        ) from error
    return Layout(
        sides,
        bool(held.get("do_pad")),
        (first / factor, second / factor, third / factor),
        (one / factor, two / factor, three / factor),
    )


def recognised(path: Path, model: str, session: "InferenceSession") -> Layout | None:
    """Return what names and graph say of the input; None if they say nothing."""
    names = f"{model} {path.name} {path.parent.name}".lower()
    for words, statement in FORMS:
        if re.search(words, names):
            return stated(statement)
    given, answers = session.get_inputs()[0], session.get_outputs()
    if (given.name, answers[0].name) == ("img", "mask"):  # as SkyTNT exports them
        return stated(FORMS[0][1])
    if len(answers) > 6:  # the maps and features of each level, which only ISNet's export keeps
        return stated(FORMS[2][1])
    return stated(FORMS[3][1]) if given.shape[-1] == 320 else None


def read_layout(path: Path, model: str, statement: str, session: "InferenceSession") -> Layout:
    """Return what a file expects: as stated, else as its configuration, its names or its graph say.

    The shape of the graph decides the size, unless it is open. Raises UsageError if it takes no frame, or another size
    than stated.
    """
    given = session.get_inputs()[0]
    shape = [*given.shape, *[None] * 4][:4]
    first = shape[1] == 3
    if (
        len(session.get_inputs()) != 1
        or len(given.shape) != 4
        or given.type not in TYPES
        or not (first or shape[3] == 3)
    ):
        raise UsageError(wrong(path, session))
    fixed = shape[2:4] if first else shape[1:3]
    if statement:
        layout = stated(statement, (sized(fixed[0], SIDE), sized(fixed[1], SIDE)))
    else:
        found = configured(path) or recognised(path, model, session)
        layout = found or Layout((SIDE, SIDE))
        layout = replace(layout, sides=(sized(fixed[0], layout.sides[0]), sized(fixed[1], layout.sides[1])))
        if found is None:
            console.say(
                f"{path.name} does not say how it takes frames; stretch and imagenet are assumed (--model_input)"
            )
    if any(sized(one, own) != own for one, own in zip(fixed, layout.sides, strict=True)):
        raise UsageError(f"{path} takes {fixed[1]}x{fixed[0]} px only; leave the size out of --model_input")
    return replace(layout, channels_first=first, kind=TYPES[given.type])


def sized(dimension: Any, otherwise: int) -> int:
    """Return a dimension of a graph, or another number where it is open."""
    return dimension if isinstance(dimension, int) else otherwise


def wrong(path: Path, session: "InferenceSession") -> str:
    """Return what to say of a file that is no segmenter."""
    shapes = ["+".join(f"{one.shape}" for one in ends[:3]) for ends in (session.get_inputs(), session.get_outputs())]
    return (
        f"{path} is no segmenter: it makes {shapes[1]} of {shapes[0]}, and needed is one map of a frame, or masks; give"
        " --model another file, --model grabcut needs none"
    )


def map_of(path: Path, session: "InferenceSession", sides: tuple[int, int]) -> str:
    """Return the name of the output that is a map of the frame; of several, the first of the largest.

    Raises UsageError if there is none.
    """
    areas = {one.name: map_area(one.shape, sides) for one in session.get_outputs() if "float" in one.type}
    best = max(areas, key=lambda name: areas[name], default="")
    if not best or not areas[best]:
        raise UsageError(wrong(path, session))
    return best


def map_area(shape: Sequence[Any], sides: tuple[int, int]) -> int:
    """Return how many px a map of this shape has, 0 if it is none; open dimensions count as those of the input.

    A map is (N, H, W), or has one or two channels before or after H and W, and its sides are in the input's ratio.
    """
    if len(shape) == 4:
        before, after = sized(shape[1], 1), sized(shape[3], 0)
        if before not in (1, 2) and after not in (1, 2):
            return 0
        across = shape[2:4] if before in (1, 2) else shape[1:3]
    elif len(shape) == 3 and all(isinstance(one, int) for one in shape[1:]):
        across = shape[1:3]
    else:
        return 0
    high, wide = sized(across[0], sides[0]), sized(across[1], sides[1])
    return high * wide if high * sides[1] == wide * sides[0] else 0


def as_maps(answer: NDArray[Any]) -> NDArray[np.float32]:
    """Return (N, H, W) or (N, 2, H, W) float32 of what a model gave."""
    maps = np.asarray(answer, np.float32)
    if maps.ndim == 4 and maps.shape[1] not in (1, 2):
        maps = maps.transpose(0, 3, 1, 2)
    return maps[:, 0] if maps.ndim == 4 and maps.shape[1] == 1 else maps


def load_saliency(path: Path, model: str, statement: str, session: "InferenceSession") -> Saliency:
    """Return the segmenter in an opened ONNX file.

    `model` is how it was named, `statement` is --model_input. Raises UsageError if the file is of another kind.
    """
    layout = read_layout(path, model, statement, session)
    given, wanted = session.get_inputs()[0], map_of(path, session, layout.sides)
    batch = given.shape[0] if isinstance(given.shape[0], int) else None
    on_cpu = session.get_providers()[0] == PROVIDERS["cpu"]

    def run(inputs: NDArray[Any]) -> NDArray[np.float32]:
        maps = as_maps(session.run([wanted], {given.name: inputs})[0])
        if maps.ndim not in (3, 4) or maps.shape[0] != len(inputs) or maps.shape[1:-2] not in ((), (2,)):
            raise UsageError(wrong(path, session))
        return maps

    return Saliency(layout, run, batch, batch or (1 if on_cpu else VIEWS_PER_CALL))
