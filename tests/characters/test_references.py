"""Reference folders: names that can't be used, images without a face or with several, and what corrections add."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import classify_characters
from framekit.boxes import Face
from framekit.characters import descriptors, references
from framekit.errors import UsageError
from framekit.faces import detect
from framekit.faces.models import InWorker
from framekit.pixels.modes import PACKAGES
from tests.characters.helpers import add_face, add_references, classify, names_of, shade, strictly
from tests.conftest import one_sentence, plain, save_frame, tree
from tests.helpers_dataset import MIDDLE, add_faces, add_frame, add_json, correct, loaded

LEFT, RIGHT = (0.0, 0.0, 0.4, 0.8), (0.6, 0.1, 0.9, 0.7)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("a+b", "holds + or a comma"),
        ("a,b", "holds + or a comma"),
        ("unknown", "has another meaning"),
        ("x" * 200, "has 200 characters; 100 at most"),
        ("nul", "not every system takes the name 'nul'; call it _nul"),
        ("ends with.", "call it ends with"),
        ("a\\b", "holds a slash; call it a_b"),
        ("who?", "call it who_"),
    ],
)
def test_a_name_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, name: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    save_frame(tmp_path / "references" / name / "1.png", shade(0))
    (tmp_path / "dataset").mkdir()
    assert classify(tmp_path) == 2
    assert complaint in one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize("name", ["..", "a/b", "../../x", "", "  ", "a\nb"])
def test_a_name_in_metadata_never_leads_elsewhere(name: str) -> None:
    assert not references.is_usable(name)


@pytest.mark.parametrize("name", ["Aoba Kokona", "日本", "O'Brien", "K-9", "Dr. No"])
def test_other_names_are_fine(name: str) -> None:
    assert references.is_usable(name)


def test_two_spellings_of_a_name_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_references(tmp_path, Aoba=[0], aoba=[90])
    if len(list((tmp_path / "references").iterdir())) < 2:
        pytest.skip("this disk takes them for one")
    (tmp_path / "dataset").mkdir()
    assert classify(tmp_path) == 2
    assert "holds Aoba and aoba, which are one on many disks" in one_sentence(capsys.readouterr().err)


def find(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *seen: Face) -> references.Heads:
    monkeypatch.setattr(detect, "load_detector", lambda name, settings: InWorker(lambda pixels: list(seen)))
    found = references.find_references(add_references(tmp_path, Aoba=[0]), [])
    return references.find_heads(found, detect.Settings(), 1)


def test_of_two_faces_the_largest_is_taken_and_that_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    heads = find(monkeypatch, tmp_path, Face(RIGHT, 0.99), Face(LEFT, 0.9))
    assert heads.names == ["Aoba"]
    assert heads.crops[0].shape[0] == round(0.8 * 60 * 1.7)
    assert "2 faces in reference" in heads.remarks[0]
    assert "the largest is taken" in heads.remarks[0]


def test_a_doubtful_second_face_makes_no_remark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert find(monkeypatch, tmp_path, Face(LEFT, 0.9), Face(RIGHT, 0.1)).remarks == []


@pytest.mark.parametrize("suffix", [".heic", ".jxl"])
def test_references_that_need_a_package_are_told_with_it(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package, module = PACKAGES[suffix]
    if find_spec(module):
        pytest.skip(f"{package} is installed")
    path = tmp_path / "references" / "Aoba" / f"a{suffix}"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\0\0\0\x18ftypheic")
    frame = tmp_path / "set" / "x.png"
    add_faces(add_frame(frame, plain((90, 120, 150), 24, 24)), MIDDLE)
    assert classify_characters.main(["--src_dir", str(frame.parent), "--ref_dir", str(tmp_path / "references")]) == 2
    said = one_sentence(capsys.readouterr().err)
    assert f"no reference of Aoba can be read (a{suffix}: it needs {package}: pip install {package}" in said


def test_no_face_in_any_reference_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    heads = find(monkeypatch, tmp_path)
    assert "no face found in reference" in heads.remarks[0]
    with pytest.raises(UsageError, match="no face was found in any reference of Aoba"):
        references.refuse_faceless({"Aoba": []}, heads)


def test_a_sidecar_beside_a_reference_is_believed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = add_references(tmp_path, Aoba=[0])
    add_faces(folder / "Aoba/0.png", RIGHT)

    def refuse(name: str, settings: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(detect, "load_detector", refuse)
    heads = references.find_heads(references.find_references(folder, []), detect.Settings(), 1)
    assert heads.crops[0].shape[0] == round(0.6 * 60 * 1.7)


def test_a_single_character_leaves_the_default_threshold_and_says_so(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_references(tmp_path, Aoba=[0])
    add_face(tmp_path, 3)
    assert classify(tmp_path) == 0
    assert "unknown below 0.7, the default, as a single character cannot calibrate it" in capsys.readouterr().out


def test_a_corrected_frame_is_never_named_again(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_references(tmp_path, Aoba=[0], Hinata=[90])
    in_metadata, in_names, neither = (add_face(tmp_path, 3, name) for name in "abc")
    classify(tmp_path)
    add_frame(in_metadata, shade(3), characters=["Aoba"], facepos=["fvp 25 75 fhp 25 75"])
    correct(in_metadata, characters=["Hinata"])
    record = loaded(in_names, ".characters.json")
    record["faces"][0]["name"] = "Hinata"
    add_json(in_names, ".characters.json", record)
    before = tree(tmp_path / "dataset")
    assert classify(tmp_path, "--redo") == 0
    assert "1 face named, 0 unknown, 0 ood, in 1 frame; 0 already done, 2 kept as corrected by hand" in (
        capsys.readouterr().out
    )
    assert {name: content for name, (content, _) in tree(tmp_path / "dataset").items()} == {
        name: content for name, (content, _) in before.items()
    }
    assert classify(tmp_path, "--overwrite_corrections") == 0
    assert names_of(in_names) == ["Aoba"]
    assert loaded(in_metadata)["characters"] == ["Hinata"]  # that file is generate_metadata.py's
    assert names_of(neither) == ["Aoba"]


def test_corrected_names_become_references(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_references(tmp_path, Aoba=[0], Hinata=[90])
    teacher, pupil = add_face(tmp_path, 45, "a"), add_face(tmp_path, 47, "b")
    assert strictly(tmp_path, 0.9) == 0
    assert names_of(pupil) == ["unknown"]
    add_frame(teacher, shade(45), characters=["unknown"])
    correct(teacher, characters=["Kokona"])
    assert strictly(tmp_path, 0.9, "--learn_from_corrections", "--redo") == 0
    assert "learned from 1 corrected frame" in capsys.readouterr().out
    assert names_of(pupil) == ["Kokona"]
    assert names_of(teacher) == ["unknown"]  # its X.json says who it is


def test_frames_moved_to_a_character_teach_too(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "tree/1_character/Kokona/face_height_ratio_0-25/x.png", characters=["Aoba"])
    add_faces(frame, MIDDLE)
    unmoved = add_frame(tmp_path / "tree/1_character/Aoba/y.png", characters=["Aoba"])
    add_faces(unmoved, MIDDLE)
    rare = add_frame(tmp_path / "tree/1_character/character_others/z.png", characters=["Hinata"])
    add_faces(rare, MIDDLE)  # where arrange_folders.py itself puts characters with few frames
    found = references.corrected_below(tmp_path / "tree", tmp_path, [])
    assert {path.name: [name for _, name in pairs] for path, pairs in found.items()} == {"x.png": ["Kokona"]}
    assert references.corrected_below(None, tmp_path, []) == {}


def test_more_names_than_faces_teach_nothing(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png", characters=["Aoba"])
    add_faces(frame, MIDDLE)
    correct(frame, characters=["Aoba", "Hinata"])
    assert references.corrected_below(Path(), tmp_path, []) == {}


def test_evaluate_prints_and_draws_and_names_nothing(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_references(tmp_path, Aoba=[0, 4, 88], Hinata=[90, 94])
    frame = add_face(tmp_path, 3)
    picture = tmp_path / "who.png"
    assert classify(tmp_path, "--evaluate", str(picture)) == 0
    out = capsys.readouterr().out
    assert "held-out references named right: " in out
    assert "95 % interval" in out
    assert picture.exists()
    assert not frame.with_name("x.characters.json").exists()


def test_several_descriptors_are_weighed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_references(tmp_path, Aoba=[0, 5], Hinata=[85, 90])
    frame = add_face(tmp_path, 3)
    assert classify(tmp_path, "--model", "colour", "--model", "shape") == 0
    assert "weights colour " in capsys.readouterr().out
    assert names_of(frame) == ["Aoba"]
    assert loaded(frame, ".characters.json")["model"] == "colour,shape linear"


@pytest.mark.parametrize("method", ["centroid", "linear"])
def test_other_methods_are_noted(tmp_path: Path, asked: list[str], method: str) -> None:
    add_references(tmp_path, Aoba=[0, 5], Hinata=[85, 90])
    frame = add_face(tmp_path, 3)
    assert classify(tmp_path, "--method", method) == 0
    assert names_of(frame) == ["Aoba"]
    assert loaded(frame, ".characters.json")["model"] == f"colour_shape {method}"


def test_without_mirrored_references_a_mirrored_head_is_less_alike(tmp_path: Path, asked: list[str]) -> None:
    heads = references.Heads(["a"], [Path("a")], [plain((9, 9, 9), 8, 8)], [], [])
    from framekit.characters.recognise import Choice, describe_references

    load = descriptors.load_embedders(["colour"], "cpu")
    assert describe_references(heads, load, Choice())[0].vectors.shape[1] == 2
    assert describe_references(heads, load, Choice(flip=False))[0].vectors.shape[1] == 1
    one, again = (describe_references(heads, load, Choice(seed=3))[0].jittered for _ in range(2))
    assert np.array_equal(one, again)


def test_a_trained_method_without_torch_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    add_references(tmp_path, Aoba=[0], Hinata=[90])
    add_face(tmp_path, 3)
    assert classify(tmp_path, "--method", "proto") == 2
    said = one_sentence(capsys.readouterr().err)
    assert "--method proto needs torch and learn2learn and safetensors: install requirements-train.txt" in said


def test_scenes_vote_unless_each_frame_stands_alone(tmp_path: Path, asked: list[str]) -> None:
    add_references(tmp_path, Aoba=[0], Hinata=[90])
    names = [add_face(tmp_path, angle, name) for name, angle in (("a", 2.0), ("b", 30.0), ("c", 3.0))]
    scene = {frame.stem: {"time": n, "source_frame": n, "scene": 0} for n, frame in enumerate(names)}
    (tmp_path / "dataset/.frames.json").write_text(json.dumps({"frames": scene}))
    assert strictly(tmp_path, 0.95, "--single_frames") == 0
    assert [names_of(frame) for frame in names] == [["Aoba"], ["unknown"], ["Aoba"]]
    assert strictly(tmp_path, 0.95, "--redo") == 0
    assert [names_of(frame) for frame in names] == [["Aoba"]] * 3
    before = tree(tmp_path / "dataset")
    names[1].with_name("b.characters.json").unlink()
    assert strictly(tmp_path, 0.95) == 0  # the others of its scene vote again, and stay as they are
    after = tree(tmp_path / "dataset")
    assert {name: content for name, (content, _) in after.items()} == {n: c for n, (c, _) in before.items()}
    assert after["a.characters.json"] == before["a.characters.json"]


def test_faceless_frames_learn_who_is_on_them(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_references(tmp_path, Aoba=[0], Hinata=[90])
    first, last = add_face(tmp_path, 2, "a"), add_face(tmp_path, 3, "c")
    empty, other = add_frame(tmp_path / "dataset/b.png"), add_frame(tmp_path / "dataset/d.png")
    for frame in (empty, other):
        add_faces(frame)
    numbers = {"a": 0, "b": 0, "c": 0, "d": 1}
    scene = {stem: {"source_frame": n, "scene": numbers[stem]} for n, stem in enumerate("abcd")}
    (tmp_path / "dataset/.frames.json").write_text(json.dumps({"frames": scene}))
    assert classify(tmp_path) == 0
    assert "inferred" not in loaded(empty, ".characters.json")
    assert classify(tmp_path, "--propagate") == 0
    assert "1 faceless frame with inferred names" in capsys.readouterr().out
    assert loaded(empty, ".characters.json")["inferred"] == ["Aoba"]
    assert "inferred" not in loaded(other, ".characters.json")
    before = tree(tmp_path / "dataset")
    assert classify(tmp_path, "--propagate") == 0
    assert tree(tmp_path / "dataset") == before
    assert names_of(first) == names_of(last) == ["Aoba"]


@pytest.mark.parametrize("words", [[], ["--cluster", "x", "--min_cluster", "-1"], ["--method", "magic"]])
def test_wrong_use_is_one_sentence(tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert classify_characters.main(["--src_dir", str(tmp_path), *words]) == 2
    one_sentence(capsys.readouterr().err)


def test_groups_without_a_name_become_no_characters(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_references(tmp_path, Aoba=[0], cluster_000=[90], cluster_012=[45])
    frame = add_face(tmp_path, 90)
    assert strictly(tmp_path, 0.5) == 1
    assert names_of(frame) == ["unknown"]
    said = one_sentence(capsys.readouterr().err)
    assert "2 folders such as cluster_000 still called as --cluster made them, left out; rename them" in said


def test_groups_that_all_lack_a_name_are_one_sentence(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_references(tmp_path, noise=[0], cluster_000=[90])
    add_face(tmp_path, 90)
    assert strictly(tmp_path, 0.5) == 2
    said = one_sentence(capsys.readouterr().err)
    assert "references holds only 1 folder such as cluster_000 still called as --cluster made them; rename" in said


def test_a_reference_in_which_nothing_is_seen_is_searched_patiently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = add_references(tmp_path, Aoba=[0], Hinata=[90])
    seen = shade(0)
    likely, doubtful = Face((0.2, 0.2, 0.4, 0.4), 0.6), Face((0.1, 0.1, 0.9, 0.9), 0.4)

    def load(name: str, settings: detect.Settings) -> InWorker:
        if settings.patient:
            return InWorker(lambda pixels: [doubtful, likely])
        return InWorker(lambda pixels: [Face(MIDDLE, 0.9)] if (pixels == seen).all() else [])

    monkeypatch.setattr(detect, "load_detector", load)
    heads = references.find_heads(references.find_references(folder, []), detect.Settings(), 1)
    assert heads.names == ["Aoba", "Hinata"]
    assert heads.crops[1].shape[0] == pytest.approx(0.2 * 60 * 1.7, abs=1)
    assert heads.remarks == []
