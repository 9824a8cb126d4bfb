"""Backgrounds of shots against the true ones, with true masks and with those of the embedded default."""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from framekit.figures.look import hiding
from framekit.figures.segment import Settings
from framekit.files import atomic
from framekit.layers.inpaint import load_fill
from framekit.layers.plates import grown, make_plate, view_of
from framekit.pixels.decode import Pixels
from framekit.pixels.encode import encode_frame
from framekit.pixels.sheets import one_sheet
from framekit.video.ffmpeg import find_ffmpeg
from framekit.video.read import read_frames
from framekit.video.sampling import Sampling

MOVING = ("opening_slide", "opening_zoom", "opening_group", "zoom", "character_pan", "walk")  # reveal something
STILL = ("medium", "wide", "two_shot", "three_shot", "held", "letterbox")
HEAD = f"{'shot':22s} placed revealed    error   ghosts    video  seconds"
GHOST = 24  # grey levels off the true background, by which a revealed pixel counts as a ghost


@dataclass(frozen=True)
class Composed:
    """Some frames of a shot as the video shows them, what hides the background in each, and the true backgrounds."""

    name: str
    frames: list[Pixels]
    hidden: list[NDArray[np.bool_]]
    truth: list[Pixels]


def encoded(drawn: Sequence[Any], size: tuple[int, int]) -> list[Pixels]:
    """Return drawn frames as they come out of a compressed video."""
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder, "shot.mkv")
        words = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", "24", "-i", "-"]
        words += ["-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-c:v", "libx264", "-crf", "22"]
        words += ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", str(video)]
        given = b"".join(image.tobytes() for image in drawn)
        subprocess.run([find_ffmpeg().path, "-v", "error", *words], input=given, check=True)
        return [frame.pixels for frame in read_frames(video, Sampling(mode="all"))]


def background_of(composer: Any, painter: Any, scene: Any) -> Pixels:
    """Return the true background of a scene."""
    image = painter._background(scene.backdrop, scene.view)
    if scene.tint != "day":
        tints = composer.TINTS[scene.tint]
        image = image.point([min(255, max(0, round(v * f + o))) for f, o in tints for v in range(256)])
    return np.asarray(image, np.uint8)


def hidden_in(painter: Any, scene: Any) -> NDArray[np.bool_]:
    """Return where figures hide the background of a scene, or bars do."""
    width, height = painter.size
    hidden = np.zeros((height, width), bool)
    for sprite, x, y in painter._figures(scene.actors, scene.view, scene.bars)[0]:
        alpha = np.asarray(sprite.getchannel("A")) > 8
        left, top = max(0, x), max(0, y)
        part = alpha[top - y : max(0, height - y), left - x : max(0, width - x)]
        hidden[top : top + part.shape[0], left : left + part.shape[1]] |= part
    edge = round(scene.bars * height)
    hidden[:edge] = hidden[height - edge :] = True
    return hidden


def composed(composer: Any, art: Path, seed: int, templates: Sequence[str], count: int) -> Iterator[Composed]:
    """Yield the shots of one composed episode that have these templates, each by `count` frames spread over it."""
    library = composer.Library(art / "portraits", art / "sprites")
    painter, fps = composer.Painter(library, (1280, 720)), Fraction(24)
    shots = composer.opening(painter, seed, fps) + composer.body(painter, seed, 1, fps, [])
    for number, shot in enumerate(shots):
        if shot.template in templates:
            scenes = shot.scenes[shot.transition_frames : len(shot.scenes) - shot.fade_out - shot.black]
            frames = encoded([painter.paint(scene).image for scene in scenes], painter.size)
            taken = sorted({round(place) for place in np.linspace(0, len(scenes) - 1, count)})
            yield Composed(
                f"{seed}/{number} {shot.template}",
                [frames[place] for place in taken],
                [hidden_in(painter, scenes[place]) for place in taken],
                [background_of(composer, painter, scenes[place]) for place in taken],
            )


def differing(one: Pixels, other: Pixels) -> NDArray[np.float64]:
    """Return by how many grey levels each pixel differs, the mean of its channels."""
    return np.asarray(np.abs(one.astype(np.int16) - other).mean(axis=2))


def score_plate(shot: Composed, masks: Sequence[NDArray[np.bool_]] | None = None) -> list[float]:
    """Print the figures of the plate of a shot, made with the true masks or with others, and return them."""
    began = time.process_time()
    plate = make_plate(list(zip(shot.frames, shot.hidden if masks is None else masks, strict=True)))
    took = time.process_time() - began
    hidden = revealed = 0
    off, own = [np.zeros(0)], [np.zeros(0)]
    for number, (pixels, mask, truth) in enumerate(zip(shot.frames, shot.hidden, shot.truth, strict=True)):
        shown = None if plate is None else view_of(plate, number)
        hidden += int(mask.sum())
        own.append(differing(pixels, truth)[~grown(mask)])
        if shown is not None:
            new = mask & ~shown[1]
            revealed += int(new.sum())
            off.append(differing(shown[0], truth)[new])
    every = np.concatenate(off)
    error, ghosts = (every.mean(), (every > GHOST).mean()) if every.size else (np.nan, np.nan)
    found = [revealed / max(1, hidden), float(error), float(ghosts), float(np.concatenate(own).mean()), took]
    placed = 0 if plate is None else sum(place is not None for place in plate.places)
    print(
        f"{shot.name:22s} {placed:3d}/{len(shot.frames):<3d}" + "".join(f"{value:9.4f}" for value in found), flush=True
    )
    return found


