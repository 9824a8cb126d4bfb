"""What a person saves in a sidecar while a script is about to write it: it stays, and counts as corrected."""

import json
from pathlib import Path

import numpy as np
import pytest

import arrange_folders
import classify_characters
import detect_faces
import generate_metadata
from framekit.boxes import Face
from framekit.characters import descriptors
from framekit.faces import detect
from framekit.faces.models import InWorker
from framekit.sidecars.tags import TagRecord
from tests.conftest import SavedMeanwhile, plain, save_frame
from tests.helpers_dataset import MIDDLE, Box, add_faces, add_frame, add_json, add_names, add_text, correct, loaded
from tests.tags.helpers import OLIVE, channel_tagger, tag, tags_of

OTHER: Box = (0.1, 0.1, 0.2, 0.2)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace detector and descriptor: each frame has one face, and all faces are alike."""
    monkeypatch.setattr(detect, "load_detector", lambda name, settings: InWorker(lambda pixels: [Face(MIDDLE, 0.9)]))
    monkeypatch.setattr(descriptors, "load_one", lambda model, device: lambda crops: np.ones((len(crops), 1)))


@pytest.mark.usefixtures("drawn")
@pytest.mark.parametrize("options", [[], ["--redo"]])
def test_faces(
    tmp_path: Path, saved_meanwhile: SavedMeanwhile, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    frame = save_frame(tmp_path / "x.png", plain(OLIVE, 40, 40))
    detect_faces.main([str(tmp_path), "--workers", "1"] if options else [str(tmp_path), "--dry_run"])
    edited = {"model": "mine", "faces": [{"box": list(OTHER), "score": 1.0}]}
    saved_meanwhile({tmp_path / "x.faces.json": json.dumps(edited)})
    assert detect_faces.main([str(tmp_path), "--workers", "1", *options]) == 0
    assert loaded(frame, ".faces.json") == edited
    assert "1 kept as corrected by hand" in capsys.readouterr().out


@pytest.mark.usefixtures("drawn")
@pytest.mark.parametrize("suffix", [".characters.json", ".json"])
def test_names(
    tmp_path: Path, saved_meanwhile: SavedMeanwhile, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    save_frame(tmp_path / "references" / "Aoba" / "1.png", plain(OLIVE, 60, 60))
    frame = add_frame(tmp_path / "set" / "x.png", plain(OLIVE, 60, 60), characters=["unknown"])
    add_faces(frame, MIDDLE)
    named = [{"box": list(MIDDLE), "name": "Hinata", "score": 1.0}]
    edited = {"faces": named, "written": "0"} if suffix == ".characters.json" else {
        **loaded(frame), "characters": ["Hinata"]
    }  # fmt: skip
    names = tmp_path / "set" / "x.characters.json"
    saved_meanwhile({names: "{}", frame.with_name(f"x{suffix}"): json.dumps(edited)})
    words = ["--src_dir", str(tmp_path / "set"), "--ref_dir", str(tmp_path / "references"), "--workers", "1"]
    assert classify_characters.main(words) == 0
    assert loaded(frame, suffix) == edited
    assert "1 kept as corrected by hand" in capsys.readouterr().out
    assert "Aoba" not in names.read_text()


def test_tags(tmp_path: Path, saved_meanwhile: SavedMeanwhile, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add_frame(tmp_path / "set" / "x.png", plain(OLIVE, 4, 4))
    saved_meanwhile({tmp_path / "set" / "x.png.tags": "mine\n"})
    assert tag(tmp_path / "set", channel_tagger(tmp_path / "tagger")) == 0
    assert tags_of(frame) == "mine\n"
    assert "kept 1 file" in capsys.readouterr().out


@pytest.mark.parametrize("options", [[], ["--rename", "Aoba", "Kokona"]])
def test_metadata(
    tmp_path: Path, saved_meanwhile: SavedMeanwhile, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    frame = add_frame(tmp_path / "x.png")
    add_faces(frame, MIDDLE)
    add_names(frame, {MIDDLE: "Aoba"})
    assert generate_metadata.main(["--src_dir", str(tmp_path)]) == 0
    add_text(frame, ".tags", "long_hair\n")
    capsys.readouterr()
    saved_meanwhile({frame.with_suffix(".json"): json.dumps(loaded(frame) | {"count": 7, "general": "mine"})})
    assert generate_metadata.main(["--src_dir", str(tmp_path), *options]) == 0
    known = loaded(frame)
    assert (known["count"], known["general"]) == (7, "mine")
    if options:  # only names are changed
        assert (known["characters"], known["tags"]) == (["Kokona"], [])
    else:
        assert (known["characters"], known["tags"]) == (["Aoba"], ["long_hair"])
        assert "kept 2 hand-corrected fields in 1 file" in capsys.readouterr().out


def test_names_that_are_renamed(tmp_path: Path, saved_meanwhile: SavedMeanwhile) -> None:
    frame = add_frame(tmp_path / "x.png", characters=["Aoba"])
    add_faces(frame, MIDDLE)
    path = add_names(frame, {MIDDLE: "Aoba"})
    saved_meanwhile({path: path.read_text().replace("0.9", "0.7")})
    assert generate_metadata.main(["--src_dir", str(tmp_path), "--rename", "Aoba", "Kokona"]) == 0
    (face,) = loaded(frame, ".characters.json")["faces"]
    assert (face["name"], face["score"]) == ("Kokona", 0.7)


def test_tags_that_are_renamed(tmp_path: Path, saved_meanwhile: SavedMeanwhile) -> None:
    frame = add_frame(tmp_path / "x.png", characters=["Aoba"])
    path = frame.with_name("x.png.tags")
    assert TagRecord(tmp_path).write(path, "character: Aoba\ngeneral: hat\n", "", None)
    saved_meanwhile({path: "character: Aoba\ngeneral: red_hat\n"})
    assert generate_metadata.main(["--src_dir", str(tmp_path), "--rename", "Aoba", "Kokona"]) == 0
    assert path.read_text() == "character: Aoba\ngeneral: red_hat\n"
    assert loaded(frame)["characters"] == ["Kokona"]


def test_metadata_in_the_tree(tmp_path: Path, saved_meanwhile: SavedMeanwhile) -> None:
    frame = add_frame(tmp_path / "set" / "x.png", characters=["Aoba"], tags=["sky"])
    words = ["--src_dir", str(tmp_path / "set"), "--dst_dir", str(tmp_path / "tree"), "--format", "n_characters"]
    assert arrange_folders.main(words) == 0
    there = tmp_path / "tree" / "1_character" / "x.json"
    correct(frame, tags=["tree"])
    saved_meanwhile({there: json.dumps(loaded(there.with_suffix(".png")) | {"count": 7})})
    assert arrange_folders.main(words) == 0
    known = loaded(there.with_suffix(".png"))
    assert (known["count"], known["tags"]) == (7, ["tree"])


@pytest.mark.usefixtures("drawn")
def test_corrected_sidecars_of_crops_stay(tmp_path: Path) -> None:
    frame = save_frame(tmp_path / "set" / "x.png", plain(OLIVE, 100, 100))
    add_faces(frame, MIDDLE)
    add_names(frame, {MIDDLE: "Aoba"})
    words = ["--src_dir", str(tmp_path / "set"), "--crops", str(tmp_path / "crops"), "--workers", "1"]
    assert detect_faces.main(words) == 0
    (crop,) = (tmp_path / "crops" / "face").rglob("*.png")
    edited = loaded(crop, ".characters.json")
    edited["faces"][0]["name"] = "Hinata"
    add_json(crop, ".characters.json", edited)
    assert detect_faces.main(words) == 0
    assert loaded(crop, ".characters.json") == edited
