"""Compare ways of building one show: one process, all cores, shards beside each other, tasks of a Ray cluster.

    python -m benchmarks.bench_build --videos EPISODES --references FOLDER [--episodes 8] [--seconds 15] [--rounds 1]

It cuts short episodes from the videos, builds a dataset in each way, and checks that each is the same. A second build,
where all is done, tells what starting the stages takes, and so what a task of Ray costs. From the seconds of each stage
follows what a season takes on several machines: stages that can be shared take a part of their time on each, the others
run on one. All machines are this one here, so the ways differ by how well they use its cores.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from framekit.build.stages import STAGES
from framekit.video.ffmpeg import find_ffmpeg

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = {".build", ".commands.jsonl", ".tagged.jsonl", ".arranged.jsonl", ".prepared.json", ".configs.json"}
SHARED = [name for name, stage in STAGES.items() if stage.is_shared]
PARTS = (["extract"], ["similar"], ["faces", "characters", "tags", "metadata"], ["arrange", "prepare", "check"])
MINUTES, SEASON = 24.0, 1000  # of an episode, and episodes, that the plan is for
Build = Callable[[Path], None]


def cut(videos: Path, folder: Path, episodes: int, seconds: float) -> None:
    """Write so many short episodes, without encoding anew."""
    ffmpeg = find_ffmpeg().path
    sources = sorted(path for path in videos.iterdir() if path.is_file())
    folder.mkdir(parents=True)
    for number in range(episodes):
        source = sources[number % len(sources)]
        start = seconds * (number // len(sources)) * 1.5
        words = ["-ss", str(start), "-t", str(seconds), "-i", str(source), "-c", "copy", "-map", "0:v:0"]
        target = folder / f"show - {number + 1:02d}{source.suffix}"
        subprocess.run([ffmpeg, "-v", "error", *words, str(target)], check=True)


def contents(dataset: Path) -> str:
    """Return a digest of what a build made: pictures, sidecars, captions."""
    found = hashlib.sha256()
    for path in sorted((dataset / "frames").rglob("*")) + sorted((dataset / "training").rglob("*")):
        if path.is_file() and not {*path.parts} & LEFT_OUT and path.suffix not in (".npz", ".toml"):
            found.update(path.relative_to(dataset).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


def command(videos: Path, references: Path, dataset: Path, *words: str) -> list[str]:
    """Return the command of a build."""
    folders = [str(videos), str(references), str(dataset)]
    return [sys.executable, str(ROOT / "build_dataset.py"), *folders, "--quiet", *words]


def run(commands: Sequence[Sequence[str]]) -> None:
    """Run builds beside each other."""
    running = [subprocess.Popen(one, stdout=subprocess.DEVNULL) for one in commands]
    codes = [one.wait() for one in running]
    if any(code > 1 for code in codes):
        raise SystemExit(f"a build ended with {max(codes)}")


def ways(videos: Path, references: Path, tasks: int) -> dict[str, Build]:
    """Return the ways by their names."""
    single = [f"{STAGES[name].script}.workers=1" for name in ("extract", "similar", "faces", "characters", "tags")]
    alone = [word for setting in single for word in ("--set", setting)]

    def by_shards(dataset: Path) -> None:
        for part in PARTS:
            words = ["--stages", ",".join(part)]
            shares = [["--shard", f"{number}/2"] for number in (1, 2)] if part[0] in SHARED else [[]]
            run([command(videos, references, dataset, *words, *share) for share in shares])

    found: dict[str, Build] = {
        "one worker": lambda dataset: run([command(videos, references, dataset, *alone)]),
        "all cores": lambda dataset: run([command(videos, references, dataset)]),
        "2 shards beside each other": by_shards,
    }
    try:
        import ray  # noqa: F401
    except ModuleNotFoundError:
        print("Ray is not installed; see requirements-ray.txt")
    else:
        words = ["--engine", "ray", "--shards", str(tasks)]
        found["Ray, a task for each episode"] = lambda dataset: run([command(videos, references, dataset, *words)])
    return found


def seconds_of(dataset: Path) -> dict[str, float]:
    """Return the seconds of each stage, by the records of a build."""
    found: dict[str, float] = {}
    for path in (dataset / ".build").glob("*.json"):
        name = path.name.split(".")[0]
        found[name] = found.get(name, 0.0) + json.loads(path.read_text())["seconds"]
    return {name: found[name] for name in STAGES if name in found}


def plan(spent: dict[str, float], seconds: float, starts: float, per_task: float) -> None:
    """Print what a season takes on several machines, by the seconds of each stage for so many seconds of video."""
    scale = SEASON * MINUTES * 60 / seconds
    shared = sum(max(0.0, spent[name] - starts) for name in spent if name in SHARED) * scale
    serial = sum(max(0.0, spent[name] - starts) for name in spent if name not in SHARED) * scale
    hours = f"{shared / 3600:.1f} h shared, {serial / 3600:.1f} h on one machine"
    print(f"\n{SEASON} episodes of {MINUTES:g} minutes: {hours}")
    tasks = SEASON * len([name for name in spent if name in SHARED])
    print("machines      hours  speed-up")
    whole = shared + serial
    for machines in (1, 2, 4, 8, 16, 32, 64):
        took = shared / machines + serial + tasks * per_task / machines
        print(f"{machines:8d}  {took / 3600:9.1f}  {whole / took:8.1f}")


def main() -> int:
    """Compare the ways."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--videos", type=Path, required=True)
    options.add_argument("--references", type=Path, required=True)
    options.add_argument("--episodes", type=int, default=8)
    options.add_argument("--seconds", type=float, default=15.0)
    options.add_argument("--rounds", type=int, default=1)
    args = options.parse_args()
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        videos = Path(folder, "videos")
        cut(args.videos, videos, args.episodes, args.seconds)
        known = ways(videos, args.references.resolve(), args.episodes)
        took: dict[str, list[float]] = {name: [] for name in known}
        again: dict[str, float] = {}
        made: dict[str, str] = {}
        spent: dict[str, float] = {}
        for _ in range(args.rounds):
            for name, build in known.items():
                dataset = Path(folder, "dataset")
                began = time.perf_counter()
                build(dataset)
                took[name].append(time.perf_counter() - began)
                made[name] = contents(dataset)
                spent = seconds_of(dataset) if name == "all cores" else spent
                began = time.perf_counter()
                build(dataset)
                again[name] = time.perf_counter() - began
                shutil.rmtree(dataset)
        print(f"\n{args.episodes} episodes of {args.seconds:g} s, {os.cpu_count()} cores, best of {args.rounds}")
        print(f"{'way':32s}{'seconds':>9s}{'ratio':>7s}{'all done':>10s}")
        least = min(took["all cores"])
        for name, times in took.items():
            same = "" if made[name] == made["one worker"] else "  another dataset!"
            print(f"{name:32s}{min(times):9.1f}{min(times) / least:7.2f}{again[name]:10.1f}{same}")
        tasks = args.episodes * len(SHARED) + len(STAGES) - len(SHARED)
        ray = next((name for name in again if name.startswith("Ray")), "")
        per_task = max(0.0, (again[ray] - again["all cores"]) / tasks) if ray else 0.0
        print("seconds of stages: " + ", ".join(f"{name} {one:.1f}" for name, one in spent.items()))
        if ray:
            more = (min(took[ray]) - least) / tasks
            print(f"a task of Ray costs {per_task:.2f} s where all is done, {more:.2f} s where models are loaded")
        plan(spent, args.episodes * args.seconds, again["all cores"] / len(STAGES), per_task)
    return 0 if len({*made.values()}) == 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
