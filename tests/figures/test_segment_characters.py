"""`extras/segment_characters.py`: sidecars and label pictures of figures, and what stays as it is."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from framekit.figures import look
from framekit.figures.models import Evidence, Look
from framekit.files.names import FACES, INSTANCES, mask_of, sidecar
from framekit.pixels.decode import Pixels
from framekit.sidecars.instances import is_corrected, read_figures
from tests.conftest import one_sentence, plain, save_frame
from tests.helpers_dataset import loaded
from tests.helpers_layers import add_shot, drawn, edit, face_box, held, labels_of, paint, quick, segment, set_faces

assert quick
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def shown(tmp_path: Path) -> list[Path]:
    """Return the frames of a dataset: a shot of two, in which two stand, and one of one."""
    folder = tmp_path / "set" / "EP01"
    return [*add_shot(folder, "a", [[20, 60], [24, 64]], 0, ["Aoba", "Hinata"]), *add_shot(folder, "b", [[40]], 1)]


def test_each_figure_gets_a_label_and_a_place_in_the_sidecar(shown: list[Path], tmp_path: Path) -> None:
    assert segment(tmp_path / "set") == 0
    left, right = read_figures(shown[0]) or []
    assert (left.label, right.label) == (1, 2)
    assert (left.faces, right.faces) == ((face_box(20),), (face_box(60),))
    assert (left.category, left.kept, left.model) == ("character", True, "grabcut")
    picture = labels_of(shown[0])
    assert picture.shape == (54, 96)
    assert [picture[18, 26], picture[40, 26], picture[18, 66], picture[5, 5], picture[40, 46]] == [1, 1, 2, 0, 0]
    assert left.box[0] == pytest.approx(17 / 96, abs=0.03)
    assert left.area == pytest.approx(float((picture == 1).mean()), abs=0.001)
    record = loaded(shown[0], INSTANCES)
    assert record["looked"] == [list(face_box(20)), list(face_box(60))]
    assert (record["model"], record["settings"]) == ("grabcut", {"min_figure_size": 16384})
    assert [[figure.track for figure in read_figures(frame) or []] for frame in shown] == [[1, 2], [1, 2], [1]]


def test_a_second_run_does_nothing(shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    segment(tmp_path / "set")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set/EP01").rglob("*")}
    capsys.readouterr()
    assert segment(tmp_path / "set") == 0
    assert "nothing new, 3 already done" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "set/EP01").rglob("*")} == before


def test_redo_finds_them_again(shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    segment(tmp_path / "set")
    before = held(tmp_path / "set")
    capsys.readouterr()
    assert segment(tmp_path / "set", "--redo") == 0
    assert "5 figures in 3 frames (0 without a figure), 0 already done" in capsys.readouterr().out
    assert held(tmp_path / "set") == before


def test_a_dry_run_writes_nothing(shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = held(tmp_path)
    assert segment(tmp_path / "set", "--dry_run", "--layers", tmp_path / "layers") == 0
    assert "3 frames would be segmented, 0 already done" in capsys.readouterr().out
    assert held(tmp_path) == before
    assert not (tmp_path / "set/EP01/.masks").exists()


def test_a_limit_looks_at_the_first_frames(shown: list[Path], tmp_path: Path) -> None:
    assert segment(tmp_path / "set", "--limit", "1") == 0
    assert [sidecar(frame, INSTANCES).exists() for frame in shown] == [True, False, False]
    limited = held(tmp_path / "set")
    assert segment(tmp_path / "set") == 0
    shutil.copytree(tmp_path / "set", tmp_path / "steps")
    segment(tmp_path / "set", "--redo")
    assert held(tmp_path / "steps") == held(tmp_path / "set") != limited


def test_two_shares_are_one_run(tmp_path: Path) -> None:
    for name in ("one", "two"):
        for scene in range(4):
            add_shot(tmp_path / name / "EP01", f"s{scene}_", [[20 + scene], [24]], scene)
    assert segment(tmp_path / "one") == 0
    assert [segment(tmp_path / "two", "--shard", f"{share}/2") for share in (1, 2)] == [0, 0]
    assert held(tmp_path / "one") == held(tmp_path / "two")


def test_the_smallest_figure_counts_in_a_frame_of_1920_x_1080(shown: list[Path], tmp_path: Path) -> None:
    segment(tmp_path / "set")
    [figure] = read_figures(shown[2]) or []
    size = round(figure.area * 1920 * 1080)
    assert segment(tmp_path / "set", "--redo", "--min_size", str(size + 2000)) == 0
    assert read_figures(shown[2]) == []
    assert not labels_of(shown[2]).any()
    segment(tmp_path / "set", "--redo", "--min_figure_size", str(size - 2000))
    assert len(read_figures(shown[2]) or []) == 1


def test_other_settings_are_told_and_change_nothing(
    shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    segment(tmp_path / "set")
    before = held(tmp_path / "set")
    capsys.readouterr()
    assert segment(tmp_path / "set", "--min_size", "400") == 1
    assert "--min_figure_size 16384" in capsys.readouterr().err
    assert held(tmp_path / "set") == before


@pytest.mark.parametrize("by_hand", ["sidecar", "mask"])
def test_what_a_person_corrected_stays_until_asked_for(
    shown: list[Path], tmp_path: Path, by_hand: str, capsys: pytest.CaptureFixture[str]
) -> None:
    segment(tmp_path / "set")
    made = held(tmp_path / "set")
    if by_hand == "sidecar":
        edit(shown[0], kept=False)
    else:
        paint(shown[0], slice(0, 4), 7)
    corrected = held(tmp_path / "set")
    capsys.readouterr()
    assert segment(tmp_path / "set", "--redo") == 0
    assert "1 kept as corrected by hand" in capsys.readouterr().out
    assert {name for name, content in held(tmp_path / "set").items() if content != corrected[name]} == set()
    assert segment(tmp_path / "set", "--overwrite_corrections") == 0
    assert held(tmp_path / "set") == made


def test_a_frame_whose_faces_changed_is_looked_at_again(
    shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    segment(tmp_path / "set")
    set_faces(shown[0], face_box(20))
    record = loaded(shown[2], FACES)
    record["faces"] = []
    sidecar(shown[2], FACES).write_text(json.dumps(record), "utf-8")  # by hand
    capsys.readouterr()
    assert segment(tmp_path / "set") == 0
    assert "1 figure in 2 frames (1 without a figure), 1 already done" in capsys.readouterr().out
    assert [len(read_figures(frame) or []) for frame in shown] == [1, 2, 0]


def test_a_corrected_frame_whose_faces_changed_stays(
    shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    segment(tmp_path / "set")
    painted = paint(shown[2], slice(0, 4), 7)
    set_faces(shown[2], face_box(60))
    capsys.readouterr()
    assert segment(tmp_path / "set") == 0
    assert "1 kept as corrected by hand" in capsys.readouterr().out
    assert mask_of(shown[2]).read_bytes() == painted
    assert is_corrected(shown[2])


def test_without_any_faces_there_is_one_sentence(
    shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for frame in shown:
        sidecar(frame, FACES).unlink()
    assert segment(tmp_path / "set") == 2
    assert "run detect_faces.py first" in one_sentence(capsys.readouterr().err)
    assert not (tmp_path / "set/EP01/.masks").exists()


def test_some_frames_without_faces_are_told(
    shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sidecar(shown[1], FACES).unlink()
    assert segment(tmp_path / "set") == 0
    assert "1 frame without X.faces.json; run detect_faces.py" in one_sentence(capsys.readouterr().err)
    assert [sidecar(frame, INSTANCES).exists() for frame in shown] == [True, False, True]


def test_an_empty_folder_and_a_frame_without_a_face(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "set").mkdir()
    assert segment(tmp_path / "set") == 0
    assert "nothing new" in capsys.readouterr().out
    set_faces(save_frame(tmp_path / "set/x.png", drawn([])))
    assert segment(tmp_path / "set") == 0
    assert "0 figures in 1 frame (1 without a figure)" in capsys.readouterr().out
    assert read_figures(tmp_path / "set/x.png") == []


def broken(frame: Path, what: str) -> str:
    """Spoil something of a frame; return a word of what is to be told."""
    path = sidecar(frame, FACES if "faces" in what else INSTANCES)
    if what == "pixels":
        frame.write_bytes(b"\x89PNG\r\n\x1a\nno picture")
        return "unreadable"
    path.unlink(missing_ok=True)
    if what.startswith("link"):
        elsewhere = frame.with_name("elsewhere")
        elsewhere.write_text("mine")
        path.symlink_to(elsewhere)
        return "link"
    if what.startswith("pipe"):
        os.mkfifo(path)
        return "remove it"
    path.write_text("{" if what.startswith("half") else '{"faces": [{"box": 3}], "figures": [{"box": 3}]}', "utf-8")
    return path.name


@pytest.mark.parametrize(
    "what",
    ["pixels", "half faces", "wrong faces", "link faces", "pipe faces", "half", "wrong", "link", "pipe"],
)
def test_what_is_damaged_is_listed_and_the_rest_is_done(
    shown: list[Path], tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    word = broken(shown[0], what)
    assert segment(tmp_path / "set") == 1
    told = capsys.readouterr()
    assert word in told.err
    assert told.err.count("unreadable") == 1
    assert shown[0].name in told.err
    assert "1 unreadable, listed above" in told.out
    assert [len(read_figures(frame) or []) for frame in shown[1:]] == [2, 1]
    assert not mask_of(shown[0]).exists()
    if "link" in what:
        assert (shown[0].with_name("elsewhere")).read_text() == "mine"


@pytest.mark.parametrize("what", ["link", "pipe", "no picture"])
def test_what_lies_in_place_of_a_label_picture_is_replaced(shown: list[Path], tmp_path: Path, what: str) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    path = mask_of(shown[0])
    path.parent.mkdir()
    if what == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(b"no picture")
    assert segment(tmp_path / "set") == 0
    assert (tmp_path / "elsewhere").read_text() == "mine"
    assert not path.is_symlink()
    assert labels_of(shown[0]).max() == 2


def test_a_corrected_frame_whose_label_picture_is_damaged_stays(shown: list[Path], tmp_path: Path) -> None:
    segment(tmp_path / "set")
    mask_of(shown[0]).write_bytes(b"no picture")
    assert segment(tmp_path / "set", "--redo") == 0
    assert mask_of(shown[0]).read_bytes() == b"no picture"
    assert labels_of(shown[1]).max() == 2


def test_nothing_is_written_through_a_linked_folder_of_label_pictures(
    shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = add_shot(tmp_path / "set" / "EP02", "c", [[30]], 0)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "set/EP01/.masks").symlink_to(tmp_path / "elsewhere")
    assert segment(tmp_path / "set") == 1
    assert ".masks: it is a link" in one_sentence(capsys.readouterr().err)
    assert not [*(tmp_path / "elsewhere").iterdir()]
    assert not sidecar(shown[0], INSTANCES).exists()
    assert labels_of(other[0]).max() == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="an administrator may write everywhere")
def test_a_folder_that_may_not_be_written_is_one_sentence(
    shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "set/EP01").chmod(0o500)
    try:
        assert segment(tmp_path / "set") == 2
    finally:
        (tmp_path / "set/EP01").chmod(0o700)
    assert "EP01" in one_sentence(capsys.readouterr().err)


def test_a_folder_that_takes_no_files_is_one_sentence(
    shown: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path, *_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    assert segment(tmp_path / "set") == 2
    assert "EP01" in one_sentence(capsys.readouterr().err)


def test_a_name_that_appears_changes_no_figure(shown: list[Path], tmp_path: Path) -> None:
    segment(tmp_path / "set")
    before = held(tmp_path / "set")
    sidecar(shown[2], ".characters.json").write_text(
        json.dumps({"faces": [{"box": list(face_box(40)), "name": "Kaede", "score": 1, "runner_up": None}]}), "utf-8"
    )
    assert segment(tmp_path / "set") == 0
    after = held(tmp_path / "set")
    assert {name for name in after if after[name] != before.get(name)} == {"EP01/b0.characters.json"}


def test_frames_of_other_sizes_in_one_shot(tmp_path: Path) -> None:
    frames = add_shot(tmp_path / "set", "a", [[20], [20], [20], [20]], 0)
    Image.open(frames[1]).resize((192, 108)).save(frames[1])
    Image.open(frames[2]).crop((0, 0, 60, 54)).save(frames[2])
    Image.open(frames[3]).convert("L").save(frames[3])
    set_faces(frames[2], (20 / 60, 12 / 54, 32 / 60, 24 / 54))
    assert segment(tmp_path / "set") == 0
    assert [labels_of(frame).shape for frame in frames] == [(54, 96), (108, 192), (54, 60), (54, 96)]
    assert [len(read_figures(frame) or []) for frame in frames] == [1, 1, 1, 1]
    assert [labels_of(frame).mean() for frame in frames[:2]] == pytest.approx([0.13, 0.13], abs=0.03)


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (2, 300), (300, 2)])
def test_frames_of_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    frame = save_frame(tmp_path / "set/x.png", plain((200, 90, 60), *size))
    set_faces(frame, (0.25, 0.2, 0.75, 0.5))
    assert segment(tmp_path / "set") == 0
    assert labels_of(frame).shape == size[::-1]


def test_a_corrected_neighbour_says_which_tracks_there_are(shown: list[Path], tmp_path: Path) -> None:
    segment(tmp_path / "set")
    before = held(tmp_path / "set")
    edit(shown[0], category="object")
    assert segment(tmp_path / "set", "--redo") == 0
    after = held(tmp_path / "set")
    assert {name for name in after if after[name] != before[name]} == {"EP01/a0.instances.json"}


class Everything:
    """A segmenter that is sure of the right half of each frame."""

    views_per_call = 2

    def __init__(self) -> None:
        """Remember how many frames came at once."""
        self.calls: list[int] = []

    def prepare(self, pixels: Pixels) -> tuple[int, ...]:
        """Return the shape of a frame."""
        return pixels.shape

    def evidence(self, prepared: Sequence[tuple[int, ...]], looks: Sequence[Look]) -> list[Evidence]:
        """Return the right half as a figure."""
        self.calls.append(len(prepared))
        told = [np.zeros(shape[:2], np.float32) for shape in prepared]
        for one in told:
            one[:, one.shape[1] // 2 :] = 0.95
        return [Evidence(one) for one in told]


def test_a_segmenter_finds_figures_without_faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says = Everything()
    monkeypatch.setattr(look, "load_segmenter", lambda _: says)
    frames = add_shot(tmp_path / "set", "a", [[], [], [20]], 0)
    assert segment(tmp_path / "set", "--model", "fake.onnx") == 0
    assert says.calls == [2, 1]
    found = [read_figures(frame) or [] for frame in frames]
    assert [[one.category for one in own] for own in found] == [["partial"], ["partial"], ["character", "partial"]]
    assert {one.model for own in found for one in own} == {"fake.onnx"}
    assert [labels_of(frames[0])[27, column] for column in (10, 80)] == [0, 1]


def test_a_slip_in_the_name_of_a_model_is_one_sentence(
    shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert segment(tmp_path / "set", "--model", "isnetiss") == 2
    assert "isnetis" in one_sentence(capsys.readouterr().err)
    assert segment(tmp_path / "set", "--model", str(tmp_path / "gone.onnx")) == 2
    assert "gone.onnx" in one_sentence(capsys.readouterr().err)
    assert not sidecar(shown[0], INSTANCES).exists()
