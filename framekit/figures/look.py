"""Frames looked at, shot by shot: workers read ahead, a segmenter is asked in batches, neighbours vote, all is written.

All frames of a shot are looked at together, also those that are done, so that the result does not depend on what was
done before. What a person corrected is left, and says more to its neighbours.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from framekit import console
from framekit.boxes import Box
from framekit.dataset.frames import Unreadable, map_ahead
from framekit.errors import BadSidecar, UnreadableFrame
from framekit.faces.detect import detect_faces
from framekit.faces.scenes import scenes_of
from framekit.figures import find, tracks
from framekit.figures.features import Map, Mask
from framekit.figures.likelihood import figure_likelihood
from framekit.figures.models import Evidence, Look, Segmenter
from framekit.figures.segment import Settings, load_segmenter
from framekit.figures.separate import LONGER_SIDE, Labels
from framekit.files import atomic
from framekit.files.names import mask_of
from framekit.pixels.decode import Pixels, read_pixels, shrink
from framekit.pixels.labels import read_labels
from framekit.sidecars import characters, faces, instances
from framekit.sidecars.instances import Figure, write_instances
from framekit.sidecars.metadata import NOBODY

MOST_AT_ONCE = 48  # frames of one shot that vote together; chosen: longer shots are cut into parts


@dataclass(frozen=True)
class Glance:
    """What a worker makes of a frame: it shrunk, how likely its places are figures, what the segmenter prepared.

    `shape` is (height, width) of the frame; `names` are those of its faces.
    """

    frame: Path
    shape: tuple[int, int]
    look: Look
    names: Mapping[Box, str]
    likely: Map
    prepared: Any


@dataclass(frozen=True)
class Glancer:
    """What a worker does with a frame: it decodes it, and looks with the faces that were found in it."""

    segmenter: Segmenter

    def __call__(self, frame: Path) -> Glance | Unreadable:
        """Return what is seen at first sight, or why nothing is."""
        try:
            pixels = read_pixels(frame)
            seen, people = faces.read_faces(frame) or [], faces.read_people(frame)
            names = characters.read_names(frame)
        except (UnreadableFrame, BadSidecar) as error:
            return Unreadable(frame, str(error))
        small = shrink(pixels, LONGER_SIDE)
        likely = figure_likelihood(small, find.heads_of(seen, people))
        shape = (pixels.shape[0], pixels.shape[1])
        return Glance(frame, shape, Look(small, seen, people), names, likely, self.segmenter.prepare(pixels))


@dataclass(frozen=True)
class Asked:
    """How figures are looked for: the segmenter, the smallest figure in px of 1920 x 1080, and what sidecars note.

    With `overwrites`, what a person corrected is looked at again too.
    """

    settings: Settings
    min_size: int
    made: Mapping[str, Any]
    overwrites: bool = False


def segment_frames(
    found: Sequence[Path], todo: Sequence[Path], asked: Asked, workers: int, unreadable: list[tuple[Path, str]]
) -> tuple[int, int, int]:
    """Find and write the figures of frames; return how many figures, in how many frames, and how many have none.

    `found` are all frames, for those of their shots; what could not be read is added to `unreadable`.
    """
    if not todo:
        return 0, 0, 0
    segmenter = load_segmenter(asked.settings)
    wanted, figures, looked_at, empty = set(todo), 0, 0, 0
    shots = shots_with(found, wanted)
    looks = look_at(shots, segmenter, asked, workers)
    for frame, seen in console.progress(looks, sum(map(len, shots)), "frame"):
        if isinstance(seen, Unreadable):
            unreadable.append((frame, seen.reason))
            continue
        made = {**asked.made, "looked": [list(box) for box in seen.looked]}
        if write_instances(frame, made, seen.figures, seen.mask, asked.overwrites) and frame in wanted:
            figures += len(seen.figures)
            looked_at += 1
            empty += not seen.figures
    return figures, looked_at, empty


def shots_with(found: Sequence[Path], wanted: set[Path]) -> list[list[Path]]:
    """Return the frames of the shots that have a wanted one, in parts that are looked at together."""
    shots = [[frame for frame, _ in scene] for scene in scenes_of(found)]
    shots = [shot for shot in shots if not wanted.isdisjoint(shot)]
    return [shot[start : start + MOST_AT_ONCE] for shot in shots for start in range(0, len(shot), MOST_AT_ONCE)]


def look_at(
    parts: Sequence[Sequence[Path]], segmenter: Segmenter, asked: Asked, workers: int
) -> Iterator[tuple[Path, "Seen | Unreadable"]]:
    """Yield the frames of parts of shots with their figures; those that a person corrected are left out."""
    glances = (glance for _, glance in map_ahead(Glancer(segmenter), [one for part in parts for one in part], workers))
    for part in parts:
        own = list(islice(glances, len(part)))
        yield from ((one.path, one) for one in own if isinstance(one, Unreadable))
        usable = [one for one in own if isinstance(one, Glance)]
        yield from seen_in(usable, segmenter, asked)


@dataclass(frozen=True)
class Seen:
    """The figures of a frame, and its label picture in the size of the frame, as bytes of a PNG.

    `looked` are the boxes of all faces that were there to look with.
    """

    figures: Sequence[Figure]
    mask: bytes
    looked: Sequence[Box]


def seen_in(glances: Sequence[Glance], segmenter: Segmenter, asked: Asked) -> Iterator[tuple[Path, Seen]]:
    """Yield the frames of a shot with their figures, followed through it, but for those that a person corrected."""
    evidence: list[Evidence] = []
    size = max(1, segmenter.views_per_call)
    for start in range(0, len(glances), size):
        batch = glances[start : start + size]
        evidence += segmenter.evidence([one.prepared for one in batch], [one.look for one in batch])
    shown = [shown_by(glance, told, asked) for glance, told in zip(glances, evidence, strict=True)]
    followed = tracks.follow(shown)
    steady = tracks.smooth(shown, followed)
    for glance, frame, own, labels in zip(glances, shown, followed, steady, strict=True):
        if frame.is_corrected:
            continue
        figures = [measured(figure, labels, track) for figure, track in zip(frame.figures, own, strict=True)]
        mask = as_png(find.enlarged(labels, glance.shape))
        yield glance.frame, Seen(figures, mask, [face.box for face in glance.look.faces])


def as_png(labels: Labels) -> bytes:
    """Return a label picture as the bytes of a PNG."""
    import cv2

    _, content = cv2.imencode(".png", labels)
    return content.tobytes()


def shown_by(glance: Glance, evidence: Evidence, asked: Asked) -> tracks.Shown:
    """Return a frame with its figures, as `tracks` takes it: those that a person corrected as they are."""
    corrected = None if asked.overwrites else corrected_figures(glance.frame, glance.look.pixels.shape[:2])
    model = asked.settings.model
    found = corrected or find.find_figures(glance.look, glance.likely, evidence, model, asked.min_size)
    names = [next((name for box in figure.faces if (name := glance.names.get(box))), "") for figure in found.figures]
    known = ["" if name in NOBODY else name for name in names]
    return tracks.Shown(glance.look.pixels, found.labels, found.figures, known, corrected is not None)


def corrected_figures(frame: Path, shape: tuple[int, ...]) -> find.Found | None:
    """Return the figures of a frame if a person corrected them, in a label picture of (height, width) `shape`.

    None too where the label picture is gone or unreadable. A label that a person painted is a figure, listed or not.
    """
    import cv2

    if not instances.is_corrected(frame):
        return None
    try:
        listed = instances.read_figures(frame) or []
        labels = read_labels(atomic.bytes_of(mask_of(frame)) or b"")
    except (UnreadableFrame, BadSidecar):
        return None
    small = cv2.resize(labels, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
    known = {figure.label for figure in listed}
    painted = [int(label) for label in np.unique(small) if label and label not in known]
    new = [Figure(label, find.box_of(small == label), float((small == label).mean())) for label in painted]
    return find.Found(np.asarray(small, dtype=np.uint8), [*listed, *new])


def measured(figure: Figure, labels: Labels, track: int) -> Figure:
    """Return a figure with box and area as its labels have them, and its track."""
    own = labels == figure.label
    if not own.any():
        return replace(figure, track=track)
    return replace(figure, box=find.box_of(own), area=round(float(own.mean()), 4), track=track)


def hiding(settings: Settings) -> Callable[[Pixels], Mask]:
    """Return what finds the figures of pixels that have no sidecars: (H, W), where they are.

    The segmenter is loaded, and faces are looked for, when the first pixels come.
    """

    @lru_cache(maxsize=1)
    def loaded() -> Segmenter:
        return load_segmenter(settings)

    def hidden(pixels: Pixels) -> Mask:
        small = shrink(pixels, LONGER_SIDE)
        shown = Look(small, detect_faces(pixels))
        segmenter = loaded()
        [told] = segmenter.evidence([segmenter.prepare(pixels)], [shown])
        likely = figure_likelihood(small, find.heads_of(shown.faces, ()))
        found = find.find_figures(shown, likely, told, settings.model)
        return find.enlarged(found.labels, pixels.shape[:2]) > 0

    return hidden
