"""The filters that turn a video stream into square pixels of 8-bit RGB, with the right matrix, range and transfer."""

from typing import Any

from framekit.picture import Crop, Picture

# ffmpeg's names of matrices -> those of zscale, and those of the scale filter of 4.4 and later.
ZSCALE_MATRICES = {"bt709": "709", "smpte170m": "170m", "bt470bg": "470bg", "smpte240m": "240m", "fcc": "fcc"}
ZSCALE_MATRICES |= {"bt2020nc": "2020_ncl", "bt2020c": "2020_ncl"}
SCALE_MATRICES = {name: name for name in ("bt709", "smpte170m", "smpte240m", "fcc")}
SCALE_MATRICES |= {"bt470bg": "smpte170m", "bt2020nc": "bt2020", "bt2020c": "bt2020"}
# Within half a grey level of the formula, as zscale; ffmpeg's faster default is up to 3 levels off and too dark.
SCALER = "accurate_rnd+full_chroma_int+full_chroma_inp+bicubic"
# Hable's curve with 100 cd/m² as 1 and 300 cd/m² as the new white. So mid tones come out as their SDR versions would
# (10, 26, 50, 100 cd/m² -> 80, 117, 149, 189 where ITU-R BT.2408's 203 cd/m² white gives 73, 108, 142, 190);
# that white itself becomes 233, and highlights keep what is left.
HDR_UNIT, HDR_WHITE = 100, 3.0


def deinterlaced(stream: Any, picture: Picture, deinterlace: bool = False) -> Any:
    """Append bwdif where the stream is flagged interlaced, for all frames if `deinterlace`; one frame out per frame."""
    if not deinterlace and not picture.interlaced:
        return stream
    return stream.filter("bwdif", mode="send_frame", deint="all" if deinterlace else "interlaced")


def sdr(stream: Any, picture: Picture) -> Any:
    """Append the tone mapping of PQ or HLG to full-range RGB with BT.709 primaries and the gamma of SDR displays."""
    tags = {
        "colorspace": "gbr" if picture.rgb else picture.matrix or "bt2020nc",
        "color_primaries": picture.primaries or "bt2020",
        "color_trc": picture.transfer,
        "range": "pc" if picture.full_range else "tv",
    }
    light = stream.filter("setparams", **tags).filter("zscale", transfer="linear", npl=HDR_UNIT, filter="bicubic")
    light = light.filter("format", "gbrpf32le").filter("zscale", primaries="bt709")
    mapped = light.filter("tonemap", "hable", desat=0, peak=HDR_WHITE)
    return mapped.filter("zscale", transfer="bt709", range="pc").filter("format", "gbrp")


def square_size(picture: Picture, crop: Crop | None) -> tuple[int, int]:
    """Return width and height of the frames that `right_pixels` makes."""
    width, height = (picture.width, picture.height) if crop is None else crop[:2]
    return max(1, int(width * picture.sar + 0.5)), height


def right_pixels(stream: Any, picture: Picture, crop: Crop | None = None, zimg: bool = True) -> Any:
    """Append the filters that end in planar RGB (gbrp) of `square_size`, one frame out per frame in.

    `stream` is one of ffmpeg-python; `crop` is width, height, x, y in stored pixels; `zimg` tells whether ffmpeg has
    zscale, which takes half the time of scale at the same values. PQ and HLG need it. A video whose resolution changes
    comes out in the size that it began with.
    """
    if crop is not None:
        stream = stream.filter("crop", *crop)
    width, height = square_size(picture, crop)
    if any(edge % 2 for edge in (crop[:2] if crop else (picture.width, picture.height))):
        zimg = False  # it refuses odd sizes where chroma is stored for pairs of pixels
        stream = stream.filter("format", "yuv444p12le") if picture.hdr else stream
    if picture.rgb or picture.hdr:
        stream = sdr(stream, picture) if picture.hdr else stream
        stream = stream.filter("scale", width, height, flags=SCALER)
    else:
        untagged = "bt709" if picture.height >= 720 or picture.width >= 1280 else "smpte170m"
        matrix = picture.matrix if picture.matrix in SCALE_MATRICES else untagged
        in_range = "pc" if picture.full_range else "tv"
        if zimg:
            spaces = {"matrixin": ZSCALE_MATRICES[matrix], "rangein": in_range, "matrix": "gbr", "range": "pc"}
            stream = stream.filter("zscale", width, height, filter="bicubic", **spaces)
        else:
            spaces = {"in_color_matrix": SCALE_MATRICES[matrix], "in_range": in_range}
            stream = stream.filter("scale", width, height, flags=SCALER, **spaces)
    return stream.filter("setsar", "1").filter("format", "gbrp")
