"""What options of command lines hold: their types, and those that mean the same in every script."""

import argparse
from pathlib import Path
from typing import Any


def fraction(text: str) -> float:
    """Argument type: a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def positive(text: str) -> float:
    """Argument type: a number above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def seconds(text: str) -> float:
    """Argument type: seconds from the start, or `H:MM:SS`."""
    value = 0.0
    for piece in text.split(":"):
        value = value * 60 + float(piece)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time: use seconds or H:MM:SS")
    return value


def count(text: str) -> int:
    """Argument type: a whole number, 0 or more."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


SHARED: dict[str, dict[str, Any]] = {
    "src_dir": {"type": Path, "help": "folder to read; may also be given without the option name"},
    "dst_dir": {"type": Path, "help": "folder to write"},
    "redo": {"action": "store_true", "help": "do again what is already done"},
    "dry_run": {"action": "store_true", "help": "say what would be done and write nothing"},
    "device": {"default": "auto", "help": "auto, cpu, cuda, directml or coreml; auto takes the first that is there"},
    "batch_size": {"type": count, "default": 0, "help": "frames per call of an ONNX model; 0 = what suits it"},
    "workers": {"type": count, "default": 0, "help": "parallel workers; 0 = one per core"},
    "limit": {"type": count, "default": 0, "help": "take the first so many frames only, or episodes; 0 = all"},
    "overwrite_corrections": {"action": "store_true", "help": "drop what people corrected by hand"},
    "seed": {"type": int, "default": 0, "help": "where chance begins; another seed draws and shuffles anew"},
    "min_face_number": {"type": count, "default": 0, "help": "leave out frames with fewer faces"},
    "max_face_number": {"type": count, "default": 0, "help": "leave out frames with more faces; 0 = no limit"},
    "report": {"type": Path, "help": "HTML page to write, to look at what is there and what becomes of it"},
    "annotate": {"type": Path, "help": "folder to write frames with boxes and names to, and contact sheets"},
    "config": {"type": Path, "help": "TOML file; its table [SCRIPT_NAME] sets defaults, the command line wins"},
}


class Joined(argparse.Action):
    """An option that may be given several times; its values are joined with commas."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        """Add one value to those that were given before."""
        given = [*getattr(namespace, f"given_{self.dest}", ()), values]
        setattr(namespace, f"given_{self.dest}", given)
        setattr(namespace, self.dest, ",".join(given))
