"""Join everything known of each frame into X.json, the one file that people correct and later steps read.

    python generate_metadata.py --src_dir dataset --general_description anishot

Reads X.faces.json, X.characters.json and X.png.tags of the frames below --src_dir, and .frames.json of each episode;
writes X.json beside each frame X.png. Fields that a person corrected there survive every later run. Corrections made by
moving frames are read back with --characters_from_folders, --rename renames a character everywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framekit import (
    face_record,
    faces,
    folder_names,
    frame_source,
    frames,
    merging,
    metadata,
    name_record,
    renaming,
    sidecar,
    stage,
    tag_lines,
)
from framekit.frame_size import frame_size
from framekit.tag_groups import people_in
from framekit.tag_record import TagRecord

SCREENSHOTS = "screenshots"  # the type of frames whose video is known


@dataclass(frozen=True)
class Known:
    """What the sidecars of one frame say."""

    frame: Path
    seen: Sequence[faces.Face]
    names: Sequence[str]
    tags: Mapping[str, list[str]]


@dataclass(frozen=True)
class Rules:
    """What holds for all frames: what the command line says, and the renames of the dataset.

    `names_only` leaves all other fields of an X.json as they are.
    """

    description: str
    count_from: str
    source_type: str
    overwrite: bool
    renames: renaming.Renames
    folders: folder_names.Reader | None = None
    names_only: bool = False


COUNTS: dict[str, Callable[[Known], int]] = {
    "auto": lambda known: max(len(known.seen), len(known.names)) or people_in(known.tags["general"]),
    "faces": lambda known: len(known.seen),
    "characters": lambda known: len({name for name in known.names if name not in metadata.NOBODY}),
    "tags": lambda known: people_in(known.tags["general"]),
    "people": lambda known: face_record.count_people(known.frame),
    "folder": lambda known: folder_names.number_in(known.frame.parent) or 0,
}


def describe_general(description: str, source: Mapping[str, Any]) -> str:
    """Return the general part of captions: the description, and prefix and episode as one word."""
    series = f"{source.get('prefix') or ''}{source.get('episode') or ''}"
    return " ".join(word for word in (description, series) if word)


def read_tag_lines(frame: Path, renames: renaming.Renames) -> dict[str, list[str]]:
    """Return the tags of a frame by their kind, characters by their new names; no tags if it was not tagged."""
    path = sidecar.sidecar(frame, sidecar.TAGS)
    if not path.exists():
        return tag_lines.parse_tags("")
    text = sidecar.read_text(path)
    if renames.mark:
        text = renaming.renamed_tags(text, renames.since(renaming.mark_of_tags(path, TagRecord(path.parent))))
    return tag_lines.parse_tags(text)


def names_of(seen: Sequence[faces.Face], named: Mapping[faces.Box, str], tagged: Sequence[str]) -> list[str]:
    """Return the name of each face, `unknown` where nobody named it.

    Where nobody named any face, as on fan art, those count who stand among the tags.
    """
    names = [named.get(face.box, "unknown") for face in seen]
    return names if set(names) - {*metadata.NOBODY} or not tagged else list(tagged)


def join(frame: Path, rules: Rules, known_source: Any) -> dict[str, Any]:
    """Return the fields of X.json as the sidecars have them. Raises BadSidecar.

    `known_source` is what X.json says already: a frame that left its episode folder has no record beside it.
    """
    source = frame_source.source_of(frame)
    if not source and isinstance(known_source, dict):
        source = known_source
    seen = face_record.read_faces(frame) or []
    named, inferred, edition = name_record.read_named(frame)
    tags = read_tag_lines(frame, rules.renames)
    new_names = rules.renames.since(edition)
    names = names_of(seen, {box: new_names.get(name, name) for box, name in named.items()}, tags["character"])
    fields: dict[str, Any] = {
        "schema": 1,
        "count": COUNTS[rules.count_from](Known(frame, seen, names, tags)),
        "characters": names,
        "general": describe_general(rules.description, source),
        "facepos": [metadata.facepos_of(face.box) for face in seen],
        "tags": tags["general"],
        "face_height_ratio": round(max((face.box[3] - face.box[1] for face in seen), default=0.0), 4),
    }
    optional = {
        "inferred": renaming.renamed(inferred, new_names),
        "copyright": tags["copyright"],
        "artist": tags["artist"],
        "rating": "".join(tags["rating"][:1]),
        "size": frame_size(frame),
        "source_type": rules.source_type or (SCREENSHOTS if source else ""),
        "source": source,
        renaming.RENAMED: rules.renames.mark,
    }
    return fields | {name: value for name, value in optional.items() if value}


def follow_folder(frame: Path, fields: dict[str, Any], reader: folder_names.Reader) -> dict[str, Any]:
    """Return the fields of X.json with the characters that the frame's folder names, if a person put it there.

    `folder` notes the folder that was read, so that a later correction in X.json is not undone by it. Raises BadSidecar
    if the folder names nobody who is valid.
    """
    part = reader.part_of(frame)
    if part is None or fields.get("folder") == part:
        return fields
    try:
        names = folder_names.corrected(fields.get("characters", []), part, reader.names_of(part))
    except folder_names.BadFolder as error:
        raise sidecar.BadSidecar(str(error)) from error
    return fields if names is None else {**fields, "characters": names, "folder": part}


def write_metadata(frame: Path, rules: Rules) -> list[str]:
    """Write X.json if its content changes; return the hand-corrected fields that stayed. Raises BadSidecar."""
    path = sidecar.sidecar(frame, sidecar.METADATA)
    old = sidecar.read_json(path) if path.exists() else None
    before = None if old is None or rules.overwrite else renaming.rename_values(metadata.upgraded(old), rules.renames)
    if rules.names_only and before is not None:
        merged, kept = before, list[str]()
    else:
        merged, kept = merging.merge_corrections(before, join(frame, rules, (old or {}).get("source")))
    if rules.folders is not None:
        merged = follow_folder(frame, merged, rules.folders)
    if merged != old:
        sidecar.write_whole(path, merging.metadata_text(merged))
    return kept


def characters_in(found: Sequence[Path]) -> set[str]:
    """Return all characters that the X.json of frames name."""
    names: set[str] = set()
    for frame in found:
        try:
            names |= {*metadata.read_metadata(frame).characters}
        except sidecar.BadSidecar:
            continue  # it is listed when its turn comes
    return names


def rename(root: Path, found: Sequence[Path], words: Sequence[str]) -> list[tuple[Path, str]]:
    """Note a rename, and follow it in the sidecars; return those that could not be read."""
    renaming.remember(root, renaming.read_renames(words))
    renames = renaming.Renames(root)
    tagged: dict[Path, TagRecord] = {}
    unreadable: list[tuple[Path, str]] = []
    for frame in stage.progress(found, len(found), "frame", "renaming"):
        try:
            renaming.rename_sidecars(frame, renames, tagged)
        except sidecar.BadSidecar as error:
            unreadable.append((frame, f"nobody was renamed there: {error}"))
    return unreadable


def parser() -> stage.StageParser:
    """Return the command line."""
    options = stage.StageParser("generate_metadata", __doc__ or "")
    options.shared("src_dir", "limit", "overwrite_corrections", "config")
    options.option("general_description", default="", help='words for all frames, such as "anishot"')
    options.option(
        "count_from", choices=tuple(COUNTS), default="auto", help="what counts people; auto: faces and names, else tags"
    )
    options.option(
        "source_type", default="", help="such as fanart or regularization; screenshots if the video is known"
    )
    options.option(
        "characters_from_folders",
        nargs="?",
        const=folder_names.PATTERN,
        help=f"read names from folders that a person moved frames to (alone: {folder_names.PATTERN})",
    )
    options.option("valid_names", type=Path, help="file with a name in each line, or references: no other is read")
    options.option("rename", nargs="+", metavar="NAME", help="OLD NEW, or a CSV of such lines: rename everywhere")
    return options


@stage.one_sentence
@stage.uncollected()
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    args = parser().read(argv)
    root = args.src_dir
    found = frames.find_frames(root, args.limit)
    for suffix in (sidecar.METADATA, sidecar.CHARACTERS, sidecar.TAGS):
        sidecar.clean_up({frame.parent for frame in found} if args.rename or suffix == sidecar.METADATA else (), suffix)
    frame_source.record_of.cache_clear()
    unreadable = rename(root, found, args.rename) if args.rename else []
    reader = None
    if args.characters_from_folders is not None:
        reader = folder_names.reader(root, args.characters_from_folders, args.valid_names, characters_in(found))
    rules = Rules(
        args.general_description,
        args.count_from,
        args.source_type,
        args.overwrite_corrections,
        renaming.Renames(root),
        reader,
        names_only=bool(args.rename or reader),
    )
    kept_fields = kept_files = 0
    for frame in stage.progress(found, len(found), "frame"):
        try:
            kept = write_metadata(frame, rules)
        except sidecar.BadSidecar as error:
            unreadable.append((frame, f"its sidecars cannot be joined: {error}"))
            continue
        kept_fields += len(kept)
        kept_files += bool(kept)
    moved = 0
    if args.rename:
        moved = renaming.rename_folders(root, rules.renames.batches[-1])
        renaming.finish(root)
    done = len(found) - len({frame for frame, _ in unreadable})
    return stage.close(
        f"{stage.counted(done, 'frame')} described; kept {stage.counted(kept_fields, 'hand-corrected field')}"
        f" in {stage.counted(kept_files, 'file')}"
        + (f"; {stage.counted(moved, 'frame')} moved to renamed folders" if moved else "")
        + f", in {root}",
        unreadable,
    )


if __name__ == "__main__":
    raise SystemExit(main())
