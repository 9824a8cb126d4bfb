"""What comes out of to_rgb, measured in grey levels on drawn clips; banners of several ffmpegs; black bars."""

import io
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framekit.pixels.decode import Pixels
from framekit.video import stream
from framekit.video.ffmpeg import find_ffmpeg, read_planes
from framekit.video.stream import Crop, VideoStream, deinterlaced, square_size, to_rgb

COLOURS = ((200, 60, 40), (40, 180, 70), (50, 70, 210), (240, 240, 240), (128, 128, 128), (16, 8, 24))

# Weights of red and blue in luma: ITU-R BT.601, BT.709, BT.2020.
BT601, BT709, BT2020 = (0.299, 0.114), (0.2126, 0.0722), (0.2627, 0.0593)

TAGS = ("colorspace", "color_primaries", "color_trc", "color_range")

LOSSLESS = ("-c:v", "ffv1")

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-threads", "1")


def to_yuv(rgb: Sequence[float], weights: tuple[float, float], full: bool = False, depth: int = 8) -> list[int]:
    """Return Y, Cb, Cr of one colour, R'G'B' 0 to 255, rounded to code values; the textbook formula."""
    red, green, blue = (value / 255 for value in rgb)
    luma = weights[0] * red + (1 - sum(weights)) * green + weights[1] * blue
    chroma = (blue - luma) / 2 / (1 - weights[1]), (red - luma) / 2 / (1 - weights[0])
    top, step = 2**depth - 1, 2 ** (depth - 8)
    if full:
        return [round(top * luma), *(round(top * one) + 128 * step for one in chroma)]
    return [round((16 + 219 * luma) * step), *(round((128 + 224 * one) * step) for one in chroma)]


