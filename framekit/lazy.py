"""The public face of a room: a few names of its files, loaded when they are first used, so that --help stays fast."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def hands_on(room: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a room that hands on names, each from the file of the room where it is defined.

    Source: PEP 562.

        __getattr__ = hands_on(__name__, {"read_pixels": "decode"})
    """

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        return getattr(import_module(f"{room}.{homes[name]}"), name)

    return load
