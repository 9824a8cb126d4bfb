"""Episode numbers from the names of videos, as release groups write them."""

import os
import unicodedata
from pathlib import Path

import pytest

from framekit.episodes.labels import claim_of, find_videos, label_episodes, label_from_pattern
from framekit.errors import UsageError

# name without suffix -> label
SURE_FORMS = {
    "[Group] Title - 07 (1080p)": "EP07",
    "[Group] Title - 07v2 [1A2B3C4D]": "EP07",
    "[SubsPlease] Show - 05v2 (1080p) [ABCD1234]": "EP05",
    "Title - 07v2": "EP07",
    "Title S01E05": "EP05",
    "Title s1e5": "EP05",
    "Title s01 ep05": "EP05",
    "Title - S01 - E05": "EP05",
    "Title.S01E05.1080p.WEB.x264-GROUP": "EP05",
    "Title 1x11": "EP11",
    "Title EP05": "EP05",
    "Title E05": "EP05",
    "Title E05v2": "EP05",
    "Title.E05": "EP05",
    "Title Episode 5": "EP05",
    "Title Episode 5 1920x1080": "EP05",
    "Title Ep.05": "EP05",
    "Title Ep. 5 (23.976fps 192kbps)": "EP05",
    "Title Folge 5": "EP05",
    "Title #05": "EP05",
    "#05": "EP05",
    "Title - #05": "EP05",
    "Title - (05)": "EP05",
    "Title 05 of 12": "EP05",
    "05 (of 12)": "EP05",
    "第05話": "EP05",
    "第０５話": "EP05",
    "第十二話": "EP12",
    "タイトル 第5話 さぶたいとる": "EP05",
    "标题 第12集": "EP12",
    "제목 05화": "EP05",
    "Title - 12.5": "EP12.5",
    "Title - 13.1": "EP13.1",
    "Title - 05a": "EP05a",
    "Title - 05B [1080p]": "EP05b",
    "Title 2 - 05": "EP05",
    "Title Ver. 2 - 05": "EP05",
    "Title Vol.2 - 05": "EP05",
    "Mob 100 - 05 (BD 1920x1080 x265 10bit FLAC2.0x2)": "EP05",
    "2.43 - 05": "EP05",
    "24 - 05": "EP05",
    "Yamato 2199 - 05": "EP05",
    "Kaiju No. 8 - 05": "EP05",
    "3-gatsu no Lion - 05": "EP05",
    "2x2 Shinobuden - 05": "EP05",
    "11eyes - 05": "EP05",
    "Steins;Gate 0 - 05": "EP05",
    "Title - 05 END": "EP05",
    "Title - 05 v2 END": "EP05",
    "Title - 05 - 24 Hours": "EP05",
    "Title – 05 – 7 Days": "EP05",
    "Title - 05 - Part 2": "EP05",
    "Title - 1071": "EP1071",
    "Title - 00": "EP00",
    "[Group]_Title_-_05_[1080p]": "EP05",
    "Title - 05 [TVDB-123456]": "EP05",
    "Title {tvdb-1234} - S01E05": "EP05",
    "Title (2019) - 05": "EP05",
    "Title.2019.S01E05": "EP05",
    "01 - Pilot": "EP01",
    "05": "EP05",
}

WEAK_FORMS = {
    "Title_24_": "EP24",
    "Title 16 vostfr": "EP16",
    "Title 05": "EP05",
    "Title-05": "EP05",
    "Title (05)": "EP05",
    "Title.05.720p": "EP05",
    "Title05": "EP05",
    "K-ON!! 03": "EP03",
    "Mob 100 05": "EP05",
    "Title 05 24 Hours": "EP05",
    "Title 05 - 10 Little Things": "EP05",
    "Title 12 (Part 1)": "EP12",
    "Title Part 2 05": "EP05",
    "Title Part 2": "EP02",
    "01. Pilot": "EP01",
    "Title 4K HDR10+ 05": "EP05",
    "[Group][Title][05][1080p]": "EP05",
    "【Group】Title【05】【1080P】": "EP05",
}

SEASONS = {
    "Title S02E05": "S02EP05",
    "Title.S02E11v2.720p.HEVC": "S02EP11",
    "Title 2x05": "S02EP05",
    "Title - S2 - 05": "S02EP05",
    "Title S02 (2019) 05": "S02EP05",
    "Title 2nd Season - 05": "S02EP05",
    "Title 3rd Season - 05": "S03EP05",
    "Title Season 2 Episode 5": "S02EP05",
    "タイトル 第2期 第05話": "S02EP05",
    "[Group][Title][S2][05][BDRip]": "S02EP05",
    "Title S00E03": "S00EP03",
    "Title S2 NCED": "S02NCED01",
}

