"""What the faces of a show tell of each other: support from references through other faces."""

from pathlib import Path

import numpy as np
import pytest

from framekit.boxes import Face
from framekit.characters import descriptors, name
from framekit.characters.match import RIDGE, References, ridge, targets_of
from framekit.characters.show import FEWEST, NEAR, distinct, joins, spread, weigh
from tests.characters.helpers import add_face, add_references, classify, known, names_of
from tests.conftest import plain
from tests.helpers_dataset import MIDDLE, add_faces, add_frame, loaded

PEOPLE, LENGTH = 4, 40


def looks(person: int, count: int, seed: int, spread_of: float = 0.2) -> descriptors.Vector:
    """Return rows of one of several people, each around a direction of its own."""
    numbers = np.random.default_rng([seed, person])
    middle = np.random.default_rng(person).normal(0, 1, LENGTH)
    rows = [descriptors.unit(middle + numbers.normal(0, spread_of * 6, LENGTH)) for _ in range(count)]
    return np.stack(rows)


def crowd() -> tuple[References, descriptors.Vector, list[bool]]:
    """Return references of three people, faces of them and of a fourth, and whether each face is somebody known."""
    names = [f"P{person}" for person in range(3) for _ in range(5)]
    rows = np.concatenate([looks(person, 5, 1) for person in range(3)])[:, None]
    faces = np.concatenate([looks(person, 30, 2) for person in range(PEOPLE)])
    return References(names, rows, rows), faces, [True] * 90 + [False] * 30


def test_faces_tell_strangers_better_than_references_alone_do() -> None:
    references, faces, somebody = crowd()
    found = weigh(references, faces)
    assert found is not None
    right = ((found.strength >= found.least) == somebody).mean()
    nearest = (faces @ references.vectors[:, 0].T).max(axis=1)
    alone = max(((nearest >= cut) == somebody).mean() for cut in nearest)
    assert right > 0.95
    assert right > alone
    assert (found.scores[:90].argmax(axis=1) == np.arange(90) // 30).mean() > 0.95


def test_what_is_held_out_is_told_as_if_fitted_anew() -> None:
    references, _, _ = crowd()
    rows = references.vectors[:, 0].astype(float)
    targets, groups = targets_of(references.names, references.characters), np.arange(15) // 3
    found = ridge(rows @ rows.T, targets, np.ones(15)).held_out(groups)
    kept = groups != 2
    penalty = RIDGE * np.eye(12) * 5 / 3  # of 5 references of each of 3 characters
    anew = np.linalg.solve(rows[kept] @ rows[kept].T + penalty, targets[kept])
    assert found[~kept] == pytest.approx(rows[~kept] @ rows[kept].T @ anew)


@pytest.mark.parametrize(
    ("references", "count"), [(crowd()[0], FEWEST - 1), (known(Aoba=[0, 5, 10]), 90), (known(Aoba=[0], Sora=[9]), 90)]
)
def test_few_faces_or_references_tell_nothing(references: References, count: int) -> None:
    faces = np.resize(references.vectors[:, 0], (count, references.vectors.shape[-1]))
    assert weigh(references, faces) is None


def test_a_drawing_that_is_held_is_one_look() -> None:
    references, faces, _ = crowd()
    held = np.concatenate([faces, np.repeat(faces[:1], 70, axis=0)])
    looks, look_of = distinct(held)
    assert len(looks) == len(distinct(faces)[0])
    assert set(look_of[120:]) == {look_of[0]}
    once, often = weigh(references, faces), weigh(references, held)
    assert once is not None
    assert often is not None
    assert once.strength.tolist() == pytest.approx(often.strength[:120].tolist())


def test_each_is_joined_to_its_nearest_both_ways() -> None:
    references, faces, _ = crowd()
    joined = joins(references, faces)
    assert joined.shape == (135, 135)
    assert np.array_equal(joined, joined.T)
    assert (np.diag(joined) == 0).all()
    assert ((joined > 0).sum(axis=1) >= NEAR).all()


def test_mirrored_references_are_joined_as_well() -> None:
    references, faces, _ = crowd()
    turned = np.roll(references.vectors, 7, axis=2)
    both = References(references.names, np.concatenate([turned, references.vectors], axis=1), references.jittered)
    assert (joins(both, faces)[:15, 15:105] > 0).sum() > (
        joins(References(both.names, turned, turned), faces)[:15, 15:105] > 0
    ).sum()


def test_support_goes_on_from_neighbour_to_neighbour() -> None:
    chain = np.diag(np.ones(3), 1) + np.diag(np.ones(3), -1)
    given = spread(chain, 1)[:, 0]
    assert (np.diff(given[1:]) < 0).all()
    assert given[-1] > 0


def test_folders_are_crowds_and_large_ones_are_parted_between_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name, "MOST", 3)
    face = Face((0.1, 0.1, 0.2, 0.2), 0.9)
    known_faces = {Path(f"EP0{episode}/{n}.png"): [face] for episode in (1, 2) for n in range(4)}
    assert [len(scenes) for scenes in name.crowds_of(known_faces)] == [3, 1, 3, 1]


def test_names_are_the_same_wherever_the_run_before_was_stopped(tmp_path: Path, asked: list[str]) -> None:
    numbers = np.random.default_rng(5)
    add_references(tmp_path, Aoba=[0, 6, 12], Hinata=[70, 76, 82])
    angles = [*numbers.uniform(0, 15, 25), *numbers.uniform(65, 85, 25)]
    frames = [add_face(tmp_path, float(angle), f"x{number:03}") for number, angle in enumerate(angles)]
    for number in range(9):
        frames.append(add_frame(tmp_path / f"dataset/y{number}.png", plain((20, 20, 240), 60, 60)))
        add_faces(frames[-1], MIDDLE)
    assert classify(tmp_path) == 0
    whole = [loaded(frame, ".characters.json") for frame in frames]
    assert {"Aoba", "Hinata", "unknown"} == {names_of(frame)[0] for frame in frames}
    for frame in frames[20:]:
        frame.with_name(frame.name.replace(".png", ".characters.json")).unlink()
    assert classify(tmp_path) == 0
    assert [loaded(frame, ".characters.json") for frame in frames] == whole


def test_the_faces_of_a_folder_are_one_crowd_where_a_folder_stands_between(tmp_path: Path) -> None:
    found = [tmp_path / name for name in ("EP01/1.png", "EP01/more/2.png", "EP01/z.png")]
    crowds = list(name.crowds_of({frame: [Face(MIDDLE, 0.9)] for frame in found}))
    assert [[scene[0].name for scene in scenes] for scenes in crowds] == [["1.png", "z.png"], ["2.png"]]
