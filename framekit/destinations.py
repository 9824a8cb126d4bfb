"""Where a dataset is prepared for which trainers, and what they need there besides captions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from framekit import frames, stage, trainers
from framekit.captions import CaptionRules
from framekit.leaves import Folder, Leaf
from framekit.prepared import Text

ONE_CAPTION = ("everydream2", "diffusers")  # trainers that take one caption a frame


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


def destinations(src_dir: Path, dst_dir: Path | None, wanted: Sequence[str], kohya_form: str) -> list[Destination]:
    """Return the folders to prepare: the dataset itself, or one below `dst_dir` for each trainer.

    Raises Misuse if they would be taken for part of the dataset.
    """
    named = tuple(dict.fromkeys(wanted))
    if dst_dir is None:
        if kohya_form == "folders" and "kohya" in named:
            raise stage.Misuse("--kohya_form folders needs --dst_dir, a folder where kohya's folders can be made")
        return [Destination(src_dir, named, kohya_form)]
    frames.refuse_inside(dst_dir, src_dir)
    frames.refuse_inside(src_dir, dst_dir)
    return [Destination(dst_dir / trainer, (trainer,), kohya_form) for trainer in named]


def rules_for(place: Destination, rules: CaptionRules, number: int) -> tuple[CaptionRules, int]:
    """Return the rules for captions of a destination, and how many captions a frame gets there.

    Raises Misuse if several trainers would have to share captions that one of them misreads.
    """
    shared = len(place.trainers) > 1
    if rules.separator and shared and "kohya" in place.trainers:
        said = f"--keep_tokens_separator {rules.separator}"
        raise stage.Misuse(f"{said} is text to all trainers but kohya; take --trainer kohya, or --dst_dir")
    takes_one = any(trainer in ONE_CAPTION for trainer in place.trainers)
    if number > 1 and shared and takes_one:
        said = f"--captions_per_frame {number}"
        raise stage.Misuse(f"{said} is for kohya and onetrainer, the others take one; take these, or --dst_dir")
    several = number > 1 and not takes_one
    separator = rules.separator if "kohya" in place.trainers else ""
    fitting = replace(rules, separator=separator, double_braces=several and "kohya" in place.trainers)
    return fitting, number if several else 1


def targets(place: Destination, src_dir: Path, found: Iterable[Path], leaves: Sequence[Leaf]) -> dict[Path, Path]:
    """Return where each frame of the dataset stands in a destination."""
    if place.root == src_dir:
        return {frame: frame for frame in found}
    inside = {leaf.folder: leaf.folder for leaf in leaves}
    if place.has_kohya_folders:
        inside = trainers.kohya_folders(leaves)
    elif place.trainers == ("diffusers",):  # a folder of another name might become another split
        inside = {folder: Folder("train") / folder for folder in inside}
    return {frame: place.root / inside[folder_in(src_dir, frame)] / frame.name for frame in found}


def folder_in(root: Path, frame: Path) -> Folder:
    """Return the folder of a frame relative to the top of its dataset."""
    return Folder(frame.parent.relative_to(root).as_posix())


def config_texts(
    place: Destination, leaves: Sequence[Leaf], told: Mapping[Path, str], settings: trainers.KohyaSettings
) -> list[Text]:
    """Return what the trainers of a destination read besides captions and factors; `told` has the captions by frame."""
    root = place.root
    texts: list[Text] = []
    if "kohya" in place.trainers and place.kohya_form == "config":
        texts.append(text_at(root, trainers.KOHYA_CONFIG, trainers.kohya_config(root, leaves, settings)))
    if "kohya" in place.trainers and place.kohya_form == "metadata":
        texts += trainers.kohya_metadata(root, leaves, told, settings)
    if "onetrainer" in place.trainers:
        texts.append(text_at(root, trainers.CONCEPTS, trainers.concepts(root, leaves)))
    if "diffusers" in place.trainers:
        top = root / "train" if place.trainers == ("diffusers",) and (root / "train").is_dir() else root
        texts.append(text_at(top, trainers.HF_METADATA, trainers.hf_metadata(top, leaves, told)))
    return texts


def how_to_train(place: Destination, settings: trainers.KohyaSettings) -> list[str]:
    """Return for each trainer of a destination what to give it."""
    root = place.root.absolute()
    kohya = f"--dataset_config={root / trainers.KOHYA_CONFIG}"
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
        "onetrainer": f"concepts from {root / trainers.CONCEPTS}",
        "diffusers": f'load_dataset("imagefolder", data_dir="{root}")',
    }
    return [f"{trainer}: {told[trainer]}" for trainer in place.trainers]


def text_at(root: Path, name: str, content: str) -> Text:
    """Return a text whose name alone stands in the record."""
    return Text(root / name, name, content)
