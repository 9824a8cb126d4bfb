"""Tiles of a frame, and faces that are found in them."""

import pytest

from framekit.boxes import Face
from framekit.faces.detect import Finder, from_view, views_of
from framekit.faces.filter import Limits
from framekit.faces.models import InWorker
from framekit.pixels.decode import Pixels
from tests.conftest import BLACK, RED, plain

SIZE = (1750, 700)


def test_without_tiles_the_frame_is_the_only_view() -> None:
    assert views_of(SIZE, 0) == views_of(SIZE, 1) == [(0, 0, 1750, 700)]


def test_tiles_overlap_and_cover_the_frame() -> None:
    whole, *tiles = views_of(SIZE, 2)
    assert whole == (0, 0, 1750, 700)
    assert tiles == [(0, 0, 1000, 400), (750, 0, 1750, 400), (0, 300, 1000, 700), (750, 300, 1750, 700)]


@pytest.mark.parametrize("tiles", [2, 3, 5])
def test_every_pixel_lies_in_a_tile(tiles: int) -> None:
    parts = views_of((101, 67), tiles)[1:]
    assert len(parts) == tiles * tiles
    assert {x for left, _, right, _ in parts for x in range(left, right)} == set(range(101))
    assert {y for _, top, _, bottom in parts for y in range(top, bottom)} == set(range(67))


def test_a_face_of_a_tile_lies_in_the_frame() -> None:
    view = (750, 300, 1750, 700)
    assert from_view(Face((0.25, 0.25, 0.5, 0.5), 0.9), view, SIZE) == Face((0.5714, 0.5714, 0.7143, 0.7143), 0.9)


@pytest.mark.parametrize(
    ("box", "stays"),
    [
        ((0.0, 0.2, 0.2, 0.4), False),  # cut by the left edge of the tile, which lies inside the frame
        ((0.2, 0.005, 0.4, 0.4), False),
        ((0.8, 0.2, 1.0, 0.4), True),  # the frame ends there too
        ((0.2, 0.8, 0.4, 1.0), True),
        ((0.02, 0.02, 0.4, 0.4), True),
    ],
)
def test_a_face_that_an_inner_edge_cuts_is_left_to_the_next_tile(box: tuple[float, ...], stays: bool) -> None:
    left, top, right, bottom = box
    assert (from_view(Face((left, top, right, bottom), 0.9), (750, 300, 1750, 700), SIZE) is not None) is stays


def small_ones_only(pixels: Pixels) -> list[Face]:
    """See the red square if it is at least a tenth as high as what is shown."""
    rows, columns = (pixels[..., 0] > 200).nonzero()
    if len(rows) == 0 or rows.max() - rows.min() < pixels.shape[0] / 10:
        return []
    height, width = pixels.shape[:2]
    box = columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height
    return [Face((float(box[0]), float(box[1]), float(box[2]), float(box[3])), 0.9)]


def test_a_small_face_is_found_in_a_tile_once() -> None:
    pixels = plain(BLACK, 700, 700)
    pixels[310:360, 310:360] = RED  # in the overlap of all four tiles
    missed, found = (Finder([InWorker(small_ones_only)], [0.5], tiles, Limits()) for tiles in (0, 2))
    assert missed.seen([missed.look(pixels)])[0].faces == []
    [face] = found.seen([found.look(pixels)])[0].faces
    assert face.box == pytest.approx((310 / 700, 310 / 700, 360 / 700, 360 / 700), abs=2e-3)


def test_tiles_without_any_face_are_no_faces() -> None:
    finder = Finder([InWorker(lambda pixels: [])], [0.5], 2, Limits())
    assert finder.seen([finder.look(plain(BLACK, 700, 700))])[0].faces == []
