"""OneTrainer: a list of concepts, one for each folder, balanced by fractions."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from framekit.errors import UsageError
from framekit.files.atomic import file_text, parsed_json
from framekit.trainers import masks
from framekit.trainers.base import (
    CORRECT,
    HALF,
    MANY,
    RENEW,
    FolderBalance,
    Kind,
    PreparedTree,
    Problem,
    Settings,
    Severity,
    Text,
    Trainer,
    TrainingTree,
    below,
    text_at,
)
from framekit.trainers.forms import Form, write_json

CONCEPTS = "onetrainer_concepts.json"

NO_CONCEPTS = Kind(
    "concepts", Severity.STOPS, "OneTrainer finds no list of concepts in it", "prepare with --trainer onetrainer"
)
CONCEPT_GONE = Kind("concept-gone", Severity.LOSES, "there is no folder for a concept", RENEW)
NO_CONCEPT = Kind("concept-missing", Severity.LOSES, "no concept names it, so OneTrainer does not train it", RENEW)

OFF = Kind("concept-off", Severity.LOSES, "a concept is not trained", CORRECT)
NOTHING = Kind("concept-empty", Severity.LOSES, "a concept takes less than one frame an epoch", CORRECT)
TOO_MANY = Kind("concept-many", Severity.MISREADS, f"a frame is trained more than {MANY} times an epoch", CORRECT)
OTHER_PROMPT = Kind(
    "concept-prompt", Severity.MISREADS, "captions do not come from X.txt, which needs prompt_source sample", CORRECT
)
DROPS = Kind("concept-drops-tags", Severity.MISREADS, "half of the tags are dropped, or more", CORRECT)
ONE_TAG = Kind("concept-one-tag", Severity.MISREADS, "captions, whose tags stand between commas, are one tag", CORRECT)
TWICE = Kind("concept-twice", Severity.MISREADS, "two concepts take the same frames", CORRECT)


def concept_texts(tree: TrainingTree) -> list[Text]:
    """Return OneTrainer's concepts, one per folder, each named by its path; it fills in all other settings.

    Of a concept balanced by repeats it takes whole frames, rounded down, so that small folders lose most. Samples are
    whole numbers from the start. Source: OneTrainer's ConceptConfig, version 1, and VariationSorting of its loader.
    """
    listed = [
        {
            "__version": 1,
            "name": str(one.folder),
            "path": str((tree.root / one.folder).absolute()),
            "seed": place,
            "include_subdirectories": False,
            "balancing": samples,
            "balancing_strategy": "SAMPLES",
            "text": {
                "prompt_source": "sample",
                "tag_delimiter": ",",
                "keep_tags_count": tree.kept_parts.get(one.folder, 1),
            },
        }
        for place, (one, samples) in enumerate(zip(tree.balance, whole_samples(tree.balance), strict=True))
    ]
    form = Form(parsed_json, write_json, ("path",), below(tree.root))
    return [text_at(tree.root, CONCEPTS, write_json(listed), form)]


def whole_samples(balance: Sequence[FolderBalance]) -> list[int]:
    """Return how many frames of each folder make an epoch: whole numbers with the sum of the exact ones, none 0.

    >>> whole_samples([FolderBalance(Folder(name), 1, 1.5, 1, 0.5, 0.5) for name in "ab"])
    [2, 1]
    """
    wished = [one.frames * one.multiply for one in balance]
    found = [max(1, int(exact)) for exact in wished]
    rest = sorted(range(len(found)), key=lambda place: found[place] - wished[place])
    for place in rest[: max(0, round(sum(wished)) - sum(found))]:
        found[place] += 1
    return found


def concept_problems(tree: PreparedTree) -> list[Problem]:
    """Return the problems in the list of concepts."""
    path = tree.root / CONCEPTS
    try:
        listed = parsed_json(file_text(path))
        paths = {Path(one["path"]) for one in listed}
    except (OSError, ValueError, KeyError, TypeError):
        return [Problem(path, NO_CONCEPTS)]
    known = {one.resolve() for one in paths}
    frames = {folder.resolve(): number for folder, number in tree.filled.items()}
    found = [
        Problem(path, kind, f"{one['path']}{detail}")
        for one in listed
        for kind, detail in value_problems(one, frames.get(Path(one["path"]).resolve(), 0))
    ]
    found += [Problem(path, TWICE, name) for name in doubled(listed)]
    found += masks.problems_among(tree)
    gone = found + [Problem(path, CONCEPT_GONE, str(one)) for one in sorted(paths) if not one.is_dir()]
    return gone + [Problem(folder, NO_CONCEPT) for folder in tree.filled if folder.resolve() not in known]


def value_problems(concept: Mapping[str, Any], frames: int) -> Iterator[tuple[Kind, str]]:
    """Yield the values of a concept that make frames or captions vanish."""
    kind = str(concept.get("type", "STANDARD"))
    if concept.get("enabled") is False or concept.get("validation_concept") is True or kind != "STANDARD":
        yield OFF, ": disabled, or for validation"
    if not is_above(concept.get("loss_weight", 1.0), 0):
        yield OFF, f": loss_weight = {concept['loss_weight']}"
    balancing = concept.get("balancing", concept.get("repeats", 1.0))
    share = 1 if concept.get("balancing_strategy") == "SAMPLES" else frames
    if frames and not is_above(balancing, 1 / share - 1e-9):
        yield NOTHING, f": balancing = {balancing}"
    elif frames and is_above(balancing * share, MANY * frames):
        yield TOO_MANY, f": balancing = {balancing}"
    text = concept.get("text")
    text = text if isinstance(text, dict) else {}
    if text.get("prompt_source", "sample") != "sample":
        yield OTHER_PROMPT, f": prompt_source = {text['prompt_source']}"
    drops = text.get("tag_dropout_enable") is True
    if drops and is_above(text.get("tag_dropout_probability", 0.0), HALF - 1e-9):
        yield DROPS, f": tag_dropout_probability = {text['tag_dropout_probability']}"
    if (drops or text.get("enable_tag_shuffling") is True) and str(text.get("tag_delimiter", ",")).strip() != ",":
        yield ONE_TAG, f": tag_delimiter = {text['tag_delimiter']!r}"


def is_above(number: Any, least: float) -> bool:
    """Tell whether a value is a number above another."""
    return isinstance(number, int | float) and number > least


def doubled(listed: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the folders whose frames two concepts take: named twice, or below one that takes its subfolders."""
    found = []
    for place, one in enumerate(listed):
        for other in [*listed[:place], *listed[place + 1 :]]:
            deep = other.get("include_subdirectories") is True and Path(one["path"]).is_relative_to(other["path"])
            if deep or one["path"] == other["path"]:
                found.append(str(one["path"]))
    return list(dict.fromkeys(found))


def refuse_shared(settings: Settings) -> None:
    """Raise UsageError for masks in a tree that others share: they lie among the frames, and would be trained."""
    if settings.mask_background is not None:
        raise UsageError("OneTrainer reads masks among the frames, where others train them; give --dst_dir as well")


def start(root: Path, settings: Settings) -> str:
    """Return what to do with the list of concepts, and with masks: these are switched on in OneTrainer's own config."""
    words = f"copy {root / CONCEPTS} to its training_concepts/, whose files alone its page lists"
    if settings.mask_background is None:
        return words
    return f"{words}; switch on masked_training, with unmasked_weight {settings.mask_background:g}"


TRAINER = Trainer(
    "onetrainer",
    texts=concept_texts,
    problems=concept_problems,
    start=start,
    takes_lines=lambda root: True,
    mask_ending=masks.ENDING,
    masks=masks.AMONG,
    refuse_shared=refuse_shared,
)
