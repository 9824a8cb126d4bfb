"""Draw the characters of the demo show: curves, fills and whole figures in any size, turn and expression.

    from figures import CAST, Pen, Pose, draw_figure

Writes nothing: it paints into the frame of the pen. Lengths of a figure are in units of half a face width,
(0, 0) is the middle of the face and y points down. Outlines are texts of corners "x,y x,y ...".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Points = NDArray[np.float64]
Colour = tuple[int, int, int]

INK: Colour = (58, 40, 58)
WHITE: Colour = (255, 255, 255)
SKIN: Colour = (255, 230, 214)
SKIN_SHADE: Colour = (240, 190, 178)
BLUSH: Colour = (250, 150, 150)
FINE = 4  # bits of a pixel's fraction


@dataclass(frozen=True)
class Character:
    """How one character looks; the corners of the hair alternate between roots and tips."""

    name: str
    hair: Colour
    eyes: Colour
    coat: Colour
    collar: Colour
    tie: Colour
    fringe: str  # lower edge, right to left
    back: str  # right half from the top, or all of it where it ends as it begins
    tail: tuple[str, str] | None = None  # outer edge down, inner edge up, of the right one
    bow: bool = True
    shoulders: float = 1.0


@dataclass(frozen=True)
class Pose:
    """What a face does: eyes and mouth opened by 0..1, cheerful or not."""

    eyes: float = 1.0
    mouth: float = 0.0
    smile: bool = True


@dataclass(frozen=True)
class Pen:
    """Where and how units become pixels of `frame` (height x width x 3, RGB)."""

    frame: Frame
    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0  # pixels per unit
    turn: float = 0.0  # units by which the middle of a face is shifted
    tilt: float = 0.0  # radians about the neck


def corners(text: str) -> Points:
    """Return the corners written in a text, as points (n, 2)."""
    return np.array([pair.split(",") for pair in text.split()], np.float64)


def mirrored(points: Points) -> Points:
    """Return a whole outline from its right half."""
    return np.concatenate([points, points[::-1] * (-1, 1)])


def smooth(points: Points, closed: bool = True) -> Points:
    """Return a Catmull-Rom curve through points, nine points a section."""
    p = np.concatenate([points[-1:], points, points[:2]] if closed else [points[:1], points, points[-1:]])
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    t = np.linspace(0, 1, 9)[:, None, None]
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return np.asarray(curve.transpose(1, 0, 2).reshape(-1, 2), np.float64)


def bent(points: Points, bend: float = 0.1) -> Points:
    """Return a path with sharp corners whose sides bulge to the left by `bend` of their length."""
    a, b = points[:-1], points[1:]
    middle = (a + b) / 2 + bend * (b - a)[:, ::-1] * (1, -1)
    t = np.linspace(0, 1, 9)[:, None, None]
    curve = (1 - t) ** 2 * a + 2 * t * (1 - t) * middle + t**2 * b
    return np.asarray(curve.transpose(1, 0, 2).reshape(-1, 2), np.float64)


def oval(x: float, y: float, rx: float, ry: float, start: float = 0.0, end: float = 2 * np.pi) -> Points:
    """Return (an arc of) an ellipse as points (40, 2); angles in radians."""
    t = np.linspace(start, end, 40)
    return np.stack([x + rx * np.cos(t), y + ry * np.sin(t)], 1)


def mix(colour: Colour, other: Colour, share: float) -> Colour:
    """Return `colour` moved towards `other` by `share` (0..1)."""
    r, g, b = (round(c + (o - c) * share) for c, o in zip(colour, other, strict=True))
    return r, g, b


def pixels(pen: Pen, points: Points) -> NDArray[np.int32]:
    """Return points in units as fixed-point pixels, turned and tilted as the pen says."""
    x = points[:, 0] + pen.turn * np.maximum(1 - (points[:, 0] / 1.3) ** 2, 0)
    spin, neck = pen.scale * np.exp(1j * pen.tilt), complex(pen.x, pen.y + 1.3 * pen.scale)
    turned = (x + 1j * (points[:, 1] - 1.3)) * spin + neck
    return np.asarray(np.rint(turned * 2**FINE).view(np.float64).reshape(-1, 2), np.int32)


def stroke(pen: Pen, points: Points, width: float = 0.025, colour: Colour = INK, closed: bool = False) -> None:
    """Draw a line of a width in units along points."""
    thick = max(1, round(width * pen.scale))
    cv2.polylines(pen.frame, [pixels(pen, points)], closed, colour, thick, cv2.LINE_AA, FINE)


def fill(
    pen: Pen, points: Points, top: Colour, bottom: Colour | None = None, clip: Points | None = None, alpha: float = 1.0
) -> None:
    """Fill a shape with a colour or vertical gradient, within the shape `clip` only, at opacity `alpha`."""
    shapes = [pixels(pen, outline) for outline in (points, clip) if outline is not None]
    if bottom is None and clip is None and alpha == 1:
        cv2.fillPoly(pen.frame, shapes, top, cv2.LINE_AA, FINE)
        return
    low = np.clip(np.max([p.min(0) for p in shapes], 0) >> FINE, 0, pen.frame.shape[1::-1])
    high = np.clip((np.min([p.max(0) for p in shapes], 0) >> FINE) + 2, 0, pen.frame.shape[1::-1])
    width, height = high - low
    if width <= 0 or height <= 0:
        return
    cover = np.full((height, width, 3), round(255 * alpha), np.uint8)
    for shape in shapes:
        mask = np.zeros_like(cover)
        cv2.fillPoly(mask, [shape - (low << FINE)], WHITE, cv2.LINE_AA, FINE)
        cover = np.minimum(cover, mask)
    layer = cv2.resize(np.array([[top], [bottom or top]], np.uint8), (int(width), int(height)))
    part = pen.frame[low[1] : high[1], low[0] : high[0]]
    part[:] = cv2.add(cv2.multiply(part, 255 - cover, scale=1 / 255), cv2.multiply(layer, cover, scale=1 / 255))


def solid(pen: Pen, points: Points, top: Colour, bottom: Colour | None = None) -> None:
    """Fill a shape and draw its outline."""
    fill(pen, points, top, bottom)
    stroke(pen, points, closed=True)


def draw_tails(pen: Pen, who: Character, outer: Points, inner: Points) -> None:
    """Draw a tail of hair on both sides, each with its band."""
    for side in (1, -1):
        down, up = (smooth(edge * (side, 1), False) for edge in (outer, inner))
        solid(pen, np.concatenate([down, up]), who.hair, mix(who.hair, INK, 0.35))
        for share in (0.35, 0.7):
            stroke(pen, (down + (up[::-1] - down) * share)[8:-3], 0.018, mix(who.hair, INK, 0.5))
        solid(pen, oval(side * 1.22, -0.82, 0.17, 0.2), who.tie)


def draw_back_hair(pen: Pen, who: Character) -> None:
    """Draw the crown and what hangs behind the head, with one line around all of it."""
    if who.tail:
        draw_tails(pen, who, corners(who.tail[0]), corners(who.tail[1]))
    half = corners(who.back)
    back = bent(half if (half[0] == half[-1]).all() else mirrored(half))
    for shape in (back, CROWN):
        stroke(pen, shape, 0.06, closed=True)
    fill(pen, back, who.hair, mix(who.hair, INK, 0.25))
    fill(pen, oval(0, 0.75, 1.0, 1.5), mix(who.hair, INK, 0.4), clip=back)
    fill(pen, CROWN, who.hair)


def draw_body(pen: Pen, who: Character) -> None:
    """Draw neck, shoulders and clothes, down to the hips."""
    neck = smooth(mirrored(corners(".27,.8 .26,1.45 .5,1.75 .1,2.5")))
    solid(pen, neck, SKIN)
    fill(pen, oval(0, 1.0, 0.55, 0.6), SKIN_SHADE, clip=neck)
    half = smooth(corners(".3,1.6 .7,1.76 1.08,1.98 1.3,2.4 1.42,3.6 1.5,5.2 1.5,7.5") * (who.shoulders, 1), False)
    coat = np.concatenate([mirrored(half), [(0.0, 2.5)]])
    solid(pen, coat, who.coat, mix(who.coat, INK, 0.3))
    for side in (1, -1):
        arm = smooth(corners(".88,2.75 .95,3.3 .88,4.6 .92,6 .95,7.5") * (side * who.shoulders, 1), False)
        fill(pen, np.concatenate([arm, arm[::-1] - (side * 0.22, 0)]), mix(who.coat, INK, 0.25), clip=coat)
        stroke(pen, arm, colour=mix(who.coat, INK, 0.8))
    stroke(pen, corners("0,2.6 0,7.5"), colour=mix(who.coat, INK, 0.5))
    draw_collar(pen, who)


def draw_collar(pen: Pen, who: Character) -> None:
    """Draw the collar with its stripe, and a bow or a long tie."""
    flap = bent(corners(".28,1.48 .98,1.95 .66,2.55 0,2.62 .28,1.48"), 0.05)
    bow = bent(corners("0,2.6 .5,2.32 .55,2.88 0,2.6 .32,3.3 .05,3.2 0,2.6"), 0.08)
    tie = smooth(mirrored(corners("0,2.5 .13,2.6 .18,3.8 .03,4.2")))
    for side in (1, -1):
        solid(pen, flap * (side, 1), who.collar)
        stroke(pen, bent(corners(".86,1.98 .6,2.44 .12,2.5"), 0.05) * (side, 1), 0.035, mix(who.tie, who.collar, 0.3))
    for half in (bow, bow * (-1, 1)) if who.bow else (tie,):
        solid(pen, half, who.tie, mix(who.tie, INK, 0.3))
    solid(pen, oval(0, 2.6, 0.14, 0.14), who.tie)


def draw_eye(pen: Pen, who: Character, side: int, pose: Pose) -> None:
    """Draw one eye; `side` is 1 for the right half of the frame."""

    def curve(text: str, closed: bool = True, lid: float = 1.9 * pose.eyes - 0.9) -> Points:
        points = corners(text)
        points[:, 1] *= np.where(points[:, 1] < 0, lid, 1)
        return smooth(points * (side * 0.32, 0.37) + (side * 0.48, 0.24), closed)

    if pose.eyes < 0.5:
        low = 0.0 if pose.smile else 0.55
        stroke(pen, curve(f"-.9,.3 0,{low} .9,.25 1.15,.1", False), 0.07)
        return
    x, y, dark = side * 0.475, 0.26, mix(who.eyes, INK, 0.7)
    white = curve("-.85,.1 -.55,-.75 .1,-1 .8,-.7 .98,.05 .65,.85 0,.98 -.6,.8")
    fill(pen, white, (214, 210, 228), WHITE)
    fill(pen, oval(x, y, 0.24, 0.35), dark, clip=white)
    fill(pen, oval(x, y, 0.215, 0.325), dark, mix(who.eyes, WHITE, 0.15), white)
    fill(pen, oval(x, y + 0.17, 0.15, 0.12), who.eyes, mix(who.eyes, WHITE, 0.55), white)
    fill(pen, oval(x, y - 0.01, 0.09, 0.14), INK, dark, white)
    fill(pen, oval(x - 0.085, y - 0.14, 0.09, 0.1), WHITE, clip=white)
    fill(pen, oval(x + 0.1, y + 0.15, 0.042, 0.048), WHITE, clip=white)
    fill(pen, curve("-1,-.05 -.6,-.88 .1,-1.2 .9,-.85 1.3,0 1.02,-.1 .75,-.62 .1,-.9 -.55,-.66"), INK)
    stroke(pen, curve("-.3,1.02 .3,1.02 .75,.75", False))
    stroke(pen, curve("-.4,-1.32 .2,-1.5 .8,-1.25", False, 1.0), 0.02, mix(SKIN_SHADE, INK, 0.3))


def draw_mouth(pen: Pen, pose: Pose) -> None:
    """Draw nose and mouth."""
    stroke(pen, smooth(corners("0,.56 .035,.62 0,.64"), False), colour=mix(SKIN_SHADE, INK, 0.35))
    rim = 0.81 if pose.smile else 0.87
    if pose.mouth < 0.2:
        stroke(pen, smooth(corners(f"-.17,{rim} 0,.88 .17,{rim}"), False), 0.03)
        return
    wide, low = 0.1 + 0.08 * pose.mouth, 0.84 + 0.2 * pose.mouth
    lips = smooth(mirrored(np.array([(0.0, 0.84), (wide, rim), (0.7 * wide, low - 0.03), (0.0, low)])))
    solid(pen, lips, (170, 62, 72))
    fill(pen, oval(0, low, wide * 0.7, 0.07), (236, 128, 128), clip=lips)


def draw_fringe(pen: Pen, who: Character, front: Points) -> None:
    """Draw the hair before the face: its locks, gleam and strands."""
    fill(pen, front, who.hair, mix(who.hair, INK, 0.15))
    gleam = corners(
        "-1.05,-.62 -.6,-.92 0,-1 .6,-.92 1.05,-.62 .8,-.62 .62,-.5 .5,-.68 .25,-.58 .1,-.75 -.2,-.6"
        " -.3,-.72 -.6,-.5 -.75,-.66 -1.05,-.62"
    )
    fill(pen, bent(gleam, 0.06), mix(who.hair, WHITE, 0.5), mix(who.hair, WHITE, 0.25), front)
    for x, y in corners(who.fringe)[2:-2:2]:
        strand = np.array([(x, y), (0.92 * x, y - 0.3), (0.72 * x, y - 0.6)])
        stroke(pen, smooth(strand, False), 0.018, mix(who.hair, INK, 0.4))
    stroke(pen, front[40:], 0.03, mix(who.hair, INK, 0.85))


def draw_head(pen: Pen, who: Character, pose: Pose) -> None:
    """Draw face, eyes, mouth and the hair in front of them."""
    face = smooth(mirrored(corners(".55,-1.1 .95,-.6 1,0 .95,.4 .76,.8 .4,1.12 .08,1.25")))
    front = np.concatenate([oval(0, -0.2, 1.24, 1.38, np.pi, 2 * np.pi), bent(corners(who.fringe))])
    fill(pen, face, SKIN)
    fill(pen, front + (0.02, 0.12), SKIN_SHADE, clip=face)
    stroke(pen, face[22:-22], 0.03)
    for side in (1, -1):
        fill(pen, oval(side * 0.64, 0.72, 0.2, 0.1), BLUSH, clip=face, alpha=0.5)
        draw_eye(pen, who, side, pose)
    draw_mouth(pen, pose)
    draw_fringe(pen, who, front)
    inner = -0.32 if pose.smile else -0.23
    for side in (1, -1):
        brow = smooth(corners(f".25,{inner} .5,-.38 .75,-.29") * (side, 1), False)
        stroke(pen, brow, 0.035, mix(who.hair, INK, 0.65))


def draw_figure(pen: Pen, who: Character, pose: Pose) -> None:
    """Draw a character from the hair down to the hips."""
    draw_back_hair(pen, who)
    draw_body(replace(pen, turn=0.0, tilt=0.0), who)
    draw_head(pen, who, pose)


CROWN = oval(0, -0.2, 1.24, 1.38)
SORA = Character(
    "SoraMinato",
    (62, 116, 196),
    (226, 150, 40),
    (150, 112, 96),
    (248, 246, 242),
    (200, 60, 64),
    fringe="1.2,-.2 1.08,.75 .88,0 .7,.12 .5,-.4 .22,.12 .1,-.42 -.3,.05 -.42,-.4 -.72,.15 -.88,0 -1.08,.75 -1.2,-.2",
    back=".1,-1.5 .5,-1.85 .55,-1.45 1.05,-1.45 1,-1.05 1.5,-.5 1.22,-.5 1.55,.4 1.2,.15 1.3,.95 .98,.65 .8,1.2 0,.9"
    " -.8,1.2 -.98,.65 -1.35,.9 -1.2,.15 -1.55,.3 -1.22,-.5 -1.45,-.55 -1.1,-.95 -1.25,-1.3 -.7,-1.3 -.45,-1.7"
    " -.2,-1.5 0,-1.95 .1,-1.5",
    bow=False,
    shoulders=1.08,
)
YUKI = Character(
    "YukiHanabusa",
    (214, 208, 236),
    (136, 84, 204),
    (92, 108, 176),
    (250, 250, 255),
    (226, 120, 160),
    fringe="1.2,-.2 1.22,1 1,2.3 .84,.9 .86,-.1 .58,.08 .5,-.15 .22,.1 .12,-.15 -.2,.1 -.3,-.15 -.6,.08 -.86,-.1"
    " -.84,.9 -1,2.3 -1.22,1 -1.2,-.2",
    back="0,-1.2 1.24,-.3 1.45,1.8 1.7,3.7 1.3,3.4 1.1,3.9 .6,3.5",
)
AKANE = Character(
    "AkaneKurosawa",
    (206, 58, 60),
    (52, 160, 96),
    (246, 240, 230),
    (150, 44, 60),
    (250, 196, 70),
    fringe="1.2,-.2 1.05,1.1 .86,0 .7,.1 .3,-.75 .2,.1 -.1,-.3 -.45,.12 -.5,-.25 -.8,.15 -.88,0 -1.05,1.1 -1.2,-.2",
    back="0,-1.2 1.2,-.3 .98,.5",
    tail=("1.15,-.85 1.65,-1.1 2.05,-.5 2.15,.6 2,1.7 2.2,2.8", "2.2,2.8 1.6,2.1 1.42,1.1 1.5,.1 1.38,-.55 1.15,-.85"),
)
MIO = Character(
    "MioTachibana",
    (232, 190, 96),
    (120, 80, 56),
    (96, 128, 96),
    (240, 240, 230),
    (70, 90, 70),
    fringe="1.2,-.2 1.15,1 .85,.1 .6,-.1 -.4,-.8 -.45,-.2 -.88,.1 -1.15,1 -1.2,-.2",
    back="0,-1.2 1.24,-.3 1.4,1.25 .6,1.35",
)
CAST = (SORA, YUKI, AKANE, MIO)
