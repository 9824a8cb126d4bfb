"""Drawn faces whose likeness is known (an angle between red and green), and runs of the script on them."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import classify_characters
from framekit.boxes import Face
from framekit.characters import descriptors
from framekit.characters.descriptors import Vector
from framekit.characters.match import References
from framekit.pixels.decode import Pixels
from tests.conftest import plain, save_frame
from tests.helpers_dataset import MIDDLE, Box, add_faces, add_frame, loaded

FACELESS = (10, 10, 250)  # where the drawn detector finds nothing
LEFT: Box = (0.2, 0.4, 0.3, 0.5)
RIGHT: Box = (0.7, 0.4, 0.8, 0.5)
HAIR = {"pink": (240, 120, 170), "navy": (40, 50, 130), "green": (60, 170, 90)}
BOX = (0.35, 0.3, 0.6, 0.75)


def shade(degrees: float) -> Pixels:
    """Draw pixels of a colour at this angle between pure red and pure green."""
    angle = math.radians(degrees)
    return plain((round(250 * math.cos(angle)), round(250 * math.sin(angle)), 0), 60, 60)


def embed_colour(crop: Pixels) -> Vector:
    """Return the direction of the mean colour: faces d degrees apart have the similarity cos(d)."""
    return descriptors.unit(crop.reshape(-1, 3).mean(axis=0))


def detect_drawn(pixels: Pixels) -> list[Face]:
    return [] if tuple(pixels[0, 0]) == FACELESS else [Face(MIDDLE, 0.9)]


def add_references(tmp_path: Path, **angles: Sequence[float]) -> Path:
    """Write references/<name>/<n>.png of these angles; return the folder of references."""
    for name, own in angles.items():
        for number, angle in enumerate(own):
            save_frame(tmp_path / "references" / name / f"{number}.png", shade(angle))
    return tmp_path / "references"


def add_face(tmp_path: Path, angle: float, name: str = "x") -> Path:
    """Write a frame with one face of this angle and its X.faces.json; return its path."""
    frame = add_frame(tmp_path / "dataset" / f"{name}.png", shade(angle))
    add_faces(frame, MIDDLE)
    return frame


def classify(tmp_path: Path, *options: str) -> int:
    folders = ["--src_dir", str(tmp_path / "dataset"), "--ref_dir", str(tmp_path / "references")]
    return classify_characters.main([*folders, "--workers", "1", *options])


def strictly(tmp_path: Path, least: float, *options: str) -> int:
    """Name faces by their similarity alone; options override."""
    alone = ["--method", "knn", "--unknown_below", str(least), "--margin_weight", "0"]
    return classify(tmp_path, *alone, *options)


def faces_of(frame: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = loaded(frame, ".characters.json")["faces"]
    return found


def names_of(frame: Path) -> list[str]:
    return [face["name"] for face in faces_of(frame)]


def head(hair: tuple[int, int, int], turn: int = 0) -> Pixels:
    """Draw a head; `turn` moves the face aside in it."""
    pixels = plain((210, 225, 235), 96, 96)
    cv2.ellipse(pixels, (48, 44), (34, 38), 0, 0, 360, hair, -1)
    cv2.ellipse(pixels, (48 + turn, 56), (20, 24), 0, 0, 360, (255, 224, 200), -1)
    for x in (39, 57):
        cv2.circle(pixels, (x + turn, 54), 4, (40, 40, 60), -1)
    return pixels


def show(tmp_path: Path) -> Path:
    """Write frames of three characters, six of each, with their faces."""
    numbers = np.random.default_rng(0)
    for name, hair in HAIR.items():
        for n in range(6):
            frame = plain((200, 215, 230), 160, 96)
            frame[:, 32:128] = head(tuple(int(part) for part in hair + numbers.integers(-6, 7, 3)))  # type: ignore[arg-type]
            add_faces(save_frame(tmp_path / f"frames/EP01/{name}_{n}.png", frame), BOX)
    return tmp_path / "frames"


def at(*degrees: float) -> Vector:
    """Return unit vectors (N, 2) at these angles: their similarity is the cosine of the angle between them."""
    return np.array([[math.cos(math.radians(one)), math.sin(math.radians(one))] for one in degrees], np.float32)


def known(**angles: list[float]) -> References:
    """Return references with one view each, which other framing and light don't change."""
    names = [name for name, own in angles.items() for _ in own]
    rows = at(*(angle for own in angles.values() for angle in own))[:, None]
    return References(names, rows, rows)
