"""Numbers that tell a figure from its background: bars, places, colours, flat regions, ways."""

import numpy as np
import pytest
from numpy.typing import NDArray

from framekit.boxes import Face
from framekit.figures.features import (
    BINS,
    FAR,
    Colours,
    Regions,
    bars_of,
    blurred,
    drawing_of,
    grid_of,
    lab_of,
    places_of,
    regions_of,
    spread_of,
    ways_from,
)
from tests.conftest import BLACK, BLUE, RED, WHITE, patchwork, plain

GREY = (120, 120, 120)
FACE = Face((0.4, 0.2, 0.6, 0.4), 0.9)  # on 100 x 100: 40 to 60 across, 20 to 40 down


def barred(above: int = 0, below: int = 0, left: int = 0, right: int = 0) -> NDArray[np.uint8]:
    """Return a grey picture of 60 x 90 with black bars of so many px."""
    pixels = plain(GREY, 90, 60)
    pixels[:above] = pixels[60 - below :] = pixels[:, :left] = pixels[:, 90 - right :] = 0
    return pixels


@pytest.mark.parametrize(
    ("sides", "rows", "columns"),
    [
        ((0, 0, 0, 0), [], []),
        ((8, 6, 0, 0), [*range(8), *range(54, 60)], []),
        ((0, 0, 10, 12), [], [*range(10), *range(78, 90)]),
        ((0, 8, 0, 0), [*range(52, 60)], []),
        ((1, 1, 0, 0), [], []),  # an edge is no bar
        ((20, 0, 0, 0), [], []),  # nor is a third of the frame
        ((4, 4, 5, 5), [*range(4), *range(56, 60)], [*range(5), *range(85, 90)]),
    ],
)
def test_bars(sides: tuple[int, int, int, int], rows: list[int], columns: list[int]) -> None:
    expected = np.zeros((60, 90), bool)
    expected[rows] = True
    expected[:, columns] = True
    assert (bars_of(barred(*sides)) == expected).all()


def test_a_black_frame_and_a_small_one_have_no_bars() -> None:
    assert not bars_of(plain(BLACK, 90, 60)).any()
    assert not bars_of(plain(BLACK, 1, 1)).any()
    assert not bars_of(plain(GREY, 1, 1)).any()


def test_specks_in_a_bar_do_not_end_it() -> None:
    pixels = barred(above=8)
    pixels[3, 40] = 255
    assert bars_of(pixels)[:8].all()
    pixels[3, 40:46] = 255
    assert not bars_of(pixels)[3:].any()


def test_places_of_one_face() -> None:
    found = places_of([FACE], (100, 100))
    sure, body, reach = found.sure, found.body, found.reach
    assert sure[30, 50]
    assert sure[45, 50]  # the neck
    assert not sure[21, 41]  # a corner of the box
    assert not sure[70, 50]
    assert body[70, 50]
    assert not (body & sure).any()
    assert body[70, 73]
    assert not body[70, 85]
    assert not body[42, 65]  # shoulders widen downward
    assert found.head[15, 50]
    assert not found.head[5, 50]
    assert found.core[100 - 1, 50]
    assert not found.core[99, 60]
    assert reach.all()


def test_beyond_reach_is_no_figure() -> None:
    reach = places_of([Face((0.45, 0.2, 0.55, 0.3), 0.9)], (100, 100)).reach
    assert [bool(reach[50, column]) for column in (17, 18, 81, 82)] == [False, True, True, False]
    assert [bool(reach[row, 50]) for row in (3, 4, 99)] == [False, True, True]


def test_distances_are_in_lengths_of_the_face() -> None:
    found = places_of([FACE], (100, 100))
    assert found.scale[0, 0] == pytest.approx(0.2)
    assert found.across[30, 70] == pytest.approx((70.5 - 50) / 20)
    assert found.below[70, 50] == pytest.approx((70.5 - 30) / 20)
    assert found.near[70, 50] == pytest.approx(0.35 * 40.5 / 20, abs=0.01)  # down the body is near
    assert found.near[10, 50] == pytest.approx(19.5 / 20, abs=0.01)
    assert (found.second == FAR).all()


