"""SAM 2 in ONNX or .pt files, prompted by the boxes of people and faces: one mask for each.

ONNX files come in pairs, encoder and decoder, and are read by what their inputs are called: as samexporter and those
after it (ibaiGorordo, labelme's osam) and as transformers' exports (onnx-community) name them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framekit import console
from framekit.boxes import Box, Face, holds_centre
from framekit.errors import UsageError
from framekit.faces import yolo
from framekit.figures.models import Evidence, Look, Mask
from framekit.figures.saliency import SIDE, Layout, Prepared, sized
from framekit.models.onnx import open_session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# Labels of points. Source: SAM's prompt encoder.
PADDING, FIGURE, UPPER_LEFT, LOWER_RIGHT = -1, 1, 2, 3
CHEST = 0.9  # of a face's height below its chin; chosen by the proportions of figures, not measured
# SAM offers a part, more of it and the whole for one prompt: the largest whose score is that near to the best is taken.
# Chosen, not measured.
NEARLY = 0.1
MIN_SCORE = 0.5  # predicted intersection over union; chosen: below it SAM itself says that it does not know
# Width and number of blocks of the encoder, and how ultralytics calls it. Source: its build.py.
SIZES = {(96, 12): "build_sam2_t", (96, 16): "build_sam2_s", (112, 24): "build_sam2_b", (144, 48): "build_sam2_l"}
DECODER = "sam_mask_decoder."  # what keys of SAM 2's checkpoints begin with


@dataclass(frozen=True)
class Prompt:
    """Where a figure is: its box, if a detector saw all of it, and points on it; fractions of the frame."""

    points: tuple[tuple[float, float], ...]
    box: Box | None = None


# What turns the encoder's answer, points (N, 2) in px of the input with their labels (N,), and (height, width) of the
# frame into K maps that are above 0 in the mask, and their K scores.
Decode = Callable[
    [Any, NDArray[np.float32], NDArray[np.int64], tuple[int, int]], tuple[NDArray[np.float32], NDArray[np.float32]]
]


@dataclass(frozen=True)
class Sam:
    """A segmenter that gives a mask for each person, and for each face without a person around it."""

    prepare: Layout
    encode: Callable[[NDArray[Any]], Any]
    decode: Decode
    views_per_call: int = 1

    def evidence(self, prepared: Sequence[Prepared], looks: Sequence[Look]) -> list[Evidence]:
        """Return the masks of each frame; a frame without faces and people is not looked at."""
        return [
            Evidence(masks=self.masks(given, look, prompts) if (prompts := prompts_of(look)) else ())
            for (given, _), look in zip(prepared, looks, strict=True)
        ]

    def masks(self, given: NDArray[Any], look: Look, prompts: Sequence[Prompt]) -> list[Mask]:
        """Return the masks that SAM is sure of."""
        import cv2

        encoded = self.encode(given[None])
        height, width = look.pixels.shape[:2]
        found = []
        for prompt in prompts:
            maps, scores = self.decode(encoded, *points_of(prompt, self.prepare.sides), (height, width))
            chosen = choice(maps, scores)
            if scores[chosen] >= MIN_SCORE:
                inside = np.asarray(cv2.resize(maps[chosen], (width, height), interpolation=cv2.INTER_LINEAR) > 0)
                found.append(Mask(inside, float(min(1.0, scores[chosen]))))
        return found


def prompts_of(look: Look) -> list[Prompt]:
    """Return a prompt for each person, with the faces inside as points, and for each face outside of all of them."""
    inside = [[face for face in look.faces if holds_centre(person.box, face.box)] for person in look.people]
    held = {id(face) for faces in inside for face in faces}
    prompts = [
        Prompt(tuple(centre(face) for face in faces), person.box)
        for person, faces in zip(look.people, inside, strict=True)
    ]
    return prompts + [Prompt((centre(face), *chest(face))) for face in look.faces if id(face) not in held]


def centre(face: Face) -> tuple[float, float]:
    """Return the middle of a box."""
    left, top, right, bottom = face.box
    return (left + right) / 2, (top + bottom) / 2


def chest(face: Face) -> list[tuple[float, float]]:
    """Return a point on the chest below a face, if it lies in the frame."""
    down = face.box[3] + CHEST * (face.box[3] - face.box[1])
    return [(centre(face)[0], down)] if down < 1 else []


def points_of(prompt: Prompt, sides: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the points of a prompt, (N, 2) x and y in px of an input of (height, width), and their labels (N,)."""
    corners = [prompt.box[:2], prompt.box[2:]] if prompt.box else []
    labels = [UPPER_LEFT, LOWER_RIGHT][: len(corners)] + [FIGURE] * len(prompt.points)
    places = np.array([*corners, *prompt.points], np.float32) * np.array([sides[1], sides[0]], np.float32)
    return places.astype(np.float32), np.array(labels, np.int64)


