"""Name the faces of each frame after the reference images that they resemble.

    python classify_characters.py --src_dir dataset --ref_dir references

Reads the frames with their X.faces.json, and references/<character name>/*.png (whole images: the face is found in
them); writes X.characters.json beside each frame: for each face the name, its score and the runner-up. A face that
resembles nobody enough is `unknown`; one that resembles an image in references/ood is `ood`. Frames whose names a
person corrected, here or in X.json, stay as they are. Without references yet, --cluster groups the faces.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from framekit import console, errors
from framekit.characters import cluster, descriptors, evaluate, match, recognise, references
from framekit.characters.name import name_frames, propagate, waiting_frames, write_names
from framekit.cli import run
from framekit.cli.parser import Joined, StageParser
from framekit.cli.values import count, fraction
from framekit.dataset import frames
from framekit.dataset.share import own_frames
from framekit.faces import draw
from framekit.files import atomic
from framekit.files.names import CHARACTERS, FACES, sidecar
from framekit.models import hub
from framekit.pixels.encode import encode_png
from framekit.sidecars import characters, metadata


def add_comparison(options: StageParser) -> None:
    """Add the options that say how faces are compared."""
    options.group("references and how faces are compared")
    options.option("ref_dir", type=Path, help="folder with one folder of reference images per character")
    options.option(
        "model",
        action=Joined,
        nargs="+",
        default=descriptors.EMBEDDED,
        help="colour_shape, or its parts colour, layout, shape; ccip (hub), an ONNX file or folder, or"
        " torchvision:NAME; several, with commas or repeated, are weighted by cross-validation, and colour_shape is"
        " joined to others",
    )
    options.option("alone", action="store_true", help="compare by --model alone, without colour_shape")
    options.option(
        "method",
        choices=recognise.METHODS,
        default=recognise.Choice.method,
        help="knn, centroid or linear; or proto, maml, siamese, which train (requirements-train.txt)",
    )
    options.option("face_model", help="detector for the references (default: the one that found the frames' faces)")
    options.option(
        "unknown_threshold",
        aliases=("unknown_below",),
        type=fraction,
        help="similarity below which a face is unknown (default: calibrated on the references)",
    )
    options.option(
        "margin_weight",
        type=fraction,
        help="weight of the lead over the runner-up, which is added to the similarity (default: 0.5)",
    )
    options.option(
        "min_lead",
        type=fraction,
        default=match.Acceptance.min_lead,
        help="minimum lead over the runner-up; a face with less is unknown",
    )
    options.option("no_flip", action="store_true", help="don't mirror references: for hair clips and one-sided hair")
    options.shared("seed")


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("classify_characters", __doc__ or "")
    options.shared("src_dir", "redo", "dry_run", "limit", "shard", "follow_links", "workers", "device")
    options.shared("overwrite_corrections", "config")
    add_comparison(options)
    options.group("scenes and corrections")
    options.option("single_frames", action="store_true", help="name each frame by itself, without votes in its scene")
    options.option(
        "propagate",
        action="store_true",
        help="infer the names of frames without faces: those given both before and after in their scene",
    )
    options.option(
        "learn_from_corrections",
        nargs="?",
        type=Path,
        const=Path(),
        help="use corrected names as references: those in this folder, or below --src_dir",
    )
    options.group("looking, and grouping without references")
    options.shared("annotate")
    options.option(
        "evaluate",
        nargs="?",
        type=Path,
        const=Path("confusion.png"),
        help="only report the accuracy on held-out references, and draw the confusion matrix into this PNG file"
        " (confusion.png)",
    )
    options.option("cluster", type=Path, help="only group the faces, into this new folder; needs no references")
    options.option("min_cluster", type=count, default=5, help="minimum number of faces in a cluster")
    options.option("subclusters", action="store_true", help="--cluster also separates the views of a character")
    comparing = ("model", "alone", "limit")
    options.does_only("cluster", [*comparing, "min_cluster", "subclusters"])
    naming = ("method", "face_model", "unknown_threshold", "margin_weight", "min_lead", "no_flip", "seed")
    options.does_only("evaluate", [*comparing, *naming, "ref_dir", "learn_from_corrections"])
    options.needs_all("annotate", "evaluate", "cluster")
    for name in ("min_cluster", "subclusters"):
        options.only_with(name, "cluster")
    return options


def grouped(folders: Sequence[str], target: Path) -> str:
    """Return the closing line of --cluster; `folders` has that of each face."""
    kinds = {folder.split("/")[0] for folder in folders}
    return (
        f"{console.counted(len(folders), 'face')} in {console.counted(len(kinds - {cluster.NOISE}), 'cluster')},"
        f" {folders.count(cluster.NOISE)} in noise, in {target}; rename the folders to names, join those of one"
        f" character, sort or delete noise, then run again with --ref_dir {target}"
    )


def evaluate_references(recogniser: recognise.Recogniser, picture: Path, unreadable: Sequence[tuple[Path, str]]) -> int:
    """Print how references are named by the others, and draw confusions; return the exit code.

    `unreadable` is what was left out before.
    """
    heads = recogniser.heads
    found = evaluate.evaluate(
        recogniser.references, heads.paths, recogniser.make, recogniser.acceptance, recogniser.quick
    )
    console.say("\n".join(evaluate.report(found)))
    atomic.write_whole(picture, encode_png(evaluate.confusion_picture(found)))
    return run.close(f"who is taken for whom is drawn in {picture}", [*unreadable, *heads.unreadable])


def summary(counts: Counter[str], written: int, done: int, kept: int) -> str:
    """Return how many faces got a name, how many none, how many are to be ignored, and on how many frames."""
    unknown, ood = counts[metadata.UNKNOWN], counts[metadata.OOD]
    named = f"{console.counted(counts.total() - unknown - ood, 'face')} named, {unknown} unknown, {ood} ood"
    given = f"{named}, in {console.counted(written, 'frame')}" if written else console.NOTHING_NEW
    by_hand = f", {kept} kept as corrected by hand" if kept else ""
    return f"{given}; {done} already done{by_hand}"


@run.script(parser)
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    workers = console.worker_count(args.workers)
    given = hub.model_names(args.model)
    if not given:
        raise errors.UsageError("--model names no descriptor")
    models = descriptors.joined(given, args.alone)
    if args.ref_dir is None and not args.cluster:
        raise errors.UsageError("--ref_dir must be given, or --cluster FOLDER to begin without references")
    unreadable: list[tuple[Path, str]] = []
    every = frames.find_frames(args.src_dir, args.limit, unreadable)
    own = own_frames(args.shard, every, args.src_dir, unreadable, whole_folders=True)  # which are weighed together
    found = frames.with_usable(own, CHARACTERS, unreadable)
    known, undetected, damaged = characters.known_faces(found)
    unreadable += damaged
    if found and not any(sidecar(frame, FACES).exists() for frame in every):
        raise errors.UsageError(f"no frame in {args.src_dir} has an X.faces.json; run detect_faces.py first")
    if args.cluster:
        how = cluster.Grouping(models, args.min_cluster, args.subclusters)
        folders, undecoded = cluster.cluster_faces(known, args.src_dir, args.cluster, how, args.device, workers)
        return run.close(grouped(folders, args.cluster), unreadable + undecoded)
    margin, flip = args.margin_weight, not args.no_flip
    choice = recognise.Choice(models, args.method, args.unknown_threshold, margin, args.min_lead, flip, args.seed)
    corrected = references.corrected_below(args.learn_from_corrections, args.src_dir, unreadable)
    digest = recognise.comparison_digest(references.find_references(args.ref_dir, unreadable), choice, corrected)
    options = ("unknown_threshold", "margin_weight", "min_lead", "single_frames", "face_model")
    made = {"model": choice.how, "references": digest, "settings": {name: getattr(args, name) for name in options}}
    todo, kept = waiting_frames(known, args.redo, args.overwrite_corrections)
    done = len(known) - len(todo) - len(kept)
    left = console.made_otherwise(characters.named_otherwise({*known} - todo - kept, made), "names")
    if args.dry_run:
        would = (
            f"{console.counted(len(todo), 'frame')} would be named, {len(known) - len(todo) - len(kept)} already done"
        )
        return run.close(f"{would}, in {args.src_dir}", unreadable, left)
    atomic.clean_up((frame.parent for frame in found), CHARACTERS)
    counts, written = Counter[str](), 0
    if todo or args.evaluate:
        face_model = args.face_model or references.detector_of(every)
        recogniser = recognise.load_recogniser(args.ref_dir, choice, face_model, args.device, corrected, workers)
        console.say("\n".join(recogniser.remarks))
        if args.evaluate:
            return evaluate_references(recogniser, args.evaluate, unreadable)
        named = name_frames(known, todo, recogniser, not args.single_frames, workers)
        counts, written, undecoded = write_names(named, made, kept, args.overwrite_corrections)
        unreadable += recogniser.heads.unreadable + undecoded
    closing = summary(counts, written, done, len(kept))
    if args.propagate:
        closing += f", {console.counted(propagate(found, kept), 'faceless frame')} with inferred names"
    if undetected:
        console.warn(f"{console.counted(len(undetected), 'frame')} without X.faces.json; run detect_faces.py")
    if args.annotate:
        drawn = draw.annotate(found, args.src_dir, args.annotate, workers)
        closing += f", {console.counted(drawn, 'annotated frame')} in {args.annotate}"
    return run.close(f"{closing}, in {args.src_dir}", unreadable, left)


if __name__ == "__main__":
    raise SystemExit(main())
