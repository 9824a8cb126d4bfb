"""The animeface detector, called so that it works with every Pillow, and a drawing to check that it does."""

import ctypes
from dataclasses import dataclass

import numpy as np

from framekit.boxes import Face, face_at
from framekit.errors import UsageError
from framekit.faces.filter import merge_looks
from framekit.faces.models import DETECTORS, InWorker
from framekit.pixels.decode import Pixels, shrink

DETECT_SIZE = 640  # px; time grows with the area, and above 640 px animeface finds more false faces, not more faces
MIN_SCORE = 0.7  # at 640 px with both looks it finds 127 of 130 faces of the sample show and no false one


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
    """animeface on pixels shrunk to `size` px, longer side; mirrored too if `both_looks`. Picklable."""

    size: int = DETECT_SIZE
    both_looks: bool = True

    def __call__(self, pixels: Pixels) -> list[Face]:
        """Return the faces in (H, W, 3) uint8 RGB pixels."""
        small = shrink(pixels, self.size)
        faces = raw_animeface(small)
        if self.both_looks:
            mirrored = raw_animeface(np.ascontiguousarray(small[:, ::-1]))
            faces += [Face((1 - f.box[2], f.box[1], 1 - f.box[0], f.box[3]), f.score) for f in mirrored]
        return [face_at(*face.box, face.score) for face in merge_looks(faces)]


def load_animeface(size: int = DETECT_SIZE, both_looks: bool = True) -> InWorker:
    """Return the embedded detector, after it found a drawn face. Raises UsageError if it is not installed or broken."""
    ways_out = f"use --model {' or --model '.join(DETECTORS)} or a YOLO .onnx file"
    try:
        found = raw_animeface(drawn_face())
    except ImportError as error:
        raise UsageError(f"animeface has no build for this system or is not installed: {ways_out}") from error
    if not found:
        raise UsageError(f"animeface finds no face in its own test drawing on this system: {ways_out}")
    return InWorker(AnimeFace(size, both_looks), needs_processes=True)  # it holds Python's lock while it works


def raw_animeface(pixels: Pixels) -> list[Face]:
    """Run animeface's compiled module on pixels of any size.

    The package itself passes Pillow's private struct and silently finds nothing with Pillow 12 or later. The module
    only follows the pointer behind an object's header, so a capsule with the old struct serves as well.
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
    """Draw a plain face, (168, 168, 3) uint8 RGB, that animeface finds when it works at all."""
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
