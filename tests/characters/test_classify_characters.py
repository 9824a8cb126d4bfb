"""Naming faces after references, with drawn faces whose likeness is known: an angle between red and green."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from framekit.boxes import Face
from framekit.characters import references
from framekit.faces import detect
from framekit.faces.models import InWorker
from framekit.pixels.decode import Pixels
from tests.characters.helpers import (
    FACELESS,
    LEFT,
    RIGHT,
    add_face,
    add_references,
    classify,
    faces_of,
    names_of,
    shade,
    strictly,
)
from tests.conftest import one_sentence, plain, save_frame, tree
from tests.helpers_dataset import LONG_AGO, MIDDLE, add_faces, add_frame, add_json, add_text, loaded, set_time


def test_the_nearest_mean_of_references_wins_not_the_nearest_reference(tmp_path: Path, asked: list[str]) -> None:
    # Aoba's mean lies at 40 degrees, so the face at 78 is nearer to Hinata's 60, although Aoba has one at 80.
    add_references(tmp_path, Aoba=[0, 80], Hinata=[60])
    frame = add_face(tmp_path, 78)
    assert strictly(tmp_path, 0.9, "--method", "centroid") == 0
    assert names_of(frame) == ["Hinata"]


def test_score_and_runner_up_are_noted(tmp_path: Path, asked: list[str]) -> None:
    add_references(tmp_path, Aoba=[0], Hinata=[60], Kokona=[90])
    frame = add_face(tmp_path, 45)
    assert strictly(tmp_path, 0.5) == 0
    (face,) = faces_of(frame)
    assert face["box"] == list(MIDDLE)
    assert face["name"] == "Hinata"
    assert face["score"] == pytest.approx(math.cos(math.radians(15)), abs=0.005)
    assert face["runner_up"]["name"] in ("Aoba", "Kokona")
    assert face["runner_up"]["score"] == pytest.approx(math.cos(math.radians(45)), abs=0.005)


def test_a_single_character_has_no_runner_up(tmp_path: Path, asked: list[str]) -> None:
    add_references(tmp_path, Aoba=[0])
    frame = add_face(tmp_path, 5)
    assert strictly(tmp_path, 0.9) == 0
    assert faces_of(frame)[0]["runner_up"] is None
    assert names_of(frame) == ["Aoba"]


@pytest.mark.parametrize(("angle", "name"), [(24, "Aoba"), (28, "unknown")])
def test_a_face_like_nobody_is_unknown(tmp_path: Path, asked: list[str], angle: float, name: str) -> None:
    # cos(25.8) = 0.9
    add_references(tmp_path, Aoba=[0])
    frame = add_face(tmp_path, angle)
    assert strictly(tmp_path, 0.9) == 0
    assert names_of(frame) == [name]
    assert faces_of(frame)[0]["score"] == pytest.approx(math.cos(math.radians(angle)), abs=0.005)


def test_the_lead_over_the_runner_up_can_make_up_for_likeness(tmp_path: Path, asked: list[str]) -> None:
    # cos(40) = 0.766 before cos(50) = 0.643, a lead of 0.123
    add_references(tmp_path, Aoba=[0], Hinata=[90])
    frame = add_face(tmp_path, 40)
    assert strictly(tmp_path, 0.8) == 0
    assert names_of(frame) == ["unknown"]
    assert strictly(tmp_path, 0.8, "--margin_weight", "0.5", "--redo") == 0
    assert names_of(frame) == ["Aoba"]


@pytest.mark.parametrize("folder", ["ood", "noise", "noise_passers_by"])
def test_people_to_ignore_are_ood(tmp_path: Path, asked: list[str], folder: str) -> None:
    add_references(tmp_path, Aoba=[0], **{folder: [90]})
    one, other = add_face(tmp_path, 80, "one"), add_face(tmp_path, 10, "other")
    assert strictly(tmp_path, 0.7) == 0
    assert (names_of(one), names_of(other)) == (["ood"], ["Aoba"])


def test_each_image_of_people_to_ignore_counts_for_itself(tmp_path: Path, asked: list[str]) -> None:
    # The mean of the passers-by, at 40 degrees, is further from the face at 78 than Hinata's 60.
    add_references(tmp_path, ood=[0, 80], Hinata=[60])
    frame = add_face(tmp_path, 78)
    assert strictly(tmp_path, 0.9) == 0
    assert names_of(frame) == ["ood"]


def test_folders_of_people_to_ignore_are_one_candidate(tmp_path: Path, asked: list[str]) -> None:
    add_references(tmp_path, ood=[80], noise1=[85], Hinata=[60])
    frame = add_face(tmp_path, 82)
    assert strictly(tmp_path, 0.9) == 0
    assert faces_of(frame)[0]["runner_up"]["name"] == "Hinata"


def test_faces_of_one_frame_are_named_in_the_order_of_their_boxes(tmp_path: Path, asked: list[str]) -> None:
    add_references(tmp_path, Aoba=[0], Hinata=[90])
    frame = add_frame(tmp_path / "dataset" / "x.png", np.hstack([shade(90), shade(0)]))
    add_faces(frame, LEFT, RIGHT)
    assert strictly(tmp_path, 0.9) == 0
    assert names_of(frame) == ["Hinata", "Aoba"]
    assert [face["box"] for face in faces_of(frame)] == [list(LEFT), list(RIGHT)]


def test_the_largest_face_of_a_reference_counts(
    tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = Face((0.7, 0.4, 0.75, 0.45), 0.99), Face((0.1, 0.3, 0.3, 0.7), 0.7)
    monkeypatch.setattr(detect, "load_detector", lambda name, settings: InWorker(lambda pixels: [small, large]))
    save_frame(tmp_path / "references" / "Aoba" / "0.png", np.hstack([shade(0), shade(90)]))
    frame = add_face(tmp_path, 0)
    assert strictly(tmp_path, 0.98) == 0
    assert names_of(frame) == ["Aoba"]


def head(hair: tuple[int, int, int]) -> Pixels:
    """Draw a head with a tail of hair on its right side; the face box is MIDDLE."""
    pixels = plain((200, 210, 215), 160, 160)
    cv2.ellipse(pixels, (80, 72), (52, 56), 0, 0, 360, hair, -1)
    cv2.ellipse(pixels, (130, 95), (14, 45), 0, 0, 360, hair, -1)
    cv2.ellipse(pixels, (80, 84), (38, 38), 0, 0, 360, (255, 224, 200), -1)
    for x in (64, 96):
        cv2.ellipse(pixels, (x, 84), (7, 10), 0, 0, 360, (60, 90, 200), -1)
    return pixels


@pytest.mark.usefixtures("drawn_detector")
def test_heads_of_different_hair_get_their_own_names(tmp_path: Path) -> None:
    hair = {"Pinkie": (240, 130, 190), "Navia": (40, 40, 90), "Blondie": (240, 210, 110)}
    for name, colour in hair.items():
        save_frame(tmp_path / "references" / name / "0.png", head(colour))
        add_faces(add_frame(tmp_path / "dataset" / f"{name}.png", np.roll(head(colour), 2, axis=1)), MIDDLE)
    assert classify(tmp_path) == 0
    for name in hair:
        (face,) = faces_of(tmp_path / "dataset" / f"{name}.png")
        assert face["name"] == name
        assert face["score"] > face["runner_up"]["score"] + 0.1


@pytest.mark.usefixtures("drawn_detector")
def test_a_mirrored_reference_is_as_good(tmp_path: Path) -> None:
    save_frame(tmp_path / "references" / "Pinkie" / "0.png", np.ascontiguousarray(head((240, 130, 190))[:, ::-1]))
    frame = add_frame(tmp_path / "dataset" / "x.png", head((240, 130, 190)))
    add_faces(frame, MIDDLE)
    assert classify(tmp_path, "--method", "knn") == 0
    (face,) = faces_of(frame)
    assert face["name"] == "Pinkie"
    assert face["score"] > 0.999


def test_a_second_run_changes_nothing_and_loads_nothing(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_references(tmp_path, Aoba=[0])
    add_face(tmp_path, 0)
    assert classify(tmp_path) == 0
    assert "1 face named, 0 unknown, 0 ood, in 1 frame; 0 already done" in capsys.readouterr().out
    before = tree(tmp_path)
    assert classify(tmp_path) == 0
    assert tree(tmp_path) == before
    assert asked == ["animeface"]
    assert "nothing new; 1 already done" in capsys.readouterr().out


def test_names_corrected_by_hand_are_not_named_again(tmp_path: Path, asked: list[str]) -> None:
    add_references(tmp_path, Aoba=[0])
    done, missing = add_face(tmp_path, 0, "done"), add_face(tmp_path, 0, "missing")
    add_json(done, ".characters.json", {"faces": [{"box": list(MIDDLE), "name": "Someone"}]})
    assert classify(tmp_path) == 0
    assert (names_of(done), names_of(missing)) == (["Someone"], ["Aoba"])


def test_faces_that_changed_are_named_anew(tmp_path: Path, asked: list[str]) -> None:
    add_references(tmp_path, Aoba=[0])
    changed, same = add_face(tmp_path, 0, "changed"), add_face(tmp_path, 0, "same")
    assert classify(tmp_path) == 0
    add_faces(changed, LEFT, RIGHT)
    set_time(same.with_name("same.characters.json"), LONG_AGO)
    assert classify(tmp_path) == 0
    assert [face["box"] for face in faces_of(changed)] == [list(LEFT), list(RIGHT)]
    assert same.with_name("same.characters.json").stat().st_mtime == LONG_AGO


@pytest.mark.parametrize("damaged", ["{", "[]", '{"faces": 3}', '{"faces": [{}]}'])
def test_a_damaged_characters_sidecar_is_written_anew(tmp_path: Path, asked: list[str], damaged: str) -> None:
    add_references(tmp_path, Aoba=[0])
    frame = add_face(tmp_path, 0)
    add_text(frame, ".characters.json", damaged)
    assert classify(tmp_path) == 0
    assert names_of(frame) == ["Aoba"]


def test_other_references_are_hinted_at_and_redo_takes_them(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_references(tmp_path, Aoba=[0])
    frame = add_face(tmp_path, 90)
    assert classify(tmp_path) == 0
    before = loaded(frame, ".characters.json")
    add_references(tmp_path, Hinata=[90])
    capsys.readouterr()
    assert classify(tmp_path) == 1
    assert "1 frame has names of other references and keeps them; add --redo" in capsys.readouterr().err
    assert loaded(frame, ".characters.json") == before
    assert classify(tmp_path, "--redo") == 0
    assert "--redo" not in capsys.readouterr().err
    assert names_of(frame) == ["Hinata"]
    assert loaded(frame, ".characters.json")["references"] != before["references"]


@pytest.mark.parametrize("changed", ["references", "model"])
def test_the_digest_changes_with_references_and_model(tmp_path: Path, changed: str) -> None:
    found = references.find_references(add_references(tmp_path, Aoba=[0], Hinata=[90]), [])
    before = references.references_digest(found, "m")
    assert references.references_digest(found, "m") == before
    if changed == "references":
        save_frame(tmp_path / "references" / "Aoba" / "0.png", shade(1))
    assert references.references_digest(found, "m" if changed == "references" else "n") != before


def test_a_frame_without_faces_is_looked_at_once(tmp_path: Path, asked: list[str]) -> None:
    add_references(tmp_path, Aoba=[0])
    frame = add_frame(tmp_path / "dataset" / "x.png")
    add_faces(frame)
    assert classify(tmp_path) == 0
    assert names_of(frame) == []
    assert classify(tmp_path) == 0
    assert asked == ["animeface"]


def test_references_are_looked_at_with_the_detector_of_the_frames(tmp_path: Path, asked: list[str]) -> None:
    add_references(tmp_path, Aoba=[0])
    frame = add_face(tmp_path, 0)
    add_faces(frame, MIDDLE, model="face_detect_v1.4_s")
    assert classify(tmp_path) == 0
    assert classify(tmp_path, "--redo", "--face_model", "face_detect_v1.4_n") == 0
    assert asked == ["face_detect_v1.4_s", "face_detect_v1.4_n"]


def test_a_reference_without_a_face_is_named_and_not_used(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    faceless = save_frame(add_references(tmp_path, Aoba=[0]) / "Aoba" / "sky.png", plain(FACELESS, 60, 60))
    frame = add_face(tmp_path, 0)
    assert strictly(tmp_path, 0.99) == 0
    assert names_of(frame) == ["Aoba"]
    assert str(faceless) in capsys.readouterr().out


def test_a_character_without_any_face_is_one_sentence(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_references(tmp_path, Aoba=[0])
    save_frame(tmp_path / "references" / "Hinata" / "sky.png", plain(FACELESS, 60, 60))
    frame = add_face(tmp_path, 0)
    assert classify(tmp_path) == 2
    assert "Hinata" in one_sentence(capsys.readouterr().err)
    assert not frame.with_name("x.characters.json").exists()


def test_an_unreadable_reference_is_listed(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    broken = add_references(tmp_path, Aoba=[0]) / "Aoba" / "broken.png"
    broken.write_bytes(b"no image")
    frame = add_face(tmp_path, 0)
    assert classify(tmp_path) == 1
    assert names_of(frame) == ["Aoba"]
    assert f"unreadable: {broken}: " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Aoba+Hinata", "Aoba, Kokona", "unknown"])
def test_names_with_a_meaning_of_their_own_are_refused(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    add_references(tmp_path, **{name: [0]})
    add_face(tmp_path, 0)
    assert classify(tmp_path) == 2
    assert name in one_sentence(capsys.readouterr().err)


def test_hidden_folders_are_no_characters(tmp_path: Path, asked: list[str]) -> None:
    add_references(tmp_path, Aoba=[0], **{".thumbnails": [90]})
    frame = add_face(tmp_path, 90)
    assert strictly(tmp_path, 0.9) == 0
    assert names_of(frame) == ["unknown"]


def test_an_empty_reference_folder_is_one_sentence(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (add_references(tmp_path, Aoba=[0]) / "Hinata").mkdir()
    add_face(tmp_path, 0)
    assert classify(tmp_path) == 2
    assert "Hinata" in one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize("there", [True, False])
def test_no_references_at_all_is_one_sentence(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str], there: bool
) -> None:
    add_face(tmp_path, 0)
    if there:
        save_frame(tmp_path / "references" / "loose.png", shade(0))
    assert classify(tmp_path) == 2
    assert "references" in one_sentence(capsys.readouterr().err)


def test_without_any_faces_sidecar_one_sentence_names_the_step_before(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_references(tmp_path, Aoba=[0])
    add_frame(tmp_path / "dataset" / "x.png")
    assert classify(tmp_path) == 2
    assert "detect_faces.py" in one_sentence(capsys.readouterr().err)


def test_some_frames_without_that_sidecar_are_counted(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_references(tmp_path, Aoba=[0])
    add_face(tmp_path, 0)
    add_frame(tmp_path / "dataset" / "y.png")
    assert classify(tmp_path) == 0
    out, said = capsys.readouterr()
    assert "1 frame without X.faces.json; run detect_faces.py" in said
    assert "0 already done" in out
    assert not (tmp_path / "dataset" / "y.characters.json").exists()


def test_an_unreadable_frame_is_listed_and_the_others_are_named(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_references(tmp_path, Aoba=[0])
    bad, good = add_face(tmp_path, 0, "a"), add_face(tmp_path, 0, "b")
    bad.write_bytes(b"no image")
    assert classify(tmp_path) == 1
    assert names_of(good) == ["Aoba"]
    assert not bad.with_name("a.characters.json").exists()
    assert f"unreadable: {bad}: " in capsys.readouterr().err


@pytest.mark.parametrize("damaged", ["{", '{"faces": [{"box": [0, 0, 1]}]}', '{"model": 3}'])
@pytest.mark.parametrize("stem", ["a", "c"])
def test_a_damaged_faces_sidecar_is_listed_and_the_others_are_named(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str], stem: str, damaged: str
) -> None:
    add_references(tmp_path, Aoba=[0])
    good, bad = add_face(tmp_path, 0, "b"), add_face(tmp_path, 0, stem)
    add_text(bad, ".faces.json", damaged)
    assert classify(tmp_path) == 1
    assert names_of(good) == ["Aoba"]
    assert f"{stem}.faces.json" in capsys.readouterr().err


def test_what_is_listed_does_not_count_as_done(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_references(tmp_path, Aoba=[0])
    add_face(tmp_path, 0, "a")
    undecodable, undescribed = add_face(tmp_path, 0, "b"), add_face(tmp_path, 0, "c")
    undecodable.write_bytes(b"no image")
    add_text(undescribed, ".faces.json", '{"faces": 3}')
    assert classify(tmp_path) == 1
    said = capsys.readouterr().out
    assert "1 face named, 0 unknown, 0 ood, in 1 frame; 0 already done" in said
    assert "2 unreadable" in said


def test_a_damaged_sidecar_of_a_frame_that_is_not_ready_stops_nothing(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_references(tmp_path, Aoba=[0])
    good = add_face(tmp_path, 0, "good")
    add_text(add_frame(tmp_path / "dataset" / "undetected.png"), ".characters.json", "{")
    assert classify(tmp_path) == 0
    assert names_of(good) == ["Aoba"]


def test_an_empty_dataset_is_done(tmp_path: Path, asked: list[str]) -> None:
    add_references(tmp_path, Aoba=[0])
    (tmp_path / "dataset").mkdir()
    assert classify(tmp_path) == 0


def test_the_record_is_plain_json_with_its_model(tmp_path: Path, asked: list[str]) -> None:
    add_references(tmp_path, Aoba=[0])
    frame = add_face(tmp_path, 0)
    assert classify(tmp_path) == 0
    record = json.loads(frame.with_name("x.characters.json").read_bytes())
    assert (record["schema"], record["model"], len(record["references"])) == (1, "colour_shape linear", 12)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--min_lead", "0.2", "--single_frames"], "with --min_lead 0.02 no --single_frames"),
        (["--unknown_below", "0.3"], "with no --unknown_threshold"),
        (["--model", "colour"], "of"),
        (["--method", "centroid"], "of"),
    ],
)
def test_names_given_otherwise_are_told(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    add_references(tmp_path, Aoba=[0])
    frame = add_face(tmp_path, 90)
    assert classify(tmp_path) == 0
    before, how = loaded(frame, ".characters.json"), loaded(frame, ".characters.json")["model"]
    capsys.readouterr()
    assert classify(tmp_path, *words) == 1
    told = f"of {how}" if told == "of" else told
    assert f"1 frame has names {told} and keeps them; add --redo" in capsys.readouterr().err
    assert loaded(frame, ".characters.json") == before
    assert classify(tmp_path, *words, "--redo") == classify(tmp_path, *words) == 0
