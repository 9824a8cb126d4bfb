"""The views of the page: groups of similar frames, balance, characters, clusters; and what is done there."""

from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

import classify_characters
import remove_similar
from framekit.dataset import removed
from framekit.tags.store import FrameScores, ScoreStore, write_store
from framekit.training.weights import read_weights
from tests.conftest import patchwork, plain
from tests.helpers_dataset import MIDDLE, add_faces, add_frame, add_json, add_names, add_text, frames_in, loaded
from tests.helpers_review import Browser, files_of


@pytest.fixture
def similar(tmp_path: Path) -> Path:
    """A dataset of two layouts, three frames each, after remove_similar.py."""
    folder = tmp_path / "frames"
    for number in range(6):
        add_frame(folder / f"EP01/f_{number:03d}.png", patchwork(number // 3, 192, 108) // 2 + number % 3)
    assert remove_similar.main([str(folder), "--no_filters", "--keep", "first"]) == 0
    assert frames_in(folder) == ["EP01/f_000.png", "EP01/f_003.png"]
    return folder


def test_a_group_shows_what_stayed_and_what_went(similar: Path) -> None:
    told = Browser(similar).get("groups")
    assert [row["path"] for row in told["rows"]] == ["EP01/f_000.png", "EP01/f_003.png"]
    assert [one["path"] for one in told["rows"][0]["removed"]] == ["EP01/f_001.png", "EP01/f_002.png"]
    assert all(one["similarity"] > told["threshold"] for row in told["rows"] for one in row["removed"])


def test_another_frame_of_a_group_is_kept_and_undone(similar: Path) -> None:
    page, before = Browser(similar), files_of(similar)
    page.post(action="exchange", id=page.get("groups")["rows"][0]["removed"][0]["id"])
    assert frames_in(similar) == ["EP01/f_001.png", "EP01/f_003.png"]
    first = page.get("groups")["rows"][0]
    assert first["path"] == "EP01/f_001.png"
    assert {one["path"] for one in first["removed"]} == {"EP01/f_000.png", "EP01/f_002.png"}
    assert remove_similar.main([str(similar), "--no_filters", "--keep", "first"]) == 0
    assert frames_in(similar) == ["EP01/f_001.png", "EP01/f_003.png"]
    page = Browser(similar)
    page.post("undo")
    assert frames_in(similar) == ["EP01/f_000.png", "EP01/f_003.png"]
    assert {name for name in files_of(similar) if name.endswith(".png")} == {
        name for name in before if name.endswith(".png")
    }


def test_a_threshold_shows_what_would_change_without_decoding(similar: Path) -> None:
    page = Browser(similar)
    first = page.id("EP01/f_000.png")
    for path in similar.rglob("*.png"):
        path.write_bytes(b"")
    same = page.get(f"preview?id={first}&threshold=0.985")
    assert (same["kept"], same["gone"], same["back"], same["going"]) == (2, 4, [], [])
    strict = page.get(f"preview?id={first}&threshold=1")
    assert strict["kept"] == 6
    assert {one["path"] for one in strict["back"]} == {f"EP01/f_{number:03d}.png" for number in (1, 2, 4, 5)}
    loose = page.get(f"preview?id={first}&threshold=0")
    assert (loose["kept"], [one["path"] for one in loose["going"]]) == (1, ["EP01/f_003.png"])
    assert loose["commands"] == [f"python remove_similar.py {similar} --similarity_threshold 0"]
    assert strict["commands"][0].endswith("--restore similar")


def test_the_balance_follows_names_and_weights(root: Path, tmp_path: Path) -> None:
    for number in range(3):
        add_frame(root / f"EP02/g{number}.png", plain((9, 9, 9), 64, 48))
    table = tmp_path / "weights.csv"
    table.write_text("# mine\nfolder;weight\nEP02;2\n")
    page = Browser(root, weight_csv=table)
    rows = {row["path"]: row for row in page.get("balance")["folders"]}
    assert (rows["EP02"]["weight"], rows["EP01"]["weight"]) == ("2", "1")
    assert rows["EP02"]["after"] == pytest.approx(2 / 3, abs=0.02)
    page.post(action="weight", folder="EP01", weight=4)
    assert table.read_text() == "# mine\nfolder;weight\nEP02;2\nEP01;4\n"
    page.post(action="weight", folder="EP02", weight=1.5)
    assert read_weights(table) == [("EP02", 1.5), ("EP01", 4.0)]
    rows = {row["path"]: row for row in page.get("balance")["folders"]}
    assert rows["EP01"]["after"] == pytest.approx(4 / 5.5, abs=0.02)
    page.post("undo")
    page.post("undo")
    assert table.read_text() == "# mine\nfolder;weight\nEP02;2\n"


def test_weights_need_a_table_and_its_undo_too(root: Path, tmp_path: Path) -> None:
    assert "--weight_csv" in Browser(root).post(status=422, action="weight", folder="EP01", weight=2)["error"]
    Browser(root, weight_csv=tmp_path / "w.csv").post(action="weight", folder="EP01", weight=2)
    assert "--weight_csv" in Browser(root).post("undo", status=422)["error"]
    assert (tmp_path / "w.csv").read_text() == "EP01,2\n"


@pytest.mark.parametrize("weight", [0, -1, "3", None, 1e9])
def test_a_weight_is_a_number(root: Path, tmp_path: Path, weight: Any) -> None:
    Browser(root, weight_csv=tmp_path / "w.csv").post(status=422, action="weight", folder="EP01", weight=weight)
    assert not (tmp_path / "w.csv").exists()


def test_tags_that_the_tagger_weighed_are_offered_after_those_of_the_dataset(root: Path) -> None:
    scores = {"solo": (0, 0.9), "Red Eyes": (0, 0.1)}
    write_store(root / "EP01", ScoreStore("wd@1", {"f0.png": FrameScores(9, scores)}))
    assert Browser(root).get("summary")["tags"] == [["solo", 3], ["long_hair", 3], ["red_eyes", 0]]
    (root / "EP01/.scores-wd.npz").write_bytes(b"damaged")
    assert Browser(root).get("summary")["tags"] == [["solo", 3], ["long_hair", 3]]


def test_characters_are_counted_with_references_tags_and_triggers(root: Path, tmp_path: Path) -> None:
    references, table = tmp_path / "references", tmp_path / "triggers.csv"
    add_frame(references / "iku/1.png")
    add_frame(references / "mio/1.png")
    table.write_text("iku,iku girl\n")
    held = loaded(root / "EP01/f1.png", ".characters.json")
    held["faces"][0]["runner_up"] = {"name": "mio", "score": 0.4}
    add_json(root / "EP01/f1.png", ".characters.json", held)
    page = Browser(root, ref_dir=references, trigger_csv=table)
    iku, mio = page.get("characters")["characters"]
    assert (iku["name"], iku["frames"], iku["faces"], iku["references"], iku["trigger"]) == ("iku", 2, 2, 1, "iku girl")
    assert (mio["name"], mio["frames"], mio["references"]) == ("mio", 0, 1)
    assert "iku girl" in page.get(f"frame/{page.id('EP01/f1.png')}")["captions"]["for all trainers"]
    assert (iku["others"], mio["others"]) == ([["mio", 1]], [])


def test_a_face_becomes_a_reference_that_the_recogniser_reads_and_is_taken_back(root: Path, tmp_path: Path) -> None:
    references = tmp_path / "references"
    for name in ("iku", "mio"):
        add_faces(add_frame(references / f"{name}/1.png", patchwork(len(name) + ord(name[0]))), MIDDLE)
    before = {path.name for path in references.rglob("*")}
    page = Browser(root, ref_dir=references)
    face: list[list[Any]] = [[page.id("EP01/f1.png"), 0]]
    page.post(action="reference", faces=face)
    made = references / "iku/EP01_f1_1.png"
    assert loaded(made, ".faces.json")["cropped_from"]["frame"] == "EP01/f1.png"
    assert page.post(action="reference", faces=face)["what"] == "nothing changed"
    assert classify_characters.main([str(root), "--ref_dir", str(references), "--redo"]) == 0
    page.post("undo")
    assert {path.name for path in references.rglob("*")} - {".heads"} == before
    page.post("redo")
    assert made.is_file()
    made.write_bytes(b"replaced by hand")
    page.post("undo")
    assert made.read_bytes() == b"replaced by hand"


def test_a_face_without_a_name_is_no_reference(root: Path, tmp_path: Path) -> None:
    page = Browser(root, ref_dir=tmp_path / "references")
    page.post(status=422, action="reference", faces=[[page.id("EP01/f0.png"), 1]])
    assert not (tmp_path / "references").exists()


def test_a_caption_is_written_by_hand_and_read_by_all(root: Path) -> None:
    page, id_ = Browser(root), Browser(root).id("EP01/f1.png")
    page.post(action="caption", id=id_, text="somebody waves")
    assert (root / "EP01/f1.txt").read_text() == "somebody waves\n"
    assert page.get(f"frame/{id_}")["captions"]["in X.txt"] == "somebody waves"
    page.post(status=422, action="caption", id=id_, text=" ")
    page.post("undo")
    assert not (root / "EP01/f1.txt").exists()


def test_a_caption_that_was_saved_meanwhile_stays(root: Path) -> None:
    page = Browser(root)
    page.serial = page.get("look")["serial"]
    add_text(root / "EP01/f1.png", ".txt", "mine\n")
    (root / "EP01/f1.txt").write_text("mine\n")
    page.post(status=409, action="caption", id=page.id("EP01/f1.png"), text="somebody waves")
    assert (root / "EP01/f1.txt").read_text() == "mine\n"


def clusters(page: Browser, asked: str = "") -> dict[str, int]:
    """Wait until the faces are grouped; return the size of each group."""
    until = monotonic() + 60
    while (told := page.get(f"people?by=cluster{asked}"))["progress"] is not None:
        assert monotonic() < until
        sleep(0.05)
    return {one["key"]: one["count"] for one in told["groups"]}


@pytest.fixture
def heads(tmp_path: Path) -> Path:
    """Frames with one face each, of two looks."""
    folder = tmp_path / "frames"
    for number in range(12):
        pixels = patchwork(number % 2, 96, 54)
        pixels[:4, :4] = number
        frame = add_frame(folder / f"EP01/f{number:02d}.png", pixels)
        add_faces(frame, MIDDLE)
        add_names(frame, {MIDDLE: "unknown"})
    return folder


def test_unknown_faces_are_grouped_and_groups_named_at_once(heads: Path) -> None:
    page = Browser(heads)
    assert clusters(page) == {"cluster 1": 6, "cluster 2": 6}
    told = page.get("faces?by=cluster&key=cluster 1&key=cluster 2")
    assert told["total"] == 12
    one = page.get("faces?by=cluster&key=cluster 1")["faces"]
    page.post(action="name", faces=[[face["id"], face["index"]] for face in one], name="iku", is_new=True)
    assert [one["key"] for one in page.get("people?by=cluster")["groups"]] == ["cluster 2"]  # named ones left theirs
    page.post("undo")
    assert clusters(page) == {"cluster 1": 6, "cluster 2": 6}
    page.post("redo")
    page.get("people?by=cluster&again=yes")
    assert clusters(page) == {"cluster 1": 6}
    assert clusters(page, "&of=iku") == {"cluster 1": 6}
    assert page.get("people")["groups"][0]["key"] == "iku"


def test_folders_of_clusters_are_sorted_into_references(heads: Path, tmp_path: Path) -> None:
    target = tmp_path / "clusters"
    assert classify_characters.main([str(heads), "--cluster", str(target), "--min_cluster", "3"]) == 0
    page = Browser(target)
    assert page.get("summary")["by_folder"]
    groups = {one["key"]: (one["count"], one["name"]) for one in page.get("people?by=cluster")["groups"]}
    assert groups == {"cluster_000": (6, "unknown"), "cluster_001": (6, "unknown")}
    faces = page.get("faces?by=cluster&key=cluster_000")["faces"]
    before = files_of(target)
    page.post(action="name", faces=[[one["id"], one["index"]] for one in faces], name="iku", is_new=True)
    assert len([*(target / "iku").glob("*.png")]) == len([*(target / "iku").glob("*.faces.json")]) == 6
    assert not (target / "cluster_000").exists()
    other = page.get("faces?by=cluster&key=cluster_001")["faces"]
    page.post(action="name", faces=[[one["id"], one["index"]] for one in other[:4]], name="iku")
    asked: dict[str, Any] = {"from": "iku", "to": "mio", "is_new": True}
    page.post(action="rename", **asked)
    assert {path.parent.name for path in target.rglob("*.png")} >= {"mio", "cluster_001"}
    for _ in range(3):
        page.post("undo")
    assert files_of(target) == before


def test_what_check_lists_leads_to_the_frames(root: Path) -> None:
    page = Browser(root)
    told = page.get("check")["problems"]
    assert told
    assert {one["path"] for one in told if one["frame"]} <= {f"EP01/f{number}.png" for number in range(3)}
    assert page.get("frames?problem=check")["total"] == len({one["frame"] for one in told if one["frame"]})


def test_frames_that_were_kept_for_none_are_still_shown(similar: Path) -> None:
    page = Browser(similar)
    removed.remove(similar, similar / "EP01/f_000.png", "by_hand")
    page.get("look")
    rows = page.get("groups")["rows"]
    assert [(row["path"], row["kept"] is None) for row in rows] == [("EP01/f_003.png", False), ("EP01/f_000.png", True)]
    page.post(status=422, action="exchange", id=rows[1]["removed"][0]["id"])
