"""How much a build will write, before it begins."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from framekit.build.stages import Options, Show, options_of
from framekit.episodes.labels import find_videos, label_episodes
from framekit.errors import UsageError
from framekit.files.names import EPISODE_RECORD
from framekit.trainers.registry import DEFAULT
from framekit.video import stream
from framekit.video.ffmpeg import find_ffmpeg
from framekit.video.sampling import BYTES_PER_PIXEL, Sampling, expected_frames, require_room

SIDECARS = 12_000  # bytes of what lies beside a frame, in the working copy and the tree together
EXPORTS = 0.02  # of the frames' bytes for what each further trainer gets, which links frames where it can
CHOSEN = ("mode", "every_seconds", "frames_per_scene", "target_frames", "max_frames", "remove_similar")


def videos_of(show: Show) -> dict[str, Path]:
    """Return the videos of a show by the names of their episodes; none if they cannot be told apart."""
    options = options_of("extract", show)
    pattern = str(options.get("pattern", "*"))
    try:
        return label_episodes(find_videos(show.videos, pattern)[0], pattern).labels
    except UsageError:  # the script tells it
        return {}


def require_space(show: Show, stages: Sequence[str]) -> None:
    """Say on stderr if the disk may be too small for the build; raise UsageError if it surely is."""
    if "extract" not in stages:
        return
    new = [video for label, video in videos_of(show).items() if not (show.frames / label / EPISODE_RECORD).exists()]
    if not new:
        return
    ffmpeg = find_ffmpeg()

    def look(video: Path) -> stream.VideoStream | None:
        return stream.choose_stream(stream.read_banner(stream.banner(ffmpeg.path, video))) if video.is_file() else None

    with ThreadPoolExecutor() as pool:
        pictures = [picture for picture in pool.map(look, new) if picture is not None]
    require_room(
        expected_bytes(show, pictures, stages), show.dataset, "take another disk, or set extract_frames.format=jpg"
    )


def expected_bytes(show: Show, pictures: Sequence[stream.VideoStream], stages: Sequence[str]) -> float:
    """Return about how many bytes the stages will write for videos that are to be extracted."""
    options = options_of("extract", show)
    sampling = sampling_of(options)
    numbers = [expected_frames(sampling, picture) for picture in pictures]
    pixels = sum(number * one.width * one.sar * one.height for number, one in zip(numbers, pictures, strict=True))
    extracted = pixels * BYTES_PER_PIXEL[str(options.get("format", "png"))]
    arranged = options_of("arrange", show)
    copies = "arrange" in stages and not any(arranged.get(way) for way in ("hardlink", "symlink", "move"))
    exports = EXPORTS * len({*show.trainers} - {*DEFAULT}) * ("prepare" in stages)
    return extracted * (1 + copies + exports) + sum(numbers) * SIDECARS


def sampling_of(options: Options) -> Sampling:
    """Return which frames are taken, by options as they stand in a configuration file."""
    known: Mapping[str, object] = {name: options[name] for name in CHOSEN if name in options}
    return Sampling(**known)  # type: ignore[arg-type]
