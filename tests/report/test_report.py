"""The page on a dataset: what it tells, that it is one safe file, and that it stays small."""

import re
from pathlib import Path
from typing import Any

import pytest

import arrange_folders
import prepare_training
from framekit.pixels.sheets import spread
from framekit.report import figures
from framekit.report.figures import MOST_TAGS, Corrections, Episode, episodes, shot_size, tags_of_characters
from framekit.report.page import MOST_THUMBS, Report, Sheet, page, sheet, sheets
from framekit.sidecars.metadata import Metadata, metadata_from
from framekit.training.balance import Row
from tests.conftest import one_sentence, plain, save_frame
from tests.helpers_dataset import add_frame, correct

KNOWN: dict[str, Any] = {"count": 1, "characters": ["Aoba"], "tags": ["long_hair"], "face_height_ratio": 0.4}


def report(folder: Path, *options: str) -> str:
    """Write the report on a dataset beside it; return its text."""
    path = folder.parent / "report.html"
    assert prepare_training.main(["--src_dir", str(folder), "--report", str(path), "--workers", "1", *options]) == 0
    return path.read_text(encoding="utf-8")


def test_the_page_tells_what_is_in_the_dataset(tmp_path: Path) -> None:
    for number in range(3):
        source = {"episode": "EP01", "time": 10.0 * number, "scene": number}
        add_frame(tmp_path / "set" / "1_character" / f"{number}.png", **KNOWN, source=source)
    text = report(tmp_path / "set")
    assert "3 frames, 1 character, 1 episode." in text
    assert "EP01: 3 frames, the last at 0:20" in text
    assert "<h3>1_<wbr>character: 3 frames</h3>" in text
    assert "<td>100%</td>" in text
    assert "long_hair" in text
    assert "prepare_training.py --src_dir" in text


def test_characters_who_are_never_alone_are_counted(tmp_path: Path) -> None:
    for number, names in enumerate((["Aoba"], ["Aoba", "Hinata"], [])):
        values = KNOWN | {"characters": names, "count": len(names)}
        add_frame(tmp_path / "set" / "all" / f"{number}.png", **values)
    assert "3 frames, 2 characters, " in report(tmp_path / "set")


def test_the_page_tells_of_corrections_moves_and_what_was_set_aside(tmp_path: Path) -> None:
    for stem in "ab":
        add_frame(tmp_path / "set" / f"{stem}.png", **KNOWN)
    words = [
        "--src_dir",
        str(tmp_path / "set"),
        "--dst_dir",
        str(tmp_path / "tree"),
        "--min_image_per_combination",
        "1",
    ]
    assert arrange_folders.main([*words, "--format", "character"]) == 0
    correct(tmp_path / "tree" / "Aoba" / "a.png", tags=["red_hat"], general="by hand")
    (tmp_path / "tree" / "mine").mkdir()
    for name in ("b.png", "b.json"):
        (tmp_path / "tree" / "Aoba" / name).rename(tmp_path / "tree" / "mine" / name)
    trash = tmp_path / "set" / ".removed"
    save_frame(trash / "dark" / "d.png", plain((3, 3, 3)))
    (trash / "manifest.jsonl").write_text('{"frame": "d.png", "to": ".removed/dark/d.png", "reason": "dark"}\n')
    text = report(tmp_path / "tree")
    assert "Edited fields in 1 metadata file: " in text
    assert "tags 1" in text
    assert "Frames moved by hand: 1." in text
    assert "<h3>dark: 1 frame</h3>" in text
    assert text.index("arrange_folders.py") < text.index("prepare_training.py --src_dir")