SPECIALS = {
    "Title - SP2": "SP02",
    "Title NCOP1": "NCOP01",
    "Title NCOP": "NCOP01",
    "Title NCOPv2": "NCOP01",
    "Title NCED2v2": "NCED02",
    "Title Creditless Opening 2": "NCOP02",
    "Title OVA 3": "OVA03",
    "Title (OVA) - 02": "OVA02",
    "Title - OAD": "OAD01",
    "[Group] Title - NCOP [1080p]": "NCOP01",
    "Title OVA - 02": "OVA02",
    "Title PV1": "PV01",
}

SPECIAL_WORDS_OF_TITLES = {
    "[Group] Special A - 05 [720p]": "EP05",
    "Special A S01E05": "EP05",
    "Special 7 - 05": "EP05",
    "OP Girl - 05": "EP05",
}

NO_EPISODE = {
    "Title",
    "Title (2019)",
    "Title 2019-05-04",
    "Title.2019.05.04.720p",
    "Title 20190504",
    "Title 1080p",
    "Title 720p x264",
    "Title 1920x1080 x265 10bit",
    "Title H.264 AAC2.0",
    "Title 5.1 FLAC",
    "Title DTS-HD MA 7.1",
    "Title 24fps 4k",
    "Title (1A2B3C4D)",
    "Title [2021][1080p]",
    "Title 1.11",
}

CODECS_AND_SOUND = {
    "Title.05.1080p.WEB-DL.AAC2.0.H.264-GROUP": "EP05",
    "Title.05.1080p.WEB.DDP5.1.x264": "EP05",
    "Title.S01E05.1080p.BluRay.DTS-HD.MA.5.1.x264-GRP": "EP05",
    "Title - 05 (2019) (1080p HEVC 10-bit AAC 5.1)": "EP05",
    "Title - 05 (DVD 640x480 Hi10P)": "EP05",
    "Title 05 [x264 10bit 5.1 DTS]": "EP05",
    "Title 05 1280x720 h264 AAC 48kHz": "EP05",
}

SEVERAL_EPISODES = {
    "Title S01E01-E02": "EP01",
    "Title - E01-E02": "EP01",
    "Title Ep05-06": "EP05",
    "01-02": "EP01",
    "Title - 01-02 (1080p)": "EP01",
}


def label_of(name: str, folder: str = "") -> str | None:
    claim = claim_of(name, folder)
    return claim.label if claim else None


@pytest.mark.parametrize(
    ("name", "label"),
    [
        *SURE_FORMS.items(),
        *WEAK_FORMS.items(),
        *SEASONS.items(),
        *SPECIALS.items(),
        *SPECIAL_WORDS_OF_TITLES.items(),
        *CODECS_AND_SOUND.items(),
        *SEVERAL_EPISODES.items(),
    ],
)
def test_names_claim_their_episode(name: str, label: str) -> None:
    assert label_of(name) == label


@pytest.mark.parametrize("name", SURE_FORMS)
def test_sure_forms_are_sure(name: str) -> None:
    claim = claim_of(name)
    assert claim
    assert claim.is_sure


@pytest.mark.parametrize("name", WEAK_FORMS)
def test_a_bare_number_is_not_sure(name: str) -> None:
    claim = claim_of(name)
    assert claim
    assert not claim.is_sure


@pytest.mark.parametrize(
    ("folder", "label"),
    [
        ("Season 2", "S02EP05"),
        ("Title S2", "S02EP05"),
        ("Title 2nd Season", "S02EP05"),
        ("Title Second Season", "S02EP05"),
        ("Title 第二季", "S02EP05"),
        ("Title.S02.1080p.BluRay.x265-Group", "S02EP05"),
        ("[Group] Title S2 [1080p]", "S02EP05"),
        ("Title_S2", "S02EP05"),
        ("Season_02", "S02EP05"),
        ("Season.2", "S02EP05"),
        ("season-2", "S02EP05"),
        ("Season 1", "EP05"),
        ("yamaS2", "EP05"),
        ("videos", "EP05"),
        ("2", "EP05"),
    ],
)
def test_the_folder_tells_the_season_that_the_name_does_not(folder: str, label: str) -> None:
    assert label_of("Title - 05", folder) == label
    assert label_of("Title S03E05", folder) == "S03EP05"


