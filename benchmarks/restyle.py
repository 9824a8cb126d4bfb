"""Redraw cut-out heads as other hands, lights and turns would: a hard test of names from few drawings.

    python -m benchmarks.restyle --src_dir CUTOUTS --backgrounds IMAGES --dst_dir hard [--count 14] [--seed 0]

CUTOUTS holds a folder of pictures with a transparent ground per character, the head of each filling most of it, and
beside each X.png an X.json with the box of the face in pixels, [left, top, right, bottom]. `cut_out` makes them of
whole figures:

    python -m benchmarks.restyle --figures FOLDER_PER_CHARACTER --dst_dir CUTOUTS

Each picture of `hard` is one cut-out turned, mirrored, foreshortened as a half profile is, coloured and lit otherwise,
partly hidden, redrawn (posterised, flattened, blurred, outlined, pencilled, compressed), and set on another ground, the
box placed as loosely as detectors do, in X.faces.json; with --whole it takes in as much around the head as crops by
hand do. `python -m benchmarks.bench_characters --data hard` then names them.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framekit.boxes import Seen, face_at
from framekit.faces import detect, filter
from framekit.faces.models import EMBEDDED
from framekit.pixels.decode import Pixels
from framekit.sidecars.faces import faces_record, write_faces

Colours = NDArray[np.float32]  # (H, W, 3), 0 to 1
SIDE = 320  # px of a picture
FIGURE, EDGE, CUTOUT = 700, 100, 384  # px: of a figure that is searched for its face, around it, of its head


def turned(cutout: Pixels, box: Sequence[float], numbers: np.random.Generator) -> tuple[Pixels, list[float]]:
    """Return a cut-out (H, W, 4) turned, foreshortened and scaled into a square, and where its face lies then."""
    import cv2

    left, top, right, bottom = box
    middle, size = ((left + right) / 2, (top + bottom) / 2), max(right - left, bottom - top)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    shrink, slant = numbers.uniform(0.65, 1.0), numbers.uniform(-0.2, 0.2)
    seen = corners * [shrink, 1.0]
    seen[:, 1] *= 1 + slant * corners[:, 0]
    angle = np.radians(numbers.normal(0, 16))
    seen = seen @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    if numbers.random() < 0.5:
        seen = seen * [-1, 1]
    scale = numbers.uniform(0.17, 0.24) * SIDE
    place = SIDE / 2 + numbers.uniform(-0.06, 0.06, 2) * SIDE
    source = (corners * size / 2 + middle).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(source, (seen * scale + place).astype(np.float32))
    moved = cv2.warpPerspective(cutout, matrix, (SIDE, SIDE), flags=cv2.INTER_AREA, borderValue=(0, 0, 0, 0))
    mapped = cv2.perspectiveTransform(np.array([[[left, top], [right, top], [right, bottom], [left, bottom]]]), matrix)
    low, high = mapped[0].min(axis=0), mapped[0].max(axis=0)
    return np.asarray(moved), [*low.tolist(), *high.tolist()]


def reshaped(cutout: Pixels, numbers: np.random.Generator) -> Pixels:
    """Return a cut-out with its lines moved smoothly, as no two hands draw the same proportions."""
    import cv2

    height, width = cutout.shape[:2]
    coarse = numbers.normal(0, 0.025 * width, (5, 5, 2)).astype(np.float32)
    moves = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    down, across = np.mgrid[:height, :width].astype(np.float32)
    return np.asarray(cv2.remap(cutout, across + moves[..., 0], down + moves[..., 1], cv2.INTER_LINEAR))


def recoloured(image: Colours, numbers: np.random.Generator) -> Colours:
    """Return a drawing in the colours that another artist might choose for the same person."""
    import cv2

    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + numbers.normal(0, 4)) % 360
    hsv[..., 1] = np.clip(hsv[..., 1] * numbers.uniform(0.75, 1.25), 0, 1)
    hsv[..., 2] = np.clip(hsv[..., 2], 0, 1) ** numbers.uniform(0.8, 1.3)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.float32)


def lit(image: Colours, numbers: np.random.Generator) -> Colours:
    """Return a picture in another light, stronger on one side; one in ten at night, at sunset, or without colour."""
    gains = numbers.uniform(0.88, 1.1, 3)
    kind = numbers.random()
    if kind < 0.04:
        gains = np.array([0.5, 0.6, 0.95])
    elif kind < 0.08:
        gains = np.array([1.1, 0.75, 0.55])
    elif kind < 0.1:
        image = image.mean(axis=-1, keepdims=True) * 0.8 + image * 0.2
    slope = np.linspace(-1, 1, image.shape[1])[None, :, None] * numbers.uniform(-0.2, 0.2)
    return np.asarray(np.clip(image * gains * (1 + slope), 0, 1), np.float32)


def posterised(image: Colours, numbers: np.random.Generator) -> Colours:
    """Return a picture with a few levels of each colour."""
    levels = numbers.integers(3, 7)
    return np.asarray(np.round(image * levels) / levels, np.float32)


def flattened(image: Colours, numbers: np.random.Generator) -> Colours:
    """Return a picture without its shading."""
    import cv2

    return np.asarray(cv2.medianBlur((image * 255).astype(np.uint8), int(numbers.choice([7, 11]))) / 255, np.float32)


def outlined(image: Colours, numbers: np.random.Generator) -> Colours:
    """Return a picture with thick dark lines."""
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    lines = cv2.dilate(np.abs(cv2.Laplacian(grey, cv2.CV_32F, ksize=3)), np.ones((3, 3))) * numbers.uniform(0.6, 1.6)
    return np.asarray(image * (1 - np.clip(lines, 0, 0.9))[..., None], np.float32)


def pencilled(image: Colours, numbers: np.random.Generator) -> Colours:
    """Return a pale drawing by coloured pencils."""
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    lines = np.clip(grey / np.maximum(cv2.GaussianBlur(grey, (0, 0), 6), 0.02), 0, 1)[..., None]
    share = numbers.uniform(0.5, 0.8)
    return np.asarray(np.clip((1 - share + share * image) * lines, 0, 1), np.float32)


def blurred(image: Colours, numbers: np.random.Generator) -> Colours:
    """Return a picture out of focus, or enlarged from a small one."""
    import cv2

    side = int(numbers.integers(48, 110))
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_CUBIC), 0, 1), np.float32)


def compressed(image: Colours, numbers: np.random.Generator) -> Colours:
    """Return a picture after strong JPEG compression."""
    import cv2

    quality = [cv2.IMWRITE_JPEG_QUALITY, int(numbers.integers(12, 40))]
    held = cv2.imencode(".jpg", (image * 255).astype(np.uint8), quality)[1]
    decoded = np.asarray(cv2.imdecode(held, cv2.IMREAD_COLOR), np.float32)
    return np.asarray(decoded / 255, np.float32)


REDRAWN: tuple[Callable[[Colours, np.random.Generator], Colours], ...] = (
    posterised,
    flattened,
    outlined,
    pencilled,
    blurred,
    compressed,
)


def hide(image: Colours, box: Sequence[float], numbers: np.random.Generator) -> None:
    """Lay a hat, a ribbon, a hand or somebody's shoulder over a part of a head."""
    import cv2

    left, top, right, bottom = box
    size, middle = right - left, (left + right) / 2
    colour = numbers.uniform(0, 1, 3).tolist()
    if numbers.random() < 0.4:  # a hat
        centre = round(middle), round(top - size * numbers.uniform(0.15, 0.45))
        axes = round(size * numbers.uniform(0.5, 0.85)), round(size * numbers.uniform(0.2, 0.4))
    else:
        centre = (
            round(middle + size * numbers.choice([-1, 1]) * numbers.uniform(0.4, 0.9)),
            round(numbers.uniform(top - size * 0.4, bottom + size * 0.3)),
        )
        axes = round(size * numbers.uniform(0.15, 0.4)), round(size * numbers.uniform(0.2, 0.5))
    cv2.ellipse(image, centre, axes, float(numbers.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)


def ground(backgrounds: Sequence[Pixels], numbers: np.random.Generator) -> Colours:
    """Return a ground: white, plain, shaded, or part of a painted one."""
    kind = numbers.random()
    if kind < 0.25 or not backgrounds:
        return np.full((SIDE, SIDE, 3), numbers.uniform(0.8, 1.0), np.float32)
    if kind < 0.55:
        one, other = numbers.uniform(0, 1, (2, 3))
        down = np.linspace(0, 1, SIDE)[:, None, None]
        return np.asarray(np.tile(one * (1 - down) + other * down, (1, SIDE, 1)), np.float32)
    whole = backgrounds[int(numbers.integers(len(backgrounds)))]
    x, y = numbers.integers(whole.shape[1] - SIDE), numbers.integers(whole.shape[0] - SIDE)
    return np.asarray(whole[y : y + SIDE, x : x + SIDE] / np.float32(255), np.float32)


def redraw(
    cutout: Pixels, box: Sequence[float], backgrounds: Sequence[Pixels], whole: bool, numbers: np.random.Generator
) -> tuple[Pixels, list[float]]:
    """Return a picture (SIDE, SIDE, 3) of a cut-out as another hand would draw it, and a loosely placed box."""
    moved, place = turned(reshaped(cutout, numbers), box, numbers)
    alpha = moved[..., 3:] / np.float32(255)
    image = recoloured(np.asarray(moved[..., :3] / 255, np.float32), numbers) * alpha
    image = image + ground(backgrounds, numbers) * (1 - alpha)
    if numbers.random() < 0.25:
        hide(image, place, numbers)
    image = lit(image, numbers)
    for change in numbers.permutation(np.array(REDRAWN, object))[: numbers.integers(0, 2)]:
        image = change(image, numbers)
    left, top, right, bottom = place
    size = max(right - left, bottom - top) * (numbers.uniform(0.9, 1.35) if whole else numbers.uniform(0.88, 1.18))
    spread = (0.12 if whole else 0.06) * size
    x = (left + right) / 2 + numbers.normal(0, spread)
    y = (top + bottom) / 2 + numbers.normal(0, spread)
    edges = np.clip([x - size / 2, y - size / 2, x + size / 2, y + size / 2], 0, SIDE) / SIDE
    return np.asarray(np.clip(image, 0, 1) * 255, np.uint8), edges.tolist()


def cut_out(picture: Any, find: Callable[[Pixels], Sequence[Any]]) -> tuple[Any, list[float]] | None:
    """Return the head of a figure with a transparent ground, a Pillow image, and the box of its face in pixels.

    None where `find` sees no face on it.
    """
    from PIL import Image

    bounds = picture.getbbox()
    if bounds is None:
        return None
    left, top, right, bottom = bounds
    figure = picture.crop((left, top, right, min(bottom, top + max(right - left, (bottom - top) // 2))))
    share = FIGURE / max(figure.size)
    figure = figure.resize((max(1, round(figure.width * share)), max(1, round(figure.height * share))))
    whole = Image.new("RGBA", (figure.width + 2 * EDGE, figure.height + 2 * EDGE))
    whole.paste(figure, (EDGE, EDGE))
    ground = Image.new("RGBA", whole.size, "white")
    ground.alpha_composite(whole)
    faces = find(np.asarray(ground.convert("RGB")))
    if not faces:
        return None
    box = np.array(faces[0].box) * [*whole.size, *whole.size]
    reach = 1.9 * max(box[2] - box[0], box[3] - box[1])
    corner = np.round((box[:2] + box[2:]) / 2 - [reach, 1.1 * reach]).astype(int)
    size = round(2 * reach), round(2.1 * reach)
    head = whole.crop((*corner.tolist(), *(corner + size).tolist()))
    share = CUTOUT / head.width
    head = head.resize((CUTOUT, round(head.height * share)))
    return head, ((box - [*corner, *corner]) * share).tolist()


def cut_out_all(figures: Path, dst_dir: Path) -> None:
    """Write the head of each figure below a folder per character."""
    from PIL import Image

    detector = detect.load_detector(EMBEDDED, detect.Settings())
    for path in sorted(figures.glob("*/*")):
        if path.suffix not in (".png", ".webp"):
            continue
        with Image.open(path) as picture:
            found = cut_out(picture.convert("RGBA"), lambda pixels: filter.reference_faces(detector, pixels))
        if found is None:
            print(f"no face on {path}")
            continue
        target = dst_dir / path.parent.name / f"{path.stem}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        found[0].save(target)
        target.with_suffix(".json").write_text(json.dumps(found[1]), encoding="utf-8")


def redraw_all(args: argparse.Namespace) -> None:
    """Write `count` pictures of each character, in turns of its cut-outs."""
    from PIL import Image

    numbers = np.random.default_rng(args.seed)
    backgrounds = [np.asarray(Image.open(path).convert("RGB")) for path in args.backgrounds or []]
    for folder in sorted(path for path in args.src_dir.iterdir() if path.is_dir()):
        cutouts = sorted(folder.glob("*.png"))
        for number in range(args.count if cutouts else 0):
            path = cutouts[number % len(cutouts)]
            cutout = np.asarray(Image.open(path).convert("RGBA"))
            box = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            pixels, place = redraw(cutout, box, backgrounds, args.whole, numbers)
            target = args.dst_dir / folder.name / f"{number:03}_{path.stem}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(target)
            made = {"model": "drawn", "threshold": 0.0}
            seen = Seen([face_at(place[0], place[1], place[2], place[3], 1.0)], [], [])
            write_faces(target, faces_record(made, seen), overwrite=True)


def main() -> None:
    """Run the command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--figures", type=Path)
    options.add_argument("--src_dir", type=Path)
    options.add_argument("--backgrounds", type=Path, nargs="+")
    options.add_argument("--dst_dir", type=Path, required=True)
    options.add_argument("--count", type=int, default=14)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--whole", action="store_true")
    args = options.parse_args()
    if args.figures:
        cut_out_all(args.figures, args.dst_dir)
    else:
        redraw_all(args)


if __name__ == "__main__":
    main()
