"""How good a frame is by itself: which frames are of low quality, and which of similar ones is the best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framekit.pixels.measure import Measures


@dataclass(frozen=True)
class Limits:
    """The limits a frame must meet to stay, in the units of Measures; 0 turns one off, 255 that of `max_dark`.

    On two composed shows, 1,245 frames without a transition have sharpness of 173 and more, contrast of 20 and more,
    their brightest percent is 128 and more, night included, and their darkest at most 182.
    """

    min_sharpness: float = 15.0
    min_contrast: float = 6.0
    min_bright: float = 40.0
    max_dark: float = 215.0
    fade_contrast: float = 0.7
    min_size: float = 0.0


OFF = Limits(0.0, 0.0, 0.0, 255.0, 0.0, 0.0)
FADE_LIKENESS = 0.8  # similarity from which two frames show the same picture, faded or not
FADE_REACH = 8  # frame numbers on either side that are compared
SUBTITLE_WEIGHT = 50.0  # subtitles raise `subtitle` by 0.01 to 0.03
TEXT = 40.0  # edges in a row: on two composed shows lines of subtitles have 49 and more, other frames at most 22
CONTRAST_WEIGHT = (
    12.0  # a fade of a tenth outweighs a subtitle; siblings differ by a hundredth. 10 to 16 lose no layout
)


# Reason, what is measured, its value and its limit, in the order in which they are checked.
CHECKS: tuple[tuple[str, str, Callable[[Measures, Limits], tuple[float, float]]], ...] = (
    ("small", "shorter side", lambda frame, limits: (frame.side, limits.min_size)),
    ("flat", "contrast", lambda frame, limits: (frame.contrast, limits.min_contrast)),
    ("dark", "brightest percent", lambda frame, limits: (frame.bright, limits.min_bright)),
    ("blurred", "sharpness", lambda frame, limits: (frame.sharpness, limits.min_sharpness)),
    ("bright", "darkest percent", lambda frame, limits: (-frame.dark, -limits.max_dark)),
)
FADE = "fade"
REASONS = (*(reason for reason, _, _ in CHECKS), FADE)
# The field of Limits that each reason goes by.
LIMIT_OF = {
    "small": "min_size",
    "flat": "min_contrast",
    "dark": "min_bright",
    "blurred": "min_sharpness",
    "bright": "max_dark",
    FADE: "fade_contrast",
}


def flaw(measures: Measures, limits: Limits) -> tuple[str, str] | None:
    """Return the reason for which a frame is of low quality, and the figure behind it; None if it is good."""
    for reason, name, check in CHECKS:
        value, limit = check(measures, limits)
        if value < limit:
            return reason, f"{name} {abs(value):.0f} {'<' if limit > 0 else '>'} {abs(limit):g}"
    return None


def faded(
    measures: Sequence[Measures], vectors: NDArray[np.float32], numbers: Sequence[int | None], share: float
) -> dict[int, str]:
    """Return the frames in a fade or flash, with the figures: one nearby shows the same picture at more contrast.

    `vectors` are descriptors of length 1, `numbers` those in the names of the frames of one folder, in order; frames
    without a number are never reported. On two composed shows it finds 57 of 151 such frames, and none of 1,245 others.
    """
    contrast = np.array([one.upper_contrast for one in measures], np.float32)
    found = {}
    for row, number in enumerate(numbers):
        near = [
            other
            for other in range(max(0, row - FADE_REACH), min(len(numbers), row + FADE_REACH + 1))
            if number is not None and (theirs := numbers[other]) is not None and abs(theirs - number) <= FADE_REACH
        ]
        alike = [other for other in near if vectors[other] @ vectors[row] >= FADE_LIKENESS]
        fullest = max((float(contrast[other]) for other in alike), default=0.0)
        if contrast[row] < share * fullest:
            found[row] = f"contrast {contrast[row]:.0f} where {fullest:.0f} is near"
    return found


def has_subtitles(measures: Measures) -> bool:
    """Tell whether a line of bright letters with dark outlines stands in the lower part of a frame."""
    return measures.text >= TEXT


def merit(measures: Measures) -> float:
    """Return how good a frame is among others of one drawing: sharpness and contrast count, subtitles count against."""
    light = CONTRAST_WEIGHT * np.log1p(measures.upper_contrast)
    return float(np.log1p(measures.sharpness) + light - SUBTITLE_WEIGHT * measures.subtitle)
