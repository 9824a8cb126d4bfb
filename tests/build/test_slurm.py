"""The templates for Slurm: what they submit, to a stand-in for sbatch, and what one of their jobs does."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from framekit.build.stages import STAGES
from tests.conftest import ROOT, patchwork
from tests.helpers_dataset import add_faces, add_frame

SLURM = ROOT / "runs" / "slurm"
SCRIPTS = [SLURM / name for name in ("build.sh", "shared.sbatch", "once.sbatch")]
# Takes what sbatch takes, refuses what it would refuse, and writes down the job.
SBATCH = """#!/bin/sh
set -eu
number=$(($(cat "$JOBS/last" 2>/dev/null || echo 0) + 1))
line="$number"
while [ $# -gt 0 ]; do
  case $1 in
    --parsable) shift ;;
    --job-name | --array | --partition) line="$line $1=$2"; shift 2 ;;
    --dependency)
      for one in $(echo "${2#afterok:}" | tr : ' '); do [ "$one" -lt "$number" ]; done
      line="$line $1=$2"; shift 2 ;;
    -*) echo "sbatch: unrecognized option $1" >&2; exit 1 ;;
    *) break ;;
  esac
done
[ "$(head -c 2 "$1")" = '#!' ]
echo "$number" > "$JOBS/last"
echo "$line $(basename "$1") $2 $3" >> "$JOBS/submitted"
echo "$number"
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")


def run(words: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "JOBS": str(folder)} | variables
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    """Return a folder with a show, its configuration, and a stand-in for sbatch in bin/."""
    (tmp_path / "bin").mkdir()
    for name, text in (("sbatch", SBATCH), ("python3", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    folders = {name: str(tmp_path / name) for name in ("videos", "references", "dataset")}
    lines = [f"{name} = '{path}'" for name, path in folders.items()]
    (tmp_path / "yama.toml").write_text("\n".join(["[build]", *lines, ""]))
    for name in folders.values():
        Path(name).mkdir()
    return tmp_path


def submitted(cluster: Path, *words: str) -> list[str]:
    """Submit the show; return a line for each job."""
    ran = run([str(SLURM / "build.sh"), str(cluster / "yama.toml"), "3", *words], cluster)
    assert ran.returncode == 0, ran.stderr
    assert "submitted; job 7 ends the build" in ran.stdout or "job 6 ends" in ran.stdout
    return (cluster / "submitted").read_text().splitlines()


def test_each_job_waits_for_those_that_it_reads(cluster: Path) -> None:
    toml = cluster / "yama.toml"
    assert submitted(cluster) == [
        f"1 --job-name=build-extract --array=1-3 shared.sbatch {toml} extract",
        f"2 --job-name=build-similar --dependency=afterok:1 once.sbatch {toml} similar",
        f"3 --job-name=build-faces --dependency=afterok:2 --array=1-3 shared.sbatch {toml} faces",
        f"4 --job-name=build-tags --dependency=afterok:3 --array=1-3 shared.sbatch {toml} tags",
        f"5 --job-name=build-characters --dependency=afterok:3 --array=1-3 shared.sbatch {toml} characters",
        f"6 --job-name=build-metadata --dependency=afterok:4:5 --array=1-3 shared.sbatch {toml} metadata",
        f"7 --job-name=build-arrange,prepare,check --dependency=afterok:6 once.sbatch {toml} arrange,prepare,check",
    ]


def test_all_stages_run_and_only_those_that_can_be_shared_are_arrays(cluster: Path) -> None:
    jobs = submitted(cluster)
    assert {name for job in jobs for name in job.split()[-1].split(",")} == {*STAGES}
    assert {job.split()[-1] for job in jobs if "--array" in job} == {
        name for name, stage in STAGES.items() if stage.is_shared
    }


def test_options_of_sbatch_go_to_every_job(cluster: Path) -> None:
    assert all(" --partition=short" in job for job in submitted(cluster, "--partition", "short"))


def test_without_references_nobody_is_named(cluster: Path) -> None:
    toml = cluster / "yama.toml"
    toml.write_text("".join(line for line in toml.read_text().splitlines(True) if not line.startswith("references")))
    jobs = submitted(cluster)
    assert not [job for job in jobs if "characters" in job]
    assert "--dependency=afterok:4 " in jobs[4]


def test_a_wrong_file_is_told_before_anything_is_submitted(cluster: Path) -> None:
    (cluster / "yama.toml").write_text("[build]\nvideo = 'videos'\n")
    ran = run([str(SLURM / "build.sh"), str(cluster / "yama.toml"), "3"], cluster)
    assert ran.returncode == 2
    assert "has no option video" in ran.stderr
    assert not (cluster / "submitted").exists()


def test_the_shards_of_a_stage_do_all_of_it_and_unreadable_frames_end_no_build(cluster: Path) -> None:
    frames = cluster / "dataset/frames"
    for number in (1, 2):
        add_faces(
            add_frame(frames / f"EP0{number}/show_EP0{number}_000001.png", patchwork(number)), (0.3, 0.2, 0.6, 0.7)
        )
    (frames / "EP01/show_EP01_000002.png").write_bytes(b"no png")
    for shard in ("1", "2"):
        ran = run(
            ["sh", str(SLURM / "shared.sbatch"), str(cluster / "yama.toml"), "tags"],
            cluster,
            SLURM_ARRAY_TASK_ID=shard,
            SLURM_ARRAY_TASK_COUNT="2",
        )
        assert ran.returncode == 0, ran.stderr
    assert len([*frames.rglob("*.tags")]) == 2
    assert len([*(cluster / "dataset/.build").glob("tags.*-of-2.json")]) == 2


def test_a_failure_ends_the_job_so_that_none_behind_it_begins(cluster: Path) -> None:
    shutil.rmtree(cluster / "dataset")
    ran = run(["sh", str(SLURM / "once.sbatch"), str(cluster / "yama.toml"), "arrange"], cluster)
    assert ran.returncode != 0


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_the_settings_of_a_job_stand_before_its_first_command(path: Path) -> None:
    """As sbatch reads them."""
    lines = path.read_text().splitlines()
    first = next(place for place, line in enumerate(lines) if line and not line.startswith("#"))
    settings = [place for place, line in enumerate(lines) if re.match(r"#SBATCH --[a-z-]+=\S+$", line)]
    assert all(place < first for place in settings)
    assert bool(settings) == (path.suffix == ".sbatch")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_the_shell_is_sound(path: Path) -> None:
    checker = Path(sys.executable).with_name("shellcheck")
    if not checker.exists():
        pytest.skip("needs shellcheck, of requirements-dev.txt")
    checked = subprocess.run([str(checker), str(path)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
