"""The same figure through a shot: who is who from frame to frame, and masks that keep still where the picture does."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from framekit.boxes import Box, overlap
from framekit.pixels.decode import Pixels
from framekit.sidecars.instances import Figure

Labels = NDArray[np.uint8]  # (H, W): 0 background, 1 and up the labels of figures
Tracks = NDArray[np.uint16]  # (H, W): 0 background, 1 and up tracks, the same in all frames of a shot
Flags = NDArray[np.bool_]  # (H, W)
Flow = NDArray[np.float32]  # (H, W, 2): how far right and down each pixel went, in pixels
Look = NDArray[np.float64]  # (BINS³,): how often each colour occurs
Camera = NDArray[np.float64]  # (2, 3): takes fractions (right, down, 1) of one frame to fractions of another

FLOW_WIDTH = 640  # pixels at which flow is measured. Source: 9 ms a pair
# Of each of R, G and B, and the height at which colours are counted. Chosen on composed shots of seeds 1 to 5: area
# under the curve .992 for same or other figure, with parts cut off; 8 and 16, Lab and HSV differ by less than .01.
BINS, LOOK_ROWS = 12, 270
GRID, OFF_GRID = 8, 1.5  # pixels at FLOW_WIDTH: step of the points that tell the camera, how far off one may be; chosen
CAMERA_SHARE, CAMERA_POINTS = 0.5, 40  # of the points of the background that move as one, and the fewest; chosen
# What counts how much in the cost of a figure as the same one: colours, overlap of boxes, distance; and the cost from
# which it is another one. Chosen on composed shots of seeds 1 to 5, with a fifth of the figures missed and a fifth cut.
LOOK, PLACE, DISTANCE = 1.2, 0.1, 0.1
OTHER_FIGURE = 0.4
SAME_NAME, OTHER_NAME = 1.2, 0.4  # what one name takes off the cost, and what two names add: both decide; chosen
FADING = 0.6  # what the last place is worth after each frame in which the figure was not seen; chosen
BAND = 0.012  # of the height: what is near a border; chosen
REACH = 2  # neighbours before and after; chosen
RETURN = 0.5  # pixels at FLOW_WIDTH between where flow starts and where the flow back leads; chosen
SAME_COLOUR = 12  # grey levels of 3 x 3 pixels on average, in the channel that differs most; chosen
SAME_DRAWING = 0.3  # of the pixels near the border of a figure, half of which are of what is behind it; chosen
OWN_VOTES, CORRECTED_VOTES = 1, 3  # so two neighbours, or one that a person corrected, outvote a frame


@dataclass(frozen=True)
class Shown:
    """A frame of a shot: pixels (H, W, 3) uint8 RGB, labels (H, W), the figures that these mean, and their names.

    `names` are in the order of the figures, "" where nobody knows. `is_corrected` says that a person drew the labels.
    """

    pixels: Pixels
    labels: Labels
    figures: Sequence[Figure]
    names: Sequence[str] = ()
    is_corrected: bool = False


@dataclass
class Track:
    """What is known of one figure: where it was last, its colours added up over all frames, and its name."""

    box: Box
    look: Look
    name: str
    unseen: int = 0  # frames since then


def follow(frames: Sequence[Shown]) -> list[list[int]]:
    """Return the track, from 1 on, of each figure of each frame of one shot; frames are in order of time.

    In a frame each track has one figure at most. A figure that is hidden for some frames comes back with its track.
    """
    tracks: list[Track] = []
    followed: list[list[int]] = []
    for number, frame in enumerate(frames):
        if number and tracks:
            camera = camera_between(frames[number - 1], frame)
            for track in tracks:
                track.box, track.unseen = moved_box(camera, track.box), track.unseen + 1
        followed.append(join(tracks, frame))
    return followed


def join(tracks: list[Track], frame: Shown) -> list[int]:
    """Return the track of each figure of a frame, adding to the tracks what it shows and the figures that are new."""
    from scipy.optimize import linear_sum_assignment

    found = len(frame.figures)
    looks = [look_of(frame, figure) for figure in frame.figures]
    names = [*frame.names, *[""] * (found - len(frame.names))]
    costs = np.full((found, len(tracks) + found), OTHER_FIGURE)  # the last columns: each figure begins a track
    for row, figure in enumerate(frame.figures):
        costs[row, : len(tracks)] = [cost(track, figure.box, looks[row], names[row]) for track in tracks]
    own = [0] * found
    for row, column in zip(*linear_sum_assignment(costs), strict=True):
        if column < len(costs[0]) - found and costs[row, column] < OTHER_FIGURE:
            track, own[row] = tracks[column], int(column) + 1
            track.box, track.look, track.unseen = frame.figures[row].box, track.look + looks[row], 0
            track.name = track.name or names[row]
        else:
            tracks.append(Track(frame.figures[row].box, looks[row], names[row]))
            own[row] = len(tracks)
    return own


def cost(track: Track, box: Box, look: Look, name: str) -> float:
    """Return how little a figure is like that of a track; from OTHER_FIGURE on it is another one."""
    worth = FADING ** max(0, track.unseen - 1)
    right, down = ((box[side] + box[side + 2] - track.box[side] - track.box[side + 2]) / 2 for side in (0, 1))
    far = min(1.0, float(np.hypot(right, down)) / (box[3] - box[1]))
    known = bool(name and track.name)
    named = (-SAME_NAME if name == track.name else OTHER_NAME) if known else 0.0
    apart = PLACE * (1 - worth * overlap(track.box, box)) + DISTANCE * (worth * far + 1 - worth)
    return LOOK * (1 - likeness(track.look, look)) + apart + named


def look_of(frame: Shown, figure: Figure) -> Look:
    """Return how often each colour occurs in a figure, (BINS³,) in sum 1; all zero for one without pixels."""
    import cv2

    step = max(1, len(frame.pixels) // LOOK_ROWS)
    own = (frame.labels[::step, ::step] == figure.label).astype(np.uint8)
    colours = np.ascontiguousarray(frame.pixels[::step, ::step])
    count = cv2.calcHist([colours], [0, 1, 2], own, [BINS] * 3, [0, 256] * 3).astype(np.float64)
    for axis in range(3):  # a colour at the edge of a bin counts in both, so that noise does not change it
        padded = np.pad(count, [(1, 1) if axis == one else (0, 0) for one in range(3)])
        around = [padded.take(range(first, first + BINS), axis) for first in range(3)]
        count = (around[0] + 2 * around[1] + around[2]) / 4
    return np.asarray(count.ravel() / max(1.0, count.sum()))


def likeness(one: Look, other: Look) -> float:
    """Return how much two distributions of colours have in common, 0 to 1. Source: Bhattacharyya coefficient."""
    both = one.sum() * other.sum()
    return float(np.sqrt(one * other).sum() / np.sqrt(both)) if both else 0.0


def camera_between(one: Shown, other: Shown) -> Camera:
    """Return how the camera moved, by what the backgrounds of two frames do; none where they do not move as one."""
    import cv2

    still = np.array([[1.0, 0, 0], [0, 1, 0]])
    flow = flow_between(one.pixels, other.pixels)
    height, width = flow.shape[:2]
    free = cv2.resize((one.labels == 0).astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    rows, columns = np.nonzero(free[GRID // 2 :: GRID, GRID // 2 :: GRID])
    points = np.stack([columns, rows], 1) * GRID + GRID // 2
    if len(points) < CAMERA_POINTS:
        return still
    goals = points + flow[points[:, 1], points[:, 0]]
    found, inliers = cv2.estimateAffinePartial2D(points.astype(np.float32), goals, ransacReprojThreshold=OFF_GRID)
    if found is None or inliers.mean() < CAMERA_SHARE:
        return still
    size = np.diag([width, height])
    turned = np.linalg.inv(size) @ found[:, :2] @ size
    return np.column_stack([turned, found[:, 2] / (width, height)])


def moved_box(camera: Camera, box: Box) -> Box:
    """Return the box around a box that the camera moved."""
    corners = np.array([[box[column], box[row], 1] for column in (0, 2) for row in (1, 3)]) @ camera.T
    (left, top), (right, bottom) = corners.min(0), corners.max(0)
    return float(left), float(top), float(right), float(bottom)


def flow_between(one: Pixels, other: Pixels, width: int = FLOW_WIDTH) -> Flow:
    """Return where the pixels of one frame are in another, by DIS flow of both at this width or less."""
    import cv2

    scale = min(1.0, width / one.shape[1])
    size = max(32, round(one.shape[1] * scale)), max(32, round(one.shape[0] * scale))
    first, second = (
        cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
        for pixels in (one, other)
    )
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(
        first, second, np.zeros((*first.shape, 2), np.float32)
    )
    return np.asarray(flow, np.float32)


@dataclass(frozen=True)
class Carried:
    """The tracks that a neighbour shows, carried over to a frame, and where the flow that did so is to be relied on."""

    labels: Tracks
    reliable: Flags
    votes: int


def flicker(frames: Sequence[Shown], followed: Sequence[Sequence[int]]) -> float:
    """Return the share of pixels near the borders of figures whose track changes to the next frame.

    Only pixels count that show the same there, as the flow says and the colours confirm; 0 where there are none.
    """
    changed = compared = 0
    pictures = [by_track(frame, tracks) for frame, tracks in zip(frames, followed, strict=True)]
    for number in range(len(frames) - 1):
        one, other = frames[number].pixels, frames[number + 1].pixels
        flows = flow_between(one, other), flow_between(other, one)
        carried = carry(frames[number], frames[number + 1], pictures[number + 1], flows)
        near = (border_band(pictures[number]) | border_band(carried.labels)) & carried.reliable
        changed += int((near & (pictures[number] != carried.labels)).sum())
        compared += int(near.sum())
    return changed / compared if compared else 0.0


def smooth(frames: Sequence[Shown], followed: Sequence[Sequence[int]]) -> list[Labels]:
    """Return the labels of each frame of a shot as most of its neighbours have them.

    `followed` are the tracks of the figures. A neighbour has a say only where the flow to it is reliable and its
    colours are the same. What a person corrected is left as it is, and says more to its neighbours.
    """

    @cache
    def flow(one: int, other: int) -> Flow:
        return flow_between(frames[one].pixels, frames[other].pixels)

    pictures = [by_track(frame, tracks) for frame, tracks in zip(frames, followed, strict=True)]
    smoothed = []
    for number, (frame, tracks) in enumerate(zip(frames, followed, strict=True)):
        others = [other for other in range(number - REACH, number + REACH + 1) if 0 <= other < len(frames)]
        others = [other for other in others if other != number and frames[other].labels.shape == frame.labels.shape]
        others = [] if frame.is_corrected else others
        carried = [
            carry(frame, frames[other], pictures[other], (flow(number, other), flow(other, number))) for other in others
        ]
        voted = vote(pictures[number], carried, tracks)
        smoothed.append(relabelled(voted, tracks, [figure.label for figure in frame.figures]).astype(np.uint8))
    return smoothed


def vote(own: Tracks, carried: Sequence[Carried], tracks: Sequence[int]) -> Tracks:
    """Return the tracks of a frame after a vote of itself and its neighbours on each pixel.

    Only what the frame shows can win: its tracks, and the background.
    """
    choices = [0, *tracks]
    counts = np.stack([OWN_VOTES * (own == choice) for choice in choices]).astype(np.int16)
    for one in carried:
        counts += np.stack([one.votes * (one.reliable & (one.labels == choice)) for choice in choices])
    now = np.stack([own == choice for choice in choices])
    best = np.where(counts.max(0) > (counts * now).max(0), np.array(choices)[counts.argmax(0)], own)
    return best.astype(np.uint16)


def by_track(frame: Shown, tracks: Sequence[int]) -> Tracks:
    """Return the labels of a frame as tracks, which mean the same figure in each frame of the shot."""
    return relabelled(frame.labels, [figure.label for figure in frame.figures], tracks)


def relabelled(labels: Labels | Tracks, old: Sequence[int], new: Sequence[int]) -> Tracks:
    """Return labels with each old one replaced by its new one; all others become background."""
    table = np.zeros(np.iinfo(np.uint16).max + 1, np.uint16)
    table[list(old)] = list(new)
    return np.asarray(table[labels])


def border_band(labels: Tracks) -> Flags:
    """Return the pixels within BAND of the height from a border between two labels."""
    import cv2

    reach = max(1, round(BAND * len(labels)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(labels, kernel) != cv2.erode(labels, kernel))


def carry(frame: Shown, other: Shown, labels: Tracks, flows: tuple[Flow, Flow]) -> Carried:
    """Return labels of another frame where its pixels are in this frame, and where that is reliable.

    `flows` are those from this frame to the other and back. Reliable is where the flow back leads to the same place and
    the colours are the same. Near a figure of which the other frame shows too little of the same, it has another
    drawing, and nothing is reliable.
    """
    import cv2

    height, width = frame.labels.shape
    there, back = flows
    across, down = np.meshgrid(*(np.arange(size, dtype=np.float32) for size in there.shape[1::-1]))
    returned = cv2.remap(back, across + there[..., 0], down + there[..., 1], cv2.INTER_LINEAR, borderValue=(1e6, 1e6))
    returns = (np.hypot(*np.moveaxis(there + returned, -1, 0)) <= RETURN).astype(np.uint8)
    flow = cv2.resize(there, (width, height)) * np.float32(width / there.shape[1])
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    where = columns + flow[..., 0], rows + flow[..., 1]
    pixels = cv2.remap(other.pixels, *where, cv2.INTER_LINEAR)
    moved = np.asarray(cv2.remap(labels, *where, cv2.INTER_NEAREST), np.uint16)
    off = cv2.blur(cv2.absdiff(frame.pixels, pixels), (3, 3)).max(2)
    reliable = (off <= SAME_COLOUR) & (cv2.resize(returns, (width, height), interpolation=cv2.INTER_NEAREST) > 0)
    for figure in frame.figures:
        own = frame.labels == figure.label
        near = border_band(own.astype(np.uint16))
        if near.any() and reliable[near].mean() < SAME_DRAWING:
            reliable &= ~(near | own)
    return Carried(moved, reliable, CORRECTED_VOTES if other.is_corrected else 1)
