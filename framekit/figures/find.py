"""The figures of a frame, from its faces and from what a segmenter says: labels, boxes, scores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from framekit.boxes import Box, Face, area, holds_centre
from framekit.figures.features import Map, Mask
from framekit.figures.models import Evidence, Look
from framekit.figures.separate import Labels, figures_apart
from framekit.sidecars.instances import CHARACTER, MOST_FIGURES, PARTIAL, Figure

MIN_SIZE = 16384  # px of the smallest figure, of a frame of 1920 x 1080
FULL = 1920 * 1080
LEAST_OF_FACE = 0.7  # of the area of its face: a figure that is smaller is none; chosen
CLEAR = 0.8  # mean likelihood from which a figure without a face is believed; chosen
# How the trees and a segmenter are joined: the power that makes up for bodies that segmenters leave half transparent,
# and the weight of the surer of the two. Chosen with ISNet on 48 composed frames: the plain mean cuts out .012 less.
FAINT, EITHER = 0.7, 0.65
HEAD_OF_PERSON = (0.3, 0.02, 0.7, 0.28)  # where the face of a person lies in the box of the person; chosen


@dataclass(frozen=True)
class Found:
    """The figures of a frame and their label picture: (H, W) uint8, 0 for background."""

    labels: Labels
    figures: Sequence[Figure]


def find_figures(look: Look, likely: Map, evidence: Evidence, model: str, min_size: int = MIN_SIZE) -> Found:
    """Return the figures of a frame, from left to right; none where there is neither a face nor a sign of one.

    `likely` is what `figure_likelihood` says of the frame and its `heads_of`; `look` may be shrunk, and the label
    picture is of its size. `min_size` is in px of a frame of 1920 x 1080; `model` is the name that the figures get.
    """
    heads = heads_of(look.faces, look.people)
    told = told_by(evidence)
    likely = joined(likely, told) if heads else told if told is not None else likely
    labels = figures_apart(look.pixels, likely, heads)
    if told is not None:
        labels = with_faceless(labels, told, min_size)
    return described(labels, likely, look, heads, (model, min_size))


def heads_of(faces: Sequence[Face], people: Sequence[Face]) -> list[Face]:
    """Return the faces of a frame, and for a person without one the place where the face should be."""
    heads = list(faces)
    for person in people:
        if not any(holds_centre(person.box, face.box) for face in heads):
            left, top, right, bottom = person.box
            x, y = (right - left), (bottom - top)
            part = HEAD_OF_PERSON
            box = (left + part[0] * x, top + part[1] * y, left + part[2] * x, top + part[3] * y)
            heads.append(Face(box, person.score, person.label))
    return heads[:MOST_FIGURES]


def joined(likely: Map, told: Map | None) -> Map:
    """Return what the trees and a segmenter say together, in the size of the latter: rather yes if one is sure."""
    import cv2

    if told is None:
        return likely
    own = cv2.resize(likely, (told.shape[1], told.shape[0]), interpolation=cv2.INTER_LINEAR)
    told = told**FAINT
    both = np.sqrt(np.maximum(own, 0) * told)
    return np.asarray(EITHER * np.maximum(own, told) + (1 - EITHER) * both, dtype=np.float32)


def told_by(evidence: Evidence) -> Map | None:
    """Return what a segmenter says as one likelihood; None if it says nothing."""
    told = evidence.probability
    for mask in evidence.masks:
        if mask.is_person:
            own = mask.pixels.astype(np.float32) * np.float32(mask.score)
            told = own if told is None else np.maximum(told, own)
    return told


def with_faceless(labels: Labels, told: Map, min_size: int) -> Labels:
    """Return labels with figures added that a segmenter is sure of though no face was found."""
    import cv2

    height, width = labels.shape
    told = np.asarray(cv2.resize(told, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    free = ((told > 0.5) & (labels == 0)).astype(np.uint8)
    count, parts, sizes, _ = cv2.connectedComponentsWithStats(free, connectivity=8)
    added = labels.copy()
    label = int(labels.max())
    for part in range(1, count):
        own = parts == part
        is_large = sizes[part, cv2.CC_STAT_AREA] >= min_size / FULL * labels.size
        if is_large and label < MOST_FIGURES and float(told[own].mean()) >= CLEAR:
            label += 1
            added[own] = label
    return np.asarray(added, dtype=np.uint8)


def described(labels: Labels, likely: Map, look: Look, heads: Sequence[Face], asked: tuple[str, int]) -> Found:
    """Return the figures of a label picture that are large enough, labelled anew from left to right."""
    import cv2

    model, min_size = asked
    height, width = labels.shape
    likely = np.asarray(cv2.resize(likely, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    kept: list[tuple[Box, int, Figure]] = []
    for label in range(1, int(labels.max()) + 1):
        own = labels == label
        share = float(own.mean())
        head = heads[label - 1] if label <= len(heads) else None
        if share * FULL < min_size or (head is not None and share < LEAST_OF_FACE * area(head)):
            continue
        box = box_of(own)
        held = tuple(face.box for face in look.faces if face is head)
        figure = Figure(
            label=0,
            box=box,
            area=round(share, 4),
            faces=held,
            score=round(float(likely[own].mean()), 4),
            model=model,
            category=CHARACTER if head is not None else PARTIAL,
        )
        kept.append((box, label, figure))
    kept.sort(key=lambda one: one[0])
    numbers = np.zeros(256, dtype=np.uint8)
    figures = []
    for number, (_, label, figure) in enumerate(kept, 1):
        numbers[label] = number
        figures.append(replace(figure, label=number))
    return Found(numbers[labels], figures)


def enlarged(labels: Labels, shape: tuple[int, int]) -> Labels:
    """Return a label picture at another size, with smooth borders."""
    import cv2

    size = (shape[1], shape[0])
    best = np.zeros(shape, dtype=np.float32)
    large = np.zeros(shape, dtype=np.uint8)
    ground = 1 - cv2.resize((labels > 0).astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    np.copyto(best, ground)
    for label in range(1, int(labels.max()) + 1):
        own = cv2.resize((labels == label).astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
        is_better = own > best
        large[is_better] = label
        best[is_better] = own[is_better]
    return large


def box_of(mask: Mask) -> Box:
    """Return the box around a mask that is not empty, as fractions of its size."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    edges = (columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height)
    left, top, right, bottom = (round(float(edge), 4) for edge in edges)
    return left, top, right, bottom
