"""The join of all sidecars of a frame into its metadata, X.json."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from framekit import boxes, console, errors
from framekit.arrange import folders
from framekit.arrange.folders import Reader
from framekit.dataset import move
from framekit.dedup.descriptors import KnownMeasures
from framekit.dedup.quality import has_subtitles
from framekit.files import atomic, names
from framekit.pixels.decode import frame_size
from framekit.sidecars import corrections, kinds, metadata, renames
from framekit.sidecars.captions import Written, has_caption, read_caption
from framekit.sidecars.episode import Episodes
from framekit.sidecars.read import FrameSidecars, read_sidecars
from framekit.sidecars.tags import TagRecord
from framekit.tags.vocabulary import people_in

TAGS_FROM, CAPTION = "tags_from", "caption"  # in X.json: where its tags come from, if not from files of tags
SHOWN, LONGEST_SHOWN = 5, 60  # unclear tags that are told, and characters of each
TOLD = ("characters", "inferred", "tags", "copyright", "artist", "rating")  # fields that sidecars tell alone
SUBTITLES = "subtitles"
SCREENSHOTS = "screenshots"  # the type of frames whose video is known


@dataclass(frozen=True)
class Shown:
    """What a frame shows, as far as people can be counted by it: its sidecars, the names and tags made of them."""

    sidecars: FrameSidecars
    names: Sequence[str]
    tags: Mapping[str, list[str]]


@dataclass(frozen=True)
class Rules:
    """What holds for all frames: what the command line says, and the renames of the dataset.

    A description or type that is None stays as each frame has it; new frames get that of `first`, an X.json of the
    dataset. `from_captions` reads captions as tags, but for those that prepare_training.py has `written`; where tags
    came from one before, they come from it again. `names_only` leaves all other fields of an X.json as they are.
    `trash` takes what would be replaced.
    """

    description: str | None
    count_from: str
    source_type: str | None
    overwrite: bool
    renames: renames.Renames
    folders: Reader | None = None
    names_only: bool = False
    trash: Path = Path()
    episodes: Episodes = field(default_factory=Episodes)
    first: Mapping[str, Any] = field(default_factory=dict)
    from_captions: bool = False
    written: Written = field(default_factory=dict)
    measures: KnownMeasures = field(default_factory=KnownMeasures)


COUNTS: dict[str, Callable[[Shown], int]] = {
    "auto": lambda shown: max(
        len(shown.sidecars.faces),
        len(shown.names),
        0 if shown.sidecars.faces else people_in(shown.tags["general"]),
    ),
    "faces": lambda shown: len(shown.sidecars.faces),
    "characters": lambda shown: len({name for name in shown.names if name not in metadata.NOBODY}),
    "tags": lambda shown: people_in(shown.tags["general"]),
    "people": lambda shown: shown.sidecars.people,
    "folder": lambda shown: folders.number_in(shown.sidecars.frame.parent) or 0,
}


def describe_general(description: str, source: Mapping[str, Any]) -> str:
    """Return the general part of captions: the description, and prefix and episode as one word."""
    series = f"{source.get('prefix') or ''}{source.get('episode') or ''}"
    return " ".join(word for word in (description, series) if word)


def description_in(held: Mapping[str, Any]) -> str:
    """Return the description that `describe_general` joined into an X.json."""
    general, source = held.get("general"), held.get("source")
    series = describe_general("", source if isinstance(source, dict) else {})
    return general.removesuffix(series).rstrip() if isinstance(general, str) else ""


def type_in(held: Mapping[str, Any]) -> str:
    """Return the type of source that an X.json was given; none if it follows from the known video."""
    told = held.get("source_type")
    return told if isinstance(told, str) and not (told == SCREENSHOTS and held.get("source")) else ""


def first_described(found: Iterable[Path]) -> dict[str, Any]:
    """Return the first X.json whose description and type are as they were written."""
    for frame in found:
        path = names.sidecar(frame, names.METADATA)
        try:
            held = metadata.read_own(path) if path.exists() else None
        except errors.BadSidecar:
            continue
        if held and not corrections.edited_fields(held) & {"general", "source", "source_type"}:
            return held
    return {}


def tag_lines(known: FrameSidecars, names_now: renames.Renames) -> dict[str, list[str]]:
    """Return the tags of a frame by their kind, first those of X.png.tags, characters by their new names."""
    own = {kind: [*told] for kind, told in known.tagged.items()}
    found = {kind: [*told] for kind, told in known.told.items()}
    if names_now.mark:
        path = names.sidecar(known.frame, names.TAGS)
        marks = renames.marks_of_tags(path, TagRecord(path.parent)) if path.exists() else ""
        for told, new_names in ((own, names_now.since(marks)), (found, names_now.since(""))):
            for kind in (kinds.CHARACTER, kinds.GENERAL):
                told[kind] = renames.renamed(told[kind], new_names)
    return kinds.joined([own, found]) if any(found.values()) else own


def names_of(seen: Sequence[boxes.Face], named: Mapping[boxes.Box, str], tagged: Sequence[str]) -> list[str]:
    """Return the name of each face, `unknown` where nobody named it.

    Where nobody named any face, as on fan art, those count who stand among the tags.
    """
    names = [named.get(face.box, metadata.UNKNOWN) for face in seen]
    return names if set(names) - {*metadata.NOBODY} or not tagged else list(tagged)


def join(known: FrameSidecars, rules: Rules, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the fields of X.json as the sidecars of a frame have them.

    `before` is its X.json so far: a frame that left its episode folder has no record beside it.
    """
    known_source = (before or {}).get("source")
    source = known.source or (known_source if isinstance(known_source, dict) else {})
    like = rules.first if before is None else before
    description = description_in(like) if rules.description is None else rules.description
    source_type = type_in(like) if rules.source_type is None else rules.source_type
    seen, named = known.faces, known.named
    tags = tag_lines(known, rules.renames)
    new_names = rules.renames.since(named.renamed)
    names = names_of(seen, {box: new_names.get(name, name) for box, name in named.names.items()}, tags["character"])
    fields: dict[str, Any] = {
        "schema": 1,
        "count": COUNTS[rules.count_from](Shown(known, names, tags)),
        "characters": names,
        "general": describe_general(description, source),
        "facepos": [metadata.facepos_of(face.box) for face in seen],
        "tags": tags["general"],
        "face_height_ratio": round(max((face.box[3] - face.box[1] for face in seen), default=0.0), 4),
    }
    optional = {
        "inferred": renames.renamed(named.inferred, new_names),
        "copyright": tags["copyright"],
        "artist": tags["artist"],
        "rating": "".join(tags["rating"][:1]),
        "size": frame_size(known.frame),
        "source_type": source_type or (SCREENSHOTS if source else ""),
        "source": source,
        "source_url": known.address,
        "text": text_in(known.frame, rules.measures, before),
        "description": known.description,
        TAGS_FROM: known.tags_from,
        renames.RENAMED: rules.renames.added_to(named.renamed),
    }
    return fields | {name: value for name, value in optional.items() if value}


