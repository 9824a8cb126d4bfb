"""What the journal of layers says: shots that are done, pictures that a person changed."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from framekit.boxes import Face
from framekit.files.names import CHARACTERS, mask_of, sidecar
from framekit.layers.cutting import Layer, png_of, read_frame
from framekit.layers.dataset import JOURNAL, Layers, Todo, Written, frames_of, made_of, write_layer
from framekit.layers.shots import Shot
from framekit.sidecars.characters import read_names
from framekit.sidecars.faces import read_faces
from tests.conftest import plain, save_frame
from tests.helpers_dataset import add_faces, add_figures, add_names

BOX = (0.1, 0.1, 0.5, 0.5)


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    """Return a frame with figures."""
    path = save_frame(tmp_path / "set/EP01/x.png", plain((9, 9, 9), 8, 6))
    add_figures(path)
    return path


def layer(frame: Path, level: int, name: str = "x_1.png", names: Sequence[str] = ()) -> Layer:
    """Return a cut-out of one colour."""
    faces = [Face(BOX, 0.9)] * len(names)
    return Layer(
        "characters", name, png_of(np.full((4, 4, 4), level, np.uint8)), faces, names, {"frame": frame.name}, frame
    )


def opened(tmp_path: Path) -> Layers:
    """Return layers as a run finds them."""
    return Layers(tmp_path / "set", tmp_path / "layers", lambda _: nullcontext())


def write(tmp_path: Path, frame: Path, made: str, *given: Layer, failed: Sequence[object] = ()) -> Written:
    """Write layers of the shot of one frame in a run of its own."""
    told = Written()
    opened(tmp_path).write(Todo(Shot((frame,), (None,)), {}, made, True), iter(given), failed, told)
    return told


def test_pictures_are_png_with_their_channels(tmp_path: Path) -> None:
    rgba = np.arange(48, dtype=np.uint8).reshape(3, 4, 4)
    for pixels in (rgba, np.ascontiguousarray(rgba[..., :3])):
        (tmp_path / "x.png").write_bytes(png_of(pixels))
        assert (np.array(Image.open(tmp_path / "x.png")) == pixels).all()


def test_a_shot_is_done_when_its_pictures_are_there_made_of_the_same(tmp_path: Path, frame: Path) -> None:
    shot = Shot((frame,), (None,))
    assert not opened(tmp_path).is_done(shot, "of")
    assert write(tmp_path, frame, "of", layer(frame, 1)).counts["characters"] == 1
    assert opened(tmp_path).is_done(shot, "of")
    assert not opened(tmp_path).is_done(shot, "other")
    (tmp_path / "layers/characters/EP01/x_1.png").unlink()
    assert not opened(tmp_path).is_done(shot, "of")


def test_a_shot_whose_frames_failed_is_not_done_and_loses_nothing(tmp_path: Path, frame: Path) -> None:
    write(tmp_path, frame, "of", layer(frame, 1), layer(frame, 1, "x_2.png"))
    told = write(tmp_path, frame, "new", layer(frame, 2), failed=["x"])
    assert told.stale == 0
    assert not opened(tmp_path).is_done(Shot((frame,), (None,)), "new")
    assert (tmp_path / "layers/characters/EP01/x_2.png").exists()
    assert write(tmp_path, frame, "new", layer(frame, 2)).stale == 1


def test_a_digest_is_noted_before_a_picture_is_written(
    tmp_path: Path, frame: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, frame, "of", layer(frame, 1))
    monkeypatch.setattr(Layers, "set_aside", lambda *_: 1 / 0)  # as a kill right after the picture
    with pytest.raises(ZeroDivisionError):
        write(tmp_path, frame, "new", layer(frame, 2))
    monkeypatch.undo()
    told = write(tmp_path, frame, "new", layer(frame, 3))
    assert (told.by_hand, told.counts["characters"]) == (0, 1)
    assert np.array(Image.open(tmp_path / "layers/characters/EP01/x_1.png")).max() == 3


def test_what_a_person_put_there_stays(tmp_path: Path, frame: Path) -> None:
    path = tmp_path / "layers/characters/EP01/x_1.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    for made in ("of", "new"):
        told = write(tmp_path, frame, made, layer(frame, 1))
        assert (told.by_hand, told.counts["characters"]) == (1, 0)
        assert path.read_bytes() == b"mine"
        assert opened(tmp_path).is_done(Shot((frame,), (None,)), made)


def test_a_picture_that_another_shot_wrote_since_is_made_again(tmp_path: Path, frame: Path) -> None:
    other = frame.with_name("y.png")
    write(tmp_path, frame, "of", layer(frame, 1))
    write(tmp_path, other, "of", layer(frame, 2))
    assert not opened(tmp_path).is_done(Shot((frame,), (None,)), "of")
    assert opened(tmp_path).is_done(Shot((other,), (None,)), "of")


def test_a_torn_line_is_passed_over(tmp_path: Path, frame: Path) -> None:
    write(tmp_path, frame, "of", layer(frame, 1))
    with (tmp_path / "layers" / JOURNAL).open("a") as file:
        file.write('{"shot": "EP01/x", "of"')
    assert opened(tmp_path).is_done(Shot((frame,), (None,)), "of")
    write(tmp_path, frame, "new", layer(frame, 2))
    assert opened(tmp_path).is_done(Shot((frame,), (None,)), "new")


@pytest.mark.parametrize("change", ["figure", "name", "mask", "settings", "size"])
def test_what_layers_are_made_of(tmp_path: Path, frame: Path, change: str) -> None:
    add_faces(frame, BOX)
    settings: dict[str, Any] = {"fill": "texture"}

    def now() -> str:
        return made_of(frames_of(Shot((frame,), (None,)), []), settings)

    before = now()
    assert now() == before
    path = sidecar(frame, ".instances.json")
    if change == "figure":
        path.write_text(path.read_text("utf-8").replace('"kept": true', '"kept": false'), "utf-8")
    elif change == "name":
        add_names(frame, {BOX: "Aoba"})
    elif change == "mask":
        mask_of(frame).write_bytes(mask_of(frame).read_bytes() + b"0")
    elif change == "settings":
        settings["fill"] = "lama"
    else:
        save_frame(frame, plain((9, 9, 9), 80, 60))
    assert now() != before


def test_frames_with_damaged_sidecars_are_told_and_unseen_ones_left_out(tmp_path: Path, frame: Path) -> None:
    unseen = save_frame(frame.with_name("y.png"), plain((9, 9, 9)))
    damaged = save_frame(frame.with_name("z.png"), plain((9, 9, 9)))
    sidecar(damaged, ".instances.json").write_text("{", "utf-8")
    listed: list[tuple[Path, str]] = []
    assert [*frames_of(Shot((frame, unseen, damaged), (None,) * 3), listed)] == [frame]
    assert [path for path, _ in listed] == [damaged]
    assert read_frame(unseen) is None


def test_names_of_a_layer_follow_but_for_those_that_a_person_corrected(tmp_path: Path, frame: Path) -> None:
    path = tmp_path / "x_1.png"

    def names_now(*names: str) -> list[str]:
        write_layer(path, layer(frame, 1, names=names))
        return [*read_names(path).values()]

    assert names_now("") == []
    assert not sidecar(path, CHARACTERS).exists()
    assert names_now("Aoba") == ["Aoba"]
    assert names_now("Hinata") == ["Hinata"]
    assert names_now("") == ["unknown"]
    record = json.loads(sidecar(path, CHARACTERS).read_text("utf-8"))
    record["faces"][0]["name"] = "Kaede"
    sidecar(path, CHARACTERS).write_text(json.dumps(record), "utf-8")
    assert names_now("Aoba") == ["Kaede"]
    assert [face.box for face in read_faces(path) or []] == [BOX]
