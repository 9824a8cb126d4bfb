"""What a person does on the review page, by keyboard only, in Chromium; each is checked in the files."""

import json
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.helpers_dataset import add_json, frames_in, loaded
from tests.helpers_page import LEFT, QUIET, RIGHT, Person, browser_path, dataset, served

sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright drives the browser")
AXE = ROOT / "node_modules/axe-core/axe.min.js"
VIEWS = ("frames", "faces", "groups", "removed", "balance", "problems", "characters")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not browser_path():
        pytest.skip("no Chromium is installed; apt-get install chromium to test the page in it")
    with sync_api.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=browser_path(), args=QUIET)
        yield opened
        opened.close()


@pytest.fixture
def person(browser: Any, tmp_path: Path) -> Iterator[Person]:
    folder = dataset(tmp_path / "frames")
    (tmp_path / "references").mkdir()
    words = ["--ref_dir", str(tmp_path / "references"), "--weight_csv", str(tmp_path / "weights.csv")]
    with served(folder, *words) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        somebody = Person(page, address, folder)
        yield somebody
        page.close()
    assert somebody.errors == []


def test_a_name_by_its_number(person: Person) -> None:
    person.press("ArrowRight", "n")
    person.write("1")
    assert person.named("EP01/f1") == ["iku"]


def test_a_name_by_its_first_letters(person: Person) -> None:
    person.press("ArrowRight", "n")
    person.write("mi", "Tab", "Enter")
    assert person.named("EP01/f1") == ["mio"]


def test_a_new_name_is_asked_for_once_more(person: Person) -> None:
    person.press("ArrowRight", "n")
    person.write("sora")
    person.write("sora")
    assert person.named("EP01/f1") == ["sora"]


def test_a_slip_takes_the_nearest_name(person: Person) -> None:
    person.press("ArrowRight", "n")
    person.write("ikku")
    person.press("Enter")
    assert person.named("EP01/f1") == ["iku"]


def test_a_wrong_name_becomes_unknown(person: Person) -> None:
    person.press("End", "ArrowLeft", "u")
    assert person.named("EP02/g0") == ["unknown"]


def test_several_frames_get_tags_and_lose_others(person: Person) -> None:
    person.press("Shift+ArrowRight", "Shift+ArrowRight", "t")
    person.write("night -solo")
    assert [person.tags(f"EP01/f{number}") for number in range(4)] == ["long_hair, night"] * 3 + ["solo, long_hair"]


def test_tags_that_hold_blanks_stand_between_commas_or_are_known(person: Person) -> None:
    person.press("t")
    person.write("red light, -solo")
    person.press("ArrowRight", "t")
    person.write("red light")
    person.press("ArrowRight", "t")
    person.write("night -long_hair")
    assert [person.tags(f"EP01/f{number}") for number in range(3)] == [
        "long_hair, red_light",
        "solo, long_hair, red_light",
        "solo, night",
    ]
    person.press("/", "Tab", "Tab")
    person.write("red light")
    assert person.page.title().startswith("2 frames")


def test_frames_are_set_aside_with_a_reason_undone_and_done_again(person: Person) -> None:
    person.press("ArrowRight", "ArrowRight", "x")
    person.write("credits")
    assert (person.folder / ".removed/credits/EP01/f2.png").is_file()
    person.press("z")
    assert (person.folder / "EP01/f2.png").is_file()
    person.press("Shift+Z")
    assert not (person.folder / "EP01/f2.png").exists()


def test_all_frames_are_selected(person: Person) -> None:
    person.press("a", "t")
    person.write("show")
    assert all("show" in person.tags(name.removesuffix(".png")) for name in frames_in(person.folder))


def test_a_removed_frame_comes_back(person: Person) -> None:
    person.press("Shift+Digit4", "r")
    assert (person.folder / "EP01/f0b.png").is_file()


def test_another_frame_of_a_group_is_kept(person: Person) -> None:
    person.press("Shift+Digit3", "s")
    assert (person.folder / "EP01/f0b.png").is_file()
    assert not (person.folder / "EP01/f0.png").exists()


def test_both_frames_of_a_group_are_kept(person: Person) -> None:
    person.press("Shift+Digit3", "r")
    assert {"EP01/f0.png", "EP01/f0b.png"} <= {*frames_in(person.folder)}