def choice(maps: NDArray[np.float32], scores: NDArray[np.float32]) -> int:
    """Return which of several masks is meant: the largest of those that are nearly as good as the best."""
    areas = (maps > 0).reshape(len(maps), -1).sum(axis=1)
    return int(np.where(scores >= scores.max() - NEARLY, areas, -1).argmax())


def load_sam(encoder: Path, decoder: Path, device: str) -> Sam:
    """Open SAM 2's encoder and decoder in ONNX. Raises UsageError if they are not that, or don't belong together."""
    first, second = open_session(encoder, device), open_session(decoder, device)
    given = first.get_inputs()[0]
    if (
        len(given.shape) != 4
        or len(first.get_outputs()) < 3
        or not any("label" in one.name for one in second.get_inputs())
    ):
        raise UsageError(
            f"{encoder} and {decoder.name} are not SAM 2: needed are an encoder with three levels of features, and a"
            " decoder that takes points and labels; export them with samexporter, or give --model another file"
        )
    names = [one.name for one in first.get_outputs()]
    apart = any("box" in one.name for one in second.get_inputs())
    layout = Layout((sized(given.shape[2], SIDE), sized(given.shape[3], SIDE)))

    def encode(batch: NDArray[Any]) -> dict[str, NDArray[Any]]:
        return dict(zip(names, first.run(None, {given.name: batch}), strict=True))

    def decode(
        encoded: dict[str, NDArray[Any]], points: NDArray[np.float32], labels: NDArray[np.int64], size: tuple[int, int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        prompt = parted(points, labels) if apart else (points, labels, points[:0])
        feed = {one.name: fed(one, encoded, prompt, size) for one in second.get_inputs()}
        if missing := [name for name, value in feed.items() if value is None]:
            raise UsageError(
                f"{decoder} needs {missing[0]}, which {encoder.name} does not give; take both of one export"
            )
        return answers(second, feed)

    return Sam(layout, encode, decode)


def answers(session: "InferenceSession", feed: dict[str, Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the K maps of the decoder, the largest that it gives, and their K scores."""
    held = dict(zip([one.name for one in session.get_outputs()], session.run(None, feed), strict=True))
    maps = max((value for value in held.values() if value.ndim >= 4), key=lambda value: value.size)
    scores = next(value for name, value in held.items() if "iou" in name or name == "scores")
    return np.asarray(maps.reshape(-1, *maps.shape[-2:]), np.float32), np.asarray(scores.ravel(), np.float32)


def parted(
    points: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
    """Return points and labels without the corners of the box, and these; one padding point where none is left."""
    own = labels == FIGURE
    if own.any():
        return points[own], labels[own], points[~own]
    return np.zeros((1, 2), np.float32), np.array([PADDING], np.int64), points


def fed(
    wanted: Any,
    encoded: dict[str, NDArray[Any]],
    prompt: tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]],
    size: tuple[int, int],
) -> NDArray[Any] | None:
    """Return what an input of the decoder is fed with; None if the encoder gave nothing for it.

    `prompt` are points, their labels, and the corners of a box if the decoder takes it apart from them.
    """
    points, labels, corners = prompt
    name, rank = wanted.name, len(wanted.shape)
    kind = np.int64 if "int64" in wanted.type else np.int32 if "int32" in wanted.type else np.float32
    if "label" in name:
        return labels.astype(kind).reshape((1,) * (rank - 1) + (-1,))
    if "point" in name or "coord" in name:
        return points.reshape((1,) * (rank - 2) + (-1, 2))
    if "box" in name:
        return corners.reshape(1, -1, 4)
    if "has_mask" in name:
        return np.zeros([sized(one, 1) for one in wanted.shape], kind)
    if "mask" in name:
        return np.zeros(
            [sized(one, 1) for one in wanted.shape[:2]] + [4 * one for one in smallest(encoded).shape[-2:]], kind
        )
    if "size" in name:
        return np.array(size, kind)
    if name in encoded:
        return encoded[name]
    fitting = [
        one
        for one in encoded.values()
        if one.ndim == rank and all(sized(n, m) == m for n, m in zip(wanted.shape, one.shape, strict=True))
    ]
    return fitting[0] if len(fitting) == 1 else None


def smallest(encoded: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """Return the features of the coarsest level."""
    return min(encoded.values(), key=lambda value: value.shape[-1])


def is_sam(path: Path) -> bool:
    """Tell whether a .pt file holds nothing but the weights of SAM 2. Raises UsageError if it cannot be read."""
    return any(key.startswith(DECODER) for key in weights_in(path))


def weights_in(path: Path) -> dict[str, Any]:
    """Return the weights by name if a .pt file holds nothing else, read with torch's `weights_only`; else nothing.

    Raises UsageError if torch is missing or the file cannot be read.
    """
    import zipfile

    try:
        import torch
    except ImportError as error:
        raise UsageError(f"{path} needs torch and ultralytics: {yolo.INSTALL}") from error
    try:
        if torch.serialization.get_unsafe_globals_in_checkpoint(path):
            return {}
        held = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); give --model a .pt file") from error
    except (ValueError, RuntimeError, torch.serialization.pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path} is no .pt file of SAM 2 or YOLO: {str(error).splitlines()[0]}") from error
    weights = held.get("model", held) if isinstance(held, dict) else {}
    return {str(key): value for key, value in weights.items()} if isinstance(weights, dict) else {}


def load_sam_torch(path: Path, device: str) -> Sam:
    """Open SAM 2 in a .pt file, built by ultralytics (AGPL-3.0). Raises UsageError if either cannot be used."""
    weights = weights_in(path)
    try:
        import torch
        from ultralytics.models.sam import SAM2Predictor, build
    except ImportError as error:
        raise UsageError(f"{path} needs torch and ultralytics: {yolo.INSTALL}") from error
    blocks = {key.split(".")[3] for key in weights if key.startswith("image_encoder.trunk.blocks.")}
    width = getattr(weights.get("image_encoder.trunk.patch_embed.proj.weight"), "shape", [0])[0]
    if (width, len(blocks)) not in SIZES:
        raise UsageError(f"{path} is no SAM 2 of a known size; take sam2_t, sam2_s, sam2_b or sam2_l, or ONNX files")
    model = getattr(build, SIZES[width, len(blocks)])()
    lacking = [
        key
        for key in model.load_state_dict(weights, strict=False).missing_keys
        if key.startswith((DECODER, "image_", "sam_"))
    ]
    if lacking:
        raise UsageError(f"{path} lacks {lacking[0]} of SAM 2; download it again")
    place = torch.device("cuda" if device in ("auto", "cuda") and torch.cuda.is_available() else "cpu")
    if device not in ("auto", place.type):
        raise UsageError(f"--device {device} is unavailable for {path}; torch runs on cpu or cuda")
    predictor = SAM2Predictor(overrides={"save": False, "verbose": False})
    predictor.model = model.to(place)
    console.say(f"{path.name} runs on torch {place}")

    def encode(batch: NDArray[Any]) -> Any:
        with torch.inference_mode():
            return predictor.get_im_features(torch.from_numpy(batch).to(place))

    def decode(
        encoded: Any, points: NDArray[np.float32], labels: NDArray[np.int64], size: tuple[int, int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        prompt = torch.from_numpy(points)[None].to(place), torch.from_numpy(labels)[None].to(place, torch.int32)
        with torch.inference_mode():
            sparse, dense = model.sam_prompt_encoder(points=prompt, boxes=None, masks=None)
            maps, scores, *_ = model.sam_mask_decoder(
                image_embeddings=encoded["image_embed"],
                image_pe=model.sam_prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=True,
                repeat_image=False,
                high_res_features=encoded["high_res_feats"],
            )
        return np.asarray(maps[0].float().cpu().numpy()), np.asarray(scores[0].float().cpu().numpy())

    return Sam(Layout((SIDE, SIDE)), encode, decode)
