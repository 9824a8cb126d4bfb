"""What differs in white space only is no edit: captions, tags, X.json, sidecars and configs, as editors leave them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import generate_metadata
import prepare_training
from framekit.sidecars import faces
from framekit.sidecars.corrections import digest, edited_fields
from framekit.sidecars.tags import TagRecord
from tests.conftest import plain
from tests.helpers_dataset import add_frame, add_json, add_text, correct, loaded

TEXTS: dict[str, Callable[[bytes], bytes]] = {
    "no final newline": lambda text: text.rstrip(b"\n"),
    "CRLF": lambda text: text.replace(b"\n", b"\r\n"),
    "blanks at the end": lambda text: text.replace(b"\n", b"  \n"),
    "blank lines": lambda text: text + b"\n\n",
    "BOM": lambda text: b"\xef\xbb\xbf" + text,
    "all": lambda text: b"\xef\xbb\xbf" + text.replace(b"\n", b" \t\r\n").rstrip(),
}
WORDS: dict[str, Callable[[bytes], bytes]] = {
    "double blanks": lambda text: text.replace(b", ", b",  "),
    "blank in front": lambda text: b" " + text,
    "tabs": lambda text: text.replace(b", ", b",\t"),
}
SUFFIXES = {".txt", ".toml", ".json", ".jsonl", ".yaml"}
TRAINERS = ("kohya", "onetrainer", "diffusers", "ai-toolkit", "simpletuner", "musubi", "everydream2")


def prepare(folder: Path, *options: str) -> int:
    return prepare_training.main(["--src_dir", str(folder), *options])


@pytest.mark.parametrize("way", [*TEXTS, *WORDS])
def test_a_caption_follows_its_metadata_however_it_was_saved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    frame = add_frame(tmp_path / "x.png", count=1, characters=["Aoba"], tags=["red hat", "sky"])
    path = frame.with_suffix(".txt")
    prepare(tmp_path)
    path.write_bytes({**TEXTS, **WORDS}[way](path.read_bytes()))
    correct(frame, characters=["Hinata"])
    capsys.readouterr()
    assert prepare(tmp_path) == 0
    assert "hand-edited" not in capsys.readouterr().out
    assert path.read_bytes() == b"1person, Hinata, red hat, sky\n"


def test_other_words_are_an_edit_still(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add_frame(tmp_path / "x.png", count=1, tags=["red hat"])
    prepare(tmp_path)
    frame.with_suffix(".txt").write_text("1person, redhat")
    capsys.readouterr()
    prepare(tmp_path)
    assert "kept 1 hand-edited file" in capsys.readouterr().out
    assert frame.with_suffix(".txt").read_text() == "1person, redhat"


def test_captions_written_by_an_older_version_are_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from framekit.files import atomic

    frame = add_frame(tmp_path / "x.png", count=1, characters=["Aoba"])
    prepare(tmp_path)
    record = tmp_path / ".prepared.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"x": [atomic.digest("1person, Aoba\n")]}))
    frame.with_suffix(".txt").write_bytes(b"1person, Aoba")
    correct(frame, characters=["Hinata"])
    capsys.readouterr()
    prepare(tmp_path)
    assert "hand-edited" not in capsys.readouterr().out
    assert frame.with_suffix(".txt").read_text() == "1person, Hinata\n"


@pytest.mark.parametrize("way", TEXTS)
@pytest.mark.parametrize("trainer", TRAINERS)
def test_configs_saved_by_an_editor_are_not_edited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], trainer: str, way: str
) -> None:
    for name in ("Aoba", "Hinata"):
        add_frame(tmp_path / "d" / name / f"{name}.png", plain((9, 99, 199), 600, 600), count=1, characters=[name])
    out = tmp_path / "out"
    options = ["--trainer", trainer, "--dst_dir", str(out)]
    prepare(tmp_path / "d", *options)
    written = {path: path.read_bytes() for path in out.rglob("*") if path.suffix in SUFFIXES and is_shown(path)}
    assert len(written) > 2
    for path, content in written.items():
        path.write_bytes(TEXTS[way](content))
    capsys.readouterr()
    assert prepare(tmp_path / "d", *options) == 0
    told = capsys.readouterr().out
    assert "hand-edited" not in told
    assert "your changes stay" not in told
    assert {path: path.read_bytes() for path in written} == written


def is_shown(path: Path) -> bool:
    """Tell whether a file is a text that trainers read, and no metadata of ours."""
    return not path.name.startswith(".") and path.name not in ("Aoba.json", "Hinata.json")


@pytest.mark.parametrize("trainer", ["onetrainer", "simpletuner", "diffusers"])
def test_json_written_anew_with_other_order_and_indentation_is_not_edited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], trainer: str
) -> None:
    add_frame(tmp_path / "d" / "a" / "x.png", plain((9, 99, 199), 600, 600), count=1)
    options = ["--trainer", trainer, "--dst_dir", str(tmp_path / "out")]
    prepare(tmp_path / "d", *options)
    written = [path for path in (tmp_path / "out").rglob("*.json*") if is_shown(path) and path.name != "x.json"]
    assert written
    for path in written:
        if path.suffix == ".jsonl":
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            path.write_text("\r\n".join(json.dumps(dict(sorted(row.items(), reverse=True))) for row in rows))
        else:
            path.write_text(json.dumps(json.loads(path.read_text()), indent="\t", sort_keys=True))
    capsys.readouterr()
    assert prepare(tmp_path / "d", *options) == 0
    told = capsys.readouterr().out
    assert "hand-edited" not in told
    assert "your changes stay" not in told


@pytest.mark.parametrize("indent", [None, 0, 4, "\t"])
@pytest.mark.parametrize("way", TEXTS)
def test_metadata_saved_anew_has_no_corrections(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str, indent: int | str | None
) -> None:
    frame = add_frame(tmp_path / "x.png")
    add_text(frame, ".tags", "red_hat, sky\n")
    options = ["--src_dir", str(tmp_path), "--general_description", "anishot"]
    generate_metadata.main(options)
    values = dict(sorted(loaded(frame).items(), reverse=True))
    values["face_height_ratio"] = int(values["face_height_ratio"])  # as JavaScript writes 0.0
    text = json.dumps(values, indent=indent, ensure_ascii=True) + "\n"
    frame.with_suffix(".json").write_bytes(TEXTS[way](text.encode()))
    add_text(frame, ".tags", "blue_hat\n")
    capsys.readouterr()
    assert generate_metadata.main(options) == 0
    assert "hand-corrected" not in capsys.readouterr().out
    assert loaded(frame)["tags"] == ["blue_hat"]


def test_a_value_with_a_blank_more_is_no_correction_another_word_is() -> None:
    values = {"general": "anishot EP01 ", "tags": ["a ", "b"], "time": 3}
    noted = {"general": digest("anishot EP01"), "tags": digest(["a", "b"]), "time": digest(3.0)}
    assert edited_fields({**values, "written": noted}) == set()
    assert edited_fields({**values, "tags": ["b", "a"], "written": noted}) == {"tags"}


@pytest.mark.parametrize("way", [*TEXTS, *WORDS])
def test_tags_saved_by_an_editor_are_not_edited(tmp_path: Path, way: str) -> None:
    path, record = tmp_path / "x.png.tags", TagRecord(tmp_path)
    record.write(path, "red_hat, sky, sea\n", "test", None)
    path.write_bytes({**TEXTS, **WORDS}[way](path.read_bytes()))
    assert not TagRecord(tmp_path).is_edited(path)
    assert TagRecord(tmp_path).noted(path) == "test"
    path.write_text("red_hat, sky")
    assert TagRecord(tmp_path).is_edited(path)


def test_faces_saved_anew_are_not_corrected(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png")
    written = [{"box": [0.0, 0.25, 1.0, 0.5], "score": 1.0}]
    held = [{"score": 1, "box": [0, 0.25, 1, 0.5]}]
    path = add_json(frame, ".faces.json", {"written": digest(written), "faces": held})
    assert not faces.is_corrected(path)
