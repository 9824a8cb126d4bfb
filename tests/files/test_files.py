"""Names of sidecars, whole writes, checked reads, and safe names."""

import json
import os
from pathlib import Path

import pytest

from framekit.errors import BadSidecar
from framekit.files import atomic, names
from framekit.files.atomic import clean_up, digest, read_json, read_text, temporary, write_json, write_whole
from framekit.files.names import CAPTION, CHARACTERS, FACES, METADATA, TAGS, pending
from framekit.files.paths import safe_name
from tests.conftest import listing

SUFFIXES = [TAGS, FACES, CHARACTERS, METADATA, CAPTION]


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        (TAGS, "a.b.png.tags"),
        (FACES, "a.b.faces.json"),
        (CHARACTERS, "a.b.characters.json"),
        (METADATA, "a.b.json"),
        (CAPTION, "a.b.txt"),
    ],
)
def test_names_of_sidecars(suffix: str, expected: str) -> None:
    assert names.sidecar(Path("EP01/a.b.png"), suffix) == Path("EP01") / expected


@pytest.mark.parametrize(
    ("content", "expected"), [("ひなた\n", "ひなた\n".encode()), (b"\x00\xff", b"\x00\xff"), ("", b"")]
)
def test_a_whole_write_leaves_the_file_and_nothing_else(tmp_path: Path, content: str | bytes, expected: bytes) -> None:
    write_whole(tmp_path / "x.txt", content)
    assert (tmp_path / "x.txt").read_bytes() == expected
    assert listing(tmp_path) == ["x.txt"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_write_that_fails_keeps_the_old_content_and_the_rest_is_cleaned_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = names.sidecar(tmp_path / "x.png", suffix)
    path.write_text("old")

    def fail(source: Path, target: Path) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="disk full"):
            write_whole(path, "new")
    assert path.read_text() == "old"
    clean_up([tmp_path], suffix)
    assert listing(tmp_path) == [path.name]


def test_a_name_as_long_as_a_folder_takes_can_be_written(tmp_path: Path) -> None:
    write_whole(tmp_path / ("x" * 250 + ".json"), "{}")
    assert len(listing(tmp_path)) == 1


def test_the_temporary_file_is_hidden_and_in_the_same_folder() -> None:
    part = temporary(Path("EP01/x.faces.json"))
    assert part.parent == Path("EP01")
    assert part.name.startswith(".")
    assert part != temporary(Path("EP01/y.faces.json"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_clean_up_removes_only_leftovers_of_its_suffix(tmp_path: Path, suffix: str) -> None:
    leftovers = {one: temporary(names.sidecar(tmp_path / "x.png", one)) for one in SUFFIXES}
    others = [tmp_path / name for name in ("x.png", "x.json", ".hidden.json.tmp", "x.faces.json.tmp", ".frames.json")]
    for path in [*leftovers.values(), *others]:
        path.touch()
    clean_up([tmp_path, tmp_path], suffix)
    gone = {path for path in [*leftovers.values(), *others] if not path.exists()}
    assert gone == {leftovers[suffix]}


def test_clean_up_takes_folder_names_literally(tmp_path: Path) -> None:
    folder = tmp_path / "[Group] *"
    folder.mkdir()
    part = temporary(folder / "x.faces.json")
    part.touch()
    clean_up([folder], FACES)
    assert not part.exists()


def test_json_is_utf8_with_a_final_newline(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"characters": ["ひなた"]})
    assert (tmp_path / "x.json").read_bytes() == '{"characters": ["ひなた"]}\n'.encode()


def test_nan_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"score": float("nan")})
    assert listing(tmp_path) == []


