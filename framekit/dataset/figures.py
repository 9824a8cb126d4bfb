"""The figures of a frame on its way, X.instances.json and its label picture: both of one version, of its own pixels."""

import errno
import filecmp
import os
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from pathlib import Path
from stat import S_ISDIR
from typing import NamedTuple

from framekit.dataset.edited import are_figures_by_hand, changed_last, figures_stay, is_label_picture
from framekit.files import atomic
from framekit.files.atomic import Transport
from framekit.files.names import INSTANCES, MASK_FOLDER, mask_of, sidecar
from framekit.files.paths import remove_if_empty
from framekit.pixels.decode import DECODER_ERRORS, MOST_PIXELS, frame_size
from framekit.sidecars.characters import read_record
from framekit.sidecars.instances import noted_anew


def mask_beside(frame: Path) -> Path | None:
    """Return the label picture of a frame if it has one; what lies behind a link in place of its folder is none.

    Raises PermissionError if nobody may look.
    """
    mask = mask_of(frame)
    try:
        if not S_ISDIR(mask.parent.lstat().st_mode):
            return None
        mask.lstat()
    except PermissionError:
        raise
    except (OSError, ValueError):
        return None
    return mask


def figure_files(frame: Path) -> list[Path]:
    """Return which of X.instances.json and the label picture of a frame are there, in this order."""
    held, mask = sidecar(frame, INSTANCES), mask_beside(frame)
    found = [held] if os.path.lexists(held) else []
    return found if mask is None else [*found, mask]


def figure_at(path: Path, target: Path) -> Path:
    """Return where one of the files of figures belongs when its frame is at `target`."""
    return mask_of(target) if is_label_picture(path) else sidecar(target, INSTANCES)


def refuse_masks_in(folder: Path) -> None:
    """Raise OSError if label pictures of the frames in a folder would go through a link, or into what is no folder."""
    masks = folder / MASK_FOLDER
    if masks.is_symlink():
        raise OSError(errno.ELOOP, "is a link", str(masks))
    if masks.exists() and not masks.is_dir():
        raise OSError(errno.ENOTDIR, "is no folder", str(masks))


def size_after(frame: Path, target: Path, transport: Transport) -> list[int] | None:
    """Return [width, height] of what is at the target once a frame came there; None if that cannot be read.

    The frame may be written in another size, or give way to a newer version of its picture.
    """
    is_other_format = frame.suffix.lower() != target.suffix.lower()
    if transport.size and not is_other_format and (size := transport.size(frame)):
        return size
    if not (frame.exists() and target.exists()):
        return frame_size(frame if frame.exists() else target)
    gives_way = is_other_format or frame.stat().st_mtime_ns <= target.stat().st_mtime_ns
    return frame_size(target if gives_way else frame)


def mask_size(mask: Path) -> list[int] | None:
    """Return [width, height] of a label picture; None for a link, a pipe and what is no picture."""
    return frame_size(mask) if mask.is_file() and not mask.is_symlink() else None


class Piece(NamedTuple):
    """One of the files of figures: where it is, where it belongs, and what is written there instead of it, if any."""

    source: Path
    place: Path
    content: bytes | str | None = None

    def differs(self) -> bool:
        """Tell whether something else is at its place."""
        if not self.place.exists():  # not there, or a link to nothing, which gives way
            return False
        if self.content is None:
            same = self.source.samefile(self.place) or filecmp.cmp(self.source, self.place, shallow=False)
            return not same
        held = self.content.encode() if isinstance(self.content, str) else self.content
        return atomic.bytes_in(self.place) != held


def pieces(frame: Path, come: Sequence[Path], target: Path, transport: Transport) -> list[Piece]:
    """Return what becomes of the files of figures of a frame at its target, in the size of what is there then."""
    size = size_after(frame, target, transport) if any(map(is_label_picture, come)) else None
    return written_as(come, target, None if size == frame_size(frame) else size)


def written_as(come: Sequence[Path], target: Path, size: Sequence[int] | None) -> list[Piece]:
    """Return what becomes of files of figures at a target, the label picture first, written in a size if one is given.

    The sidecar then notes the label picture anew, so that it counts as painted only if it did before.
    """
    found = [Piece(path, figure_at(path, target)) for path in reversed(come)]
    mask = next((one.source for one in found if is_label_picture(one.source)), None)
    before = atomic.bytes_in(mask) if mask is not None and size is not None else None
    now = resized(before, size) if before is not None and size is not None else None
    if before is None or now is None:
        return found
    record = noted_anew(read_record(next((path for path in come if path != mask), come[0])), before, now)
    text = atomic.json_text(record) if record else None
    return [one._replace(content=now if one.source == mask else text) for one in found]


