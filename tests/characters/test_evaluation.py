"""Quality of references: accuracy with its interval, confusions, duplicates, and who needs more."""

from pathlib import Path

import numpy as np
import pytest

from framekit.characters.evaluate import BLUES, confusion_picture, evaluate, report, wilson
from framekit.characters.match import Acceptance, References, centroid_namer
from tests.characters.helpers import at, known


@pytest.mark.parametrize(
    ("right", "count", "interval"),
    [(0, 0, (0.0, 1.0)), (10, 10, (0.7225, 1.0)), (5, 10, (0.2366, 0.7634)), (0, 10, (0.0, 0.2775))],
)
def test_the_interval_of_a_share(right: int, count: int, interval: tuple[float, float]) -> None:
    assert wilson(right, count) == pytest.approx(interval, abs=1e-4)


def judged(references: References, least: float = 0.5) -> list[str]:
    paths = [Path(f"{name}/{row}.png") for row, name in enumerate(references.names)]
    return report(evaluate(references, paths, centroid_namer, Acceptance(least, 0.0), quick=False))


def test_a_mislabelled_reference_is_reported() -> None:
    lines = judged(known(Aoba=[0, 4, 88], Hinata=[90, 94]))
    assert "held-out references named right: 4 of 5 = 80.0% (95 % interval " in lines[0]
    assert "mislabelled? Aoba/2.png lies in Aoba and looks like Hinata" in lines
    assert "  Aoba: 2 Aoba, 1 Hinata" in lines


def test_one_that_is_like_nobody_is_unknown_not_wrong() -> None:
    lines = judged(known(Aoba=[0, 4, 40], Hinata=[90, 94]), least=0.9)
    assert "1 unknown, 0 wrong" in lines[0]


def test_a_single_reference_cannot_be_held_out() -> None:
    lines = judged(known(Aoba=[0, 4], Hinata=[90]))
    assert "  Hinata: a single reference, which cannot be held out" in lines
    assert "Hinata needs 4 more references: 5 are recommended" in lines
    assert "Aoba needs 3 more references: 5 are recommended" in lines


def test_no_more_references_are_asked_for_where_all_is_well() -> None:
    lines = judged(known(Aoba=[0, 9, 18, 27, 36], Hinata=[100, 109, 118, 127, 136]))
    assert not [line for line in lines if "needs" in line or "same drawing" in line]


def test_nearly_the_same_drawing_is_reported_also_mirrored() -> None:
    views = np.stack([at(0, 50), at(50.5, 0.5), at(90, 140)])
    references = References(["Aoba", "Aoba", "Hinata"], views, views[:, :1])
    assert "nearly the same drawing: Aoba/0.png and Aoba/1.png" in judged(references)


def test_the_confusions_are_drawn() -> None:
    found = evaluate(
        known(Aoba=[0, 4], Hinata=[90, 94]), [Path("x")] * 4, centroid_namer, Acceptance(0.5, 0.0), quick=False
    )
    picture = confusion_picture(found)
    assert picture.dtype == np.uint8
    assert picture.shape[1] > picture.shape[0] > 60
    assert min(picture.shape[:2]) > 200, "it can be read"
    cells = [(picture == colour).all(axis=2).sum() for colour in BLUES]
    assert all(number > 1000 for number in cells), "the shares 1 and 0"


def test_references_that_show_few_looks_are_told() -> None:
    lines = judged(known(Aoba=[0, 2, 4, 30], Hinata=[90, 110, 130]))
    assert "Aoba: 4 references show 2 looks; turned heads and other light tell more" in lines
    assert not [line for line in lines if line.startswith("Hinata: 3 references show")]