def test_the_second_face_of_a_frame_is_named(person: Person) -> None:
    person.press("Enter", "Tab", "2")
    assert person.named("EP01/f0") == ["iku", "mio"]


def test_a_box_is_moved_and_sized(person: Person) -> None:
    person.press("Enter", "Control+ArrowRight", "Control+ArrowRight", "Control+Shift+ArrowDown", "j")
    [left, _] = loaded(person.folder / "EP01/f0.png", ".faces.json")["faces"]
    assert left["box"] == [0.06, 0.2, 0.26, 0.605]
    assert person.named("EP01/f0") == ["iku", "unknown"]


def test_a_missing_face_is_added_and_a_false_one_taken_away(person: Person) -> None:
    person.press("ArrowRight", "ArrowRight", "Enter", "b", "1", "j", "Delete")
    assert person.named("EP01/f2") == ["iku"]
    assert person.named("EP01/f3") == []


def test_a_description_and_a_caption_are_written(person: Person) -> None:
    person.press("Enter", "e")
    person.write("Two people talk.")
    person.press("c")
    person.press("Control+a")
    person.write("two people at a table")
    assert loaded(person.folder / "EP01/f0.png")["description"] == "Two people talk."
    assert (person.folder / "EP01/f0.txt").read_text() == "two people at a table\n"


def test_a_face_becomes_a_reference(person: Person) -> None:
    person.press("Enter", "f")
    assert (person.folder.parent / "references/iku/EP01_f0_1.png").is_file()


def test_a_character_is_renamed(person: Person) -> None:
    person.press("Shift+Digit2", "[", "[")
    assert "group=iku" in person.page.url
    person.press("R")
    person.write("iku2")
    person.write("iku2")
    assert [person.named("EP01/f0"), person.named("EP01/f3")] == [["iku2", "unknown"], ["iku2"]]


def test_all_unknown_faces_are_named_at_once(person: Person) -> None:
    person.press("Shift+Digit2", "N")
    person.write("mio")
    assert [person.named(name) for name in ("EP01/f0", "EP01/f1", "EP02/g1")] == [["iku", "mio"], ["mio"], ["mio"]]


def test_groups_of_alike_faces_are_marked_and_named(person: Person) -> None:
    person.press("Shift+Digit2", "c")
    person.page.wait_for_selector("nav.left ul + h2 + ul button")
    person.press("m", "N")
    person.write("mio")
    assert [person.named(name) for name in ("EP01/f0", "EP01/f1", "EP02/g1")] == [["iku", "mio"], ["mio"], ["mio"]]


def test_a_weight_is_written_into_the_table(person: Person) -> None:
    person.press("Shift+Digit5")
    person.press("Tab", "ArrowUp", "Tab")
    assert (person.folder.parent / "weights.csv").read_text() == "EP01,2\n"


def test_a_filter_is_set_and_the_address_remembers_it_and_the_place(person: Person) -> None:
    person.press("/", "Tab")
    person.page.keyboard.type("iku", delay=40)
    assert person.page.evaluate("document.activeElement.name") == "character"
    person.press("Escape", "ArrowRight")
    person.page.wait_for_timeout(400)
    assert "character=iku" in person.page.url
    assert person.page.title().startswith("2 frames")
    person.page.reload()
    person.settle()
    assert person.page.title().startswith("2 frames")
    person.press("Enter")
    assert "EP01/f3.png" in person.text()


def test_a_file_that_changed_outside_is_noticed_and_not_overwritten(person: Person) -> None:
    frame = person.folder / "EP01/f1.png"
    person.press("ArrowRight")
    add_json(frame, ".json", loaded(frame) | {"characters": ["mine"]})
    person.press("n", "1", "Enter")
    assert loaded(frame)["characters"] == ["mine"]
    assert "changed since you looked" in person.says()
    person.press("n", "1", "Enter")
    assert person.named("EP01/f1") == ["iku"]


def test_the_slider_of_the_threshold_lets_keys_through(person: Person) -> None:
    person.press("Shift+Digit3")
    person.page.focus("input[name=threshold]")
    person.press("ArrowLeft")
    person.page.wait_for_selector("form.filters output:has-text('stay')")
    person.press("Shift+Digit7")
    assert "resembles next" in person.text()


