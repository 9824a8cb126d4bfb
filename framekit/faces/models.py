"""What a face detector is, and the models of the hub that are known by a short name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from framekit.boxes import Face
from framekit.models.hub import HubModel, Known
from framekit.pixels.decode import Pixels

EMBEDDED = "animeface"
# YOLOv8, `model.onnx` each: NCHW RGB 0-1, 640 px and classes unless the file's metadata names others.
DETECTORS = {
    "face_detect_v1.4_s": HubModel(
        "deepghs/anime_face_detection",
        "face_detect_v1.4_s",
        "784dc4c0bb692351ddcdbe6131a050b17d3025d5",
        "MIT",
        {"model.onnx": "403b5bc93b6ff789b7d183418df4a1364049bac00c24acd927604a7ff6891483"},
    ),
    "face_detect_v1.4_n": HubModel(
        "deepghs/anime_face_detection",
        "face_detect_v1.4_n",
        "784dc4c0bb692351ddcdbe6131a050b17d3025d5",
        "MIT",
        {"model.onnx": "fd860b650a4377046842c3cd80d01b0b408bdfbdb4acee5759630f82c6ef04a9"},
    ),
    "head_detect_v2.0_s": HubModel(
        "deepghs/anime_head_detection",
        "head_detect_v2.0_s",
        "06604feee81983792a57c21081e539c0ae229833",
        "MIT",
        {"model.onnx": "6679f9b71192298bbf174d82e9e5581c3237b0c3dc67deace7cdbf686b070a00"},
    ),
    "person_detect_v1.1_m": HubModel("deepghs/anime_person_detection", "person_detect_v1.1_m", licence="MIT"),
    "halfbody_detect_v1.0_s": HubModel("deepghs/anime_halfbody_detection", "halfbody_detect_v1.0_s", licence="MIT"),
}
KNOWN = Known(DETECTORS, [EMBEDDED])
# Minimum score of each, 0 to 1: the point of its author's best F1. Source: model cards of deepghs.
MIN_SCORES = {
    "face_detect_v1.4_s": 0.307,
    "face_detect_v1.4_n": 0.278,
    "head_detect_v2.0_s": 0.3,
    "person_detect_v1.1_m": 0.35,
    "halfbody_detect_v1.0_s": 0.5,
}


class Detector(Protocol):
    """What every detector does: `prepare` in the worker that decoded the frame, then `detect` on many frames at once.

    `prepare` takes the pixels of a frame or of a part of it. It is picklable, since workers are processes as soon as
    one detector of the run asks for them with `needs_processes`: one that holds Python's lock while it works.
    `views_per_call` is how many views suit `detect`; with 1 the frames don't wait for each other.
    """

    @property
    def prepare(self) -> Callable[[Pixels], Any]:
        """What makes one item for `detect` of one view, (H, W, 3) uint8 RGB."""

    @property
    def needs_processes(self) -> bool:
        """Whether threads would wait for each other."""

    @property
    def views_per_call(self) -> int:
        """How many views suit `detect`."""

    def detect(self, prepared: Sequence[Any]) -> list[list[Face]]:
        """Return the faces of each prepared view, boxes as fractions of the view."""


@dataclass(frozen=True)
class InWorker:
    """A detector that is one function from pixels to faces, all of which the worker does."""

    prepare: Callable[[Pixels], list[Face]]
    needs_processes: bool = False
    views_per_call: int = 1

    def detect(self, prepared: Sequence[list[Face]]) -> list[list[Face]]:
        """Return what the worker found."""
        return list(prepared)
