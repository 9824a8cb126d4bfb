"""Learn the trees that tell figures from background, framekit/figures/figures.onnx, from composed frames.

    python -m tools.learn_figures --composer COMPOSER.py --art ART --seeds 31 32 41 42 43 44 --out figures.onnx
    python -m tools.learn_figures --composer COMPOSER.py --art ART --seeds 31 32 41 42 43 44 --check

ART holds drawings with alpha, as benchmarks/composed.py takes them. Each frame is learned as it is, and once more with
other colours before another background. --check learns three times, each time without a third of the characters, and
prints how well the figures of those are cut out.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.composed import SIZE, Composed, composed, load_composer
from framekit.boxes import Face, face_at
from framekit.figures import separate
from framekit.figures.features import ROWS, bars_of, grid_of
from framekit.figures.likelihood import describe
from framekit.pixels.decode import Pixels, shrink

FOLDS = 3
PLACES = 2500  # learned of each frame
JITTER = 0.06  # of a face box, as detectors differ
TREES, LEAVES, RATE = 120, 31, 0.12  # chosen on characters left out: 160 trees and 63 leaves gain nothing
Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """A frame to learn from: what the trees look at, and 1 for figures, 0 for background, 2 for what is not learned."""

    values: NDArray[np.float16]
    truth: NDArray[np.uint8]
    names: Sequence[str]
    frame: Composed | None


def recoloured(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Return pixels with other hues, more or less colour, darker or lighter."""
    values = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV).astype(np.float32)
    values[..., 0] = (values[..., 0] + rng.uniform(0, 180) * (rng.random() < 0.7)) % 180
    values[..., 1] = np.clip(values[..., 1] * rng.uniform(0.5, 1.4), 0, 255)
    values[..., 2] = np.clip(values[..., 2] * rng.uniform(0.6, 1.1), 0, 255)
    return np.asarray(cv2.cvtColor(values.astype(np.uint8), cv2.COLOR_HSV2RGB), dtype=np.uint8)


def clutter(rng: np.random.Generator) -> Pixels:
    """Return a background of boxes, ovals, lines and patches that nobody drew."""
    width, height = SIZE
    ends = rng.integers(0, 256, (2, 3))
    down = np.linspace(0, 1, height)[:, None, None]
    picture = np.broadcast_to(ends[0] * (1 - down) + ends[1] * down, (height, width, 3)).astype(np.uint8).copy()
    if rng.random() < 0.6:
        picture[int(rng.uniform(0.3, 0.9) * height) :] = rng.integers(0, 256, 3)
    for _ in range(int(rng.integers(3, 40))):
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        x, y = int(rng.integers(-100, width)), int(rng.integers(-100, height))
        one = int(np.exp(rng.uniform(np.log(10), np.log(400))))
        other = int(one * np.exp(rng.uniform(-1, 1)))
        kind = int(rng.integers(4))
        if kind == 0:
            cv2.rectangle(picture, (x, y), (x + one, y + other), colour, -1)
        elif kind == 1:
            cv2.ellipse(picture, (x, y), (one, other), float(rng.uniform(0, 180)), 0, 360, colour, -1)
        elif kind == 2:
            end = (x + int(rng.normal(0, 400)), y + int(rng.normal(0, 400)))
            cv2.line(picture, (x, y), end, colour, int(rng.integers(1, 20)))
        else:
            corners = np.stack([x + rng.normal(0, one, 5), y + rng.normal(0, other, 5)], axis=1)
            cv2.fillPoly(picture, [corners.astype(np.int32)], colour)
    if rng.random() < 0.5:
        noise = cv2.resize(rng.normal(0, 14, (height // 8, width // 8, 3)), (width, height))
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.7, 8))), dtype=np.uint8)
    return np.asarray(picture, dtype=np.uint8)


