"""Effects such as glow, fire and beams: what is neither plate nor figure, as a layer that gives the frame back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framekit.errors import UsageError
from framekit.figures.tracks import Flags, Labels
from framekit.files.atomic import parsed_json
from framekit.models.hub import HubModel, Known, locate
from framekit.models.onnx import open_session
from framekit.pixels.decode import Pixels

Floats = NDArray[np.float32]
SCREEN, NORMAL = "screen", "normal"

# Grey levels by which a frame is lighter or darker than all of the plate around: what belongs to an effect, and what
# it must reach somewhere. Chosen on composed shots of seeds 1 to 3 behind JPEG of quality 85 and a shift of a pixel.
WEAK, STRONG = 6, 20
OFF_PLACE = 0.003  # of the height: how far the plate may be out of place; chosen
MARGIN = 0.008  # of the height around figures that belongs to their edge; chosen
MIN_AREA, MIN_STRONG = 0.002, 0.0002  # of the frame; chosen
AROUND = 0.02  # of the height around what was found, for its faint end; chosen
LIGHT = 0.9  # of the difference that must be lighter, or it is something that moved; chosen
SHOWS_THROUGH = 0.3  # of the plate's contrast that must be left, or something stands before it; chosen
DARK = 0.2  # less than white from 0 to 1, from which on light is known at each pixel; chosen
CONTRAST = 4.0  # grey levels of fine texture in the plate, on average, to judge by; chosen
SMOOTH = 10.0  # grey levels of fine texture in an effect before a plain plate, less than that of figures; chosen
WHOLE_PICTURE = 0.8  # of what can be compared: more than that is another light, fade or picture; chosen
PROMPTED = 0.5  # of what differs that must lie where prompts point; chosen

CLIPSEG = HubModel("Xenova/clipseg-rd64-refined", "", "main", "Apache-2.0")
FILES = ("onnx/model.onnx", "tokenizer.json")
KNOWN = Known({"clipseg-rd64-refined": CLIPSEG}, option="--effect_model")
SIDE = 352  # pixels, stretched. Source: CLIPSegProcessor, with mean and deviation of each channel
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
FOUND = 0.4  # probability from which a prompt is found; chosen without the model at hand


@dataclass(frozen=True)
class Effect:
    """The effects of a frame: (H, W, 4) uint8 RGBA, straight alpha, to be laid over the plate by SCREEN or NORMAL.

    `share` is how much of the frame they cover, 0 to 1.
    """

    picture: Pixels
    blend: str
    share: float


def find_effect(
    frame: Pixels, plate: Pixels, seen: Flags, labels: Labels, prompted: Flags | None = None
) -> Effect | None:
    """Return what shines in a frame before its plate; None if nothing does.

    `plate` lies as the frame does, and shows the truth where `seen` is set. Without `prompted`, which says where a text
    was found, only what is lighter than the plate and lets it show through is an effect; there, anything is.
    """
    import cv2

    free = seen & (cv2.dilate((labels > 0).astype(np.uint8), disc(MARGIN, frame)) == 0)
    lighter, darker = differences(frame, plate)
    lighter[~free], darker[~free] = 0, 0
    odd = np.maximum(lighter, darker) >= WEAK
    if not odd.any() or odd.sum() > WHOLE_PICTURE * free.sum():
        return None
    opened = cv2.morphologyEx(odd.astype(np.uint8), cv2.MORPH_OPEN, disc(OFF_PLACE, frame))
    count, parts = cv2.connectedComponents(cv2.dilate(opened, disc(MARGIN, frame)))  # flames come in pieces
    chosen, blend = np.zeros(free.shape, bool), SCREEN
    for part in range(1, count):
        own = (parts == part) & (opened > 0)
        if own.mean() < MIN_AREA or (np.maximum(lighter, darker)[own] >= STRONG).sum() < MIN_STRONG * own.size:
            continue
        shines = lighter[own].sum() >= LIGHT * (lighter[own].sum() + darker[own].sum())
        if shines and shows_through(frame, plate, own):
            chosen |= own
        elif prompted is not None and prompted[own].mean() >= PROMPTED:
            chosen, blend = chosen | own, NORMAL
    if not chosen.any():
        return None
    around = (cv2.dilate(chosen.astype(np.uint8), disc(AROUND, frame)) > 0) & free
    return Effect(layer(frame, plate, around, blend), blend, float(chosen.mean()))


def disc(share: float, frame: Pixels) -> NDArray[np.uint8]:
    """Return a round kernel that reaches so far, as a share of the frame's height."""
    import cv2

    reach = max(1, round(share * len(frame)))
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)), np.uint8)


def differences(frame: Pixels, plate: Pixels) -> tuple[Floats, Floats]:
    """Return how much lighter, and how much darker, a frame is than all of the plate around, in grey levels (H, W).

    That of the channel that differs most. A plate that is a little out of place is not different by that.
    """
    import cv2

    one, other = (cv2.blur(pixels, (3, 3)).astype(np.float32) for pixels in (frame, plate))
    kernel = disc(OFF_PLACE, frame)
    lighter = (one - cv2.dilate(other, kernel)).max(2)
    darker = (cv2.erode(other, kernel) - one).max(2)
    return np.maximum(lighter, 0), np.maximum(darker, 0)


