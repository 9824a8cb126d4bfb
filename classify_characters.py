"""Name the faces of each frame after the reference images that they resemble.

    python classify_characters.py --src_dir dataset --ref_dir references

Reads the frames with their X.faces.json, and references/<character name>/*.png (whole images: the face is found in
them); writes X.characters.json beside each frame: for each face the name, its score and the runner-up. A face that
resembles nobody enough is `unknown`; one that resembles an image in references/ood is `ood`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framekit import characters, detectors, face_record, faces, frames, head_crops, models, sidecar, stage

UNKNOWN, OOD = "unknown", "ood"


@dataclass(frozen=True)
class Candidate:
    """A name and how much the face resembles it, -1 to 1."""

    name: str
    score: float


@dataclass(frozen=True)
class NamedFace:
    """A face with its name, which is `unknown` when the best candidate is too weak."""

    box: tuple[float, float, float, float]
    name: str
    score: float
    runner_up: Candidate | None


@dataclass(frozen=True)
class Gallery:
    """What the references look like: one row of `vectors`, (N, D), per centroid; several rows may share a name."""

    names: list[str]
    vectors: characters.Vector


@dataclass(frozen=True)
class FindLargest:
    """Find the largest face of a reference; picklable, so that it can run in another process."""

    detect: faces.Detector

    def __call__(self, pixels: frames.Pixels) -> tuple[frames.Pixels, faces.Face | None]:
        """Return the pixels with their largest face."""
        return pixels, faces.largest_face(self.detect, pixels)


def find_references(folder: Path) -> dict[str, list[Path]]:
    """Return the reference images of each character. Raises Misuse for an empty folder or a name that can't be used."""
    if not folder.is_dir():
        raise stage.Misuse(f"{folder} is not a folder; --ref_dir must hold one folder of images per character")
    found: dict[str, list[Path]] = {}
    for sub in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        images = frames.find_frames(sub)
        if "+" in sub.name or "," in sub.name or sub.name == UNKNOWN:
            raise stage.Misuse(f"{sub}: this name has a meaning of its own or holds + or a comma; rename the folder")
        if not images:
            raise stage.Misuse(f"{sub} holds no image; add references of this character or remove the folder")
        found[sub.name] = images
    if not found:
        raise stage.Misuse(f"{folder} holds no folders; it needs one folder of images per character")
    return found


def is_ood(name: str) -> bool:
    """Tell whether a reference folder holds people to ignore."""
    return name == OOD or name.startswith("noise")


def references_digest(references: dict[str, list[Path]], model: str) -> str:
    """Return 12 hex digits that change with any reference image, name or model."""
    sums = {
        name: [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths] for name, paths in references.items()
    }
    return sidecar.digest([model, sums])


def embed_references(
    references: dict[str, list[Path]], settings: detectors.Settings, embed: characters.Embedder, workers: int
) -> tuple[dict[str, list[tuple[characters.Vector, characters.Vector]]], list[tuple[Path, str]]]:
    """Return for each character the vectors of each reference as it is and mirrored, and the unreadable references."""
    owner = {path: name for name, paths in references.items() for path in paths}
    detect = detectors.load_detector(settings.model, settings)
    looks = frames.map_frames(FindLargest(detect), list(owner), workers, detectors.needs_processes([detect]))
    vectors: dict[str, list[tuple[characters.Vector, characters.Vector]]] = {name: [] for name in references}
    unreadable: list[tuple[Path, str]] = []
    for path, look in stage.progress(looks, len(owner), "reference"):
        if isinstance(look, frames.Unreadable):
            unreadable.append((path, look.reason))
        elif look[1] is None:
            print(f"no face found in reference {path}: not used; crop it to the head or replace it")
        else:
            crop = head_crops.crop_head(look[0], look[1])
            vectors[owner[path]].append((embed(crop), embed(np.ascontiguousarray(crop[:, ::-1]))))
    return vectors, unreadable