@pytest.mark.parametrize("name", sorted(NO_EPISODE))
def test_years_dates_sizes_and_codecs_are_no_episodes(name: str) -> None:
    assert label_of(name) is None


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["Title - 2 - 05", "Title - 2 - 06"], ["EP05", "EP06"]),
        (["Mob 100 5", "Mob 100 6"], ["EP05", "EP06"]),
        (["Title 1 24", "Title 2 24"], ["EP01", "EP02"]),
        (["Title 24 - 05 - 24 H", "Title 24 - 06 - 7 D"], ["EP05", "EP06"]),
    ],
)
def test_numbers_that_all_names_hold_are_no_episodes(names: list[str], labels: list[str]) -> None:
    assert list(label_episodes([Path(f"{name}.mkv") for name in names], "*").labels) == labels


def test_a_number_that_all_names_hold_stays_where_it_is_the_only_one() -> None:
    with pytest.raises(UsageError, match="both claim to be EP05"):
        label_episodes([Path("Alpha 05.mkv"), Path("Beta 05.mkv")], "*")


@pytest.mark.parametrize(
    "name", ["", "-", "- ", "[", "[]", "()", "#", "第話", "%d", "S01E", "....", "\U0001f600", "9" * 200]
)
def test_odd_names_are_no_trouble(name: str) -> None:
    assert claim_of(name) is None


@pytest.mark.parametrize(
    ("name", "pattern", "label"),
    [
        ("my_favorite_anime_04.mp4", "my_favorite_anime_*.mp4", "EP04"),
        ("my_favorite_anime_4.mp4", "my_favorite_anime_*.mp4", "EP04"),
        ("My_Favorite_Anime_04.MP4", "my_favorite_anime_*.mp4", "EP04"),
        ("my_favorite_anime_04v2.mp4", "my_favorite_anime_*.mp4", "EP04"),
        ("my_favorite_anime_12.5.mp4", "my_favorite_anime_*.mp4", "EP12.5"),
        ("2019 show 720 7 end.mkv", "2019 show 720 * end.*", "EP07"),
        ("a+b (x) 3.mkv", "a+b (x) *.mkv", "EP03"),
        ("my_favorite_anime_x.mp4", "my_favorite_anime_*.mp4", None),
        ("04.mp4", "04.mp4", None),
        ("other_04.mp4", "my_*.mp4", None),
    ],
)
def test_the_number_where_the_star_stands_is_the_episode(name: str, pattern: str, label: str | None) -> None:
    assert label_from_pattern(name, pattern) == label


def test_the_pattern_is_surer_than_the_name() -> None:
    video = Path("86 - 05 S01E09.mkv")
    assert list(label_episodes([video], "86 - * S01E09.mkv").labels) == ["EP05"]


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names_of(source: Path, pattern: str = "*") -> list[str]:
    return [video.relative_to(source).as_posix() for video in find_videos(source, pattern)[0]]


def test_videos_come_in_natural_order_and_nothing_else_comes(tmp_path: Path) -> None:
    touch(tmp_path, "a 10.mkv", "a 9.MP4", "s2/a 1.webm", "a 9.srt", ".a 3.mkv", "cover.jpg", "a.mkv.part")
    (tmp_path / "folder.mkv/inside").mkdir(parents=True)
    assert names_of(tmp_path) == ["a 9.MP4", "a 10.mkv", "s2/a 1.webm"]


def test_videos_in_hidden_folders_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a 1.mkv", ".trash/a 1.mkv")
    assert names_of(tmp_path) == ["a 1.mkv"]


@pytest.mark.parametrize("pattern", ["my_favorite_anime_*.mp4", "MY_*_0?.mp4", "*4.*", "my_favorite_anime_04.mp4"])
def test_a_pattern_chooses_videos(tmp_path: Path, pattern: str) -> None:
    touch(tmp_path, "my_favorite_anime_04.mp4", "other.mkv", "my_favorite_anime_04.txt")
    assert names_of(tmp_path, pattern) == ["my_favorite_anime_04.mp4"]


def test_one_video_can_be_named_itself(tmp_path: Path) -> None:
    touch(tmp_path, "a.mkv")
    assert find_videos(tmp_path / "a.mkv", "*") == ([tmp_path / "a.mkv"], [])


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere does not exist; --src_dir"):
        find_videos(tmp_path / "nowhere", "*")


def test_two_videos_that_claim_one_episode_are_both_named() -> None:
    with pytest.raises(UsageError) as caught:
        label_episodes([Path("a/Title - 05.mkv"), Path("b/Title - 05v2.mkv")], "*")
    for part in ("Title - 05.mkv", "Title - 05v2.mkv", "EP05", "--episode_pattern"):
        assert part in str(caught.value)


def test_12_and_12_5_are_two_episodes() -> None:
    assert list(label_episodes([Path("Title - 12.mkv"), Path("Title - 12.5.mkv")], "*").labels) == ["EP12", "EP12.5"]


def test_ova_1_and_2_are_two_episodes() -> None:
    videos = [Path("Title OVA - 01.mkv"), Path("Title OVA - 02.mkv")]
    assert len(label_episodes(videos, "*").labels) == 2


