"""Measure figures, cut-outs, backgrounds and all other layers against composed shots whose figures are known.

    python -m benchmarks.bench_layers --composer ../shared/tools/compose_episodes.py --art ../shared/data/art \\
        --seeds 81 82 83 [--only figures edges …] [--model isnet.onnx …] [--show DATASET/frames] [--sheets FOLDER]

Each part runs alone with --only:

    figures     figures as methods find them: IoU of frames, and what becomes of those of two- and three-shots
    edges       errors of alpha of the same, before and after matting
    models      both for each --model alone and joined with the faces, on --few frames
    empty       parts of backgrounds without anybody: share without a figure
    plates      backgrounds of moving shots, with true masks, as a compressed video shows them: share revealed of what
                figures hide, error in grey levels, share of ghosts, error of the video itself, seconds
    own_plates  the same with the masks that the embedded default finds, of a shot of each kind and seed
    invented    seconds of each way to fill holes
    tracks, flicker, effects, completion    what needs several frames of a shot
    stages      processor seconds of each stage and model on one core, on frames of --show
    run         seconds and peak memory of segment_characters.py on a copy of --show, and hours of a season

The trees of the embedded default were learned from drawings of the same characters (seeds 31 32 41 42 43 44), so that
`figures` and `own_plates` tell how known characters do; `python -m tools.learn_figures --check` tells of unseen ones.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2

from benchmarks import layers_cost, layers_figures, layers_in_time, layers_plates
from benchmarks.composed import load_composer
from framekit.figures.models import Segmenter
from framekit.figures.segment import Settings, load_segmenter

SEEDS = (81, 82, 83)  # nothing was learned from or chosen on them
SHOTS = 24  # of a show, in every so many of which is one of the --few frames: fewer than have a face, to have enough
IN_TIME = ("tracks", "flicker", "effects", "completion")
NAMES = ("figures", "edges", "models", "empty", "plates", "own_plates", "invented", *IN_TIME, "stages", "run")
LEARNED = """The trees learned from drawings of these characters (seeds 31 32 41 42 43 44, not these): what follows is
for known characters. For unseen ones: python -m tools.learn_figures --check."""


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--composer", type=Path, required=True, help="the program that composes episodes")
    options.add_argument("--art", type=Path, required=True, help="folder with `portraits` and `sprites`")
    options.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    options.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES), metavar="PART")
    options.add_argument("--model", nargs="+", default=[], help="ONNX files, as segment_characters.py takes them")
    options.add_argument("--model_input", default="", help="how they take frames, as there")
    options.add_argument("--few", type=int, default=16, help="frames that each of them looks at in a part")
    options.add_argument("--paintings", type=int, default=120, help="parts of backgrounds of each seed")
    options.add_argument("--frames", type=int, default=12, help="of each shot, for its plate")
    options.add_argument("--lama", type=Path, help="ONNX file that fills holes")
    options.add_argument("--show", type=Path, help="dataset with faces; it is copied")
    options.add_argument("--layers_of", type=int, default=0, help="frames of it that get layers in `run`, 0 for all")
    options.add_argument("--sheets", type=Path, help="folder for pictures to look at")
    return options


def measure(part: str, args: argparse.Namespace) -> None:
    """Print what is measured of a part."""
    composer = load_composer(args.composer)
    models: dict[str, Callable[[], Segmenter]] = {
        Path(model).stem: partial(load_segmenter, Settings(model, "cpu", args.model_input)) for model in args.model
    }
    shown = composer, args.art, args.seeds
    if part in ("figures", "edges", "models", "own_plates"):
        print(LEARNED)
    if part == "figures":
        layers_figures.figures(layers_figures.frames_of(*shown), args.sheets and args.sheets / "worst.png")
    elif part == "edges":
        layers_figures.edges(layers_figures.frames_of(*shown))
    elif part == "models":
        every = max(1, SHOTS * len(args.seeds) // args.few)
        layers_figures.segmenters(layers_figures.frames_of(*shown, every), models, args.few)
    elif part == "empty":
        layers_figures.empty(*shown, args.paintings, models, args.few)
    elif part == "plates":
        layers_plates.plates(*shown, args.frames)
    elif part == "own_plates":
        layers_plates.own_plates(*shown, args.frames)
    elif part == "invented":
        layers_plates.invented(*shown, args.lama, args.sheets)
    elif part in IN_TIME:
        layers_in_time.measure(part, *shown, args.sheets)
    elif args.show is None:
        print("left out: it needs --show")
    elif part == "stages":
        layers_cost.stages(args.show, models, args.few)
    else:
        layers_cost.whole_run(args.show, args.layers_of)


def main() -> int:
    """Measure the parts that are asked for."""
    args = parser().parse_args()
    cv2.setNumThreads(1)
    if args.sheets:
        args.sheets.mkdir(parents=True, exist_ok=True)
    for part in args.only:
        began = time.perf_counter()
        print(f"== {part}, seeds {' '.join(map(str, args.seeds))}", flush=True)
        measure(part, args)
        print(f"-- {time.perf_counter() - began:.0f} s\n", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
