"""A small dataset of named frames and the tree that is made of it, and what a person does there."""

import json
from pathlib import Path

import arrange_folders
import generate_metadata
import prepare_training
from framekit.dataset import frames
from framekit.dataset import move as moves
from framekit.files import atomic, names
from tests.conftest import patchwork
from tests.helpers_dataset import MIDDLE, add_frame, add_names

NAMED = {"a": "Aoba", "b": "Hinata", "c": "Aoba", "d": "Hinata", "e": "Aoba"}


def add_named(show: Path, stem: str, name: str) -> None:
    """Add a frame to the dataset, with one face of that name."""
    frame = add_frame(show / f"frames/EP01/{stem}.png", patchwork(ord(stem)))
    faces = [{"box": list(MIDDLE), "score": 0.9}]
    found = {"schema": 1, "model": "m", "threshold": 0.5, "faces": faces, "written": atomic.digest(faces)}
    atomic.write_json(names.sidecar(frame, names.FACES), found)
    path = add_names(frame, {MIDDLE: name})
    record = json.loads(path.read_text())
    atomic.write_json(path, record | {"written": atomic.digest(record["faces"])})


def arrange(show: Path, *options: str) -> None:
    words = ["--src_dir", str(show / "frames"), "--dst_dir", str(show / "training"), "--format"]
    assert arrange_folders.main([*words, "n_characters/character", "--min_image_per_combination", "1", *options]) == 0


def run_all(show: Path, *options: str) -> None:
    """Run what follows the names."""
    assert generate_metadata.main(["--src_dir", str(show / "frames")]) == 0
    arrange(show, *options)
    assert prepare_training.main(["--src_dir", str(show / "training")]) == 0


def rename(show: Path, *words: str, folder: str = "frames") -> None:
    assert generate_metadata.main(["--src_dir", str(show / folder), "--rename", *words]) == 0


def move(show: Path, stem: str, folder: str, *, alone: bool = False, name: str = "") -> Path:
    """Move a frame of the tree to another folder as a person does, with its files or alone; return where it is."""
    (found,) = [frame for frame in frames.find_frames(show / "training") if frame.stem == stem]
    target = show / "training" / folder
    target.mkdir(parents=True, exist_ok=True)
    for path in [found] if alone else list(found.parent.glob(f"{stem}[.-_]*")):
        path.rename(target / (name + path.suffix if name else path.name))
    return target / (name + found.suffix if name else found.name)


def folders(show: Path) -> dict[str, str]:
    """Return the folder of each frame of the tree by its stem."""
    root = show / "training"
    return {frame.stem: frame.parent.relative_to(root).as_posix() for frame in frames.find_frames(root)}


def caption(show: Path, stem: str) -> str:
    (found,) = [path for path in (show / "training").rglob(f"{stem}.txt") if ".removed" not in path.parts]
    return found.read_text()


def move_all(frame: Path, target: Path) -> None:
    """Move a frame with its files, as a person does."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for path in moves.frame_files(frame):
        there = moves.file_at(path, frame, target)
        there.parent.mkdir(exist_ok=True)
        path.rename(there)
