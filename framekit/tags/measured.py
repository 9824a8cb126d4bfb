"""Tags that are measured without a model: colours of hair and eyes, shot size, light, bars."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from framekit.boxes import Face
from framekit.pixels.decode import Pixels, shrink
from framekit.pixels.measure import measure
from framekit.tags.vocabulary import NO_HUMANS

MEASURE_SIZE = 640  # px, longer side of the frame that everything is measured on; chosen, as for animeface
# Regions as fractions of a face box (left, top, right, bottom): the fringe below a hat, the two eyes, and the skin
# below them. Chosen for boxes as animeface draws them.
FRINGE = (0.15, -0.15, 0.85, 0.15)
EYES = ((0.05, 0.3, 0.5, 0.7), (0.5, 0.3, 0.95, 0.7))
CHEEKS = (0.35, 0.6, 0.65, 0.85)
EYE_SIZE = (43, 38)  # px, to which each eye is brought; of a face of 96 px. What follows is chosen on composed shows
SKIN_HUES, SKIN_TINTED, SKIN_DARK = (5, 50), 0.45, 0.6  # degrees, saturation and value of skin in white light
LIKE_SKIN = 60  # RGB distance
IRIS_SATURATIONS = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.75)
IRIS_DARK, IRIS_PALE = 0.3, 0.11  # minimum value, and saturation times value, of an iris; less have lashes and hair
IRIS_SIZES = (0.012, 0.3)  # of the region
OFF_CENTRE = (0.35, 0.3)  # of the region's width and height, how far an iris lies from its middle at most
AGREEMENT = 0.75  # of the votes, for one colour
# Upper hue bounds in degrees of the booru colour words; chosen.
HUES = (
    (12, "red"),
    (28, "orange"),
    (66, "blonde"),
    (175, "green"),
    (195, "aqua"),
    (248, "blue"),
    (292, "purple"),
    (345, "pink"),
    (361, "red"),
)
# Minimum face height over frame height of each shot size; chosen in the sense of Danbooru's tags of these names.
SHOT_SIZES = ((0.5, "close-up"), (0.3, "portrait"), (0.12, "upper_body"), (0.0, "wide_shot"))
DARK, BRIGHT = 60, 200  # mean grey level, 0 to 255, of the frame without bars; chosen
BLURRY = 60  # variance of the Laplacian at 360 rows; drawn frames in focus have 170 and more
SOMETHING = 6  # grey levels of contrast; below it, a frame shows nothing that could be blurred
COLOURED = 0.3  # minimum saturation and value, 0 to 1, of a pixel whose hue counts; chosen
ONE_HUE, NEARLY_ALL = 30, 0.98  # degrees; fraction of the coloured pixels; chosen
GREY_CHROMA = 4  # grey levels between the largest and the smallest channel, on average
BAR_LEVEL = 24  # grey levels; letterbox bars are black (16 in video range) with coding noise
LEAST_BAR = 0.03  # of the frame height, both above and below; chosen


def measured_tags(pixels: Pixels, faces: Sequence[Face], others: bool = False) -> list[str]:
    """Return the tags of one frame, the most certain first: people, hair and eyes of each face, shot size, light.

    `others` tells that somebody else was seen, such as a person without a face, or a face that does not count.
    """
    small = shrink(pixels, MEASURE_SIZE)
    tags = people_tags(faces, others)
    for face in faces:
        tags += face_tags(small, face)
    return list(dict.fromkeys(tags + light_tags(small)))


def people_tags(faces: Sequence[Face], others: bool) -> list[str]:
    """Return `solo` or `multiple_people`, as far as faces show, and the size of the largest face as shot size.

    Without a face that is `no_humans`, as taggers call it, or nothing where `others` were seen.
    """
    if not faces:
        return [] if others else [NO_HUMANS]
    height = max(face.box[3] - face.box[1] for face in faces)
    shot = next(name for least, name in SHOT_SIZES if height >= least)
    return ["solo" if len(faces) == 1 else "multiple_people", shot]


def face_tags(pixels: Pixels, face: Face) -> list[str]:
    """Return the colour tags of one face's hair and eyes, as far as they can be measured."""
    hair, eyes = hair_colour(region(pixels, face, FRINGE).reshape(-1, 3)), eye_colour(pixels, face)
    return [f"{hair}_hair"] * bool(hair) + [f"{eyes}_eyes"] * bool(eyes)


