"""Figures cut out along edges, and shared out among faces."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from framekit.boxes import Face
from framekit.figures.features import places_of
from framekit.figures.separate import cleaned, cut_figures, cut_from, graph_cut, share_out, without_holes
from tests.conftest import BLACK, BLUE, RED, plain

HEIGHT, WIDTH = 60, 100
SURE = np.ones((HEIGHT, WIDTH), np.float32)  # a likelihood


def face(left: int, top: int, side: int = 12) -> Face:
    """Return a face of `side` px whose upper left corner is at these pixels."""
    return Face((left / WIDTH, top / HEIGHT, (left + side) / WIDTH, (top + side) / HEIGHT), 0.9)


def scene(*columns: int) -> NDArray[np.uint8]:
    """Return a blue frame with a red figure at each of these columns: head 12 px wide, body 20."""
    pixels = plain(BLUE, WIDTH, HEIGHT)
    pixels += np.random.default_rng(0).integers(0, 20, pixels.shape).astype(np.uint8) // 2
    for x in columns:
        pixels[10:22, x : x + 12] = (240, 60, 60)
        pixels[22:, x - 4 : x + 16] = RED
    return pixels


def figures_of(*columns: int) -> NDArray[np.bool_]:
    """Return where the figures of such a frame are."""
    return np.asarray(scene(*columns)[..., 0] > 200)


def iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Return the intersection over union of two masks."""
    return float((one & other).sum() / (one | other).sum())


def test_a_graph_cut_finds_a_figure_from_its_face() -> None:
    pixels = scene(40)
    places = places_of([face(40, 10)], (HEIGHT, WIDTH))
    found = graph_cut(pixels, places, np.zeros((HEIGHT, WIDTH), bool))
    assert iou(found, figures_of(40)) > 0.97
    bars = np.zeros((HEIGHT, WIDTH), bool)
    bars[50:] = True
    assert not graph_cut(pixels, places, bars)[50:].any()


