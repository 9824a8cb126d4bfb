"""The script that finds faces, with a detector that the tests make up."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

import detect_faces
import remove_similar
from framekit.boxes import Face
from framekit.faces import detect
from framekit.faces.models import InWorker
from framekit.pixels.decode import Pixels
from tests.conftest import BLUE, GREEN, RED, one_sentence, plain, save_frame, tree

LEFT, RIGHT, WEAK = Face((0.1, 0.1, 0.2, 0.3), 0.9), Face((0.6, 0.1, 0.7, 0.3), 0.8), Face((0.3, 0.1, 0.4, 0.3), 0.5)

LONG, TINY = Face((0.1, 0.1, 0.9, 0.2), 0.99), Face((0.5, 0.5, 0.51, 0.52), 0.99)


def made_up_detector(pixels: Pixels) -> list[Face]:
    """See two faces and three that don't count on red frames, none on others."""
    return [RIGHT, WEAK, LONG, LEFT, TINY] if tuple(pixels[0, 0]) == RED else []


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replace the detector; return the list of settings with which one was asked for."""
    settings_seen: list[Any] = []

    def load(name: str, settings: Any) -> InWorker:
        settings_seen.append(settings)
        return InWorker(made_up_detector)

    monkeypatch.setattr(detect, "load_detector", load)
    return settings_seen


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Return a folder with a red frame, two others, and a metadata file."""
    save_frame(tmp_path / "EP01/1.png", plain(RED, 160, 90))
    save_frame(tmp_path / "EP01/2.png", plain(BLUE, 160, 90))
    save_frame(tmp_path / "EP02/1.jpg", plain(GREEN, 160, 90))
    (tmp_path / "EP01/1.json").write_text("{}")
    return tmp_path


def run(folder: Path, *words: str) -> int:
    return detect_faces.main(["--src_dir", str(folder), "--workers", "1", *words])


