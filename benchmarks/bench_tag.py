"""Compare tag_images.py with the model's own speed, and with doing the same work in one thread as kohya's script does.

    python -m benchmarks.bench_tag [--frames 16] [--rounds 5] [--size 1280x720]

It makes two ONNX taggers with random weights at 448 px: one of the size of a ViT-B/16, as the WD taggers are, and a
small one where everything around the model shows. The limit is the model's session on arrays that are ready, in the
batches that tag_images.py finds best, several at once or one on all cores, whichever is faster. The peer opens each
image by Pillow, pads, resizes by OpenCV and stacks batches in the thread that runs the model, writes each caption at
once, and stores no scores. The ways take turns.
Where the model runs on the CPU, decoding shares its cores: the sum of both is what can be reached.
"""

import argparse
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from framekit.dataset.frames import find_frames, map_frames
from framekit.pixels.decode import read_pixels
from framekit.tags.predict import score_frames
from framekit.tags.select import TagRules, Thresholds
from framekit.tags.store import FLOOR
from framekit.tags.taggers import Tagger, find_batch_size, load_tagger
from framekit.tags.write import Wanted, tag_with

ROOT = Path(__file__).resolve().parents[1]


TAGS = 10_861  # of the third generation

SIDE, PATCH = 448, 16

SHAPES = {"ViT-B/16": (768, 12, 12), "small": (192, 3, 3)}  # width, blocks, heads

MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


