"""`extras/segment_characters.py --layers`: cut-outs, backgrounds and composites as a dataset, made once and kept up."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import extract_frames
from framekit.dataset import removed
from framekit.dataset.frames import find_frames
from framekit.figures import look
from framekit.files.names import INSTANCES, mask_of, sidecar
from framekit.pixels.decode import Pixels
from framekit.sidecars.characters import read_names
from framekit.sidecars.faces import read_faces
from framekit.sidecars.instances import read_figures
from tests.conftest import one_sentence, write_clip
from tests.helpers_dataset import add_names, loaded
from tests.helpers_layers import add_shot, drawn, edit, face_box, held, paint, quick, segment, set_faces

assert quick
pytestmark = pytest.mark.usefixtures("quick")
JOURNAL = ".layers.jsonl"
STALE = ".removed/stale_layer"


@pytest.fixture
def shown(tmp_path: Path) -> list[Path]:
    """Return the frames of a dataset: a shot of two, in which two stand, and one of one."""
    folder = tmp_path / "set" / "EP01"
    return [*add_shot(folder, "a", [[20, 60], [30, 70]], 0, ["Aoba", "Hinata"]), *add_shot(folder, "b", [[40]], 1)]


def layers(folder: Path, *words: str | Path) -> int:
    """Run the script on a dataset, with layers beside it."""
    return segment(folder / "set", "--layers", folder / "layers", *words)


def pictures(folder: Path) -> list[str]:
    """Return the pictures of layers by their names, those that were set aside too."""
    return sorted(path.relative_to(folder / "layers").as_posix() for path in (folder / "layers").rglob("*.png"))


ALL = [
    "backgrounds/EP01/a0.png",
    "backgrounds/EP01/b0.png",
    "characters/EP01/a0_1.png",
    "characters/EP01/a0_2.png",
    "characters/EP01/a1_1.png",
    "characters/EP01/a1_2.png",
    "characters/EP01/b0_1.png",
    "composites/EP01/a0.png",
    "composites/EP01/a1.png",
    "composites/EP01/b0.png",
]


def test_what_is_written(shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert layers(tmp_path) == 0
    assert f"; 5 cut-outs, 2 backgrounds, 3 composites in {tmp_path / 'layers'}" in capsys.readouterr().out
    assert pictures(tmp_path) == ALL
    assert not {path for path in held(tmp_path / "layers") if path.endswith(".tmp")}


def test_a_cut_out_has_alpha_and_the_faces_and_names_in_its_own_coordinates(shown: list[Path], tmp_path: Path) -> None:
    layers(tmp_path)
    cut = tmp_path / "layers/characters/EP01/a0_2.png"
    with Image.open(cut) as picture:
        assert picture.mode == "RGBA"
        rgba = np.array(picture)
    source = loaded(cut, ".faces.json")
    assert source["model"] == "crop"
    record = json.loads(cut.with_name(".frames.json").read_text("utf-8"))
    where = record["frames"]["a0_2"]
    left, top, right, bottom = where["layer"]["box"]
    assert rgba.shape[:2] == (round((bottom - top) * 54), round((right - left) * 96))
    [face] = read_faces(cut) or []
    own = face_box(60)
    assert face.box == pytest.approx(
        [(own[0] - left) / (right - left), (own[1] - top) / (bottom - top), (own[2] - left) / (right - left),
         (own[3] - top) / (bottom - top)], abs=0.001
    )  # fmt: skip
    assert read_names(cut) == {face.box: "Hinata"}
    assert (where["layer"]["frame"], where["layer"]["figure"], where["layer"]["track"]) == ("a0.png", 2, 2)
    assert (where["time"], where["scene"], record["episode"], record["video"]) == (0.0, 0, 1, "v.mkv")
    x, y = (round((face.box[0] + face.box[2]) / 2 * rgba.shape[1]), round((face.box[1] + face.box[3]) / 2 * len(rgba)))
    assert [*rgba[y, x]] == [250, 220, 200, 255]
    assert rgba[0, 0, 3] < 128 < rgba[-2, rgba.shape[1] // 2, 3]


def test_the_record_tells_of_all_shots_of_a_folder(shown: list[Path], tmp_path: Path) -> None:
    layers(tmp_path)
    record = json.loads((tmp_path / "layers/characters/EP01/.frames.json").read_text("utf-8"))
    assert [*record["frames"]] == ["a0_1", "a0_2", "a1_1", "a1_2", "b0_1"]


def test_a_background_tells_how_much_was_seen(shown: list[Path], tmp_path: Path) -> None:
    layers(tmp_path)
    plate = tmp_path / "layers/backgrounds/EP01/a0.png"
    told = json.loads(plate.with_name(".frames.json").read_text("utf-8"))["frames"]["a0"]["layer"]
    assert told["plate_of"] == ["a0.png", "a1.png"]
    assert 0.5 < told["seen"] < 1
    assert told["seen"] + told["invented"] == pytest.approx(1)
    assert told["fill"] == "texture"
    pixels = np.array(Image.open(plate))
    assert pixels.shape == (54, 96, 3)
    assert (pixels == 90).all(axis=2).mean() == pytest.approx(told["invented"], abs=0.01)
    assert [*pixels[3, 3]] == [*drawn([])[3, 3]]
    assert read_faces(plate) == []


def test_a_composite_is_the_frame_again(shown: list[Path], tmp_path: Path) -> None:
    layers(tmp_path)
    whole, frame = (
        np.array(Image.open(path)).astype(int) for path in (tmp_path / "layers/composites/EP01/a0.png", shown[0])
    )
    assert np.median(np.abs(whole - frame)) <= 2
    assert len(read_faces(tmp_path / "layers/composites/EP01/a0.png") or []) == 2


def test_a_second_run_does_nothing(shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layers(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "layers").rglob("*")}
    capsys.readouterr()
    assert layers(tmp_path) == 0
    assert "nothing new, 3 already done; no new layer, 2 shots already done" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "layers").rglob("*")} == before


def test_a_picture_that_is_gone_is_made_again(shown: list[Path], tmp_path: Path) -> None:
    layers(tmp_path)
    before = held(tmp_path / "layers")
    (tmp_path / "layers/characters/EP01/a1_1.png").unlink()
    layers(tmp_path)
    after = held(tmp_path / "layers")
    assert {name for name in after if after[name] != before.get(name)} == {JOURNAL}


@pytest.mark.parametrize("how", [{"kept": False}, {"category": "background"}])
def test_a_figure_that_a_person_leaves_out_is_set_aside(
    shown: list[Path], tmp_path: Path, how: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    layers(tmp_path)
    edit(shown[0], 1, **how)
    capsys.readouterr()
    assert layers(tmp_path) == 0
    assert "that are no longer made set aside" in capsys.readouterr().out
    assert [name for name in ALL if name.startswith("characters") and name not in pictures(tmp_path)] == [
        "characters/EP01/a0_2.png"
    ]
    assert (tmp_path / "layers" / STALE / "characters/EP01/a0_2.png").exists()
    assert (tmp_path / "layers" / STALE / "characters/EP01/a0_2.faces.json").exists()
    edit(shown[0], 1, kept=True, category="character")
    layers(tmp_path)
    assert set(ALL) <= set(pictures(tmp_path))


def test_what_a_person_calls_background_stays_in_the_background(shown: list[Path], tmp_path: Path) -> None:
    segment(tmp_path / "set")
    edit(shown[2], 0, category="background")
    layers(tmp_path)
    plate = np.array(Image.open(tmp_path / "layers/backgrounds/EP01/b0.png"))
    assert (plate == np.array(Image.open(shown[2]))).all()


def test_what_a_person_paints_is_cut_out(shown: list[Path], tmp_path: Path) -> None:
    layers(tmp_path)
    paint(shown[2], slice(0, 12), 9)
    layers(tmp_path)
    with Image.open(tmp_path / "layers/characters/EP01/b0_9.png") as cut:
        assert cut.width in (12, 13)
        assert cut.height == 54


def test_a_renamed_character_changes_the_names_of_its_cut_outs(shown: list[Path], tmp_path: Path) -> None:
    layers(tmp_path)
    for frame in shown[:2]:
        x = 20 if frame == shown[0] else 30
        add_names(frame, {face_box(x): "Kaede", face_box(x + 40): "Hinata"})
    layers(tmp_path)
    folder = tmp_path / "layers/characters/EP01"
    assert [[*read_names(folder / f"{name}.png").values()] for name in ("a0_1", "a0_2")] == [["Kaede"], ["Hinata"]]
    assert [*read_names(tmp_path / "layers/composites/EP01/a1.png").values()] == ["Kaede", "Hinata"]
    for frame in shown:
        sidecar(frame, ".characters.json").unlink(missing_ok=True)
    layers(tmp_path)
    assert [*read_names(folder / "a0_1.png").values()] == ["unknown"]


def test_a_picture_that_a_person_painted_stays(
    shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layers(tmp_path)
    cut = tmp_path / "layers/characters/EP01/a0_1.png"
    Image.open(cut).rotate(180).save(cut)
    by_hand = cut.read_bytes()
    edit(shown[1], 1, kept=False)
    capsys.readouterr()
    layers(tmp_path)
    assert "1 kept as changed by hand" in capsys.readouterr().out
    assert cut.read_bytes() == by_hand
    edit(shown[0], 0, kept=False)
    layers(tmp_path)
    assert cut.read_bytes() == by_hand
    edit(shown[0], 0, kept=True)
    layers(tmp_path)
    assert cut.read_bytes() == by_hand


def test_a_picture_that_a_person_painted_stays_when_the_shot_begins_elsewhere(
    shown: list[Path], tmp_path: Path
) -> None:
    layers(tmp_path)
    cut = tmp_path / "layers/characters/EP01/a1_1.png"
    Image.open(cut).rotate(180).save(cut)
    by_hand = cut.read_bytes()
    removed.remove(tmp_path / "set", shown[0], "similar")
    layers(tmp_path)
    assert cut.read_bytes() == by_hand


def test_layers_of_frames_that_are_gone_are_set_aside(
    shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layers(tmp_path)
    painted = tmp_path / "layers/composites/EP01/a0.png"
    Image.open(painted).rotate(180).save(painted)
    removed.remove(tmp_path / "set", shown[0], "similar")
    removed.remove(tmp_path / "set", shown[2], "similar")
    capsys.readouterr()
    assert layers(tmp_path) == 0
    now = pictures(tmp_path)
    assert [name for name in now if not name.startswith(".")] == [
        "backgrounds/EP01/a1.png", "characters/EP01/a1_1.png", "characters/EP01/a1_2.png",
        "composites/EP01/a0.png", "composites/EP01/a1.png"
    ]  # fmt: skip
    assert {name.removeprefix(STALE + "/") for name in now if name.startswith(STALE)} == {
        name for name in ALL if "b0" in name or "a0" in name
    } - {"composites/EP01/a0.png"}  # fmt: skip
    assert "6 that are no longer made set aside" in capsys.readouterr().out
    before = held(tmp_path / "layers")
    assert layers(tmp_path) == 0
    assert held(tmp_path / "layers") == before


def test_layers_follow_frames_that_are_renamed(shown: list[Path], tmp_path: Path) -> None:
    layers(tmp_path)
    for path in [*(tmp_path / "set/EP01").glob("b0*"), mask_of(shown[2])]:
        path.rename(path.with_name(path.name.replace("b0", "c0")))
    layers(tmp_path)
    kept = [name for name in pictures(tmp_path) if not name.startswith(".")]
    assert [name for name in kept if "0" in name and "a" not in Path(name).name] == [
        "backgrounds/EP01/c0.png", "characters/EP01/c0_1.png", "composites/EP01/c0.png"
    ]  # fmt: skip


def test_a_frame_that_is_damaged_for_a_while_keeps_its_layers(
    shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layers(tmp_path)
    before = held(tmp_path / "layers")
    good = {path: path.read_bytes() for path in (shown[0], sidecar(shown[0], INSTANCES), mask_of(shown[0]))}
    for path, content in good.items():
        path.write_bytes(content[:20])
        capsys.readouterr()
        assert layers(tmp_path) == 1
        told = capsys.readouterr()
        assert "1 unreadable, listed above" in told.out
        assert "a0.png" in told.err
        assert {name for name, _ in before.items()} - {*held(tmp_path / "layers")} == set()
        path.write_bytes(content)
        assert layers(tmp_path) == 0
        after = held(tmp_path / "layers")
        changed = {name for name in after if after[name] != before.get(name)}
        assert changed <= {JOURNAL, "backgrounds/EP01/a1.png", "backgrounds/EP01/a1.faces.json",
                           *(f"{STALE}/backgrounds/EP01/a1.{end}" for end in ("png", "faces.json")),
                           ".removed/manifest.jsonl", "backgrounds/EP01/.frames.json"}  # fmt: skip
        assert "backgrounds/EP01/a1.png" not in after


def test_a_label_picture_that_is_gone_is_made_again(shown: list[Path], tmp_path: Path) -> None:
    segment(tmp_path / "set")
    before = mask_of(shown[0]).read_bytes()
    mask_of(shown[0]).unlink()
    assert layers(tmp_path) == 0
    assert mask_of(shown[0]).read_bytes() == before
    assert "characters/EP01/a1_1.png" in pictures(tmp_path)


def test_a_label_picture_that_is_gone_beside_a_correction_is_listed(
    shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    segment(tmp_path / "set")
    by_hand = sidecar(shown[0], INSTANCES)
    by_hand.write_text(by_hand.read_text("utf-8").replace('"character"', '"object"'), "utf-8")
    corrected = by_hand.read_bytes()
    mask_of(shown[0]).unlink()
    assert layers(tmp_path) == 1
    assert "put it back, or give --overwrite_corrections" in capsys.readouterr().err
    assert by_hand.read_bytes() == corrected


def test_a_limit_leaves_the_layers_of_other_frames(shown: list[Path], tmp_path: Path) -> None:
    layers(tmp_path)
    before = held(tmp_path / "layers")
    assert layers(tmp_path, "--limit", "1") == 0
    assert held(tmp_path / "layers") == before


def test_layers_among_the_frames_are_refused(
    shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert segment(tmp_path / "set", "--layers", tmp_path / "set/layers") == 2
    assert "would be taken for frames" in one_sentence(capsys.readouterr().err)
    assert not sidecar(shown[0], INSTANCES).exists()


def test_two_shares_are_one_run(tmp_path: Path) -> None:
    for name in ("one", "two"):
        for scene in range(3):
            add_shot(tmp_path / name / "set" / "EP01", f"s{scene}_", [[20 + scene]], scene)
    assert layers(tmp_path / "one") == 0
    assert [layers(tmp_path / "two", "--shard", f"{share}/2") for share in (1, 2)] == [0, 0]
    one, two = (held(tmp_path / name / "layers") for name in ("one", "two"))
    assert sorted(one.pop(JOURNAL).splitlines()) == sorted(two.pop(JOURNAL).splitlines())
    assert one == two
    before = held(tmp_path / "two/layers")
    assert layers(tmp_path / "two") == 0
    assert held(tmp_path / "two/layers") == before


@pytest.mark.parametrize("name", ["../set/EP01/a0.png", "/etc/hostname", "characters/../../set/EP01/a0.png"])
def test_a_journal_leads_nowhere_else(shown: list[Path], tmp_path: Path, name: str) -> None:
    (tmp_path / "layers").mkdir()
    wrote = {name: "0"}
    lines = [{"shot": "gone", "of": "x", "wrote": wrote}, {"shot": 3, "wrote": 4}, {"shot": "s", "wrote": {"a": 1}}]
    (tmp_path / "layers" / JOURNAL).write_text("".join(json.dumps(line) + "\n" for line in lines) + "torn {")
    before = held(tmp_path / "set")
    assert layers(tmp_path) == 0
    after = held(tmp_path / "set")
    assert {path: after.get(path) for path in before} == before
    assert pictures(tmp_path) == ALL


@pytest.mark.parametrize("what", ["link", "pipe", "folder"])
def test_a_journal_that_is_no_file_is_one_sentence(
    shown: list[Path], tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "layers" / JOURNAL
    path.parent.mkdir()
    (tmp_path / "mine").write_text("mine")
    if what == "link":
        path.symlink_to(tmp_path / "mine")
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    assert layers(tmp_path) == 2
    assert JOURNAL in one_sentence(capsys.readouterr().err)
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_link_in_place_of_a_picture_is_replaced(shown: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "layers/characters/EP01"
    folder.mkdir(parents=True)
    (tmp_path / "mine").write_text("mine")
    (folder / "a0_1.png").symlink_to(tmp_path / "mine")
    assert layers(tmp_path) == 0
    assert (tmp_path / "mine").read_text() == "mine"
    assert not (folder / "a0_1.png").is_symlink()


def test_frames_of_other_sizes_in_one_shot(tmp_path: Path) -> None:
    frames = add_shot(tmp_path / "set", "a", [[20], [30], [40]], 0)
    Image.open(frames[1]).resize((192, 108)).save(frames[1])
    Image.open(frames[2]).convert("L").save(frames[2])
    assert layers(tmp_path) == 0
    found = [name for name in pictures(tmp_path) if name.startswith(("characters", "backgrounds"))]
    assert found == ["backgrounds/a0.png", "characters/a0_1.png", "characters/a1_1.png", "characters/a2_1.png"]


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (2, 300), (300, 2)])
def test_frames_of_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    [frame] = add_shot(tmp_path / "set", "a", [[20]], 0)
    Image.open(frame).resize(size).save(frame)
    set_faces(frame, (0.25, 0.2, 0.75, 0.5))
    assert layers(tmp_path, "--complete") == 0
    assert len(read_figures(frame) or []) == len([name for name in pictures(tmp_path) if name.startswith("char")])


def test_what_others_cover_is_added_when_asked_for(shown: list[Path], tmp_path: Path) -> None:
    layers(tmp_path)
    before = held(tmp_path / "layers")
    assert layers(tmp_path, "--complete") == 0
    after = held(tmp_path / "layers")
    assert {name for name in after if after[name] != before.get(name)} == {JOURNAL}  # nothing is covered here


def test_options_without_layers_are_refused(
    shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert segment(tmp_path / "set", "--complete") == 2
    assert "--layers" in one_sentence(capsys.readouterr().err)
    assert layers(tmp_path, "--temporal_window", "3") == 2
    assert "--video_dir" in one_sentence(capsys.readouterr().err)


def test_other_settings_make_layers_anew(shown: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layers(tmp_path)
    capsys.readouterr()
    assert layers(tmp_path, "--fill", "other") == 0
    assert "5 cut-outs, 2 backgrounds" in capsys.readouterr().out


def test_frames_of_the_video_show_more_of_the_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(look, "hiding", lambda _: hidden_by_colour)
    frames = [np.asarray(Image.fromarray(drawn([x])).resize((160, 90)), np.uint8) for x in range(10, 82, 4)]
    write_clip(tmp_path / "videos/clip.mp4", frames)
    assert extract_frames.main([str(tmp_path / "videos"), "--dst_dir", str(tmp_path / "set"), "--mode", "all"]) == 0
    capsys.readouterr()
    kept = find_frames(tmp_path / "set")
    for frame in kept[1:]:
        removed.remove(tmp_path / "set", frame, "similar")
    set_faces(kept[0], face_box(10))
    told = []
    for words in ([], ["--video_dir", str(tmp_path / "videos")]):
        shutil.rmtree(tmp_path / "layers", ignore_errors=True)
        assert layers(tmp_path, *words) == 0
        [record] = (tmp_path / "layers/backgrounds").rglob(".frames.json")
        [frame] = json.loads(record.read_text("utf-8"))["frames"].values()
        told.append(frame["layer"]["seen"])
    assert told[0] < 0.9
    assert told[1] > 0.97
    assert not capsys.readouterr().err


def hidden_by_colour(pixels: Pixels) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return where the figure of the clip stands."""
    red = (pixels[..., 0] > 190) & (pixels[..., 1] < 110) & (pixels[..., 2] < 110)
    skin = (pixels.astype(int) - (250, 220, 200)).__abs__().max(axis=2) < 30
    return np.asarray(red | skin)
