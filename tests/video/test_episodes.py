"""Episode numbers from the names of videos, as release groups write them."""

from pathlib import Path

import pytest

from framekit.errors import UsageError
from framekit.video.episodes import find_videos, label_episodes, label_from_name, label_from_pattern

# name without suffix -> label
SURE_FORMS = {
    "[Group] Title - 07 (1080p)": "EP07",
    "[Group] Title - 07v2 [1A2B3C4D]": "EP07",
    "Title - 07v2": "EP07",
    "Title S01E05": "EP05",
    "Title s1e5": "EP05",
    "Title.S01E05.1080p.WEB.x264-GROUP": "EP05",
    "Title.S02E11v2.720p.HEVC": "EP11",
    "Title EP05": "EP05",
    "Title E05": "EP05",
    "Title Episode 5": "EP05",
    "Title Ep.05": "EP05",
    "Title #05": "EP05",
    "Title - #05": "EP05",
    "Title - (05)": "EP05",
    "第05話": "EP05",
    "タイトル 第5話 さぶたいとる": "EP05",
    "标题 第12集": "EP12",
    "Title - 12.5": "EP12.5",
    "Title 2 - 05": "EP05",
    "Title Ver. 2 - 05": "EP05",
    "Title - S2 - 05": "EP05",
    "Title 3rd Season - 05": "EP05",
    "Mob 100 - 05 (BD 1920x1080 x265 10bit FLAC2.0)": "EP05",
    "2.43 - 05": "EP05",
    "Title - 05 END": "EP05",
    "Title - 1071": "EP1071",
    "Title - 00": "EP00",
    "[Group]_Title_-_05_[1080p]": "EP05",
}

WEAK_FORMS = {
    "05": "EP05",
    "Title_24_": "EP24",
    "Title 16 vostfr": "EP16",
    "Title-05": "EP05",
    "Title (05)": "EP05",
    "Title.05.720p": "EP05",
    "K-ON!! 03": "EP03",
}

SPECIALS = {
    "Title - SP2": "SP02",
    "Title NCOP1": "NCOP01",
    "Title NCOP": "NCOP01",
    "Title NCED2v2": "NCED02",
    "Title OVA 3": "OVA03",
    "Title - OAD": "OAD01",
    "[Group] Title - NCOP [1080p]": "NCOP01",
    "Title OVA - 02": "OVA02",
}

SPECIAL_WORDS_OF_TITLES = {
    "[Group] Special A - 05 [720p]": "EP05",
    "Special A S01E05": "EP05",
    "OP Girl - 05": "EP05",
}

NO_EPISODE = {
    "Title",
    "Title (2019)",
    "Title 1080p",
    "Title 720p x264",
    "Title 1920x1080 x265 10bit",
    "Title H.264 AAC2.0",
    "Title 5.1 FLAC",
    "Title 24fps 4k",
    "Title (1A2B3C4D)",
    "Title [2021][1080p]",
}

CODECS_AND_SOUND = {
    "Title.05.1080p.WEB-DL.AAC2.0.H.264-GROUP": "EP05",
    "Title.05.1080p.WEB.DDP5.1.x264": "EP05",
    "Title - 05 (2019) (1080p HEVC 10-bit AAC 5.1)": "EP05",
    "Title - 05 (DVD 640x480 Hi10P)": "EP05",
}


@pytest.mark.parametrize(
    ("name", "label"),
    [*SURE_FORMS.items(), *WEAK_FORMS.items(), *SPECIALS.items(), *SPECIAL_WORDS_OF_TITLES.items()],
)
def test_names_claim_their_episode(name: str, label: str) -> None:
    assert label_from_name(name) == label


@pytest.mark.parametrize("name", sorted(NO_EPISODE))
def test_years_sizes_and_codecs_are_no_episodes(name: str) -> None:
    assert label_from_name(name) is None


@pytest.mark.parametrize(("name", "label"), CODECS_AND_SOUND.items())
def test_codecs_and_sound_do_not_hide_the_episode(name: str, label: str) -> None:
    assert label_from_name(name) == label


@pytest.mark.parametrize(("name", "among"), [("01-02", ["EP01", "EP02"]), ("Title - 01-02 (1080p)", ["EP01", "EP02"])])
def test_a_range_gets_one_of_its_numbers(name: str, among: list[str]) -> None:
    assert label_from_name(name) in among


@pytest.mark.parametrize(
    "name", ["", "-", "- ", "[", "[]", "()", "#", "第話", "%d", "S01E", "....", "\U0001f600", "9" * 200]
)
def test_odd_names_are_no_trouble(name: str) -> None:
    assert label_from_name(name) is None


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
    assert list(label_episodes([video], "86 - * S01E09.mkv")) == ["EP05"]


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names_of(source: Path, pattern: str = "*") -> list[str]:
    return [video.relative_to(source).as_posix() for video in find_videos(source, pattern)]


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
    assert find_videos(tmp_path / "a.mkv", "*") == [tmp_path / "a.mkv"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere does not exist; --src_dir"):
        find_videos(tmp_path / "nowhere", "*")


def test_two_videos_that_claim_one_episode_are_both_named() -> None:
    with pytest.raises(UsageError) as caught:
        label_episodes([Path("a/Title - 05.mkv"), Path("b/Title - 05v2.mkv")], "*")
    for part in ("Title - 05.mkv", "Title - 05v2.mkv", "EP05", "--episode_pattern"):
        assert part in str(caught.value)


def test_12_and_12_5_are_two_episodes() -> None:
    assert list(label_episodes([Path("Title - 12.mkv"), Path("Title - 12.5.mkv")], "*")) == ["EP12", "EP12.5"]


def test_ova_1_and_2_are_two_episodes() -> None:
    videos = [Path("Title OVA - 01.mkv"), Path("Title OVA - 02.mkv")]
    assert len(label_episodes(videos, "*")) == 2


def test_videos_without_number_get_the_free_ones_in_their_order() -> None:
    videos = [Path("Alpha.mkv"), Path("Beta - 01.mkv"), Path("Gamma.mkv"), Path("Title NCOP.mkv")]
    labels = {"EP02": videos[0], "EP01": videos[1], "EP03": videos[2], "NCOP01": videos[3]}
    assert label_episodes(videos, "*") == labels
    assert list(label_episodes(videos, "*")) == ["EP01", "EP02", "EP03", "NCOP01"]