def striped(yuv: Sequence[Sequence[int]], width: int, height: int, depth: int = 8) -> bytes:
    """Return one raw 4:2:0 frame of vertical stripes."""
    kind = np.uint8 if depth == 8 else np.dtype("<u2")
    planes = []
    for plane in range(3):
        wide, high = (width, height) if plane == 0 else (width // 2, height // 2)
        stripe = np.arange(wide) * len(yuv) // wide
        planes.append(np.tile(np.array([one[plane] for one in yuv], kind)[stripe], (high, 1)).tobytes())
    return b"".join(planes)


def grey_frame(rows: np.ndarray[Any, Any]) -> bytes:
    """Return one raw 4:2:0 frame of 8-bit limited luma without colour."""
    return rows.astype(np.uint8).tobytes() + bytes([128]) * (rows.size // 2)


def write_raw(
    path: Path,
    raw: bytes,
    size: tuple[int, int],
    pixel_format: str = "yuv420p",
    tags: Sequence[str] = (),
    filters: Sequence[str] = (),
    options: Sequence[str] = LOSSLESS,
) -> Path:
    """Encode raw frames without touching a value; `tags` are matrix, primaries, transfer, range, as many as told."""
    told = dict(zip(TAGS, tags, strict=False))
    words = [word for name, tag in told.items() if tag for word in (f"-{name}", tag)]
    # ffmpeg 7 and later would convert frames to the tags of the output, unless they have them already.
    marked = ":".join(f"{name}={tag}" for name, tag in told.items() if tag).replace("color_range", "range")
    chain = [*([f"setparams={marked}"] if marked else []), *filters]
    graph = ["-vf", ",".join(chain)] if chain else []
    source = ["-f", "rawvideo", "-pix_fmt", pixel_format, "-s", f"{size[0]}x{size[1]}", "-r", "24", "-i", "-"]
    command = [find_ffmpeg().path, "-y", "-loglevel", "error", *source, *graph, *options, *words, str(path)]
    subprocess.run(command, input=raw, check=True)
    return path


def claimed(video: Path) -> VideoStream:
    """Return what the video claims; it must have a picture."""
    told = stream.choose_stream(stream.probe(find_ffmpeg().path, video))
    assert told is not None
    return told


def decoded(video: Path, deinterlace: bool = False, crop: Crop | None = None, zimg: bool = True) -> list[Pixels]:
    """Return all frames of a video as to_rgb makes them."""
    import ffmpeg as graph

    told = claimed(video)
    stream = to_rgb(deinterlaced(graph.input(str(video))["V"], told, deinterlace), told, crop, zimg)
    output = stream.output("pipe:", format="rawvideo").global_args("-loglevel", "error")
    done = subprocess.run(output.compile(cmd=find_ffmpeg().path), capture_output=True, check=True)
    assert done.stderr == b""
    width, height = square_size(told, crop)
    planes, pipe, frames = np.empty((3, height, width), np.uint8), io.BytesIO(done.stdout), []
    while (pixels := read_planes(pipe, planes)) is not None:
        frames.append(pixels)
    return frames


def stripes_of(pixels: Pixels, number: int) -> np.ndarray[Any, Any]:
    """Return the colour in the middle of each of `number` vertical stripes."""
    height, width = pixels.shape[:2]
    return pixels[height // 2, [width * (2 * one + 1) // (2 * number) for one in range(number)]].astype(int)


SPACES = {
    "SD untagged is BT.601": ((320, 240), BT601, ("",), False, 8),
    "HD untagged is BT.709": ((1280, 720), BT709, ("",), False, 8),
    "wide but not high untagged is BT.709": ((1280, 534), BT709, ("",), False, 8),
    "SD tagged BT.709": ((320, 240), BT709, ("bt709", "bt709", "bt709", "tv"), False, 8),
    "HD tagged BT.601": ((1280, 720), BT601, ("smpte170m", "smpte170m", "smpte170m", "tv"), False, 8),
    "SD tagged PAL": ((320, 240), BT601, ("bt470bg", "bt470bg", "bt709", "tv"), False, 8),
    "HD tagged BT.2020 without HDR": ((1280, 720), BT2020, ("bt2020nc", "bt2020", "bt709", "tv"), False, 8),
    "full range": ((320, 240), BT709, ("bt709", "bt709", "bt709", "pc"), True, 8),
    "full range, else untagged": ((320, 240), BT601, ("", "", "", "pc"), True, 8),
    "10 bit": ((320, 240), BT601, ("",), False, 10),
    "10 bit HD BT.709": ((1280, 720), BT709, ("bt709", "bt709", "bt709", "tv"), False, 10),
    "10 bit full range": ((320, 240), BT709, ("bt709", "bt709", "bt709", "pc"), True, 10),
}


@pytest.mark.parametrize("zimg", [True, False], ids=["zscale", "scale"])
@pytest.mark.parametrize("case", SPACES)
def test_colours_come_back_as_drawn(case: str, zimg: bool, tmp_path: Path) -> None:
    size, weights, tags, full, depth = SPACES[case]
    raw = striped([to_yuv(colour, weights, full, depth) for colour in COLOURS], *size, depth)
    video = write_raw(tmp_path / "clip.mkv", raw, size, "yuv420p" if depth == 8 else "yuv420p10le", tags)
    (pixels,) = decoded(video, zimg=zimg)
    assert pixels.shape == (size[1], size[0], 3)
    assert np.abs(stripes_of(pixels, len(COLOURS)) - COLOURS).max() <= 2


def test_the_old_full_range_formats_count_as_full(tmp_path: Path) -> None:
    raw = striped([to_yuv(colour, BT601, full=True) for colour in COLOURS], 320, 240)
    options = ("-c:v", "mjpeg", "-q:v", "1", "-pix_fmt", "yuvj420p")
    video = write_raw(tmp_path / "clip.avi", raw, (320, 240), tags=("", "", "", "pc"), options=options)
    assert claimed(video).full_range
    assert np.abs(stripes_of(decoded(video)[0], len(COLOURS)) - COLOURS).max() <= 3


@pytest.mark.parametrize("pixel_format", ["rgb24", "gbrp"])
def test_rgb_passes_unharmed(pixel_format: str, tmp_path: Path) -> None:
    drawn = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    raw = drawn.tobytes() if pixel_format == "rgb24" else drawn[:, :, [1, 2, 0]].transpose(2, 0, 1).tobytes()
    options = ("-c:v", "png") if pixel_format == "rgb24" else LOSSLESS
    video = write_raw(tmp_path / "clip.mkv", raw, (64, 48), pixel_format, options=options)
    assert claimed(video).rgb
    assert np.array_equal(decoded(video)[0], drawn)


def test_grey_without_a_tag_is_full_range(tmp_path: Path) -> None:
    drawn = np.arange(64 * 48, dtype=np.uint32).reshape(48, 64) % 256
    video = write_raw(tmp_path / "clip.mkv", drawn.astype(np.uint8).tobytes(), (64, 48), "gray")
    assert np.abs(decoded(video)[0].astype(int) - drawn[:, :, None]).max() <= 1


def test_anamorphic_video_becomes_square(tmp_path: Path) -> None:
    y, x = np.mgrid[:120, :180]
    ellipse = ((x - 89.5) / 45) ** 2 + ((y - 59.5) / 40) ** 2 <= 1
    raw = grey_frame(np.where(ellipse, 235, 16))
    video = write_raw(tmp_path / "clip.mkv", raw, (180, 120), filters=["setsar=8/9"])
    assert claimed(video).sar == pytest.approx(8 / 9)
    (pixels,) = decoded(video)
    assert pixels.shape == (120, 160, 3)
    inside = pixels[:, :, 1] > 127
    assert inside.any(axis=0).sum() == pytest.approx(80, abs=1)
    assert inside.any(axis=1).sum() == pytest.approx(80, abs=1)


def test_a_rotated_phone_video_is_upright_and_told_as_such(tmp_path: Path) -> None:
    rows = np.full((48, 96), 16)
    rows[:, :48] = 235
    flat = write_raw(tmp_path / "flat.mp4", grey_frame(rows), (96, 48), filters=["setsar=2/1"], options=H264)
    turned = tmp_path / "turned.mp4"
    command = [find_ffmpeg().path, "-y", "-loglevel", "error", "-display_rotation", "90", "-i", str(flat), "-c", "copy"]
    if subprocess.run([*command, str(turned)], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this ffmpeg cannot write a rotation")
    told = claimed(turned)
    assert (told.width, told.height, told.sar) == (48, 96, 0.5)
    (pixels,) = decoded(turned)
    assert pixels.shape == (96, 24, 3)
    assert sorted([int(pixels[10, 12, 0]), int(pixels[85, 12, 0])]) == [0, 255]


def combed(frames: int = 8) -> bytes:
    """Return raw frames whose fields get brighter in time: the lower field is 12 levels above the upper one."""
    rows = np.arange(64)[:, None] % 2
    return b"".join(grey_frame(np.broadcast_to(40 + 24 * one + 12 * rows, (64, 64))) for one in range(frames))


def comb(pixels: Pixels) -> int:
    """Return the largest difference between neighbouring rows."""
    return int(np.abs(np.diff(pixels[:, :, 1].astype(int), axis=0)).max())


def test_flagged_interlacing_is_removed_and_no_frame_is_lost(tmp_path: Path) -> None:
    options = (*H264, "-flags", "+ildct+ilme")
    video = write_raw(tmp_path / "clip.mkv", combed(), (64, 64), filters=["setfield=tff"], options=options)
    assert claimed(video).interlaced
    frames = decoded(video)
    assert len(frames) == 8
    assert max(comb(pixels) for pixels in frames[1:-1]) <= 1
    expected = [(40 + 24 * one - 16) * 255 / 219 for one in range(8)]
    assert np.abs([pixels[:, :, 1].mean() for pixels in frames[1:-1]] - np.array(expected[1:-1])).max() <= 2


def test_progressive_video_is_not_touched_unless_asked(tmp_path: Path) -> None:
    video = write_raw(tmp_path / "clip.mkv", combed(), (64, 64), filters=["setfield=prog"], options=H264)
    assert not claimed(video).interlaced
    assert [comb(pixels) for pixels in decoded(video)] == [14] * 8
    asked = decoded(video, deinterlace=True)
    assert len(asked) == 8
    assert max(comb(pixels) for pixels in asked[1:-1]) <= 1


def test_a_single_interlaced_frame_comes_through(tmp_path: Path) -> None:
    options = (*H264, "-flags", "+ildct+ilme")
    video = write_raw(tmp_path / "clip.mkv", combed(1), (64, 64), filters=["setfield=tff"], options=options)
    assert len(decoded(video)) == 1


PQ, HLG = ("bt2020nc", "bt2020", "smpte2084", "tv"), ("bt2020nc", "bt2020", "arib-std-b67", "tv")

NITS = (0.0, 1.0, 10.0, 26.0, 50.0, 100.0, 203.0, 400.0, 1000.0)


def pq(nits: float) -> float:
    """Return the signal of a luminance in cd/m², SMPTE ST 2084."""
    power = (nits / 10000) ** 0.1593017578125
    return float(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def hlg(nits: float) -> float:
    """Return the signal that shows grey of a luminance on a display of 1000 cd/m², ITU-R BT.2100."""
    light = (nits / 1000) ** (1 / 1.2)
    return float(np.sqrt(3 * light) if light <= 1 / 12 else 0.17883277 * np.log(12 * light - 0.28466892) + 0.55991073)


def hdr_frame(path: Path, signals: Sequence[Sequence[float]], tags: Sequence[str]) -> Pixels:
    """Return the frame that comes of 10-bit BT.2020 stripes; signals from 0 to 1."""
    yuv = [to_yuv([255 * value for value in colour], BT2020, depth=10) for colour in signals]
    raw = striped(yuv, 64 * len(yuv), 64, 10)
    (pixels,) = decoded(write_raw(path, raw, (64 * len(yuv), 64), "yuv420p10le", tags))
    return pixels


@pytest.mark.parametrize("tags", [PQ, HLG, ("", "", "smpte2084")], ids=["PQ", "HLG", "only the transfer is told"])
def test_hdr_greys_land_where_sdr_has_them(tags: Sequence[str], tmp_path: Path) -> None:
    signal = hlg if tags == HLG else pq
    pixels = hdr_frame(tmp_path / "clip.mkv", [[signal(nits)] * 3 for nits in NITS], tags)
    stripes = stripes_of(pixels, len(NITS))
    assert (stripes.max(axis=1) - stripes.min(axis=1)).max() <= 2  # grey stays grey
    greys = dict(zip(NITS, stripes[:, 1].tolist(), strict=True))
    assert greys[0] == 0
    assert sorted(greys.values()) == list(greys.values())
    # ITU-R BT.2408: SDR white is shown at 203 cd/m², so an SDR version of `nits` has this value.
    assert max(abs(greys[nits] - 255 * (nits / 203) ** (1 / 2.4)) for nits in NITS if nits <= 100) <= 10
    assert 228 <= greys[203] <= 240
    assert greys[1000] == 255


def test_hdr_colours_keep_hue_and_saturation(tmp_path: Path) -> None:
    to_bt2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    drawn = np.array([(200, 60, 40), (40, 180, 70), (50, 70, 210)])
    light = 203 * (drawn / 255) ** 2.4 @ to_bt2020.T
    pixels = hdr_frame(tmp_path / "clip.mkv", [[pq(one) for one in colour] for colour in light.tolist()], PQ)
    stripes = stripes_of(pixels, 3)
    assert np.abs(stripes - drawn).max() <= 12
    assert np.array_equal(stripes.argmax(axis=1), [0, 1, 2])


def letterboxed(levels: Sequence[int], top: int = 20, size: tuple[int, int] = (160, 120)) -> bytes:
    """Return 24 raw frames for each level, which fills the middle between two bars of `top` rows."""
    raw = b""
    for level in levels:
        rows = np.full((size[1], size[0]), 16)
        rows[top : size[1] - top] = level
        raw += grey_frame(rows) * 24
    return raw


def test_bars_are_found_and_cropped(tmp_path: Path) -> None:
    video = write_raw(tmp_path / "clip.mkv", letterboxed([200] * 2), (160, 120))
    found = stream.detect_bars(find_ffmpeg().path, video, claimed(video))
    assert found == (160, 80, 0, 20)
    pixels = decoded(video, crop=found)[0]
    assert pixels.shape == (80, 160, 3)
    assert abs(int(pixels.min()) - 214) <= 1


@pytest.mark.parametrize("depth", [8, 10])
def test_bars_are_found_at_five_places_and_at_any_depth(depth: int, tmp_path: Path) -> None:
    options = (*LOSSLESS, "-pix_fmt", "yuv420p" if depth == 8 else "yuv420p10le")
    video = write_raw(tmp_path / "clip.mkv", letterboxed([120] * 7), (160, 120), options=options)
    assert stream.detect_bars(find_ffmpeg().path, video, claimed(video)) == (160, 80, 0, 20)


def test_a_dark_scene_does_not_shrink_the_crop(tmp_path: Path) -> None:
    rows = np.full((120, 160), 16)
    rows[50:60, 60:80] = 200
    lamp = grey_frame(rows) * 24
    raw = lamp * 3 + letterboxed([180]) + lamp * 2 + letterboxed([16]) * 2
    video = write_raw(tmp_path / "clip.mkv", raw, (160, 120))
    assert stream.detect_bars(find_ffmpeg().path, video, claimed(video)) == (160, 80, 0, 20)


def test_video_without_bars_is_not_cropped(tmp_path: Path) -> None:
    video = write_raw(tmp_path / "clip.mkv", letterboxed([180], top=0), (160, 120))
    assert stream.detect_bars(find_ffmpeg().path, video, claimed(video)) is None
    black = write_raw(tmp_path / "black.mkv", letterboxed([16]), (160, 120))
    assert stream.detect_bars(find_ffmpeg().path, black, claimed(black)) is None


def test_crop_covers_all_messages_and_ignores_black_frames() -> None:
    line = "[Parsed_cropdetect_0 @ 0x5] x1:0 x2:9 y1:0 y2:9 w:9 h:9 x:0 y:0 pts:3 t:0.125000 crop={}\n"
    told = "".join(line.format(area) for area in ("-1904:-1072:1914:1078", "1920:800:0:140", "1436:1080:242:0"))
    assert stream.crop_of(told, VideoStream(1920, 1080)) is None
    assert stream.crop_of(line.format("1436:1080:242:0"), VideoStream(1920, 1080)) == (1436, 1080, 242, 0)
    assert stream.crop_of(line.format("852:480:0:0"), VideoStream(853, 480)) is None
    assert stream.crop_of("", VideoStream(1920, 1080)) is None


BANNERS = {
    # 4.4, no stream id
    """Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'EP01.mp4':
  Duration: 00:01:20.54, start: 0.000000, bitrate: 713 kb/s
    Stream #0:0(und): Video: h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709), 1280x720 [SAR 1:1 DAR 16:9], \
577 kb/s, 23.98 fps, 23.98 tbr, 24k tbn, 47.95 tbc (default)
    Stream #0:1(und): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, stereo, fltp, 128 kb/s (default)
At least one output file must be specified
""": VideoStream(1280, 720, 80.54, 24000 / 1001, "yuv420p", "bt709", "bt709", "bt709", "tv"),
    # 5.1, HDR, the words of -loglevel level+info in front, cover art first
    """[info] Input #0, matroska,webm, from 'a.mkv':
[info]   Duration: 01:02:03.50, start: 0.000000, bitrate: 9000 kb/s
[info]   Stream #0:0: Video: mjpeg (Baseline), yuvj420p(pc, bt470bg/unknown/unknown), 600x900, 90k tbr, 90k tbn \
(attached pic)
[info]   Stream #0:1(jpn): Video: hevc (Main 10), yuv420p10le(tv, bt2020nc/bt2020/smpte2084), 3840x2160, \
SAR 1:1 DAR 16:9, 24 fps, 24 tbr, 1k tbn (default)
""": VideoStream(3840, 2160, 3723.5, 24.0, "yuv420p10le", "bt2020nc", "bt2020", "smpte2084", "tv"),
    # 9, DVD
    """Input #0, mpeg, from 'VTS_01_1.VOB':
  Duration: 00:22:01.10, start: 0.280633, bitrate: 6000 kb/s
  Stream #0:1[0x1e0]: Video: mpeg2video (Main), yuv420p(tv, smpte170m/bt470bg/unknown, top first), 720x480 \
[SAR 8:9 DAR 4:3], 29.97 fps, 29.97 tbr, 90k tbn
""": VideoStream(
        720, 480, 1321.1, 30000 / 1001, "yuv420p", "smpte170m", "bt470bg", "", "tv", interlaced=True, sar=8 / 9
    ),
    # 9, words with brackets of their own, the container's sar wins over the stream's
    """  Duration: N/A, start: 0.000000, bitrate: N/A
  Stream #0:0[0x1](und): Video: h264 (High) (avc1 / 0x31637661), yuv420p(bottom coded first (swapped)), \
720x576 [SAR 1:1 DAR 5:4], SAR 16:15 DAR 4:3, 25 fps, 25 tbr, 1k tbn (default)
""": VideoStream(720, 576, 0.0, 25.0, "yuv420p", interlaced=True, sar=16 / 15),
    # 5.1, a phone's
    """  Duration: 00:00:02.00, start: 0.000000, bitrate: 100 kb/s
  Stream #0:0[0x1](eng): Video: h264 (High) (avc1 / 0x31637661), yuvj420p(pc, smpte170m, progressive), 1920x1080, \
100 kb/s, 30 fps, 30 tbr, 90k tbn (default)
    Side data:
      displaymatrix: rotation of -90.00 degrees
""": VideoStream(1080, 1920, 2.0, 30.0, "yuvj420p", "smpte170m", "smpte170m", "smpte170m", "pc"),
    # RGB, and a stream whose format is not known
    """  Duration: 00:00:02.00, start: 0.000000, bitrate: 100 kb/s
    Stream #0:0: Video: ffv1 (FFV1 / 0x31564646), gbrp(pc, gbr/unknown/unknown, progressive), 64x48, 24 fps
""": VideoStream(64, 48, 2.0, 24.0, "gbrp", "gbr", "", "", "pc"),
    "    Stream #0:0: Video: h264 (H264 / 0x34363248), none, 640x480, 5 fps, 5 tbr\n": VideoStream(640, 480, fps=5.0),
}


@pytest.mark.parametrize("text", BANNERS)
def test_banners_of_several_versions_are_read(text: str) -> None:
    found = stream.choose_stream(stream.read_banner(text))
    assert found is not None
    assert replace(found, number=0, codec="", rank=VideoStream.rank) == BANNERS[text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  Duration: 00:04:00.00\n  Stream #0:0: Audio: flac, 44100 Hz, stereo, s16\n",
        "  Stream #0:0: Audio: mp3, 44100 Hz\n"
        "  Stream #0:1: Video: png, rgb24(pc), 500x500 [SAR 1:1 DAR 1:1], 90k tbr, 90k tbn (attached pic)\n",
        "  Stream #0:0: Video: h264, none, 90k tbr, 90k tbn\n",
        "Error opening input: Invalid data found when processing input\n",
    ],
    ids=["nothing", "audio", "cover art", "no size", "not a video"],
)
def test_no_video_stream_is_none(text: str) -> None:
    assert stream.choose_stream(stream.read_banner(text)) is None


def test_probe_reads_what_this_ffmpeg_prints(tmp_path: Path) -> None:
    tags = ("bt709", "bt709", "bt709", "tv")
    video = write_raw(tmp_path / "clip.mkv", letterboxed([100] * 2), (160, 120), tags=tags)
    told = claimed(video)
    assert (told.width, told.height, told.pixel_format, told.fps, told.sar) == (160, 120, "yuv420p", 24.0, 1.0)
    assert (told.matrix, told.primaries, told.transfer, told.range) == tags
    assert told.duration == pytest.approx(2.0, abs=0.05)
    assert stream.probe(find_ffmpeg().path, tmp_path / "missing.mkv") == []