def resized(mask: bytes, size: Sequence[int]) -> bytes | None:
    """Return a label picture as PNG of another (width, height), each pixel with the nearest label.

    None if it is none, or has that size. Labels are never mixed: between figures 1 and 3 there is no figure 2.
    """
    from PIL import Image

    try:
        with Image.open(BytesIO(mask)) as image:
            if image.width * image.height > MOST_PIXELS or image.size == (size[0], size[1]):
                return None
            written = BytesIO()
            image.resize((size[0], size[1]), Image.Resampling.NEAREST).save(written, "PNG")
    except (Image.DecompressionBombError, *DECODER_ERRORS):
        return None
    return written.getvalue()


def settle(
    frame: Path, target: Path, transport: Transport, is_replaced: bool, to_trash: Callable[[Path], None]
) -> None:
    """Bring the figures of a frame to its target, both files of one version, in the size of what is there then.

    The other version goes to the trash. So do figures whose pixels the frame replaces (`is_replaced`), unless a person
    corrected them and the new pixels are as many. Files go in such an order that what a kill leaves is settled alike.
    """
    come, there = figure_files(frame), figure_files(target)
    if come == there:
        return
    if there and is_replaced:  # unless a kill came after them, and before the frame
        is_replaced = not {*there} <= alike(pieces(frame, come, target, transport))
    there = there and remaining(frame, target, transport, is_replaced, to_trash)
    is_newer = changed_last(frame) > changed_last(target)
    if transport.keeps_source and not is_newer and {figure_at(path, target) for path in come} <= {*there}:
        return
    going = pieces(frame, come, target, transport)
    same = alike(going)
    if any(one.place in there and one.place not in same for one in going):
        if not figures_stay(target, frame, transport.keeps_source):
            cleared((path for path in reversed(there) if path not in same), to_trash)
        elif transport.keeps_source:
            if is_newer:
                atomic.touch(there[0])  # as for other sidecars: a correction is newer than what was made
            return
        else:
            cleared((path for path in come if figure_at(path, target) not in same), to_trash)
            going = [one for one in going if one.place in same]
    put(going, transport)
    if not transport.keeps_source:
        written = [one.source for one in reversed(going) if one.content is not None]
        cleared((path for path in written if os.path.lexists(path)), to_trash)


def remaining(
    frame: Path, target: Path, transport: Transport, is_replaced: bool, to_trash: Callable[[Path], None]
) -> list[Path]:
    """Return which figures beside a target stay when its pixels change; the others go to the trash.

    Where the same picture is written there in another size than before, those that a person corrected get it too.
    """
    there, mask, size = figure_files(target), mask_beside(target), size_after(frame, target, transport)
    before = mask_size(mask) if mask is not None else None
    if is_replaced:
        fits = size is not None and before == size and are_figures_by_hand(target)
        return there if fits else cleared(reversed(there), to_trash)
    if transport.size is None or before is None or size in (None, before, frame_size(frame)):
        return there
    if not are_figures_by_hand(target):
        return cleared(reversed(there), to_trash)
    put(written_as(there, target, size), transport)
    return there


def alike(going: Iterable[Piece]) -> set[Path]:
    """Return the places where what is to come there is already."""
    return {one.place for one in going if one.place.exists() and not one.differs()}


def cleared(files: Iterable[Path], to_trash: Callable[[Path], None]) -> list[Path]:
    """Move files to the trash in their order; return what is left of them, which is nothing."""
    for path in files:
        to_trash(path)
    return []


def put(going: Iterable[Piece], transport: Transport) -> None:
    """Bring the files of figures to their places. Raises OSError where label pictures would go through a link."""
    for source, place, content in going:
        if is_label_picture(place):
            refuse_masks_in(place.parent.parent)
            place.parent.mkdir(exist_ok=True)
        if content is not None:
            times = source.stat()
            atomic.write_whole(place, content)
            os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))
        elif not (transport.keeps_source and place.exists()):
            transport.beside(source, place)
        if is_label_picture(source) and not os.path.lexists(source):
            remove_if_empty(source.parent)
