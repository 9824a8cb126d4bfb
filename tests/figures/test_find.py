"""The figures of a frame: from faces, from people, from a segmenter, and from several of these."""

import time

import numpy as np
import pytest
from figures import CAST, Pen, Pose, draw_figure
from numpy.typing import NDArray

from framekit.boxes import Face
from framekit.figures.find import (
    Found,
    box_of,
    described,
    enlarged,
    find_figures,
    heads_of,
    joined,
    told_by,
    with_faceless,
)
from framekit.figures.likelihood import figure_likelihood
from framekit.figures.models import Evidence, Look, Mask
from tests.conftest import plain
from tests.helpers_layers import HEIGHT, SIDE, TOP, WIDTH, drawn, face_box, quick_likelihood
from tests.helpers_plates import painted

NOTHING = Evidence()
PERSON = Face((0.2, 0.0, 0.6, 1.0), 0.8, "person")


def faces(*columns: int) -> list[Face]:
    """Return the faces at these columns."""
    return [Face(face_box(x), 0.9) for x in columns]


def find(*columns: int, evidence: Evidence = NOTHING, min_size: int = 16384, people: tuple[Face, ...] = ()) -> Found:
    """Return the figures of a drawn frame, all of whose faces are known."""
    shown = Look(drawn(columns), faces(*columns), people)
    likely = quick_likelihood(shown.pixels, heads_of(shown.faces, people))
    return find_figures(shown, likely, evidence, "m", min_size)


def half(side: str, value: float = 0.95) -> NDArray[np.float32]:
    """Return a likelihood of the left or the right half of a frame."""
    told = np.zeros((HEIGHT, WIDTH), np.float32)
    told[:, slice(0, 48) if side == "left" else slice(48, 96)] = value
    return told


def test_figures_are_told_from_left_to_right_whatever_the_order_of_the_faces() -> None:
    found, other = find(20, 60), find(60, 20)
    assert [figure.label for figure in found.figures] == [1, 2]
    assert [figure.faces for figure in found.figures] == [(face_box(20),), (face_box(60),)]
    assert [figure.faces for figure in other.figures] == [(face_box(20),), (face_box(60),)]
    assert [found.labels[40, 26], found.labels[40, 66], found.labels[3, 3]] == [1, 2, 0]
    assert [other.labels[40, 26], other.labels[40, 66]] == [1, 2]
    assert found.labels.dtype == np.uint8


def test_what_is_told_of_a_figure_is_what_its_labels_show() -> None:
    found = find(20, 60)
    for figure in found.figures:
        own = found.labels == figure.label
        assert figure.area == pytest.approx(own.mean(), abs=1e-4)
        assert figure.box == box_of(own)
        assert (figure.category, figure.model, figure.kept, figure.track) == ("character", "m", True, 0)
        assert 0.7 <= figure.score <= 0.9


def test_a_frame_without_faces_and_without_a_segmenter_has_no_figures() -> None:
    found = find()
    assert found.figures == []
    assert found.labels.shape == (HEIGHT, WIDTH)
    assert not found.labels.any()


@pytest.mark.parametrize("factor", [1, 2])
def test_the_smallest_figure_is_told_for_1920_x_1080(factor: int) -> None:
    [figure] = find(40).figures
    full = figure.area * 1920 * 1080
    shown = Look(np.asarray(drawn([40]).repeat(factor, 0).repeat(factor, 1)), faces(40))
    likely = quick_likelihood(drawn([40]), shown.faces)
    sizes = [len(find_figures(shown, likely, NOTHING, "m", round(full * part)).figures) for part in (0.9, 1.2)]
    assert sizes == [1, 0]


def test_a_figure_smaller_than_its_face_is_none() -> None:
    face = Face((0.1, 0.1, 0.9, 0.9), 0.9)
    labels = np.zeros((100, 100), np.uint8)
    labels[:66, :66] = 1  # .44 of the frame; its face has .64
    likely = np.ones((100, 100), np.float32)
    look = Look(plain((0, 0, 0), 100, 100), [face])
    assert described(labels, likely, look, [face], ("m", 1)).figures == []
    labels[:68, :68] = 1
    assert len(described(labels, likely, look, [face], ("m", 1)).figures) == 1


def test_labels_of_dropped_figures_become_background() -> None:
    labels = np.zeros((100, 100), np.uint8)
    labels[:, :2], labels[:, 40:60], labels[:, 80:] = 1, 2, 3
    look = Look(plain((0, 0, 0), 100, 100))
    found = described(labels, np.ones((10, 10), np.float32), look, [], ("m", round(0.05 * 1920 * 1080)))
    assert [(one.label, one.box, one.category) for one in found.figures] == [
        (1, (0.4, 0.0, 0.6, 1.0), "partial"), (2, (0.8, 0.0, 1.0, 1.0), "partial")
    ]  # fmt: skip
    assert found.labels[50, [0, 50, 90]].tolist() == [0, 1, 2]


