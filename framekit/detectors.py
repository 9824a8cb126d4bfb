"""Face detectors: animeface, which needs no download, and YOLO ONNX models."""

import ast
import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from framekit.faces import Detector, Face, face_at, merge_looks
from framekit.frames import Pixels, shrink
from framekit.models import DETECTORS, locate, open_session
from framekit.stage import Misuse

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

EMBEDDED = "animeface"
# Scores below these are no faces. animeface: at 640 px with both looks 127 of 130 faces of the sample show are found
# and no false one. YOLO: the owner's best-F1 point. Source: model cards of deepghs/anime_face_detection.
MIN_SCORES = {EMBEDDED: 0.7, "face_detect_v1.4_s": 0.307, "face_detect_v1.4_n": 0.278}
OTHER_MIN_SCORE = 0.3
DETECT_SIZE = (
    640  # px; animeface's time grows with the area, and above 640 px it finds more false faces, not more faces
)
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
        return MIN_SCORES.get(self.model, OTHER_MIN_SCORE) if self.min_score is None else self.min_score


class OldPillowImage(ctypes.Structure):
    """Pillow's image struct as it was before Pillow 12, which is what animeface reads. Source: Pillow 10, Imaging.h."""

    _fields_ = [
        ("mode", ctypes.c_char * 7),
        ("type", ctypes.c_int),
        ("depth", ctypes.c_int),
        ("bands", ctypes.c_int),
        ("xsize", ctypes.c_int),
        ("ysize", ctypes.c_int),
        ("palette", ctypes.c_void_p),
        ("image8", ctypes.c_void_p),
        ("image32", ctypes.c_void_p),
        ("image", ctypes.c_void_p),
    ]


@dataclass(frozen=True)
class AnimeFace:
    """The animeface detector on a frame shrunk to `size` px; looks at the mirrored frame too if `both_looks`.

    It holds Python's lock while it works, so it runs in processes, not threads.
    """

    size: int = DETECT_SIZE
    both_looks: bool = True

    def __call__(self, pixels: Pixels) -> list[Face]:
        """Return the faces of one frame."""
        small = shrink(pixels, self.size)
        faces = raw_animeface(small)
        if self.both_looks:
            mirrored = raw_animeface(np.ascontiguousarray(small[:, ::-1]))
            faces += [Face((1 - f.box[2], f.box[1], 1 - f.box[0], f.box[3]), f.score) for f in mirrored]
        return [face_at(*face.box, face.score) for face in merge_looks(faces)]


def raw_animeface(pixels: Pixels) -> list[Face]:
    """Run animeface's compiled module on pixels of any size.

    The package itself hands over Pillow's private struct and silently finds nothing with Pillow 12 or later; the module
    takes any object with a pointer to the old struct behind its header, which a capsule is.
    """
    import animeface

    height, width = pixels.shape[:2]
    rgba = np.ascontiguousarray(np.dstack([pixels, np.full((height, width), 255, np.uint8)]))
    rows = (ctypes.c_void_p * height)(*(rgba.ctypes.data + np.arange(height) * rgba.strides[0]).tolist())
    start = ctypes.addressof(rows)
    struct = OldPillowImage(b"RGB", 0, 8, 3, width, height, None, None, start, start)
    make_capsule = ctypes.pythonapi.PyCapsule_New
    make_capsule.restype, make_capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    found = [animeface.Face(raw) for raw in animeface._nvxs.detect(make_capsule(ctypes.addressof(struct), None, None))]
    return [
        Face((p.x / width, p.y / height, (p.x + p.width) / width, (p.y + p.height) / height), face.likelihood)
        for face in found
        for p in [face.face.pos]
    ]


def drawn_face() -> Pixels:
    """Draw a plain face, (168, 168, 3), that animeface finds when it works at all."""
    import cv2

    pixels = np.full((168, 168, 3), 255, np.uint8)
    hair, skin, line = (90, 60, 50), (255, 224, 200), cv2.LINE_AA
    cv2.ellipse(pixels, (84, 80), (46, 50), 0, 0, 360, hair, -1, line)
    cv2.fillPoly(pixels, [np.array([(54, 78), (114, 78), (108, 108), (84, 128), (60, 108)])], skin, line)
    cv2.ellipse(pixels, (84, 86), (32, 28), 0, 0, 360, skin, -1, line)
    cv2.ellipse(pixels, (84, 66), (36, 18), 0, 0, 360, hair, -1, line)
    for x in (69, 99):
        for colour, y, axes in (((40, 30, 60), 88, (9, 11)), ((90, 110, 220), 90, (7, 8)), ((20, 20, 60), 89, (3, 5))):
            cv2.ellipse(pixels, (x, y), axes, 0, 0, 360, colour, -1, line)
        cv2.circle(pixels, (x - 3, 84), 3, (255, 255, 255), -1, line)
    cv2.line(pixels, (79, 113), (89, 113), (150, 60, 60), 2, line)
    return pixels


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
    kept = cv2.dnn.NMSBoxes(corners.tolist(), scores.tolist(), min_score, max_overlap)
    boxes = [(x, y, x + width, y + height) for x, y, width, height in corners.tolist()]
    return [(boxes[int(index)], float(scores[int(index)])) for index in kept]


def yolo_side(session: "InferenceSession") -> int:
    """Return the input side in px: the fixed one of the graph, else the one in the file's metadata, else 640."""
    fixed = session.get_inputs()[0].shape[-1]
    if isinstance(fixed, int):
        return fixed
    noted = ast.literal_eval(session.get_modelmeta().custom_metadata_map.get("imgsz", "640"))
    return int(noted if isinstance(noted, int) else max(noted))


def load_yolo(settings: Settings) -> Detector:
    """Return a detector that runs a YOLO ONNX file: letterbox, RGB 0-1, NMS."""
    session = open_session(locate(settings.model, DETECTORS, ["model.onnx"])["model.onnx"], settings.device)
    name, side = session.get_inputs()[0].name, yolo_side(session)

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
    """Return the embedded detector or a YOLO ONNX model. Raises Misuse if it is not to be had."""
    return load_animeface(settings) if settings.model == EMBEDDED else load_yolo(settings)
