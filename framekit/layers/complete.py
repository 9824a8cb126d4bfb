"""Parts of a figure that another one covers, taken from frames of the shot in which they are to be seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framekit.figures.tracks import Flags, Shown
from framekit.pixels.decode import Pixels

Place = NDArray[np.float64]  # (2, 3): takes pixels of another frame to pixels of this one
Features = tuple[NDArray[np.float32], NDArray[np.float32]]

CONTACT = 0.1  # of the square root of a figure's area: how long it must touch another one; chosen
MOST_VIEWS = 8  # frames that are looked at, the nearest in time; chosen for the time it takes
FAINT = 0.02  # contrast of the faintest feature, half of OpenCV's: drawings are flat; chosen
FEWEST_MATCHES = 12  # features that agree on where a figure is; chosen
OFF_PLACE = 2.0  # pixels between them; chosen
RATIO = 0.75  # of the distance to the second best match. Source: Lowe, SIFT
MOST_TURN, MOST_ZOOM = 0.35, 1.6  # radians and times by which one view may differ from the other; chosen
SAME_COLOUR = 24  # grey levels of 3 x 3 pixels on average, in the channel that differs most; chosen
SAME_DRAWING = 0.85  # of what both views show, and of what lies near the hidden part, that is the same; chosen
NEAR = 0.05  # of the height: what is near a hidden part; chosen
SLIVER = 0.004  # of the height: narrower parts are errors of the masks; chosen
MIN_PART = 0.0005  # of the frame; chosen


@dataclass(frozen=True)
class Completion:
    """What was hidden of a figure: (H, W, 4) uint8 RGBA, straight alpha, and the same as flags (H, W).

    `sources` are the numbers of the frames that it comes from, the one that gave most first.
    """

    picture: Pixels
    filled: Flags
    sources: tuple[int, ...]


def complete(frames: Sequence[Shown], followed: Sequence[Sequence[int]], number: int, figure: int) -> Completion | None:
    """Return what others cover of a figure of a frame, seen in other frames of the shot; None if none shows it.

    `followed` are the tracks of the figures, `number` counts frames and `figure` the figures of that frame. Only views
    of the same drawing are taken: where it moved as one, with the same colours beside the hidden part.
    """
    import cv2

    frame, track = frames[number], followed[number][figure]
    own = frame.labels == frame.figures[figure].label
    covering = (frame.labels > 0) & ~own
    others = [other for other in range(len(frames)) if other != number and track in followed[other]]
    if not others or not touches(own, covering):
        return None
    known = features(frame.pixels, own)
    picture, filled = np.zeros((*own.shape, 4), np.uint8), np.zeros(own.shape, bool)
    sources = []
    for other in sorted(others, key=lambda other: (abs(other - number), other))[:MOST_VIEWS]:
        view = frames[other]
        shows = view.labels == view.figures[followed[other].index(track)].label
        place = place_of(known, features(view.pixels, shows))
        if place is None:
            continue
        size = own.shape[1], own.shape[0]
        pixels = np.asarray(cv2.warpAffine(view.pixels, place, size), np.uint8)
        inside = cv2.erode(shows.astype(np.uint8), np.ones((3, 3), np.uint8))  # its edge is mixed with what is behind
        there = cv2.warpAffine(inside, place, size, flags=cv2.INTER_NEAREST) > 0
        part = revealed(frame.pixels, own, covering & ~filled, pixels, there)
        picture[part, :3], picture[part, 3] = pixels[part], 255
        filled |= part
        sources += [(int(part.sum()), other)] if part.any() else []
    if not sources:
        return None
    return Completion(picture, filled, tuple(other for _, other in sorted(sources, reverse=True)))


def touches(own: Flags, covering: Flags) -> bool:
    """Tell whether a figure borders on others for long enough to be covered by them."""
    import cv2

    grown = cv2.dilate(own.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return bool((grown & covering).sum() >= CONTACT * np.sqrt(own.sum()) > 0)


def revealed(pixels: Pixels, own: Flags, covering: Flags, moved: Pixels, there: Flags) -> Flags:
    """Return which pixels of what covers a figure another view of it shows, (H, W); none if it is another drawing.

    `own` is the figure in the frame, `moved` and `there` the pixels and the figure of the other view, in their place.
    """
    import cv2

    same = cv2.blur(cv2.absdiff(pixels, moved), (3, 3)).max(2) <= SAME_COLOUR
    both = cv2.erode((own & there).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    chosen = np.zeros(own.shape, bool)
    if not both.any() or same[both].mean() < SAME_DRAWING:
        return chosen
    width = 2 * max(1, round(SLIVER * len(own))) + 1
    hidden = cv2.morphologyEx((there & covering).astype(np.uint8), cv2.MORPH_OPEN, np.ones((width, width), np.uint8))
    reach = 2 * max(1, round(NEAR * len(own))) + 1
    count, parts = cv2.connectedComponents(hidden)
    for part in range(1, count):
        flags = parts == part
        beside = both & (cv2.dilate(flags.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0)
        if flags.mean() >= MIN_PART and beside.any() and same[beside].mean() >= SAME_DRAWING:
            chosen |= flags
    return chosen


def features(pixels: Pixels, inside: Flags) -> Features | None:
    """Return the features within a figure, (N, 2) places and (N, 128) descriptors; None if there are too few."""
    import cv2

    left, top, width, height = cv2.boundingRect(inside.astype(np.uint8))
    part = slice(top, top + height), slice(left, left + width)
    mask = cv2.erode(inside[part].astype(np.uint8), np.ones((5, 5), np.uint8))
    if not mask.any():
        return None
    grey = cv2.cvtColor(pixels[part], cv2.COLOR_RGB2GRAY)
    points, descriptors = cv2.SIFT.create(contrastThreshold=FAINT).detectAndCompute(grey, mask)
    if descriptors is None or len(points) < FEWEST_MATCHES:
        return None
    places = np.array([point.pt for point in points], np.float32) + np.array([left, top], np.float32)
    return places, np.asarray(descriptors)


def place_of(known: Features | None, others: Features | None) -> Place | None:
    """Return how another view of a figure is moved, turned and scaled to lie on this one; None if that is not sure."""
    import cv2

    if known is None or others is None:
        return None
    pairs = cv2.BFMatcher().knnMatch(others[1], known[1], k=2)
    good = [best for best, second in pairs if best.distance < RATIO * second.distance]
    if len(good) < FEWEST_MATCHES:
        return None
    start, end = others[0][[match.queryIdx for match in good]], known[0][[match.trainIdx for match in good]]
    place, agree = cv2.estimateAffinePartial2D(start, end, ransacReprojThreshold=OFF_PLACE)
    if place is None or agree.sum() < FEWEST_MATCHES:
        return None
    zoom, turn = float(np.hypot(place[0, 0], place[1, 0])), float(np.arctan2(place[1, 0], place[0, 0]))
    plausible = 1 / MOST_ZOOM <= zoom <= MOST_ZOOM and abs(turn) <= MOST_TURN
    return np.asarray(place, np.float64) if plausible else None