def make_gallery(vectors: dict[str, list[tuple[characters.Vector, characters.Vector]]]) -> Gallery:
    """Return two centroids per character, as it is and mirrored; people to ignore keep one row per image instead.

    Raises Misuse if a character has no usable reference.
    """
    names: list[str] = []
    rows: list[characters.Vector] = []
    for name, pairs in vectors.items():
        if not pairs:
            raise stage.Misuse(f"no face was found in any reference of {name}; crop them to the head or add others")
        if is_ood(name):
            own = [vector for pair in pairs for vector in pair]
        else:
            own = [characters.unit(np.mean(side, axis=0)) for side in zip(*pairs, strict=True)]
        names += [OOD if is_ood(name) else name] * len(own)
        rows += own
    return Gallery(names, np.stack(rows))


def rank(vector: characters.Vector, gallery: Gallery) -> list[Candidate]:
    """Return the candidates for a face, the most similar first."""
    best: dict[str, float] = {}
    for name, score in zip(gallery.names, (gallery.vectors @ vector).tolist(), strict=True):
        best[name] = max(score, best.get(name, -1.0))
    return [Candidate(name, round(score, 4)) for name, score in sorted(best.items(), key=lambda item: -item[1])]


def name_face(face: faces.Face, candidates: Sequence[Candidate], acceptance: characters.Acceptance) -> NamedFace:
    """Decide on a name."""
    first = candidates[0]
    runner_up = candidates[1] if len(candidates) > 1 else None
    good = acceptance.holds(first.score, runner_up.score if runner_up else None)
    return NamedFace(face.box, first.name if good else UNKNOWN, first.score, runner_up)


def read_record(path: Path) -> dict[str, Any]:
    """Return the content of a sidecar; empty if it is missing or damaged."""
    try:
        return sidecar.read_json(path)
    except sidecar.BadSidecar:
        return {}


def boxes_in(record: dict[str, Any]) -> list[list[float]] | None:
    """Return the boxes that the content of a characters sidecar names; None if it names none."""
    try:
        return [list(face["box"]) for face in record["faces"]]
    except (KeyError, TypeError):
        return None


def pending_frames(
    found: Sequence[Path], redo: bool
) -> tuple[dict[Path, list[faces.Face]], list[Path], list[tuple[Path, str]]]:
    """Return the frames to name with their faces, the frames without X.faces.json, and those whose sidecar is damaged.

    A frame whose faces changed since they were named is pending again.
    """
    todo: dict[Path, list[faces.Face]] = {}
    undetected: list[Path] = []
    damaged: list[tuple[Path, str]] = []
    for frame in found:
        try:
            seen = face_record.read_faces(frame)
        except sidecar.BadSidecar as error:
            damaged.append((frame, str(error)))
            continue
        if seen is None:
            undetected.append(frame)
        elif redo or boxes_in(read_record(sidecar.sidecar(frame, sidecar.CHARACTERS))) != [
            list(face.box) for face in seen
        ]:
            todo[frame] = seen
    return todo, undetected, damaged


def named_with_other_references(found: Sequence[Path], todo: dict[Path, Any], digest: str) -> int:
    """Count the frames that were named with other references or another model than now."""
    done = [sidecar.sidecar(frame, sidecar.CHARACTERS) for frame in found if frame not in todo]
    return sum(read_record(path).get("references", digest) != digest for path in done)


def detector_of(found: Sequence[Path]) -> str:
    """Return the detector that found the faces, as their sidecars say, so that references are cropped alike.

    Only a known name is taken from a sidecar, which may be a stranger's. Raises Misuse for another.
    """
    named = (read_record(sidecar.sidecar(frame, sidecar.FACES)).get("model") for frame in found)
    model = next((name for name in named if name is not None), detectors.EMBEDDED)
    if model != detectors.EMBEDDED and model not in models.DETECTORS:
        raise stage.Misuse(
            f"the faces were found with {model}; say with --face_model which detector the references need"
        )
    return str(model)


