"""The layers of one shot, from its frames and their label pictures: cut-outs, plate, effects, and all put together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framekit.boxes import Box, Face
from framekit.errors import BadSidecar, UnreadableFrame
from framekit.faces.crops import as_fractions, faces_inside
from framekit.faces.detect import detect_faces
from framekit.figures.tracks import Shown
from framekit.files import atomic
from framekit.files.names import mask_of
from framekit.layers import complete, effects, plates
from framekit.layers.matting import CutOut, box_around, cut_out
from framekit.layers.shots import Shot, ShotFrames
from framekit.pixels.decode import Pixels, read_pixels
from framekit.pixels.encode import encode_png
from framekit.pixels.labels import read_labels
from framekit.sidecars import characters, faces, instances
from framekit.sidecars.instances import BACKGROUND, Figure
from framekit.sidecars.metadata import NOBODY

KINDS = ("characters", "backgrounds", "effects", "composites")
# Score of a face that keeps a frame without figures out of backgrounds. Chosen on the sample show: of 43 such frames, 8
# have a face of .3 or more, all with a figure whose face counts from .7 on; the 26 paintings have none above .1.
FAINT_FACE = 0.3
NEIGHBOURS = 8  # frames before and after in which a covered part is looked for
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Frame:
    """A frame with its figures, as they stand on disk now; `names` are those of its faces by their boxes."""

    path: Path
    figures: Sequence[Figure]
    faces: Sequence[Face]
    names: Mapping[Box, str]
    mask: bytes

    def labels(self, shape: Sequence[int]) -> NDArray[np.uint8]:
        """Return the label picture in (height, width) `shape`, what a person called background as such.

        Raises UnreadableFrame.
        """
        import cv2

        held = read_labels(self.mask)
        held = np.where(np.isin(held, [one.label for one in self.figures if one.category == BACKGROUND]), 0, held)
        if held.shape == (shape[0], shape[1]):
            return held
        return np.asarray(cv2.resize(held, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)

    def used(self, labels: NDArray[np.uint8]) -> list[Figure]:
        """Return the figures that are cut out: those that are kept, and what a person painted besides."""
        listed = {figure.label: figure for figure in self.figures}
        found = []
        for label in np.unique(labels):
            figure = listed.get(int(label)) or Figure(int(label), (0.0, 0.0, 1.0, 1.0), 0.0)
            if label and figure.is_used:
                found.append(figure)
        return found


@dataclass(frozen=True)
class Layer:
    """A picture to write: its kind and file name, a PNG, faces in it with their names, and what it is from."""

    kind: str
    name: str
    content: bytes
    faces: Sequence[Face]
    names: Sequence[str]
    cut: Mapping[str, Any]
    frame: Path


@dataclass(frozen=True)
class Making:
    """How the layers of a shot are made: `fill` invents what no frame shows, `find` finds texts in a frame."""

    fill: Callable[[Pixels, Mask], Pixels]
    fill_name: str
    find: Callable[[Pixels], NDArray[np.float32]] | None = None
    complete: bool = False


def read_frame(path: Path) -> Frame | None:
    """Return a frame with its figures; None if nobody looked for any. Raises BadSidecar, also without label picture."""
    figures = instances.read_figures(path)
    if figures is None:
        return None
    mask = atomic.bytes_of(mask_of(path))
    if mask is None:
        raise BadSidecar(
            f"{mask_of(path).parent.name}/{mask_of(path).name} is gone; put it back, or give --overwrite_corrections"
        )
    return Frame(path, figures, faces.read_faces(path) or [], characters.read_names(path), mask)


def layers_of(
    shot: Shot,
    frames: Mapping[Path, Frame],
    near: Mapping[int, Pixels],
    mask_new: Callable[[Pixels], Mask],
    how: Making,
    failed: list[tuple[Path, str]],
) -> Iterator[Layer]:
    """Yield the layers of a shot: its plate, then cut-outs, effects and composite of each frame.

    `near` are frames of its video by number, in which `mask_new` finds figures. An unreadable frame gives none, and is
    added to `failed`.
    """

    def mask_of_frame(path: Path, pixels: Pixels) -> Mask:
        hidden = frames[path].labels(pixels.shape) > 0
        return hidden if hidden.any() else np.full(hidden.shape, may_show_face(pixels))

    shown = ShotFrames(shot, near, mask_of_frame, mask_new)
    plate = plates.make_plate(shown)
    whole = made_whole(plate, how) if plate is not None else None
    if plate is not None and whole is not None:
        yield plate_layer(shot, plate, whole, how)
    for path in shot.frames:
        try:
            pixels = read_pixels(path)
            labels = frames[path].labels(pixels.shape)
        except UnreadableFrame as error:
            failed.append((path, str(error)))
            continue
        cuts = [(figure, cut_out(pixels, labels == figure.label)) for figure in frames[path].used(labels)]
        completed = completions(shot, frames, path) if how.complete else {}
        cuts = [(figure, with_part(cut, completed.get(figure.label))) for figure, cut in cuts]
        for figure, cut in cuts:
            yield figure_layer(frames[path], figure, cut, pixels.shape, completed.get(figure.label))
        view = view_in(plate, whole, shown.number_of(path))
        if view is not None and view[0].shape == pixels.shape:
            yield from over_plate(frames[path], pixels, labels, [cut for _, cut in cuts], view, how)


def png_of(pixels: NDArray[np.uint8]) -> bytes:
    """Return RGB or RGBA pixels as a PNG file."""
    if pixels.shape[2] == 3:
        return encode_png(pixels)
    import cv2

    _, content = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA))
    return content.tobytes()


def may_show_face(pixels: Pixels) -> bool:
    """Tell whether a frame without figures may show one all the same, which must not get into a background."""
    return bool(detect_faces(pixels, min_score=FAINT_FACE))


def made_whole(plate: plates.Plate, how: Making) -> plates.Plate:
    """Return a plate on which what no frame shows is invented, once for all frames of the shot."""
    if plate.seen.all():
        return plate
    return replace(plate, pixels=how.fill(plate.pixels, ~plate.seen), seen=np.ones_like(plate.seen))


def view_in(plate: plates.Plate | None, whole: plates.Plate | None, number: int) -> tuple[Pixels, Mask] | None:
    """Return what lies behind a frame, and where it is invented; None for one that has no place on the plate."""
    seen = plates.view_of(plate, number) if plate is not None else None
    filled = plates.view_of(whole, number) if whole is not None else None
    return (filled[0], seen[1]) if seen is not None and filled is not None else None


def plate_layer(shot: Shot, plate: plates.Plate, whole: plates.Plate, how: Making) -> Layer:
    """Return the background of a shot, and how much of it frames show."""
    seen = round(plate.share_seen, 4)
    cut = {"plate_of": [frame.name for frame in shot.frames], "seen": seen, "invented": round(1 - seen, 4)}
    cut |= {"fill": how.fill_name} if seen < 1 else {}
    first = shot.frames[0]
    return Layer("backgrounds", f"{first.stem}.png", png_of(whole.pixels), [], [], cut, first)


def figure_layer(
    frame: Frame, figure: Figure, cut: CutOut, shape: Sequence[int], part: complete.Completion | None
) -> Layer:
    """Return the cut-out of a figure, with the faces that lie in it."""
    box = as_fractions(cut.place, (shape[1], shape[0]))
    own = [face for face in frame.faces if face.box in figure.faces]
    held = faces_inside(own, box)
    named = [frame.names.get(face.box, "") for face, _ in held]
    where = {"frame": frame.path.name, "figure": figure.label, "box": list(box), "category": figure.category}
    where |= {"track": figure.track} if figure.track else {}
    if part is not None:
        where |= {"completed": round(float(part.filled.mean()), 4)}
    name = f"{frame.path.stem}_{figure.label}.png"
    return Layer("characters", name, png_of(cut.rgba), [moved for _, moved in held], named, where, frame.path)


def over_plate(
    frame: Frame,
    pixels: Pixels,
    labels: NDArray[np.uint8],
    cuts: Sequence[CutOut],
    view: tuple[Pixels, Mask],
    how: Making,
) -> Iterator[Layer]:
    """Yield the effect of a frame if it has one, and its figures and effect laid over the plate, where it has any."""
    below, invented = view
    prompted = how.find(pixels) >= effects.FOUND if how.find is not None else None
    effect = effects.find_effect(pixels, below, ~invented, labels, prompted)
    if effect is not None:
        where = {"frame": frame.path.name, "blend": effect.blend, "share": round(effect.share, 4)}
        yield Layer("effects", f"{frame.path.stem}.png", png_of(effect.picture), [], [], where, frame.path)
        below = effects.laid_over(effect, below)
    if not cuts:
        return
    picture = below.astype(np.float32)
    for cut in cuts:
        left, top, right, bottom = cut.place
        alpha = cut.rgba[..., 3:].astype(np.float32) / 255
        part = picture[top:bottom, left:right]
        picture[top:bottom, left:right] = part * (1 - alpha) + cut.rgba[..., :3] * alpha
    named = [frame.names.get(face.box, "") for face in frame.faces]
    whole = np.rint(picture).astype(np.uint8)
    where = {"frame": frame.path.name, "figures": len(cuts)}
    yield Layer("composites", f"{frame.path.stem}.png", png_of(whole), frame.faces, named, where, frame.path)


def completions(shot: Shot, frames: Mapping[Path, Frame], path: Path) -> dict[int, complete.Completion]:
    """Return what other frames of the shot show of the figures of a frame that others cover, by label."""
    at = shot.frames.index(path)
    window = shot.frames[max(0, at - NEIGHBOURS) : at + NEIGHBOURS + 1]
    shown: list[Shown] = []
    own = 0
    for one in window:
        try:
            pixels = read_pixels(one)
            labels = frames[one].labels(pixels.shape)
        except UnreadableFrame:
            continue
        own = len(shown) if one == path else own
        figures = [figure for figure in frames[one].figures if figure.is_used and figure.track]
        names = ["" for _ in figures]
        shown.append(Shown(pixels, labels, figures, names))
    followed = [[figure.track for figure in one.figures] for one in shown]
    found = {}
    for number, figure in enumerate(shown[own].figures if shown else ()):
        part = complete.complete(shown, followed, own, number)
        if part is not None:
            found[figure.label] = part
    return found


def with_part(cut: CutOut, part: complete.Completion | None) -> CutOut:
    """Return a cut-out with what was covered of its figure added below it."""
    if part is None:
        return cut
    left, top, right, bottom = box_around(part.filled, 0)
    place = (min(left, cut.place[0]), min(top, cut.place[1]), max(right, cut.place[2]), max(bottom, cut.place[3]))
    rgba = part.picture[place[1] : place[3], place[0] : place[2]].astype(np.float32)
    down, along = cut.place[1] - place[1], cut.place[0] - place[0]
    height, width = cut.rgba.shape[:2]
    below = rgba[down : down + height, along : along + width]
    over = cut.rgba.astype(np.float32)
    alpha, under = over[..., 3:] / 255, below[..., 3:] / 255
    joined = alpha + under * (1 - alpha)
    colours = (over[..., :3] * alpha + below[..., :3] * under * (1 - alpha)) / np.maximum(joined, 1e-6)
    rgba[down : down + height, along : along + width] = np.dstack([colours, joined * 255])
    return CutOut(np.rint(rgba).astype(np.uint8), place)


def is_named(layer: Layer) -> bool:
    """Tell whether somebody named a face of a layer."""
    return any(name not in NOBODY for name in layer.names)
