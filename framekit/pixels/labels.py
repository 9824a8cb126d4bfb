"""Label pictures, a number for each figure, as any editor saves them, and how much of each pixel is trained."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framekit.errors import UnreadableFrame
from framekit.pixels import decode, modes

Grey = NDArray[np.uint8]  # (H, W)
WHITE = 255
SLACK = 1.5  # px by which a picture may differ from the shape of its frame, as rounded sizes do; chosen
AGAIN = "segment it again, or paint it anew"
LEVELS = "save it with 8 bits, 0 for the background and a number from 1 to 255 for each figure"


def read_labels(content: bytes) -> Grey:
    """Return the labels in the bytes of a picture. Raises UnreadableFrame with the reason and the remedy."""
    return labels_of(opened(content))


def read_grey(content: bytes) -> Grey:
    """Return the grey levels in the bytes of a mask. Raises UnreadableFrame with the reason and the remedy."""
    return np.asarray(modes.flatten_image(opened(content)).convert("L"))


def opened(content: bytes) -> Any:
    """Return the bytes of a picture decoded by Pillow. Raises UnreadableFrame with the reason and the remedy."""
    from PIL import Image

    try:
        image = Image.open(BytesIO(content))
        image.load()
    except (Image.DecompressionBombError, *decode.DECODER_ERRORS) as error:
        raise UnreadableFrame(f"it cannot be decoded ({decode.reason_of(error)}); {AGAIN}") from error
    return image


def labels_of(image: Any) -> Grey:
    """Return the labels in a Pillow image of any mode, (H, W); what is transparent is background.

    Raises UnreadableFrame with the remedy for colours, or levels of more than 8 bits, that are no labels.
    """
    if image.mode == "P":
        return palette_labels(image)
    hidden = np.asarray(image.convert("RGBA"))[..., 3] == 0 if modes.has_alpha(image) else np.False_
    if image.mode.startswith("I") or image.mode == "F":
        labels = deep_labels(np.asarray(image))
    elif image.mode in ("L", "1"):
        labels = np.asarray(image.convert("L"))
    else:
        colours = np.asarray(image.convert("RGB"))
        if ((colours != colours[..., :1]).any(axis=2) & ~hidden).any():
            raise UnreadableFrame(f"its colours are no labels; {LEVELS}")
        labels = colours[..., 0]
    return np.where(hidden, np.uint8(0), labels) if hidden.any() else labels


def palette_labels(image: Any) -> Grey:
    """Return the labels of an image with a palette: its levels if all that are used are grey, else their numbers."""
    numbers = np.asarray(image)
    colours = np.asarray(image.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
    used = np.unique(numbers)
    if used.max(initial=0) >= len(colours):
        raise UnreadableFrame(f"its palette lacks a colour; {LEVELS}")
    clear = image.info.get("transparency")
    hidden = [clear] if isinstance(clear, int) else [at for at, level in enumerate(clear or b"") if not level]
    is_grey = (colours[used] == colours[used, :1]).all()
    table = colours[:, 0].copy() if is_grey else np.arange(len(colours), dtype=np.uint8)
    table[[at for at in hidden if at < len(table)]] = 0
    return np.asarray(table[numbers])


def deep_labels(levels: NDArray[Any]) -> Grey:
    """Return the labels in grey of more than 8 bits, as they are or as an editor spread them over 16 bits.

    >>> deep_labels(np.array([[0, 257, 514]], np.uint16)).tolist()
    [[0, 1, 2]]
    """
    if levels.max(initial=0) > WHITE and not (levels % 257).any():
        levels = levels // 257
    if levels.min(initial=0) < 0 or levels.max(initial=0) > WHITE or (levels % 1).any():
        raise UnreadableFrame(f"it has more than 8 bits, and levels that are no labels; {LEVELS}")
    return levels.astype(np.uint8)


def weights_of(labels: Grey, unused: Iterable[int], background: float) -> Grey:
    """Return how much each pixel is trained: 255 in figures, and the weight of the background, 0 to 1, elsewhere.

    `unused` are labels of figures that are not trained; any other was found, or painted by a person.

    >>> weights_of(np.array([[0, 1, 2]], np.uint8), [2], 0.1).tolist()
    [[26, 255, 26]]
    """
    table = np.full(WHITE + 1, WHITE, np.uint8)
    table[[0, *unused]] = round(background * WHITE)
    return np.asarray(table[labels])


def fitted(weights: Grey, width: int, height: int) -> Grey:
    """Return weights at the size of a frame in px, each the mean of those that it stands for.

    Raises UnreadableFrame with the remedy where the frame has another shape.
    """
    from PIL import Image

    rows, columns = weights.shape
    if (columns, rows) == (width, height):
        return weights
    if abs(columns * height - rows * width) > SLACK * max(columns, rows, width, height):
        raise UnreadableFrame(f"it is {columns}x{rows}, its frame {width}x{height}; {AGAIN}")
    return np.asarray(Image.fromarray(weights).resize((width, height), Image.Resampling.BOX))
