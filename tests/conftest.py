"""What the tests share: drawn frames, a drawn clip whose cuts and holds are known, and a look at a whole folder."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from framekit.dataset import frames, history
from framekit.files import atomic
from framekit.pixels.decode import Pixels

ROOT = Path(__file__).resolve().parents[1]  # of the repository; tests lie at several depths
sys.path.append(str(ROOT / "demo"))


BLACK, WHITE, RED, GREEN, BLUE = (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)

CLIP_FPS, CLIP_WIDTH, CLIP_HEIGHT, SQUARE = 24, 160, 90, 16

# How many frames each drawing of the clip is held, scene by scene; and what follows from it, counted by hand.
CLIP_HOLDS = ((2, 2, 4, 2, 2), (3, 3, 2, 4), (2, 2, 6, 2, 4))

CLIP_FRAMES = 40

CLIP_CHANGES = [0, 2, 4, 8, 10, 12, 15, 18, 20, 24, 26, 28, 34, 36]

CLIP_SCENES = [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2]

TREE = dict[str, tuple[bytes, int]]

WithoutRights = Callable[..., None]

SavedMeanwhile = Callable[[dict[Path, str]], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests of faults try more often."""
    parser.addoption(
        "--moments", type=int, default=2, help="moments at which each script is killed; 0 = at each file operation"
    )


def plain(colour: tuple[int, int, int], width: int = 32, height: int = 18) -> Pixels:
    """Return pixels of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


def patchwork(seed: int, width: int = 96, height: int = 54) -> Pixels:
    """Return pixels with a layout of its own for each seed: 8 by 6 patches of random colours."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    patches = patches.repeat(-(-height // 6), axis=0)[:height]
    return np.asarray(patches.repeat(-(-width // 8), axis=1)[:, :width], np.uint8)


def save_frame(path: Path, pixels: Pixels) -> Path:
    """Write pixels as a frame of the kind that the suffix says, folders included; return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def tree(folder: Path, hidden: bool = True) -> TREE:
    """Return the bytes and the time of each file below a folder, with or without what lies in hidden folders.

    The record of commands is left out.
    """
    files = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {
        name.as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for name, path in sorted(files.items())
        if (hidden or not any(part.startswith(".") for part in name.parts)) and name.name != history.LOG
    }


def listing(folder: Path) -> list[str]:
    """Return the names in a folder, hidden ones too, but for its commands."""
    return sorted(path.name for path in folder.iterdir() if path.name != history.LOG)


def one_sentence(text: str) -> str:
    """Return what a script said on stderr, after checking that it is one line and no traceback."""
    assert text.strip()
    assert len(text.strip().splitlines()) == 1
    assert "Traceback" not in text
    return text.strip()


def clip_frames() -> list[Pixels]:
    """Draw the clip: a square that jumps by its own width at each drawing; scene 1 is white, scenes 0 and 2 are black.

    The n-th drawing of the clip has its square at x = 16 * (n % 9), y = 16 + 16 * scene.
    """
    drawn: list[Pixels] = []
    number = 0
    for scene, holds in enumerate(CLIP_HOLDS):
        ground, ink = (WHITE, BLACK) if scene == 1 else (BLACK, WHITE)
        for hold in holds:
            pixels = plain(ground, CLIP_WIDTH, CLIP_HEIGHT)
            x, y = SQUARE * (number % 9), SQUARE + SQUARE * scene
            pixels[y : y + SQUARE, x : x + SQUARE] = ink
            drawn += [pixels] * hold
            number += 1
    return drawn


def write_clip(path: Path, frames: Iterable[Pixels], *options: str) -> Path:
    """Encode frames of the clip's size as lossless H.264 with more options of ffmpeg; return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = f"{CLIP_WIDTH}x{CLIP_HEIGHT}"
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(CLIP_FPS), "-i", "-"]
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-pix_fmt", "yuv420p", "-threads", "1"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *source, *codec, *options, str(path)]
    subprocess.run(command, input=b"".join(one.tobytes() for one in frames), check=True)
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a drawn clip, 160x90, 24 frames/s, 40 frames, 14 drawings, 3 scenes, held on twos and longer."""
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", clip_frames())


@pytest.fixture
def without_rights(monkeypatch: pytest.MonkeyPatch) -> WithoutRights:
    """Return a function that takes the right to read files and folders from whoever runs the tests, root too."""
    closed: set[str] = set()
    list_folder, may_access = os.scandir, os.access

    def scandir(path: Any = ".") -> Any:
        if str(path) in closed:  # a number is an open folder
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return list_folder(path)

    def access(path: Any, mode: int) -> bool:
        return str(path) not in closed and may_access(path, mode)

    def close(*paths: Path) -> None:
        closed.update(map(str, paths))

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(frames, "scandir", scandir)
    monkeypatch.setattr(frames, "access", access)
    return close


@pytest.fixture
def saved_meanwhile(monkeypatch: pytest.MonkeyPatch) -> SavedMeanwhile:
    """Return a function that lets a person save files while a script is about to write the first of them.

    All has been decided by then, and nothing replaced.
    """
    part_of = atomic.part_of

    def save(texts: dict[Path, str]) -> None:
        waiting = {**texts}

        def saving(path: Path) -> Path:
            if path in texts:
                while waiting:
                    edited, text = waiting.popitem()
                    edited.write_text(text, encoding="utf-8")
            return part_of(path)

        monkeypatch.setattr(atomic, "part_of", saving)

    return save