class Graph:
    """Nodes and weights of an ONNX graph as it grows."""

    def __init__(self) -> None:
        """Start empty; weights are drawn from a fixed seed."""
        self.nodes: list[Any] = []
        self.held: list[Any] = []
        self.numbers = np.random.default_rng(0)

    def constant(self, value: NDArray[Any]) -> str:
        """Add a constant; return its name."""
        name = f"c{len(self.held)}"
        self.held.append(numpy_helper.from_array(value, name))
        return name

    def weight(self, *shape: int) -> str:
        """Add random weights that keep the scale of what goes through."""
        scale = np.float32(1 / np.sqrt(shape[0]))
        return self.constant(self.numbers.standard_normal(shape, np.float32) * scale)

    def node(self, kind: str, *inputs: str, **settings: Any) -> str:
        """Add a node; return the name of its output."""
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **settings))
        return name

    def normal(self, value: str, width: int) -> str:
        """Add a layer normalisation."""
        ones, zeros = np.ones(width, np.float32), np.zeros(width, np.float32)
        return self.node("LayerNormalization", value, self.constant(ones), self.constant(zeros))

    def heads(self, value: str, width: int, heads: int, order: Sequence[int]) -> str:
        """Add a projection, split into heads."""
        projected = self.node("MatMul", value, self.weight(width, width))
        split = self.constant(np.array([0, -1, heads, width // heads], np.int64))
        return self.node("Transpose", self.node("Reshape", projected, split), perm=order)

    def block(self, value: str, width: int, heads: int) -> str:
        """Add a transformer block: attention, then two layers."""
        ready = self.normal(value, width)
        asked, known = self.heads(ready, width, heads, (0, 2, 1, 3)), self.heads(ready, width, heads, (0, 2, 3, 1))
        scale = self.constant(np.array(1 / np.sqrt(width // heads), np.float32))
        shares = self.node("Softmax", self.node("Mul", self.node("MatMul", asked, known), scale), axis=-1)
        seen = self.node("MatMul", shares, self.heads(ready, width, heads, (0, 2, 1, 3)))
        joined = self.constant(np.array([0, -1, width], np.int64))
        flat = self.node("Reshape", self.node("Transpose", seen, perm=(0, 2, 1, 3)), joined)
        value = self.node("Add", value, self.node("MatMul", flat, self.weight(width, width)))
        wide = self.node("Relu", self.node("MatMul", self.normal(value, width), self.weight(width, 4 * width)))
        return self.node("Add", value, self.node("MatMul", wide, self.weight(4 * width, width)))


def make_tagger(folder: Path, width: int, blocks: int, heads: int) -> Path:
    """Write a vision transformer with random weights and its list of tags; about 1 % of the tags pass 0.35."""
    graph = Graph()
    planes = graph.node("Transpose", "input", perm=(0, 3, 1, 2))
    scaled = graph.node("Div", planes, graph.constant(np.array(127.5, np.float32)))
    kernel = graph.numbers.standard_normal((width, 3, PATCH, PATCH), np.float32) / np.float32(PATCH * 3)
    patches = graph.node("Conv", scaled, graph.constant(kernel), kernel_shape=(PATCH, PATCH), strides=(PATCH, PATCH))
    flat = graph.constant(np.array([0, width, (SIDE // PATCH) ** 2], np.int64))
    value = graph.node("Transpose", graph.node("Reshape", patches, flat), perm=(0, 2, 1))
    for _ in range(blocks):
        value = graph.block(value, width, heads)
    pooled = graph.node("ReduceMean", graph.normal(value, width), axes=[1], keepdims=0)
    scores = graph.node("MatMul", pooled, graph.weight(width, TAGS))
    shift = graph.constant(np.array(-4.0, np.float32))
    graph.nodes.append(helper.make_node("Sigmoid", [graph.node("Add", scores, shift)], ["output"]))
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", SIDE, SIDE, 3])
    result = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", TAGS])
    made = helper.make_graph(graph.nodes, "tagger", [given], [result], graph.held)
    folder.mkdir(parents=True)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "model.onnx")
    rows = [f"{n},tag_{n},{9 if n < 4 else 0},1" for n in range(TAGS)]
    (folder / "selected_tags.csv").write_text("\n".join(["tag_id,name,category,count", *rows]) + "\n")
    return folder


def draw_frames(folder: Path, count: int, width: int, height: int) -> None:
    """Write frames that are as hard to decode as drawn ones: smooth grounds, shapes, a little grain."""
    numbers = np.random.default_rng(0)
    for number in range(count):
        coarse = numbers.integers(0, 255, (9, 16, 3), np.uint8)
        pixels = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.int16)
        grain = numbers.integers(-2, 3, (height, width, 1))
        path = folder / f"EP{number // 32 + 1:02d}" / f"x_{number:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8)).save(path, compress_level=3)


def alone(tagger: Tagger, ready: Sequence[NDArray[Any]], batch: int) -> None:
    """Run the model on arrays that are ready, with as many batches at once as the tagger is made for: the limit."""
    with ThreadPoolExecutor(tagger.at_once) as pool:
        list(pool.map(lambda first: tagger.score(list(ready[first : first + batch])), range(0, len(ready), batch)))


def decoding(tagger: Tagger, frames: Sequence[Path]) -> None:
    """Decode and resize only, in one thread a core."""
    deque(map_frames(tagger.prepare, frames, os.cpu_count() or 1), maxlen=0)


def ours(tagger: Tagger, frames: Sequence[Path], batch: int) -> None:
    """Do what tag_images.py does between start and end."""
    wanted = Wanted([tagger.name], "union", Thresholds(0.35, 0.85), TagRules(), ".tags", overwrite=True)
    scored = score_frames(frames, tagger, batch, os.cpu_count() or 1, FLOOR)
    tag_with(scored, tagger.name, wanted, is_last=True)


def frame_by_frame(tagger: Tagger, frames: Sequence[Path], batch: int) -> None:
    """Do the same work in one thread, each image after the other, as kohya's script does without data workers."""
    import cv2

    for first in range(0, len(frames), batch):
        some, ready = frames[first : first + batch], []
        for path in some:
            pixels = np.array(Image.open(path).convert("RGB"))[:, :, ::-1]
            high, wide = (max(pixels.shape[:2]) - length for length in pixels.shape[:2])
            pad = ((high // 2, high - high // 2), (wide // 2, wide - wide // 2), (0, 0))
            square = np.pad(pixels, pad, mode="constant", constant_values=255)
            ready.append(cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32))
        for path, scores in zip(some, tagger.score(ready), strict=True):
            found = [name for name, score in zip(tagger.tags.names, scores, strict=True) if score >= 0.35]
            path.with_suffix(".txt").write_text(", ".join(found) + "\n")


def compare(name: str, model: Path, frames: Sequence[Path], rounds: int) -> None:
    """Print the table for one model: medians of rounds in which the ways take turns."""
    tagger, one_at_once = load_tagger(str(model), "cpu", for_many=True), load_tagger(str(model), "cpu")
    ready = [tagger.prepare(read_pixels(frame)) for frame in frames]
    batch = find_batch_size(tagger, ready[0])
    ways: dict[str, Callable[[], None]] = {
        f"the model alone, batches of {batch}, {tagger.at_once} at once": lambda: alone(tagger, ready, batch),
        "the model alone, all cores on one batch": lambda: alone(one_at_once, ready, batch),
        "decoding and resizing alone": lambda: decoding(tagger, frames),
        "tag_images.py": lambda: ours(tagger, frames, batch),
        "frame by frame": lambda: frame_by_frame(tagger, frames, batch),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _, (way, work) in product(range(rounds), ways.items()):
        started = time.perf_counter()
        work()
        seconds[way].append(time.perf_counter() - started)
    medians = {way: median(values) for way, values in seconds.items()}
    many, one, read, *_ = medians.values()
    best = min(many, one)
    print(f"\n{name}: {len(frames)} frames, {rounds} rounds")
    print(f"{'':44} {'seconds':>8} {'frames/s':>9} {'of limit':>9}")
    for way, value in [*medians.items(), ("limit and decoding, which share the cores", best + read)]:
        print(f"{way:44} {value:8.1f} {len(frames) / value:9.2f} {best / value:9.1%}", flush=True)


def peak_memory(model: Path, work: Path, frames: int) -> float:
    """Return the peak memory in MB of tag_images.py for so many frames."""
    draw_frames(work / str(frames), frames, 1280, 720)
    words = [str(ROOT / "tag_images.py"), str(work / str(frames)), "--model", str(model), "--device", "cpu"]
    done = subprocess.run([sys.executable, "-c", MEASURE, sys.executable, *words], check=True, capture_output=True)
    return int(done.stdout.split()[-1]) / 1024


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument(
        "--frames", type=int, default=16, help="frames of a round; the small model gets four times that"
    )
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--size", default="1280x720", help="size of the drawn frames")
    options.add_argument("--models", nargs="+", choices=SHAPES, default=list(SHAPES))
    args = options.parse_args(argv)
    with TemporaryDirectory() as scratch:
        work = Path(scratch)
        for name in args.models:
            model, drawn = work / name.replace("/", "_"), work / f"frames_{name.replace('/', '_')}"
            make_tagger(model, *SHAPES[name])
            draw_frames(drawn, args.frames * (4 if name == "small" else 1), *map(int, args.size.split("x")))
            compare(name, model, find_frames(drawn), args.rounds)
        peaks = [f"{frames} frames {peak_memory(model, work, frames):.0f} MB" for frames in (50, 200)]
        print(f"\npeak memory with the last model: {', '.join(peaks)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