def region(pixels: Pixels, face: Face, part: tuple[float, float, float, float]) -> Pixels:
    """Cut a part of a face, given as fractions of its box, out of the frame; may be empty at the frame's edge."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = face.box
    across, down = right - left, bottom - top
    x0, x1 = (round(width * (left + across * edge)) for edge in (part[0], part[2]))
    y0, y1 = (round(height * (top + down * edge)) for edge in (part[1], part[3]))
    part_pixels: Pixels = pixels[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
    return part_pixels


def hue_saturation_value(colours: Pixels) -> NDArray[np.float32]:
    """Convert (..., 3) RGB to hue in degrees, saturation and value from 0 to 1."""
    import cv2

    flat = np.ascontiguousarray(colours.reshape(1, -1, 3), np.float32) / 255
    converted: NDArray[np.float32] = np.asarray(cv2.cvtColor(flat, cv2.COLOR_RGB2HSV), np.float32)[0]
    return converted


def hair_colour(fringe: Pixels) -> str | None:
    """Name the colour of a fringe, (N, 3) RGB, by its median."""
    if len(fringe) == 0:
        return None
    median = np.median(fringe, axis=0).astype(np.uint8)
    hue, saturation, value = hue_saturation_value(median[None])[0]
    if value < 0.25 or (value < 0.4 and saturation < 0.3):
        return "black"
    if saturation < 0.15:
        return "white" if value > 0.75 else "grey"
    if hue < 50 and value < 0.6:
        return "brown"
    return hue_name(hue)


def eye_colour(pixels: Pixels, face: Face) -> str | None:
    """Name the colour of a face's eyes; None where light tints its skin, or where its irises do not agree.

    An iris is an island of colour between skin and white of the eye. At which saturation it begins differs from drawing
    to drawing, so that each of several thresholds votes with the pixels of the largest island that it leaves.
    """
    cheeks = region(pixels, face, CHEEKS).reshape(-1, 3)
    if len(cheeks) == 0:
        return None
    skin = np.median(cheeks, axis=0)
    hue, saturation, value = hue_saturation_value(skin.astype(np.uint8)[None])[0]
    if not (SKIN_HUES[0] < hue < SKIN_HUES[1] and saturation < SKIN_TINTED and value > SKIN_DARK):
        return None
    votes: Counter[str] = Counter()
    for part in EYES:
        eye = region(pixels, face, part)
        if eye.size:
            for colours in irises(eye, skin):
                votes[iris_name(colours)] += len(colours)
    word, number = votes.most_common(1)[0] if votes else ("", 0)
    return word if number and number >= AGREEMENT * votes.total() else None


def irises(eye: Pixels, skin: NDArray[np.float64]) -> Iterator[NDArray[np.float32]]:
    """Yield the colours of the iris, (N, 3) hue, saturation and value, at each saturation that leaves one."""
    import cv2

    small = np.asarray(cv2.resize(eye, EYE_SIZE, interpolation=cv2.INTER_LINEAR), np.uint8)
    colours = hue_saturation_value(small).reshape(*small.shape)
    hue, saturation, value = colours[..., 0], colours[..., 1], colours[..., 2]
    skinlike = (hue < 45) & (value > 0.7) & (saturation < 0.6)
    skinlike |= np.linalg.norm(small.astype(np.float32) - skin, axis=2) < LIKE_SKIN
    bright = (value > IRIS_DARK) & (saturation * value > IRIS_PALE)
    for least in IRIS_SATURATIONS:
        coloured = ((saturation > least) & bright & ~skinlike).astype(np.uint8)
        _, labels, stats, centres = cv2.connectedComponentsWithStats(coloured, connectivity=4)
        islands = [number for number in range(1, len(stats)) if is_iris(stats[number], centres[number])]
        if islands:
            yield colours[labels == max(islands, key=lambda number: int(stats[number, cv2.CC_STAT_AREA]))]


def is_iris(stats: NDArray[np.int32], centre: NDArray[np.float64]) -> bool:
    """Return whether an island, (left, top, width, height, area) and centre in px, can be an iris.

    One that meets the border of the eye is hair; lashes, mouths and blushes lie, irises stand.
    """
    left, top, width, height, size = stats.tolist()
    across, down = EYE_SIZE
    inside = left > 0 and top > 0 and left + width < across and top + height < down
    central = abs(centre[0] / across - 0.5) < OFF_CENTRE[0] and abs(centre[1] / down - 0.5) < OFF_CENTRE[1]
    large = IRIS_SIZES[0] <= size / (across * down) <= IRIS_SIZES[1]
    return bool(inside and central and large and width <= 1.6 * height)


def iris_name(colours: NDArray[np.float32]) -> str:
    """Name the colour that most pixels of an iris, (N, 3) hue, saturation and value, have; dark orange is brown."""
    hue = float(np.median(colours[:, 0]))
    if colours[:, 2].mean() < 0.55 and hue < 45:
        return "brown" if hue > 12 else "red"
    names = [("yellow" if name == "blonde" else name) for name in map(hue_name, colours[:, 0])]
    return max(sorted(set(names)), key=names.count)


def hue_name(hue: float) -> str:
    """Return the booru colour word of a hue in degrees."""
    return next(name for upper, name in HUES if hue < upper)


def light_tags(pixels: Pixels) -> list[str]:
    """Return `letterboxed`, `greyscale`, `monochrome`, `blurry`, `dark`, `bright`, `blue_theme`, … where they apply.

    Bars don't count. `greyscale` has hardly any colour; `monochrome` none or one hue; `blurry` has no sharp edges
    though there is something to see; `dark` and `bright` are the mean grey level; a theme is the colour that more than
    half of the frame has.
    """
    top, bottom = bars(pixels)
    inner = pixels[top : pixels.shape[0] - bottom]
    if not inner.size:
        return ["dark"]
    level = float(inner.mean())
    grey = float((inner.max(axis=2) - inner.min(axis=2)).mean()) < GREY_CHROMA
    hue, saturation, value = hue_saturation_value(inner).T
    coloured = (saturation > COLOURED) & (value > COLOURED)
    seen = measure(inner)
    facts = {
        "letterboxed": min(top, bottom) >= LEAST_BAR * pixels.shape[0],
        "greyscale": grey,
        "monochrome": grey or is_one_hue(hue[coloured]),
        "blurry": seen.sharpness < BLURRY and seen.contrast >= SOMETHING,
        "dark": level < DARK,
        "bright": level > BRIGHT,
    }
    return [tag for tag, applies in facts.items() if applies] + ([] if grey else themes(hue, coloured))


def is_one_hue(hues: NDArray[np.float32]) -> bool:
    """Return whether nearly all hues, in degrees, lie within ONE_HUE of each other; False without any."""
    counts, _ = np.histogram(hues, 360, (0, 360))
    around = np.concatenate([counts, counts[: ONE_HUE - 1]])
    most = int(np.convolve(around, np.ones(ONE_HUE, np.int64), "valid").max())
    return 0 < NEARLY_ALL * len(hues) <= most


def themes(hue: NDArray[np.float32], coloured: NDArray[np.bool_]) -> list[str]:
    """Return the theme of the colour that more than half of all pixels have, if one has."""
    uppers, names = zip(*HUES, strict=True)
    place = np.digitize(hue[coloured], uppers)
    words = ["yellow" if name == "blonde" else name for name in names]
    shares = dict.fromkeys(words, 0.0)
    for number, count in enumerate(np.bincount(place, minlength=len(words))[: len(words)].tolist()):
        shares[words[number]] += count / max(1, len(hue))
    return [f"{word}_theme" for word, share in shares.items() if share > 0.5]


def bars(pixels: Pixels) -> tuple[int, int]:
    """Return the heights in px of the black bars above and below; a frame that is black all over has none."""
    lit = np.flatnonzero(pixels.max(axis=(1, 2)) > BAR_LEVEL)
    return (int(lit[0]), int(pixels.shape[0] - 1 - lit[-1])) if lit.size else (0, 0)
