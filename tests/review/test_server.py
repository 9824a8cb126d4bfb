"""The page's server: what a person corrects stands in the sidecars, survives the scripts, can be undone."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import generate_metadata
from framekit.cli import locks
from framekit.dataset import removed
from framekit.desk.journal import LOG, Journal
from framekit.review import access, server
from framekit.review.views import Pages
from tests.conftest import plain
from tests.helpers_dataset import add_frame, add_json, add_text, loaded
from tests.helpers_review import HOST, Browser, desk_of, files_of

LEFT = (0.05, 0.2, 0.2, 0.5)


def test_a_name_stands_in_both_sidecars_and_survives_the_scripts(root: Path) -> None:
    page, frame = Browser(root), root / "EP01/f0.png"
    assert page.post(action="name", faces=[[page.id("EP01/f0.png"), 1]], name="iku")["what"] == "named 1 face iku"
    assert [one["name"] for one in loaded(frame, ".characters.json")["faces"]] == ["iku", "iku"]
    assert loaded(frame)["characters"] == ["iku", "iku"]
    held = frame.with_suffix(".json").read_bytes()
    assert generate_metadata.main([str(root)]) == 0
    assert frame.with_suffix(".json").read_bytes() == held
    assert page.get(f"frame/{page.id('EP01/f0.png')}")["names"] == ["iku", "iku"]


def test_a_new_name_is_asked_for_once_and_the_nearest_is_offered(root: Path) -> None:
    page, before = Browser(root), files_of(root)
    face = [[page.id("EP01/f1.png"), 0]]
    told = page.post(status=422, action="name", faces=face, name="ikku")
    assert (told["nearest"], told["needs"]) == ("iku", "is_new")
    assert files_of(root) == before
    page.post(action="name", faces=face, name="ikku", is_new=True)
    assert loaded(root / "EP01/f1.png")["characters"] == ["ikku"]


@pytest.mark.parametrize("name", ["a/b", "..", "a+b", "", "x" * 101, "a,b", 7, None])
def test_a_name_that_cannot_be_a_folder_is_refused_in_a_sentence(root: Path, name: Any) -> None:
    page, before = Browser(root), files_of(root)
    page.post(status=422, action="name", faces=[[page.id("EP01/f1.png"), 0]], name=name, is_new=True)
    assert files_of(root) == before


def test_tags_change_in_the_file_of_tags_and_in_the_metadata(root: Path) -> None:
    page, frame = Browser(root), root / "EP01/f1.png"
    page.post(action="tags", ids=[page.id("EP01/f1.png")], add=["red eyes"], remove=["solo"])
    assert frame.with_name("f1.png.tags").read_text() == "long_hair, red_eyes\n"
    assert loaded(frame)["tags"] == ["long_hair", "red_eyes"]
    assert generate_metadata.main([str(root)]) == 0
    assert loaded(frame)["tags"] == ["long_hair", "red_eyes"]
    assert page.get("summary")["tags"] == [["long_hair", 3], ["solo", 2], ["red_eyes", 1]]


def test_tags_that_a_person_wrote_into_the_metadata_change_there(root: Path) -> None:
    frame = root / "EP01/f1.png"
    add_json(frame, ".json", loaded(frame) | {"tags": ["by_hand", "solo"]})
    page = Browser(root)
    page.post(action="tags", ids=[page.id("EP01/f1.png")], add=["smile"], remove=["solo"])
    assert loaded(frame)["tags"] == ["by_hand", "smile"]
    assert generate_metadata.main([str(root)]) == 0
    assert loaded(frame)["tags"] == ["by_hand", "smile"]


def test_a_file_of_tags_that_was_edited_after_the_metadata_is_shown_and_kept(root: Path) -> None:
    frame = root / "EP01/f1.png"
    add_text(frame, ".tags", "Long Hair, solo, red light\n")
    later = frame.with_suffix(".json").stat().st_mtime_ns + 10**9
    os.utime(f"{frame}.tags", ns=(later, later))
    page = Browser(root)
    asked = f"frames?tag=long_hair&tag={quote('red light')}"
    assert [one["path"] for one in page.get(asked)["rows"]] == ["EP01/f1.png"]
    page.post(action="tags", ids=[page.id("EP01/f1.png")], add=["smile"], remove=["solo"])
    assert Path(f"{frame}.tags").read_text() == "Long Hair, red light, smile\n"
    assert loaded(frame)["tags"] == ["Long Hair", "red light", "smile"]
    Path(f"{frame}.tags").write_text("Long Hair, red light, grin\n")
    assert generate_metadata.main([str(root)]) == 0
    assert loaded(frame)["tags"] == ["Long Hair", "red light", "grin"]


def test_boxes_keep_the_names_of_faces_that_stay(root: Path) -> None:
    page, frame = Browser(root), root / "EP01/f0.png"
    drawn = [{"box": [*LEFT], "name": "iku"}, {"box": [0.6, 0.1, 0.9, 0.4], "name": "iku"}]
    page.post(action="boxes", id=page.id("EP01/f0.png"), faces=drawn)
    assert [one["box"] for one in loaded(frame, ".faces.json")["faces"]] == [[*LEFT], [0.6, 0.1, 0.9, 0.4]]
    assert loaded(frame)["facepos"] == ["fvp 20 50 fhp 5 20", "fvp 10 40 fhp 60 90"]
    page.post(action="boxes", id=page.id("EP01/f0.png"), faces=[])
    assert (loaded(frame)["facepos"], loaded(frame)["characters"]) == ([], [])
    assert generate_metadata.main([str(root)]) == 0
    assert (loaded(frame)["facepos"], loaded(frame)["characters"]) == ([], [])


def test_every_action_is_undone_and_done_again_also_over_restarts(root: Path) -> None:
    page, states = Browser(root), [files_of(root)]
    ids = [page.id(f"EP01/f{number}.png") for number in range(3)]
    page.post(action="name", faces=[[ids[0], 0], [ids[1], 0]], name="mio", is_new=True)
    states.append(files_of(root))
    page.post(action="tags", ids=ids, add=["night"])
    states.append(files_of(root))
    page.post(action="aside", ids=[ids[2]], reason="blurred_eyes")
    states.append(files_of(root))
    assert ".removed/blurred_eyes/EP01/f2.png" in states[-1]
    for wanted in states[-2::-1]:
        Browser(root).post("undo")
        assert files_of(root) == wanted
    Browser(root).post("undo", status=422)
    for wanted in states[1:]:
        Browser(root).post("redo")
        assert files_of(root) == wanted


def test_a_frame_that_was_set_aside_and_back_is_judged_by_the_scripts_as_before(root: Path) -> None:
    page = Browser(root)
    page.post(action="aside", ids=[page.id("EP01/f2.png")])
    page.post("undo")
    assert not removed.kept_by_hand(root)
    page.post("redo")
    [row] = page.get("removed?reason=by_hand")["rows"]
    page.post(action="restore", ids=[row["id"]])
    assert removed.kept_by_hand(root) == {root / "EP01/f2.png"}


def test_what_another_program_saved_meanwhile_is_a_conflict_and_stays(root: Path) -> None:
    page, frame = Browser(root), root / "EP01/f1.png"
    page.serial = page.get("look")["serial"]
    add_json(frame, ".json", loaded(frame) | {"characters": ["mine"]})
    held = files_of(root)
    told = page.post(status=409, action="tags", ids=[page.id("EP01/f1.png")], add=["smile"])
    assert [one["path"] for one in told["conflicts"]] == ["EP01/f1.png"]
    assert files_of(root) == held
    page.serial = told["serial"]
    page.post(action="tags", ids=[page.id("EP01/f1.png")], add=["smile"])
    assert loaded(frame)["characters"] == ["mine"]


def test_undo_leaves_what_a_person_changed_since_and_goes_on(root: Path) -> None:
    page, before = Browser(root), files_of(root)
    page.post(action="caption", id=page.id("EP01/f2.png"), text="somebody")
    ids = [page.id("EP01/f0.png"), page.id("EP01/f1.png")]
    page.post(action="tags", ids=ids, add=["smile"])
    add_text(root / "EP01/f1.png", ".tags", "mine\n")
    told = page.post("undo")["what"]
    assert told == "tagged 2 frames +smile; EP01/f1.png.tags changed since, and stays"
    assert (root / "EP01/f1.png.tags").read_text() == "mine\n"
    page.post("undo")
    after = files_of(root)
    assert {name for name in {*before, *after} if before.get(name) != after.get(name)} <= {
        "EP01/f1.png.tags",
        ".review.jsonl",
    }


def test_frames_that_come_and_go_are_noticed(root: Path) -> None:
    page = Browser(root)
    serial = page.get("look")["serial"]
    add_frame(root / "EP01/new.png", plain((9, 9, 9), 64, 48))
    (root / "EP01/f2.png").unlink()
    told = page.get(f"look?since={serial}")
    assert {*told["changed"]} == {page.id("EP01/new.png"), page.id("EP01/f2.png")}
    assert [one["path"] for one in page.get("frames")["rows"]] == ["EP01/f0.png", "EP01/f1.png", "EP01/new.png"]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("character=unknown", [0]),
        ("character=/none", [2]),
        ("character=iku", [0, 1]),
        ("tag=solo&tag=long_hair", [0, 1, 2]),
        ("without=solo", []),
        ("face=large", [1, 0]),
        ("text=F2", [2]),
        ("episode=EP01&corrected=no", [0, 1, 2]),
        ("problem=yes", []),
    ],
)
def test_filters(root: Path, asked: str, wanted: list[int]) -> None:
    page = Browser(root)
    found = [one["path"] for one in page.get(f"frames?{asked}")["rows"]]
    assert sorted(found) == sorted(f"EP01/f{number}.png" for number in wanted)
    assert page.get(f"ids?{asked}")["ids"] == [page.id(name) for name in found]


def test_a_damaged_sidecar_is_listed_and_stops_nothing(root: Path) -> None:
    add_text(root / "EP01/f1.png", ".json", "{")
    page = Browser(root)
    [problem] = page.get("problems")["problems"]
    assert problem["path"] == "EP01/f1.png"
    assert page.get("frames?problem=yes")["total"] == 1
    page.post(status=422, action="tags", ids=[page.id("EP01/f1.png")], add=["smile"])


def test_pictures_are_small_and_kept(root: Path) -> None:
    page = Browser(root)
    for address in (f"thumb/{page.id('EP01/f0.png')}?side=160", f"face/{page.id('EP01/f0.png')}/1"):
        told = page.client.get(f"/{address}", headers={"Host": HOST})
        assert (told.status_code, told.data[:2]) == (200, b"\xff\xd8")
    assert len([*root.glob(".review/thumbnails/*/*.jpg")]) == 2
    assert page.client.get(f"/face/{page.id('EP01/f0.png')}/7", headers={"Host": HOST}).status_code == 422
    assert page.client.get("/thumb/..%2F..%2Fetc", headers={"Host": HOST}).status_code in (404, 422)


def test_a_page_that_only_shows_corrects_nothing(root: Path) -> None:
    page, before = Browser(root, read_only=True), files_of(root)
    page.post(status=403, action="tags", ids=[page.id("EP01/f0.png")], add=["x"])
    assert files_of(root) == before
    assert not (root / LOG).exists()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:8642", access.TOKEN: "secret"},
        {"Host": HOST, access.TOKEN: "secret", "Origin": "http://evil.example"},
        {"Host": HOST, access.TOKEN: "secret", "Sec-Fetch-Site": "cross-site"},
        {"Host": HOST, access.TOKEN: "wrong"},
        {"Host": HOST},
    ],
    ids=["name that was bent", "other origin", "other site", "wrong token", "cookie alone"],
)
def test_strangers_are_refused(root: Path, headers: dict[str, str]) -> None:
    page, before = Browser(root), files_of(root)
    asked = {"action": "tags", "ids": [page.id("EP01/f0.png")], "add": ["x"], "serial": 10**6}
    assert page.client.post("/api/act", json=asked, headers=headers).status_code == 403
    assert files_of(root) == before


def test_nothing_is_shown_without_the_token_and_scripts_are_kept_out(root: Path) -> None:
    page = Browser(root)
    stranger = page.app.test_client()
    for address in ("/", "/?token=wrong", "/api/summary", "/static/review.js", f"/picture/{page.id('EP01/f0.png')}"):
        assert stranger.get(address, headers={"Host": HOST}).status_code == 403
    policy = page.client.get("/", headers={"Host": HOST}).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_request_that_is_too_large_is_refused(root: Path) -> None:
    page = Browser(root)
    headers = {"Host": HOST, access.TOKEN: "secret"}
    told = page.client.post("/api/act", data=b"x" * (access.MOST_BYTES + 1), headers=headers)
    assert told.status_code in (413, 422)


def test_a_record_from_a_stranger_leads_nowhere_outside(root: Path) -> None:
    file = {"path": "../../planted", "before": None, "after": "x"}
    record = {"number": 1, "what": "named", "time": "", "files": [file], "moves": []}
    (root / LOG).write_text(json.dumps(record) + "\n" + '{"finished": 1}\n{"undo": 1}\n')
    [told] = Journal(root).read()
    assert "lies outside" in told
    assert not (root.parent.parent / "planted").exists()


def test_a_script_that_moves_frames_is_waited_for(root: Path) -> None:
    page = Browser(root)
    held = root / ".remove_similar.alone.0123abcd.lock"
    held.write_bytes(locks.own_record())
    try:
        told = page.post(status=423, action="tags", ids=[page.id("EP01/f0.png")], add=["x"])
    finally:
        held.unlink()
    assert "remove_similar.py works on" in told["error"]


@pytest.mark.parametrize("written", range(1, 4))
def test_what_a_kill_left_half_done_is_finished(root: Path, written: int, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Browser(root)
    ids = [page.id(f"EP01/f{number}.png") for number in range(3)]
    page.post(action="tags", ids=ids, add=["night"])
    wanted = files_of(root)
    page.post("undo")
    done, replace = 0, os.replace

    def killed(*args: Any, **more: Any) -> None:
        nonlocal done
        if done == written:
            raise KeyboardInterrupt
        done += 1
        replace(*args, **more)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        page.post("redo")
    monkeypatch.setattr(os, "replace", replace)
    assert files_of(root) != wanted
    Browser(root)
    assert files_of(root) == wanted


def rename(page: Browser, old: str, new: str) -> None:
    asked: dict[str, Any] = {"action": "rename", "from": old, "to": new, "is_new": True}
    page.post(**asked)


@pytest.mark.parametrize("held", [["lucy"], []])
def test_fewer_names_than_faces_in_the_metadata_are_a_correction_that_stays(root: Path, held: list[str]) -> None:
    frame = root / "EP01/f0.png"
    add_json(frame, ".json", loaded(frame) | {"characters": held})
    page = Browser(root)
    assert page.get(f"frame/{page.id('EP01/f0.png')}")["names"] == ["unknown", "unknown", *held]
    rename(page, "iku", "Iku N")
    page.post(action="tags", ids=[page.id("EP01/f0.png")], add=["smile"])
    assert loaded(frame)["characters"] == held
    if held:
        assert [one["path"] for one in page.get("frames?character=lucy")["rows"]] == ["EP01/f0.png"]
        rename(page, "lucy", "Lucy")
        assert loaded(frame)["characters"] == ["unknown", "unknown", "Lucy"]
        page.post(action="name", faces=[[page.id("EP01/f0.png"), 1]], name="Lucy")
        assert loaded(frame)["characters"] == ["unknown", "Lucy"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("artist:wlop 1girl long_hair", {"artist": ["wlop"], "tags": ["1girl", "long_hair", "yyy"]}),
        ("rating: explicit\ngeneral: 1girl\n", {"rating": "explicit", "tags": ["1girl", "yyy"]}),
        ("rating:safe, solo", {"rating": "safe", "tags": ["solo", "yyy"]}),
        ("character:iku copyright:touhou 1girl", {"copyright": ["touhou"], "tags": ["1girl", "yyy"]}),
        ("meta: highres\ngeneral: 1girl", {"tags": ["1girl", "yyy"]}),
    ],
)
def test_a_tag_more_leaves_tags_of_other_kinds(root: Path, text: str, wanted: dict[str, Any]) -> None:
    frame = root / "EP01/f1.png"
    add_text(frame, ".tags", text)
    assert generate_metadata.main([str(root)]) == 0
    page = Browser(root)
    page.post(action="tags", ids=[page.id("EP01/f1.png")], add=["yyy"])
    assert ("meta: highres" in Path(f"{frame}.tags").read_text()) == text.startswith("meta")
    for _ in range(2):
        assert {key: loaded(frame).get(key) for key in wanted} == wanted
        assert generate_metadata.main([str(root)]) == 0


def test_tags_that_are_unclear_are_not_rewritten(root: Path) -> None:
    add_text(root / "EP01/f1.png", ".tags", "rating:safe solo")
    page, before = Browser(root), files_of(root)
    told = page.post(status=422, action="tags", ids=[page.id("EP01/f1.png")], add=["yyy"])
    assert "separate its tags by commas" in told["error"]
    assert files_of(root) == before


def test_what_cannot_be_written_is_taken_back_and_can_be_undone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, before = Browser(root), files_of(root)
    page.post(action="caption", id=page.id("EP01/f2.png"), text="somebody")
    between, replace = files_of(root), os.replace

    def full(source: Any, target: Any, **more: Any) -> None:
        if str(target).endswith("f1.json"):
            raise OSError(28, "No space left on device", str(target))
        replace(source, target, **more)

    monkeypatch.setattr(os, "replace", full)
    ids = [page.id("EP01/f0.png"), page.id("EP01/f1.png")]
    page.post(status=422, action="tags", ids=ids, add=["smile"])
    monkeypatch.setattr(os, "replace", replace)
    assert files_of(root) | {".review.jsonl": b""} == between | {".review.jsonl": b""}
    assert Browser(root).post("undo")["what"] == "wrote the caption of f2.png"
    assert files_of(root) | {".review.jsonl": b""} == before | {".review.jsonl": b""}


@pytest.mark.parametrize("reason", ["manifest.jsonl", "replaced", "restored", "a file", ".x", "../x"])
def test_a_reason_is_the_name_of_a_folder_that_is_no_file(root: Path, reason: str) -> None:
    page = Browser(root)
    page.post(status=422, action="aside", ids=[page.id("EP01/f1.png")], reason=reason)
    (root / ".removed").mkdir()
    (root / ".removed/notes").write_text("mine")
    page.post(status=422, action="aside", ids=[page.id("EP01/f1.png")], reason="notes")


def test_two_pages_of_one_dataset_share_their_record(root: Path) -> None:
    one, two = Browser(root), Browser(root)
    one.post(action="tags", ids=[one.id("EP01/f0.png")], add=["first"])
    two.post(action="tags", ids=[two.id("EP01/f1.png")], add=["second"])
    assert one.post("undo")["what"] == "tagged 1 frame +second"
    assert two.post("undo")["what"] == "tagged 1 frame +first"
    assert Browser(root).post("redo")["what"] == "tagged 1 frame +first"


def test_what_another_page_left_half_done_is_finished_by_whoever_works_next(root: Path) -> None:
    page = Browser(root)
    file = {"path": "EP01/f1.png.tags", "before": (root / "EP01/f1.png.tags").read_text(), "after": "night\n"}
    record = {"number": 1, "what": "tagged 1 frame +night", "time": "", "files": [file], "moves": []}
    (root / LOG).write_text(json.dumps(record) + "\n")
    journal = Journal(root)
    assert journal.would_move(True) is False
    assert (root / "EP01/f1.png.tags").read_text() == file["before"]  # that page may still be at it
    page.post(action="tags", ids=[page.id("EP01/f2.png")], add=["smile"])
    assert (root / "EP01/f1.png.tags").read_text() == "night\n"
    assert page.post("undo")["what"] == "tagged 1 frame +smile"
    assert page.post("undo")["what"] == "tagged 1 frame +night"
    assert (root / "EP01/f1.png.tags").read_text() == file["before"]


def test_frames_in_new_and_in_emptied_folders_are_noticed(root: Path) -> None:
    page = Browser(root)
    for name in ("S2/EP10/a.png", "S2/EP11/b.png"):
        add_frame(root / name)
        told = page.get("look?since=0")
        assert told["indexed"] == told["total"]
        assert page.get(f"frames?text={Path(name).name}")["total"] == 1
    page.post(action="aside", ids=[page.id("S2/EP11/b.png")], reason="credits")
    page.post("undo")
    assert page.get("frames?text=b.png")["total"] == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"action": "tags", "ids": True, "add": ["x"]},
        {"action": "aside", "ids": 7, "reason": "x"},
        {"action": "restore", "ids": [7]},
        {"action": "name", "faces": [["x", float("inf")]], "name": "iku"},
        {"action": "describe", "text": "\ud800"},
        {"action": "tags", "add": ["\ud800"]},
    ],
)
def test_what_is_no_question_is_refused_in_a_sentence(root: Path, asked: dict[str, Any]) -> None:
    page, before = Browser(root), files_of(root)
    frame = page.id("EP01/f1.png")
    page.post(status=422, **({"id": frame, "ids": [frame]} | asked))
    assert files_of(root) == before


def test_numbers_of_any_length_and_nested_questions_are_borne(root: Path) -> None:
    page = Browser(root)
    long = "9" * 5000
    assert page.get(f"frames?start={long}&count={long}&scene={long}")["total"] == 0
    assert page.get(f"look?since={long}")["total"] == 3
    headers = {"Host": HOST, access.TOKEN: "secret", "Content-Type": "application/json"}
    told = page.client.post("/api/act", data="[" * 90_000, headers=headers)
    assert told.status_code in (400, 422)


def test_control_characters_are_not_written(root: Path) -> None:
    page = Browser(root)
    page.post(action="caption", id=page.id("EP01/f1.png"), text="two\0 people\x1b[31m")
    assert (root / "EP01/f1.txt").read_text() == "two people [31m\n"


@pytest.mark.parametrize(
    ("host", "status"), [("192.168.1.7:8642", 200), ("[fe80::1]:8642", 200), ("bad.example:8642", 403)]
)
def test_a_page_for_a_network_is_called_by_its_numbers(root: Path, host: str, status: int) -> None:
    hosts = access.names_of_host("0.0.0.0", 8642)
    app = server.make_app(Pages(desk_of(root, {}), False), "secret", hosts)
    assert app.test_client().get("/?token=secret", headers={"Host": host}).status_code == status
