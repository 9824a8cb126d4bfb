"""YOLO detectors in .pt files of ultralytics, read without letting the file run anything."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framekit.stage import Misuse

# Modules whose layers a checkpoint may name; anything else in it, such as os.system, is refused.
LAYERS_OF = ("ultralytics.nn.", "torch.nn.modules.")
INSTALL = "install requirements-train.txt in an environment of its own, or export the model to ONNX"


def load_torch(path: Path, device: str) -> tuple[Callable[[NDArray[np.float32]], NDArray[Any]], list[str]]:
    """Return the function that runs a .pt file, as Yolo needs it, and the names of its classes.

    Raises Misuse if torch or ultralytics is missing, or the file is none of ultralytics' or holds more than layers.
    """
    import os

    from PIL import Image

    os.environ.setdefault("YOLO_AUTOINSTALL", "false")  # it would install packages while it runs
    try:
        import torch
        import ultralytics.nn.tasks  # noqa: F401
        from ultralytics.utils import patches
    except ImportError as error:
        raise Misuse(f"{path} needs torch and ultralytics: {INSTALL}") from error
    # ultralytics replaces this function by one that raises ModuleNotFoundError for broken images
    Image.open = getattr(patches, "_image_open", Image.open)
    model = read_checkpoint(path).float().eval()
    place = torch.device("cuda" if device in ("auto", "cuda") and torch.cuda.is_available() else "cpu")
    if device not in ("auto", place.type):
        raise Misuse(f"--device {device} is not there for {path}; torch runs on cpu or cuda")
    model.to(place)
    print(f"{path.name} runs on torch {place}")

    def run(batch: NDArray[np.float32]) -> NDArray[Any]:
        with torch.inference_mode():
            output = model(torch.from_numpy(batch).to(place))
        return np.asarray((output[0] if isinstance(output, list | tuple) else output).cpu().numpy())

    names = model.names if isinstance(model.names, dict) else dict(enumerate(model.names))
    return run, [str(names[kind]) for kind in sorted(names)]


def read_checkpoint(path: Path) -> Any:
    """Return the model in a .pt file of ultralytics, read with torch's `weights_only`. Raises Misuse."""
    import zipfile

    import torch

    try:
        named = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        refused = [name for name in named if not name.startswith(LAYERS_OF)]
        if refused:
            raise Misuse(
                f"{path} names {refused[0]}, which is no layer: not opened; export it to ONNX where you trust it"
            )
        with torch.serialization.safe_globals([layer(name) for name in named]):
            held = torch.load(path, map_location="cpu", weights_only=True)
        return held["ema"] if held.get("ema") is not None else held["model"]
    except OSError as error:
        raise Misuse(f"{path} cannot be read ({error.strerror}); give --model a .pt file of ultralytics") from error
    except (
        ValueError,
        RuntimeError,
        KeyError,
        AttributeError,
        torch.serialization.pickle.UnpicklingError,
        zipfile.BadZipFile,
    ) as error:
        raise Misuse(f"{path} is no YOLO model of ultralytics: {str(error).splitlines()[0]}") from error


def layer(name: str) -> Any:
    """Return the layer class of a dotted name. Raises Misuse if it is none."""
    from importlib import import_module

    import torch

    module, _, own = name.rpartition(".")
    found = getattr(import_module(module), own, None)
    if not (isinstance(found, type) and issubclass(found, torch.nn.Module)):
        raise Misuse(f"the model names {name}, which is no layer: not opened; export it to ONNX where you trust it")
    return found
