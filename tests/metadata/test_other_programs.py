"""Tags and JSON of other programs beside frames, through the scripts: read, kept, told, never taken for ours."""

import json
from pathlib import Path

import pytest

import arrange_folders
import classify_characters
import detect_faces
import generate_metadata
import prepare_training
import remove_similar
import tag_images
from tests.conftest import plain
from tests.helpers_dataset import add_frame, add_text, loaded

BOORU = '{"tags":"1girl long_hair solo",\r\n "rating":"explicit", "source":"https://x"}'
SIZE = (600, 600)


def add(folder: Path, name: str, colour: tuple[int, int, int] = (90, 120, 150)) -> Path:
    return add_frame(folder / f"{name}.png", plain(colour, *SIZE))


def generate(folder: Path, *options: str) -> int:
    return generate_metadata.main(["--src_dir", str(folder), *options])


def caption(root: Path, frame: Path) -> str:
    """Return the caption that a frame without faces gets."""
    assert prepare_training.main(["--src_dir", str(root)]) == 0
    return frame.with_suffix(".txt").read_text(encoding="utf-8").strip()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("artist:wlop, 1girl, solo, long_hair", "1person, by wlop, long hair"),
        ("character:hatsune_miku, 1girl, solo, twintails", "1person, hatsune_miku, twintails"),
        ("1girl solo long_hair", "1person, long hair"),
        ("1girl, highres, rating:questionable, meta:absurdres, hat", "1person, hat"),
        ("miku_\\(append\\), don&#039;t", "miku (append), don't"),
        ("smile blush hat dress", "anime image"),
    ],
)
def test_captions_of_tags_of_other_programs(tmp_path: Path, text: str, words: str) -> None:
    frame = add(tmp_path, "x")
    add_text(frame, ".tags", text)
    assert generate(tmp_path) == 0
    assert caption(tmp_path, frame) == words


def test_escaped_brackets_are_written_once(tmp_path: Path) -> None:
    frame = add(tmp_path, "x")
    add_text(frame, ".tags", "miku_\\(append\\), hat")
    generate(tmp_path)
    assert prepare_training.main(["--src_dir", str(tmp_path), "--escape_brackets"]) == 0
    assert frame.with_suffix(".txt").read_text() == "miku \\(append\\), hat\n"


def test_json_of_a_booru_is_read_kept_and_never_a_correction(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = add(tmp_path, "x")
    (tmp_path / "x.json").write_bytes(BOORU.encode())
    add_text(frame, ".tags", "hat, 1girl\n")
    assert generate(tmp_path) == 0
    assert "read 1 JSON file of other programs, now X.source.json" in capsys.readouterr().out
    assert (tmp_path / "x.source.json").read_bytes() == BOORU.encode()
    known = loaded(frame)
    assert (known["tags"], known["rating"]) == (["hat", "1girl", "long_hair", "solo"], "explicit")
    assert known["source_url"] == "https://x"
    assert "source_type" not in known
    add_text(frame, ".tags", "sky\n")
    assert generate(tmp_path) == 0
    told = capsys.readouterr().out
    assert "other programs" not in told
    assert "hand-corrected" not in told
    assert loaded(frame)["tags"] == ["sky", "1girl", "long_hair", "solo"]
    assert (tmp_path / "x.source.json").read_bytes() == BOORU.encode()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.json", '["creator:wlop", "long hair"]'),
        ("x.png.json", '{"category": "danbooru", "tags": ["long hair"], "tags_artist": ["wlop"]}'),
        (
            ".x_meta.json",
            '{"filename": "x.png", "tags": {"long hair": 0.9}, "danbooru": {"tag_string_artist": "wlop"}}',
        ),
        ("x.png.txt", "artist:wlop\nlong hair\n"),
        ("x.tags", "artist:wlop, long hair"),
        ("x.png.tags", "artist:wlop, long hair"),
    ],
)
def test_every_place_is_read_and_stays_as_it_is(tmp_path: Path, name: str, text: str) -> None:
    frame = add(tmp_path / "d", "x")
    (tmp_path / "d" / name).write_text(text, encoding="utf-8")
    assert generate(tmp_path / "d") == 0
    known = loaded(frame)
    assert (known["artist"], known["tags"]) == (["wlop"], ["long hair"])
    kept = tmp_path / "d" / ("x.source.json" if name == "x.json" else name)
    assert kept.read_text(encoding="utf-8") == text
    assert arrange_folders.main(["--src_dir", str(tmp_path / "d"), "--dst_dir", str(tmp_path / "t"), "--move"]) == 0
    (there,) = (tmp_path / "t").rglob("x.png")
    travels = "x.source.json" if name.startswith(".") else kept.name
    assert there.with_name(travels).read_text(encoding="utf-8") == text
    assert generate(tmp_path / "t") == 0
    assert loaded(there)["tags"] == ["long hair"]


