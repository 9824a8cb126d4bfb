"""What each trainer's file provides, one `Trainer`, and the records that it takes and returns."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path, PurePosixPath

from framekit.sidecars.metadata import Metadata
from framekit.trainers.forms import Form

Folder = PurePosixPath
MANY = 1000  # times that a frame may be trained in an epoch before it looks like a slip; chosen
# Training resolution in px by families of models. Source: what each was trained at; illustrious, noobai, animagine and
# pony are made of SDXL, and 640 px squared is the area of Wan's 832x480 in steps of 64.
FAMILIES = {"sd15": 512, "sd2": 768, "sdxl": 1024, "illustrious": 1024, "sd3": 1024, "flux": 1024, "wan": 640}
HALF = 0.5  # of the captions, from which dropping them looks like a slip; chosen
CORRECT, AGAIN = "correct it", "run prepare_training.py again"  # remedies of many kinds of problems
RENEW = f"{AGAIN}; what a person changed in it stays, delete it first to have all anew"  # of a trainer's config


class Severity(IntEnum):
    """How bad a kind of problem is, worst first; advice is what a trainer reads as it is meant, though not at best."""

    STOPS = 0
    MISREADS = 1
    LOSES = 2
    ADVICE = 3


@dataclass(frozen=True)
class Kind:
    """A kind of problem: a short name that stays the same, what happens, and what to do about it."""

    name: str
    severity: Severity
    reason: str
    remedy: str


@dataclass(frozen=True)
class Problem:
    """A file or folder that a trainer misreads; `detail` says what is special about this one."""

    path: Path
    kind: Kind
    detail: str = ""


@dataclass(frozen=True)
class FolderBalance:
    """A folder with frames, as it is trained: `multiply` for trainers that repeat by fractions, `repeats` for kohya.

    `before` is the share of an epoch that its frames alone would give it, `after` the one by `multiply`.
    """

    folder: Folder
    frames: int
    multiply: float
    repeats: int
    before: float
    after: float
    is_reg: bool = False


@dataclass(frozen=True)
class Settings:
    """What trainers' files hold besides folders and captions; the resolution is in px, 0 for that of their models.

    `separator` stands before the tags of captions, `several_captions` says that a file may hold one in each line, and
    `kept_parts` how many parts most captions begin with that must keep their place. `mask_background` is the weight, 0
    to 1, of what masks leave out; None where there are no masks.
    """

    resolution: int = 1024
    kohya_form: str = "config"
    separator: str = ""
    several_captions: bool = False
    kept_parts: int = 1
    mask_background: float | None = None


@dataclass(frozen=True)
class Text:
    """A text file to write; `key` names it in the record, and survives another arrangement of the folders.

    With a `form` it is a config: what a person changed in it is kept key by key, and the rest is renewed. Without one
    it stays as a whole once a person changed it.
    """

    path: Path
    key: str
    content: str
    form: Form | None = None


@dataclass(frozen=True)
class MaskPlace:
    """Where a trainer reads masks: `of` returns the one of a frame in a prepared tree, given its top.

    `top` is a folder of that tree that holds masks only, where there is one.
    """

    of: Callable[[Path, Path], Path]
    top: str = ""


@dataclass(frozen=True)
class TrainingTree:
    """A tree that is being prepared: its balance, the caption of each frame, and whether one trainer has it alone.

    `computed` is the balance without the factors that a person wrote into this tree. `kept_parts` says for each folder
    how many parts of its captions, counted from the front, must keep their place: those up to the name. `source` is the
    dataset, and `described` what is known of its frames. `mask` returns the mask of a frame, for files that hold it
    too: what it is made of, as a digest, and what makes its PNG and says why it is white, if somebody should know.
    """

    root: Path
    balance: Sequence[FolderBalance]
    computed: Sequence[FolderBalance]
    captions: Mapping[Path, str]
    settings: Settings
    is_own: bool
    kept_parts: Mapping[Folder, int] = field(default_factory=dict)
    source: Path = Path()
    described: Mapping[Path, Metadata] = field(default_factory=dict)
    mask: Callable[[Path], tuple[str, Callable[[], tuple[bytes, str]]]] | None = None


@dataclass(frozen=True)
class Look:
    """What an image is once decoded: size as shown, whether EXIF turns it and parts are transparent, or the error.

    `digest` is the same for the same pixels, `lost_colours` the kind of its colours if trainers convert them wrongly.
    """

    width: int = 0
    height: int = 0
    is_turned: bool = False
    is_transparent: bool = False
    error: str = ""
    digest: bytes = b""
    lost_colours: str = ""


@dataclass(frozen=True)
class SeenFolder:
    """What lies in a folder that trainers walk: its images, all its names, and the images that cannot be used, why."""

    folder: Path
    images: tuple[Path, ...]
    names: frozenset[str]
    unusable: tuple[tuple[Path, str], ...] = ()


@dataclass(frozen=True)
class PreparedTree:
    """A prepared tree as trainers find it; `lines` are those of each image's caption that are read."""

    root: Path
    folders: Sequence[SeenFolder]
    lines: Mapping[Path, Sequence[str]] = field(default_factory=dict)
    looks: Mapping[Path, Look] = field(default_factory=dict)

    @property
    def filled(self) -> dict[Path, int]:
        """Return how many images each folder with images holds directly."""
        return {found.folder: len(found.images) for found in self.folders if found.images}


