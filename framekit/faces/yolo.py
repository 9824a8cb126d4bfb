"""YOLO detectors of faces, heads and people in ONNX or .pt files; what they expect is read from the file."""

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framekit import console
from framekit.boxes import FACE, HALFBODY, HEAD, PERSON, Face, face_at
from framekit.errors import UsageError
from framekit.faces.filter import face_of_head
from framekit.faces.models import KNOWN
from framekit.models.hub import locate
from framekit.models.onnx import open_session
from framekit.pixels.decode import Pixels

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

LETTERBOX_GREY = 114  # level of the border, 0 to 255; Source: ultralytics, LetterBox
STRIDE = 32  # px; sides of the input are multiples of it. Source: ultralytics, stride of YOLOv8
DEFAULT_SIDE = 640  # px, where neither graph nor metadata says; Source: ultralytics' default imgsz
MIN_SCORE = 0.3  # of a model that is not in the table; chosen: the best F1 of those in it lies between 0.278 and 0.5
MAX_OVERLAP = 0.7  # intersection over union above which two boxes are one; Source: ultralytics' default iou
VIEWS_PER_CALL = 4  # chosen: a batch that fits any GPU's memory
TORCH_SUFFIX = ".pt"
# What the name of a class must contain to mean one of our labels; the first that matches.
LABELS = ((FACE, "face"), (HEAD, "head"), (HALFBODY, "half"), (PERSON, "person|people|girl|boy"))
Prepared = tuple[Pixels, tuple[float, float, float, float]]
# Modules whose layers a checkpoint may name; anything else in it, such as os.system, is refused.
LAYERS_OF = ("ultralytics.nn.", "torch.nn.modules.")
INSTALL = "install requirements-train.txt in an environment of its own, or export the model to ONNX"


