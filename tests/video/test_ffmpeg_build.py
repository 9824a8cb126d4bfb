"""Which ffmpeg is taken, what its version means, and whether a device really decodes."""

import os
from pathlib import Path

import pytest

from framekit.video import ffmpeg
from framekit.video.ffmpeg import Ffmpeg, choose_device, find_ffmpeg, read_version


@pytest.mark.parametrize(
    ("banner", "option", "script"),
    [
        ("ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright", "vsync", "-filter_complex_script"),
        ("ffmpeg version 5.0.1 Copyright", "vsync", "-filter_complex_script"),
        ("ffmpeg version 5.1.9-0+deb12u1 Copyright", "fps_mode", "-filter_complex_script"),
        ("ffmpeg version n7.1 Copyright", "fps_mode", "-/filter_complex"),
        ("ffmpeg version 9.0.2-static https://x", "fps_mode", "-/filter_complex"),
        ("ffmpeg version N-109468-gd39b34123d", "fps_mode", "-/filter_complex"),
        ("ffmpeg version 7.0", "fps_mode", "-/filter_complex"),
    ],
)
def test_options_depend_on_the_version(banner: str, option: str, script: str) -> None:
    ffmpeg = read_version("ffmpeg", banner)
    assert list(ffmpeg.passthrough) == [option]
    assert ffmpeg.graph_file_option == script


def test_zscale_is_read_from_the_configuration() -> None:
    banner = "ffmpeg version 5.1\nconfiguration: --enable-gpl"
    assert not read_version("x", banner).zimg
    assert read_version("x", f"{banner} --enable-libzimg --enable-libx264").zimg


def test_without_ffmpeg_on_the_path_the_one_of_imageio_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "which", lambda name: None)
    bundled = find_ffmpeg().path
    assert Path(bundled).is_file()
    other = f"{Path(bundled).parent}/./{Path(bundled).name}"
    monkeypatch.setattr(ffmpeg, "which", lambda name: other)
    assert find_ffmpeg().path == other


def test_a_device_that_is_not_there_falls_back_and_says_so(
    clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert choose_device(find_ffmpeg(), "cuda", clip) is None
    assert "--hwaccel cuda cannot decode" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for ffmpeg is a shell script")
def test_auto_takes_the_first_device_that_gives_a_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "ffmpeg"
    script.write_text("#!/bin/sh\ncase $2$3$4$5 in *qsv*) echo frame;; *vaapi*) ;; *) exit 1;; esac\n")
    script.chmod(0o755)
    ffmpeg = Ffmpeg(str(script), (7, 0), True)
    video = tmp_path / "x.mkv"
    assert choose_device(ffmpeg, "auto", video) == "qsv"
    assert choose_device(ffmpeg, "none", video) is None
    assert capsys.readouterr().err == ""
    assert choose_device(ffmpeg, "vaapi", video) is None  # it ended well, but without a frame
    assert "vaapi" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for ffmpeg is a shell script")
def test_a_device_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "ffmpeg"
    script.write_text("#!/bin/sh\nexec sleep 30\n")
    script.chmod(0o755)
    monkeypatch.setattr(ffmpeg, "TIMEOUT", 0.2)
    assert choose_device(Ffmpeg(str(script), (7, 0), True), "cuda", tmp_path / "x.mkv") is None