def recombined(frame: Composed, backgrounds: Sequence[Pixels], rng: np.random.Generator) -> tuple[Pixels, list[Face]]:
    """Return the figures of a frame in other colours before another background, and their faces, a little off."""
    alpha = np.clip((frame.alpha[..., None] - 0.15) / 0.7, 0, 1)  # less of the background that it was painted on
    ground = clutter(rng) if rng.random() < 0.5 else backgrounds[int(rng.integers(len(backgrounds)))]
    mixed = alpha * recoloured(frame.pixels, rng) + (1 - alpha) * recoloured(ground, rng)
    pixels = np.where(bars_of(frame.pixels)[..., None], 0, mixed).astype(np.uint8)
    faces = []
    for face in frame.faces:
        size = np.array([face.box[2] - face.box[0], face.box[3] - face.box[1]] * 2)
        left, top, right, bottom = np.array(face.box) + rng.normal(0, JITTER, 4) * size
        faces.append(face_at(left, top, right, bottom, face.score))
    return pixels, faces


def examples(frames: Sequence[Composed], rng: np.random.Generator) -> Iterator[Example]:
    """Yield what is to be learned of these frames."""
    backgrounds = [frame.background for frame in frames]
    for frame in frames:
        if not frame.faces or not frame.alphas:
            continue
        columns = grid_of(frame.pixels).shape[1]
        truth = np.zeros((ROWS, columns), dtype=np.uint8)
        for number, alpha in enumerate(frame.alphas):
            own = cv2.resize(alpha, (columns, ROWS), interpolation=cv2.INTER_AREA) > 0.5
            truth[own] = 1 if number in frame.found else 2
        truth[bars_of(grid_of(frame.pixels))] = 2
        yield Example(describe(frame.pixels, frame.faces)[0].astype(np.float16), truth, frame.names, frame)
        pixels, faces = recombined(frame, backgrounds, rng)
        yield Example(describe(pixels, faces)[0].astype(np.float16), truth, frame.names, None)


def drawn(held: Sequence[Example], rng: np.random.Generator) -> tuple[Rows, NDArray[np.uint8]]:
    """Return places of examples to learn from, more of them near the borders of figures."""
    values, truths = [], []
    for example in held:
        truth = example.truth.ravel()
        figure = (example.truth == 1).astype(np.uint8)
        edge = cv2.dilate(figure, np.ones((15, 15))) - cv2.erode(figure, np.ones((15, 15)))
        usable = np.flatnonzero(truth < 2)
        odds = 1 + 2.0 * edge.ravel()[usable]
        at = rng.choice(usable, min(PLACES, len(usable)), replace=False, p=odds / odds.sum())
        values.append(example.values.reshape(-1, example.values.shape[-1])[at].astype(np.float32))
        truths.append(truth[at])
    return np.concatenate(values), np.concatenate(truths)


