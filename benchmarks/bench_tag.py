"""Compare tag_images.py with the model's own speed, and with doing the same work frame by frame as kohya's script does.

    python benchmarks/bench_tag.py [--frames 96] [--size 1280x720] [--dataset FOLDER]

It makes two ONNX taggers with random weights at 448 px: one of the size of a ViT-B/16, as the WD taggers are, and a
small one where everything around the model shows. The limit is the model's session on arrays that are ready, in the
batches that tag_images.py finds best. The peer opens each image by Pillow, pads, resizes by OpenCV and stacks batches
in the same thread that runs the model, writes each caption at once, and stores no scores. Ratios are of one run.
Where the model runs on the CPU, decoding and the model share its cores, so their sum is what can be reached.
"""

import argparse
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from framekit.frames import find_frames, map_frames, read_pixels  # noqa: E402
from framekit.tagger import find_batch_size, load_tagger  # noqa: E402

TAGS = 10_861  # of the third generation
SIDE, PATCH = 448, 16
SHAPES = {"ViT-B/16": (768, 12, 12), "small": (192, 3, 3)}  # width, blocks, heads
PEER = """
import sys
import csv, cv2, numpy as np, onnxruntime
from pathlib import Path
from PIL import Image
folder, model, batch = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
names = [row["name"] for row in csv.DictReader(open(model / "selected_tags.csv"))]
session = onnxruntime.InferenceSession(str(model / "model.onnx"), providers=["CPUExecutionProvider"])
def flush(waiting):
    for (path, _), scores in zip(waiting, session.run(None, {"input": np.stack([one for _, one in waiting])})[0]):
        found = [name for name, score in zip(names[4:], scores[4:]) if score >= 0.35]
        path.with_suffix(".txt").write_text(", ".join(found) + "\\n")
waiting = []
for path in sorted(folder.rglob("*.png")):
    pixels = np.array(Image.open(path).convert("RGB"))[:, :, ::-1]
    size = max(pixels.shape[:2])
    high, wide = size - pixels.shape[0], size - pixels.shape[1]
    pad = ((high // 2, high - high // 2), (wide // 2, wide - wide // 2), (0, 0))
    pixels = np.pad(pixels, pad, mode="constant", constant_values=255)
    waiting.append((path, cv2.resize(pixels, (448, 448), interpolation=cv2.INTER_AREA).astype(np.float32)))
    if len(waiting) == batch:
        flush(waiting)
        waiting = []
if waiting:
    flush(waiting)
"""


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


def limit(model: Path, frames: Sequence[Path]) -> tuple[float, int]:
    """Return the seconds of the model alone on ready arrays, in its best batches, and the batch size."""
    tagger = load_tagger(str(model), "cpu")
    ready = [tagger.prepare(read_pixels(frame)) for frame in frames[:8]]
    batch = find_batch_size(tagger, ready[0])
    started = time.perf_counter()
    for first in range(0, len(frames), batch):
        tagger.score([ready[place % len(ready)] for place in range(first, min(len(frames), first + batch))])
    return time.perf_counter() - started, batch


def decoding(model: Path, frames: Sequence[Path]) -> float:
    """Return the seconds that decoding and resizing alone take, in one thread a core."""
    tagger = load_tagger(str(model), "cpu")
    started = time.perf_counter()
    deque(map_frames(tagger.prepare, frames, os.cpu_count() or 1), maxlen=0)
    return time.perf_counter() - started


def run(*words: str) -> tuple[float, float]:
    """Run a command in a process of its own; return its seconds and its peak memory in MB."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", MEASURE, sys.executable, *words], check=True, capture_output=True)
    return time.perf_counter() - started, int(done.stdout.split()[-1]) / 1024


def started_only(model: Path, work: Path, one_frame: float) -> float:
    """Return the seconds that Python and the model need to start: a run for one frame, less that frame."""
    folder = work / "one"
    draw_frames(folder, 1, 64, 36)
    seconds, _ = run(str(ROOT / "tag_images.py"), str(folder), "--model", str(model), "--device", "cpu")
    rmtree(folder)
    return seconds - one_frame


def compare(name: str, model: Path, dataset: Path, work: Path) -> None:
    """Print the table for one model."""
    frames = find_frames(dataset)
    best, batch = limit(model, frames)
    start = started_only(model, work, best / len(frames))
    ready = decoding(model, frames)
    rows = [(f"the model alone, batches of {batch} (limit)", best, 0.0)]
    rows += [("decoding and resizing alone", ready, 0.0), ("both, which share the cores", best + ready, 0.0)]
    ways = {
        "tag_images.py": (str(ROOT / "tag_images.py"), "{}", "--model", str(model), "--device", "cpu"),
        "frame by frame": ("-c", PEER, "{}", str(model), str(batch)),
    }
    for label, words in ways.items():
        copytree(dataset, work / "copy")
        seconds, peak = run(*(str(work / "copy") if word == "{}" else word for word in words))
        rmtree(work / "copy")
        rows.append((label, seconds - start, peak))
    print(f"\n{name}: {len(frames)} frames; the start of Python and model, {start:.1f} s, is taken off")
    print(f"{'':44} {'seconds':>8} {'frames/s':>9} {'of limit':>9} {'MB':>6}")
    for label, seconds, peak in rows:
        print(f"{label:44} {seconds:8.1f} {len(frames) / seconds:9.2f} {best / seconds:9.1%} {peak:6.0f}", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--frames", type=int, default=96, help="frames to draw")
    options.add_argument("--size", default="1280x720", help="size of drawn frames")
    options.add_argument("--dataset", type=Path, help="frames to take instead of drawn ones")
    options.add_argument("--models", nargs="+", choices=SHAPES, default=list(SHAPES))
    args = options.parse_args(argv)
    with TemporaryDirectory() as scratch:
        work = Path(scratch)
        dataset = args.dataset or work / "drawn"
        if args.dataset is None:
            draw_frames(dataset, args.frames, *map(int, args.size.split("x")))
        for name in args.models:
            model = make_tagger(work / name.replace("/", "_"), *SHAPES[name])
            compare(name, model, dataset, work)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