def test_a_person_without_a_face_has_a_head_where_it_should_be() -> None:
    [head] = heads_of([], [PERSON])
    assert head.box == pytest.approx((0.32, 0.02, 0.48, 0.28))
    assert head.label == "person"


def test_a_person_with_a_face_is_the_figure_of_that_face() -> None:
    inside, beside = Face((0.3, 0.1, 0.4, 0.2), 0.9), Face((0.7, 0.1, 0.8, 0.2), 0.9)
    assert heads_of([inside], [PERSON]) == [inside]
    assert len(heads_of([beside], [PERSON])) == 2


def test_a_person_and_its_half_body_are_one() -> None:
    assert len(heads_of([], [PERSON, Face((0.2, 0.0, 0.6, 0.5), 0.7, "halfbody")])) == 1


def test_a_person_without_a_face_is_found_and_holds_none() -> None:
    shown = Look(drawn([40]), [], [Face((37 / 96, 11 / 54, 55 / 96, 1.0), 0.8, "person")])
    likely = quick_likelihood(shown.pixels, heads_of((), shown.people))
    [figure] = find_figures(shown, likely, NOTHING, "m").figures
    assert figure.faces == ()
    assert figure.category == "character"


@pytest.mark.parametrize(("many", "people"), [(300, 0), (250, 20), (0, 300)])
def test_a_label_picture_tells_255_apart(many: int, people: int) -> None:
    listed = [Face((number / 400, 0.1, (number + 1) / 400, 0.12), 0.9) for number in range(many)]
    seen = [Face((0.8 + number / 2000, 0.5, 0.8004 + number / 2000, 1.0), 0.5, "person") for number in range(people)]
    heads = heads_of(listed, seen)
    assert len(heads) == min(255, many + people)
    assert heads[: min(many, 255)] == listed[:255]


