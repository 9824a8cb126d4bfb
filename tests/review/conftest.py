"""A small dataset to review."""

from pathlib import Path

import pytest

import generate_metadata
from framekit.sidecars.corrections import WRITTEN, digest
from tests.conftest import plain
from tests.helpers_dataset import MIDDLE, add_faces, add_frame, add_json, add_names, add_text, loaded

LEFT = (0.05, 0.2, 0.2, 0.5)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A dataset of three frames: two people, one, nobody; described by generate_metadata.py."""
    folder = tmp_path / "frames"
    for number, boxes in enumerate([(LEFT, MIDDLE), (MIDDLE,), ()]):
        frame = add_frame(folder / f"EP01/f{number}.png", plain((40 * number, 120, 150), 64, 48))
        add_faces(frame, *boxes)
        add_names(frame, dict(zip(boxes, ("iku", "unknown"), strict=False)))
        for suffix in (".faces.json", ".characters.json"):
            record = loaded(frame, suffix)
            add_json(frame, suffix, record | {WRITTEN: digest(record["faces"])})
        add_text(frame, ".tags", "solo, long_hair\n")
    assert generate_metadata.main([str(folder)]) == 0
    return folder
