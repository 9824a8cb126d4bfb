"""Frames with known figures, composed of drawings with alpha by a program that composes episodes with truth.

It is a module with `Library`, `Painter`, `opening`, `ending` and `body`; what they paint is cut out and put together
anew, so that every figure, its alpha and what lies behind it are known to the pixel.
"""

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from framekit.boxes import Face
from framekit.faces.detect import detect_faces
from framekit.pixels.decode import Pixels

SIZE = (1280, 720)
FPS = Fraction(24)
EPISODES = 2
JPEG_QUALITY = 88  # what a frame of a video has lost; chosen
VISIBLE = 0.5  # share of a face that must be seen, for it to be found
Alpha = NDArray[np.float32]  # (H, W), 0 to 1


@dataclass(frozen=True)
class Composed:
    """A frame: pixels, the alpha of each figure as far as it is seen, their characters, and what lies behind them.

    `faces` are those that our detector finds; `true_faces` the boxes of the truth that are seen well enough, as
    fractions, with the number of their figure.
    """

    pixels: Pixels
    alphas: Sequence[Alpha]
    names: Sequence[str]
    background: Pixels
    faces: Sequence[Face]
    true_faces: Sequence[tuple[tuple[float, float, float, float], int]]
    template: str

    @cached_property
    def alpha(self) -> Alpha:
        """The alpha of all figures together."""
        empty = np.zeros(self.pixels.shape[:2], dtype=np.float32)
        return np.asarray(np.clip(sum(self.alphas, empty), 0, 1))

    @property
    def found(self) -> list[int]:
        """The numbers of the figures whose face was found."""
        return [figure for box, figure in self.true_faces if any(is_centre_in(box, face) for face in self.faces)]

    @property
    def all_found(self) -> bool:
        """Whether the face of every figure was found, and there is one."""
        return len(self.found) == len(self.alphas) > 0


def is_centre_in(box: Sequence[float], face: Face) -> bool:
    """Tell whether the centre of a true face lies in a found one."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return face.box[0] < x < face.box[2] and face.box[1] < y < face.box[3]


def load_composer(path: Path) -> Any:
    """Return the composing program as a module."""
    spec = importlib.util.spec_from_file_location("composer", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["composer"] = module  # its dataclasses look for it there
    spec.loader.exec_module(module)
    return module


def painter_of(composer: Any, art: Path) -> Any:
    """Return what paints scenes, with the drawings below `art`."""
    return composer.Painter(composer.Library(art / "portraits", art / "sprites"), SIZE)


def shots_of(composer: Any, painter: Any, seed: int) -> list[Any]:
    """Return the shots of a composed show: opening, ending, and the bodies of its episodes."""
    shots = [*composer.opening(painter, seed, FPS), *composer.ending(painter, seed, FPS)]
    bodies: list[list[Any]] = []
    for episode in range(1, EPISODES + 1):
        bodies.append(composer.body(painter, seed, episode, FPS, bodies))
    return shots + [shot for body in bodies for shot in body]


def alphas_of(painter: Any, scene: Any) -> list[Alpha]:
    """Return the alpha of each figure of a scene, without what nearer figures and bars hide."""
    from PIL import Image

    layers, _ = painter._figures(scene.actors, scene.view, scene.bars)
    over = np.zeros(SIZE[::-1], dtype=np.float32)
    alphas: list[Alpha] = []
    for sprite, x, y in reversed(layers):
        stamp = Image.new("L", SIZE)
        stamp.paste(sprite.getchannel("A"), (x, y))
        own = np.asarray(stamp, dtype=np.float32) / 255
        alphas.append(own * (1 - over))
        over = 1 - (1 - over) * (1 - own)
    bar = round(scene.bars * SIZE[1])
    for alpha in alphas:
        alpha[:bar] = 0
        alpha[SIZE[1] - bar :] = 0
    return alphas[::-1]


def compose(composer: Any, painter: Any, scene: Any, template: str = "") -> Composed:
    """Return one scene as a frame, with what is found and what is true in it."""
    from dataclasses import replace

    picture = painter.paint(scene)
    raw = np.asarray(picture.image.convert("RGB"))
    coded = cv2.imencode(".jpg", raw[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert decoded is not None
    pixels = np.asarray(decoded[..., ::-1], dtype=np.uint8).copy()
    background = np.asarray(painter.paint(replace(scene, actors=())).image.convert("RGB")).copy()
    true = []
    for number, face in enumerate(picture.faces):
        if face.inside * (1 - face.covered) >= VISIBLE:
            x, y, width, height = face.face
            box = (x / SIZE[0], y / SIZE[1], (x + width) / SIZE[0], (y + height) / SIZE[1])
            true.append((box, number))
    names = [painter.library.art[actor.body, actor.expression].character for actor in scene.actors]
    return Composed(pixels, alphas_of(painter, scene), names, background, detect_faces(pixels), true, template)


def composed(composer: Any, art: Path, seeds: Sequence[int]) -> Iterator[Composed]:
    """Yield the middle of each shot of the shows of these seeds."""
    painter = painter_of(composer, art)
    for seed in seeds:
        for shot in shots_of(composer, painter, seed):
            yield compose(composer, painter, shot.scenes[len(shot.scenes) // 2], shot.template)
