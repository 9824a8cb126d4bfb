"""What the benchmark of layers counts."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.layers_figures import apart, edge_errors, iou, matched

ROW: NDArray[np.uint8] = np.zeros((100, 200), np.uint8)


def block(left: int, right: int) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = np.zeros(ROW.shape, bool)
    mask[10:90, left:right] = True
    return mask


def labels_of(*masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    made: NDArray[np.uint8] = ROW.copy()
    for label, mask in enumerate(masks, 1):
        made[mask] = label
    return made


TRUE = [block(10, 60), block(70, 120)]


def test_each_figure_with_one_of_its_own_is_found() -> None:
    assert matched(labels_of(block(12, 60), block(70, 118)), TRUE) == (2, 2, 0, 0, 0)


def test_one_over_both_is_merged() -> None:
    assert matched(labels_of(block(10, 120)), TRUE) == (2, 0, 2, 0, 0)


def test_two_on_one_are_split_and_the_larger_finds_it() -> None:
    assert matched(labels_of(block(10, 40), block(40, 60), block(70, 120)), TRUE) == (2, 2, 0, 1, 0)


def test_one_beside_all_is_false_and_what_nobody_touches_is_missed() -> None:
    assert matched(labels_of(block(10, 60), block(140, 190)), TRUE) == (2, 1, 0, 0, 1)
    assert matched(ROW, TRUE) == (2, 0, 0, 0, 0)


def test_specks_are_no_figures_but_count_in_the_mask() -> None:
    mask = block(10, 60)
    mask[95, 150] = True
    labels = apart(mask, least=16384)
    assert [*np.unique(labels)] == [0, 1, 255]
    assert iou(labels > 0, mask) == 1.0


def test_errors_of_alpha_count_near_the_true_edge_alone() -> None:
    truth = np.zeros((720, 1280), np.float32)
    truth[200:500, 200:500] = 1
    far = truth.copy()
    far[600:, 1000:] = 1
    assert edge_errors(far, truth) == (0.0, 0.0)
    error, steepness = edge_errors(np.zeros_like(truth), truth)
    assert 0.4 < error < 0.55  # half of the band is inside
    assert steepness > 1
