"""What the tests of tag_images.py share."""

from pathlib import Path

import tag_images
from tests.helpers_dataset import save_tagger

OLIVE = (200, 100, 30)
CORNER = (0, 1, 2)  # the three channels in the corner of a 4 by 4 input, see save_tagger


def tag(folder: Path, model: Path | str, *options: str) -> int:
    return tag_images.main(["--src_dir", str(folder), "--model", str(model), "--workers", "1", *options])


def tags_of(frame: Path) -> str:
    return frame.with_name(frame.name + ".tags").read_text(encoding="utf-8")


def channel_tagger(folder: Path, batch: int | str = "n") -> Path:
    """Write a tagger whose scores are the three channels of the upper left pixel, in the order of the input."""
    return save_tagger(folder, [("first", 0), ("second", 0), ("third", 0)], CORNER, batch=batch)
