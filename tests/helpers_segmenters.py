"""What the tests of segmenters share: small ONNX files, and how they are shown frames."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from framekit.figures.models import Evidence, Look, Segmenter
from framekit.pixels.decode import Pixels

FLOAT, FLOAT16, UINT8, INT64 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8, TensorProto.INT64
End = tuple[str, int, Sequence[int | str] | None]  # name, type, shape


def save_graph(
    path: Path, given: Sequence[End], results: Sequence[End], nodes: Iterable[Any], noted: dict[str, str] | None = None,
    **constants: NDArray[Any],
) -> Path:  # fmt: skip
    """Write an ONNX file with these inputs, outputs, nodes and constants; return its path."""
    held = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    ends = [[helper.make_tensor_value_info(*end) for end in side] for side in (given, results)]
    graph = helper.make_graph(list(nodes), "small", ends[0], ends[1], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, noted or {})
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def save_red(
    path: Path,
    shape: Sequence[int | str] = ("n", 3, 8, 8),
    *,
    names: tuple[str, str] = ("input", "output"),
    kind: int = FLOAT,
    factor: float = 1.0,
    offset: float = 0.0,
) -> Path:
    """Write a model whose map is the red channel of its input times `factor` plus `offset`.

    A `shape` that ends with 3 is (N, H, W, 3).
    """
    axis = 1 if shape[1] == 3 else 3
    number: type = np.float16 if kind == FLOAT16 else np.float32
    nodes = [
        helper.make_node("Gather", [names[0], "first"], ["red"], axis=axis),
        helper.make_node("Cast", ["red"], ["number"], to=FLOAT if kind == UINT8 else kind),
        helper.make_node("Mul", ["number", "factor"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], [names[1]]),
    ]
    answer = list(shape)
    answer[axis] = 1
    return save_graph(
        path,
        [(names[0], kind, shape)],
        [(names[1], FLOAT if kind == UINT8 else kind, answer)],
        nodes,
        first=np.array([0], np.int64),
        factor=np.array(factor, number),
        offset=np.array(offset, number),
    )


def save_fill(path: Path, unit: float, side: int = 32) -> Path:
    """Write a model that paints holes in half of what is 1 - image, and says values of 0 to `unit`."""
    shape = [1, 3, side, side]
    nodes = [
        helper.make_node("Sub", ["one", "mask"], ["known"]),
        helper.make_node("Mul", ["image", "known"], ["kept"]),
        helper.make_node("Mul", ["mask", "half"], ["grey"]),
        helper.make_node("Add", ["kept", "grey"], ["whole"]),
        helper.make_node("Mul", ["whole", "unit"], ["output"]),
    ]
    numbers = {name: np.array(value, np.float32) for name, value in (("one", 1.0), ("unit", unit), ("half", 0.5))}
    given = [("image", FLOAT, shape), ("mask", FLOAT, [1, 1, side, side])]
    return save_graph(path, given, [("output", FLOAT, shape)], nodes, None, **numbers)


def seen(segmenter: Segmenter, *looks: Look | Pixels) -> list[Evidence]:
    """Return what a segmenter says of frames, in one call."""
    shown = [one if isinstance(one, Look) else Look(one) for one in looks]
    return segmenter.evidence([segmenter.prepare(one.pixels) for one in shown], shown)