@dataclass(frozen=True)
class Pack:
    """Files that hold many frames each, with captions and metadata.

    `write` returns the frames that it left out with the reason, `read` how many there are and what is wrong with them.
    """

    write: Callable[[TrainingTree], list[tuple[Path, str]]]
    read: Callable[[Path], tuple[int, list[Problem]]]


@dataclass(frozen=True)
class Trainer:
    """A trainer: what it writes (`texts`), what it misreads (`problems`), and how to start it (`start`).

    `sees` says whether it reads images with a suffix, as it is written; `takes_lines` whether it draws one of several
    lines of a caption's file in a prepared tree, None for a trainer that never does. `has_caption_syntax` is for one
    that reads a separator and `{a|b}` as instructions, `walks` for one that trains all images it finds, masks too;
    stems that end with `mask_ending` are masks to it, and `masks` says where it reads them, None if it does not.
    `whole_repeats` are folders' repeats without fractions.
    `resolution` is the one in px that its config in a prepared tree asks for, 0 where none does; `family` those of the
    models that it trains mostly. In a tree of its own
    its folders are those of `layout`, and its frames are called as `frame_name` says; `refuse_shared` raises UsageError
    for settings that need such a tree. `pack` takes the place of all these where frames go into files that hold many.
    """

    name: str
    texts: Callable[[TrainingTree], list[Text]]
    problems: Callable[[PreparedTree], list[Problem]]
    start: Callable[[Path, Settings], str]
    sees: Callable[[str], bool] = lambda suffix: True
    takes_lines: Callable[[Path], bool] | None = None
    has_caption_syntax: bool = False
    whole_repeats: bool = False
    walks: bool = False
    mask_ending: str = ""
    masks: MaskPlace | None = None
    pack: Pack | None = None
    resolution: Callable[[Path], int] = lambda root: 0
    family: str = "sdxl"
    layout: Callable[[Sequence[FolderBalance], Settings], Mapping[Folder, Folder]] = lambda balance, settings: {
        one.folder: one.folder for one in balance
    }
    frame_name: Callable[[str], str] = lambda name: name
    refuse_shared: Callable[[Settings], None] = lambda settings: None


def folder_in(root: Path, frame: Path) -> Folder:
    """Return the folder of a frame relative to the top of its dataset."""
    return Folder(frame.parent.relative_to(root).as_posix())


def text_at(root: Path, name: str, content: str, form: Form | None = None) -> Text:
    """Return a text whose name alone stands in the record."""
    return Text(root / name, name, content, form)


def below(root: Path) -> Callable[[str], str]:
    """Return what names a path in the record: its place below a folder, or the path itself if it lies elsewhere."""
    top = root.absolute()

    def name(path: str) -> str:
        return Path(path).relative_to(top).as_posix() if Path(path).is_relative_to(top) else str(Path(path))

    return name


def by_stem(frames: Iterable[Path]) -> Callable[[str], str]:
    """Return what names the path of a frame in the record: its stem, or the path itself where two share a stem."""
    counts = Counter(frame.stem for frame in frames)
    return lambda path: path if counts[PurePosixPath(path).stem] > 1 else PurePosixPath(path).stem


def plain(number: float) -> str:
    """Return a number without exponent."""
    return str(number) if number >= 0.001 else f"{number:.4f}"