def test_the_nearer_of_two_faces_counts() -> None:
    other = Face((0.8, 0.2, 0.9, 0.3), 0.9)
    found = places_of([FACE, other], (100, 100))
    alone = [places_of([face], (100, 100)) for face in (FACE, other)]
    assert found.scale[30, 50] == pytest.approx(0.2)
    assert found.scale[25, 85] == pytest.approx(0.1)
    assert found.near == pytest.approx(np.minimum(alone[0].near, alone[1].near))
    assert found.second == pytest.approx(np.maximum(alone[0].near, alone[1].near))
    assert (found.sure == (alone[0].sure | alone[1].sure)).all()
    order = places_of([other, FACE], (100, 100))
    assert order.near == pytest.approx(found.near)
    assert order.second == pytest.approx(found.second)
    assert order.across == pytest.approx(found.across)


def test_places_without_faces() -> None:
    found = places_of([], (5, 7))
    assert found.near.shape == (5, 7)
    assert (found.near == FAR).all()
    assert not (found.sure | found.body | found.reach | found.head | found.core).any()


@pytest.mark.parametrize("box", [(0.5, 0.5, 0.5, 0.5), (0.0, 0.0, 0.0, 0.3), (1.0, 1.0, 1.0, 1.0)])
def test_a_face_without_area_counts_as_one_pixel(box: tuple[float, float, float, float]) -> None:
    found = places_of([Face(box, 0.9)], (40, 40))
    assert np.isfinite(found.near).all()
    assert found.scale.max() > 0


@pytest.mark.parametrize("box", [(0.0, 0.0, 0.2, 0.2), (0.8, 0.8, 1.0, 1.0), (0.0, 0.0, 1.0, 1.0)])
def test_a_face_at_the_edge_of_the_frame(box: tuple[float, float, float, float]) -> None:
    found = places_of([Face(box, 0.9)], (50, 80))
    left, top, right, bottom = box
    assert found.sure[int((top + bottom) * 25), int((left + right) * 40)]
    assert found.sure.shape == (50, 80)


def test_a_grid_has_its_rows_and_the_form_of_the_frame() -> None:
    assert grid_of(plain(RED, 320, 180)).shape == (144, 256, 3)
    assert grid_of(plain(RED, 320, 180), 36).shape == (36, 64, 3)
    assert (grid_of(plain(RED, 320, 180)) == RED).all()


@pytest.mark.parametrize(("size", "columns"), [((1, 1), 144), ((16, 16), 144), ((2, 900), 8), ((900, 2), 1024)])
def test_grids_of_odd_frames_stay_small(size: tuple[int, int], columns: int) -> None:
    assert grid_of(plain(WHITE, *size)).shape == (144, columns, 3)


def test_colours_are_counted_under_masks() -> None:
    pixels = plain(RED, 10, 10)
    pixels[:, 5:] = BLUE
    colours = Colours(lab_of(pixels))
    left = np.zeros((10, 10), bool)
    left[:, :5] = True
    assert len(np.unique(colours.bins)) == 2
    assert colours.share(left).shape == (BINS**3,)
    assert colours.share(left).sum() == pytest.approx(1)
    ratio = colours.ratio(left, ~left)
    assert ratio[:, :5].min() > 5
    assert ratio[:, 5:].max() < -5
    assert colours.ratio(left, left) == pytest.approx(np.zeros((10, 10)))


def test_colours_under_an_empty_mask_tell_nothing() -> None:
    colours = Colours(lab_of(plain(RED, 4, 4)))
    none = np.zeros((4, 4), bool)
    assert colours.share(none).sum() == 0
    assert colours.ratio(none, none) == pytest.approx(np.zeros((4, 4)))


