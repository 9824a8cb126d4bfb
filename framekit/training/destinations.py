"""The folders in which a dataset is prepared, and what their trainers ask of captions and folders there."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from framekit.dataset import frames
from framekit.errors import UsageError
from framekit.trainers.base import FAMILIES, FolderBalance, Settings, Trainer, folder_in
from framekit.trainers.registry import DEFAULT, TRAINERS
from framekit.training.captions import CaptionRules
from framekit.training.links import LINKED


@dataclass(frozen=True)
class Destination:
    """A folder in which a dataset is prepared, and the trainers that read it; `is_own`: another than the dataset's."""

    root: Path
    trainers: tuple[Trainer, ...]
    is_own: bool = False


def destinations(
    src_dir: Path, dst_dir: Path | None, wanted: Sequence[Trainer], settings: Settings
) -> list[Destination]:
    """Return the folders to prepare: the dataset itself, or one below `dst_dir` for each trainer.

    Raises UsageError if they would be taken for part of the dataset.
    """
    if settings.mask_background is not None:
        refuse_masks(wanted, settings)
    if dst_dir is None:
        for trainer in wanted:
            trainer.refuse_shared(settings)
        return [Destination(src_dir, tuple(wanted))]
    frames.refuse_inside(dst_dir, src_dir)
    frames.refuse_inside(src_dir, dst_dir)
    return [Destination(dst_dir / trainer.name, (trainer,), True) for trainer in wanted]


def refuse_masks(wanted: Sequence[Trainer], settings: Settings) -> None:
    """Raise UsageError for masks that no trainer, or not this form of kohya's, would read."""
    if not any(trainer.masks or trainer.pack for trainer in wanted):
        names = " and ".join(trainer.name for trainer in wanted)
        raise UsageError(f"--masks: {names} cannot read masks; name a trainer that does, such as --trainer kohya")
    if settings.kohya_form != "config" and TRAINERS["kohya"] in wanted:
        raise UsageError(f"--masks: kohya reads them by its config only; leave out --kohya_form {settings.kohya_form}")


def to_check(src_dir: Path, dst_dir: Path | None, wanted: Sequence[Trainer] | None) -> list[Destination]:
    """Return the prepared folders that a check of `src_dir`, or of what it was exported to, reads.

    Without `wanted` trainers those count to whom the folder, or each one in it, was given.
    """
    if dst_dir is not None and wanted is not None:
        return [Destination(dst_dir / trainer.name, (trainer,), True) for trainer in wanted]
    top = dst_dir or src_dir
    folders = [top, *(top / name for name in TRAINERS)] if wanted is None else []
    exported = [Destination(one, (TRAINERS[one.resolve().name],), True) for one in folders if is_own(one)]
    return exported or [Destination(top, tuple(wanted or (TRAINERS[name] for name in DEFAULT)))]


def is_own(folder: Path) -> bool:
    """Tell whether a folder is one that a trainer has for itself: called like it, and linked or packed for it."""
    trainer = TRAINERS.get(folder.resolve().name)
    return trainer is not None and folder.is_dir() and (trainer.pack is not None or (folder / LINKED).is_file())


def rules_for(place: Destination, rules: CaptionRules) -> CaptionRules:
    """Return the rules for captions of a destination.

    Raises UsageError if several trainers would have to share captions that one of them misreads.
    """
    shared = len(place.trainers) > 1
    has_syntax = any(trainer.has_caption_syntax for trainer in place.trainers)
    takes_one = any(trainer.takes_lines is None for trainer in place.trainers)
    if rules.separator and shared and has_syntax:
        option = f"--keep_tokens_separator {rules.separator}"
        raise UsageError(f"{option} is text to all trainers but kohya; take --trainer kohya, or --dst_dir")
    if rules.captions_per_frame > 1 and shared and takes_one:
        option = f"--captions_per_frame {rules.captions_per_frame}"
        raise UsageError(f"{option} is for kohya and onetrainer, the others take one; take these, or --dst_dir")
    several = rules.captions_per_frame > 1 and not takes_one
    return replace(
        rules,
        separator=rules.separator if has_syntax else "",
        double_braces=several and has_syntax,
        captions_per_frame=rules.captions_per_frame if several else 1,
    )


def settings_for(place: Destination, settings: Settings, rules: CaptionRules) -> Settings:
    """Return the settings for trainers' files that fit the trainers and captions of a destination."""
    size, several = resolution_of(place, settings.resolution), rules.captions_per_frame > 1
    return replace(settings, resolution=size, separator=rules.separator, several_captions=several)


def resolution_of(place: Destination, given: int) -> int:
    """Return the training resolution in px: the given one, or if that is 0 the one of the trainers' models."""
    return given or max(FAMILIES[trainer.family] for trainer in place.trainers)


def targets(
    place: Destination, src_dir: Path, found: Iterable[Path], balance: Sequence[FolderBalance], settings: Settings
) -> dict[Path, Path]:
    """Return where each frame of the dataset stands in a destination."""
    if not place.is_own:
        return {frame: frame for frame in found}
    (trainer,) = place.trainers
    inside = trainer.layout(balance, settings)
    return {frame: place.root / inside[folder_in(src_dir, frame)] / trainer.frame_name(frame.name) for frame in found}


def how_to_train(place: Destination, settings: Settings) -> list[str]:
    """Return for each trainer of a destination what to give it."""
    root = place.root.absolute()
    return [f"{trainer.name}: {trainer.start(root, settings)}" for trainer in place.trainers]


def sizes_in_words(place: Destination) -> Iterator[str]:
    """Yield for each trainer whose config holds the resolution of its models what that is."""
    for trainer in place.trainers:
        size = trainer.resolution(place.root)
        if size == resolution_of(place, 0):
            families = [name for name, usual in FAMILIES.items() if usual == size]
            yield f"{trainer.name}: {size} px, as for {', '.join(families)}; --resolution sets another"
