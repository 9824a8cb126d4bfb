"""A prepared dataset read as trainers would, and each trap that is in it.

What trainers do was taken from their code, and watched while their loaders ran: EveryDream2 of 2025-05, kohya's
sd-scripts 0.9.1 and 0.10, OneTrainer's and Hugging Face's formats.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from framekit import caption_traps, config_traps, frame_names, image_traps, stage
from framekit.trap import Trap

IMAGES = frame_names.FRAME_SUFFIXES | {".jxl"}


@dataclass(frozen=True)
class Found:
    """What lies in a folder that trainers walk: its images, and all its names."""

    folder: Path
    images: tuple[Path, ...]
    names: frozenset[str]


def visible_folders(root: Path) -> Iterator[Found]:
    """Yield each folder that trainers see, in order; hidden ones are skipped by all of them."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        seen = sorted(name for name in names if not name.startswith("."))
        images = tuple(Path(folder, name) for name in seen if Path(name).suffix.lower() in IMAGES)
        yield Found(Path(folder), images, frozenset([*seen, *folders]))


def find_traps(root: Path, wanted: Collection[str], resolution: int, workers: int) -> tuple[int, list[Trap]]:
    """Return how many images there are, and the traps for these trainers; each image is decoded once.

    Raises Misuse if there is no such folder.
    """
    if not root.is_dir():
        raise stage.Misuse(f"{root} is not a folder; --src_dir must name the prepared dataset")
    folders = list(visible_folders(root))
    images = [image for found in folders for image in found.images]
    several_lines = config_traps.takes_several_lines(root, wanted)
    traps: list[Trap] = []
    for found in folders:
        traps += image_traps.name_traps(found.folder, found.images, found.names, wanted, root)
        traps += config_traps.folder_traps(found.folder, found.names, bool(found.images), wanted)
        for image in found.images:
            if {*wanted} == {"onetrainer"} and image.stem.endswith("-masklabel"):
                continue
            traps += caption_traps.caption_traps(image, found.names, wanted, several_lines)
    traps += config_traps.dataset_traps(root, {found.folder: len(found.images) for found in folders}, wanted)
    traps += looked_traps(images, wanted, resolution, workers)
    return len(images), sorted(traps, key=lambda trap: (frame_names.natural_key(trap.path), trap.reason))


def looked_traps(images: Sequence[Path], wanted: Collection[str], resolution: int, workers: int) -> list[Trap]:
    """Return the traps in what images hold."""
    traps: list[Trap] = []
    with ThreadPoolExecutor(workers) as pool:
        looks = pool.map(image_traps.look, images)
        for image, seen in zip(images, stage.progress(looks, len(images), "frame", "decoding"), strict=True):
            traps += image_traps.pixel_traps(image, seen, wanted, resolution)
    return traps
