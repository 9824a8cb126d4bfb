"""Draw a short show of our own: two episodes and the reference frames of three characters.

    python demo/draw_show.py --dst_dir demo/out

Writes <dst_dir>/videos/demo_show_01.mp4 and demo_show_02.mp4 (1280x720, 24 frames/s) and
<dst_dir>/references/<CharacterName>/1.png to 4.png (720x720); all of half that size with --height 360.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
from figures import CAST, Character, Colour, Frame, Pen, Points, Pose, corners, draw_figure, fill, oval, smooth, stroke
from PIL import Image, ImageDraw, ImageFont

SORA, YUKI, AKANE, MIO = CAST
WIDTH, HEIGHT, FPS = 640, 360, 24
PLACE_WIDTH = 960  # a place is wider than the frame, for pans
FINER = 2  # all is drawn this many times larger: the size of a large show; a small one is reduced
HEIGHTS = (HEIGHT * FINER, HEIGHT)  # px of the frames of a large and a small show
LIPS = (0.5, 1.0, 0.5, 0.0, 1.0, 0.5, 0.0)  # the talking mouth, drawing by drawing
WHITE: Colour = (255, 255, 255)
Painter = Callable[[Pen], None]


@dataclass(frozen=True)
class Role:
    """One character in a shot; the middle of the face and half its width are in pixels of the frame."""

    who: Character
    x: float
    y: float
    scale: float
    turn: float = 0.0
    tilt: float = 0.0
    talks: bool = False
    smile: bool = True
    blink: int = 4  # the drawing at which a blink begins
    step: float = 0.0  # pixels from drawing to drawing


@dataclass(frozen=True)
class Shot:
    """One shot: where, how many frames it lasts, how many a drawing is held, who plays."""

    place: Painter
    frames: int
    hold: int
    roles: tuple[Role, ...] = ()
    left: float = 0.0  # where in the place the view begins, in pixels
    zoom: float = 1.0
    pan: float = 0.0  # pixels per frame
    title: str = ""


def box(x0: float, y0: float, x1: float, y1: float) -> Points:
    """Return a rectangle as points (4, 2)."""
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def draw_clouds(pen: Pen, places: str, size: float, colour: Colour = WHITE) -> None:
    """Draw clouds of one size at the places "x,y ..."."""
    for x, y in corners(places):
        for dx, dy, r in size * corners("-1.3,.12,.7 1.2,.14,.65 -.5,-.3,.9 .5,-.2,.8 0,.2,1.1"):
            fill(pen, oval(x + dx, y + dy, r, r / 2), colour)


def draw_houses(pen: Pen, seed: int, ground: float, colour: Colour, lit: float) -> None:
    """Draw a row of houses down to `ground`, with a share `lit` of their windows lit."""
    rng = np.random.default_rng(seed)
    for x in range(-10, PLACE_WIDTH, 58):
        floors = int(rng.integers(2, 8))
        fill(pen, box(x, ground - 17 * floors - 12, x + 54, ground), colour)
        for column, floor in np.argwhere(rng.random((3, floors)) < lit):
            fill(pen, box(8, -19, 16, -10) + (x + 14 * column, ground - 17 * floor), (255, 216, 130))


def paint_sky(pen: Pen) -> None:
    """Paint a summer sky."""
    fill(pen, box(0, 0, PLACE_WIDTH, HEIGHT), (70, 140, 224), (206, 238, 255))
    draw_clouds(pen, "110,90 520,70 300,215 900,60", 38)
    draw_clouds(pen, "760,170 60,330 330,350 600,340 860,345", 80)


def paint_classroom(pen: Pen) -> None:
    """Paint a classroom with windows and a board."""
    fill(pen, box(0, 0, PLACE_WIDTH, 250), (246, 232, 206), (236, 214, 184))
    fill(pen, box(0, 243, PLACE_WIDTH, 252), (150, 112, 90))
    fill(pen, box(0, 252, PLACE_WIDTH, HEIGHT), (206, 160, 116), (168, 122, 92))
    for x in range(20, 600, 150):
        pane = box(x, 30, x + 132, 200)
        fill(pen, pane, (120, 186, 240), (222, 244, 255))
        draw_clouds(pen, f"{x + 45},95", 22)
        fill(pen, smooth(corners("0,170 40,158 90,172 132,156 132,210 0,210") + (x, 0)), (92, 162, 92), clip=pane)
        for edge in (pane, box(x + 66, 30, x + 66, 200), box(x, 90, x + 132, 90)):
            stroke(pen, edge, 4, (250, 248, 240), closed=True)
        fill(pen, corners("20,203 120,203 190,360 60,360") + (x, 0), (255, 250, 220), alpha=0.3)
    fill(pen, box(640, 50, 940, 190), (150, 104, 76))
    fill(pen, box(648, 58, 932, 182), (58, 112, 92), (44, 92, 78))


def paint_park(pen: Pen) -> None:
    """Paint a park with hills, trees and a path."""
    fill(pen, box(0, 0, PLACE_WIDTH, 250), (104, 178, 240), (226, 246, 252))
    draw_clouds(pen, "120,60 420,90 700,50 900,110", 34)
    fill(pen, smooth(corners("-9,190 120,160 260,196 420,166 560,200 720,170 900,190 990,300 -9,300")), (146, 196, 190))
    fill(pen, box(0, 232, PLACE_WIDTH, HEIGHT), (150, 206, 110), (92, 166, 84))
    fill(pen, smooth(corners("380,232 400,232 470,290 700,370 250,370 400,290")), (240, 222, 184), (222, 196, 150))
    for x, y, size in corners("300,249,56 520,250,60 190,256,80 640,259,90 930,257,84 40,265,110 800,268,120"):
        fill(pen, oval(x, y, size * 0.7, size * 0.1), (60, 70, 100), alpha=0.35)
        fill(pen, box(x - size * 0.09, y - size, x + size * 0.09, y), (134, 98, 78), (96, 70, 66))
        for dx, dy, r, light in corners("0,-1.1,.62,0 -.35,-1.3,.45,10 .38,-1.35,.42,6 -.05,-1.65,.5,24"):
            leaves = oval(x + dx * size, y + dy * size, r * size, r * size * 0.85)
            fill(pen, leaves, (92 + int(light), 162 + int(light), 92), (64, 134, 94))


def paint_street(pen: Pen) -> None:
    """Paint a street at sunset."""
    fill(pen, box(0, 0, PLACE_WIDTH, 280), (108, 96, 170), (255, 176, 110))
    for r, alpha in corners("150,.2 110,.2 76,.2 50,1"):
        fill(pen, oval(560, 190, r, r), (255, 226, 160), alpha=alpha)
    draw_clouds(pen, "130,70 400,110 760,80", 42, (255, 190, 160))
    draw_houses(pen, 1, 240, (180, 116, 144), 0.0)
    draw_houses(pen, 2, 264, (110, 78, 116), 0.3)
    fill(pen, box(0, 262, PLACE_WIDTH, 300), (150, 110, 120), (126, 92, 110))
    fill(pen, box(0, 300, PLACE_WIDTH, HEIGHT), (96, 76, 100), (72, 58, 84))
    for x in range(0, PLACE_WIDTH, 80):
        fill(pen, box(x, 326, x + 44, 331), (236, 214, 190))
    for x in range(90, PLACE_WIDTH + 240, 240):
        fill(pen, box(x, 60, x + 7, 300), (70, 50, 78))
        fill(pen, box(x - 22, 78, x + 29, 83), (70, 50, 78))
        stroke(pen, smooth(corners("-240,80 -120,102 0,80"), False) + (x, 0), 1, (70, 50, 78))


def paint_bridge(pen: Pen) -> None:
    """Paint a bridge over a river at night."""
    fill(pen, box(0, 0, PLACE_WIDTH, 220), (22, 28, 70), (84, 84, 150))
    rng = np.random.default_rng(5)
    for x, y in rng.uniform((0, 0), (PLACE_WIDTH, 150), (120, 2)):
        fill(pen, oval(x, y, 1, 1), WHITE, alpha=0.8)
    for r, alpha in corners("84,.12 62,.15 46,.2 34,1"):
        fill(pen, oval(480, 70, r, r), (255, 252, 226), alpha=alpha)
    draw_houses(pen, 6, 221, (40, 40, 90), 0.4)
    fill(pen, box(0, 220, PLACE_WIDTH, HEIGHT), (52, 58, 118), (26, 30, 76))
    for x, y in rng.uniform((0, 232), (PLACE_WIDTH, 282), (130, 2)):
        fill(pen, box(x, 223, x + 4, y), (255, 210, 140), alpha=0.3)
    for x in (150, 790):
        fill(pen, box(x, 20, x + 26, 300), (110, 96, 140), (80, 72, 120))
    cable = corners("-200,200 -40,200 163,36 163,36 320,220 483,258 646,220 803,36 803,36 1000,200 1100,200")
    stroke(pen, smooth(cable, False), 4, (150, 134, 176))
    for x in range(6, PLACE_WIDTH, 24):
        fill(pen, box(x, 268, x + 4, 330), (112, 104, 156))
    fill(pen, box(0, 262, PLACE_WIDTH, 270), (158, 148, 196), (112, 104, 156))
    fill(pen, box(0, 326, PLACE_WIDTH, HEIGHT), (98, 90, 138), (70, 64, 108))


def paint_plain(pen: Pen) -> None:
    """Paint four plain grounds side by side."""
    for x, r, g, b in corners("0,226,234,242 240,250,230,222 480,222,240,226 720,240,234,250"):
        fill(pen, box(x, 0, x + 240, HEIGHT), (int(r), int(g), int(b)))


LIGHT: dict[Painter, tuple[float, ...]] = {paint_street: (1.0, 0.93, 0.88), paint_bridge: (0.94, 0.92, 1.0)}


@cache
def place_frame(place: Painter) -> Frame:
    """Paint a whole place (720 x 1920 x 3, RGB)."""
    frame = np.zeros((HEIGHT * FINER, PLACE_WIDTH * FINER, 3), np.uint8)
    place(Pen(frame, scale=FINER))
    return np.asarray(frame, np.uint8)


@cache
def view(place: Painter, left: float, zoom: float) -> Frame:
    """Return what the camera sees of a place (720 x 1280 x 3, RGB), softer when it is near."""
    width, height, x = round(WIDTH * FINER / zoom), round(HEIGHT * FINER / zoom), round(left * FINER)
    y = (HEIGHT * FINER - height) // 2
    part = place_frame(place)[y : y + height, x : x + width]
    if zoom == 1:
        return part
    near = cv2.resize(part, (WIDTH * FINER, HEIGHT * FINER))
    return np.asarray(cv2.GaussianBlur(near, (0, 0), 5 * (zoom - 0.8)), np.uint8)


def draw_title(frame: Frame, title: str) -> None:
    """Write the title across the upper part of the frame."""
    card = Image.fromarray(frame)
    font = ImageFont.load_default(min(150, 1900 // max(1, len(title))))
    for width, colour in ((22, (255, 255, 255)), (12, (226, 92, 120)), (0, (255, 250, 236))):
        ImageDraw.Draw(card).text((WIDTH, 140), title, colour, font, "mm", stroke_width=width)
    frame[:] = np.asarray(card)


@cache
def compose(shot: Shot, left: float, acting: tuple[tuple[Role, Pose], ...]) -> Frame:
    """Draw one frame (720 x 1280 x 3, RGB)."""
    frame = view(shot.place, left, shot.zoom).copy()
    for role, pose in acting:
        pen = Pen(frame, role.x * FINER, role.y * FINER, role.scale * FINER, role.turn, role.tilt)
        draw_figure(pen, role.who, pose)
    if shot.title:
        draw_title(frame, shot.title)
    return np.asarray(frame, np.uint8)


def finish(frame: Frame, place: Painter, height: int) -> Frame:
    """Return a frame in the light of its place, `height` pixels high."""
    if height != len(frame):
        frame = np.asarray(cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
    if place not in LIGHT:
        return np.asarray(frame, np.uint8)
    return np.asarray(cv2.transform(frame, np.diag(LIGHT[place])), np.uint8)


def act(role: Role, drawing: int) -> tuple[Role, Pose]:
    """Return where a character is and what its face does in a drawing of the shot."""
    eyes = {0: 0.7, 1: 0.0}.get(drawing - role.blink, 1.0)
    mouth = LIPS[drawing % len(LIPS)] if role.talks else 0.0
    return replace(role, x=role.x + role.step * drawing), Pose(eyes, mouth, role.smile)


def shot_frames(shot: Shot, height: int = HEIGHT) -> Iterator[Frame]:
    """Yield the frames of a shot, `height` pixels high; a drawing is held for `shot.hold` frames."""
    for number in range(shot.frames):
        acting = tuple(act(role, number // shot.hold) for role in shot.roles)
        yield finish(compose(shot, shot.left + shot.pan * number, acting), shot.place, height)


def episodes(title: str) -> list[list[Shot]]:
    """Return the shots of the two episodes, which share their opening."""
    heroes = (Role(YUKI, 150, 258, 54, 0.1), Role(AKANE, 490, 258, 54, -0.1), Role(SORA, 320, 262, 60, blink=20))
    opening = [
        Shot(paint_sky, 18, 3, (Role(SORA, 260, 190, 92, 0.12, 0.05, blink=1),), 300),
        Shot(paint_sky, 30, 3, heroes, 40, title=title),
    ]
    asks, answers = Role(SORA, 205, 200, 62, 0.12), Role(YUKI, 440, 204, 60, -0.12, blink=7)
    picnic = (Role(YUKI, 190, 204, 30, 0.08), Role(AKANE, 320, 208, 30, talks=True, blink=9), Role(SORA, 450, 200, 31))
    meeting = (Role(MIO, 230, 186, 58, 0.1, talks=True), Role(AKANE, 450, 190, 58, -0.12, blink=2))
    moon = (Role(AKANE, 215, 210, 44, 0.1), Role(SORA, 420, 204, 45, -0.1, talks=True, blink=8))
    near = Shot(paint_bridge, 21, 3, (Role(AKANE, 330, 190, 88, 0.08, -0.04, talks=True),), 260, 1.5)
    walk = (Role(SORA, 140, 214, 48), Role(AKANE, 500, 216, 48, -0.1, talks=True), Role(YUKI, 320, 208, 48, blink=2))
    first = [
        Shot(paint_park, 40, 1, (), 20, pan=2),
        Shot(paint_classroom, 26, 2, (replace(asks, talks=True), answers), 60, 1.2),
        Shot(paint_classroom, 24, 3, (Role(YUKI, 350, 185, 96, -0.1, 0.03, talks=True),), 420, 1.6),
        Shot(paint_classroom, 20, 2, (Role(SORA, 290, 190, 98, 0.1, smile=False),), 120, 1.6),
        Shot(paint_classroom, 22, 2, (asks, replace(answers, talks=True)), 60, 1.2),
        Shot(paint_park, 26, 2, picnic, 160),
        Shot(paint_park, 18, 3, (Role(AKANE, 320, 170, 66, 0.05, talks=True, blink=3),), 380, 1.3),
        Shot(paint_park, 18, 2, meeting, 250, 1.2),
    ]
    second = [
        Shot(paint_bridge, 26, 2, moon, 160),
        near,
        Shot(paint_bridge, 20, 2, (Role(SORA, 330, 186, 96, -0.08, 0.04, blink=3),), 380, 1.6),
        near,
        Shot(paint_street, 40, 1, (), 250, pan=-2),
        Shot(paint_street, 20, 2, (Role(YUKI, 200, 190, 60, 0.08, talks=True, step=4),), 100, 1.2),
        Shot(paint_street, 16, 2, (Role(MIO, 330, 186, 84, -0.06),), 420, 1.4),
        Shot(paint_street, 24, 3, walk, 200, 1.1),
    ]
    return [opening + first, opening + second]


def write_video(path: Path, frames: Iterable[Frame]) -> None:
    """Encode frames of one size (RGB) as H.264, with one thread so that the bytes are always the same."""
    coming = iter(frames)
    first = next(coming)
    size = f"{first.shape[1]}x{first.shape[0]}"
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(FPS), "-i", "-"]
    codec = ["-c:v", "libx264", "-preset", "superfast", "-crf", "16", "-pix_fmt", "yuv420p", "-threads", "1"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *source, *codec, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        if encoder.stdin is None:
            raise RuntimeError("ffmpeg has no input")
        for frame in chain([first], coming):
            encoder.stdin.write(frame.tobytes())
        encoder.stdin.close()
    if encoder.returncode:
        raise subprocess.CalledProcessError(encoder.returncode, command)


def reference_frames(who: Character, height: int = HEIGHT) -> list[Frame]:
    """Return four square frames (RGB) of a character before plain grounds; the third is mirrored."""
    takes = (
        Role(who, 320, 178, 80),
        Role(who, 316, 186, 98, 0.08, 0.04, talks=True),
        Role(who, 324, 150, 58, 0.12, -0.04, smile=False),
        Role(who, 320, 170, 70, -0.1, blink=0, talks=True),
    )
    shots = [Shot(paint_plain, 1, 1, (role,), 230.0 * n, 2.5) for n, role in enumerate(takes)]
    left = 140 * height // HEIGHT
    frames = [next(shot_frames(shot, height))[:, left : left + height] for shot in shots]
    return [frame[:, :: -1 if n == 2 else 1] for n, frame in enumerate(frames)]


def main(argv: Sequence[str] | None = None) -> int:
    """Draw and write everything."""
    parser = argparse.ArgumentParser(description="Draw the demo show: two episodes and reference frames.")
    parser.add_argument("--dst_dir", type=Path, required=True, help="folder to write to")
    parser.add_argument("--title", default="Demo Show", help="the text on the title card")
    parser.add_argument("--height", type=int, choices=HEIGHTS, default=HEIGHTS[0], help="of the frames, in pixels")
    args = parser.parse_args(argv)
    videos = args.dst_dir / "videos"
    videos.mkdir(parents=True, exist_ok=True)
    for number, shots in enumerate(episodes(args.title), 1):
        write_video(
            videos / f"demo_show_{number:02}.mp4", (frame for shot in shots for frame in shot_frames(shot, args.height))
        )
    for who in CAST[:3]:
        folder = args.dst_dir / "references" / who.name
        folder.mkdir(parents=True, exist_ok=True)
        for number, frame in enumerate(reference_frames(who, args.height), 1):
            Image.fromarray(frame).save(folder / f"{number}.png")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
