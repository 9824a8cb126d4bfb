"""Models that find single things with a mask each: YOLO segmentation in ONNX or .pt files, RTMDet-Ins in ONNX files."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framekit.errors import UsageError
from framekit.faces import yolo
from framekit.figures.models import Evidence, Look, Mask
from framekit.models.onnx import PROVIDERS
from framekit.pixels.decode import Pixels

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MIN_SCORE = 0.3  # Source: CartoonSegmentation's demo; ultralytics' default is 0.25
ROW = 6  # numbers before the coefficients in a row of a YOLO without NMS (YOLO26): box, score, class
RTMDET = ("dets", "masks")  # outputs of RTMDet-Ins as mmdeploy names them
# Per channel of BGR, levels 0 to 255. Source: mmdetection's configuration of RTMDet.
RTMDET_MEAN = np.array([103.53, 116.28, 123.675], np.float32).reshape(3, 1, 1)
RTMDET_DEVIATION = np.array([57.375, 57.12, 58.395], np.float32).reshape(3, 1, 1)
PEOPLE = re.compile(r"person|people|girl|boy|\b(wo)?m[ae]n\b|human|character|figure|anime", re.IGNORECASE)
PixelBox = tuple[float, float, float, float]  # (left, top, right, bottom) in px of the model's input


@dataclass(frozen=True)
class Thing:
    """What a model found: box, score 0 to 1, class, and a map over its whole input that is above 0 in the mask."""

    box: PixelBox
    score: float
    kind: int
    map: NDArray[np.float32]


@dataclass(frozen=True)
class Instances:
    """A segmenter that finds single things.

    `find` turns (N, 3, height, width) float32 RGB 0-1 into the things of each frame; `people` says of each class
    whether it is one of people; `one_by_one` if the file takes no batches.
    """

    prepare: yolo.Letterbox
    find: Callable[[NDArray[np.float32]], list[list[Thing]]]
    people: Sequence[bool]
    one_by_one: bool
    views_per_call: int = 1

    def evidence(self, prepared: Sequence[yolo.Prepared], looks: Sequence[Look]) -> list[Evidence]:
        """Return the masks of each frame; neighbours of one shape run together."""
        found: list[list[Thing]] = []
        start = 0
        for end in range(1, len(prepared) + 1):
            last = end == len(prepared) or self.one_by_one
            if last or prepared[end][0].shape != prepared[start][0].shape:
                found += self.find(yolo.as_input([ground for ground, _ in prepared[start:end]]))
                start = end
        return [
            Evidence(masks=[self.mask(thing, ground.shape, place, look.pixels) for thing in things])
            for things, (ground, place), look in zip(found, prepared, looks, strict=True)
        ]

    def mask(
        self, thing: Thing, sides: tuple[int, ...], place: tuple[float, float, float, float], pixels: Pixels
    ) -> Mask:
        """Return the mask of a thing in the frame that lies at `place`, (x, y, width, height), in the input."""
        import cv2

        (height, width), (x, y, wide, high) = pixels.shape[:2], place
        down, across = thing.map.shape[0] / sides[0], thing.map.shape[1] / sides[1]
        way = np.array(
            [
                [across * wide / width, 0, across * (x + wide / width / 2) - 0.5],
                [0, down * high / height, down * (y + high / height / 2) - 0.5],
            ]
        )
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        inside = np.asarray(
            cv2.warpAffine(thing.map, way, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE) > 0
        )
        left, right = (round((edge - x) * width / wide) for edge in thing.box[::2])
        top, bottom = (round((edge - y) * height / high) for edge in thing.box[1::2])
        inside[: max(0, top)] = inside[max(0, bottom) :] = False
        inside[:, : max(0, left)] = inside[:, max(0, right) :] = False
        return Mask(inside, float(min(1.0, max(0.0, thing.score))), self.people[thing.kind])


def are_people(names: Sequence[str]) -> list[bool]:
    """Return of each class whether it is one of people; the only class of a model is, whatever its name."""
    return [len(names) == 1 or bool(PEOPLE.search(name)) for name in names]


def finds_things(session: "InferenceSession") -> bool:
    """Tell whether an ONNX file finds single things: YOLO's boxes with prototypes of masks, or RTMDet-Ins."""
    answers = session.get_outputs()
    shapes = [len(one.shape) for one in answers]
    return {*RTMDET} <= {one.name for one in answers} or (shapes[:2] == [3, 4] and len(shapes) == 2)


