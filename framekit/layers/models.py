"""What a segmenter is shown and what it answers, and the models that are known by a short name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from framekit.boxes import Face
from framekit.errors import UsageError
from framekit.models.hub import HubModel, Known, locate
from framekit.pixels.decode import Pixels

EMBEDDED = "grabcut"
# ONNX files; how each is fed and read stands in saliency.FORMS, instances.py and prompted.py.
SEGMENTERS = {
    "isnetis": HubModel(
        "skytnt/anime-seg",
        revision="493cb60893f47441b26ec4fb9a306bce9e342982",
        licence="Apache-2.0",
        sha256={"isnetis.onnx": "f15622d853e8260172812b657053460e20806f04b9e05147d49af7bed31a6e99"},
    ),
    "toonout": HubModel("sprited/birefnet-toonout-onnx", licence="MIT"),
    "birefnet-lite": HubModel("onnx-community/BiRefNet_lite-ONNX", "onnx", licence="MIT"),
    "cartoon-instances": HubModel(
        "Jakaline/CartoonSegmentationOnnx", revision="f16c351", licence="none stated; weights of dreMaz"
    ),
    "sam2-small": HubModel(
        "vietanhdev/segment-anything-2-onnx-models",
        revision="92cde0fb675a8376e72fecf7d70153ac89d0fe2d",
        licence="Apache-2.0",
        sha256={
            "sam2_hiera_small.encoder.onnx": "b6796fdb9c83e5dd57050be8c857dfece182ecee42b589623027601bcd492bee",
            "sam2_hiera_small.decoder.onnx": "1ec2b55d3fe1fbc978874ebdd2897820ff6914f5a26844cb2f22c581f292c5c4",
        },
    ),
    "sam2-tiny": HubModel(
        "vietanhdev/segment-anything-2-onnx-models",
        revision="92cde0fb675a8376e72fecf7d70153ac89d0fe2d",
        licence="Apache-2.0",
    ),
}
# The files of each in its repository; of any other repository it is model.onnx.
FILES = {
    "isnetis": ["isnetis.onnx"],
    "toonout": ["birefnet-toonout-fp16.onnx"],
    "birefnet-lite": ["model.onnx"],
    "cartoon-instances": ["base.onnx"],
    "sam2-small": ["sam2_hiera_small.encoder.onnx", "sam2_hiera_small.decoder.onnx"],
    "sam2-tiny": ["sam2_hiera_tiny.encoder.onnx", "sam2_hiera_tiny.decoder.onnx"],
}
KNOWN = Known(SEGMENTERS, [EMBEDDED])
OTHER_FILE = "model.onnx"
# What the names of encoder and decoder differ by: exports of transformers, of samexporter and those after it.
PAIRS = (("vision_encoder", "prompt_encoder_mask_decoder"), ("encoder", "decoder"))
BEFORE = "_preprocess"  # of the encoder in labelme's exports (osam), whose decoder has the name alone


@dataclass(frozen=True)
class Look:
    """A frame as a segmenter is shown it: pixels (H, W, 3) uint8 RGB, and the faces and people that were found in it.

    Boxes are fractions of the frame.
    """

    pixels: Pixels
    faces: Sequence[Face] = ()
    people: Sequence[Face] = ()


@dataclass(frozen=True)
class Mask:
    """One thing in a frame: (H, W) bool, the score 0 to 1, and whether it is a person."""

    pixels: NDArray[np.bool_]
    score: float
    is_person: bool = True


@dataclass(frozen=True)
class Evidence:
    """What a segmenter says of a frame: how likely each pixel is of a figure, or masks of single things, or neither.

    `probability` is (H, W) float32 from 0 to 1.
    """

    probability: NDArray[np.float32] | None = None
    masks: Sequence[Mask] = ()


class Segmenter(Protocol):
    """What every segmenter does: `prepare` in the worker that decoded the frame, then `evidence` on several at once.

    `prepare` is picklable. `views_per_call` is how many frames suit `evidence`; with 1 they don't wait for each other.
    """

    @property
    def prepare(self) -> Callable[[Pixels], Any]:
        """What makes one item for `evidence` of a frame, (H, W, 3) uint8 RGB."""

    @property
    def views_per_call(self) -> int:
        """How many frames suit `evidence`."""

    def evidence(self, prepared: Sequence[Any], looks: Sequence[Look]) -> list[Evidence]:
        """Return what is seen in each of these frames, `prepared` being what `prepare` made of their pixels."""


def nothing(pixels: Pixels) -> None:
    """Prepare nothing of a frame."""


@dataclass(frozen=True)
class Silent:
    """The segmenter that says nothing, so that faces, people and the frame's own edges decide alone."""

    prepare: Callable[[Pixels], Any] = nothing
    views_per_call: int = 1

    def evidence(self, prepared: Sequence[Any], looks: Sequence[Look]) -> list[Evidence]:
        """Return empty evidence for each frame."""
        return [Evidence() for _ in looks]


def files_of(model: str) -> list[Path]:
    """Return the ONNX files of a segmenter: one, or encoder and decoder.

    `model` is a short name, a hub repository `owner/name[/folder]`, a local folder or .onnx file. Raises UsageError if
    a file is unavailable.
    """
    path = Path(model)
    if not path.exists():
        repository = next((name for name, one in SEGMENTERS.items() if one.repository == model), model)
        names = FILES.get(repository, [OTHER_FILE])
        return list(locate(repository, KNOWN, names).values())
    held = sorted(path.glob("*.onnx")) or sorted((path / "onnx").glob("*.onnx")) if path.is_dir() else [path]
    pairs = {tuple(pair) for one in held if (pair := pair_of(one))}
    ways = list(pairs) or [(one,) for one in held if one.name == OTHER_FILE or len(held) == 1]
    if len(ways) != 1:
        listed = ", ".join(one.name for one in held) or "no ONNX file"
        raise UsageError(f"{path} holds {listed}; give --model one file, for SAM the encoder")
    return list(ways[0])


def pair_of(path: Path) -> list[Path] | None:
    """Return the encoder and the decoder of SAM if a file is one of them; None for another file.

    Raises UsageError if the other half is not beside it.
    """
    for encoder, decoder in PAIRS:
        if decoder not in path.name and encoder not in path.name:
            continue
        is_decoder = decoder in path.name
        other = path.with_name(path.name.replace(*((decoder, encoder) if is_decoder else (encoder, decoder))))
        if not other.is_file():
            raise UsageError(f"{path} is one half of SAM, and {other.name} is not beside it; put both into one folder")
        return [other, path] if is_decoder else [path, other]
    name = path.stem.removesuffix(BEFORE)
    pair = [path.with_name(f"{name}{BEFORE}.onnx"), path.with_name(f"{name}.onnx")]
    return pair if all(one.is_file() for one in pair) else None
