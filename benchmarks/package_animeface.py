"""animeface as its package runs it, window by window: what framekit/faces/windows.py is measured against."""

import ctypes
from collections.abc import Sequence

import numpy as np

from framekit.boxes import Face, face_at, holds_centre
from framekit.pixels.decode import Pixels, shrink

SIZE = 640  # px; the package finds more false faces above it, not more faces
MIN_SCORE = 0.7  # of its likelihood


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


def detect(pixels: Pixels) -> list[Face]:
    """Return the faces in (H, W, 3) uint8 RGB pixels, shrunk, and in their mirror image."""
    small = shrink(pixels, SIZE)
    mirrored = raw_animeface(np.ascontiguousarray(small[:, ::-1]))
    faces = raw_animeface(small) + [Face((1 - f.box[2], f.box[1], 1 - f.box[0], f.box[3]), f.score) for f in mirrored]
    return [face_at(*face.box, face.score) for face in merge_looks(faces)]


def merge_looks(faces: Sequence[Face]) -> list[Face]:
    """Keep the best of faces that were found twice: one whose centre lies in a better one is the same face."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not any(holds_centre(better.box, face.box) for better in kept):
            kept.append(face)
    return kept


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
