"""What a video stream claims about itself, where it has black bars, and the filters that turn it into RGB."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any, ClassVar

Crop = tuple[int, int, int, int]
STREAM = re.compile(r"Stream #\d+:(\d+)[^:\n]*: Video: (\w+)")
LAYOUT = re.compile(r"(?:, (\w+)(?:\((.*?)\))?)?, (\d+)x(\d+)")
DURATION = re.compile(r"Duration: (\d+):(\d+):([\d.]+)")
ROTATION = re.compile(r"display ?matrix: rotation of (-?[\d.]+)", re.IGNORECASE)
DOLBY_VISION = re.compile(r"DOVI configuration record:.*?profile: (\d+)")
BARS = re.compile(r"\bcrop=([1-9]\d*):([1-9]\d*):(\d+):(\d+)")
RGB = re.compile(r"gbr|rgb|bgr|argb|abgr|0rgb|0bgr|x2rgb|x2bgr|pal8|mono")
# cropdetect's own default, 24 of 255, as a fraction: whole numbers are not scaled to the depth of 10-bit video.
BLACK = 24 / 255
# Containers and streams that hold a video themselves. Playlists, lists of files, numbered pictures, descriptions of
# sessions, and devices would lead elsewhere, whatever their name.
DEMUXERS = (
    "asf av1 avi dirac dv evc flv gxf h261 h263 h264 hevc ivf m4v matroska mov mpeg mpegts mpegvideo mxf nsv nut obu"
    " ogg rm vc1 vvc wtv yuv4mpegpipe"
)
OPENED = {"format_whitelist": DEMUXERS.replace(" ", ","), "protocol_whitelist": "file"}
ELSEWHERE = "Format not on whitelist"  # what ffmpeg says of anything else
# A pass that keeps nothing writes four pixels of each frame to its pipe: ffmpeg ends where nobody reads that any more,
# as after a kill of the script. It ignores that nobody reads what it reports.
TINY = {"w": "min(iw,2)", "h": "min(ih,2)", "exact": "1"}
TO_PIPE = {"format": "rawvideo", "flush_packets": "1"}
PATIENCE = 120.0  # seconds that ffmpeg may be silent: disks of a NAS take 30 to start
SILENT = f"\n[error] ffmpeg gave nothing for {PATIENCE:.0f} seconds and was ended\n"
STILLS = ("(attached pic)", "(still image)", "(timed thumbnails)")
STILL_CODECS = ("mjpeg", "png", "bmp", "gif", "tiff", "webp", "jpegxl", "jpeg2000")  # a cover without the mark
SECONDARY = ("(dependent)", "(comment)", "(metadata)", "(visual impaired)")
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


@dataclass(frozen=True)
class VideoStream:
    """What a video stream claims; a word that is missing is "", a number 0, an unknown sar 1.

    width and height: stored pixels after rotation, as filters see them; sar: width of a pixel over its height;
    duration in seconds; pixel_format, matrix, primaries, transfer and range (tv or pc) in ffmpeg's words;
    number: of the stream in its file; rank: larger for the one that a player would take; still: a cover, a thumbnail.
    """

    width: int
    height: int
    duration: float = 0.0
    fps: float = 0.0
    pixel_format: str = ""
    matrix: str = ""
    primaries: str = ""
    transfer: str = ""
    range: str = ""
    interlaced: bool = False
    sar: float = 1.0
    number: int = 0
    codec: str = ""
    rank: tuple[bool, bool, bool, int] = (True, True, False, 0)
    still: bool = False
    dolby_vision: int = 0

    @property
    def rgb(self) -> bool:
        """Tell whether the stream holds RGB, so that no matrix applies."""
        return self.matrix == "gbr" or RGB.match(self.pixel_format) is not None

    @property
    def full_range(self) -> bool:
        """Tell whether black is 0 and white the largest value; untagged grey counts as full, as in ffmpeg."""
        untagged = self.pixel_format.startswith(("yuvj", "gray", "ya8", "ya16"))
        return self.range == "pc" or (self.range != "tv" and (untagged or self.rgb))

    @property
    def hdr(self) -> bool:
        """Tell whether the stream is PQ or HLG."""
        return self.transfer in ("smpte2084", "arib-std-b67")


def seconds(text: str) -> float:
    """Return the duration in a banner, 0 if there is none."""
    found = DURATION.search(text)
    return round(int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]), 3) if found else 0.0


def frame_rate(line: str) -> float:
    """Return the frames per second of a stream's line, 0 if missing; the banner's 23.98 means 24000/1001."""
    found = re.search(r"([\d.]+)(k?) fps\b", line)
    if found is None:
        return 0.0
    rate = float(found[1]) * (1000 if found[2] else 1)
    ntsc = round(rate) * 1000 / 1001
    return ntsc if rate > 20 and abs(rate - ntsc) < 0.006 else rate


def colours(words: Sequence[str]) -> tuple[str, str, str]:
    """Return matrix, primaries and transfer from what stands behind the pixel format; one word means all three."""
    colour = [word for word in words if word not in ("tv", "pc", "progressive") and " " not in word]
    names = ["" if name in ("unknown", "reserved") else name for name in colour[0].split("/")] if colour else [""]
    return (names[0], names[1], names[2]) if len(names) == 3 else (names[0], names[0], names[0])


def read_stream(found: re.Match[str], text: str) -> VideoStream | None:
    """Read what a banner says of a video stream that begins at `found`, None if it has no size."""
    line, _, rest = text[found.end() :].partition("\n")
    layout = LAYOUT.search(line)
    if layout is None:
        return None
    about = rest.partition("Stream #")[0]
    words = [word.strip() for word in (layout[2] or "").split(",") if word.strip()]
    sars = [int(wide) / int(high) for wide, high in re.findall(r"SAR (\d+):(\d+)", line) if int(wide) * int(high)]
    turn, dolby = ROTATION.search(about), DOLBY_VISION.search(about)
    turned = turn is not None and round(float(turn[1]) / 90) % 2 == 1
    size, sar = (int(layout[3]), int(layout[4])), sars[-1] if sars else 1.0
    matrix, primaries, transfer = colours(words)
    primary = not any(word in line for word in SECONDARY)
    return VideoStream(
        width=size[turned],
        height=size[not turned],
        duration=seconds(text),
        fps=frame_rate(line[layout.end() :]),
        pixel_format="" if layout[1] in (None, "none") else layout[1],
        matrix=matrix,
        primaries=primaries,
        transfer=transfer,
        range=next((word for word in words if word in ("tv", "pc")), ""),
        interlaced=any(" first" in word for word in words),
        sar=1 / sar if turned else sar,
        number=int(found[1]),
        codec=found[2],
        rank=(found[2] not in STILL_CODECS, primary, "(default)" in line, size[0] * size[1]),
        still=any(word in line for word in STILLS),
        dolby_vision=int(dolby[1]) if dolby else 0,
    )


def read_banner(text: str) -> list[VideoStream]:
    """Read what ffmpeg prints about a file: its video streams by their numbers, covers and thumbnails too.

    A transport stream lists a stream once for each program that it belongs to.
    """
    found = (read_stream(start, text) for start in STREAM.finditer(text.partition("\nOutput #")[0]))
    streams = {one.number: one for one in found if one is not None}
    return [streams[number] for number in sorted(streams)]


def choose_stream(streams: Sequence[VideoStream], number: int | None = None) -> VideoStream | None:
    """Return the stream of that number, without one the stream that a player would take; None if there is none.

    That is the one marked as default, then the largest, then the first; never a still.
    """
    if number is not None:
        return next((one for one in streams if one.number == number), None)
    return max((one for one in streams if not one.still), key=lambda one: one.rank, default=None)


def opened(video: Path) -> list[str]:
    """Return the options by which ffmpeg opens a video, and nothing but that one file."""
    return [*(word for name, value in OPENED.items() for word in (f"-{name}", value)), "-i", str(video.absolute())]


class Watch:
    """Ends a child that shows no sign of life for so many seconds, within `with`; `is_silent` tells then.

    A sign of life is any change of what the function returns.
    """

    watched: ClassVar[set[subprocess.Popen[bytes]]] = set()  # now, by all threads

    def __init__(self, process: "subprocess.Popen[bytes]", sign: Callable[[], object]) -> None:
        """Nothing is watched yet."""
        self.process, self.sign, self.is_silent = process, sign, False
        self.over = Event()
        self.watcher = Thread(target=self.watch, daemon=True)

    def __enter__(self) -> "Watch":
        """Begin."""
        self.watched.add(self.process)
        self.watcher.start()
        return self

    def __exit__(self, *error: object) -> None:
        """End; the child does too, if it still runs."""
        self.over.set()
        self.watcher.join()
        self.process.kill()
        self.process.wait()
        self.watched.discard(self.process)

    @classmethod
    def end_all(cls) -> None:
        """End all children that are watched now; what waits for them goes on."""
        for process in list(cls.watched):
            process.kill()

    def watch(self) -> None:
        """Look again and again."""
        last, since = self.sign(), time.monotonic()
        while not self.over.wait(PATIENCE / 100):
            now = self.sign()
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > PATIENCE:
                self.is_silent = True
                self.process.kill()
                return


def messages(command: Sequence[str], kept: IO[bytes] | None = None) -> str:
    """Run ffmpeg and return what it says; that it fails for want of an output is no error here.

    One that says nothing for a long time is ended, which is the last thing that it says. What it writes to its pipe
    goes to the file `kept`, else it is thrown away.
    """
    said = bytearray()
    piped = subprocess.PIPE
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=piped, stderr=piped)
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stderr as pipe, Watch(process, lambda: len(said)) as watch:
        reader = Thread(target=pour_out, args=(process.stdout, kept), daemon=True)
        reader.start()
        while part := os.read(pipe.fileno(), 2**16):
            said += part
        process.wait()
        if kept is not None:
            reader.join()
    return said.decode(errors="replace") + (SILENT if watch.is_silent else "")


def pour_out(stream: IO[bytes], kept: IO[bytes] | None) -> None:
    """Read a stream to its end, into a file if one is given."""
    with stream:
        while part := stream.read(2**16):
            if kept is not None:
                kept.write(part)


def passed_over(filters: str = "") -> list[str]:
    """Return the words that end a command of ffmpeg which passes over a video and keeps nothing; see TINY."""
    tiny = "crop=" + ":".join(f"{name}={value}" for name, value in TINY.items()).replace(",", r"\,")
    written = [word for name, value in TO_PIPE.items() for word in (f"-{name}".replace("-format", "-f"), value)]
    return ["-vf", f"{filters},{tiny}" if filters else tiny, *written, "pipe:"]


def banner(ffmpeg: str, video: Path, *options: str) -> str:
    """Return what ffmpeg says of a video, read with these options."""
    return messages([ffmpeg, "-nostdin", "-hide_banner", "-nostats", *opened(video), *options])


def probe(ffmpeg: str, video: Path) -> list[VideoStream]:
    """Return what the video streams of a file claim, none if it has none or cannot be read."""
    return read_banner(banner(ffmpeg, video))


def crop_of(text: str, picture: VideoStream) -> Crop | None:
    """Return width, height, x, y of the area that covers all of cropdetect's messages, None if there are no bars.

    Messages on black frames, whose area is empty, do not count; nor does a bar of 1 pixel, which comes of rounding.
    """
    areas = [tuple(map(int, area)) for area in BARS.findall(text)]
    if not areas:
        return None
    left, top = min(area[2] for area in areas), min(area[3] for area in areas)
    width = max(area[0] + area[2] for area in areas) - left
    height = max(area[1] + area[3] for area in areas) - top
    return None if width >= picture.width - 1 and height >= picture.height - 1 else (width, height, left, top)


def detect_bars(ffmpeg: str, video: Path, picture: VideoStream) -> Crop | None:
    """Return width, height, x, y without the bars that are black in each frame of the video, None without such bars."""
    # cropdetect passes over two frames before it looks.
    find = f"tpad=start=2:start_mode=clone,cropdetect=limit={BLACK:.6f}:round=2:reset=0"
    return crop_of(banner(ffmpeg, video, "-map", f"0:{picture.number}", *passed_over(find)), picture)


def deinterlaced(stream: Any, picture: VideoStream, deinterlace: bool = False) -> Any:
    """Append the filters that deinterlace the frames flagged as interlaced, all if `deinterlace`; one out per frame.

    The decoder flags each frame by itself, so parts of a video may differ; others pass untouched.
    """
    if deinterlace:
        return stream.filter("bwdif", mode="send_frame", deint="all")
    if picture.rgb:
        return stream
    flagged = stream.filter("bwdif", mode="send_frame", deint="interlaced")
    # bwdif lets an interlaced frame pass that lies beside a progressive one with a repeated field.
    return flagged.filter("estdif", mode="frame", deint="interlaced")


def sdr(stream: Any, picture: VideoStream) -> Any:
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


def square_size(picture: VideoStream, crop: Crop | None) -> tuple[int, int]:
    """Return width and height of the frames that `to_rgb` makes."""
    width, height = (picture.width, picture.height) if crop is None else crop[:2]
    return max(1, int(width * picture.sar + 0.5)), height


def to_rgb(stream: Any, picture: VideoStream, crop: Crop | None = None, zimg: bool = True) -> Any:
    """Append the filters that end in planar RGB (gbrp) of `square_size`, one frame out per frame in.

    `stream` is one of ffmpeg-python; `crop` is width, height, x, y in stored pixels; `zimg`: whether ffmpeg has
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