def test_a_graph_cut_is_always_the_same() -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    places = places_of([face(40, 10)], (HEIGHT, WIDTH))
    first, second = (graph_cut(pixels, places, np.zeros((HEIGHT, WIDTH), bool)) for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize("hint", [cv2.GC_BGD, cv2.GC_PR_BGD, cv2.GC_FGD, cv2.GC_PR_FGD])
def test_hints_of_one_kind_are_the_answer(hint: int) -> None:
    found = cut_from(scene(40), np.full((HEIGHT, WIDTH), hint, np.uint8), 2)
    assert (found == (hint in (cv2.GC_FGD, cv2.GC_PR_FGD))).all()


def test_a_likelihood_is_cut_along_the_edges() -> None:
    likely = np.asarray(cv2.GaussianBlur(figures_of(40).astype(np.float32), (0, 0), 3), np.float32)
    places = places_of([face(40, 10)], (HEIGHT, WIDTH))
    found = cut_figures(scene(40), likely, places)
    assert iou(found, figures_of(40)) > 0.97
    assert iou(likely > 0.5, figures_of(40)) < iou(found, figures_of(40))
    shrunk = np.asarray(cv2.resize(likely, (50, 30)), np.float32)
    assert iou(cut_figures(scene(40), shrunk, places), figures_of(40)) > 0.97


def test_the_head_is_a_figure_even_where_nothing_is_likely() -> None:
    found = cut_figures(scene(40), 0 * SURE, places_of([face(40, 10)], (HEIGHT, WIDTH)))
    assert found[16, 46]
    assert not found[:, :20].any()


def test_bars_are_never_of_a_figure() -> None:
    pixels = scene(40)
    pixels[54:] = BLACK
    assert not cut_figures(pixels, SURE, places_of([face(40, 10)], (HEIGHT, WIDTH)))[54:].any()


def test_a_figure_alone_belongs_to_its_face() -> None:
    figures = figures_of(40)
    assert (share_out(scene(40), figures, [face(40, 10)]) == figures).all()


@pytest.mark.parametrize("columns", [(20, 60), (60, 20), (30, 50)])
def test_two_figures_are_shared_out_between_their_faces(columns: tuple[int, int]) -> None:
    pixels, figures = scene(*columns), figures_of(*columns)
    shared = share_out(pixels, figures, [face(x, 10) for x in columns])
    assert (shared[~figures] == 0).all()
    for label, x in enumerate(columns, 1):
        assert (shared[:, x : x + 12][figures[:, x : x + 12]] == label).mean() > 0.97


def test_an_edge_of_colour_parts_two_who_touch() -> None:
    pixels = plain(BLUE, WIDTH, HEIGHT)
    pixels[10:, 20:58] = RED
    pixels[10:, 58:80] = (40, 220, 40)
    figures = pixels[..., 2] < 200
    shared = share_out(pixels, figures, [face(24, 12), face(64, 12)])
    assert (shared[30:, 20:57] == 1).mean() > 0.97
    assert (shared[30:, 59:80] == 2).all()


def test_what_nobody_has_is_shared_out_as_nothing() -> None:
    assert not share_out(scene(), np.zeros((HEIGHT, WIDTH), bool), [face(20, 10), face(60, 10)]).any()


def at(*parts: tuple[slice, slice]) -> NDArray[np.bool_]:
    """Return a mask of parts of the frame."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for part in parts:
        mask[part] = True
    return mask


HEAD = at((slice(10, 20), slice(40, 50)))
BODY = at((slice(10, 60), slice(36, 56)))  # 1000 px


def test_specks_are_dropped_and_large_parts_stay() -> None:
    wing = at((slice(20, 30), slice(70, 80)))
    speck = at((slice(5, 8), slice(5, 8)))
    labels = (BODY | wing | speck).astype(np.uint8)
    assert (cleaned(labels, SURE, [HEAD]) == (BODY | wing)).all()


def test_a_large_part_that_is_not_likely_is_dropped() -> None:
    wing = at((slice(20, 30), slice(70, 80)))
    labels = (BODY | wing).astype(np.uint8)
    likely = np.where(wing, np.float32(0.5), np.float32(0.9))
    assert (cleaned(labels, likely, [HEAD]) == BODY).all()
    assert (cleaned(labels, np.float32(0.7) * SURE, [HEAD]) == (BODY | wing)).all()
    assert (cleaned(labels, SURE[:30, :50], [HEAD]) == (BODY | wing)).all()


def test_parts_that_meet_at_a_corner_are_one() -> None:
    foot = at((slice(58, 60), slice(56, 58)))
    labels = (BODY | foot).astype(np.uint8)
    labels[58, 56] = 0
    labels[59, 55:57] = 1
    kept = cleaned(labels, SURE, [HEAD])
    assert kept[58, 57] == 1


def test_small_holes_are_closed_and_large_ones_stay() -> None:
    gap = at((slice(30, 40), slice(42, 50)))
    pinhole = at((slice(50, 51), slice(44, 45)))
    labels = (BODY & ~gap & ~pinhole).astype(np.uint8)
    assert (cleaned(labels, SURE, [HEAD]) == (BODY & ~gap)).all()


def test_a_hole_in_which_another_stands_is_not_closed_over_it() -> None:
    other = at((slice(50, 51), slice(44, 45)))
    labels = np.where(other, 2, BODY).astype(np.uint8)
    kept = cleaned(labels, SURE, [HEAD, other])
    assert kept[50, 44] == 2


def test_a_figure_without_its_head_is_none() -> None:
    labels = at((slice(30, 60), slice(36, 56))).astype(np.uint8)
    assert not cleaned(labels, SURE, [HEAD]).any()
    assert not cleaned(labels * 0, SURE, [HEAD]).any()
    assert not cleaned(labels, SURE, []).any()


def test_each_label_is_cleaned_by_its_own_head() -> None:
    other = at((slice(10, 60), slice(70, 90)))
    labels = (BODY + 2 * other.astype(np.uint8)).astype(np.uint8)
    second = at((slice(12, 20), slice(76, 84)))
    assert (cleaned(labels, SURE, [HEAD, second]) == labels).all()
    assert (cleaned(labels, SURE, [second, HEAD]) == 0).all()


def test_holes_of_at_most_so_many_pixels() -> None:
    mask = np.ones((7, 9), bool)
    mask[1, 1] = mask[3:5, 3:5] = False
    mask[6, 8] = False  # open to the edge of the frame is as closed as any
    assert without_holes(mask, 0).sum() == mask.sum()
    assert (~without_holes(mask, 1)).sum() == 4
    assert without_holes(mask, 4).all()
    assert without_holes(np.ones((3, 3), bool), 4).all()
    diagonal = np.ones((4, 4), bool)
    diagonal[1, 1] = diagonal[2, 2] = False
    assert without_holes(diagonal, 1).all()  # holes that meet at a corner are two