def test_another_download_replaces_what_was_kept_and_nothing_is_lost(tmp_path: Path) -> None:
    frame = add(tmp_path, "x")
    for tags in ("1girl long_hair", "1boy short_hair"):
        (tmp_path / "x.json").write_text(json.dumps({"id": 1, "tags": tags}))
        assert generate(tmp_path) == 0
    assert loaded(frame)["tags"] == ["1boy", "short_hair"]
    assert "short_hair" in (tmp_path / "x.source.json").read_text()
    (old,) = (tmp_path / ".removed").rglob("x.source.json*")
    assert "long_hair" in old.read_text()


def test_no_script_stops_at_json_of_others_or_changes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, training, references = tmp_path / "d", tmp_path / "t", tmp_path / "r"
    for number, text in enumerate([BOORU, '["1girl"]', '{"shapes": [], "imagePath": "x"}']):
        add(folder, f"x{number}", (40 * number, 90, 200 - 60 * number))
        (folder / f"x{number}.json").write_bytes(text.encode())
    add(references / "Aoba", "a")
    before = {path.name: path.read_bytes() for path in folder.glob("x?.json")}
    source = ["--src_dir", str(folder)]
    tag_images.main([*source, "--model", "measured"])
    detect_faces.main([*source, "--model", "animeface"])
    classify_characters.main([*source, "--ref_dir", str(references)])
    arrange_folders.main([*source, "--dst_dir", str(training)])
    prepare_training.main(source)
    prepare_training.main([*source, "--check"])
    remove_similar.main([*source, "--dry_run"])
    assert {path.name: path.read_bytes() for path in folder.glob("x?.json")} == before
    told = capsys.readouterr()
    assert told.err.count(f"no frame in {folder} has an X.json yet; run generate_metadata.py --src_dir {folder}") == 2
    assert generate(folder) == 0
    assert "read 3 JSON files of other programs" in capsys.readouterr().out


def test_what_is_unclear_is_told_by_the_script_and_by_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add(tmp_path, "x")
    add_text(frame, ".tags", "smile blush hat dress")
    assert generate(tmp_path) == 0
    assert "1 tag in 1 frame unclear and left out: x.png (smile blush hat dress)" in capsys.readouterr().err
    caption(tmp_path, frame)
    capsys.readouterr()
    assert prepare_training.main(["--src_dir", str(tmp_path), "--check", "--all"]) == 1
    assert "x.png: nobody can tell which tags this means" in capsys.readouterr().out


@pytest.mark.parametrize(
    "fields",
    [{"artist": ["wlop", "1girl"]}, {"characters": ["solo"]}, {"tags": ["1girl solo long_hair"]}],
)
def test_check_finds_tags_that_were_misread(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fields: dict[str, list[str]]
) -> None:
    frame = add_frame(tmp_path / "x.png", plain((1, 2, 3), *SIZE), count=1, **fields)
    caption(tmp_path, frame)
    capsys.readouterr()
    assert prepare_training.main(["--src_dir", str(tmp_path), "--check", "--all"]) == 1
    assert (
        "x.json: X.json takes a tag that counts people for a name, or several tags for one" in capsys.readouterr().out
    )


def test_characters_of_other_programs_follow_a_rename(tmp_path: Path) -> None:
    frame = add(tmp_path, "x")
    add_text(frame, ".tags", "character:hatsune_miku, 1girl, hat")
    other = add(tmp_path, "y")
    (tmp_path / "y.json").write_text('["character:hatsune_miku", "1girl"]')
    assert generate(tmp_path) == 0
    assert generate(tmp_path, "--rename", "hatsune_miku", "Miku") == 0
    assert generate(tmp_path) == 0
    assert [loaded(one)["characters"] for one in (frame, other)] == [["Miku"], ["Miku"]]


def test_a_damaged_file_of_another_program_costs_no_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = add(tmp_path, "x")
    add_text(frame, ".tags", "hat")
    (tmp_path / "x.png.json").write_text("{")
    (tmp_path / "x.png.txt").write_bytes(b"\xff")
    assert generate(tmp_path) == 0
    assert loaded(frame)["tags"] == ["hat"]
    assert "2 tags in 1 frame unclear" in capsys.readouterr().err


def test_json_of_a_person_that_is_broken_is_still_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(tmp_path, "x")
    (tmp_path / "x.json").write_text('{"count": 1,')
    assert generate(tmp_path) == 1
    assert "x.json is not valid JSON" in capsys.readouterr().err
    assert not (tmp_path / "x.source.json").exists()
