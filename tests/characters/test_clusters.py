"""Faces grouped without references, and the groups as references."""

import json
from pathlib import Path

import numpy as np
import pytest

import classify_characters
from framekit.characters.cluster import folders_of, group
from framekit.characters.descriptors import load_embedders
from tests.characters.helpers import BOX, HAIR, head, names_of, show
from tests.conftest import listing, one_sentence, plain, save_frame, tree
from tests.helpers_dataset import add_faces, loaded


def rows(*degrees: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    angles = np.radians(np.array(degrees))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_the_largest_group_comes_first_and_loners_are_noise() -> None:
    found = group(rows(0, 0.5, 1, 90, 90.4, 90.8, 91.2, 91.6, 200), 3)
    assert found.tolist() == [1, 1, 1, 0, 0, 0, 0, 0, -1]


@pytest.mark.parametrize(("count", "expected"), [(0, []), (2, [-1, -1]), (3, [0, 0, 0]), (5, [0] * 5)])
def test_few_faces_are_one_group_or_noise(count: int, expected: list[int]) -> None:
    assert group(rows(*range(count)).reshape(count, 2), 3).tolist() == expected


def test_views_of_one_character_are_told_apart() -> None:
    crops = [np.roll(head(HAIR["pink"], turn), n, axis=1) for turn in (-14, 14) for n in range(-2, 3)]
    (shapes,) = load_embedders(["shape"], "cpu")(crops)
    folders = folders_of(rows(*(0.01 * n for n in range(10))), shapes, 4)
    assert {folder.split("/")[0] for folder in folders} == {"cluster_000"}
    assert len(set(folders[:5])) == len(set(folders[5:])) == 1
    assert folders[0] != folders[5]


def cluster(tmp_path: Path, *words: str) -> int:
    return classify_characters.main([str(tmp_path / "frames"), "--cluster", str(tmp_path / "groups"), *words])


def test_clusters_become_references_once_renamed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(tmp_path)
    before = tree(tmp_path / "frames")
    assert cluster(tmp_path) == 0
    assert "18 faces in 3 clusters, 0 in noise" in capsys.readouterr().out
    assert tree(tmp_path / "frames") == before
    groups = tmp_path / "groups"
    assert listing(groups) == ["cluster_000", "cluster_001", "cluster_002", "contact_sheet_001.jpg"]
    for folder in groups.glob("cluster_*"):
        (name,) = {path.stem.split("_")[1] for path in folder.glob("*.png")}
        folder.rename(groups / name.capitalize())
    assert classify_characters.main([str(tmp_path / "frames"), "--ref_dir", str(groups)]) == 0
    for frame in (tmp_path / "frames/EP01").glob("*.png"):
        assert names_of(frame) == [frame.stem.split("_")[0].capitalize()]


def test_a_crop_tells_where_it_was_cut_and_where_its_face_is(tmp_path: Path) -> None:
    show(tmp_path)
    cluster(tmp_path)
    (crop,) = (tmp_path / "groups").rglob("EP01_pink_0_1.png")
    record = loaded(crop, ".faces.json")
    assert record["cropped_from"] == {"frame": "EP01/pink_0.png", "box": list(BOX)}
    ((left, top, right, bottom),) = [one["box"] for one in record["faces"]]
    assert bottom - top == pytest.approx(1 / 1.7, abs=0.02)  # the face is higher than wide
    assert (left + right) / 2 == pytest.approx(0.5, abs=0.02)


def test_a_folder_that_was_sorted_is_never_written_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(tmp_path)
    (tmp_path / "groups/Aoba").mkdir(parents=True)
    assert cluster(tmp_path) == 2
    assert "what you sorted there stays; give --cluster a new folder" in one_sentence(capsys.readouterr().err)
    assert listing(tmp_path / "groups") == ["Aoba"]


def test_an_empty_folder_and_leftovers_are_fine(tmp_path: Path) -> None:
    show(tmp_path)
    (tmp_path / "groups").mkdir()
    (tmp_path / ".groups.part/cluster_009").mkdir(parents=True)
    assert cluster(tmp_path) == 0
    assert not (tmp_path / ".groups.part").exists()
    assert not (tmp_path / "groups/cluster_009").exists()


def test_groups_never_lie_among_the_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = show(tmp_path)
    assert classify_characters.main([str(folder), "--cluster", str(folder / "groups")]) == 2
    assert "give a folder beside it" in one_sentence(capsys.readouterr().err)


def test_without_faces_there_is_nothing_to_group(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_faces(save_frame(tmp_path / "frames/x.png", plain((9, 9, 9))))
    assert cluster(tmp_path) == 2
    assert "no face is known" in one_sentence(capsys.readouterr().err)


def test_frames_whose_names_would_be_one_keep_a_crop_each(tmp_path: Path) -> None:
    for name in ("a_b/c", "a/b_c", "a/b/c"):
        pixels = plain((200, 215, 230), 160, 96)
        pixels[:, 32:128] = head(HAIR["pink"])
        add_faces(save_frame(tmp_path / f"frames/{name}.png", pixels), BOX)
    assert cluster(tmp_path, "--min_cluster", "3") == 0
    assert listing(tmp_path / "groups/cluster_000") == [
        f"a_b_c_1{end}" for end in (".faces.json", ".png", "_2.faces.json", "_2.png", "_3.faces.json", "_3.png")
    ]


def test_an_unreadable_frame_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (show(tmp_path) / "EP01/pink_0.png").write_bytes(b"broken")
    assert cluster(tmp_path) == 1
    out, err = capsys.readouterr()
    assert "17 faces" in out
    assert "pink_0.png" in one_sentence(err)
    json.loads((next((tmp_path / "groups").rglob("EP01_pink_1_1.faces.json"))).read_text())
