"""The stages of a build: the script of each, its folders, what it waits for, and the words of its command."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from framekit.console import nearest
from framekit.errors import UsageError
from framekit.trainers.registry import DEFAULT

MEASURED = "measured"  # the tagger that reads the faces
FRAMES, TRAINING, EXPORT, REPORT = "frames", "training", "export", "report.html"  # in the dataset's folder
CHECKED = ("trainer", "resolution", "dst_dir")  # options of the last stage that say for whom it is
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Show:
    """A show to be built: its folders, and the options of each script.

    `tables` are the options of scripts in all files of `configs` together, `settings` those that win over them; `shard`
    is the part of the work that falls to this machine, such as 2/3; `voice` are words for every script.
    """

    videos: Path
    references: Path | None
    dataset: Path
    trainers: Sequence[str] = ()
    configs: Sequence[Path] = ()
    tables: Mapping[str, Options] = field(default_factory=dict)
    settings: Mapping[str, Options] = field(default_factory=dict)
    shard: str = ""
    voice: Sequence[str] = ()

    def said(self, script: str) -> dict[str, Any]:
        """Return what is said of a script's options."""
        return {**self.tables.get(script, {}), **self.settings.get(script, {})}

    @property
    def frames(self) -> Path:
        """Return the working copy."""
        return self.dataset / FRAMES

    @property
    def training(self) -> Path:
        """Return the tree of folders that trainers read."""
        return self.dataset / TRAINING


@dataclass(frozen=True)
class Stage:
    """A stage: its script, the stages whose files it reads, and whether several machines may share its work."""

    script: str
    reads: tuple[str, ...]
    is_shared: bool = False
    defaults: Options = field(default_factory=dict)


# In the order in which one machine runs them.
STAGES = {
    "extract": Stage("extract_frames", (), True, {"prefix": "show"}),
    "similar": Stage("remove_similar", ("extract",)),
    "faces": Stage("detect_faces", ("similar",), True, {"model": "animeface"}),
    "characters": Stage("classify_characters", ("faces",), True, {"model": "colour_shape"}),
    "tags": Stage("tag_images", ("similar",), True, {"model": MEASURED}),
    "metadata": Stage("generate_metadata", ("faces", "characters", "tags"), True, {"general_description": "anishot"}),
    "arrange": Stage("arrange_folders", ("metadata",), defaults={"hardlink": True}),
    "prepare": Stage("prepare_training", ("arrange",), defaults={"shuffle_tags": True}),
    "check": Stage("prepare_training", ("prepare",)),
}
WAYS = ("copy", "move", "hardlink", "symlink")  # of arrange_folders.py, one of which is chosen


def chosen_stages(show: Show, only: Sequence[str] = (), resume_from: str = "") -> list[str]:
    """Return the stages of a build in their order: all, those named, or all from one on.

    Without references there are no names, so that stage is left out. Raises UsageError for a stage that does not exist,
    or that needs references.
    """
    for name in (*only, *[resume_from] * bool(resume_from)):
        if name not in STAGES:
            raise UsageError(f"there is no stage {name}{nearest(name, STAGES, '')}; they are {', '.join(STAGES)}")
    if show.references is None and "characters" in only:
        raise UsageError("the stage characters needs references: a folder with one folder of images per character")
    order = list(STAGES)
    wanted = (
        [name for name in order if name in only] if only else order[order.index(resume_from) if resume_from else 0 :]
    )
    return [name for name in wanted if name != "characters" or show.references is not None]