def learn(held: Sequence[Example], rng: np.random.Generator) -> Any:
    """Return trees learned from examples."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    trees = HistGradientBoostingClassifier(
        max_iter=TREES, learning_rate=RATE, max_leaf_nodes=LEAVES, min_samples_leaf=100, l2_regularization=1.0,
        early_stopping=False, random_state=0,
    )  # fmt: skip
    return trees.fit(*drawn(held, rng))


def as_onnx(trees: Any) -> bytes:
    """Return trees as an ONNX file that answers with the logarithm of the odds: rows of values in, one number out."""
    from onnx import TensorProto, helper

    nodes: dict[str, list[Any]] = {name: [] for name in (
        "treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")}  # fmt: skip
    leaves: dict[str, list[Any]] = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    for tree, [predictor] in enumerate(trees._predictors):  # scikit-learn shows them nowhere else
        for number, node in enumerate(predictor.nodes):
            is_leaf = bool(node["is_leaf"])
            values = (
                tree,
                number,
                0 if is_leaf else int(node["feature_idx"]),
                0.0 if is_leaf else node["num_threshold"],
            )
            ways = ("LEAF", 0, 0) if is_leaf else ("BRANCH_LEQ", int(node["left"]), int(node["right"]))
            for held, value in zip(nodes.values(), (*values, *ways), strict=True):
                held.append(value)
            if is_leaf:
                for held, value in zip(leaves.values(), (tree, number, 0, float(node["value"])), strict=True):
                    held.append(value)
    attributes: dict[str, Any] = {f"nodes_{name}": held for name, held in nodes.items()}
    attributes |= {f"target_{name}": held for name, held in leaves.items()}
    base = [float(np.ravel(trees._baseline_prediction)[0])]
    made = helper.make_node("TreeEnsembleRegressor", ["values"], ["odds"], domain="ai.onnx.ml", n_targets=1,
                            base_values=base, **attributes)  # fmt: skip
    rows = helper.make_tensor_value_info("values", TensorProto.FLOAT, [None, trees.n_features_in_])
    odds = helper.make_tensor_value_info("odds", TensorProto.FLOAT, [None, 1])
    graph = helper.make_graph([made], "figures", [rows], [odds])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def check(held: Sequence[Example], rng: np.random.Generator) -> None:
    """Print how well figures of characters are cut out that were not learned from, where all faces are found."""
    characters = sorted({name for example in held for name in example.names})
    fold = {name: number % FOLDS for number, name in enumerate(characters)}
    every: list[float] = []
    for left_out in range(FOLDS):
        mine = [any(fold[name] == left_out for name in example.names) for example in held]
        trees = learn([example for example, out in zip(held, mine, strict=True) if not out], rng)
        scores = []
        for example, out in zip(held, mine, strict=True):
            if out and example.frame is not None and example.frame.all_found:
                rows = example.values.reshape(-1, example.values.shape[-1]).astype(np.float32)
                likely = trees.predict_proba(rows)[:, 1].reshape(example.values.shape[:2]).astype(np.float32)
                scores.append(agreement(example.frame, likely))
        every += scores
        print(f"without {' '.join(name for name in characters if fold[name] == left_out)}: {len(scores)} frames,"
              f" mean IoU {np.mean(scores):.3f}, median {np.median(scores):.3f}", flush=True)  # fmt: skip
    print(f"characters that were not learned from: {len(every)} frames, mean IoU {np.mean(every):.3f}")


def agreement(frame: Composed, likely: NDArray[np.float32]) -> float:
    """Return the intersection over union of what is cut out and what is true."""
    small = shrink(frame.pixels, separate.LONGER_SIDE)
    shape = small.shape[:2]
    likely[bars_of(grid_of(frame.pixels))] = 0
    cut = separate.figures_apart(small, likely, frame.faces) > 0
    true = cv2.resize(frame.alpha, (shape[1], shape[0]), interpolation=cv2.INTER_AREA) > 0.5
    return float((cut & true).sum() / max(1, (cut | true).sum()))


def main() -> None:
    """Run the command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--composer", type=Path, required=True, help="the program that composes episodes")
    options.add_argument("--art", type=Path, required=True, help="folder with the drawings")
    options.add_argument("--seeds", type=int, nargs="+", required=True, help="shows to learn from")
    options.add_argument("--out", type=Path, help="ONNX file to write")
    options.add_argument("--check", action="store_true", help="measure on characters that are left out")
    args = options.parse_args()
    started, rng = time.perf_counter(), np.random.default_rng(0)
    composer = load_composer(args.composer)
    held = list(examples(list(composed(composer, args.art, args.seeds)), rng))
    print(f"{len(held)} examples in {time.perf_counter() - started:.0f} s", flush=True)
    if args.out:
        args.out.write_bytes(as_onnx(learn(held, rng)))
        print(f"{args.out}: {args.out.stat().st_size} bytes in {time.perf_counter() - started:.0f} s", flush=True)
    if args.check:
        check(held, rng)


if __name__ == "__main__":
    main()