def text_in(frame: Path, measures: KnownMeasures, before: Mapping[str, Any] | None) -> str:
    """Return which text a frame shows, as measured when frames were compared; where that is not known, as before."""
    known = measures.of(frame)
    if known is None:
        held = (before or {}).get("text")
        return held if isinstance(held, str) else ""
    return SUBTITLES if has_subtitles(known) else ""


def with_caption(known: FrameSidecars, written: Written) -> FrameSidecars:
    """Return the sidecars of a frame with what its caption says: sentences, and tags where there are none.

    The name in a folder such as `10_aoba`, as kohya's scripts want it, is a character there. Raises BadSidecar.
    """
    caption = read_caption(known.frame, written)
    if caption is None:
        return known
    known = replace(known, description=caption.description)
    if names.TAGS not in known.missing:
        return known
    folder = folders.repeats_and_name(known.frame.parent.name)
    name = folder[1] if folder else ""
    own = {kind: [tag for tag in tags if kinds.same(tag) != kinds.same(name)] for kind, tags in caption.told.items()}
    told = kinds.joined([{kinds.CHARACTER: [name] * bool(name)}, own])
    return replace(known, told=told, tags_from=CAPTION, missing=[one for one in known.missing if one != names.TAGS])


def follow_folder(frame: Path, fields: dict[str, Any], reader: folders.Reader) -> dict[str, Any]:
    """Return the fields of X.json with the characters that the frame's folder names, if a person put it there.

    `folder` notes the folder that was read, so that a later correction in X.json is not undone by it. Raises BadSidecar
    if the folder names nobody who is valid.
    """
    part = reader.part_of(frame)
    if part is None or fields.get("folder") == part:
        return fields
    try:
        names = folders.corrected(fields.get("characters", []), part, reader.names_of(part))
    except folders.BadFolder as error:
        raise errors.BadSidecar(str(error)) from error
    if part == folders.CHARACTER_OTHERS:
        return fields
    return {**fields, "folder": part} if names is None else {**fields, "characters": names, "folder": part}


@dataclass
class Tally:
    """What became of the frames.

    Fields that a person corrected, and in how many files; how much JSON of other programs was set aside; frames whose
    characters were read from their folder, or were renamed, or had two names that became one, or of whom nothing tells
    which name an undone merge took; what is unclear among the tags of each frame; frames that were described without
    tags or faces, because the script for these has not run.
    """

    kept_fields: int = 0
    kept_files: int = 0
    foreign: int = 0
    from_folders: int | None = None
    renamed: set[Path] = field(default_factory=set)
    joined: int = 0
    unknown: list[Path] = field(default_factory=list)
    unclear: dict[Path, list[str]] = field(default_factory=dict)
    missing: dict[str, set[Path]] = field(default_factory=dict)

    def add(self, known: FrameSidecars, written: Written) -> None:
        """Note what is unclear or missing among the sidecars of a frame, and whether its caption may tell its tags."""
        self.unclear |= {known.frame: known.unclear} if known.unclear else {}
        for suffix in known.missing:
            self.missing.setdefault(suffix, set()).add(known.frame)
        if names.TAGS in known.missing and has_caption(known.frame, written):
            self.missing.setdefault(names.CAPTION, set()).add(known.frame)


