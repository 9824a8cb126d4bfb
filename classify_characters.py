"""Name the faces of each frame after the reference images that they resemble.

    python classify_characters.py --src_dir dataset --ref_dir references

Reads the frames with their X.faces.json, and references/<character name>/*.png (whole images: the face is found in
them); writes X.characters.json beside each frame: for each face the name, its score and the runner-up. A face that
resembles nobody enough is `unknown`; one that resembles an image in references/ood is `ood`. Frames whose names a
person corrected, here or in X.json, stay as they are. Without references yet, --cluster groups the faces.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from framekit import boxes, console, errors
from framekit.characters import cluster, descriptors, evaluate, match, recognise, references, scenes
from framekit.cli import run
from framekit.cli.parser import Joined, StageParser, count, fraction
from framekit.dataset import frames
from framekit.faces import detect, draw, models
from framekit.files import atomic, names
from framekit.files.names import CHARACTERS, sidecar
from framekit.models import hub
from framekit.pixels.encode import encode_png
from framekit.sidecars import characters, metadata


def detector_of(found: Sequence[Path]) -> str:
    """Return the detector that found the faces, as their sidecars say, so that references are cropped alike.

    Only a known name is taken from a sidecar, which may be a stranger's. Raises UsageError for another.
    """
    named = (characters.read_record(names.sidecar(frame, names.FACES)).get("model") for frame in found)
    model = next((name for name in named if name is not None), models.EMBEDDED)
    first = str(model).split(",")[0]
    if first == "crop":
        return models.EMBEDDED
    if first != models.EMBEDDED and first not in models.DETECTORS:
        raise errors.UsageError(
            f"the faces were found with {model}; say with --face_model which detector the references need"
        )
    return first


def load_recogniser(
    images: dict[str, list[Path]],
    corrected: references.Corrected,
    settings: detect.Settings,
    choice: recognise.Choice,
    head_path: Path,
    workers: int,
) -> tuple[recognise.Recogniser, references.Heads]:
    """Return what names faces after these references and corrected frames, and the heads that it knows."""
    heads = references.find_heads(images, settings, workers)
    for remark in heads.remarks:
        print(remark)
    references.refuse_faceless(images, heads)
    if corrected:
        heads = heads.joined(references.learned_heads(corrected, workers))
        print(f"learned from {console.counted(len(corrected), 'corrected frame')}")
    recogniser = recognise.recogniser_for(heads, choice, settings.device, head_path)
    print(recogniser.told)
    return recogniser, heads


def print_evaluation(recogniser: recognise.Recogniser, heads: references.Heads, picture: Path) -> None:
    """Print what the references are worth, and draw who is taken for whom."""
    found = evaluate.evaluate(
        recogniser.references, heads.paths, recogniser.make, recogniser.acceptance, recogniser.quick
    )
    print("\n".join(evaluate.report(found)))
    atomic.write_whole(picture, encode_png(evaluate.confusion_picture(found)))


def write_names(
    named: Iterable[tuple[Path, list[scenes.NamedFace] | frames.Unreadable]], how: str, digest: str
) -> tuple[Counter[str], int, list[tuple[Path, str]]]:
    """Write the names of each frame; return how often each was given, on how many frames, and unreadable frames."""
    counts: Counter[str] = Counter()
    unreadable = []
    written = 0
    for frame, shown in named:
        if isinstance(shown, frames.Unreadable):
            unreadable.append((frame, shown.reason))
            continue
        record = characters.names_record(how, digest, [asdict(one) for one in shown], [])
        atomic.write_json(sidecar(frame, CHARACTERS), record)
        counts.update(one.name for one in shown)
        written += 1
    return counts, written, unreadable


def told_counts(counts: Counter[str]) -> str:
    """Return how many faces got a name, how many none, and how many are to be ignored, in words."""
    unknown, ood = counts[metadata.UNKNOWN], counts[metadata.OOD]
    return f"{console.counted(counts.total() - unknown - ood, 'face')} named, {unknown} unknown, {ood} ood"


def print_left_over(stale: int, undetected: int) -> None:
    """Say which frames want another run, of this script or of the one before."""
    if stale:
        print(f"{console.counted(stale, 'frame')} named with other references before; --redo names them again")
    if undetected:
        print(f"{console.counted(undetected, 'frame')} without X.faces.json; run detect_faces.py")


def group_faces(
    known: Mapping[Path, Sequence[boxes.Face]],
    root: Path,
    target: Path,
    how: cluster.Grouping,
    device: str,
    workers: int,
) -> int:
    """Do --cluster; return the exit code."""
    folders, unreadable = cluster.cluster_faces(known, root, target, how, device, workers)
    kinds = {folder.split("/")[0] for folder in folders}
    return run.close(
        f"{console.counted(len(folders), 'face')} in {console.counted(len(kinds - {cluster.NOISE}), 'cluster')},"
        f" {folders.count(cluster.NOISE)} in noise, in {target}; rename the folders to names, join those of one"
        f" character, sort or delete noise, then run again with --ref_dir {target}",
        unreadable,
    )


def add_comparison(options: StageParser) -> None:
    """Add the options that say how faces are compared."""
    options.option("ref_dir", type=Path, help="folder with one folder of reference images per character")
    options.option(
        "model",
        action=Joined,
        default=descriptors.EMBEDDED,
        help="colour_shape, colour, shape, ccip (hub), an ONNX file or folder, or torchvision:NAME; given several"
        " times, or with commas, they are weighed by cross-validation",
    )
    options.option(
        "method",
        choices=recognise.METHODS,
        default=recognise.Choice.method,
        help="knn, centroid or linear; or proto, maml, siamese, which train (requirements-train.txt)",
    )
    options.option("face_model", help="detector for the references (default: the one that found the frames' faces)")
    options.option(
        "unknown_below",
        type=fraction,
        help="similarity below which a face is unknown (default: calibrated on the references)",
    )
    options.option(
        "margin_weight",
        type=fraction,
        help="how much of the lead over the runner-up adds to the similarity (default: 0.5)",
    )
    options.option(
        "min_lead",
        type=fraction,
        default=match.Acceptance.min_lead,
        help="a face whose runner-up is nearer than this is unknown",
    )
    options.option("no_flip", action="store_true", help="don't mirror references: for hair clips and one-sided hair")
    options.shared("seed")


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("classify_characters", __doc__ or "")
    options.shared("src_dir", "redo", "limit", "workers", "device", "overwrite_corrections", "config", "annotate")
    add_comparison(options)
    options.option("single_frames", action="store_true", help="name each frame by itself; don't let scenes vote")
    options.option(
        "propagate", action="store_true", help="note on faceless frames who was named before and after in their scene"
    )
    options.option(
        "learn_from_corrections",
        nargs="?",
        type=Path,
        const=Path(),
        help="corrected names become references: those in this folder, or below --src_dir",
    )
    options.option(
        "evaluate",
        nargs="?",
        type=Path,
        const=Path("confusion.png"),
        help="only say what the references are worth, and draw confusions into this PNG file (confusion.png)",
    )
    options.option("cluster", type=Path, help="only group the faces, into this new folder; needs no references")
    options.option("min_cluster", type=count, default=5, help="least faces of a cluster")
    options.option("subclusters", action="store_true", help="--cluster tells views of a character apart too")
    return options


@run.script(parser)
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    workers = console.worker_count(args.workers)
    found = frames.find_frames(args.src_dir, args.limit)
    names = hub.model_names(args.model)
    if not names:
        raise errors.UsageError("--model names no descriptor")
    if args.ref_dir is None and not args.cluster:
        raise errors.UsageError("--ref_dir must be given, or --cluster FOLDER to begin without references")
    images = {} if args.cluster else references.find_references(args.ref_dir)
    known, undetected, unreadable = characters.known_faces(found)
    if found and len(undetected) == len(found):
        raise errors.UsageError(f"no frame in {args.src_dir} has an X.faces.json; run detect_faces.py first")
    if args.cluster:
        how = cluster.Grouping(names, args.min_cluster, args.subclusters)
        return group_faces(known, args.src_dir, args.cluster, how, args.device, workers)
    margin, flip = args.margin_weight, not args.no_flip
    choice = recognise.Choice(names, args.method, args.unknown_below, margin, args.min_lead, flip, args.seed)
    corrected = references.corrected_below(args.learn_from_corrections, args.src_dir)
    digest = references.references_digest(
        images, " ".join([choice.how, descriptors.EDITION, *references.told_by(corrected)])
    )
    atomic.clean_up((frame.parent for frame in found), CHARACTERS)
    kept = set() if args.overwrite_corrections else {frame for frame in known if characters.is_corrected(frame)}
    redo = args.redo or args.overwrite_corrections
    todo = {frame for frame, seen in known.items() if frame not in kept and characters.is_pending(frame, seen, redo)}
    counts, written = Counter[str](), 0
    if todo or args.evaluate:
        settings = detect.Settings(args.face_model or detector_of(list(known)), args.device)
        head_path = recognise.head_file(args.ref_dir, choice, digest)
        recogniser, heads = load_recogniser(images, corrected, settings, choice, head_path, workers)
        if args.evaluate:
            print_evaluation(recogniser, heads, args.evaluate)
            return run.close(f"who is taken for whom is drawn in {args.evaluate}", heads.unreadable)
        named = scenes.name_frames(known, todo, recogniser, not args.single_frames, workers)
        counts, written, undecoded = write_names(named, choice.how, digest)
        unreadable += heads.unreadable + undecoded
    told = f"in {console.counted(written, 'frame')}; {len(known) - len(todo) - len(kept)} already done"
    if kept:
        told += f", {len(kept)} kept as corrected by hand"
    if args.propagate:
        told += f", {console.counted(scenes.propagate(found, kept), 'faceless frame')} with inferred names"
    print_left_over(characters.named_with_other_references(known, todo | kept, digest), len(undetected))
    if args.annotate:
        drawn = draw.annotate(found, args.src_dir, args.annotate, workers)
        told += f", {console.counted(drawn, 'annotated frame')} in {args.annotate}"
    return run.close(f"{told_counts(counts)}, {told}, in {args.src_dir}", unreadable)


if __name__ == "__main__":
    raise SystemExit(main())
