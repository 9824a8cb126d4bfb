"""Torchvision backbones as embeddings: `--model torchvision:resnet50`."""

from typing import Any
from urllib.error import URLError

import numpy as np
from numpy.typing import NDArray

from framekit import console
from framekit.errors import UsageError
from framekit.models.onnx import EmbeddingModel
from framekit.pixels.decode import Pixels

HEADS = (
    "fc",
    "classifier",
    "heads",
    "head",
)  # attributes that hold the last layer, which classifies, in torchvision's models
# Source: torchvision, presets of ImageNet, per channel of RGB
MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
SIDE = 224
INSTALL = "install requirements-train.txt in an environment of its own"


def load_backbone(name: str, device: str) -> EmbeddingModel:
    """Return a torchvision model without its last layer. Raises UsageError if it is unavailable."""
    try:
        import torchvision
    except ImportError as error:
        raise UsageError(f"torchvision:{name} needs torch and torchvision: {INSTALL}") from error
    try:
        model = torchvision.models.get_model(name, weights="DEFAULT")
    except ValueError as error:
        raise UsageError(f"torchvision has no model {name}: {str(error).splitlines()[0]}") from error
    except (URLError, OSError) as error:
        raise UsageError(
            f"the weights of torchvision:{name} are not in torch's cache and cannot be downloaded: connect once, or"
            " copy a filled TORCH_HOME here"
        ) from error
    return embedding_of(model, device)


def embedding_of(model: Any, device: str) -> EmbeddingModel:
    """Return a torchvision classifier as an embedding, the input of its last layer. Raises UsageError without one."""
    import torch

    head = next((part for part in HEADS if hasattr(model, part)), None)
    if head is None:
        raise UsageError(
            "this torchvision model has no classification layer to remove; use a classifier such as resnet50"
        )
    setattr(model, head, torch.nn.Identity())
    place = torch.device("cuda" if device in ("auto", "cuda") and torch.cuda.is_available() else "cpu")
    model.eval().to(place)
    console.say(f"{type(model).__name__} runs on torch {place}")

    def prepare(pixels: Pixels) -> NDArray[Any]:
        import cv2

        how = cv2.INTER_AREA if min(pixels.shape[:2]) > SIDE else cv2.INTER_LINEAR
        ready = np.asarray(cv2.resize(pixels, (SIDE, SIDE), interpolation=how), np.float32) / 255
        return np.ascontiguousarray(((ready - MEAN) / STD).transpose(2, 0, 1))

    def embed(inputs: list[NDArray[Any]]) -> NDArray[np.float32]:
        with torch.inference_mode():
            rows = model(torch.from_numpy(np.stack(inputs)).to(place))
        return np.asarray(rows.cpu().numpy(), np.float32).reshape(len(inputs), -1)

    return EmbeddingModel(prepare, embed)
