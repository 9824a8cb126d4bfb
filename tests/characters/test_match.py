"""Methods that name a face from vectors of references, when a name is good enough, and how that is calibrated."""

import math

import numpy as np
import pytest

from framekit.characters.calibrate import (
    BAND,
    DEFAULT_THRESHOLD,
    PRIORS,
    Trials,
    best_cut,
    best_weights,
    held_out,
    impostors,
    least_strength,
    scale_of,
    try_out,
    weightings,
)
from framekit.characters.match import (
    NAMERS,
    Acceptance,
    Candidate,
    References,
    centroid_namer,
    knn_namer,
    linear_namer,
    ranked,
)
from tests.characters.helpers import at, known


def best(references: References, method: str, degrees: float) -> str:
    namer = NAMERS[method](references)
    return ranked(namer, namer.score(at(degrees))[0])[0].name


@pytest.mark.parametrize("method", sorted(NAMERS))
def test_each_method_names_what_lies_near_a_character(method: str) -> None:
    references = known(Aoba=[0, 8, 12], Hinata=[70, 75, 88])
    assert best(references, method, 5) == "Aoba"
    assert best(references, method, 80) == "Hinata"


def test_centroid_takes_the_mean_and_knn_the_nearest() -> None:
    # Aoba's mean lies at 40 degrees; the face at 75 is next to Aoba's 80, and nearer to Hinata's mean
    references = known(Aoba=[0, 80], Hinata=[55])
    assert best(references, "centroid", 75) == "Hinata"
    assert best(known(Aoba=[0, 78, 79, 80], Hinata=[55]), "knn", 75) == "Aoba"


def test_knn_takes_the_mean_of_the_three_nearest() -> None:
    namer = knn_namer(known(Aoba=[0, 60, 90, 90]))
    assert namer.score(at(0))[0, 0] == pytest.approx((1 + 0.5 + 0) / 3, abs=1e-6)


def test_people_to_ignore_are_compared_one_by_one() -> None:
    namer = centroid_namer(known(Aoba=[30], ood=[0, 90]))
    assert namer.score(at(90))[0].tolist() == pytest.approx([0.5, 1.0], abs=1e-6)


def test_linear_gives_about_one_to_the_right_and_none_to_the_other() -> None:
    scores = linear_namer(known(Aoba=[0] * 9, Hinata=[90])).score(at(0, 90))
    assert scores[0, 0] > 0.7 > 0.2 > abs(scores[0, 1])
    assert scores[1, 1] > 0.7  # although Aoba has nine times as many references


def test_a_mirrored_view_counts_as_well() -> None:
    references = References(["Aoba", "Hinata"], np.stack([at(0, 120), at(60, 180)]), at(0, 60)[:, None])
    assert ranked(namer := centroid_namer(references), namer.score(at(118))[0])[0].name == "Aoba"


def test_names_are_ranked_and_rounded() -> None:
    namer = centroid_namer(known(Aoba=[0], Hinata=[60]))
    assert ranked(namer, np.array([0.123456, 0.9])) == [Candidate("Hinata", 0.9), Candidate("Aoba", 0.1235)]


@pytest.mark.parametrize(
    ("similarity", "runner_up", "weight", "holds"),
    [
        (0.75, None, 0.0, True),
        (0.74, 0.70, 0.0, False),
        (0.74, None, 0.5, False),
        (0.70, 0.60, 0.5, True),
        (0.70, 0.65, 0.5, False),
        (0.70, 0.10, 0.0, False),
        (0.50, 0.00, 1.0, True),
        (0.99, 0.98, 0.5, False),  # the runner-up is too close
        (0.99, 0.96, 0.5, True),
    ],
)
def test_when_a_name_is_good_enough(similarity: float, runner_up: float | None, weight: float, holds: bool) -> None:
    candidates = [Candidate("a", similarity)] + ([Candidate("b", runner_up)] if runner_up is not None else [])
    acceptance = Acceptance(0.75, weight)
    strength = acceptance.strength(np.array([[one.score for one in candidates]]))
    assert acceptance.holds(candidates, float(strength[0])) is holds


def test_strength_is_similarity_and_half_the_lead() -> None:
    assert Acceptance(0, 0.5).strength(np.array([[0.8, 0.6, 0.1], [0.2, 0.2, 0.2]])).tolist() == pytest.approx(
        [0.9, 0.2]
    )
    assert Acceptance(0, 0.5).strength(np.array([[0.8]])).tolist() == [0.8]