def test_300_faces_are_shared_out_in_time() -> None:
    listed = [Face(((n % 20) / 20, (n // 20) / 15, (n % 20 + 0.9) / 20, (n // 20 + 0.9) / 15), 0.9) for n in range(300)]
    pixels = np.random.default_rng(0).integers(0, 255, (54, 96, 3)).astype(np.uint8)
    shown = Look(pixels, listed)
    begun = time.monotonic()
    found = find_figures(shown, quick_likelihood(pixels, listed), NOTHING, "m", 1)
    assert time.monotonic() - begun < 20
    assert 1 <= len(found.figures) <= 255
    assert found.labels.max() == len(found.figures)


def test_what_a_segmenter_says_is_one_likelihood() -> None:
    assert told_by(NOTHING) is None
    left, right = half("left") > 0, half("right") > 0
    told = told_by(Evidence(half("left", 0.3), [Mask(left, 0.9), Mask(right, 0.4), Mask(right, 0.8, is_person=False)]))
    assert told is not None
    assert [round(float(told[0, column]), 3) for column in (0, 90)] == [0.9, 0.4]
    assert told_by(Evidence(masks=[Mask(right, 0.8, is_person=False)])) is None


def test_faces_and_a_segmenter_together() -> None:
    likely = np.full((4, 4), 0.6, np.float32)
    assert joined(likely, None) is likely
    sure, unsure = (joined(likely, np.full((8, 8), value, np.float32)) for value in (1.0, 0.0))
    assert sure.shape == (8, 8)
    assert 0.6 < sure.min() <= 1
    assert 0 < unsure.max() < 0.6
    assert joined(0 * likely, np.zeros((8, 8), np.float32)).max() == 0


def test_a_segmenter_adds_figures_without_a_face() -> None:
    found = find(20, evidence=Evidence(half("right")))
    assert [figure.category for figure in found.figures] == ["character", "partial"]
    assert found.labels[40, [26, 90]].tolist() == [1, 2]
    assert find(evidence=Evidence(half("left"))).labels[:, :48].all()


@pytest.mark.parametrize("value", [0.55, 0.79])
def test_a_segmenter_that_is_not_sure_adds_none(value: float) -> None:
    assert find(20, evidence=Evidence(half("right", value))).labels[:, 60:].max() == 0


def test_figures_without_a_face_are_apart_and_large_enough() -> None:
    told = np.zeros((100, 100), np.float32)
    told[10:40, 10:40] = told[60:90, 60:90] = told[5:8, 90:93] = 1
    labels = np.zeros((100, 100), np.uint8)
    labels[:, :5] = 1
    added = with_faceless(labels, told, 16384)
    assert added[20, 20] != added[70, 70]
    assert {int(added[20, 20]), int(added[70, 70])} == {2, 3}
    assert added[6, 91] == 0
    assert (added[:, :5] == 1).all()
    full = np.arange(1, 256, dtype=np.uint8).repeat(20).reshape(51, 100)
    assert (with_faceless(full, np.ones((51, 100), np.float32), 1) == full).all()


def test_no_more_than_255_are_added() -> None:
    labels = np.zeros((40, 400), np.uint8)
    labels[0, :254] = np.arange(1, 255)
    told = np.zeros((40, 400), np.float32)
    told[10:20, ::4] = 1
    assert with_faceless(labels, told, 0).max() == 255


def test_labels_grow_with_smooth_borders() -> None:
    labels = np.zeros((4, 6), np.uint8)
    labels[:, :3], labels[:, 3:5] = 1, 7
    large = enlarged(labels, (40, 60))
    assert large.shape == (40, 60)
    assert [large[20, column] for column in (5, 29, 30, 47, 58)] == [1, 1, 7, 7, 0]
    assert set(np.unique(large)) == {0, 1, 7}
    assert (enlarged(labels, (4, 6)) == labels).all()
    assert enlarged(labels, (1, 1)).shape == (1, 1)
    assert not enlarged(0 * labels, (9, 9)).any()


@pytest.mark.parametrize(("rows", "columns", "box"), [
    (slice(0, 1), slice(0, 1), (0.0, 0.0, 0.1, 0.2)),
    (slice(4, 5), slice(9, 10), (0.9, 0.8, 1.0, 1.0)),
    (slice(None), slice(None), (0.0, 0.0, 1.0, 1.0)),
])  # fmt: skip
def test_the_box_around_a_mask(rows: slice, columns: slice, box: tuple[float, ...]) -> None:
    mask = np.zeros((5, 10), bool)
    mask[rows, columns] = True
    assert box_of(mask) == box


WHOLE, INSIDE, CORNER = (0.0, 0.0, 1.0, 1.0), (0.25, 0.2, 0.75, 0.5), (0.9, 0.9, 1.0, 1.0)
FORMS = [((1, 1), WHOLE), ((1, 1), INSIDE), ((16, 16), WHOLE), ((16, 16), INSIDE), ((16, 16), CORNER)]


@pytest.mark.parametrize(("size", "box"), [*FORMS, ((3, 640), INSIDE), ((3, 640), CORNER), ((640, 3), WHOLE)])
def test_frames_of_any_form(size: tuple[int, int], box: tuple[float, float, float, float]) -> None:
    pixels = np.random.default_rng(2).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
    shown = Look(pixels, [Face(box, 0.9)])
    likely = figure_likelihood(pixels, shown.faces)
    assert likely.shape[0] == 144
    assert likely.shape[1] <= 1024
    assert 0 <= likely.min() <= likely.max() <= 1
    found = find_figures(shown, likely, NOTHING, "grabcut")
    assert found.labels.shape == size[::-1]
    assert len(found.figures) == len(np.unique(found.labels[found.labels > 0]))


def test_the_trees_know_a_drawn_figure() -> None:
    pixels = drawn([40]).repeat(4, 0).repeat(4, 1)
    likely = figure_likelihood(pixels, faces(40))
    scale = 144 / HEIGHT
    head = likely[round((TOP + SIDE / 2) * scale), round(46 * scale)]
    body, ground = likely[round(40 * scale), round(46 * scale)], likely[round(10 * scale), round(8 * scale)]
    assert min(head, body) > 0.6
    assert ground < 0.3


def test_without_a_face_nothing_is_likely() -> None:
    assert figure_likelihood(drawn([]), []).max() == 0
    assert figure_likelihood(plain((9, 9, 9), 1, 1), []).shape == (144, 144)
    assert figure_likelihood(drawn([40]), faces(40)).max() > 0.5


def test_a_grey_frame_has_figures_too() -> None:
    grey = np.asarray(drawn([40]).mean(axis=2, keepdims=True).repeat(3, axis=2), np.uint8)
    shown = Look(grey, faces(40))
    assert len(find_figures(shown, figure_likelihood(grey, shown.faces), NOTHING, "m").figures) == 1


@pytest.mark.parametrize("number", [0, 1])
def test_a_character_of_the_demo_show_is_found_whole(number: int) -> None:
    ground = painted(5, 180, 320)
    canvas = ground.copy()
    x, y, scale = 160.0, 70.0, 24.0
    draw_figure(Pen(canvas, x, y, scale), CAST[number], Pose())
    truth = (canvas != ground).any(axis=2)
    face = Face(((x - scale) / 320, (y - scale) / 180, (x + scale) / 320, (y + scale) / 180), 0.9)
    shown = Look(canvas, [face])
    found = find_figures(shown, figure_likelihood(canvas, [face]), NOTHING, "grabcut")
    [figure] = found.figures
    own = found.labels == figure.label
    assert (own & truth).sum() / (own | truth).sum() > 0.85
