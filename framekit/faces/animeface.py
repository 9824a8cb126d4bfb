"""The animeface detector: its networks, read from the package, and a drawing to check that they see."""

import ctypes
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from framekit.boxes import Face
from framekit.errors import UsageError
from framekit.faces.models import DETECTORS, InWorker
from framekit.faces.windows import PATIENT, USUAL, Floats, Judges, Network, Networks, search
from framekit.pixels.decode import Pixels, shrink

DETECT_SIZE = 800  # px; a window has 32 px at least, so that faces down to 5 % of the height of 16:9 are found
MIN_SCORE = 0.7  # keeps no false face of the two composed shows that it was chosen on


class Matrix(ctypes.Structure):
    """nvxs's matrix: `rows` vectors of `length` numbers, `step` apart. Source: nvxs 1.0.2, nv_core_matrix.h."""

    _fields_ = [
        ("list", ctypes.c_int),
        ("list_step", ctypes.c_uint),
        ("length", ctypes.c_int),
        ("vectors", ctypes.c_int),
        ("image_rows", ctypes.c_int),
        ("image_columns", ctypes.c_int),
        ("step", ctypes.c_int),
        ("alias", ctypes.c_int),
        ("values", ctypes.POINTER(ctypes.c_float)),
    ]

    def numbers(self) -> Floats:
        """Return a copy as (vectors, length) float32."""
        whole = np.ctypeslib.as_array(self.values, (self.vectors, self.step))
        return np.array(whole[:, : self.length], np.float32)


class Perceptron(ctypes.Structure):
    """nvxs's network of two layers. Source: nvxs 1.0.2, nv_ml_mlp.h."""

    _fields_ = [
        ("input", ctypes.c_int),
        ("hidden", ctypes.c_int),
        ("output", ctypes.c_int),
        ("input_weights", ctypes.POINTER(Matrix)),
        ("hidden_weights", ctypes.POINTER(Matrix)),
        ("input_bias", ctypes.POINTER(Matrix)),
        ("hidden_bias", ctypes.POINTER(Matrix)),
    ]

    def network(self) -> Network:
        """Return a copy of the weights."""
        return Network(
            np.ascontiguousarray(self.input_weights.contents.numbers().T),
            self.input_bias.contents.numbers()[:, 0],
            np.ascontiguousarray(self.hidden_weights.contents.numbers().T),
            self.hidden_bias.contents.numbers()[:, 0],
        )


@lru_cache(maxsize=3)
def load_judges(both_looks: bool, patient: bool) -> Judges:
    """Return the networks inside the animeface package. Raises ImportError without it, ValueError if they are gone."""
    from animeface import _nvxs

    library = ctypes.CDLL(_nvxs.__file__)  # finds the names of the library beside it, too
    direction, first, one, two = (
        Perceptron.in_dll(library, f"nv_face_mlp_{name}").network() for name in ("dir", "face_00", "face_01", "face_02")
    )
    networks = Networks(direction, first, (one, two))
    looks = (networks, networks.mirrored()) if both_looks else (networks,)
    return Judges.of(looks, PATIENT if patient else USUAL)


@lru_cache(maxsize=1)
def blas() -> Any:
    """Return what sets the threads of numpy's matrix products."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@dataclass(frozen=True)
class AnimeFace:
    """animeface on pixels shrunk to `size` px, longer side; as if mirrored too if `both_looks`. Picklable.

    `patient` looks at nearly every place, which takes many times as long.
    """

    size: int = DETECT_SIZE
    both_looks: bool = True
    patient: bool = False

    def __call__(self, pixels: Pixels) -> list[Face]:
        """Return the faces in (H, W, 3) uint8 RGB pixels."""
        import cv2

        grey = np.asarray(cv2.cvtColor(shrink(pixels, self.size), cv2.COLOR_RGB2GRAY), np.uint8)
        with blas().limit(limits=1, user_api="blas"):  # workers use the cores; threads of their own only wait
            return search(grey, load_judges(self.both_looks, self.patient))


def load_animeface(size: int = DETECT_SIZE, both_looks: bool = True, patient: bool = False) -> InWorker:
    """Return the embedded detector, after it found a drawn face. Raises UsageError if it is not installed or broken."""
    ways_out = f"use --model {' or --model '.join(DETECTORS)} or a YOLO .onnx file"
    try:
        found = AnimeFace()(drawn_face())
    except ImportError as error:
        raise UsageError(f"animeface has no build for this system or is not installed: {ways_out}") from error
    except ValueError as error:
        raise UsageError(f"animeface is built without the networks that version 2.0.3 has: {ways_out}") from error
    if not found:
        raise UsageError(f"animeface finds no face in its own test drawing on this system: {ways_out}")
    return InWorker(AnimeFace(size, both_looks, patient), needs_processes=True)  # numpy's threads are set for a process


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
