"""ONNX files opened on the device that was asked for."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from framekit.stage import Misuse

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

PROVIDERS = {  # --device -> execution provider of onnxruntime, in the order in which `auto` prefers them
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}


def provider_for(device: str, available: Sequence[str]) -> str:
    """Return the execution provider for --device. Raises Misuse if it is not there."""
    if device == "auto":
        return next(name for name in PROVIDERS.values() if name in available)
    if device not in PROVIDERS:
        raise Misuse(f"there is no device {device}: use auto, {', '.join(PROVIDERS)}")
    if PROVIDERS[device] not in available:
        raise Misuse(
            f"--device {device} needs onnxruntime's {PROVIDERS[device]}, which is not installed here;"
            " install the matching onnxruntime package or use --device cpu"
        )
    return PROVIDERS[device]


def open_session(path: Path, device: str) -> "InferenceSession":
    """Open an ONNX file and print which provider really runs it. Raises Misuse if the file is not a usable model."""
    import onnxruntime
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf

    wanted = provider_for(device, onnxruntime.get_available_providers())
    try:
        session = onnxruntime.InferenceSession(
            str(path), providers=list(dict.fromkeys([wanted, "CPUExecutionProvider"]))
        )
    except (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf) as error:
        raise Misuse(f"{path} is not a usable ONNX model: {str(error).splitlines()[0]}") from error
    if wanted not in session.get_providers() and device != "auto":
        raise Misuse(f"--device {device} was asked for, but {wanted} does not start here; use --device cpu")
    print(f"{path.name} runs on {session.get_providers()[0]}")
    return session
