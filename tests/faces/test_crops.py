"""Crops around faces, their sidecars, and annotated frames."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import detect_faces
import generate_metadata
from framekit.boxes import Face
from framekit.faces import detect
from framekit.faces.crops import clamp_to_frame, crops_of, faces_inside, largest_square
from framekit.faces.draw import colour_of, draw_boxes, free_place, words_of
from framekit.pixels.sheets import sheets
from framekit.sidecars.characters import Named
from tests.conftest import BLACK, listing, one_sentence, patchwork, plain, save_frame, tree
from tests.helpers_dataset import add_faces, add_json, add_names, loaded

WIDE, HIGH = (1280, 720), (720, 1280)

LEFT, RIGHT = (0.1, 0.2, 0.2, 0.4), (0.6, 0.5, 0.75, 0.8)


def face(*box: float) -> Face:
    left, top, right, bottom = box
    return Face((left, top, right, bottom), 0.9)


@pytest.mark.parametrize(
    ("square", "inside"),
    [
        ((10, 20, 110, 120), (10, 20, 110, 120)),
        ((-30, 5, 70, 105), (0, 5, 100, 105)),
        ((1250, 700, 1350, 800), (1180, 620, 1280, 720)),
        ((-100, -100, 900, 900), (40, 0, 760, 720)),  # larger than the frame is high
    ],
)
def test_a_square_is_pushed_into_the_frame(square: tuple[int, int, int, int], inside: tuple[int, ...]) -> None:
    assert clamp_to_frame(square, WIDE) == inside


@pytest.mark.parametrize(
    ("one", "size", "square"),
    [
        (face(0.4, 0.1, 0.6, 0.4), WIDE, (280, 0, 1000, 720)),  # centred across
        (face(0.0, 0.1, 0.1, 0.3), WIDE, (0, 0, 720, 720)),
        (face(0.4, 0.4, 0.6, 0.5), HIGH, (0, 336, 720, 1056)),  # its middle, 576, at a third of the height
        (face(0.4, 0.9, 0.6, 1.0), HIGH, (0, 560, 720, 1280)),
        (face(0.0, 0.0, 0.6, 1.0), WIDE, None),
    ],
)
def test_the_largest_square_that_holds_a_face(one: Face, size: tuple[int, int], square: tuple[int, ...] | None) -> None:
    assert largest_square(one, size) == square


def test_other_faces_are_kept_if_mostly_inside() -> None:
    mine, inside, outside = face(0.3, 0.2, 0.4, 0.4), face(0.45, 0.2, 0.54, 0.4), face(0.47, 0.5, 0.6, 0.7)
    kept = faces_inside([mine, inside, outside], (0.1, 0.0, 0.5, 1.0))
    assert [one for one, _ in kept] == [mine, inside]
    assert kept[0][1].box == pytest.approx((0.5, 0.2, 0.75, 0.4))
    assert kept[1][1].box == pytest.approx((0.875, 0.2, 1.0, 0.4))


def test_squares_that_are_nearly_the_same_are_cut_once() -> None:
    found = crops_of([face(0.4, 0.2, 0.5, 0.4), face(0.41, 0.5, 0.51, 0.7), face(0.8, 0.2, 0.9, 0.4)], WIDE)
    assert [(kind, number) for kind, number, _, _ in found if kind == "square"] == [("square", 1), ("square", 3)]
    assert sum(kind == "head" for kind, _, _, _ in found) == 3


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return frames of which one has two named faces; no detector may load."""

    def refuse(name: str, settings: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(detect, "load_detector", refuse)
    frame = save_frame(tmp_path / "frames/EP01/x.png", patchwork(1, 640, 360))
    add_faces(frame, LEFT, RIGHT)
    add_names(frame, {LEFT: "Aoba", RIGHT: "unknown"})
    source = {"time": 1.5, "source_frame": 36, "scene": 2}
    add_json(frame, ".frames.json", {})
    (frame.parent / "x.frames.json").unlink()
    (frame.parent / ".frames.json").write_text(
        json.dumps({"video": "v.mp4", "prefix": "p", "episode": "EP01", "frames": {"x": source}})
    )
    add_faces(save_frame(tmp_path / "frames/EP01/y.png", plain(BLACK, 64, 36)))
    return tmp_path


def cut(folder: Path, *words: str) -> int:
    return detect_faces.main([str(folder / "frames"), "--crops", str(folder / "crops"), *words])


def test_crops_hold_the_pixels_and_the_faces_of_the_frame(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cut(dataset) == 0
    assert "6 crops in" in capsys.readouterr().out
    crop = dataset / "crops/square/EP01/x_square2.png"
    pixels = np.asarray(Image.open(crop))
    assert pixels.shape == (360, 360, 3)
    assert (pixels == np.asarray(Image.open(dataset / "frames/EP01/x.png"))[:, 252:612]).all()
    [found] = loaded(crop, ".faces.json")["faces"]
    assert found["box"] == pytest.approx([(384 - 252) / 360, 0.5, (480 - 252) / 360, 0.8], abs=1e-4)
    assert loaded(crop, ".characters.json")["faces"][0]["name"] == "unknown"


def test_a_crop_becomes_metadata_with_its_own_ratio_and_the_box_in_the_frame(dataset: Path) -> None:
    cut(dataset)
    assert generate_metadata.main([str(dataset / "crops")]) == 0
    values = loaded(dataset / "crops/head/EP01/x_head1.png")
    assert values["characters"] == ["Aoba"]
    assert values["face_height_ratio"] == pytest.approx(72 / 122, abs=0.01)  # 0.2 of 360 px in 1.7 times 72 px
    assert {name: values["source"][name] for name in ("video", "time", "scene")} == {
        "video": "v.mp4",
        "time": 1.5,
        "scene": 2,
    }
    assert values["source"]["crop"]["frame"] == "EP01/x.png"
    left, top, right, bottom = values["source"]["crop"]["box"]
    assert ((right - left) * 640, (bottom - top) * 360) == pytest.approx((122, 122), abs=0.01)


def test_cutting_again_changes_nothing(dataset: Path) -> None:
    cut(dataset)
    before = {name: content for name, (content, _) in tree(dataset / "crops").items()}
    cut(dataset)
    assert {name: content for name, (content, _) in tree(dataset / "crops").items()} == before


def test_crops_of_a_face_that_is_no_more_are_set_aside(dataset: Path) -> None:
    cut(dataset)
    add_faces(dataset / "frames/EP01/x.png", LEFT)
    cut(dataset)
    assert listing(dataset / "crops/head/EP01") == [
        ".frames.json",
        "x_head1.characters.json",
        "x_head1.faces.json",
        "x_head1.png",
    ]
    assert (dataset / "crops/.removed/stale_crop/head/EP01/x_head2.png").exists()


@pytest.mark.parametrize("held", ['{"frames": ["x"]}', '{"frames": {"x_head1": 3}}', "[]", "{", ""])
def test_a_strange_record_among_the_crops_stops_nothing(dataset: Path, held: str) -> None:
    (dataset / "crops/head/EP01").mkdir(parents=True)
    (dataset / "crops/head/EP01/.frames.json").write_text(held)
    assert cut(dataset) == 0
    assert "x_head1" in (dataset / "crops/head/EP01/.frames.json").read_text()


@pytest.mark.parametrize("option", ["--crops", "--annotate"])
def test_crops_and_annotations_never_lie_among_the_frames(
    dataset: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(dataset)
    assert detect_faces.main([str(dataset / "frames"), option, str(dataset / "frames/EP01/more")]) == 2
    assert "give a folder beside it" in one_sentence(capsys.readouterr().err)
    assert tree(dataset) == before


def test_annotated_frames_and_a_sheet(dataset: Path) -> None:
    assert detect_faces.main([str(dataset / "frames"), "--annotate", str(dataset / "look")]) == 0
    assert sorted(tree(dataset / "look")) == ["EP01/x.jpg", "EP01/y.jpg", "contact_sheet_001.jpg"]
    drawn = np.asarray(Image.open(dataset / "look/EP01/x.jpg")).astype(int)
    edge = drawn[round(0.3 * 360), round(0.1 * 640) : round(0.1 * 640) + 2]
    assert np.abs(edge - colour_of("Aoba")).mean() < 60


def test_a_name_has_always_the_same_colour_and_nobody_is_grey() -> None:
    assert colour_of("Aoba") == colour_of("Aoba") != colour_of("Hinata")
    assert len(set(colour_of("unknown"))) == 1


def test_boxes_are_drawn_also_at_the_edge_and_with_any_name() -> None:
    pixels = plain(BLACK, 64, 36)
    whole = face(0.0, 0.0, 1.0, 1.0)
    drawn = draw_boxes(pixels, [whole], Named({whole.box: "日本語 <b>" * 40}))
    assert drawn.shape == pixels.shape
    assert drawn.any()
    assert draw_boxes(pixels, [], Named()).tolist() == pixels.tolist()


def test_a_label_says_how_sure_the_name_is_and_else_how_sure_the_face() -> None:
    one = face(0.0, 0.0, 0.5, 0.5)
    assert words_of(one, Named()) == ("", f"face {one.score:.2f}")
    assert words_of(one, Named({one.box: "Aoba"}, scores={one.box: 0.86})) == ("Aoba", "Aoba 0.86")
    assert words_of(one, Named({one.box: "Aoba"})) == ("Aoba", "Aoba")


def test_labels_lie_within_the_frame_and_on_no_other_one() -> None:
    frame, size = (100, 60), (40.0, 10.0)
    taken: list[tuple[float, float, float, float]] = []
    for _ in range(5):
        place = free_place((80, 5, 25), size, frame, taken)
        assert 0 <= place[0] < place[2] <= 100
        assert 0 <= place[1] < place[3] <= 60
        assert not any(one[1] < place[3] and place[1] < one[3] for one in taken)
        taken.append(place)


def test_sheets_hold_so_many_frames_each() -> None:
    small = [(plain(BLACK, 256, 144), f"a very long name of a frame that does not fit {n}") for n in range(7)]
    assert [sheet.shape for sheet in sheets(small, columns=2, rows=2)] == [(344, 528, 3), (344, 528, 3)]
    assert list(sheets([], 2, 2)) == []


def test_people_and_half_bodies_get_crops_of_their_own(tmp_path: Path) -> None:
    frame = save_frame(tmp_path / "set/EP01/a.png", patchwork(1, 100, 50))
    add_faces(frame, (0.3, 0.2, 0.4, 0.4))
    record = loaded(frame, ".faces.json")
    record["people"] = [
        {"box": [0.2, 0.1, 0.5, 1.0], "score": 0.9, "label": "person"},
        {"box": [0.2, 0.1, 0.5, 0.6], "score": 0.8, "label": "halfbody"},
        {"box": [0.7, 0.1, 0.9, 1.0], "score": 0.7, "label": "person"},
    ]
    add_json(frame, ".faces.json", record)
    assert detect_faces.main([str(tmp_path / "set"), "--crops", str(tmp_path / "crops")]) == 0
    found = {path.relative_to(tmp_path / "crops").as_posix() for path in (tmp_path / "crops").rglob("a_*.png")}
    assert {name for name in found if "person" in name or "half" in name} == {
        "person/EP01/a_person1.png", "person/EP01/a_person2.png", "halfbody/EP01/a_halfbody1.png",
    }  # fmt: skip
    with Image.open(tmp_path / "crops/halfbody/EP01/a_halfbody1.png") as crop:
        assert crop.size == (30, 25)
    assert len(loaded(tmp_path / "crops/person/EP01/a_person1.png", ".faces.json")["faces"]) == 1
    assert loaded(tmp_path / "crops/person/EP01/a_person2.png", ".faces.json")["faces"] == []


@pytest.mark.parametrize(
    "people", [{}, [1], [{"label": "person"}], [{"box": "x", "label": "person", "score": 1}], None]
)
def test_damaged_people_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str], people: Any) -> None:
    frame = save_frame(tmp_path / "set/a.png", patchwork(1))
    add_faces(frame, (0.3, 0.2, 0.4, 0.4))
    add_json(frame, ".faces.json", loaded(frame, ".faces.json") | {"people": people})
    code = detect_faces.main([str(tmp_path / "set"), "--crops", str(tmp_path / "crops")])
    told = capsys.readouterr().err
    assert (code == 1) == ("a.faces.json" in told) == (people not in ({}, []))