def acceptance_for(model: str, unknown_below: float | None, margin_weight: float | None) -> characters.Acceptance:
    """Return the acceptance of a model, with what the command line says instead."""
    default = characters.ACCEPTANCE.get(model, characters.Acceptance())
    return characters.Acceptance(
        default.unknown_below if unknown_below is None else unknown_below,
        default.margin_weight if margin_weight is None else margin_weight,
    )


def parser() -> stage.StageParser:
    """Return the command line."""
    options = stage.StageParser("classify_characters", __doc__ or "")
    options.shared("src_dir", "redo", "limit", "workers", "device", "config")
    options.option("ref_dir", needed=True, type=Path, help="folder with one folder of reference images per character")
    options.option("model", default=characters.EMBEDDED, help="colour_shape, ccip (hub), or an ONNX file or folder")
    options.option("face_model", help="detector for the references (default: the one that found the frames' faces)")
    options.option(
        "unknown_below",
        type=stage.fraction,
        help="similarity below which a face is unknown (default: 0.74 for colour_shape, 0.643 for ccip, else 0.7)",
    )
    options.option(
        "margin_weight",
        type=stage.fraction,
        help="how much of the lead over the runner-up adds to the similarity (default: 0.5 for colour_shape, else 0)",
    )
    return options


@stage.one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    args = parser().read(argv)
    found = frames.find_frames(args.src_dir, args.limit)
    references = find_references(args.ref_dir)
    digest = references_digest(references, args.model)
    todo, undetected, unreadable = pending_frames(found, args.redo)
    if found and len(undetected) == len(found):
        raise stage.Misuse(f"no frame in {args.src_dir} has an X.faces.json; run detect_faces.py first")
    sidecar.clean_up((frame.parent for frame in found), sidecar.CHARACTERS)
    counts = {UNKNOWN: 0, OOD: 0}
    already = len(found) - len(todo) - len(undetected) - len(unreadable)
    named_frames = 0
    if todo:
        embed = characters.load_embedder(args.model, args.device)
        acceptance = acceptance_for(args.model, args.unknown_below, args.margin_weight)
        settings = detectors.Settings(args.face_model or detector_of(list(todo)), args.device)
        vectors, undecoded = embed_references(references, settings, embed, stage.worker_count(args.workers))
        unreadable += undecoded
        gallery = make_gallery(vectors)
        decoded = frames.map_frames(lambda pixels: pixels, list(todo), stage.worker_count(args.workers))
        for frame, pixels in stage.progress(decoded, len(todo), "frame"):
            if isinstance(pixels, frames.Unreadable):
                unreadable.append((frame, pixels.reason))
                continue
            heads = [(face, embed(head_crops.crop_head(pixels, face))) for face in todo[frame]]
            named = [name_face(face, rank(vector, gallery), acceptance) for face, vector in heads]
            record = {"schema": 1, "model": args.model, "references": digest, "faces": [asdict(n) for n in named]}
            sidecar.write_json(sidecar.sidecar(frame, sidecar.CHARACTERS), record)
            named_frames += 1
            for face in named:
                counts[face.name] = counts.get(face.name, 0) + 1
    stale = named_with_other_references(found, todo, digest)
    if stale:
        print(f"{stage.counted(stale, 'frame')} named with other references before; --redo names them again")
    if undetected:
        print(f"{stage.counted(len(undetected), 'frame')} without X.faces.json; run detect_faces.py")
    known = sum(counts.values()) - counts[UNKNOWN] - counts[OOD]
    return stage.close(
        f"{stage.counted(known, 'face')} named, {counts[UNKNOWN]} unknown, {counts[OOD]} ood,"
        f" in {stage.counted(named_frames, 'frame')}; {already} already done, in {args.src_dir}",
        unreadable,
    )


if __name__ == "__main__":
    raise SystemExit(main())
