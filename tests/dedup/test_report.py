"""The page on which similar frames are judged."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import remove_similar
from framekit.dedup import report
from framekit.dedup.report import MAX_MEMBERS, Group, Rejected, histogram, report_page
from framekit.pixels.sheets import encode_thumbnail
from tests.conftest import BLACK, patchwork, plain, save_frame, tree

GROUPS = [
    Group("EP01/a.png", (("EP01/b.png", 0.999), ("EP02/c.png", 0.986))),
    Group("EP01/<d>&.png", (("EP02/e.png", 0.99),)),
]


class Figures(HTMLParser):
    """What a page shows: the captions of its figures, the files that these lead to, and whatever it would load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.captions: list[str] = []
        self.loads: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "br", "wbr"):
            self.open.append(tag)
        if tag == "figcaption":
            self.captions.append("")
        if tag == "br" and "figcaption" in self.open:
            self.captions[-1] += " "
        held = [value or "" for name, value in attrs if name in ("src", "href", "action")]
        self.links += held * (tag == "a")
        self.loads += held * (tag != "a")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "figcaption":
            self.captions[-1] += " "

    def handle_data(self, data: str) -> None:
        if "figcaption" in self.open:
            self.captions[-1] += data


def page(groups: list[Group], rejected: list[Rejected] | None = None) -> str:
    scores = np.array([score for group in groups for _, score in group.members] + [0.5, -1.0], np.float32)
    return report_page("A <show>", groups, rejected or [], scores, 0.985, 2, report.Figures(str.encode, str))


def test_the_kept_frame_stands_first_then_the_most_doubtful_ones() -> None:
    captions = Figures(page(GROUPS)).captions
    group = captions.index("EP01/a.png kept ", 2 * 3)  # behind the three pairs closest to the threshold
    assert captions[group : group + 3] == ["EP01/a.png kept ", "EP02/c.png 0.9860 ", "EP01/b.png 0.9990 "]


def test_the_pairs_closest_to_the_threshold_come_first() -> None:
    captions = Figures(page(GROUPS)).captions
    assert [captions[place] for place in (1, 3, 5)] == [
        "EP02/c.png 0.9860 ",
        "EP02/e.png 0.9900 ",
        "EP01/b.png 0.9990 ",
    ]


def test_nothing_is_loaded_from_elsewhere_and_names_are_escaped() -> None:
    text = page(GROUPS, [Rejected("EP01/x.png", "dark", "brightest percent 3 < 40")])
    figures = Figures(text)
    assert figures.open == []
    assert figures.loads
    assert all(one.startswith("data:image/jpeg;base64,") for one in figures.loads)
    assert "EP01/<d>&.png kept " in figures.captions
    assert "EP01/x.png brightest percent 3 < 40 " in figures.captions
    assert not re.search(r"https?:|@import|url\(", text.replace("http://www.w3.org/2000/svg", ""))


def test_a_large_group_is_cut_short_and_says_so() -> None:
    members = tuple((f"EP01/{number}.png", 0.99) for number in range(MAX_MEMBERS + 5))
    assert "and 5 more " in Figures(page([Group("EP01/a.png", members)])).captions


def test_an_unreadable_frame_is_named() -> None:
    text = report_page(
        "x", GROUPS[:1], [], np.array([0.99], np.float32), 0.985, 1, report.Figures(lambda name: None, str)
    )
    assert "unreadable" in text
    assert Figures(text).loads == []


def test_nothing_similar_is_a_page_too() -> None:
    assert "0 are similar" in page([])


def test_the_histogram_counts_each_frame_once() -> None:
    scores = np.array([-1, 0.2, 0.95, 0.95, 0.99, 1.0], np.float32)
    text = histogram(scores, 0.985)
    assert sum(int(count) for count in re.findall(r": (\d+)</title>", text)) == 6
    assert "4 frames are less similar" in text
    assert ", 2 more" in text


@pytest.mark.parametrize("thresh", [0.0, 0.5, 1.0])
def test_the_threshold_lies_within_the_histogram(thresh: float) -> None:
    [x] = re.findall(r'<line x1="([0-9.]+)"', histogram(np.array([0.7], np.float32), thresh))
    assert 0 <= float(x) <= 720


@pytest.mark.parametrize("size", [(1, 1), (12000, 40), (40, 12000), (1920, 1080)])
def test_a_thumbnail_is_a_small_jpeg(size: tuple[int, int]) -> None:
    content = encode_thumbnail(plain(BLACK, *size))
    assert content.startswith(b"\xff\xd8")
    assert len(content) < 20_000


@pytest.mark.parametrize("words", [[], ["--dry_run"]])
def test_the_script_writes_the_page_also_on_a_dry_run_and_nothing_else(tmp_path: Path, words: list[str]) -> None:
    for name, seed in (("EP01/a", 1), ("EP01/b", 1), ("EP01/c", 2)):
        save_frame(tmp_path / f"frames/{name}.png", patchwork(seed, 160, 90))
    save_frame(tmp_path / "frames/EP01/d.png", plain(BLACK, 160, 90))
    before = tree(tmp_path / "frames")
    out = tmp_path / "similar.html"
    assert remove_similar.main([str(tmp_path / "frames"), "--report", str(out), *words]) == 0
    captions = Figures(out.read_text(encoding="utf-8")).captions
    assert captions == ["EP01/a.png kept ", "EP01/b.png 1.0000 "] * 2 + ["EP01/d.png contrast 0 < 6 "]
    assert (tree(tmp_path / "frames") == before) == bool(words)
    links = Figures(out.read_text(encoding="utf-8")).links
    assert [Path(link).name for link in links] == ["a.png", "b.png"] * 2 + ["d.png"]
    assert all((tmp_path / link).is_file() for link in links)