def read(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


@pytest.mark.usefixtures("asked")
def test_each_frame_gets_its_faces_from_left_to_right(dataset: Path) -> None:
    assert run(dataset) == 0
    record = read(dataset / "EP01/1.faces.json")
    assert len(record.pop("written")) == 12
    assert record == {
        "schema": 1,
        "model": "animeface",
        "threshold": 0.7,
        "settings": {
            "detect_size": 800,
            "single_look": False,
            "tiles": 0,
            "max_aspect": 2.0,
            "min_face_size": 0.03,
            "max_faces": 0,
        },
        "faces": [{"box": [0.1, 0.1, 0.2, 0.3], "score": 0.9}, {"box": [0.6, 0.1, 0.7, 0.3], "score": 0.8}],
        "dropped": [
            {"box": [0.1, 0.1, 0.9, 0.2], "score": 0.99, "reason": "longer than 2 times its width"},
            {"box": [0.5, 0.5, 0.51, 0.52], "score": 0.99, "reason": "lower than 0.03 of the frame"},
        ],
    }


@pytest.mark.usefixtures("asked")
def test_a_frame_without_faces_gets_an_empty_sidecar(dataset: Path) -> None:
    run(dataset)
    assert read(dataset / "EP01/2.faces.json")["faces"] == []
    assert read(dataset / "EP02/1.faces.json")["faces"] == []


@pytest.mark.usefixtures("asked")
def test_it_writes_its_own_suffix_only(dataset: Path) -> None:
    before = tree(dataset)
    run(dataset)
    after = tree(dataset)
    assert {name: after[name] for name in before} == before
    assert sorted(set(after) - set(before)) == ["EP01/1.faces.json", "EP01/2.faces.json", "EP02/1.faces.json"]


@pytest.mark.usefixtures("asked")
def test_the_closing_line_counts(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(dataset)
    closing = capsys.readouterr().out
    assert "2 faces in 3 frames (2 without a face), 0 already done" in closing
    assert str(dataset) in closing
    run(dataset)
    assert "nothing new, 3 already done" in capsys.readouterr().out


def test_a_second_run_does_only_what_is_missing(dataset: Path, asked: list[Any]) -> None:
    run(dataset)
    (dataset / "EP02/1.faces.json").unlink()
    (dataset / "EP01/1.faces.json").write_text('{"faces": "corrected by hand"}')
    before = tree(dataset / "EP01")
    assert run(dataset) == 0
    assert tree(dataset / "EP01") == before
    assert read(dataset / "EP02/1.faces.json")["faces"] == []


def test_when_all_is_done_no_detector_is_loaded(dataset: Path, asked: list[Any]) -> None:
    run(dataset)
    run(dataset)
    assert len(asked) == 1


@pytest.mark.usefixtures("asked")
def test_redo_looks_again(dataset: Path) -> None:
    run(dataset, "--min_score", "0.85")
    assert [one["score"] for one in read(dataset / "EP01/1.faces.json")["faces"]] == [0.9]
    run(dataset, "--min-score", "0.4", "--redo")
    assert [one["score"] for one in read(dataset / "EP01/1.faces.json")["faces"]] == [0.9, 0.5, 0.8]
    assert read(dataset / "EP01/1.faces.json")["threshold"] == 0.4


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("words", "scores"),
    [
        (["--max_aspect", "20"], [0.9, 0.99, 0.8]),
        (["--max_aspect", "1"], []),
        (["--min_face_size", "0.25"], []),
        (["--min_face_size", "0.01", "--max_aspect", "2"], [0.9, 0.99, 0.8]),
    ],
)
def test_the_limits_are_options(dataset: Path, words: list[str], scores: list[float]) -> None:
    run(dataset, *words)
    assert [one["score"] for one in read(dataset / "EP01/1.faces.json")["faces"]] == scores


@pytest.mark.usefixtures("asked")
def test_limit_takes_the_first_frames(dataset: Path) -> None:
    run(dataset, "--limit", "1")
    assert [path.name for path in sorted(dataset.rglob("*.faces.json"))] == ["1.faces.json"]


def test_the_options_reach_the_detector(dataset: Path, asked: list[Any]) -> None:
    words = ["--model", "my.onnx", "--device", "cpu", "--detect_size", "800", "--single_look", "--max_overlap", "0.5"]
    run(dataset, *words, "--min_score", "0.25")
    [settings] = asked
    assert (settings.model, settings.device, settings.size, settings.both_looks) == ("my.onnx", "cpu", 800, False)
    assert (settings.max_overlap, settings.threshold) == (0.5, 0.25)


@pytest.mark.usefixtures("asked")
def test_unreadable_frames_are_listed_and_stay_pending(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = dataset / "EP01/2.png"
    broken.write_bytes(broken.read_bytes()[:60])
    assert run(dataset) == 1
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert str(broken) in err
    assert "2 faces in 2 frames" in out
    assert "1 unreadable" in out
    assert not (dataset / "EP01/2.faces.json").exists()
    save_frame(broken, plain(RED, 160, 90))
    assert run(dataset) == 0
    assert len(read(dataset / "EP01/2.faces.json")["faces"]) == 2


@pytest.mark.usefixtures("asked")
def test_leftovers_of_a_killed_run_are_cleaned_up(dataset: Path) -> None:
    leftover = dataset / "EP01" / f".{'0' * 16}.faces.json.tmp"
    leftover.write_text('{"fac')
    run(dataset)
    assert not leftover.exists()


@pytest.mark.usefixtures("asked")
def test_the_configuration_file_sets_defaults(dataset: Path) -> None:
    (dataset / "dataset.toml").write_text("[detect_faces]\nmin_score = 0.85\n")
    run(dataset, "--config", str(dataset / "dataset.toml"))
    assert read(dataset / "EP01/1.faces.json")["threshold"] == 0.85


@pytest.mark.usefixtures("asked")
def test_two_frames_with_one_stem_are_listed_and_the_rest_is_done(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_frame(dataset / "EP01/1.jpg", plain(RED))
    assert run(dataset) == 1
    assert capsys.readouterr().err.count("1.jpg and 1.png") == 2
    assert not (dataset / "EP01/1.faces.json").exists()
    assert (dataset / "EP02/1.faces.json").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--model", "missing.onnx"], "there is no model missing.onnx"),
        (["--min_score", "2"], "2 is not between 0 and 1"),
        (["--detect-sise", "3"], "did you mean --detect_size?"),
    ],
)
def test_wrong_use_is_one_sentence(
    dataset: Path, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(dataset, *words) == 2
    assert complaint in one_sentence(capsys.readouterr().err)
    assert not list(dataset.rglob("*.faces.json"))


def test_a_missing_folder_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "nowhere") == 2
    assert "nowhere is not a folder" in one_sentence(capsys.readouterr().err)


@pytest.mark.usefixtures("asked")
def test_a_frame_whose_name_is_no_utf8_is_listed(tmp_path: Path) -> None:
    name = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    try:
        save_frame(tmp_path / "x.png", plain(RED)).rename(name)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert run(tmp_path) == 1


def test_an_empty_folder_is_fine(tmp_path: Path) -> None:
    assert run(tmp_path) == 0


def test_the_embedded_detector_runs(tmp_path: Path) -> None:
    pytest.importorskip("animeface")
    save_frame(tmp_path / "1.png", plain(BLUE, 160, 90))
    assert run(tmp_path) == 0
    assert read(tmp_path / "1.faces.json")["faces"] == []


@pytest.mark.usefixtures("asked")
def test_corrected_faces_survive_redo(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(dataset)
    path = dataset / "EP01/1.faces.json"
    record = read(path)
    record["faces"].pop()
    path.write_text(json.dumps(record))
    assert run(dataset, "--redo") == 0
    assert "2 frames" in (message := capsys.readouterr().out)
    assert "1 kept as corrected by hand" in message
    assert len(read(path)["faces"]) == 1
    run(dataset, "--overwrite_corrections")
    assert len(read(path)["faces"]) == 2


@pytest.mark.usefixtures("asked")
def test_the_largest_faces_are_kept_and_the_others_noted(dataset: Path) -> None:
    run(dataset, "--max_faces", "1", "--min_face_size", "0.01", "--max_aspect", "20", "--min_score", "0.7")
    record = read(dataset / "EP01/1.faces.json")
    assert [one["score"] for one in record["faces"]] == [0.9]
    assert [one["reason"] for one in record["dropped"]] == ["not among the 1 largest"] * 3


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("words", "gone"),
    [
        (["--min_face_number", "1"], {"EP01/2": "0 faces, fewer than 1", "EP02/1": "0 faces, fewer than 1"}),
        (["--max_face_number", "1"], {"EP01/1": "2 faces, more than 1"}),
        (["--min_face_number", "0", "--max_face_number", "2"], {}),
    ],
)
def test_frames_with_the_wrong_number_of_faces_are_set_aside_with_the_reason(
    dataset: Path, words: list[str], gone: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.stem for path in dataset.rglob("*.*g"))
    assert run(dataset, *words) == 0
    assert (f"{len(gone)} set aside" in capsys.readouterr().out) == bool(gone)
    lines = (
        [json.loads(line) for line in (dataset / ".removed/manifest.jsonl").read_text().splitlines()] if gone else []
    )
    assert {line["frame"].rpartition(".")[0]: line["detail"] for line in lines} == gone
    assert {line["reason"] for line in lines} <= {"face_number"}
    assert remove_similar.main([str(dataset), "--restore"]) == 0
    assert sorted(path.stem for path in dataset.rglob("*.*g")) == before


def test_a_dry_run_writes_nothing(dataset: Path, asked: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    run(dataset)
    (dataset / "EP02/1.faces.json").unlink()
    before = tree(dataset)
    assert run(dataset, "--dry_run", "--max_face_number", "1") == 0
    assert "1 frame would be looked at, 1 set aside" in capsys.readouterr().out
    assert tree(dataset) == before
    assert len(asked) == 1


def test_several_detectors_may_be_given_in_two_ways(dataset: Path, asked: list[Any]) -> None:
    run(dataset, "--model", "animeface", "--model", "x.onnx")
    assert read(dataset / "EP01/1.faces.json")["threshold"] == [0.7, 0.3]
    run(dataset, "--model", "animeface,x.onnx", "--redo")
    assert [settings.models for settings in asked] == [["animeface", "x.onnx"]] * 4


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--model", "face_detect_v1.4_s"], "of animeface"),
        (["--min_score", "0.4"], "with --score_threshold 0.7"),
        (["--min_face_size", "0.2", "--tiles", "2"], "with no --tiles --min_face_size 0.03"),
        (["--single_look"], "with no --single_look"),
    ],
)
def test_faces_found_otherwise_are_told_and_corrected_ones_stay(
    dataset: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert run(dataset) == 0
    corrected = dataset / "EP01/1.faces.json"
    corrected.write_text(corrected.read_text().replace("0.6", "0.61"))
    before = tree(dataset)
    capsys.readouterr()
    assert run(dataset, *words) == run(dataset, *words, "--dry_run") == 1
    assert tree(dataset) == before
    said = capsys.readouterr()
    assert f"2 frames have faces {told} and keep them; add --redo to the command to replace them" in said.err
    assert run(dataset, "--max_overlap", "0.9") == 0  # animeface has no use for it
    assert run(dataset, *words, "--redo") == 0
    assert run(dataset, *words) == 0
    assert "0.61" in corrected.read_text()


@pytest.mark.usefixtures("asked")
def test_frames_of_before_with_a_right_number_of_faces_are_told(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(dataset, "--min_face_number", "3") == 0
    assert run(dataset) == 0
    assert run(dataset, "--min_face_number", "2") == 1
    assert "1 removed frame has a number of faces that is right now" in capsys.readouterr().err
