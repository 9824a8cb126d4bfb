"""Label pictures as editors and other programs save them, and the weights that are made of them."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from framekit.errors import UnreadableFrame
from framekit.pixels.labels import fitted, labels_of, read_grey, read_labels, weights_of

LABELS = np.array([[0, 1, 2], [2, 0, 1]], np.uint8)


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Return an image as the bytes of a file."""
    held = io.BytesIO()
    image.save(held, kind, **options)
    return held.getvalue()


def with_palette(*colours: tuple[int, int, int]) -> Image.Image:
    """Return the labels as numbers of colours."""
    image = Image.fromarray(LABELS).convert("P")
    image.putdata(LABELS.ravel().tolist())
    image.putpalette([level for colour in colours for level in colour])
    return image


AS_SAVED = {
    "8-bit grey": saved(Image.fromarray(LABELS)),
    "GIMP, grey turned into RGB": saved(Image.fromarray(np.dstack([LABELS] * 3))),
    "Krita, RGBA": saved(Image.fromarray(np.dstack([*[LABELS] * 3, np.full_like(LABELS, 255)]))),
    "the background erased": saved(
        Image.fromarray(np.dstack([*[LABELS] * 3, np.where(LABELS, 255, 0).astype(np.uint8)]))
    ),
    "grey with alpha": saved(Image.fromarray(np.dstack([LABELS, np.full_like(LABELS, 255)]), "LA")),
    "16 bits as they are": saved(Image.fromarray(LABELS.astype(np.uint16))),
    "16 bits, spread": saved(Image.fromarray(LABELS.astype(np.uint16) * 257)),
    "32 bits": saved(Image.fromarray(LABELS.astype(np.int32)), "TIFF"),
    "a palette of colours": saved(with_palette((0, 0, 0), (128, 0, 0), (0, 128, 0))),
    "a palette whose background is clear": saved(with_palette((9, 9, 9), (128, 0, 0), (0, 128, 0)), transparency=0),
    "a palette of grey": saved(with_palette((0, 0, 0), (1, 1, 1), (2, 2, 2))),
    "run lengths": saved(Image.fromarray(LABELS), "TGA"),
}


@pytest.mark.parametrize("how", AS_SAVED)
def test_labels_are_read_however_an_editor_saves_them(how: str) -> None:
    assert read_labels(AS_SAVED[how]).tolist() == LABELS.tolist()
    assert read_labels(AS_SAVED[how]).dtype == np.uint8


def test_grey_levels_of_a_palette_are_labels_in_whatever_order_they_stand() -> None:
    image = with_palette((0, 0, 0), (7, 7, 7), (3, 3, 3))
    assert labels_of(image).tolist() == [[0, 7, 3], [3, 0, 7]]


def test_black_and_white_is_one_figure() -> None:
    image = Image.fromarray(np.where(LABELS, 255, 0).astype(np.uint8)).convert("1")
    assert (labels_of(image) > 0).tolist() == (LABELS > 0).tolist()


def test_colour_below_what_is_erased_does_not_matter() -> None:
    layers = np.zeros((2, 3, 4), np.uint8)
    layers[0] = (200, 10, 30, 0)
    layers[1] = (5, 5, 5, 255)
    assert labels_of(Image.fromarray(layers)).tolist() == [[0, 0, 0], [5, 5, 5]]


NO_LABELS = {
    "a painting": (saved(Image.new("RGB", (3, 2), (200, 10, 30))), "its colours are no labels; save it with 8 bits"),
    "levels between": (saved(Image.fromarray(LABELS.astype(np.uint16) * 1000)), "more than 8 bits"),
    "below zero": (saved(Image.fromarray(LABELS.astype(np.int32) - 1), "TIFF"), "more than 8 bits"),
    "decimal numbers": (saved(Image.fromarray(LABELS.astype(np.float32) / 3), "TIFF"), "more than 8 bits"),
    "no image": (b"mask", "it cannot be decoded (no image of a known format); segment it again"),
    "nothing": (b"", "it cannot be decoded"),
    "half of it": (saved(Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)))[:2000],
                   "it cannot be decoded"),
}  # fmt: skip


@pytest.mark.parametrize("what", NO_LABELS)
def test_what_holds_no_labels_is_refused_with_the_remedy(what: str) -> None:
    content, words = NO_LABELS[what]
    with pytest.raises(UnreadableFrame) as raised:
        read_labels(content)
    assert words in str(raised.value)


def test_masks_of_others_are_read_as_grey() -> None:
    assert read_grey(saved(Image.fromarray(np.array([[0, 127, 255]], np.uint8)))).tolist() == [[0, 127, 255]]
    assert read_grey(saved(Image.new("RGB", (1, 1), (40, 40, 40)))).tolist() == [[40]]


@pytest.mark.parametrize(("background", "grey"), [(0, 0), (0.1, 26), (0.5, 128), (1, 255)])
def test_the_background_is_as_grey_as_it_weighs(background: float, grey: int) -> None:
    assert weights_of(LABELS, [2], background).tolist() == [[grey, 255, grey], [grey, grey, 255]]


def test_a_label_that_is_not_listed_was_painted_and_counts() -> None:
    assert weights_of(np.array([[0, 1, 9]], np.uint8), [1], 0).tolist() == [[0, 0, 255]]


def test_weights_follow_the_size_of_a_frame_as_means() -> None:
    weights = np.array([[0, 0, 255, 255], [0, 0, 255, 255], [0, 255, 255, 255], [0, 255, 255, 255]], np.uint8)
    assert fitted(weights, 4, 4) is weights
    assert fitted(weights, 2, 2).tolist() == [[0, 255], [128, 255]]
    assert fitted(weights, 8, 8)[:, ::2][::2].tolist() == weights.tolist()


@pytest.mark.parametrize(("size", "fits"), [((1920, 1080), True), ((853, 480), True), ((854, 480), True),
                                            ((852, 480), True), ((640, 480), False), ((480, 853), False)])  # fmt: skip
def test_another_shape_is_no_resized_frame(size: tuple[int, int], fits: bool) -> None:
    weights = np.full((720, 1280), 255, np.uint8)
    if fits:
        assert fitted(weights, *size).shape == size[::-1]
    else:
        with pytest.raises(UnreadableFrame, match=f"it is 1280x720, its frame {size[0]}x{size[1]}; segment it again"):
            fitted(weights, *size)