def test_what_left_the_list_is_no_longer_selected(person: Person) -> None:
    person.press("/", "Tab")
    person.page.select_option("select[name=character]", "unknown")
    person.press("Escape", "Space", "ArrowRight", "Space", "n")
    person.write("iku")
    assert person.page.title().startswith("1 frames –")
    person.press("n")
    person.write("mio")
    assert [person.named(name) for name in ("EP01/f0", "EP01/f1", "EP02/g1")] == [["iku", "iku"], ["iku"], ["mio"]]
    person.press("z", "a")
    person.page.select_option("select[name=episode]", "EP02")
    person.page.focus(".grid")
    person.press("x")
    person.write("credits")
    assert frames_in(person.folder) == ["EP01/f0.png", "EP01/f1.png", "EP01/f2.png", "EP01/f3.png", "EP02/g0.png"]


def test_what_is_selected_is_taken_as_it_is_now(person: Person) -> None:
    person.press("ArrowRight", "Space")
    frame = person.folder / "EP01/f1.png"
    seen = [{"box": [*LEFT], "name": "mio"}, {"box": [*RIGHT], "name": "unknown"}]
    add_json(frame, ".faces.json", {"schema": 1, "faces": [{"box": one["box"], "score": 1.0} for one in seen]})
    add_json(frame, ".characters.json", {"schema": 1, "faces": seen})
    person.page.wait_for_selector('#status:has-text("outside")')
    person.press("n")
    person.write("iku")
    assert [one["name"] for one in loaded(frame, ".characters.json")["faces"]] == ["mio", "iku"]


def test_a_name_may_begin_with_a_digit(person: Person) -> None:
    person.press("ArrowRight", "n")
    person.write("2B")
    person.write("2B")
    assert person.named("EP01/f1") == ["2B"]


def test_keys_are_not_lost_while_the_page_is_busy(person: Person) -> None:
    def slow(route: Any) -> None:
        sleep(0.15)
        route.continue_()

    person.page.route("**/api/**", slow)
    for key in ("Enter", "ArrowRight", "n", *"mio", "Enter", "ArrowRight", "ArrowRight", "n", *"ik", "Tab", "Enter"):
        person.page.keyboard.press(key)
        sleep(0.02)
    for _ in range(3):
        person.settle()
        sleep(0.5)
    assert (person.named("EP01/f1"), person.named("EP01/f3")) == (["mio"], ["iku"])


def test_the_place_stays_where_frames_leave_the_list(person: Person) -> None:
    person.page.select_option("select[name=character]", "unknown")
    person.page.focus(".grid")
    person.press("ArrowRight", "Enter", "1", "j")
    assert "EP02/g1.png" in person.text()
    person.press("Shift+Digit1", "ArrowRight", "ArrowRight", "Enter", "x")
    person.write("credits")
    person.page.wait_for_timeout(400)
    assert person.page.url.endswith("at=2")


def test_the_views_are_reached_by_keys_and_show_the_dataset(person: Person) -> None:
    words = ("", "unknown", "Stayed: EP01/f0.png", "similar 0.991", "Folders", "", "resembles next")
    for number, (view, word) in enumerate(zip(VIEWS, words, strict=True), start=1):
        person.press(f"Shift+Digit{number}")
        assert person.page.inner_text('#views [aria-current="page"]').lower() == view
        assert word in person.text()
    person.press("Shift+Digit6", "c")
    person.page.wait_for_selector("main table")
    person.press("?")
    assert "undo, do again" in person.page.inner_text("dialog")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, tmp_path: Path, scheme: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not there; npm install --no-save axe-core@4 to test the accessibility of the page")
    folder = dataset(tmp_path / "frames")
    with served(folder, "--weight_csv", str(tmp_path / "weights.csv")) as address:
        page = browser.new_context(bypass_csp=True, color_scheme=scheme).new_page()
        person = Person(page, address, folder)
        page.add_script_tag(path=str(AXE))
        for keys in (*([f"Shift+Digit{number}"] for number in range(1, 8)), ["Shift+Digit1", "Enter"], ["n"]):
            person.press(*keys)
            found = page.evaluate("axe.run().then((told) => told.violations)")
            serious = {one["id"]: one["nodes"] for one in found if one["impact"] in ("serious", "critical")}
            assert not serious, f"{keys}: {json.dumps(serious, indent=1)[:3000]}"
        page.context.close()
