"""Run every script over a show, and list what each file that comes out holds: the data must not change by accident.

    python -m tests.whole.pipeline run VIDEOS REFERENCES OUT [--scripts CHECKOUT]
    python -m tests.whole.pipeline compare BEFORE AFTER

`run` works in OUT with relative paths, so that journals of two runs are alike. `compare` names each file that differs;
archives are compared by their arrays, pages by their figures, journals without times.
"""

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# Each line is typed as a user would type it; corrections by hand stand between them.
COMMANDS = """
extract_frames.py --src_dir videos --dst_dir frames --prefix show
remove_similar.py --src_dir frames --report similar.html
detect_faces.py --src_dir frames --model animeface --crops crops
classify_characters.py --src_dir frames --ref_dir references
tag_images.py --src_dir frames --model measured
generate_metadata.py --src_dir frames --general_description anishot
CORRECT
generate_metadata.py --src_dir frames --general_description anishot
arrange_folders.py --src_dir frames --dst_dir training --copy --format n_characters/character/fh_ratio \
--min_image_per_combination 2
prepare_training.py --src_dir training --max_tag_number 15 --shuffle_tags --report report.html
prepare_training.py --src_dir training --check
prepare_training.py --src_dir training --dst_dir exports --trainer everydream2 kohya onetrainer diffusers \
--template "{count}, {characters}, {general}, {facepos}, {tags}" --face_position words --captions_per_frame 2
prepare_training.py --src_dir training --dst_dir folders --trainer kohya --kohya_form folders
prepare_training.py --src_dir training --dst_dir fine_tuning --trainer kohya --kohya_form metadata
generate_metadata.py --src_dir training --rename names.csv
arrange_folders.py --src_dir frames --dst_dir training --copy --format character/fh_ratio
prepare_training.py --src_dir training --overwrite_corrections
arrange_folders.py --src_dir training --dst_dir flat --flatten --copy
remove_similar.py --src_dir frames --restore
"""
# Times, and folders of the machine: the only things that two runs of the same scripts may tell differently.
TIMES = re.compile(rb'("(?:time|written_at|at|mtime|mtime_ns|started)": )("[^"]*"|[\d.]+)')


def correct(frames: Path) -> None:
    """Correct the metadata of a few frames as a person would: names, tags, general."""
    for number, path in enumerate(sorted(frames.glob("*/*_*.json"))):
        if path.name.endswith((".faces.json", ".characters.json")) or number % 5:
            continue
        known = json.loads(path.read_text(encoding="utf-8"))
        known["tags"] = [*known["tags"], "corrected_by_hand"]
        if known["characters"] and number % 2:
            known["characters"] = ["Somebody", *known["characters"][1:]]
        path.write_text(json.dumps(known), encoding="utf-8")


def run(videos: Path, references: Path, done: Path, scripts: Path, python: str = sys.executable) -> list[str]:
    """Run all commands, then name their folder `done`; return the exit code of each with its command.

    All runs beside each other work in one folder, one after the other, since some files hold its absolute path.
    """
    out = done.parent / "running"
    out.mkdir(parents=True)
    (out / "videos").symlink_to(videos.resolve())
    (out / "references").symlink_to(references.resolve())
    (out / "names.csv").write_text("SoraMinato,SoraX\nreimu,ReimuX\n", encoding="utf-8")
    said = []
    for line in COMMANDS.replace("\\\n", "").strip().splitlines():
        if line == "CORRECT":
            correct(out / "frames")
            continue
        script, *words = shlex.split(line)
        ran = subprocess.run(
            [python, str(scripts / script), *words], cwd=out, capture_output=True, text=True, encoding="utf-8"
        )
        said.append(f"{ran.returncode} {line}")
        with (out / "said.txt").open("a", encoding="utf-8") as file:
            file.write(f"$ {line}\n{ran.stdout}{ran.stderr}[{ran.returncode}]\n")
    out.rename(done)
    return said


def arrays(path: Path) -> bytes:
    """Return the names, shapes and bytes of an archive's arrays, without the times of the archive."""
    import numpy as np

    with np.load(path, allow_pickle=False) as archive:
        return b"".join(
            f"{name} {archive[name].dtype} {archive[name].shape}".encode() + archive[name].tobytes()
            for name in sorted(archive.files)
        )


def pixels(path: Path) -> bytes:
    """Return the pixels of a frame: two builds of a compressor may write other bytes."""
    from PIL import Image

    with Image.open(path) as image:
        return f"{image.mode} {image.size}".encode() + bytes(image.tobytes())


def content(path: Path, out: Path) -> bytes:
    """Return what a file holds, without what two runs may tell differently."""
    if path.suffix == ".npz":
        return arrays(path)
    if path.suffix == ".png":
        return pixels(path)
    held = path.read_bytes().replace(str(out.resolve().parent / "running").encode(), b"OUT")
    if path.suffix == ".html":  # words may be rewritten, figures may not
        text = re.sub(rb"<style.*?</style>|src=\"data:[^\"]*\"", b"", held, flags=re.DOTALL)
        return b" ".join(re.findall(rb"\d+(?:\.\d+)?", re.sub(rb"<[^>]*>", b" ", text)))
    return TIMES.sub(rb"\1TIME", held)


def files_of(out: Path) -> Iterator[Path]:
    """Yield all files that the scripts wrote."""
    for folder, folders, names in os.walk(out):
        folders[:] = sorted(name for name in folders if not Path(folder, name).is_symlink())
        yield from (Path(folder, name) for name in sorted(names) if name != "said.txt")


def digests(out: Path) -> dict[str, str]:
    """Return a digest of what each file holds, by its path below `out`."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(content(path, out)).hexdigest()[:16] for path in files_of(out)
    }


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return a line for each file that is gone, new or different."""
    lines = [f"gone: {name}" for name in before if name not in after]
    lines += [f"new: {name}" for name in after if name not in before]
    return lines + [f"different: {name}" for name, held in before.items() if after.get(name, held) != held]


def main() -> int:
    """Run the command line."""
    action, *words = sys.argv[1:]
    if action == "run":
        scripts = Path(words[words.index("--scripts") + 1]) if "--scripts" in words else Path(__file__).parents[2]
        print(*run(Path(words[0]), Path(words[1]), Path(words[2]), scripts.resolve()), sep="\n")
        return 0
    found = differences(digests(Path(words[0])), digests(Path(words[1])))
    print(*found, f"{len(found)} differences", sep="\n")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())
