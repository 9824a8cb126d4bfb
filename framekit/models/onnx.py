"""ONNX models on the requested device."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framekit import console
from framekit.errors import UsageError
from framekit.pixels.decode import Pixels

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# What onnxruntime puts before the reason: its own name, a code, and the path that the sentence has already.
ONNX_PREFIX = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : (?:Load model from .* failed: ?)?")
PROVIDERS = {  # --device -> execution provider of onnxruntime, in the order in which `auto` prefers them
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
# Source: openai/CLIP, per channel of RGB
CLIP_MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
CLIP_STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
MOST_AT_ONCE = 4  # chosen: more batches at once take memory, and cores can share one
DEFAULT_SIDE = 384  # pixels, where the model leaves the size open


def provider_for(device: str, available: Sequence[str]) -> str:
    """Return the execution provider for --device. Raises UsageError if it is unavailable."""
    if device == "auto":
        return next(name for name in PROVIDERS.values() if name in available)
    if device not in PROVIDERS:
        raise UsageError(f"there is no device {device}: use auto, {', '.join(PROVIDERS)}")
    if PROVIDERS[device] not in available:
        raise UsageError(
            f"--device {device} needs onnxruntime's {PROVIDERS[device]}, which is not installed here;"
            " install the matching onnxruntime package or use --device cpu"
        )
    return PROVIDERS[device]


def runs_at_once(device: str) -> int:
    """Return how many threads should run a model on many frames: on a CPU several, each on its own share of the cores.

    None of them waits then for a core that decodes. Raises UsageError if the device is unavailable.
    """
    import onnxruntime

    on_cpu = provider_for(device, onnxruntime.get_available_providers()) == PROVIDERS["cpu"]
    return min(os.cpu_count() or 1, MOST_AT_ONCE) if on_cpu else 1


def open_session(path: Path, device: str, at_once: int = 1) -> "InferenceSession":
    """Open an ONNX file and print which provider runs it. Raises UsageError if the file is not a usable model.

    On a CPU, `at_once` runs from as many threads share the cores.
    """
    import onnxruntime
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf

    wanted = provider_for(device, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # who waits leaves the core to decoding
    if at_once > 1:
        options.intra_op_num_threads = max(1, (os.cpu_count() or 1) // at_once)
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=list(dict.fromkeys([wanted, "CPUExecutionProvider"]))
        )
    except (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf) as error:
        reason = ONNX_PREFIX.sub("", str(error).splitlines()[0])
        raise UsageError(f"{path} is not a usable ONNX model: {reason}") from error
    if wanted not in session.get_providers() and device != "auto":
        raise UsageError(f"--device {device} was asked for, but {wanted} does not start here; use --device cpu")
    console.say(f"{path.name} runs on {session.get_providers()[0]}")
    return session


@dataclass(frozen=True)
class EmbeddingModel:
    """`prepare` turns pixels into the model's input, in any thread; `embed` turns N inputs into (N, D) float32."""

    prepare: Callable[[Pixels], NDArray[Any]]
    embed: Callable[[list[NDArray[Any]]], NDArray[np.float32]]


def load_embedding_model(path: Path, device: str) -> EmbeddingModel:
    """Open a model whose input is (N, 3, side, side) or (N, side, side, 3).

    Pixels are stretched to the model's side; a float input gets them normalised as for CLIP, a uint8 input unchanged.
    Raises UsageError for another input.
    """
    import cv2

    session = open_session(path, device)
    expected = session.get_inputs()[0]
    if len(expected.shape) != 4 or 3 not in (expected.shape[1], expected.shape[3]):
        raise UsageError(f"{path} embeds no images: its input must be (N, 3, side, side) or (N, side, side, 3)")
    channels_first = expected.shape[1] == 3
    side = expected.shape[2] if isinstance(expected.shape[2], int) else DEFAULT_SIDE
    one_by_one = isinstance(expected.shape[0], int)

    def prepare(pixels: Pixels) -> NDArray[Any]:
        how = cv2.INTER_AREA if min(pixels.shape[:2]) > side else cv2.INTER_LINEAR
        ready = np.asarray(cv2.resize(pixels, (side, side), interpolation=how))
        if expected.type != "tensor(uint8)":
            ready = ((ready.astype(np.float32) / 255 - CLIP_MEAN) / CLIP_STD).astype(np.float32)
        return np.ascontiguousarray(ready.transpose(2, 0, 1) if channels_first else ready)

    def embed(inputs: list[NDArray[Any]]) -> NDArray[np.float32]:
        batches = [np.stack([one]) for one in inputs] if one_by_one else [np.stack(inputs)]
        rows = [np.asarray(session.run(None, {expected.name: batch})[0], np.float32) for batch in batches]
        return np.concatenate(rows).reshape(len(inputs), -1)

    return EmbeddingModel(prepare, embed)