def test_videos_without_number_get_the_free_ones_in_their_order() -> None:
    videos = [Path("Alpha.mkv"), Path("Beta - 01.mkv"), Path("Gamma.mkv"), Path("Title NCOP.mkv")]
    labels = {"EP02": videos[0], "EP01": videos[1], "EP03": videos[2], "NCOP01": videos[3]}
    found = label_episodes(videos, "*")
    assert found.labels == labels
    assert list(found.labels) == ["EP01", "EP02", "EP03", "NCOP01"]
    assert found.unsure == {"EP02", "EP03", "NCOP01"}


SUBSPLEASE = "[SubsPlease] Show - 05 (1080p) [ABCD1234].mkv"


@pytest.mark.parametrize(
    ("pattern", "label"),
    [
        ("[SubsPlease] Show - * (1080p)*.mkv", "EP05"),
        ("[subsplease] show - *", "EP05"),
        ("[[]SubsPlease[]] Show - * (1080p)*", "EP05"),
        ("*Show - 0[1-9] *", "EP05"),
    ],
)
def test_brackets_of_a_pattern_mean_themselves_or_a_choice(tmp_path: Path, pattern: str, label: str) -> None:
    touch(tmp_path, SUBSPLEASE)
    assert names_of(tmp_path, pattern) == [SUBSPLEASE]
    assert list(label_episodes(find_videos(tmp_path, pattern)[0], pattern).labels) == [label]


def test_a_pattern_that_fits_nothing_says_what_was_tried(tmp_path: Path) -> None:
    touch(tmp_path, SUBSPLEASE, "x.txt")
    with pytest.raises(UsageError) as caught:
        find_videos(tmp_path, "[Other] Show*")
    for part in ("[Other] Show*", "brackets were read as they stand", "1 other", SUBSPLEASE):
        assert part in str(caught.value)


def test_a_pattern_in_the_other_unicode_form_fits(tmp_path: Path) -> None:
    touch(tmp_path, unicodedata.normalize("NFD", "ガヴリール 05.mkv"))
    assert len(names_of(tmp_path, "ガヴリール *.mkv")) == 1
    assert len(names_of(tmp_path, unicodedata.normalize("NFD", "ガヴリール *.mkv"))) == 1


def test_folders_tell_the_season_wherever_the_run_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Season 2/05.mkv", "Season 3/Disc 1/05.mkv", "Season 4/Extra/05.mkv"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    labels = {}
    for folder in ("Season 2", "Season 3/Disc 1", "Season 4/Extra"):
        monkeypatch.chdir(tmp_path / folder)
        videos, _ = find_videos(Path(), "*")
        labels[folder] = list(label_episodes(videos, "*").labels)
        assert list(label_episodes(videos, "*.mkv").labels) == labels[folder]
    assert labels == {"Season 2": ["S02EP05"], "Season 3/Disc 1": ["S03EP05"], "Season 4/Extra": ["EP05"]}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes among files")
def test_links_to_nothing_and_pipes_are_listed_and_the_rest_is_found(tmp_path: Path) -> None:
    (tmp_path / "01.mkv").touch()
    (tmp_path / "02.mkv").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "03.mkv")
    videos, unusable = find_videos(tmp_path, "*")
    assert [path.name for path in videos] == ["01.mkv"]
    assert [path.name for path, _ in unusable] == ["02.mkv", "03.mkv"]


def test_the_name_tells_the_season_of_a_number_that_the_pattern_finds() -> None:
    assert label_from_pattern("Show S02E05.mkv", "Show S02E*.mkv") == "S02EP05"
    assert label_from_pattern("Show S2 - 05.mkv", "Show S2 - *.mkv") == "S02EP05"


@pytest.mark.parametrize(
    ("names", "unsure"),
    [
        (["demo_show_01.mp4", "demo_show_02.mp4"], set()),
        (["my_favorite_anime_9.mkv", "my_favorite_anime_10.mkv", "my_favorite_anime_11.mkv"], set()),
        (["Season 2/anime_01_end.mkv", "Season 2/anime_02_end.mkv"], set()),
        (["demo_show_01.mp4"], {"EP01"}),
        (["show_720.mkv", "show_1080.mkv"], {"EP720", "EP1080"}),
        (["show_01_a.mkv", "show_02_b.mkv"], {"EP01", "EP02"}),
        (["show_01.mkv", "other_02.mkv"], {"EP01", "EP02"}),
    ],
)
def test_names_that_differ_in_their_numbers_alone_tell_the_episodes(names: list[str], unsure: set[str]) -> None:
    assert label_episodes([Path(name) for name in names], "*").unsure == unsure
