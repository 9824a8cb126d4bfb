"""Figures of a frame: what their sidecar and label picture hold, and when a person corrected them."""

import json
from pathlib import Path
from typing import Any

import pytest

from framekit.errors import BadSidecar
from framekit.files.names import INSTANCES, mask_of, sidecar
from framekit.sidecars.instances import Figure, figures_in, is_corrected, is_pending, read_figures, write_instances

MADE = {"model": "grabcut", "settings": {"min_size": 0.01}}
GIRL = Figure(1, (0.1, 0.2, 0.5, 1.0), 0.21, faces=((0.2, 0.3, 0.4, 0.5),), score=0.9, model="grabcut", track=3)
CAT = Figure(2, (0.6, 0.6, 0.8, 1.0), 0.04, category="object", kept=False)
BOX = [0.1, 0.1, 0.5, 0.5]


def edit(frame: Path, **values: Any) -> None:
    """Change the first figure as a person does in an editor."""
    path = sidecar(frame, INSTANCES)
    record = json.loads(path.read_text("utf-8"))
    record["figures"][0] |= values
    path.write_text(json.dumps(record, indent=4), "utf-8")


def test_figures_are_read_as_they_were_written(tmp_path: Path) -> None:
    frame = tmp_path / "X.png"
    assert read_figures(frame) is None
    assert write_instances(frame, MADE, [GIRL, CAT], b"labels")
    assert read_figures(frame) == [GIRL, CAT]
    assert (tmp_path / ".masks" / "X.png").read_bytes() == b"labels"
    assert not is_corrected(frame)


def test_a_frame_without_figures_counts_as_looked_at(tmp_path: Path) -> None:
    frame = tmp_path / "X.png"
    assert write_instances(frame, MADE, [], b"black")
    assert read_figures(frame) == []


@pytest.mark.parametrize("by_hand", ["sidecar", "mask"])
def test_what_a_person_corrected_stays(tmp_path: Path, by_hand: str) -> None:
    frame = tmp_path / "X.png"
    write_instances(frame, MADE, [GIRL], b"labels")
    if by_hand == "sidecar":
        edit(frame, kept=False)
    else:
        mask_of(frame).write_bytes(b"painted")
    held = sidecar(frame, INSTANCES).read_bytes(), mask_of(frame).read_bytes()
    assert is_corrected(frame)
    assert not write_instances(frame, MADE, [CAT], b"others")
    assert (sidecar(frame, INSTANCES).read_bytes(), mask_of(frame).read_bytes()) == held


def test_other_white_space_is_no_correction(tmp_path: Path) -> None:
    frame = tmp_path / "X.png"
    write_instances(frame, MADE, [GIRL], b"labels")
    edit(frame)
    assert not is_corrected(frame)


def test_a_mask_that_is_gone_is_no_correction_but_made_again(tmp_path: Path) -> None:
    frame = tmp_path / "X.png"
    write_instances(frame, MADE, [GIRL], b"labels")
    assert not is_pending(frame, [], redo=False)
    mask_of(frame).unlink()
    assert not is_corrected(frame)
    assert is_pending(frame, [], redo=False)


def test_what_a_person_left_out_is_read_as_usual() -> None:
    [figure] = figures_in({"figures": [{"label": 1, "box": BOX}]}, "X.instances.json")
    assert figure == Figure(1, (0.1, 0.1, 0.5, 0.5), 0.0)
    assert figure.is_used


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        ("none", "a label and a box"),
        ([{"box": BOX}], "a label and a box"),
        ([{"label": 1, "box": [0, 0, 1]}], "a label and a box"),
        ([{"label": 1.5, "box": BOX}], "a label and a box"),
        ([{"label": 1, "box": BOX}, {"label": 1, "box": BOX}], "one label"),
        ([{"label": 1, "box": BOX, "kept": "false"}], "kept is true or false"),
        ([{"label": 0, "box": BOX}], "from 1 to 255"),
        ([{"label": 256, "box": BOX}], "from 1 to 255"),
        ([{"label": 1, "box": BOX, "category": "girl"}], "a category is one of"),
        ([{"label": 1, "box": [0.1, 0.1, 0.5, 50]}], "fractions"),
        ([{"label": 1, "box": [0.5, 0.1, 0.1, 0.5]}], "left, top, right, bottom"),
        ([{"label": 1, "box": BOX, "faces": [[0.5, 0.1, 0.1, 0.5]]}], "left, top, right, bottom"),
    ],
)
def test_a_malformed_sidecar_is_refused_with_the_reason(figures: Any, reason: str) -> None:
    with pytest.raises(BadSidecar, match=reason):
        figures_in({"figures": figures}, "X.instances.json")


@pytest.mark.parametrize("category", ["background", "partial", "character", "object"])
def test_background_and_dropped_figures_are_not_used(category: str) -> None:
    assert Figure(1, (0.1, 0.1, 0.5, 0.5), 0.1, category=category).is_used is (category != "background")
    assert not Figure(1, (0.1, 0.1, 0.5, 0.5), 0.1, category=category, kept=False).is_used