def set_foreign_aside(frame: Path, trash: Path) -> bool:
    """Give the JSON of another program that stands in the place of X.json its own name; tell whether there was any.

    Where only waifuc's hidden file is there, which stays behind when the frame moves, it is copied. Raises BadSidecar.
    """
    path, kept = names.sidecar(frame, names.METADATA), names.sidecar(frame, names.SOURCE)
    hidden = frame.with_name(f".{frame.stem}{names.HIDDEN_METADATA}")
    if path.exists() and metadata.is_foreign(atomic.read_json_value(path)):
        if kept.exists() and not move.same_file(path, kept):
            move.move_to_trash(kept, trash)
        atomic.move_whole(path, kept)
        return True
    if hidden.is_file() and not hidden.is_symlink() and not kept.exists():
        atomic.copy_whole(hidden, kept)
        return True
    return False


def write_metadata(frame: Path, rules: Rules, tally: Tally) -> None:
    """Write X.json if its content changes, and count what stayed or was set aside. Raises BadSidecar."""
    path = names.sidecar(frame, names.METADATA)
    tally.foreign += set_foreign_aside(frame, rules.trash)
    seen = atomic.bytes_in(path)
    old = metadata.read_own(path) if path.exists() else None
    held = None if old is None else renames.rename_values(metadata.upgraded(old), rules.renames)
    before = None if rules.overwrite else held
    if rules.names_only and before is not None:
        merged, kept = before, list[str]()
    else:
        known = read_sidecars(frame, rules.episodes)
        if rules.from_captions or (old or {}).get(TAGS_FROM) == CAPTION:
            known = with_caption(known, rules.written)
        note = {renames.MERGED: held[renames.MERGED]} if held and renames.MERGED in held else {}
        merged, kept = corrections.merge_corrections(before, join(known, rules, old) | note)
        tally.add(known, rules.written)
    own, merged = merged, merged if rules.folders is None else follow_folder(frame, merged, rules.folders)
    if merged != old and not atomic.write_over(path, corrections.metadata_text(merged), seen):
        write_metadata(frame, rules, tally)  # a person saved it meanwhile
        return
    if rules.folders is not None:
        tally.from_folders = (tally.from_folders or 0) + (merged.get("characters") != own.get("characters"))
    if old and before and any(old.get(key) != before.get(key) for key in renames.NAMING):
        tally.renamed.add(frame)
        became_one = [len({*metadata.texts(one, "characters")}) for one in (old, before)]
        tally.joined += became_one[1] < became_one[0]
    if renames.is_unknown(merged.get(renames.MERGED)):
        tally.unknown.append(frame)
    tally.kept_fields += len(kept)
    tally.kept_files += bool(kept)


def outdated(found: Iterable[Path], root: Path) -> list[Path]:
    """Return the frames whose X.json lacks what a sidecar says that was edited, or made again, since it was written."""
    behind: list[Path] = []
    rules = Rules(None, "auto", None, False, renames.Renames(root))
    for frame in found:
        path = names.sidecar(frame, names.METADATA)
        beside = [names.sidecar(frame, kind) for kind in (names.TAGS, names.CHARACTERS)]
        try:
            written = path.stat().st_mtime_ns
            if not any(one.exists() and one.stat().st_mtime_ns > written for one in beside):
                continue
            old = metadata.read_own(path)
            merged, _ = corrections.merge_corrections(old, join(read_sidecars(frame, rules.episodes), rules, old))
        except (errors.BadSidecar, FileNotFoundError):
            continue  # whoever reads it lists it
        if any(merged.get(key) != old.get(key) for key in TOLD):
            behind.append(frame)
    return behind


def unclear_in_words(unclear: Mapping[Path, Sequence[str]], root: Path) -> str:
    """Return which tags of which frames were left out, the first ones by name, and what to do about it."""
    several = [(frame, tag) for frame, found in unclear.items() for tag in found]
    shown = [f"{frame.relative_to(root)} ({shortened(tag)})" for frame, tag in several[:SHOWN]]
    words = f"{console.counted(len(several), 'tag')} in {console.counted(len(unclear), 'frame')} unclear and left out"
    examples = ", ".join([*shown, *["…"] * (len(several) > SHOWN)])
    return f"{words}: {examples}; separate tags by commas, see docs/formats.md"


def missing_in_words(missing: Mapping[str, Collection[Path]]) -> list[str]:
    """Return for each kind of sidecar how many frames were described without it, and what makes it."""
    steps = {names.TAGS: ("tags", "tag_images.py"), names.FACES: ("faces", "detect_faces.py")}
    found = [f"{len(missing[suffix])} without {what} ({script} finds them)"
             for suffix, (what, script) in steps.items() if missing.get(suffix)]  # fmt: skip
    captioned = len(missing.get(names.CAPTION, ()))
    return [*found, f"{captioned} of them with a caption (--tags_from_captions reads it)"] if captioned else found


def shortened(text: str) -> str:
    """Return a text as one line that is not too long to be shown."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_SHOWN else f"{line[:LONGEST_SHOWN]}…"
