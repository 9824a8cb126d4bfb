"""A dataset is prepared: captions and factors as computed and as corrected, written where a trainer reads them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from framekit import console, errors
from framekit.dataset import frames, move
from framekit.files import atomic, names, paths
from framekit.sidecars import metadata
from framekit.trainers import base, diffusers, everydream2, kohya, onetrainer
from framekit.trainers.base import Folder, FolderBalance, Text, folder_in, text_at
from framekit.trainers.kohya import KOHYA_CONFIG, KohyaSettings
from framekit.training import captions
from framekit.training.captions import CaptionRules

ONE_CAPTION = ("everydream2", "diffusers")  # trainers that take one caption a frame
LINKED = ".linked.json"  # path in the dataset -> path here, so that frames that go elsewhere are followed
STALE = f"{paths.REMOVED}/stale"
REPLACED = f"{paths.REMOVED}/replaced"
MAX_RECORD_BYTES = 2**28  # 100,000 captions take 6 MB
RECORD = ".prepared.json"  # what was written: name -> digests, so that edits are told from our own text


def captions_by_hand(found: Sequence[Path], noted: Mapping[str, set[str]]) -> dict[Path, str]:
    """Return the captions that a person wrote beside the frames of the dataset."""
    orphans = orphaned(noted, (frame.stem for frame in found))
    paths = ((frame, names.sidecar(frame, names.CAPTION)) for frame in found)
    return {
        frame: held_text(path).strip() for frame, path in paths
        if is_edited(path, noted.get(frame.stem, set()) | orphans)
    }  # fmt: skip


@dataclass(frozen=True)
class Dataset:
    """The frames with their metadata, and the balance and captions: as computed, and as a person corrected them."""

    root: Path
    described: Mapping[Path, metadata.Metadata]
    computed: Sequence[base.FolderBalance]
    balanced: Sequence[base.FolderBalance]
    captions_by_hand: Mapping[Path, str]


def factors_by_hand(
    root: Path, computed: Sequence[base.FolderBalance], noted: Mapping[str, set[str]]
) -> tuple[dict[Folder, float], list[tuple[Path, str]]]:
    """Return the factors that a person wrote, and the files that EveryDream2 would misread."""
    texts = everydream2.multiply_texts(root, computed)
    orphans = orphaned(noted, (text.key for text in texts))
    by_hand: dict[Folder, float] = {}
    misread: list[tuple[Path, str]] = []
    for text in edited_texts(texts, noted, orphans):
        try:
            by_hand[folder_in(root, text.path)] = everydream2.factor_of(text.path.read_text(encoding="utf-8"))
        except ValueError:
            misread.append((text.path, "EveryDream2 needs one plain number above 0; correct it or delete the file"))
    return by_hand, misread


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
        texts.append(Text(names.sidecar(target, names.CAPTION), target.stem, told[target] + "\n"))
    return texts, told


@dataclass(frozen=True)
class Destination:
    """A folder in which a dataset is prepared, and the trainers that read it there."""

    root: Path
    trainers: tuple[str, ...]
    kohya_form: str = "config"

    @property
    def has_kohya_folders(self) -> bool:
        """Tell whether the folders are named as kohya wants them without a config."""
        return self.kohya_form == "folders" and self.trainers == ("kohya",)


def prepare(
    place: Destination,
    dataset: Dataset,
    rules: tuple[captions.CaptionRules, int],
    settings: kohya.KohyaSettings,
    overwrite: bool,
    skipped_keys: set[str],
) -> int:
    """Write what the trainers of a destination read; return how many files a person edited there, which stay.

    `skipped_keys` are the keys of frames that are not prepared this time, and whose captions are left as they are.
    """
    root = place.root
    placed = targets(place, dataset.root, dataset.described, dataset.balanced)
    texts, told = caption_texts(dataset, placed, *rules)
    if root != dataset.root:
        link_frames(dataset.root, root, placed, not skipped_keys)
    atomic.clean_up((text.path.parent for text in texts), names.CAPTION)
    for suffix in (".toml", ".json", ".jsonl"):
        atomic.clean_up([root], suffix)
    noted = read_record(root)
    known = {text.key for text in texts} | skipped_keys | {key for key in noted if (root / key).exists()}
    orphans = orphaned(noted, known)
    edited = [] if overwrite else edited_texts(texts, noted, orphans)
    frames_of = {text.path: frame for text, frame in zip(texts, told, strict=True)}
    told |= {frames_of[text.path]: held_text(text.path).strip() or told[frames_of[text.path]] for text in edited}
    more = config_texts(place, dataset.balanced, told, settings)
    if "everydream2" in place.trainers:
        more += everydream2.multiply_texts(root, dataset.computed if root == dataset.root else dataset.balanced)
    edited += [] if overwrite else edited_texts(more, noted, orphans)
    others = skipped_keys | (known - {text.key for text in (*texts, *more)})  # files of other trainers
    write_own([*texts, *more], edited, root, noted, others)
    return len(edited)


def destinations(src_dir: Path, dst_dir: Path | None, wanted: Sequence[str], kohya_form: str) -> list[Destination]:
    """Return the folders to prepare: the dataset itself, or one below `dst_dir` for each trainer.

    Raises UsageError if they would be taken for part of the dataset.
    """
    named = tuple(dict.fromkeys(wanted))
    if dst_dir is None:
        if kohya_form == "folders" and "kohya" in named:
            raise errors.UsageError("--kohya_form folders needs --dst_dir, a folder where kohya's folders can be made")
        return [Destination(src_dir, named, kohya_form)]
    frames.refuse_inside(dst_dir, src_dir)
    frames.refuse_inside(src_dir, dst_dir)
    return [Destination(dst_dir / trainer, (trainer,), kohya_form) for trainer in named]


def rules_for(place: Destination, rules: CaptionRules, number: int) -> tuple[CaptionRules, int]:
    """Return the rules for captions of a destination, and how many captions a frame gets there.

    Raises UsageError if several trainers would have to share captions that one of them misreads.
    """
    shared = len(place.trainers) > 1
    if rules.separator and shared and "kohya" in place.trainers:
        said = f"--keep_tokens_separator {rules.separator}"
        raise errors.UsageError(f"{said} is text to all trainers but kohya; take --trainer kohya, or --dst_dir")
    takes_one = any(trainer in ONE_CAPTION for trainer in place.trainers)
    if number > 1 and shared and takes_one:
        said = f"--captions_per_frame {number}"
        raise errors.UsageError(f"{said} is for kohya and onetrainer, the others take one; take these, or --dst_dir")
    several = number > 1 and not takes_one
    separator = rules.separator if "kohya" in place.trainers else ""
    fitting = replace(rules, separator=separator, double_braces=several and "kohya" in place.trainers)
    return fitting, number if several else 1


def targets(
    place: Destination, src_dir: Path, found: Iterable[Path], leaves: Sequence[FolderBalance]
) -> dict[Path, Path]:
    """Return where each frame of the dataset stands in a destination."""
    if place.root == src_dir:
        return {frame: frame for frame in found}
    inside = {leaf.folder: leaf.folder for leaf in leaves}
    if place.has_kohya_folders:
        inside = kohya.kohya_folders(leaves)
    elif place.trainers == ("diffusers",):  # a folder of another name might become another split
        inside = {folder: Folder("train") / folder for folder in inside}
    return {frame: place.root / inside[folder_in(src_dir, frame)] / frame.name for frame in found}


def config_texts(
    place: Destination, leaves: Sequence[FolderBalance], told: Mapping[Path, str], settings: kohya.KohyaSettings
) -> list[Text]:
    """Return what the trainers of a destination read besides captions and factors; `told` has the captions by frame."""
    root = place.root
    texts: list[Text] = []
    if "kohya" in place.trainers and place.kohya_form == "config":
        texts.append(text_at(root, kohya.KOHYA_CONFIG, kohya.kohya_config(root, leaves, settings)))
    if "kohya" in place.trainers and place.kohya_form == "metadata":
        texts += kohya.kohya_metadata(root, leaves, told, settings)
    if "onetrainer" in place.trainers:
        texts.append(text_at(root, onetrainer.CONCEPTS, onetrainer.concepts(root, leaves)))
    if "diffusers" in place.trainers:
        top = root / "train" if place.trainers == ("diffusers",) and (root / "train").is_dir() else root
        texts.append(text_at(top, diffusers.HF_METADATA, diffusers.hf_metadata(top, leaves, told)))
    return texts


def how_to_train(place: Destination, settings: KohyaSettings) -> list[str]:
    """Return for each trainer of a destination what to give it."""
    root = place.root.absolute()
    kohya = f"--dataset_config={root / KOHYA_CONFIG}"
    if place.has_kohya_folders:
        kohya = (
            f"--train_data_dir={root / 'train'} --reg_data_dir={root / 'reg'} --caption_extension=.txt --enable_bucket"
        )
        kohya += f" --resolution={settings.resolution}" + " --enable_wildcard" * settings.several_captions
        if settings.separator:
            kohya += f" --shuffle_caption --keep_tokens_separator={settings.separator!r}"
    told = {
        "everydream2": f'"data_root": "{root}"',
        "kohya": kohya,
        "onetrainer": f"concepts from {root / onetrainer.CONCEPTS}",
        "diffusers": f'load_dataset("imagefolder", data_dir="{root}")',
    }
    return [f"{trainer}: {told[trainer]}" for trainer in place.trainers]


def read_links(root: Path) -> dict[str, str]:
    """Return where each frame was linked to before. Raises UsageError if the record is damaged."""
    path = root / LINKED
    try:
        held = atomic.read_json(path, MAX_RECORD_BYTES) if path.exists() else {}
    except errors.BadSidecar as error:
        raise errors.UsageError(
            f"{path} is damaged ({error}); remove the folder {root}, it can be made again"
        ) from error
    return {origin: str(name) for origin, name in held.items() if paths.inside(root, name) is not None}


def link_frames(source: Path, root: Path, targets: Mapping[Path, Path], all_frames: bool) -> int:
    """Give each frame its further name below `root`; return how many were new or changed.

    A frame that was linked elsewhere before moves with its caption, which may be edited; one that left the dataset
    goes to .removed/stale if these are `all_frames`. Raises UsageError if the record is damaged.
    """
    before = read_links(root)
    now = {frame.relative_to(source).as_posix(): target.relative_to(root).as_posix()
           for frame, target in targets.items()}  # fmt: skip
    root.mkdir(parents=True, exist_ok=True)
    atomic.write_json(root / LINKED, {**now, **before})
    clear_places(root, before, now, all_frames)
    changed = 0
    for frame, target in console.progress(targets.items(), len(targets), "frame"):
        if not (target.exists() and (target.samefile(frame) or move.same_time(target, frame))):
            target.parent.mkdir(parents=True, exist_ok=True)
            atomic.link_whole(frame, target)
            changed += 1
    atomic.write_json(root / LINKED, now if all_frames else {**before, **now})
    move.remove_empty_folders(root)
    return changed


def clear_places(root: Path, before: Mapping[str, str], now: Mapping[str, str], all_frames: bool) -> None:
    """Move frames that were linked elsewhere to their new place, and those that left the dataset out of the way.

    All leave their old place before any takes a new one, so that two may change places.
    """
    leaving = [origin for origin, name in before.items()
               if now.get(origin, "" if all_frames else name) != name and (root / name).exists()]  # fmt: skip
    for origin in leaving:
        move.place_frame(root / before[origin], root / STALE / origin, atomic.MOVE, root / REPLACED)
    if (root / STALE).is_dir():
        for origin, name in now.items():
            if (root / STALE / origin).exists() and not (root / name).exists():
                move.place_frame(root / STALE / origin, root / name, atomic.MOVE, root / REPLACED)


def read_record(root: Path) -> dict[str, set[str]]:
    """Return the digests of what was written before. Raises UsageError if the record is damaged."""
    path = root / RECORD
    try:
        noted = atomic.read_json(path, MAX_RECORD_BYTES) if path.exists() else {}
        return {key: set(map(str, digests)) for key, digests in noted.items()}
    except (errors.BadSidecar, TypeError) as error:
        raise errors.UsageError(
            f"{path} is damaged ({error}); remove it, all existing captions then count as edited"
        ) from error


def write_record(root: Path, noted: Mapping[str, Iterable[str]]) -> None:
    """Write the digests down."""
    atomic.write_json(root / RECORD, {key: sorted(digests) for key, digests in sorted(noted.items())})


def is_edited(path: Path, own: Iterable[str]) -> bool:
    """Tell whether a file is there and holds something else than the texts with these digests."""
    return path.exists() and atomic.digest(held_text(path)) not in own


def held_text(path: Path) -> str:
    """Return what a text file holds; other line ends, or bytes that are no UTF-8, are no reason to fail."""
    return path.read_text(encoding="utf-8", errors="replace")


def orphaned(noted: Mapping[str, set[str]], known: Iterable[str]) -> set[str]:
    """Return the digests of texts whose key is gone: a file with one of them is an own text under another name."""
    there = {*known}
    return set().union(*(digests for key, digests in noted.items() if key not in there))


def edited_texts(texts: Sequence[Text], noted: Mapping[str, set[str]], orphans: set[str]) -> list[Text]:
    """Return the texts whose file holds something else than was written there."""
    return [
        text for text in texts
        if is_edited(text.path, noted.get(text.key, set()) | orphans | {atomic.digest(text.content)})
    ]  # fmt: skip


def write_own(
    texts: Sequence[Text], edited: Sequence[Text], root: Path, noted: Mapping[str, set[str]], skipped_keys: set[str]
) -> None:
    """Write the texts that changed, but for the edited ones, and note their digests.

    What is about to be written is noted first, so that after a kill it still counts as our own. `skipped_keys` are keys
    whose texts are not written this time and whose digests stay.
    """
    left = {text.path for text in edited}
    own = {key: set(noted[key]) for key in {*skipped_keys, *(text.key for text in edited)} if key in noted}
    for text in texts:
        if text.path not in left:
            own.setdefault(text.key, set()).add(atomic.digest(text.content))
    write_record(root, {key: own.get(key, set()) | noted.get(key, set()) for key in {*own, *noted}})
    for text in console.progress(texts, len(texts), "file"):
        if text.path not in left and not holds(text.path, text.content):
            atomic.write_whole(text.path, text.content)
    write_record(root, own)


def holds(path: Path, content: str) -> bool:
    """Tell whether a file is there and holds exactly this text."""
    try:
        return path.read_bytes() == content.encode()
    except FileNotFoundError:
        return False


def trainable(found: Sequence[Path]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Return the frames that all trainers read, and the others with the reason.

    Raises UsageError for a frame whose caption would be taken for a setting of its folder.
    """
    for frame in found:
        if frame.stem.lower() in everydream2.SETTINGS:
            raise errors.UsageError(
                f"the caption of {frame} would be {frame.stem}.txt, a setting of EveryDream2; rename it"
            )
    reason = "not read by all trainers; convert it to PNG, JPEG or WebP"
    others = [(frame, reason) for frame in found if frame.suffix.lower() not in everydream2.TRAINABLE]
    return [frame for frame in found if frame.suffix.lower() in everydream2.TRAINABLE], others


def describe(found: Sequence[Path]) -> tuple[dict[Path, metadata.Metadata], list[tuple[Path, str]]]:
    """Return the metadata of each frame, and the frames whose metadata can't be used."""
    described: dict[Path, metadata.Metadata] = {}
    unreadable: list[tuple[Path, str]] = []
    for frame in console.progress(found, len(found), "frame", "reading"):
        try:
            described[frame] = metadata.read_metadata(frame)
        except errors.BadSidecar as error:
            unreadable.append((frame, str(error)))
    return described, unreadable