def test_what_was_written_is_read(tmp_path: Path) -> None:
    value = {"count": 2, "tags": ["o_o", "é"], "nested": {"a": [1.5, None, True]}}
    write_json(tmp_path / "x.json", value, indent=1)
    assert read_json(tmp_path / "x.json") == value


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b'\xef\xbb\xbf{"count": 1}')
    assert read_json(tmp_path / "x.json") == {"count": 1}
    (tmp_path / "x.txt").write_bytes(b"\xef\xbb\xbfsolo")
    assert read_text(tmp_path / "x.txt") == "solo"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"score": NaN}', "NaN"),
        (b'{"score": -Infinity}', "Infinity"),
        (b'{"name": "caf\xe9"}', "UTF-8"),
        ("{}".encode("utf-16"), "UTF-8"),
        (b"[1, 2]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"a": 1', "not valid JSON"),
        (b"", "not valid JSON"),
        (b"[" * 200_000, "not valid JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "."),
    ],
    ids=["nan", "infinity", "latin-1", "utf-16", "list", "null", "cut", "empty", "deep", "long number"],
)
def test_a_bad_sidecar_is_refused_with_its_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(BadSidecar, match=reason):
        read_json(tmp_path / "x.json")


def test_a_sidecar_that_is_too_large_is_not_even_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"a": "x" * 100}))
    monkeypatch.setattr(atomic, "MAX_SIDECAR_BYTES", 50)
    with pytest.raises(BadSidecar, match="larger than"):
        read_json(tmp_path / "x.json")


@pytest.mark.parametrize("name", ["missing.json", "folder.json"])
def test_what_cannot_be_opened_is_a_bad_sidecar(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(BadSidecar):
        read_json(tmp_path / name)


def test_only_frames_without_the_sidecar_are_pending(tmp_path: Path) -> None:
    frames = [tmp_path / "1.png", tmp_path / "2.png"]
    (tmp_path / "1.faces.json").touch()
    (tmp_path / "2.json").touch()
    assert pending(frames, FACES, redo=False) == [frames[1]]
    assert pending(frames, FACES, redo=True) == frames


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})


def test_a_digest_stays_the_same_for_ever() -> None:
    # first 12 hex digits of the SHA-256 of ["ひなた",1] in UTF-8
    assert digest(["ひなた", 1]) == "1c2333759804"


@pytest.mark.parametrize("other", [[1, 2], "12", 12, ["1", 2], [2, 1], None, {}])
def test_a_digest_tells_values_apart(other: object) -> None:
    assert digest(other) != digest(["1", "2"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("KuraueHinata", "KuraueHinata"),
        ("a/b", "a_b"),
        ("a\\b", "a_b"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "_"),
        (".", "_"),
        ("", "_"),
        ("   ", "_"),
        (".hidden", "hidden"),
        ("name...", "name"),
        (" name ", "name"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("lpt9", "_lpt9"),
        ("console", "console"),
        ("a\x00b\nc\x7f", "a_b_c_"),
        ("a\u2028b", "a_b"),
        ("50%d", "50_d"),
        ('<>:"|?*', "_______"),
        ("ひなた✨", "ひなた✨"),
        ("e\u0301", "é"),
        ("a\ud800b", "a_b"),
    ],
)
def test_safe_names(text: str, expected: str) -> None:
    assert safe_name(text) == expected


@pytest.mark.parametrize("text", ["x" * 300, "ひ" * 300, "✨" * 300, "x" * 119 + "é", "x" * 118 + " . y", "." * 300])
def test_a_safe_name_is_short_enough_and_whole(text: str) -> None:
    name = safe_name(text)
    assert 0 < len(name.encode()) <= 120
    assert name == name.strip(" .")


@pytest.mark.parametrize("text", ["..", "CON", "a" * 300, "ひ" * 300, "x/../y", "  . a", "aux.b", "\x00"])
def test_a_safe_name_is_safe_already(text: str) -> None:
    assert safe_name(safe_name(text)) == safe_name(text)


@pytest.mark.parametrize("text", ["con" + " " * 200 + "x", "COM¹", "nul .txt"])
def test_no_way_around_leads_to_a_name_that_windows_reserves(text: str) -> None:
    # Source: Microsoft, Naming Files, Paths, and Namespaces: also with superscript digits, and followed by an extension
    name = safe_name(text)
    assert name.startswith("_")


def test_a_safe_name_stays_in_its_folder(tmp_path: Path) -> None:
    for text in ("..", "../x", "/etc", "~", "a/../../b", "C:\\x", "\\\\host\\share"):
        assert (tmp_path / safe_name(text)).resolve().parent == tmp_path.resolve()