def shows_through(frame: Pixels, plate: Pixels, where: Flags) -> bool:
    """Tell whether fine texture of the plate is still there in the frame; before a plain plate, whether it has none.

    The slope of a line from the one's to the other's: 1 where light is added, 0 where something stands before it.
    """
    import cv2

    fine = []
    for pixels in (frame, plate):
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
        fine.append((cv2.blur(grey, (3, 3)) - cv2.GaussianBlur(grey, (0, 0), max(3.0, 0.01 * len(grey))))[where])
    if fine[1].std() < CONTRAST:
        return bool(fine[0].std() < SMOOTH)
    return bool((fine[0] * fine[1]).mean() >= SHOWS_THROUGH * (fine[1] ** 2).mean())


def layer(frame: Pixels, plate: Pixels, where: Flags, blend: str) -> Pixels:
    """Return what must be laid over the plate to give the frame, as transparent as it can be; nothing elsewhere.

    Screen: frame = 1 - (1 - plate)(1 - alpha · colour). Normal: frame = plate (1 - alpha) + alpha · colour.
    """
    if blend == SCREEN:
        light = light_of(frame, plate, where)[where]
        alpha = np.ceil(light.max(1, keepdims=True) * 255) / 255
        colour = light / np.maximum(alpha, 1 / 255)
    else:
        one, other = frame[where].astype(np.float32) / 255, plate[where].astype(np.float32) / 255
        lighter, darker = (one - other) / np.maximum(1 - other, 1 / 255), (other - one) / np.maximum(other, 1 / 255)
        alpha = np.ceil(np.clip(np.maximum(lighter, darker), 0, 1).max(1, keepdims=True) * 255) / 255
        colour = (one - other * (1 - alpha)) / np.maximum(alpha, 1 / 255)
    picture = np.zeros((*where.shape, 4), np.uint8)
    picture[where] = np.rint(np.concatenate([np.clip(colour, 0, 1) * (alpha > 0), alpha], 1) * 255)
    return picture


def light_of(frame: Pixels, plate: Pixels, where: Flags) -> Floats:
    """Return the light, (H, W, 3) 0 to 1, that screen adds to a plate: light = 1 - (1 - frame) / (1 - plate).

    Before what is nearly white it is hardly to be seen, and noise would make it any colour: it is that around.
    """
    import cv2

    dark = 1 - plate.astype(np.float32) / 255
    light = np.clip(1 - (1 - frame.astype(np.float32) / 255) / np.maximum(dark, 1 / 255), 0, 1)
    sure = np.minimum(1, dark / DARK)
    weight = sure**2 * where[..., None] + np.float32(1e-6)
    wide = AROUND * len(frame)
    around = cv2.GaussianBlur(light * weight, (0, 0), wide) / cv2.GaussianBlur(weight, (0, 0), wide)
    return np.asarray(sure * light + (1 - sure) * around, np.float32)


def laid_over(effect: Effect, plate: Pixels) -> Pixels:
    """Return a plate with an effect laid over it."""
    below, colour = plate.astype(np.float32) / 255, effect.picture[..., :3].astype(np.float32) / 255
    alpha = effect.picture[..., 3:].astype(np.float32) / 255
    blended = 1 - (1 - below) * (1 - colour) if effect.blend == SCREEN else colour
    return np.asarray(np.rint((below * (1 - alpha) + blended * alpha) * 255), np.uint8)


def load_prompts(model: str, prompts: Sequence[str], device: str) -> Callable[[Pixels], Floats]:
    """Return what finds texts such as "beam of light" in pixels: a probability for each pixel, that of the best text.

    `model` is a short name, a hub repository or a local folder with FILES. Raises UsageError if it is unavailable or
    no CLIPSeg, and if tokenizers is not installed.
    """
    import cv2

    paths = locate(model, KNOWN, FILES)
    texts = [encoded(prompt, paths[FILES[1]]) for prompt in prompts]
    session = open_session(paths[FILES[0]], device)
    names = {expected.name for expected in session.get_inputs()}
    if not {"pixel_values", "input_ids", "attention_mask"} <= names:
        raise UsageError(f"{paths[FILES[0]]} is no CLIPSeg: it must take pixel_values, input_ids and attention_mask")

    def find(pixels: Pixels) -> Floats:
        small = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
        values = np.ascontiguousarray(((small - MEAN) / DEVIATION).transpose(2, 0, 1)[None])
        best = np.full((SIDE, SIDE), -np.inf, np.float32)
        for ids in texts:
            given = {"pixel_values": values, "input_ids": ids, "attention_mask": np.ones_like(ids)}
            best = np.maximum(best, np.asarray(session.run(None, given)[0], np.float32).reshape(SIDE, SIDE))
        found = 1 / (1 + np.exp(-best))
        return np.asarray(cv2.resize(found, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)

    return find


def encoded(text: str, path: Path) -> NDArray[np.int64]:
    """Return a text as numbers of a tokenizer.json, (1, L). Raises UsageError if the file or tokenizers is missing."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise UsageError("texts for effects need tokenizers; pip install tokenizers") from error
    try:
        held = parsed_json(path.read_bytes())
    except ValueError as error:
        raise UsageError(f"{path} is no tokenizer: it is not valid JSON") from error
    if not isinstance(held, dict) or not isinstance(held.get("model"), dict):  # tokenizers raises no error of its own
        raise UsageError(f"{path} is no tokenizer: it holds no model")
    return np.array([Tokenizer.from_str(path.read_text("utf-8")).encode(text).ids], np.int64)
