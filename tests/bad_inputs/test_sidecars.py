"""Damaged, foreign and hostile sidecars through the scripts that read them: one listed frame, the neighbours done."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import arrange_folders
import classify_characters
import generate_metadata
import prepare_training
from framekit.files import names
from tests.helpers_dataset import MIDDLE, add_frame

FACES = {"schema": 1, "model": "animeface", "threshold": 0.5, "faces": [{"box": list(MIDDLE), "score": 0.9}]}

NAMES = {"schema": 1, "model": "m", "references": "r", "faces": [{"box": list(MIDDLE), "name": "A", "score": 1.0}]}

KNOWN = {"count": 1, "characters": ["A"], "tags": ["hat"]}

RIGHT = {".faces.json": FACES, ".characters.json": NAMES, ".json": KNOWN}

BAD: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"{",
    "a list": b"[]",
    "a number": b"3",
    "not UTF-8": b'{"count": "caf\xe9"}',
    "UTF-16": '{"count": 1}'.encode("utf-16"),
    "NaN": b'{"count": NaN, "faces": [{"box": [0, 0, 1, NaN], "score": NaN, "name": "A"}]}',
    "infinite": b'{"count": Infinity, "faces": Infinity}',
    "half a character": b'{"count": 1, "characters": ["\\ud800"], "faces": [{"name": "\\ud800"}]}',
    "deep": b'{"faces": ' + b"[" * 60_000 + b"]" * 60_000 + b"}",
    "too large": b'{"tags": ["' + b"x" * (17 * 2**20) + b'"]}',
    "wrong types": b'{"count": {}, "characters": 3, "faces": 3, "tags": [1]}',
}

ODD: dict[str, Callable[[bytes], bytes]] = {
    "with a mark": lambda right: b"\xef\xbb\xbf" + right,
    "with CRLF": lambda right: right.replace(b", ", b",\r\n"),
    "twice the same key": lambda right: right[:-1] + b', "schema": 1, "schema": 1}',
    "another schema": lambda right: right[:-1] + b', "schema": 99, "more": {"a": [1, null]}}',
}


def dataset(tmp_path: Path, suffix: str, content: bytes) -> tuple[Path, Path]:
    """Write two frames with good sidecars, one of them replaced; return that frame and the good one."""
    found = [add_frame(tmp_path / "set" / f"{stem}.png") for stem in ("bad", "good")]
    for frame in found:
        for ending, value in RIGHT.items():
            names.sidecar(frame, ending).write_text(json.dumps(value))
    names.sidecar(found[0], suffix).write_bytes(content)
    return found[0], found[1]


def run(tmp_path: Path, script: str) -> int:
    """Run a script on the dataset."""
    source = ["--src_dir", str(tmp_path / "set")]
    if script == "generate_metadata":
        return generate_metadata.main(source)
    if script == "prepare_training":
        return prepare_training.main(source)
    if script == "classify_characters":
        reference = add_frame(tmp_path / "references" / "A" / "1.png")
        names.sidecar(reference, names.FACES).write_text(json.dumps(FACES))
        return classify_characters.main([*source, "--ref_dir", str(tmp_path / "references"), "--model", "colour"])
    return arrange_folders.main([*source, "--dst_dir", str(tmp_path / "tree"), "--min_image_per_combination", "1"])


READERS = [
    ("generate_metadata", ".faces.json"),
    ("generate_metadata", ".characters.json"),
    ("generate_metadata", ".json"),
    ("classify_characters", ".faces.json"),
    ("arrange_folders", ".json"),
    ("prepare_training", ".json"),
]


@pytest.mark.parametrize(("script", "suffix"), READERS)
@pytest.mark.parametrize("name", BAD)
def test_a_bad_sidecar_is_listed_and_the_neighbour_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], script: str, suffix: str, name: str
) -> None:
    if (script, suffix, name) == ("generate_metadata", ".json", "wrong types"):
        pytest.skip("a person's values of a wrong type are kept, and refused by the steps that read them")
    bad, good = dataset(tmp_path, suffix, BAD[name])
    held = names.sidecar(bad, suffix).read_bytes()
    assert run(tmp_path, script) == 1
    said = capsys.readouterr().err
    assert f"unreadable: {bad}: " in said
    assert f"unreadable: {good}" not in said
    assert "Traceback" not in said
    assert names.sidecar(bad, suffix).read_bytes() == held
    if script == "prepare_training":
        assert good.with_suffix(".txt").exists()
    if script == "arrange_folders":
        assert [path.name for path in (tmp_path / "tree").rglob("*.png")] == ["good.png"]


@pytest.mark.parametrize(("script", "suffix"), READERS)
@pytest.mark.parametrize("name", ODD)
def test_an_odd_sidecar_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], script: str, suffix: str, name: str
) -> None:
    dataset(tmp_path, suffix, ODD[name](json.dumps(RIGHT[suffix]).encode()))
    assert run(tmp_path, script) == 0
    assert "unreadable" not in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * (17 * 2**20)])
def test_tags_that_are_no_text_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    bad, good = dataset(tmp_path, ".tags", content)
    assert generate_metadata.main(["--src_dir", str(tmp_path / "set")]) == 1
    assert f"unreadable: {bad}: " in capsys.readouterr().err
    assert good.with_suffix(".json").exists()


@pytest.mark.parametrize(
    "text", ["", ",,,", '"a", "b"', "a" * 5000, ", ".join(f"t{n}" for n in range(10_000)), "a\x00b", "=1+1", "<script>"]
)
def test_any_text_of_tags_becomes_one_line_of_caption(tmp_path: Path, text: str) -> None:
    frame = add_frame(tmp_path / "x.png")
    names.sidecar(frame, ".tags").write_text(text)
    assert generate_metadata.main(["--src_dir", str(tmp_path)]) == 0
    assert prepare_training.main(["--src_dir", str(tmp_path)]) == 0
    assert len(frame.with_suffix(".txt").read_text().splitlines()) == 1