def yolo_things(
    rows: NDArray[Any], prototypes: NDArray[Any], classes: int, min_score: float, max_overlap: float
) -> list[Thing]:
    """Return the things in YOLO's answer for one frame.

    `rows` are (4 + classes + coefficients, N), or (N, 6 + coefficients) where the model joins boxes itself;
    `prototypes` (coefficients, h, w).
    """
    count = len(prototypes)
    flat = prototypes.reshape(count, -1).astype(np.float32)
    if rows.shape[0] != 4 + classes + count:
        kept = [(row[:4], float(row[4]), int(row[5]), row[ROW:]) for row in rows if row[4] >= min_score]
    else:
        found = yolo.best_boxes(rows[: 4 + classes], range(classes), min_score, max_overlap)
        kept = [(box, score, kind, rows[4 + classes :, index]) for box, score, kind, index in found]
    return [
        Thing((float(box[0]), float(box[1]), float(box[2]), float(box[3])), score, kind,
              np.asarray(coefficients.astype(np.float32) @ flat, np.float32).reshape(prototypes.shape[1:]))
        for box, score, kind, coefficients in kept
    ]  # fmt: skip


def rtmdet_things(boxes: NDArray[Any], masks: NDArray[Any], kinds: NDArray[Any], min_score: float) -> list[Thing]:
    """Return the things in RTMDet-Ins' answer for one frame: (N, 5) boxes with scores, (N, h, w) probabilities."""
    return [
        Thing(
            (float(row[0]), float(row[1]), float(row[2]), float(row[3])),
            float(row[4]),
            int(kind),
            np.asarray(mask - 0.5, np.float32),
        )
        for row, mask, kind in zip(boxes, masks, kinds, strict=True)
        if row[4] >= min_score
    ]


def load_instances(path: Path, session: "InferenceSession", min_score: float, max_overlap: float) -> Instances:
    """Return the segmenter in an opened ONNX file. Raises UsageError if its shapes are of another model."""
    given, answers = session.get_inputs()[0], session.get_outputs()
    by_name = [one.name for one in answers]
    if len(given.shape) != 4 or given.shape[1] != 3 or given.type != "tensor(float)":
        raise UsageError(
            f"{path} takes {given.shape} of {given.type}; masks are read of models of (N, 3, height, width)"
        )
    noted = session.get_modelmeta().custom_metadata_map.get("names", "")
    if {*RTMDET} <= {*by_name}:
        names = ["character"]

        def find(batch: NDArray[np.float32]) -> list[list[Thing]]:
            ready = (batch[:, ::-1] * np.float32(255) - RTMDET_MEAN) / RTMDET_DEVIATION
            answer = dict(zip(by_name, session.run(None, {given.name: ready}), strict=True))
            return [
                rtmdet_things(boxes, masks, np.zeros(len(boxes), np.int64), min_score)
                for boxes, masks in zip(answer["dets"], answer["masks"], strict=True)
            ]
    else:
        rows, prototypes = answers[0].shape, answers[1].shape
        joined = isinstance(rows[2], int) and isinstance(prototypes[1], int) and rows[2] == ROW + prototypes[1]
        listed = yolo.class_names(noted, 1 + max(map(int, re.findall(r"(\d+)\s*:", noted)), default=0))
        classes = len(listed) if joined or not isinstance(rows[1], int) else rows[1] - 4 - prototypes[1]
        if classes < 1:
            raise UsageError(
                f"{path} is no YOLO segmentation of version 8 or later: it gives {rows} and {prototypes}; give --model"
                " another file"
            )
        names = (listed + [""] * classes)[:classes]

        def find(batch: NDArray[np.float32]) -> list[list[Thing]]:
            both = session.run(None, {given.name: batch})
            return [yolo_things(one, maps, classes, min_score, max_overlap) for one, maps in zip(*both, strict=True)]

    fixed = isinstance(given.shape[0], int)
    views = 1 if fixed or session.get_providers()[0] == PROVIDERS["cpu"] else yolo.VIEWS_PER_CALL
    return Instances(yolo.yolo_shape(session), find, are_people(names), fixed, views)


def load_instances_torch(path: Path, device: str, min_score: float, max_overlap: float) -> Instances:
    """Return the YOLO segmentation in a .pt file. Raises UsageError if it cannot be used, or finds boxes only."""
    run, names = yolo.load_torch(path, device)

    def find(batch: NDArray[np.float32]) -> list[list[Thing]]:
        rows, *others = run(batch)
        prototypes = [one for one in others if one.ndim == 4][-1:]
        if not prototypes or prototypes[0].shape[1] not in (rows.shape[1] - 4 - len(names), rows.shape[2] - ROW):
            raise UsageError(f"{path} finds boxes only; give --model a YOLO for segmentation, such as yolo11n-seg.pt")
        return [
            yolo_things(one, maps, len(names), min_score, max_overlap)
            for one, maps in zip(rows, prototypes[0], strict=True)
        ]

    fit = yolo.Letterbox((yolo.DEFAULT_SIDE, yolo.DEFAULT_SIDE), open_shape=True)
    return Instances(fit, find, are_people(names), one_by_one=False)
