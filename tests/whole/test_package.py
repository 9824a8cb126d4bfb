"""The package: built as wheel and sdist, installed into an empty environment, used from another folder."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT

pytestmark = pytest.mark.package


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def commands(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the console commands of a fresh environment."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=True)
    bin_ = home / ("Scripts" if os.name == "nt" else "bin")
    install = [str(bin_ / "python"), "-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt")]
    subprocess.run([*install, str(*built.glob("*.whl"))], check=True)
    return bin_


def test_the_wheel_holds_the_scripts_and_the_library_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        tops = {name.split("/")[0] for name in wheel.namelist()}
        metadata = wheel.read(next(name for name in wheel.namelist() if name.endswith("/METADATA"))).decode()
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "framekit",
        *(path.name for path in ROOT.glob("*.py")),
    }
    assert "Requires-Dist: numpy>=1.26\n" in metadata
    assert "Provides-Extra: train\n" in metadata
    assert "config-settings" not in metadata
    assert "#" not in "".join(line for line in metadata.splitlines() if line.startswith("Requires-Dist"))


def test_the_sdist_builds_again(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.split("/", 1)[1] for name in sdist.getnames() if "/" in name}
    assert {"pyproject.toml", "requirements.txt", "tools/requirements_metadata.py", "framekit/py.typed"} <= names


@pytest.mark.parametrize("script", sorted(path.stem for path in ROOT.glob("*.py")))
def test_each_script_is_a_command(script: str, commands: Path, tmp_path: Path) -> None:
    command = commands / script.replace("_", "-")
    ran = subprocess.run([str(command), "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert f"python {script}.py" in ran.stdout


def test_frames_are_described_from_another_folder(commands: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 255, (64, 96, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "set" / f"{number}.png")
    for words in (["tag-images", "--model", "measured"], ["generate-metadata"], ["prepare-training"]):
        name, *options = words
        ran = subprocess.run(
            [str(commands / name), "set", *options], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
    assert sorted(path.name for path in (tmp_path / "set").glob("?.txt")) == ["0.txt", "1.txt"]


def test_types_are_known_to_those_who_import_it(commands: Path, tmp_path: Path) -> None:
    where = "import framekit, pathlib; print((pathlib.Path(framekit.__file__).parent / 'py.typed').exists())"
    ran = subprocess.run([str(commands / "python"), "-c", where], cwd=tmp_path, capture_output=True, text=True)
    assert ran.stdout == "True\n"
