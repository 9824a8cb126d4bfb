"""A script that runs with a Python that lacks its packages says so in one sentence, and how to mend it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, one_sentence, plain, save_frame

SCRIPTS = ["generate_metadata", "tag_images", "extract_frames"]


@pytest.mark.parametrize("package", ["numpy", "tqdm"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_missing_package_is_one_sentence(tmp_path: Path, script: str, package: str) -> None:
    shutil.copy(ROOT / f"{script}.py", tmp_path)
    shutil.copytree(ROOT / "framekit", tmp_path / "framekit", ignore=shutil.ignore_patterns("__pycache__"))
    blind = tmp_path / "blind"
    blind.mkdir()
    (blind / f"{package}.py").write_text(f"raise ModuleNotFoundError('no {package}', name='{package}')")
    save_frame(tmp_path / "set/a.png", plain((1, 2, 3)))
    words = [sys.executable, f"{script}.py", "set"]
    words += ["--model", "measured"] if script == "tag_images" else []
    words += ["--dst_dir", "out"] if script == "extract_frames" else []
    environment = os.environ | {"PYTHONPATH": str(blind)}
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=60)
    if script == "extract_frames" and package == "tqdm":  # there is no video, and no bar
        return
    assert ran.returncode == 2
    told = one_sentence(ran.stderr)
    assert f"the package {package} is not installed for {sys.executable}; activate the environment" in told
    assert "make demo" in told
