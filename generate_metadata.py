"""Join everything known of each frame into X.json, the one file that people correct and later steps read.

    python generate_metadata.py --src_dir dataset --general_description anishot

Reads X.faces.json, X.characters.json and X.png.tags of the frames below --src_dir, and .frames.json of each episode;
writes X.json beside each frame X.png. Fields that a person corrected there survive every later run.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from framekit import face_record, faces, frame_source, frames, merging, metadata, name_record, sidecar, stage, tag_lines


def describe_general(description: str, source: Mapping[str, Any]) -> str:
    """Return the general part of captions: the description, and prefix and episode as one word."""
    series = f"{source.get('prefix') or ''}{source.get('episode') or ''}"
    return " ".join(word for word in (description, series) if word)


def named_faces(frame: Path, seen: Sequence[faces.Face]) -> list[str]:
    """Return the name of each face, `unknown` where nobody named it. Raises BadSidecar."""
    names = name_record.read_names(frame)
    return [names.get(face.box, "unknown") for face in seen]


def read_tag_lines(frame: Path) -> dict[str, list[str]]:
    """Return the tags of a frame by their kind; no lines at all if it was not tagged."""
    path = sidecar.sidecar(frame, sidecar.TAGS)
    return tag_lines.parse_tags(sidecar.read_text(path)) if path.exists() else {}


def join(frame: Path, description: str, known_source: Any) -> dict[str, Any]:
    """Return the fields of X.json as the sidecars have them. Raises BadSidecar.

    `known_source` is what X.json says already: a frame that left its episode folder has no record beside it.
    """
    source = frame_source.source_of(frame)
    if not source and isinstance(known_source, dict):
        source = known_source
    seen = face_record.read_faces(frame) or []
    names = named_faces(frame, seen)
    tags = read_tag_lines(frame)
    if not seen:  # fan art: who is on it stands in its tags
        names = tags.get("character", [])
    fields: dict[str, Any] = {
        "schema": 1,
        "count": max(len(seen), len(names)),
        "characters": names,
        "general": describe_general(description, source),
        "facepos": [metadata.facepos_of(face.box) for face in seen],
        "tags": tags.get("general", []),
        "face_height_ratio": round(max((face.box[3] - face.box[1] for face in seen), default=0.0), 4),
    }
    optional = {
        "inferred": name_record.read_inferred(frame),
        "copyright": tags.get("copyright"),
        "artist": tags.get("artist"),
        "source": source,
    }
    return fields | {name: value for name, value in optional.items() if value}


def write_metadata(frame: Path, description: str, overwrite: bool) -> list[str]:
    """Write X.json if its content changes; return the hand-corrected fields that stayed. Raises BadSidecar."""
    path = sidecar.sidecar(frame, sidecar.METADATA)
    old = sidecar.read_json(path) if path.exists() else None
    fields = join(frame, description, (old or {}).get("source"))
    merged, kept = merging.merge_corrections(old if not overwrite else None, fields)
    if merged != old:
        sidecar.write_whole(path, merging.metadata_text(merged))
    return kept


def parser() -> stage.StageParser:
    """Return the command line."""
    options = stage.StageParser("generate_metadata", __doc__ or "")
    options.shared("src_dir", "limit", "overwrite_corrections", "config")
    options.option("general_description", default="", help='words for all frames, such as "anishot"')
    return options


@stage.one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    args = parser().read(argv)
    found = frames.find_frames(args.src_dir, args.limit)
    sidecar.clean_up((frame.parent for frame in found), sidecar.METADATA)
    frame_source.record_of.cache_clear()
    unreadable: list[tuple[Path, str]] = []
    kept_fields = kept_files = 0
    for frame in stage.progress(found, len(found), "frame"):
        try:
            kept = write_metadata(frame, args.general_description, args.overwrite_corrections)
        except sidecar.BadSidecar as error:
            unreadable.append((frame, f"its sidecars cannot be joined: {error}"))
            continue
        kept_fields += len(kept)
        kept_files += bool(kept)
    done = len(found) - len(unreadable)
    return stage.close(
        f"{stage.counted(done, 'frame')} described; kept {stage.counted(kept_fields, 'hand-corrected field')}"
        f" in {stage.counted(kept_files, 'file')}, in {args.src_dir}",
        unreadable,
    )


if __name__ == "__main__":
    raise SystemExit(main())