@dataclass(frozen=True)
class Letterbox:
    """Fit pixels, centred, into a grey rectangle of `sides`, (height, width) in px. Picklable.

    If `open_shape`, a side shrinks to what the frame's shape needs, in steps of 32 px.
    """

    sides: tuple[int, int]
    open_shape: bool

    def __call__(self, pixels: Pixels) -> Prepared:
        """Return the rectangle, and (x, y, width, height) of the frame in it in px."""
        import cv2

        height, width = pixels.shape[:2]
        scale = min(self.sides[0] / height, self.sides[1] / width)
        high, wide = max(1, round(height * scale)), max(1, round(width * scale))
        sides = (-(-high // STRIDE) * STRIDE, -(-wide // STRIDE) * STRIDE) if self.open_shape else self.sides
        x, y = (sides[1] - wide) // 2, (sides[0] - high) // 2
        ground = np.full((*sides, 3), LETTERBOX_GREY, np.uint8)
        ground[y : y + high, x : x + wide] = cv2.resize(pixels, (wide, high), interpolation=cv2.INTER_LINEAR)
        return ground, (x, y, width * scale, height * scale)


@dataclass(frozen=True)
class Yolo:
    """A YOLO detector.

    `run` turns (N, 3, height, width) float32 RGB 0-1 into (N, 4 + classes, boxes); `labels` has our label of each
    class, "" for classes to ignore; `one_by_one` if the file takes no batches.
    """

    prepare: Letterbox
    run: Callable[[NDArray[np.float32]], NDArray[Any]]
    labels: Sequence[str]
    min_score: float
    max_overlap: float
    one_by_one: bool
    needs_processes: bool = False
    views_per_call: int = VIEWS_PER_CALL

    def detect(self, batch: Sequence[Prepared]) -> list[list[Face]]:
        """Return the faces of each prepared view; neighbours of one shape run together."""
        found: list[list[Face]] = []
        start = 0
        for end in range(1, len(batch) + 1):
            whole = end == len(batch) or self.one_by_one or batch[end][0].shape != batch[start][0].shape
            if whole:
                outputs = self.run(as_input([ground for ground, _ in batch[start:end]]))
                places = [place for _, place in batch[start:end]]
                found += [self.faces(output, place) for output, place in zip(outputs, places, strict=True)]
                start = end
        return found

    def faces(self, output: NDArray[Any], place: tuple[float, float, float, float]) -> list[Face]:
        """Return the faces in the raw output, (4 + classes, boxes), for one view that lies at `place` in the input."""
        x, y, width, height = place
        found = []
        for (left, top, right, bottom), score, kind in yolo_boxes(
            output, self.labels, self.min_score, self.max_overlap
        ):
            box = (left - x) / width, (top - y) / height, (right - x) / width, (bottom - y) / height
            face = face_at(*box, score, self.labels[kind])
            found.append(face_of_head(face) if face.label == HEAD else face)
        return found


def as_input(grounds: Sequence[Pixels]) -> NDArray[np.float32]:
    """Return (N, 3, height, width) float32 from 0 to 1."""
    import cv2

    return np.asarray(cv2.dnn.blobFromImages(grounds, 1 / 255), np.float32)


def yolo_boxes(
    output: NDArray[Any], labels: Sequence[str], min_score: float, max_overlap: float
) -> list[tuple[tuple[float, float, float, float], float, int]]:
    """Turn raw output (4 + classes, N), boxes as centre and size in px, into corner boxes, scores and classes.

    Boxes of one class that overlap more than `max_overlap` are one; classes without a label don't count.
    """
    wanted = [kind for kind, label in enumerate(labels) if label]
    return [(box, score, kind) for box, score, kind, _ in best_boxes(output, wanted, min_score, max_overlap)]


def best_boxes(
    output: NDArray[Any], wanted: Sequence[int], min_score: float, max_overlap: float
) -> list[tuple[tuple[float, float, float, float], float, int, int]]:
    """Return corner boxes, scores, classes and places in the raw output, as yolo_boxes does, of the wanted classes."""
    import cv2

    kinds = np.asarray(wanted)[output[4:][wanted].argmax(axis=0)]
    scores = output[4:][wanted].max(axis=0)
    places = np.flatnonzero(scores >= min_score)
    centres, scores, kinds = output[:4].T[places], scores[places], kinds[places]
    corners = np.hstack([centres[:, :2] - centres[:, 2:] / 2, centres[:, 2:]]).tolist()
    # weak ones are gone already
    kept = cv2.dnn.NMSBoxesBatched(corners, scores.tolist(), kinds.tolist(), 0.0, max_overlap) if corners else ()
    return [
        ((x, y, x + width, y + height), float(scores[index]), int(kinds[index]), int(places[index]))
        for index in map(int, kept)
        for x, y, width, height in [corners[index]]
    ]


def labels_of(names: Sequence[str]) -> list[str]:
    """Return our label of each class of a detector, "" for none; the only class of a detector counts as a face."""
    found = [next((label for label, words in LABELS if re.search(words, name.lower())), "") for name in names]
    return [FACE] if len(found) == 1 and not found[0] else found


def class_names(noted: str, count: int) -> list[str]:
    """Return the names of `count` classes from metadata such as `{0: 'face'}`, "" for those it does not name."""
    try:
        names = ast.literal_eval(noted)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        names = {}
    return [str(names.get(kind, "")) if isinstance(names, dict) else "" for kind in range(count)]


def yolo_shape(session: "InferenceSession") -> Letterbox:
    """Return how views are fitted: the fixed shape of the graph, else the side in the file's metadata, else 640 px."""
    height, width = session.get_inputs()[0].shape[-2:]
    if isinstance(height, int) and isinstance(width, int):
        return Letterbox((height, width), open_shape=False)
    noted = re.findall(r"\d+", session.get_modelmeta().custom_metadata_map.get("imgsz", ""))
    side = max(map(int, noted), default=DEFAULT_SIDE)
    return Letterbox((side, side), open_shape=True)


def load_yolo(model: str, device: str, min_score: float, max_overlap: float) -> Yolo:
    """Open a YOLO ONNX file or a .pt file. Raises UsageError if it is unavailable or detects no people."""
    if model.lower().endswith(TORCH_SUFFIX):
        answers, names = load_torch(Path(model), device)
        run = lambda batch: answers(batch)[0]  # noqa: E731
        fit, one_by_one, path = Letterbox((DEFAULT_SIDE, DEFAULT_SIDE), open_shape=True), False, Path(model)
    else:
        path = locate(model, KNOWN, ["model.onnx"])["model.onnx"]
        session = open_session(path, device)
        expected, given = session.get_inputs()[0], session.get_outputs()[0]
        if len(expected.shape) != 4 or len(given.shape) != 3 or expected.type != "tensor(float)":
            raise UsageError(
                f"{path} is no YOLO detector: it must turn (N, 3, height, width) floats into (N, 4 + classes, boxes)"
            )
        fit, one_by_one = yolo_shape(session), isinstance(expected.shape[0], int)
        count = given.shape[1] - 4 if isinstance(given.shape[1], int) else 1
        names = class_names(session.get_modelmeta().custom_metadata_map.get("names", ""), count)
        run = lambda batch: np.asarray(session.run(None, {expected.name: batch})[0])  # noqa: E731
    labels = labels_of(names)
    if not any(labels):
        raise UsageError(f"{path} detects {', '.join(names[:5])} and no face, head or person; use another --model")
    return Yolo(fit, run, labels, min_score, max_overlap, one_by_one)


def load_torch(path: Path, device: str) -> tuple[Callable[[NDArray[np.float32]], list[NDArray[Any]]], list[str]]:
    """Return the function that runs a .pt file, and the names of its classes.

    It gives the boxes as Yolo needs them, then what else the model says, such as the prototypes of masks, flat.
    Raises UsageError if torch or ultralytics is missing, or if the file is no model of ultralytics or contains anything
    but layers.
    """
    import os

    from PIL import Image

    os.environ.setdefault("YOLO_AUTOINSTALL", "false")  # it would install packages while it runs
    try:
        import torch
        import ultralytics.nn.tasks  # noqa: F401
        from ultralytics.utils import patches
    except ImportError as error:
        raise UsageError(f"{path} needs torch and ultralytics: {INSTALL}") from error
    # ultralytics replaces this function by one that raises ModuleNotFoundError for broken images
    Image.open = getattr(patches, "_image_open", Image.open)
    model = read_checkpoint(path).float().eval()
    place = torch.device("cuda" if device in ("auto", "cuda") and torch.cuda.is_available() else "cpu")
    if device not in ("auto", place.type):
        raise UsageError(f"--device {device} is unavailable for {path}; torch runs on cpu or cuda")
    model.to(place)
    console.say(f"{path.name} runs on torch {place}")

    def run(batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        with torch.inference_mode():
            return [np.asarray(one.cpu().numpy()) for one in flat(model(torch.from_numpy(batch).to(place)))]

    names = model.names if isinstance(model.names, dict) else dict(enumerate(model.names))
    return run, [str(names[kind]) for kind in sorted(names)]


def flat(output: Any) -> list[Any]:
    """Return the tensors in nested lists and tuples, in order."""
    if isinstance(output, list | tuple):
        return [one for part in output for one in flat(part)]
    return [output] if hasattr(output, "cpu") else []


def read_checkpoint(path: Path) -> Any:
    """Return the model in a .pt file of ultralytics, read with torch's `weights_only`. Raises UsageError."""
    import zipfile

    import torch

    try:
        named = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        refused = [name for name in named if not name.startswith(LAYERS_OF)]
        if refused:
            raise UsageError(
                f"{path} names {refused[0]}, which is no layer: not opened; export it to ONNX where you trust it"
            )
        with torch.serialization.safe_globals([layer(name) for name in named]):
            held = torch.load(path, map_location="cpu", weights_only=True)
        return held["ema"] if held.get("ema") is not None else held["model"]
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); give --model a .pt file of ultralytics") from error
    except (
        ValueError,
        RuntimeError,
        KeyError,
        AttributeError,
        torch.serialization.pickle.UnpicklingError,
        zipfile.BadZipFile,
    ) as error:
        raise UsageError(f"{path} is no YOLO model of ultralytics: {str(error).splitlines()[0]}") from error


def layer(name: str) -> Any:
    """Return the layer class of a dotted name. Raises UsageError if it is none."""
    from importlib import import_module

    import torch

    module, _, own = name.rpartition(".")
    found = getattr(import_module(module), own, None)
    if not (isinstance(found, type) and issubclass(found, torch.nn.Module)):
        raise UsageError(f"the model names {name}, which is no layer: not opened; export it to ONNX where you trust it")
    return found
