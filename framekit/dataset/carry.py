"""An episode that is extracted again: what people made for its old frames follows the pictures to the new ones."""

import hashlib
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from framekit.dataset import move, removed
from framekit.dataset.edited import CAPTIONS, PREPARED, frame_of_figures, is_by_hand, is_of_figures
from framekit.dataset.figures import mask_beside, mask_size
from framekit.dataset.frames import FRAME_SUFFIXES, is_frame_name
from framekit.files import atomic, names
from framekit.pixels.decode import frame_size
from framekit.sidecars import characters, corrections, metadata
from framekit.sidecars.tags import TagRecord

SAME_TIME = 0.01  # seconds; times are stored to the microsecond, the shortest frame lasts 0.016
# What scripts write into a folder for themselves; it is made again for the new frames.
OF_THE_FOLDER = (names.EPISODE_RECORD, ".descriptors.npz", ".tagged.jsonl", ".prepared.json", ".commands.jsonl")
FROM_PIXELS = (".npz", ".npy", ".pt", ".pth", ".safetensors")  # latents: of exactly these pixels
PLACES = ("facepos", "faces", "face_height_ratio", "size")  # fields of X.json that speak of places in the picture


@dataclass(frozen=True)
class Carried:
    """How many files came along, how many that people made stay with the old frames; the new stem of each old one."""

    files: int = 0
    left: int = 0
    pairs: Mapping[str, str] = field(default_factory=dict)


