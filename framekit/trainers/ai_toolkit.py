"""ai-toolkit: a complete job in YAML, whose `datasets` hold an entry for each folder, and these entries alone."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from framekit.files.atomic import file_text
from framekit.trainers import masks
from framekit.trainers.base import (
    CORRECT,
    HALF,
    MANY,
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
from framekit.trainers.entries import (
    TOO_OFTEN,
    flat_layout,
    folder_problems,
    is_at_least,
    is_count,
    is_nothing,
    own_tree_only,
    value_problems,
)
from framekit.trainers.forms import Form

NAME = "ai-toolkit"
JOB, DATASETS = "ai_toolkit_job.yaml", "ai_toolkit_datasets.yaml"
SUFFIXES = frozenset(".png .jpg .jpeg .webp".split())  # in any letter case. Source: its data_loader.py
SDXL_FROM = 768  # px; below, the job names Stable Diffusion 1.5
# What YAML takes for a line break or does not take in quotes, and what ai-toolkit would replace: ${VARIABLE}.
ESCAPED = re.compile(r"[$\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
KEPT = "\ue000{"  # stands for a ${ that a person wrote, while the entries are read
EXPONENT = re.compile(r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?[eE][-+]?[0-9]+\Z")
LIST = "datasets:"
STOPS, MISREADS, LOSES, _ = Severity

UNREADABLE = Kind("ai-toolkit-unreadable", STOPS, "ai-toolkit cannot read it as YAML", CORRECT)
FORM = Kind("ai-toolkit-form", STOPS, "it needs job, and config with name and process with datasets", CORRECT)
NO_FOLDER = Kind("ai-toolkit-no-folder", STOPS, "an entry of datasets has no folder_path", CORRECT)
VARIABLE = Kind("ai-toolkit-variable", STOPS, "${…} is replaced by a variable of the environment", "escape $ as \\x24")
PLACEHOLDER = Kind("ai-toolkit-placeholder", STOPS, "[name] in a path is replaced by the name of the job", "rename it")
REPEATS = Kind("ai-toolkit-repeats", STOPS, "num_repeats is not a whole number of at least 1", CORRECT)
CAPTIONS = Kind("ai-toolkit-captions", MISREADS, "without caption_ext txt the captions are not read", CORRECT)
ALL_REG = Kind("ai-toolkit-all-reg", LOSES, "is_reg is set for all folders, so nothing is trained", CORRECT)
MIXED_BUCKETS = Kind("ai-toolkit-buckets", STOPS, "buckets must be set for all entries or none", CORRECT)
RESOLUTION = Kind("ai-toolkit-resolution", STOPS, "resolution must be whole numbers above 0", CORRECT)
WRONG = {
    "caption_dropout_rate": (is_at_least(HALF), "half of the captions are dropped, or more"),
    "token_dropout_rate": (is_at_least(HALF), "half of the tags are dropped, or more"),
    "num_repeats": (is_at_least(MANY + 1), TOO_OFTEN),
    **dict.fromkeys(("loss_multiplier", "network_weight"), (is_nothing, "nothing is learned from the folder")),
    "num_frames": (is_at_least(2), "ai-toolkit then seeks videos only"),
    "auto_frame_count": (lambda value: value is True, "ai-toolkit then seeks videos only"),
    "scale": (is_nothing, "nothing is left of the frames"),
}
WRONG_TRAIN = {
    "batch_size": (lambda value: not is_count(value), "nothing is trained"),
    "steps": (lambda value: not is_count(value), "nothing is trained"),
}


def texts(tree: TrainingTree) -> list[Text]:
    """Return the job, and its entries alone to paste into another."""
    entries = dataset_entries(tree)
    first = next(iter(tree.captions.values()), "").split("\n")[0]
    head, tail = job_lines(tree.settings.resolution, first)
    pasted = "# Entries for a job of ai-toolkit: paste them into its process; written by prepare_training.py"
    form = Form(read_job, write_job, ("folder_path",), below(tree.root))
    return [
        text_at(tree.root, JOB, write_job({"before": head, "datasets": entries, "after": tail}), form),
        text_at(tree.root, DATASETS, write_job({"before": [pasted, LIST], "datasets": entries, "after": []}), form),
    ]


def dataset_entries(tree: TrainingTree) -> list[dict[str, Any]]:
    """Return the entries of `datasets`, one per folder with frames."""
    layout = flat_layout(tree.balance, tree.settings)
    has_masks = tree.settings.mask_background is not None
    return [
        {
            "folder_path": str((tree.root / layout[one.folder]).absolute()),
            "caption_ext": "txt",
            "num_repeats": one.repeats,
            "resolution": [tree.settings.resolution],
            "keep_tokens": tree.kept_parts.get(one.folder, 1),
            **({"mask_path": str((tree.root / masks.TOP / layout[one.folder].name).absolute())} if has_masks else {}),
            **({"is_reg": True} if one.is_reg else {}),
        }
        for one in tree.balance
    ]


def write_job(job: Mapping[str, Any]) -> str:
    """Return the text of a job: the lines before its entries of `datasets`, these, and the lines after them."""
    (*_, opening) = job["before"]
    indent = " " * (len(opening) - len(opening.lstrip()) + 2)
    lines = list(job["before"])
    for entry in job["datasets"]:
        mark = "- "
        for key, value in entry.items():
            lines.append(f"{indent}{mark}{key}: {yaml_value(value)}")
            mark = "  "
    return "\n".join([*lines, *job["after"]]) + "\n"


def read_job(text: str) -> dict[str, Any]:
    """Return the entries of `datasets` in a job, and the lines before and after them, comments included.

    Raises ValueError for what is no YAML, and where they do not stand on lines of their own, once in the file.
    """
    import yaml

    lines = text.splitlines()
    openings = [place for place, line in enumerate(lines) if line.split("#")[0].strip() == LIST]
    if len(openings) != 1:
        raise ValueError(f"{LIST} must stand there once, on a line of its own")
    begin = openings[0] + 1
    indent = len(lines[begin - 1]) - len(lines[begin - 1].lstrip())
    end = begin
    for place in range(begin, len(lines)):
        line = lines[place].lstrip()
        deeper = len(lines[place]) - len(line) - indent
        if line and not line.startswith("#"):
            if deeper < 0 or (deeper == 0 and not line.startswith("- ")):
                break
            end = place + 1
    try:
        yaml.load(text, loader())
        entries = yaml.load("\n".join(lines[begin:end]).replace("${", KEPT), loader())
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{LIST} must hold a list of entries")
    return {"before": lines[:begin], "datasets": entries, "after": lines[end:]}


def loader() -> Any:
    """Return the loader of ai-toolkit's jobs: YAML in which 1e-4 is a number."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # it has no hints
        """A loader of plain values."""

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+0123456789."))
    return Loader


