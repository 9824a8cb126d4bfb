"""A dataset is prepared: captions and factors as computed and as corrected, written where a trainer reads them."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from framekit import arguments, captions, destinations, export, leaves, metadata, prepared, sidecar, trainers
from framekit.destinations import Destination, folder_in
from framekit.leaves import Folder
from framekit.prepared import Text


@dataclass(frozen=True)
class Dataset:
    """The frames with their metadata, and the balance and captions: as computed, and as a person corrected them."""

    root: Path
    described: Mapping[Path, metadata.Metadata]
    computed: Sequence[leaves.Leaf]
    balanced: Sequence[leaves.Leaf]
    captions_by_hand: Mapping[Path, str]


def factors_by_hand(
    root: Path, computed: Sequence[leaves.Leaf], noted: Mapping[str, set[str]]
) -> tuple[dict[Folder, float], list[tuple[Path, str]]]:
    """Return the factors that a person wrote, and the files that EveryDream2 would misread."""
    texts = trainers.multiply_texts(root, computed)
    orphans = prepared.orphaned(noted, (text.key for text in texts))
    by_hand: dict[Folder, float] = {}
    misread: list[tuple[Path, str]] = []
    for text in prepared.edited_texts(texts, noted, orphans):
        try:
            by_hand[folder_in(root, text.path)] = arguments.positive(text.path.read_text(encoding="utf-8"))
        except (ValueError, argparse.ArgumentTypeError):
            misread.append((text.path, "EveryDream2 needs one plain number above 0; correct it or delete the file"))
    return by_hand, misread


def captions_by_hand(found: Sequence[Path], noted: Mapping[str, set[str]]) -> dict[Path, str]:
    """Return the captions that a person wrote beside the frames of the dataset."""
    orphans = prepared.orphaned(noted, (frame.stem for frame in found))
    paths = ((frame, sidecar.sidecar(frame, sidecar.CAPTION)) for frame in found)
    return {
        frame: prepared.held_text(path).strip() for frame, path in paths
        if prepared.is_edited(path, noted.get(frame.stem, set()) | orphans)
    }  # fmt: skip


def caption_texts(
    dataset: Dataset, placed: Mapping[Path, Path], rules: captions.CaptionRules, number: int
) -> tuple[list[Text], dict[Path, str]]:
    """Return the files of captions of a destination, and the caption of each frame there, in the same order."""
    texts: list[Text] = []
    told: dict[Path, str] = {}
    for frame, known in dataset.described.items():
        target = placed[frame]
        built = captions.build_captions(known, frame.stem, rules, number)
        told[target] = dataset.captions_by_hand.get(frame) or built
        texts.append(Text(sidecar.sidecar(target, sidecar.CAPTION), target.stem, told[target] + "\n"))
    return texts, told


def prepare(
    place: Destination,
    dataset: Dataset,
    rules: tuple[captions.CaptionRules, int],
    settings: trainers.KohyaSettings,
    overwrite: bool,
    resting: set[str],
) -> int:
    """Write what the trainers of a destination read; return how many files a person edited there, which stay.

    `resting` are the keys of frames that are not prepared this time, and whose captions are left as they are.
    """
    root = place.root
    placed = destinations.targets(place, dataset.root, dataset.described, dataset.balanced)
    texts, told = caption_texts(dataset, placed, *rules)
    if root != dataset.root:
        export.link_frames(dataset.root, root, placed, not resting)
    sidecar.clean_up((text.path.parent for text in texts), sidecar.CAPTION)
    for suffix in (".toml", ".json", ".jsonl"):
        sidecar.clean_up([root], suffix)
    noted = prepared.read_record(root)
    known = {text.key for text in texts} | resting | {key for key in noted if (root / key).exists()}
    orphans = prepared.orphaned(noted, known)
    edited = [] if overwrite else prepared.edited_texts(texts, noted, orphans)
    frames_of = {text.path: frame for text, frame in zip(texts, told, strict=True)}
    told |= {
        frames_of[text.path]: prepared.held_text(text.path).strip() or told[frames_of[text.path]] for text in edited
    }
    more = destinations.config_texts(place, dataset.balanced, told, settings)
    if "everydream2" in place.trainers:
        more += trainers.multiply_texts(root, dataset.computed if root == dataset.root else dataset.balanced)
    edited += [] if overwrite else prepared.edited_texts(more, noted, orphans)
    others = resting | (known - {text.key for text in (*texts, *more)})  # files of other trainers
    prepared.write_own([*texts, *more], edited, root, noted, others)
    return len(edited)