def test_held_out_references_are_named_by_the_others() -> None:
    references = known(Aoba=[0, 10], Hinata=[90])
    found = dict(held_out(references, centroid_namer, quick=False))
    assert sorted(found) == [0, 1]  # Hinata has no other reference
    assert found[0].tolist() == pytest.approx([math.cos(math.radians(10)), 0], abs=1e-6)


def test_folds_hold_out_every_reference_once() -> None:
    references = known(Aoba=[0, 5, 10, 15], Hinata=[80, 85, 90])
    assert sorted(row for row, _ in held_out(references, centroid_namer, quick=True)) == list(range(7))


def test_a_left_out_character_is_an_impostor() -> None:
    trials = try_out(known(Aoba=[0], Hinata=[60], Kokona=[150]), centroid_namer, 0.0, quick=False)
    assert sorted(trials.impostors.tolist()) == pytest.approx([0.0, 0.0, 0.5, 0.5, 0.5, 0.5], abs=1e-6)
    assert len(trials.right) == 0


def test_people_to_ignore_are_impostors_too_but_never_known() -> None:
    references = known(Aoba=[0, 2], Hinata=[90, 92], ood=[45])
    assert len(list(impostors(references, centroid_namer, quick=False))) == 5
    assert sorted(row for row, _ in held_out(references, centroid_namer, quick=False)) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("strange", "prior", "least"),
    [
        ([0.3, 0.6], None, 0.8),
        ([0.3, 0.4], 0.74, 0.74 + BAND[0]),
        ([0.3, 0.95], 0.74, 0.74 + BAND[1]),
        ([0.5], 0.74, 0.75),
        ([], 0.74, 0.74),
        ([], None, DEFAULT_THRESHOLD),
    ],
)
def test_the_least_strength_lies_between_impostors_and_held_out_references(
    strange: list[float], prior: float | None, least: float
) -> None:
    trials = Trials(np.ones(1, bool), np.ones(1), np.array(strange))
    assert least_strength(trials, prior) == pytest.approx(least)


@pytest.mark.parametrize(("strength", "least"), [([0.52, 0.8], 0.52), ([0.9, 0.95], DEFAULT_THRESHOLD)])
def test_a_single_character_keeps_its_own_references(strength: list[float], least: float) -> None:
    trials = Trials(np.ones(2, bool), np.array(strength), np.array([]))
    assert least_strength(trials, None) == pytest.approx(least)


def test_references_named_wrong_do_not_set_the_least_strength() -> None:
    trials = Trials(np.array([True, True, False]), np.array([0.8, 0.9, 0.1]), np.array([0.4, 0.6]))
    assert least_strength(trials, None) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("right", "strange", "cut"),
    [
        ([0.8, 0.9], [0.1, 0.2], 0.5),  # in the middle of a gap
        ([0.4, 0.8, 0.9], [0.1, 0.2, 0.5], 0.3),  # the one below 0.5 is worth more than the stranger there
        ([0.4, 0.8, 0.9], [0.1, 0.5, 0.6, 0.7], 0.75),
        ([0.2], [0.9], 0.2),  # of equals, the lowest
        ([0.5, 0.5], [0.5], 0.5),
    ],
)
def test_where_known_and_strange_part_best(right: list[float], strange: list[float], cut: float) -> None:
    assert best_cut(np.array(right), np.array(strange)) == pytest.approx(cut)


def test_separation_counts_right_and_stronger_pairs() -> None:
    trials = Trials(np.array([True, True, False]), np.array([0.9, 0.5, 0.9]), np.array([0.6, 0.7]))
    assert trials.separation == pytest.approx(1 / 3)


def test_ccip_starts_from_its_own_threshold() -> None:
    assert PRIORS[("ccip", "centroid")] == pytest.approx(1 - 2 * 0.17848, abs=1e-3)


def test_weights_sum_to_one_and_scale_dot_products() -> None:
    assert weightings(1) == [(1.0,)]
    assert all(sum(one) == 1 for one in weightings(3))
    assert (0.25, 0.75) in weightings(2)
    scale = scale_of([2, 3], (0.25, 0.75))
    joined = np.array([1, 0, 0, 1, 0], np.float32)
    assert float((joined * scale) @ (joined * scale)) == pytest.approx(1)


def test_a_descriptor_that_separates_nobody_gets_no_weight() -> None:
    good = at(0, 5, 50, 55)
    bad = np.tile(at(0), (4, 1))
    bad[[0, 2]] = at(90)  # pairs up the wrong ones
    rows = np.concatenate([good, bad], axis=1)[:, None]
    references = References(["Aoba", "Aoba", "Hinata", "Hinata"], rows, rows)
    assert best_weights(references, [2, 2], centroid_namer)[0] > 0.5