def fills(lama: Path | None) -> dict[str, Callable[[Pixels, NDArray[np.bool_]], Any]]:
    """Return the ways to fill holes by their names; SHIFTMAP is there where OpenCV has its contributed modules."""
    ways: dict[str, Callable[[Pixels, NDArray[np.bool_]], Any]] = {
        "texture": load_fill("texture"),
        "telea": lambda pixels, holes: cv2.inpaint(pixels, holes.astype(np.uint8), 5, cv2.INPAINT_TELEA),
        "ns": lambda pixels, holes: cv2.inpaint(pixels, holes.astype(np.uint8), 5, cv2.INPAINT_NS),
    }
    if lama is not None:
        ways["lama"] = load_fill(str(lama))
    xphoto: Any = getattr(cv2, "xphoto", None)

    def shiftmap(pixels: Pixels, holes: NDArray[np.bool_]) -> Any:
        small = cv2.resize(pixels, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        known = cv2.resize(holes.astype(np.float32), small.shape[1::-1], interpolation=cv2.INTER_AREA) == 0
        lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
        made = np.zeros_like(lab)
        xphoto.inpaint(lab, known.astype(np.uint8) * 255, made, xphoto.INPAINT_SHIFTMAP)
        whole = cv2.resize(cv2.cvtColor(made, cv2.COLOR_LAB2RGB), pixels.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        return np.where(holes[..., None], whole, pixels)

    return ways | ({"shiftmap": shiftmap} if xphoto is not None else {})


def plates(composer: Any, art: Path, seeds: Sequence[int], count: int) -> None:
    """Print how plates compare with the true backgrounds, figures being hidden by their true masks."""
    print(HEAD)
    rows = [score_plate(shot) for seed in seeds for shot in composed(composer, art, seed, MOVING, count)]
    summed_up(rows)


def own_plates(composer: Any, art: Path, seeds: Sequence[int], count: int) -> None:
    """Print the same with the masks that the embedded default finds, and with true ones, of one shot of each kind."""
    hidden = hiding(Settings())
    rows: dict[str, list[list[float]]] = {"true masks": [], "found masks": []}
    print(HEAD)
    for seed in seeds:
        for shot in (one for kind in MOVING for one in islice(composed(composer, art, seed, (kind,), count), 1)):
            masks = [hidden(pixels) for pixels in shot.frames]
            true = [mask.sum() for mask in shot.hidden]
            missed = [(mask & ~own).sum() for mask, own in zip(shot.hidden, masks, strict=True)]
            rows["true masks"].append(score_plate(shot))
            rows["found masks"].append(score_plate(replace(shot, name="  found masks"), masks))
            print(f"  of what hides the background the masks miss {sum(missed) / max(1, sum(true)):.1%}", flush=True)
    for name, each in rows.items():
        print(name, end=": ")
        summed_up(each)


def summed_up(rows: Sequence[Sequence[float]]) -> None:
    """Print the means of the shots that reveal any of their background."""
    revealed = [row for row in rows if row[0] > 0]
    means = np.mean(revealed, axis=0).round(4).tolist() if revealed else []
    print(f"{len(revealed)} of {len(rows)} shots reveal any; means of these: {means}", flush=True)


def invented(composer: Any, art: Path, seeds: Sequence[int], lama: Path | None, sheets: Path | None) -> None:
    """Print how long each way to fill the holes of still shots takes; sheets show what was invented."""
    took: dict[str, list[float]] = {}
    for seed in seeds:
        small: list[tuple[Pixels, str]] = []
        for shot in composed(composer, art, seed, STILL, 1):
            holes = grown(shot.hidden[0])
            given = np.where(holes[..., None], 0, shot.frames[0]).astype(np.uint8)
            small.append((cv2.resize(given, (480, 270), interpolation=cv2.INTER_AREA).astype(np.uint8), shot.name))
            for name, fill in fills(lama).items():
                began = time.process_time()
                made = np.asarray(fill(given, holes), np.uint8)
                took.setdefault(name, []).append(time.process_time() - began)
                small.append((cv2.resize(made, (480, 270), interpolation=cv2.INTER_AREA).astype(np.uint8), name))
        if sheets is not None and small:
            sheets.mkdir(parents=True, exist_ok=True)
            sheet = one_sheet(small, 1 + len(took), 480)
            atomic.write_whole(sheets / f"fills_{seed}.jpg", encode_frame(sheet, ".jpg", 88))
    for name, seconds in took.items():
        print(f"{name:10s} {np.mean(seconds):6.1f} s a frame, at most {max(seconds):.1f}, of {len(seconds)}")
