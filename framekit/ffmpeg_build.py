"""Which ffmpeg runs, what it can do, and whether a graphics card decodes for it."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from shutil import which

DEVICES = {"cuda": "cuda", "videotoolbox": "videotoolbox_vld", "qsv": "qsv", "vaapi": "vaapi"}
"""Name of --hwaccel -> pixel format of a frame on that device, in the order that `auto` tries."""
DOWNLOAD = "hwdownload,format=nv12|p010le|p016le|yuv420p|yuv420p10le|yuv444p|bgra"
PATIENCE = 60  # seconds that a device may take for its first frame


@dataclass(frozen=True)
class Ffmpeg:
    """The program, its version (major, minor), and whether it has the zscale filter."""

    path: str
    version: tuple[int, int]
    zimg: bool

    @property
    def passthrough(self) -> dict[str, str]:
        """Return the option that keeps the times of frames as they are: it changed its name in 5.1."""
        return {"vsync": "0"} if self.version < (5, 1) else {"fps_mode": "passthrough"}

    @property
    def graph_file_option(self) -> str:
        """Return the option that reads the filter graph from a file."""
        return "-filter_complex_script" if self.version < (7, 0) else "-/filter_complex"


def find_ffmpeg() -> Ffmpeg:
    """Return the system's ffmpeg, else the one of imageio-ffmpeg."""
    path = which("ffmpeg")
    if path is None:
        from imageio_ffmpeg import get_ffmpeg_exe

        path = str(get_ffmpeg_exe())
    return read_version(path, subprocess.run([path, "-version"], capture_output=True, text=True, check=True).stdout)


def read_version(path: str, banner: str) -> Ffmpeg:
    """Read what `ffmpeg -version` prints; builds without a number count as new."""
    version = re.match(r"ffmpeg version n?(\d+)\.(\d+)", banner)
    return Ffmpeg(path, (int(version[1]), int(version[2])) if version else (99, 0), "--enable-libzimg" in banner)


def decodes(ffmpeg: Ffmpeg, device: str, video: Path) -> bool:
    """Tell whether a device really decodes the first frame of a video.

    ffmpeg goes on without the device where it does not know the format; then hwdownload fails, as it should here.
    """
    on_device = ["-hwaccel", device, "-hwaccel_output_format", DEVICES[device]]
    one_frame = ["-map", "0:V:0", "-frames:v", "1", "-vf", DOWNLOAD, "-f", "rawvideo", "-"]
    command = [ffmpeg.path, "-nostdin", "-v", "error", *on_device, "-i", str(video.absolute()), *one_frame]
    try:
        tried = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return False
    return tried.returncode == 0 and len(tried.stdout) > 0


def choose_device(ffmpeg: Ffmpeg, wanted: str, video: Path) -> str | None:
    """Return the device that decodes the video, None for the processor; a device that fails is told on stderr."""
    if wanted == "none":
        return None
    for device in DEVICES if wanted == "auto" else [wanted]:
        if decodes(ffmpeg, device, video):
            return device
    print(f"--hwaccel {wanted} cannot decode {video.name}; the processor does it", file=sys.stderr)
    return None
