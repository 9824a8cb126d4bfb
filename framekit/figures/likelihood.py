"""How likely each place of a frame belongs to a figure: trees over `features`, seeded by the faces.

The trees were learned from composed frames with known figures by tools/learn_figures.py, and lie in figures.onnx.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from framekit.boxes import Face
from framekit.figures.features import (
    Colours,
    Map,
    Places,
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
from framekit.figures.separate import graph_cut
from framekit.pixels.decode import Pixels

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

TREES = Path(__file__).with_name("figures.onnx")
BORDER = 3  # places at the edge of the grid that are taken for background
FARTHEST = 50.0  # distance of a second face beyond which it does not matter, in lengths of a face


def figure_likelihood(pixels: Pixels, faces: Sequence[Face]) -> Map:
    """Return how likely each place of a frame belongs to a figure with one of the faces: (144, columns), 0 to 1.

    Without a face it is 0 everywhere.
    """
    if not faces:
        return np.zeros(grid_of(pixels).shape[:2], dtype=np.float32)
    values, places = describe(pixels, faces)
    session = trees()
    rows = values.reshape(-1, values.shape[-1])
    raw = session.run(None, {session.get_inputs()[0].name: rows})[0]
    found = np.asarray(1 / (1 + np.exp(-raw)), dtype=np.float32).reshape(values.shape[:2])
    found[bars_of(grid_of(pixels))] = 0
    found[~places.reach] *= 0.5
    return found


@lru_cache(maxsize=1)
def trees() -> "InferenceSession":
    """Return the trees, loaded once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # frames are looked at side by side
    return onnxruntime.InferenceSession(str(TREES), options, providers=["CPUExecutionProvider"])


def describe(pixels: Pixels, faces: Sequence[Face]) -> tuple[Map, Places]:
    """Return the numbers that the trees look at, for each place of the grid: (144, columns, 48); and the places."""
    import cv2

    small = grid_of(pixels)
    rows, columns = small.shape[:2]
    places = places_of(faces, (rows, columns))
    bars = bars_of(small)
    colours = lab_of(small)
    rough = graph_cut(small, places, bars).astype(np.float32)
    outside = ~places.reach & ~bars
    border = np.zeros((rows, columns), dtype=bool)
    top = int(bars[: rows // 2].all(axis=1).sum())
    border[top : top + BORDER] = border[:, :BORDER] = border[:, -BORDER:] = True
    border &= ~places.body & ~places.sure & ~bars
    around = places.reach & ~places.body & ~places.sure & ~bars
    smooth = np.asarray(cv2.GaussianBlur(colours, (0, 0), 0.6), dtype=np.float32)
    from_figure, from_edge = ways_from(smooth, (places.sure, border | outside))
    binned = Colours(colours)
    learned = (places.sure | places.head).astype(np.float32) + 2 * places.core
    ratios = [
        binned.ratio(learned, outside | border),
        binned.ratio(rough, (1 - rough) * ~bars),
        binned.ratio(places.sure | places.core, around),
        binned.ratio(places.head, outside | around | border, 1.5),
    ]
    at_edge = np.asarray(np.log(binned.share(border) + 1e-5)[binned.bins], dtype=np.float32)
    regions = regions_of(small)
    double = np.asarray(cv2.resize(pixels, (2 * columns, 2 * rows), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    y, x = (axis.astype(np.float32) + 0.5 for axis in np.mgrid[:rows, :columns])
    of_place = [places.across, places.below, places.near, np.minimum(places.second, FARTHEST), places.scale]
    of_place += [np.full((rows, columns), len(faces)), y / rows, np.minimum(x, columns - x) / rows, bars]
    of_colour = [*np.moveaxis(colours, -1, 0), np.hypot(colours[..., 1], colours[..., 2])]
    of_line = [*drawing_of(double, places.head), spread_of(colours, 5), spread_of(colours, 15)]
    of_cut = [rough, blurred(rough, 9), blurred(rough, 31)]
    of_way = [from_figure, from_edge, from_figure - from_edge, from_figure / (from_edge + 1)]
    of_ratio = [*ratios, at_edge, blurred(ratios[0], 7), blurred(ratios[1], 7)]
    every = slice(None)
    of_region = [np.log(regions.area[regions.number])]
    of_region += [regions.touching(edge) for edge in ((slice(top, top + 1), every), (every, slice(0, 1)))]
    of_region += [regions.touching((every, slice(-1, None))), regions.touching((slice(-1, None), every))]
    means = (rough, ratios[0], ratios[1], places.across, np.clip(places.below, -9, 9), places.body | places.sure)
    of_region += [regions.mean(values) for values in (*means, places.near)]
    listed = [*of_place, *of_colour, *of_line, *of_cut, *of_way, *of_ratio, *of_region]
    return np.stack([np.asarray(one, dtype=np.float32) for one in listed], axis=-1), places
