"""The report on a dataset: figures, contact sheets, and the page that shows them."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from framekit import commands, frames, leaves, report_figures
from framekit.frames import Pixels
from framekit.metadata import Metadata
from framekit.report_page import Report, Sheet, page

THUMB_WIDTH, THUMB_HEIGHT = 128, 72  # px
COLUMNS = 8
MOST_THUMBS = 2000  # on the page; about 4 kB each
MOST_FOLDERS = 400  # that have a sheet
MOST_REMOVED = 16  # thumbs of each reason
MOSAIC_QUALITY = 72  # of JPEG


def thumb(frame: Path) -> Pixels:
    """Return a frame fitted into a thumb, on grey; grey alone if it cannot be read."""
    import cv2

    ground = np.full((THUMB_HEIGHT, THUMB_WIDTH, 3), 96, np.uint8)
    try:
        pixels = frames.read_pixels(frame)
    except frames.UnreadableFrame:
        return ground
    scale = min(THUMB_WIDTH / pixels.shape[1], THUMB_HEIGHT / pixels.shape[0])
    width, height = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    left, top = (THUMB_WIDTH - width) // 2, (THUMB_HEIGHT - height) // 2
    ground[top : top + height, left : left + width] = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return ground


def mosaic(thumbs: Sequence[Pixels]) -> bytes:
    """Return thumbs side by side as a JPEG; nothing without any."""
    import cv2

    if not thumbs:
        return b""
    columns = min(COLUMNS, len(thumbs))
    rows = -(-len(thumbs) // columns)
    blank = np.full((THUMB_HEIGHT, THUMB_WIDTH, 3), 255, np.uint8)
    cells = [*thumbs, *[blank] * (rows * columns - len(thumbs))]
    lines = [np.hstack(cells[row * columns : (row + 1) * columns]) for row in range(rows)]
    picture = cv2.cvtColor(np.vstack(lines), cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, MOSAIC_QUALITY])[1].tobytes())


def spread(found: Sequence[Path], number: int) -> list[Path]:
    """Return so many of the frames, evenly spread."""
    if len(found) <= number:
        return list(found)
    return [found[round(place)] for place in np.linspace(0, len(found) - 1, number)]


def sheets(groups: Mapping[str, Sequence[Path]], most: int, workers: int) -> list[Sheet]:
    """Return a contact sheet of each group of frames, of at most so many thumbs."""
    chosen = {name: spread(found, most) for name, found in groups.items()}
    with ThreadPoolExecutor(workers) as pool:
        made = pool.map(thumb, [frame for found in chosen.values() for frame in found])
        return [Sheet(name, len(groups[name]), mosaic([next(made) for _ in found])) for name, found in chosen.items()]


def report_on(
    root: Path,
    described: Mapping[Path, Metadata],
    folders: Sequence[leaves.Row],
    characters: Sequence[leaves.Row],
    workers: int,
) -> str:
    """Return the page on a dataset."""
    groups: dict[str, list[Path]] = {}
    for frame in described:
        groups.setdefault(str(frame.parent.relative_to(root)), []).append(frame)
    shown = dict(sorted(groups.items(), key=lambda item: -len(item[1]))[:MOST_FOLDERS])
    shown = {name: shown[name] for name in groups if name in shown}
    most = max(COLUMNS // 2, min(3 * COLUMNS, MOST_THUMBS // max(1, len(shown))))
    roots = commands.sources_of(root)
    removed = report_figures.removed_frames(roots)
    notes = [f"Sheets show {most} frames of a folder at most, evenly spread."]
    if len(shown) < len(groups):
        notes.append(f"The {len(groups) - len(shown)} smallest folders have no sheet.")
    return page(
        Report(
            title=f"Dataset {root.resolve().name}",
            frames=len(described),
            episodes=report_figures.episodes(described.values()),
            combinations=report_figures.combinations(described.values()).most_common(60),
            folders=folders,
            characters=characters,
            tags=report_figures.tags_of_characters(described.values()),
            sheets=sheets(shown, most, workers),
            removed=[(one, one.name) for one in sheets(removed, MOST_REMOVED, workers)],
            corrections=report_figures.corrections(root, described, roots),
            commands=commands.commands_of(root),
            notes=notes,
        )
    )