def yaml_value(value: Any) -> str:
    """Return a value behind a key, on one line: JSON is YAML, but for a few characters in texts."""
    if isinstance(value, str):
        return yaml_text(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(yaml_value, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{yaml_text(str(key))}: {yaml_value(one)}" for key, one in value.items()) + "}"
    return json.dumps(value, default=str)


def job_lines(side: int, prompt: str) -> tuple[list[str], list[str]]:
    """Return the lines of a job that trains a LoRA, those before its entries and those after; `side` is in px.

    Source: config/examples of ai-toolkit.
    """
    model = (
        ['name_or_path: "stabilityai/stable-diffusion-xl-base-1.0"', "is_xl: true"]
        if side >= SDXL_FROM
        else ['name_or_path: "stable-diffusion-v1-5/stable-diffusion-v1-5"']
    )
    before = [
        "# A job of ai-toolkit: python run.py ai_toolkit_job.yaml; written by prepare_training.py",
        "job: extension",
        "config:",
        '  name: "anime_lora"  # folder and file name of what is trained',
        "  process:",
        '    - type: "sd_trainer"',
        '      training_folder: "output"',
        "      device: cuda:0",
        '      network: {type: "lora", linear: 16, linear_alpha: 16}',
        "      save: {dtype: float16, save_every: 250, max_step_saves_to_keep: 4}",
        f"      {LIST}",
    ]
    after = [
        "      train:",
        "        batch_size: 1",
        "        steps: 2000",
        "        train_unet: true",
        "        train_text_encoder: false",
        "        gradient_checkpointing: true",
        '        noise_scheduler: "ddpm"',
        '        optimizer: "adamw8bit"',
        "        lr: 0.0001",
        "        dtype: bf16",
        "      model:  # another one: see config/examples of ai-toolkit",
        *(f"        {line}" for line in model),
        "      sample:",
        '        sampler: "ddpm"',
        "        sample_every: 250",
        f"        width: {side}",
        f"        height: {side}",
        f"        prompts: [{yaml_text(prompt)}]",
        "        seed: 42",
        "        guidance_scale: 7",
        "        sample_steps: 25",
        "meta:",
        '  name: "[name]"',
        '  version: "1.0"',
    ]
    return before, after


def yaml_text(text: str) -> str:
    r"""Return text as a YAML string in double quotes that ai-toolkit reads as it is.

    >>> yaml_text('a "b" ${HOME}')
    '"a \\"b\\" \\x24{HOME}"'
    """
    quoted = ESCAPED.sub(
        lambda match: f"\\x{ord(match[0]):02x}" if ord(match[0]) < 256 else f"\\u{ord(match[0]):04x}",
        json.dumps(text, ensure_ascii=False),
    )
    return quoted.replace(KEPT, "${")


def problems(tree: PreparedTree) -> list[Problem]:
    """Return what ai-toolkit misreads in the job."""
    import yaml

    path = tree.root / JOB
    try:
        content = file_text(path)
        job = yaml.load(content, loader())
    except (OSError, ValueError, yaml.YAMLError) as error:
        return [Problem(path, UNREADABLE, " ".join(str(error).split()))]
    found = [Problem(path, VARIABLE, match[0]) for match in re.finditer(r"\$\{[^}]+\}", content)]
    processes = processes_of(job)
    if not processes:
        return [*found, Problem(path, FORM)]
    for process in processes:
        found += entry_problems(path, process["datasets"], tree)
        train = process.get("train")
        found += value_problems(NAME, path, "train", train if isinstance(train, dict) else {}, WRONG_TRAIN)
    return list(dict.fromkeys(found))


def processes_of(job: Any) -> list[dict[str, Any]]:
    """Return the processes of a job with their datasets; none if the form of the job is not ai-toolkit's."""
    config = job.get("config") if isinstance(job, dict) and "job" in job else None
    processes = config.get("process") if isinstance(config, dict) and "name" in config else None
    if not isinstance(processes, list):
        return []
    held = [one for one in processes if isinstance(one, dict) and isinstance(one.get("datasets"), list)]
    return [one for one in held if one["datasets"] and all(isinstance(entry, dict) for entry in one["datasets"])]


def resolution(root: Path) -> int:
    """Return the smallest resolution that an entry of the job asks for in px; 0 where none does."""
    try:
        entries = read_job(file_text(root / JOB))["datasets"]
    except (OSError, ValueError):
        return 0
    sides = [entry.get("resolution") for entry in entries]
    whole = [side for held in sides for side in (held if isinstance(held, list) else [held]) if is_count(side)]
    return min(whole, default=0)


def entry_problems(path: Path, entries: Sequence[dict[str, Any]], tree: PreparedTree) -> list[Problem]:
    """Return the problems in the entries of `datasets`."""
    found = []
    listed = []
    for entry in entries:
        if "dataset_path" in entry:  # a JSON of captions, which a person made
            continue
        folder = entry.get("folder_path")
        if not isinstance(folder, str):
            found.append(Problem(path, NO_FOLDER))
            continue
        listed.append((folder, entry.get("resolution")))
        found += [Problem(path, PLACEHOLDER, folder)] * ("[name]" in folder)
        found += [Problem(path, REPEATS, folder)] * (not is_count(entry.get("num_repeats", 1)))
        found += [Problem(path, CAPTIONS, folder)] * (str(entry.get("caption_ext", "txt")).lstrip(".") != "txt")
        sides = entry.get("resolution", 512)
        is_sized = all(is_count(side) for side in sides) and sides if isinstance(sides, list) else is_count(sides)
        found += [Problem(path, RESOLUTION, f"{sides} for {folder}")] * (not is_sized)
        found += value_problems(NAME, path, folder, entry, WRONG)
    found += masks.problems_apart([(entry.get("folder_path"), entry.get("mask_path")) for entry in entries], tree)
    found += [Problem(path, ALL_REG)] * all(entry.get("is_reg") is True for entry in entries)
    found += [Problem(path, MIXED_BUCKETS)] * (len({bool(entry.get("buckets", True)) for entry in entries}) > 1)
    return found + folder_problems(NAME, path, listed, tree, reads_below=True)


def start(root: Path, settings: Settings) -> str:
    """Return how to start the job."""
    return f"python run.py {root / JOB}, or paste {root / DATASETS} into a job of your own"


TRAINER = Trainer(
    NAME,
    texts=texts,
    problems=problems,
    start=start,
    sees=lambda suffix: suffix.lower() in SUFFIXES,
    whole_repeats=True,
    walks=True,
    masks=masks.APART,
    resolution=resolution,
    layout=flat_layout,
    refuse_shared=own_tree_only(NAME),
)
