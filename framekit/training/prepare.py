"""A dataset is prepared: captions and factors as computed and as corrected, written where a trainer reads them."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from framekit import console, errors
from framekit.dataset.frames import is_frame_name
from framekit.files import atomic, names, paths
from framekit.pixels.decode import why_broken
from framekit.sidecars import metadata
from framekit.sidecars.corrections import held_text, is_file_edited
from framekit.trainers import everydream2
from framekit.trainers.base import Folder, FolderBalance, Pack, Settings, Text, Trainer, TrainingTree, folder_in
from framekit.training import captions
from framekit.training.destinations import Destination, settings_for, targets
from framekit.training.links import link_frames
from framekit.training.masks import MaskTree, mask_for_files
from framekit.training.masks import in_words as masks_in_words
from framekit.training.record import (
    DESCRIBED,
    OwnTexts,
    described,
    edited_files,
    orphaned,
    read_configs,
    read_record,
    unusable_files,
    write_configs,
)

Balanced = tuple[list[FolderBalance], float]  # the balance, and how far kohya's whole repeats are off at most


@dataclass(frozen=True)
class Dataset:
    """The frames with their metadata, and the balance and captions: as computed, and as a person corrected them.

    `deviation` says how far kohya's whole repeats are off at most; `misread` are factors that EveryDream2 misreads.
    `found` are all frames, also those without metadata; `workers` make masks at once, 0 for one per core.
    """

    root: Path
    described: Mapping[Path, metadata.Metadata]
    computed: Sequence[FolderBalance]
    balanced: Sequence[FolderBalance]
    deviation: float = 0.0
    captions_by_hand: Mapping[Path, str] = field(default_factory=dict)
    misread: Sequence[tuple[Path, str]] = ()
    found: Sequence[Path] = ()
    workers: int = 0


def with_corrections(
    root: Path,
    found: Sequence[Path],
    described: Mapping[Path, metadata.Metadata],
    balance: Callable[[Mapping[Folder, float]], Balanced],
    is_exported: bool,
    overwrite: bool,
    workers: int = 0,
) -> Dataset:
    """Return the dataset with the factors that a person wrote in it, and the captions if they go elsewhere."""
    noted = read_record(root)
    computed, deviation = balance({})
    if overwrite:
        return Dataset(root, described, computed, computed, deviation, found=found, workers=workers)
    factors, misread = factors_by_hand(root, computed, noted)
    balanced, deviation = balance(factors)
    edited, closed = captions_by_hand(found, noted) if is_exported else ({}, [])
    return Dataset(root, described, computed, balanced, deviation, edited, [*misread, *closed], found, workers)


def factors_by_hand(
    root: Path, computed: Sequence[FolderBalance], noted: Mapping[str, set[str]]
) -> tuple[dict[Folder, float], list[tuple[Path, str]]]:
    """Return the factors that a person wrote, and the files that EveryDream2 would misread."""
    texts = everydream2.multiply_texts(root, computed)
    orphans = orphaned(noted, (text.key for text in texts))
    by_hand: dict[Folder, float] = {}
    closed = unusable_files(texts)
    misread = [*closed.items()]
    for path in sorted(edited_files(texts, noted, orphans) - {*closed}):
        factor, wrong = everydream2.read_factor(path)
        if wrong:
            misread.append((path, f"{wrong.reason}; {wrong.remedy}"))
        else:
            by_hand[folder_in(root, path)] = factor
    return by_hand, misread


def captions_by_hand(
    found: Sequence[Path], noted: Mapping[str, set[str]]
) -> tuple[dict[Path, str], list[tuple[Path, str]]]:
    """Return the captions that a person wrote beside the frames of the dataset, and those that cannot be read."""
    texts = {frame: Text(names.sidecar(frame, names.CAPTION), names.nfc(frame.stem), "") for frame in found}
    orphans = orphaned(noted, (text.key for text in texts.values()))
    closed = unusable_files(texts.values())
    by_hand = {
        frame: held_text(text.path).strip() for frame, text in texts.items()
        if text.path not in closed and is_file_edited(text.path, noted.get(text.key, set()) | orphans)
    }  # fmt: skip
    return by_hand, [*closed.items()]


@dataclass(frozen=True)
class Prepared:
    """What became of a destination: files that a person edited and that stay, captions that say little, and the rest.

    `masked` says how many frames have which mask, `renamed` tells of captions that a person wrote and that hold names
    from before a rename. `settings` fit the captions there; `left_out` are frames and files of ours that could not be
    used, with the reason.
    """

    settings: Settings
    edited: int = 0
    masked: str = ""
    bare: int = 0
    renamed: str = ""
    left_out: Sequence[tuple[Path, str]] = ()


def prepare(
    place: Destination,
    dataset: Dataset,
    rules: captions.CaptionRules,
    settings: Settings,
    overwrite: bool,
    skipped_keys: set[str],
) -> Prepared:
    """Write what the trainers of a destination read.

    `skipped_keys` are the keys of frames that are not prepared this time, and whose captions are left as they are.
    """
    if place.trainers[0].pack is not None:  # it has the place for itself
        return write_pack(place, place.trainers[0].pack, dataset, rules, settings)
    root, settings = place.root, settings_for(place, settings, rules)
    placed = targets(place, dataset.root, dataset.described, dataset.balanced, settings)
    if place.is_own:
        link_frames(dataset.root, root, placed, not skipped_keys)
    masks = MaskTree(place, mask_places(place, dataset, placed) if settings.mask_background is not None else {})
    masked = masks.write(settings.mask_background or 0, console.worker_count(dataset.workers))
    beside = caption_texts(dataset, placed, rules)
    clean_up(root, beside.values())
    noted = read_record(root)
    known = {text.key for text in beside.values()} | skipped_keys | {key for key in noted if is_there(root, key)}
    own = OwnTexts(root, noted, orphaned(noted, known), overwrite)
    closed = unusable_files(beside.values())
    edited = own.write([text for text in beside.values() if text.path not in closed])
    in_force = captions_in_force(beside, edited)
    settings, kept = with_kept_parts(settings, dataset, placed, in_force, rules)
    lists = trainer_texts(place, dataset, in_force, settings, kept)
    closed |= unusable_files(lists)
    written = [text for text in lists if text.path not in closed]
    edited |= own.write(written)
    texts = [text for text in (*beside.values(), *written) if text.path not in closed]
    others = skipped_keys | (known - {text.key for text in texts})  # files of other trainers too
    own.close(others - drop_stale_factors(root, lists, noted))
    configs = read_configs(root)
    written_from = {} if place.is_own else {DESCRIBED: {**configs.get(DESCRIBED, {}), **described(dataset.described)}}
    write_configs(root, written, edited, configs, written_from)
    masks.drop(skipped_keys)
    own_words = {frame for frame in placed if names.sidecar(placed[frame], names.CAPTION) in edited}
    by_hand = {
        frame: in_force[placed[frame]] for frame in own_words | (placed.keys() & dataset.captions_by_hand.keys())
    }
    renamed = renamed_in_words(dataset, by_hand)
    return Prepared(
        settings,
        len(edited) + masked.kept,
        masks_in_words(masked) if masks.wanted else "",
        bare_captions(dataset, by_hand),
        renamed,
        [*closed.items(), *masked.left_out],
    )


def mask_places(place: Destination, dataset: Dataset, placed: Mapping[Path, Path]) -> Mapping[Path, Path]:
    """Return where the frames stand that need a mask: in a tree that is shared, those without metadata too."""
    return placed if place.is_own else {frame: frame for frame in dataset.found}


def renamed_in_words(dataset: Dataset, by_hand: Mapping[Path, str]) -> str:
    """Return how many captions that a person wrote hold a name that was renamed; nothing if none does."""
    names_now = captions.renames_before(dataset.root) if by_hand else {}
    held = [
        (frame, found[0]) for frame, text in sorted(by_hand.items())
        if (found := captions.old_names_in(text, names_now, dataset.described[frame].characters))
    ]  # fmt: skip
    if not held:
        return ""
    frame, old = held[0]
    example = f"{frame.relative_to(dataset.root).with_suffix(names.CAPTION)} ({old} is {names_now[old]} now)"
    verb = "holds" if len(held) == 1 else "hold"
    return (
        f"{console.counted(len(held), 'hand-edited caption')} still {verb} a name that was renamed, such as {example}"
    )


def bare_captions(dataset: Dataset, by_hand: Container[Path]) -> int:
    """Count the captions that hold nothing but the general text, of frames whose captions no person wrote."""
    return sum(captions.says_little(known) and frame not in by_hand for frame, known in dataset.described.items())


def is_there(root: Path, key: str) -> bool:
    """Tell whether the file that a key of the record names is there; names in folders may have another Unicode form."""
    return (names.on_disk(root / key) if "/" in key else root / key).exists()


def drop_stale_factors(root: Path, texts: Sequence[Text], noted: Mapping[str, set[str]]) -> set[str]:
    """Delete factors of folders that hold no frames any more, unless a person edited them; return their keys."""
    written = {text.key for text in texts}
    gone = set()
    for key in noted:
        path = paths.inside(root, key)
        if path is None or path.name != names.MULTIPLY or key in written or not path.exists():
            continue
        if not is_file_edited(path, noted[key]) and not any(is_frame_name(one.name) for one in path.parent.iterdir()):
            path.unlink()
            gone.add(key)
    return gone


def with_kept_parts(
    settings: Settings,
    dataset: Dataset,
    placed: Mapping[Path, Path],
    in_force: Mapping[Path, str],
    rules: captions.CaptionRules,
) -> tuple[Settings, dict[Folder, int]]:
    """Return the settings with how many parts most captions must keep in place, and the most of each folder."""
    counts: Counter[int] = Counter()
    most: dict[Folder, int] = {}
    for frame, known in dataset.described.items():
        kept = captions.parts_to_keep(in_force[placed[frame]], known, rules)
        folder = folder_in(dataset.root, frame)
        counts[kept] += 1
        most[folder] = max(most.get(folder, 1), kept)
    return replace(settings, kept_parts=counts.most_common(1)[0][0] if counts else 1), most


def write_pack(
    place: Destination, pack: Pack, dataset: Dataset, rules: captions.CaptionRules, settings: Settings
) -> Prepared:
    """Write files that hold many frames, for the trainer that wants these."""
    place.root.mkdir(parents=True, exist_ok=True)
    texts = {
        frame: dataset.captions_by_hand.get(frame) or captions.several_captions(known, rules, frame.stem)
        for frame, known in dataset.described.items()
    }
    tree = TrainingTree(
        place.root,
        dataset.balanced,
        dataset.balanced,
        texts,
        settings,
        place.is_own,
        source=dataset.root,
        described=dataset.described,
        mask=None if settings.mask_background is None else partial(mask_for_files, settings.mask_background),
    )
    return Prepared(settings, bare=bare_captions(dataset, dataset.captions_by_hand), left_out=pack.write(tree))


def caption_texts(dataset: Dataset, placed: Mapping[Path, Path], rules: captions.CaptionRules) -> dict[Path, Text]:
    """Return the file of the caption of each frame where it stands in a destination."""
    texts = {}
    for frame, known in dataset.described.items():
        target = placed[frame]
        caption = dataset.captions_by_hand.get(frame) or captions.several_captions(known, rules, frame.stem)
        texts[target] = Text(names.sidecar(target, names.CAPTION), names.nfc(target.stem), caption + "\n")
    return texts


def captions_in_force(texts: Mapping[Path, Text], edited: set[Path]) -> dict[Path, str]:
    """Return the caption of each frame: what a person wrote into its file, else what will be written there."""
    built = {frame: text.content.removesuffix("\n") for frame, text in texts.items()}
    return {
        frame: (held_text(text.path).strip() if text.path in edited else "") or built[frame]
        for frame, text in texts.items()
    }


def trainer_texts(
    place: Destination,
    dataset: Dataset,
    in_force: Mapping[Path, str],
    settings: Settings,
    kept_parts: Mapping[Folder, int],
) -> list[Text]:
    """Return what the trainers of a destination read besides captions."""
    computed = dataset.balanced if place.is_own else dataset.computed
    tree = TrainingTree(
        place.root, dataset.balanced, computed, in_force, settings, place.is_own, kept_parts, dataset.root
    )
    return [text for trainer in place.trainers for text in trainer.texts(tree)]


def clean_up(root: Path, beside: Iterable[Text]) -> None:
    """Delete what a killed run left half-written."""
    atomic.clean_up((text.path.parent for text in beside), names.CAPTION)
    for suffix in (".toml", ".json", ".jsonl", ".yaml"):
        atomic.clean_up([root], suffix)


def trainable(found: Sequence[Path], wanted: Sequence[Trainer]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Return the frames that can be decoded and that all these trainers read, and the others with the reason.

    Raises UsageError for a frame whose caption would be taken for a setting of its folder.
    """
    for frame in found:
        if frame.stem.lower() in everydream2.SETTINGS:
            raise errors.UsageError(
                f"the caption of {frame} would be {frame.stem}.txt, a setting of EveryDream2; rename it"
            )
    blind = {
        suffix: " and ".join(trainer.name for trainer in wanted if not trainer.sees(suffix))
        for suffix in {frame.suffix for frame in found}
    }
    others = [
        (frame, f"not read by {blind[frame.suffix]}; save it as .png, .jpg or .webp")
        for frame in found if blind[frame.suffix]
    ]  # fmt: skip
    seen = [frame for frame in found if not blind[frame.suffix]]
    broken = {frame: reason for frame in seen if (reason := why_broken(frame))}
    others += [(frame, f"it cannot be decoded: {reason}") for frame, reason in broken.items()]
    return [frame for frame in seen if frame not in broken], others