def test_names_and_tags_are_text_and_nothing_is_loaded(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    add_frame(
        tmp_path / "set" / "x.png",
        **(KNOWN | {"characters": [evil], "tags": [f'"{evil}'], "source": {"episode": evil}}),
    )
    text = report(tmp_path / "set")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert not re.search(r'src="(?!data:image/jpeg;base64,)', text)
    assert re.findall(r'href="([^"]*)"', text) == ["set/x.png"]


def test_an_unreadable_frame_is_grey(tmp_path: Path) -> None:
    add_frame(tmp_path / "set" / "y.png", **KNOWN)
    broken = add_frame(tmp_path / "set" / "x.png", **KNOWN)
    content = broken.read_bytes()
    broken.write_bytes(content[:45] + bytes(12) + content[57:])  # its pixels; it ends as a whole one does
    assert "set" in report(tmp_path / "set")


def test_an_empty_dataset_has_no_report_to_fail(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    assert prepare_training.main(["--src_dir", str(tmp_path / "set"), "--report", str(tmp_path / "r.html")]) == 0


@pytest.mark.parametrize(
    ("faces", "ratio", "size"), [(0, 0.0, 0), (1, 0.1, 1), (1, 0.15, 2), (2, 0.3, 3), (1, 0.5, 4), (1, 1.0, 4)]
)
def test_sizes_of_shots(faces: int, ratio: float, size: int) -> None:
    assert shot_size(Metadata(face_count=faces, face_height_ratio=ratio)) == size


def test_shots_stand_in_their_part_of_the_time() -> None:
    (episode,) = episodes([Metadata(episode="EP1", time=time) for time in (0.0, 59.0, 60.0)], {})
    assert [place for place, counts in enumerate(episode.shots) if sum(counts)] == [0, 59]
    assert (episode.seconds, episode.is_length) == (60.0, False)
    (episode,) = episodes([Metadata(episode="EP1", time=60.0)], {"EP1": 120.0})
    assert (episode.seconds, episode.is_length) == (120.0, True)
    assert [place for place, counts in enumerate(episode.shots) if sum(counts)] == [30]


def test_the_length_of_an_episode_is_that_of_its_video(tmp_path: Path) -> None:
    for name, length in (("EP01", 81.5), ("EP02", 0.0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".frames.json").write_text(f'{{"episode": "{name}", "video_duration": {length}}}')
    assert figures.episode_lengths([tmp_path]) == {"EP01": 81.5}


def test_frames_of_no_episode() -> None:
    (episode,) = episodes([Metadata()], {})
    assert (episode.name, sum(episode.shots[0])) == ("no episode", 1)


def test_tags_of_a_character_are_shares_of_its_frames() -> None:
    described = [Metadata(characters=["A"], tags=["x", "x"]), Metadata(characters=["A"], tags=["y"], count=1)]
    assert tags_of_characters(described) == {"A": [("x", 0.5), ("y", 0.5)]}


def test_tags_of_a_group_are_of_nobody() -> None:
    pair = Metadata(characters=["A", "B"], tags=["white_hair"], count=2)
    stranger = Metadata(characters=["A"], tags=["white_hair"], count=2, face_count=2)
    alone = Metadata(characters=["A"], tags=["blue_hair"], count=1, face_count=1)
    assert tags_of_characters([pair, stranger, alone]) == {"A": [("blue_hair", 1.0)]}


def test_a_few_frames_are_spread_evenly() -> None:
    found = [Path(f"{n}") for n in range(10)]
    assert spread(found, 3) == [found[0], found[4], found[9]]
    assert spread(found, 10) == found


def test_each_frame_of_a_sheet_leads_to_its_file(tmp_path: Path) -> None:
    found = [save_frame(tmp_path / f"set/my folder/{number}.png", plain((9, 9, 9))) for number in range(5)]
    found[4].write_bytes(b"no image")
    [one] = sheets({"my folder": found}, 2, 1, tmp_path / "pages")
    assert [one.frames, [path for path, _ in one.thumbs]] == [5, ["../set/my folder/0.png", "../set/my folder/4.png"]]
    text = sheet(one, one.name)
    assert "my folder: 2 of 5 shown" in text
    assert '<a href="../set/my%20folder/0.png"><img alt="my folder: 0.png"' in text
    assert "unreadable" in text
    assert text.count("<figcaption>") == 2


def test_a_page_of_many_folders_stays_small() -> None:
    thumb = bytes(5000)
    row = Row("folder", 1, "1", "1", "1", 0.1, 0.1)
    episode = Episode("EP1", 9, 1400.0, [[9] * len(figures.SHOTS)] * figures.BINS)
    made = Report(
        "t",
        20_000,
        60,
        [episode] * 26,
        [("a", 1)] * 60,
        [row] * 2000,
        [row] * 60,
        {f"c{n}": [("tag", 0.5)] * 15 for n in range(60)},
        [Sheet("a", 9, [("a.png", thumb)] * 5)] * (MOST_THUMBS // 5),
        [],
        Corrections({}, 0, 0, []),
        ["python x.py"] * 40,
    )
    assert len(page(made)) < 20 * 2**20


def test_a_report_that_cannot_be_written_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_frame(tmp_path / "set" / "x.png", **KNOWN)
    words = ["--src_dir", str(tmp_path / "set"), "--report", str(tmp_path / "none" / "r.html")]
    assert prepare_training.main(words) == 2
    assert "none" in one_sentence(capsys.readouterr().err)


def test_tags_that_are_as_frequent_stand_as_they_came() -> None:
    tags = [f"tag_{number}" for number in range(40)]
    known = metadata_from({"count": 1, "characters": ["A"], "tags": tags})
    assert [tag for tag, _ in tags_of_characters([known])["A"]] == tags[:MOST_TAGS]
