"""Segmenters: the table of their families, and how one is loaded."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from framekit.faces.yolo import MAX_OVERLAP, TORCH_SUFFIX
from framekit.figures import instances, prompted, saliency
from framekit.figures.models import EMBEDDED, KNOWN, Segmenter, Silent, files_of
from framekit.models.onnx import open_session


@dataclass(frozen=True)
class Settings:
    """Which segmenter looks, and how.

    `model_input` says how an ONNX file takes frames that does not say so itself, see saliency.stated; `min_score`, 0 to
    1, and `max_overlap`, the intersection over union above which two boxes are one, are those of models that find
    single things.
    """

    model: str = EMBEDDED
    device: str = "auto"
    model_input: str = ""
    min_score: float = instances.MIN_SCORE
    max_overlap: float = MAX_OVERLAP


@dataclass(frozen=True)
class Family:
    """Segmenters of one kind: which names of --model they have, and how one is loaded."""

    has: Callable[[str], bool]
    load: Callable[[Settings], Segmenter]


def load_onnx(settings: Settings) -> Segmenter:
    """Open one ONNX file, or the two of SAM. Raises UsageError if it is unavailable or of another kind."""
    paths = files_of(settings.model)
    if len(paths) == 2:
        return prompted.load_sam(paths[0], paths[1], settings.device)
    session = open_session(paths[0], settings.device)
    if instances.finds_things(session):
        return instances.load_instances(paths[0], session, settings.min_score, settings.max_overlap)
    return saliency.load_saliency(paths[0], settings.model, settings.model_input, session)


def load_torch(settings: Settings) -> Segmenter:
    """Open a .pt file of SAM 2 or of YOLO. Raises UsageError if torch, ultralytics or the file cannot be used."""
    path = Path(settings.model)
    if prompted.is_sam(path):
        return prompted.load_sam_torch(path, settings.device)
    return instances.load_instances_torch(path, settings.device, settings.min_score, settings.max_overlap)


# The first family that has a name takes it; a new one is a row here, and a file of its own.
FAMILIES = (
    Family(has=lambda model: model == EMBEDDED, load=lambda settings: Silent()),
    Family(has=lambda model: model.lower().endswith(TORCH_SUFFIX), load=load_torch),
    Family(has=lambda model: True, load=load_onnx),
)


def load_segmenter(settings: Settings) -> Segmenter:
    """Load the segmenter of a name, a hub repository or a local file. Raises UsageError if it cannot be used."""
    if settings.model_input:
        saliency.stated(settings.model_input)  # a slip in it is told whichever the model
    KNOWN.refuse_slip(settings.model)
    return next(family for family in FAMILIES if family.has(settings.model)).load(settings)
