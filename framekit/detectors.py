"""Face detectors: animeface, which needs no download, YOLO ONNX models, and cascades of OpenCV."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from framekit.animeface_bridge import DETECT_SIZE, AnimeFace, drawn_face, raw_animeface
from framekit.cascade import CASCADE_SUFFIX, MIN_SCORE, Cascade
from framekit.faces import Detector, Face, Limits, face_at, plausible_faces
from framekit.frames import Pixels, Unreadable, map_frames
from framekit.models import DETECTORS, locate
from framekit.sessions import open_session
from framekit.stage import Misuse

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

EMBEDDED = "animeface"
# Scores below these are no faces. animeface: at 640 px with both looks 127 of 130 faces of the sample show are found
# and no false one. YOLO: the owner's best-F1 point. Source: model cards of deepghs/anime_face_detection.
MIN_SCORES = {EMBEDDED: 0.7, "face_detect_v1.4_s": 0.307, "face_detect_v1.4_n": 0.278}
OTHER_MIN_SCORE = 0.3
LETTERBOX_GREY = 114  # Source: ultralytics, LetterBox


@dataclass(frozen=True)
class Settings:
    """Which detector and how: sizes in px, scores and overlap as fractions; `min_score` None is the detector's own."""

    model: str = EMBEDDED
    device: str = "auto"
    min_score: float | None = None
    size: int = DETECT_SIZE
    both_looks: bool = True
    max_overlap: float = 0.7

    @property
    def threshold(self) -> float:
        """The least score of a face."""
        if self.min_score is not None:
            return self.min_score
        return MIN_SCORE if self.is_cascade else MIN_SCORES.get(self.model, OTHER_MIN_SCORE)

    @property
    def is_cascade(self) -> bool:
        """Whether the detector is a cascade of OpenCV."""
        return self.model.lower().endswith(CASCADE_SUFFIX)


def load_animeface(settings: Settings) -> AnimeFace:
    """Return the embedded detector after it found a drawn face. Raises Misuse if it is missing or blind."""
    ways_out = f"use --model {' or --model '.join(DETECTORS)} or a YOLO .onnx file"
    try:
        found = raw_animeface(drawn_face())
    except ImportError as error:
        raise Misuse(f"animeface has no build for this system or is not installed: {ways_out}") from error
    if not found:
        raise Misuse(f"animeface finds no face in its own test drawing on this system: {ways_out}")
    return AnimeFace(settings.size, settings.both_looks)


def letterbox(pixels: Pixels, side: int) -> tuple[Pixels, float, tuple[int, int]]:
    """Fit pixels into a grey square of `side` px, centred; return it, the scale, and the (x, y) offset in px."""
    import cv2

    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    x, y = (side - size[0]) // 2, (side - size[1]) // 2
    square = np.full((side, side, 3), LETTERBOX_GREY, np.uint8)
    square[y : y + size[1], x : x + size[0]] = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
    return square, scale, (x, y)


def yolo_faces(output: Any, min_score: float, max_overlap: float) -> list[tuple[tuple[float, ...], float]]:
    """Turn raw YOLO output (4 + classes, N), boxes as centre and size in px, into corner boxes after suppression."""
    import cv2

    centres, scores = output[:4].T, output[4:].max(axis=0)
    likely = scores >= min_score
    centres, scores = centres[likely], scores[likely]
    corners = np.hstack([centres[:, :2] - centres[:, 2:] / 2, centres[:, 2:]])
    kept = cv2.dnn.NMSBoxes(corners.tolist(), scores.tolist(), 0.0, max_overlap)  # weak ones are gone already
    boxes = [(x, y, x + width, y + height) for x, y, width, height in corners.tolist()]
    return [(boxes[int(index)], float(scores[int(index)])) for index in kept]


def yolo_side(session: "InferenceSession") -> int:
    """Return the input side in px: the fixed one of the graph, else the one in the file's metadata, else 640."""
    fixed = session.get_inputs()[0].shape[-1]
    if isinstance(fixed, int):
        return fixed
    noted = re.findall(r"\d+", session.get_modelmeta().custom_metadata_map.get("imgsz", ""))
    return max(map(int, noted), default=640)


def load_yolo(settings: Settings) -> Detector:
    """Return a detector that runs a YOLO ONNX file: letterbox, RGB 0-1, NMS."""
    path = locate(settings.model, DETECTORS, ["model.onnx"])["model.onnx"]
    session = open_session(path, settings.device)
    expected, given = session.get_inputs()[0], session.get_outputs()[0]
    if len(expected.shape) != 4 or len(given.shape) != 3 or expected.type != "tensor(float)":
        raise Misuse(f"{path} is no YOLO detector: it must turn (1, 3, side, side) floats into (1, 4 + classes, boxes)")
    name, side = expected.name, yolo_side(session)

    def detect(pixels: Pixels) -> list[Face]:
        square, scale, (x, y) = letterbox(pixels, side)
        batch = np.ascontiguousarray(square.transpose(2, 0, 1)[None], np.float32) / 255
        output = np.asarray(session.run(None, {name: batch})[0])[0]
        width, height = pixels.shape[1] * scale, pixels.shape[0] * scale
        return [
            face_at((left - x) / width, (top - y) / height, (right - x) / width, (bottom - y) / height, score)
            for (left, top, right, bottom), score in yolo_faces(output, settings.threshold, settings.max_overlap)
        ]

    return detect


def load_detector(settings: Settings) -> Detector:
    """Return the embedded detector, a cascade or a YOLO ONNX model. Raises Misuse if it is not to be had."""
    if settings.is_cascade:
        return Cascade(Path(settings.model), settings.size)
    return load_animeface(settings) if settings.model == EMBEDDED else load_yolo(settings)


@dataclass(frozen=True)
class Look:
    """Detect the plausible faces of one frame; picklable, so that it can run in another process."""

    detect: Detector
    min_score: float
    limits: Limits

    def __call__(self, pixels: Pixels) -> list[Face]:
        """Return the faces of one frame, from left to right."""
        size = (pixels.shape[1], pixels.shape[0])
        return plausible_faces(self.detect(pixels), size, self.min_score, self.limits)


def find_faces(
    paths: Sequence[Path], settings: Settings, limits: Limits, workers: int
) -> Iterator[tuple[Path, list[Face] | Unreadable]]:
    """Yield each frame, in order, with its faces. Raises Misuse if the detector is not to be had."""
    if paths:
        detect = load_detector(settings)
        look = Look(detect, settings.threshold, limits)
        yield from map_frames(look, paths, workers, needs_processes(detect))


def needs_processes(detect: Detector) -> bool:
    """Tell whether a detector holds Python's lock, so that threads don't help."""
    return isinstance(detect, AnimeFace)