def test_flat_regions_are_connected_places_of_one_colour() -> None:
    pixels = plain(WHITE, 40, 24)
    pixels[4:12, 4:12] = RED
    pixels[14:22, 4:12] = RED
    found = regions_of(pixels)
    upper, lower, ground = found.number[8, 8], found.number[18, 8], found.number[0, 0]
    assert len({int(upper), int(lower), int(ground)}) == 3
    assert (found.number[6:10, 6:10] == upper).all()
    assert found.number[23, 39] == ground
    assert 36 <= found.area[upper] <= 64
    assert found.area.sum() == 24 * 40


def test_means_and_edges_of_regions() -> None:
    number = np.array([[0, 0, 1, 1], [0, 0, 1, 1]], np.int32)
    found = Regions(number, 2)
    values = np.array([[1, 2, 5, 5], [3, 2, 5, 9]], np.float32)
    assert found.mean(values).tolist() == [[2, 2, 6, 6], [2, 2, 6, 6]]
    every = slice(None)
    assert found.touching((every, slice(0, 1))).tolist() == [[1, 1, 0, 0], [1, 1, 0, 0]]
    assert found.touching((slice(0, 1), every)).tolist() == [[1, 1, 1, 1], [1, 1, 1, 1]]


def test_one_pixel_is_one_region() -> None:
    assert regions_of(plain(RED, 1, 1)).count == 1


def test_a_way_over_an_edge_is_longer_than_one_without() -> None:
    pixels = plain(GREY, 40, 20)
    pixels[:, 20:22] = WHITE
    seed = np.zeros((20, 40), bool)
    seed[8:12, 0:4] = True
    [far] = ways_from(lab_of(pixels), [seed])
    assert far.shape == (20, 40)
    assert far[10, 1] == 0
    assert far[10, 17] == pytest.approx(0.35 * 7, abs=0.6)
    assert far[10, 30] > far[10, 17] + 50
    assert (np.diff(far[10, 4:17]) >= -1e-5).all()


def test_ways_from_nothing_are_far_and_each_seed_has_its_own() -> None:
    seeds = [np.zeros((6, 8), bool), np.ones((6, 8), bool)]
    nothing, everything = ways_from(lab_of(plain(RED, 8, 6)), seeds)
    assert (nothing == FAR).all()
    assert (everything == 0).all()
    assert ways_from(lab_of(plain(RED, 8, 6)), []) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)])
def test_ways_in_narrow_frames(size: tuple[int, int]) -> None:
    [far] = ways_from(lab_of(plain(RED, *size)), [np.ones(size[::-1], bool)])
    assert far.shape == size[::-1]
    assert (far == 0).all()


def test_drawing_is_measured_against_that_of_the_head() -> None:
    pixels = plain(GREY, 80, 80)
    pixels[::8] = 0
    pixels[:, 40:] = GREY
    head = np.zeros((40, 40), bool)
    head[10:20, 5:15] = True
    found = drawing_of(pixels, head)
    assert len(found) == 8
    assert {one.shape for one in found} == {(40, 40)}
    near, _, of_head, _, peak, line, _, of_line = found
    assert near[20, 5] > 10 * near[20, 35]
    assert of_head[15, 10] == pytest.approx(1, abs=0.15)
    assert line[20, 10] > 0 == line[20, 35]
    assert peak[15, 10] == pytest.approx(1, abs=0.15)
    assert of_line[15, 10] == pytest.approx(1, abs=0.2)
    assert np.isfinite(drawing_of(pixels, np.zeros((40, 40), bool))).all()


def test_blur_and_spread() -> None:
    one = np.zeros((5, 5), np.float32)
    one[2, 2] = 9
    assert blurred(one, 3)[2, 2] == pytest.approx(1)
    assert spread_of(lab_of(plain(RED, 20, 20)), 5) == pytest.approx(np.zeros((20, 20)), abs=0.1)
    assert spread_of(lab_of(patchwork(1)), 5).max() > 10