def same_pictures(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """Return the new stem of each old one: the same number and time in the same video, as two records say.

    A video of several streams has other pictures in another one.
    """
    if not of_one_video(old, new) or (stream_of(old) is not None and stream_of(old) != stream_of(new)):
        return {}
    by_number = {source.get("source_frame"): (stem, source.get("time")) for stem, source in sources(new).items()}
    pairs = {}
    for stem, source in sources(old).items():
        target, time = by_number.get(source.get("source_frame"), ("", None))
        times = [one for one in (time, source.get("time")) if isinstance(one, int | float)]
        if len(times) == 2 and abs(times[0] - times[1]) < SAME_TIME:
            pairs[stem] = target
    return pairs


def of_one_video(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Tell whether two records are of one video; records of older versions know only its name."""
    known = [name for name in ("video_size", "video_digest") if None not in (old.get(name), new.get(name))]
    return all(old.get(name) == new.get(name) for name in known or ("video",))


def sources(record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return where each frame of a record came from, by its stem."""
    frames = record.get("frames")
    held = frames.items() if isinstance(frames, dict) else ()
    return {stem: source for stem, source in held if isinstance(source, dict)}


def stream_of(record: Mapping[str, Any]) -> int | None:
    """Return which stream of its video a record is of; None if it does not say, as those of older versions."""
    settings = record.get("settings")
    asked = settings.get("video_stream") if isinstance(settings, dict) else None
    stream = record.get("video_stream", asked)
    return stream if isinstance(stream, int) else None


def owner_of(name: str, stems: Collection[str], lengths: Collection[int]) -> str:
    """Return the stem that a file's name begins with, no letter or digit following; nothing if there is none."""
    found = (name[:length] for length in lengths if not name[length : length + 1].isalnum())
    return max((stem for stem in found if stem in stems), key=len, default="")


@dataclass(frozen=True)
class Belonging:
    """A file of an old episode: where it is, its path within the episode's folder, the stem of its frame or nothing."""

    path: Path
    place: Path
    stem: str


def belongings(old: Path, stems: Collection[str]) -> Iterator[Belonging]:
    """Yield the files in the folder of an old episode; not the records of the folder."""
    lengths = sorted({len(stem) for stem in stems})
    for folder, folders, found in os.walk(old):
        folders[:] = sorted(name for name in folders if not names.is_leftover(name))
        for name in sorted(found):
            path = Path(folder, name)
            if not (name in OF_THE_FOLDER or name.startswith(".scores-") or names.is_leftover(name)):
                yield Belonging(path, path.relative_to(old), owner_of(name, stems, lengths))


def removed_belongings(folder: Path, stems: Collection[str]) -> Iterator[Belonging]:
    """Yield the files of those frames of an episode that were removed from its folder."""
    for origin, where, _ in removed.removed_now(folder.parent):
        if origin.parent == folder and origin.stem in stems:
            for path in move.frame_files(where):
                yield Belonging(path, move.file_at(path, where, origin).relative_to(folder), origin.stem)


class Makers:
    """Tells what a script wrote from what people made, by the digests that scripts noted."""

    def __init__(self, root: Path, old: Path) -> None:
        """Read the records of what was written for the episode in the folder `old` of a dataset."""
        self.tagged = TagRecord(old).written
        self.prepared: dict[str, set[str]] = {}
        for folder in (root, old):
            for key, digests in characters.read_record(folder / PREPARED).items():
                self.prepared.setdefault(names.nfc(key), set()).update(
                    map(str, digests if isinstance(digests, list) else ())
                )

    def is_made_by_hand(self, one: Belonging) -> bool:
        """Tell whether a person or another program made a file, or changed it."""
        known = {*self.tagged.get(names.nfc(one.place.name), {}), *self.prepared.get(names.nfc(one.stem), ())}
        if not one.stem:
            known |= {digest for digests in self.prepared.values() for digest in digests}
        return is_by_hand(one.path, known)


@dataclass(frozen=True)
class Picture:
    """A new frame: its name, whether its file is the old one's to the byte, and whether it has the same size."""

    name: Path
    is_identical: bool
    is_same_size: bool


def compared(before: Path | None, now: Path) -> Picture:
    """Compare the file of a new frame with that of the old one; an old one that is away counts as of the same size."""
    if before is None:
        return Picture(now, is_identical=False, is_same_size=True)
    try:
        size = frame_size(before)
        return Picture(now, move.same_file(before, now), size is not None and size == frame_size(now))
    except OSError:
        return Picture(now, is_identical=False, is_same_size=False)


@dataclass(frozen=True)
class Former:
    """An earlier extraction of an episode: its files, the new stem of each old one whose picture is there again.

    `knows_stream` tells whether its record says which stream of the video it is of.
    """

    folder: Path
    files: Sequence[Belonging]
    pairs: Mapping[str, str]
    knows_stream: bool = True

    @property
    def frames(self) -> dict[str, Path]:
        """Return the frames by their stems."""
        return {one.stem: one.path for one in self.files if is_frame(one)}


def read_former(old: Path, label: str, now: Mapping[str, Any], fresh: Mapping[str, Path]) -> Former:
    """Look at the frames in an old folder of an episode; `fresh` are the new ones by their stems.

    Without a record that can be read, a picture is the same if its file is; what belongs to no frame stays there.
    """
    before = characters.read_record(old / names.EPISODE_RECORD)
    stems: Collection[str] = sources(before).keys()
    if stems:
        files = list(belongings(old, stems))
        return Former(old, files, same_pictures(before, now), stream_of(before) is not None)
    numbered = re.compile(rf".+_{re.escape(label)}_\d{{6}}")
    stems = {path.stem for path in old.glob("*") if numbered.fullmatch(path.stem)}
    former = Former(old, [one for one in belongings(old, stems) if one.stem], {})
    return replace(former, pairs=identical_pictures(former.frames, fresh))


def identical_pictures(old: Mapping[str, Path], new: Mapping[str, Path]) -> dict[str, str]:
    """Return the new stem of each old one whose file holds the same bytes."""
    by_content = {digest_of(path): stem for stem, path in new.items()} if old else {}
    return {stem: by_content[content] for stem, path in old.items() if (content := digest_of(path)) in by_content}


def digest_of(path: Path) -> bytes:
    """Return a digest of a file's content."""
    return hashlib.sha256(path.read_bytes()).digest()


def earlier_asides(aside: Path, label: str) -> list[Path]:
    """Return where older frames of an episode were set aside, next to its last ones, the latest first."""
    numbered = re.compile(rf"{re.escape(label)}(?:_(\d+))?")
    found = {path: numbered.fullmatch(path.name) for path in aside.parent.glob(f"{label}*") if path != aside}
    places = [(int(match[1] or 1), path) for path, match in found.items() if match]
    return [path for _, path in sorted(places, reverse=True)]


def carry(folder: Path, aside: Path, new: Path) -> Carried:
    """Copy what people and other programs made for the frames of an episode to its new frames in `new`.

    The old frames are still in `folder`, or in `aside` already. A picture that they lack may be in what was set
    aside before: it gets back what it had there. What depends on places in the picture follows only if its size is
    the same, what was computed from its pixels only if its file is. What a script wrote is left out.
    """
    now = atomic.read_json(new / names.EPISODE_RECORD)
    fresh = {path.stem: path for path in new.iterdir() if is_frame_name(path.name)}
    old = folder if folder.exists() else aside
    last = read_former(old, folder.name, now, fresh)
    stems = sources(characters.read_record(old / names.EPISODE_RECORD)).keys()
    last = replace(last, files=[*last.files, *removed_belongings(folder, stems)])
    carried = bring_all(folder.parent, last, fresh, new)
    seen, files = set(last.pairs.values()), carried.files
    prepared = (folder.parent / PREPARED).exists()  # for the new frames: who wrote older captions is forgotten
    for place in earlier_asides(aside, folder.name):
        former = read_former(place, folder.name, now, fresh)
        pairs = {stem: target for stem, target in former.pairs.items() if target not in seen}
        its = [one for one in former.files if one.stem in pairs and not (prepared and one.path.suffix in CAPTIONS)]
        files += bring_all(folder.parent, replace(former, files=its, pairs=pairs), fresh, new).files
        seen |= set(pairs.values())
    return replace(carried, files=files)


def bring_all(root: Path, former: Former, fresh: Mapping[str, Path], new: Path) -> Carried:
    """Copy what people made of the files of an earlier extraction to its place among the new frames."""
    makers, frames = Makers(root, former.folder), former.frames
    pictures: dict[str, Picture] = {}
    taken = left = 0
    for one in former.files:
        if is_frame(one) or not makers.is_made_by_hand(one):
            continue
        target = former.pairs.get(one.stem, "")
        if target in fresh and one.stem not in pictures:
            pictures[one.stem] = compared(frames.get(one.stem), fresh[target])
        picture = pictures.get(one.stem)
        is_other = not former.knows_stream and picture is not None and not picture.is_same_size  # perhaps
        came = not is_other and bring(one, frames.get(one.stem), picture, new, fresh)
        taken, left = taken + came, left + (not came)
    return Carried(taken, left, former.pairs)


def is_frame(one: Belonging) -> bool:
    """Tell whether a file is a frame that was extracted, and no file beside it."""
    suffix = one.place.name[len(one.stem) :]
    return bool(one.stem) and len(one.place.parts) == 1 and suffix.lower() in FRAME_SUFFIXES


def bring(one: Belonging, before: Path | None, picture: Picture | None, new: Path, stems: Collection[str]) -> bool:
    """Copy a file to its place among the new frames; tell whether it belongs there."""
    if not one.stem:
        lengths = {len(stem) for stem in stems}
        if owner_of(one.place.name, stems, lengths) or (new / one.place).exists():
            return False
        return copied(one.path, new / one.place)
    if picture is None:
        return False
    target = new / one.place.with_name(new_name(one, before, picture))
    rest = one.place.name[len(one.stem) :]
    if target.exists() or (rest.endswith(FROM_PIXELS) and not picture.is_identical):
        return False
    if is_of_figures(one.path) and not has_size_of(one.path, new / picture.name.name):
        return False
    is_foreign = rest == names.METADATA and metadata.is_foreign(characters.read_record(one.path))
    if picture.is_same_size or is_foreign or rest.endswith((names.TAGS, names.SOURCE, *CAPTIONS)):
        return copied(one.path, target)
    return rest == names.METADATA and without_places(one.path, target)


def has_size_of(path: Path, frame: Path) -> bool:
    """Tell whether a file of figures may speak of the pixels of a frame: its label picture has no other size."""
    mask = mask_beside(frame_of_figures(path))
    return mask is None or mask_size(mask) in (None, frame_size(frame))


def new_name(one: Belonging, before: Path | None, picture: Picture) -> str:
    """Return a file's name beside the new frame: `X.png.tags` begins with the frame's name, others with its stem."""
    rest = one.place.name[len(one.stem) :]
    suffix = before.suffix if before else next((end for end in FRAME_SUFFIXES if rest.startswith(f"{end}.")), None)
    if suffix and rest.startswith(f"{suffix}."):
        return picture.name.name + rest[len(suffix) :]
    return picture.name.stem + rest


def copied(source: Path, target: Path) -> bool:
    """Copy a file, not through a link that a stranger planted; tell whether it was."""
    if source.is_symlink():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    atomic.copy_whole(source, target)
    return True


def without_places(source: Path, target: Path) -> bool:
    """Write the corrections of X.json that hold for a picture of another size; tell whether there are any."""
    values = characters.read_record(source)
    kept = {name: value for name, value in values.items() if name not in PLACES and name != corrections.WRITTEN}
    noted = {name: digest for name, digest in corrections.noted_digests(values).items() if name not in PLACES}
    kept[corrections.WRITTEN] = noted
    if not corrections.edited_fields(kept):
        return False
    atomic.write_whole(target, corrections.metadata_text(kept))
    return True