def shared_part(wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the first of the stages that several machines can share, and those behind them that one runs for all.

    Raises UsageError if the first stage cannot be shared.
    """
    shared = [*takewhile(lambda name: STAGES[name].is_shared, wanted)]
    if not shared:
        raise UsageError(f"the stage {wanted[0]} needs the whole show, so one machine runs it: leave --shard out")
    return shared, [*takewhile(lambda name: not STAGES[name].is_shared, wanted[len(shared) :])]


def folders_of(name: str, show: Show) -> Options:
    """Return the folders of a stage, as options of its script."""
    if name == "extract":
        return {"src_dir": show.videos, "dst_dir": show.frames}
    if name == "arrange":
        return {"src_dir": show.frames, "dst_dir": show.training}
    if name in ("prepare", "check"):
        return {"src_dir": show.training}
    return {"src_dir": show.frames} | ({"ref_dir": show.references} if name == "characters" else {})


def options_of(name: str, show: Show) -> Options:
    """Return the options of a stage: its folders, the defaults of a build, and over them what is said of it."""
    return {**typed_options(name, show, {}), **show.said(STAGES[name].script)}


def typed_options(name: str, show: Show, settings: Options) -> Options:
    """Return the options of a stage that are typed: folders, defaults that nothing replaces, and `settings`."""
    stage = STAGES[name]
    said = show.said(stage.script)
    defaults = dict(stage.defaults)
    if name == "arrange" and any(said.get(way) for way in WAYS):
        del defaults["hardlink"]
    if name in ("prepare", "check"):
        defaults |= {"report": show.dataset / REPORT}
        defaults |= {"trainer": list(show.trainers)} if show.trainers else {}
        defaults |= {} if {*show.trainers} <= {*DEFAULT} else {"dst_dir": show.dataset / EXPORT}
    defaults = {key: value for key, value in defaults.items() if key not in said}
    options = {**folders_of(name, show), **defaults, **settings}
    if name == "check":
        options = {key: value for key, value in options.items() if key in ("src_dir", *CHECKED)} | {"check": True}
    return options | ({"shard": show.shard} if show.shard and stage.is_shared else {})


def refuse_other_folders(show: Show) -> None:
    """Raise UsageError where the table of a script names another folder than the build does."""
    for name, stage in STAGES.items():
        said = show.said(stage.script)
        for key, path in folders_of(name, show).items():
            if key in said and path is not None and Path(str(said[key])).expanduser() != path:
                raise UsageError(
                    f"{key} in [{stage.script}] is {said[key]}, and {path} by [build]; leave it out of [{stage.script}]"
                )


def words_of(name: str, show: Show) -> list[str]:
    """Return the command of a stage without python: the script and its options."""
    script = STAGES[name].script
    options = typed_options(name, show, show.settings.get(script, {}))
    configs = [word for path in show.configs for word in ("--config", str(path))] if script in show.tables else []
    return [f"{script}.py", *as_words(options), *configs, *show.voice]


def as_words(options: Options) -> list[str]:
    """Return options as they are typed; one that is off is not typed.

    >>> as_words({"src_dir": "videos", "redo": True, "trainer": ["kohya", "musubi"], "move": False})
    ['--src_dir', 'videos', '--redo', '--trainer', 'kohya', 'musubi']
    """
    words: list[str] = []
    for name, value in options.items():
        if value is None or value is False:
            continue
        values = [] if value is True else [str(one) for one in (value if isinstance(value, list) else [value])]
        if any(one.startswith("-") for one in values):
            words += [f"--{name}={one}" for one in values]
        else:
            words += [f"--{name}", *values]
    return words


def waits_for(name: str, show: Show) -> set[str]:
    """Return all stages that must have ended before a stage begins."""
    reads = [*STAGES[name].reads]
    if name == "tags" and MEASURED in str(options_of(name, show).get("model")):
        reads.append("faces")
    return {*reads}.union(*(waits_for(one, show) for one in reads))


def quoted(words: Iterable[str], powershell: bool) -> str:
    """Return a command as it is typed in a POSIX shell, or in PowerShell.

    >>> quoted(["python", "tag_images.py", "--src_dir", "it's here"], powershell=True)
    "python tag_images.py --src_dir 'it''s here'"
    """
    import re
    import shlex

    if not powershell:
        return shlex.join(words)
    plain = re.compile(r"(?:--)?[\w/\\+=:][\w./\\+=:-]*")
    return " ".join(
        word
        if plain.fullmatch(word) and not (word.startswith("-") and "." in word)
        else "'" + word.replace("'", "''") + "'"
        for word in words
    )


def require_folders(show: Show, wanted: Iterable[str]) -> None:
    """Raise UsageError if the stages lack what they read, before any begins."""
    if "extract" in wanted and not show.videos.exists():
        raise UsageError(f"{show.videos} does not exist; the first folder must hold the videos")
    if "characters" in wanted and show.references is not None and not show.references.is_dir():
        raise UsageError(
            f"{show.references} is not a folder; references are one folder of images per character, without any leave"
            " --references out"
        )
    if "extract" not in wanted and not show.frames.is_dir():
        raise UsageError(f"{show.frames} is not there; begin with the stage extract")
