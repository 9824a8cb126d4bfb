"""Frames looked at, shot by shot: what is asked of a segmenter, and what a person corrected."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from framekit.boxes import Face
from framekit.dataset.frames import Unreadable
from framekit.figures import look, separate
from framekit.figures.find import box_of
from framekit.figures.look import Asked, Seen, corrected_figures, hiding, look_at, measured, segment_frames, shots_with
from framekit.figures.models import Silent
from framekit.figures.segment import Settings
from framekit.files.names import FACES, INSTANCES, mask_of, sidecar
from framekit.pixels.labels import read_labels
from framekit.sidecars.instances import Figure, read_figures
from tests.helpers_layers import HEIGHT, WIDTH, add_shot, drawn, edit, face_box, paint, quick, set_faces

assert quick
pytestmark = pytest.mark.usefixtures("quick")
MADE: dict[str, Any] = {"model": "grabcut", "settings": {}}
ASKED = Asked(Settings(), 16384, MADE)


def seen_of(frames: Sequence[Path], asked: Asked = ASKED) -> dict[str, Seen | Unreadable]:
    """Return what is seen in frames that are one shot."""
    return {frame.name: one for frame, one in look_at([frames], Silent(), asked, 1)}


def test_only_shots_with_a_wanted_frame_are_looked_at(tmp_path: Path) -> None:
    first = add_shot(tmp_path, "a", [[20], [24]], 0)
    second = add_shot(tmp_path, "b", [[20]], 1)
    assert shots_with([*first, *second], {first[1]}) == [first]
    assert shots_with([*first, *second], {*first, *second}) == [first, second]
    assert shots_with([*first, *second], set()) == []


def test_a_long_shot_is_looked_at_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "MOST_AT_ONCE", 2)
    frames = add_shot(tmp_path, "a", [[20], [24], [28], [32], [36]], 0)
    assert shots_with(frames, {frames[0]}) == [frames[:2], frames[2:4], frames[4:]]


def test_nothing_to_do_loads_no_model(tmp_path: Path) -> None:
    asked = Asked(Settings(str(tmp_path / "gone.onnx")), 1, MADE)
    assert segment_frames([tmp_path / "x.png"], [], asked, 1, []) == (0, 0, 0)


def test_a_frame_is_seen_in_its_own_size_however_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [frame] = add_shot(tmp_path, "a", [[40]], 0)
    monkeypatch.setattr(look, "LONGER_SIDE", 48)
    seen = seen_of([frame])["a0.png"]
    assert isinstance(seen, Seen)
    labels = read_labels(seen.mask)
    assert labels.shape == (HEIGHT, WIDTH)
    [figure] = seen.figures
    assert figure.box == pytest.approx(box_of(labels == 1), abs=0.03)
    assert seen.looked == [face_box(40)]
    assert separate.LONGER_SIDE == 640


@pytest.mark.parametrize("workers", [1, 3])
def test_unreadable_frames_and_sidecars_are_told_and_the_others_seen(tmp_path: Path, workers: int) -> None:
    frames = add_shot(tmp_path, "a", [[20], [24], [28], [32]], 0)
    frames[0].write_bytes(b"no picture")
    sidecar(frames[2], FACES).write_text("{", "utf-8")
    sidecar(frames[3], ".characters.json").write_text('{"faces": 3}', "utf-8")
    unreadable: list[tuple[Path, str]] = []
    assert segment_frames(frames, frames, ASKED, workers, unreadable) == (1, 1, 0)
    assert [path for path, _ in unreadable] == [frames[0], *frames[2:]]
    assert read_figures(frames[0]) is None
    assert read_figures(frames[1]) != []


def test_only_wanted_frames_are_counted_and_neighbours_written_too(tmp_path: Path) -> None:
    frames = add_shot(tmp_path, "a", [[20, 60], [24, 64], []], 0)
    assert segment_frames(frames, frames[:1], ASKED, 1, []) == (2, 1, 0)
    assert len(read_figures(frames[1]) or []) == 2
    assert segment_frames(frames, frames[2:], ASKED, 1, []) == (0, 1, 1)


def test_names_join_figures_that_look_different(tmp_path: Path) -> None:
    names = ["Aoba", "Hinata"]
    frames = add_shot(tmp_path, "a", [[20, 60], [60, 20]], 0, names)  # they change sides, and their coats
    seen = seen_of(frames)
    tracks = [[one.track for one in held.figures] for held in seen.values() if isinstance(held, Seen)]
    assert tracks == [[1, 2], [2, 1]]


def test_unknown_is_no_name(tmp_path: Path) -> None:
    first, second = add_shot(tmp_path, "a", [[20], [70]], 0, ["unknown"])
    Image.fromarray(np.roll(drawn([70]), 1, axis=2)).save(second)
    seen = seen_of([first, second])
    tracks = [[one.track for one in held.figures] for held in seen.values() if isinstance(held, Seen)]
    assert tracks == [[1], [2]]


def test_what_a_person_corrected_is_left_out_unless_overwritten(tmp_path: Path) -> None:
    frames = add_shot(tmp_path, "a", [[20], [24]], 0)
    segment_frames(frames, frames, ASKED, 1, [])
    edit(frames[0], kept=False)
    assert [*seen_of(frames)] == ["a1.png"]
    assert [*seen_of(frames, Asked(Settings(), 16384, MADE, overwrites=True))] == ["a0.png", "a1.png"]


def test_corrected_figures_are_those_of_the_sidecar_and_of_the_picture(tmp_path: Path) -> None:
    [frame] = add_shot(tmp_path, "a", [[40]], 0)
    assert corrected_figures(frame, (HEIGHT, WIDTH)) is None
    segment_frames([frame], [frame], ASKED, 1, [])
    assert corrected_figures(frame, (HEIGHT, WIDTH)) is None
    paint(frame, slice(0, 24), 9)
    found = corrected_figures(frame, (HEIGHT // 2, WIDTH // 2))
    assert found is not None
    assert found.labels.shape == (27, 48)
    assert [figure.label for figure in found.figures] == [1, 9]
    assert found.figures[1].box == (0.0, 0.0, 0.25, 1.0)
    assert found.figures[1].area == pytest.approx(0.25)


def test_a_corrected_frame_without_a_picture_is_as_one_without_figures(tmp_path: Path) -> None:
    [frame] = add_shot(tmp_path, "a", [[40]], 0)
    segment_frames([frame], [frame], ASKED, 1, [])
    edit(frame, kept=False)
    for content in (None, b"", b"no picture"):
        mask_of(frame).unlink(missing_ok=True)
        if content is not None:
            mask_of(frame).write_bytes(content)
        assert corrected_figures(frame, (HEIGHT, WIDTH)) is None
        before = sidecar(frame, INSTANCES).read_bytes()
        segment_frames([frame], [frame], ASKED, 1, [])
        assert sidecar(frame, INSTANCES).read_bytes() == before


def test_the_boxes_of_all_faces_are_noted_also_of_those_without_a_figure(tmp_path: Path) -> None:
    [frame] = add_shot(tmp_path, "a", [[40]], 0)
    set_faces(frame, face_box(40), (0.01, 0.01, 0.02, 0.02))
    segment_frames([frame], [frame], ASKED, 1, [])
    record = json.loads(sidecar(frame, INSTANCES).read_text("utf-8"))
    assert record["looked"] == [list(face_box(40)), [0.01, 0.01, 0.02, 0.02]]
    assert [one["faces"] for one in record["figures"]] == [[list(face_box(40))]]


def test_a_figure_is_measured_by_its_labels() -> None:
    labels = np.zeros((10, 20), np.uint8)
    labels[5:, 10:] = 3
    figure = Figure(3, (0.0, 0.0, 1.0, 1.0), 0.9)
    assert measured(figure, labels, 4) == Figure(3, (0.5, 0.5, 1.0, 1.0), 0.25, track=4)
    assert measured(Figure(2, (0.0, 0.0, 1.0, 1.0), 0.9), labels, 1) == Figure(2, (0.0, 0.0, 1.0, 1.0), 0.9, track=1)


def test_what_hides_the_background_in_pixels_without_sidecars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "detect_faces", lambda pixels: [Face(face_box(40), 0.9)] if pixels.max() else [])
    hide = hiding(Settings())
    hidden = hide(drawn([40]))
    assert hidden.shape == (HEIGHT, WIDTH)
    assert [hidden[40, column] for column in (46, 5)] == [True, False]
    assert not hide(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).any()
