"""Run every script over a show, and list what each file that comes out holds: the data must not change by accident.

    python -m tests.whole.pipeline record
    python -m tests.whole.pipeline run VIDEOS REFERENCES OUT [--scripts CHECKOUT]
    python -m tests.whole.pipeline compare BEFORE AFTER

`record` rewrites manifest.json, which test_pipeline.py holds the demo show against: run it after a change of the data
that is meant, and commit the manifest with the change. `run` works in OUT, which must not be moved afterwards.
`compare` names each file that differs; archives are compared by their arrays, frames by their pixels, pages by their
figures, and absolute paths below OUT count as equal. What another processor computes in another last digit counts as
equal too: fractions in arrays, in pages and in what was removed.
"""

import hashlib
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = Path(__file__).with_name("manifest.json")

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
arrange_folders.py --src_dir training --dst_dir flat --flatten
remove_similar.py --src_dir frames --restore
"""
# After all commands; a second run of these changes nothing.
REPEATED = """
generate_metadata.py --src_dir flat --general_description anishot
arrange_folders.py --src_dir flat --dst_dir tree --copy --format character/fh_ratio
prepare_training.py --src_dir tree
"""
INPUTS = ("names.csv", "output.txt")
# What the pixels depend on: codecs, and what computes with them.
PACKAGES = ("numpy", "opencv-python-headless", "pillow", "onnxruntime", "animeface", "imageio-ffmpeg")


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


def run(videos: Path, references: Path, out: Path, scripts: Path = ROOT) -> list[str]:
    """Run all commands in a new folder `out`; return the exit code of each with its command."""
    out.mkdir(parents=True)
    (out / "videos").symlink_to(videos.resolve())
    (out / "references").symlink_to(references.resolve())
    (out / "names.csv").write_text("SoraMinato,SoraX\nreimu,ReimuX\n", encoding="utf-8")
    return run_commands(COMMANDS, out, scripts)


def run_commands(commands: str, out: Path, scripts: Path = ROOT) -> list[str]:
    """Run some commands in `out`; return the exit code of each with its command. What they print is in output.txt."""
    codes = []
    for line in commands.replace("\\\n", "").strip().splitlines():
        if line == "CORRECT":
            correct(out / "frames")
            continue
        script, *words = shlex.split(line)
        command = [sys.executable, str(scripts / script), *words]
        ran = subprocess.run(command, cwd=out, capture_output=True, text=True, encoding="utf-8")
        codes.append(f"{ran.returncode} {line}")
        with (out / "output.txt").open("a", encoding="utf-8") as file:
            file.write(f"$ {line}\n{ran.stdout}{ran.stderr}[{ran.returncode}]\n")
    return codes


def run_demo(folder: Path) -> list[str]:
    """Draw the small demo show in a folder, and run all commands on it in `folder`/out; return what `run` returns."""
    draw = [sys.executable, str(ROOT / "demo" / "draw_show.py"), "--height", "360", "--dst_dir", str(folder)]
    subprocess.run(draw, check=True, capture_output=True)
    return run(folder / "videos", folder / "references", folder / "out")


def arrays(path: Path) -> bytes:
    """Return the names and shapes of an archive's arrays, and the bytes of those that hold no fractions."""
    import numpy as np

    with np.load(path, allow_pickle=False) as archive:
        found = {name: archive[name] for name in sorted(archive.files)}
    return b"".join(
        f"{name} {held.dtype} {held.shape}".encode() + (b"" if held.dtype.kind == "f" else held.tobytes())
        for name, held in found.items()
    )


def without_fractions(text: bytes) -> bytes:
    """Return a text with one word for all its fractions of three digits or more: rounded ones differ at each edge."""
    return re.sub(rb"\b\d+\.\d{3,}\b|\b1\.0\b", b"FRACTION", text)


def pixels(path: Path) -> bytes:
    """Return the pixels of a frame: two builds of a compressor may write other bytes."""
    from PIL import Image

    with Image.open(path) as image:
        return f"{image.mode} {image.size}".encode() + bytes(image.tobytes())


def content(path: Path, out: Path) -> bytes:
    """Return what a file holds, the same for each folder `out` that holds it."""
    if path.suffix == ".npz":
        return arrays(path)
    if path.suffix == ".png":
        return pixels(path)
    held = path.read_bytes().replace(str(out.resolve()).encode(), b"OUT")
    if path.suffix == ".html":  # words may be rewritten, figures may not
        text = re.sub(rb"<style.*?</style>|src=\"data:[^\"]*\"", b"", held, flags=re.DOTALL)
        return b" ".join(re.findall(rb"\d+(?:\.\d+)?", without_fractions(re.sub(rb"<[^>]*>|&[^;]*;", b" ", text))))
    if path.name == "manifest.jsonl":
        return without_fractions(held)
    if path.name == ".prepared.json":
        return without_absolute(path, out)
    if path.name == ".arranged.jsonl":  # times of files
        return re.sub(rb'"file": \[[^]]*\]', b'"FILE"', held)
    if path.name == ".configs.json":  # digests of absolute paths
        return re.sub(rb'"(image_dir|metadata_file|path|frame)":\s*\[[^]]*\]', b'"OUT"', held)
    return held


def without_absolute(prepared: Path, out: Path) -> bytes:
    """Return .prepared.json with `OUT` in place of the digests of texts that hold absolute paths."""
    digests = json.loads(prepared.read_bytes())
    for name in digests:
        text = prepared.parent / name
        if text.is_file() and str(out.resolve()).encode() in text.read_bytes():
            digests[name] = "OUT"
    return json.dumps(digests).encode()


def files_of(out: Path) -> Iterator[Path]:
    """Yield all files that the scripts wrote."""
    for folder, folders, names in os.walk(out):
        folders[:] = sorted(name for name in folders if not Path(folder, name).is_symlink())
        yield from (Path(folder, name) for name in sorted(names) if name not in INPUTS)


def digests(out: Path) -> dict[str, str]:
    """Return a digest of what each file holds, by its path below `out`."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(content(path, out)).hexdigest()[:16] for path in files_of(out)
    }


def kind_of(path: str) -> str:
    """Return the kind of a file: its top folder, and its name without the frame's name and without numbers.

    kind_of("frames/EP01/show_EP01_000007.faces.json")  # "frames/*.faces.json"
    """
    top, _, name = path.partition("/")
    name = re.sub(r"\d+", "*", re.sub(r"show_EP\d+_\d+", "*", name.rpartition("/")[2]))
    return f"{top}/{name}" if name else top


def kinds(digests: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return how many files there are of each kind, and one digest of the paths and contents of them all."""
    lines: dict[str, list[str]] = {}
    for path, digest in sorted(digests.items()):
        lines.setdefault(kind_of(path), []).append(f"{path} {digest}\n")
    return {
        kind: {"files": len(found), "digest": hashlib.sha256("".join(found).encode()).hexdigest()[:16]}
        for kind, found in sorted(lines.items())
    }


def environment() -> dict[str, Any]:
    """Return what the digests depend on besides the scripts: versions, the ffmpeg that decodes, the machine."""
    import numpy as np

    from framekit.video.ffmpeg import find_ffmpeg

    build = subprocess.run([find_ffmpeg().path, "-version"], capture_output=True, text=True, check=True).stdout
    simd = np.show_config(mode="dicts")["SIMD Extensions"]  # type: ignore[call-overload,index,unused-ignore]
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        **{name: metadata.version(name) for name in PACKAGES},
        "ffmpeg": build.split(" Copyright")[0],
        "machine": f"{platform.system()} {platform.machine()}",
        "avx512f": bool({"AVX512F", "X86_V4"} & {*simd.get("baseline", ()), *simd.get("found", ())}),
    }


def record() -> list[str]:
    """Rewrite the manifest from a run on the demo show; return what `run` returns."""
    with tempfile.TemporaryDirectory() as folder:
        codes = run_demo(Path(folder))
        found = {"environment": environment(), "kinds": kinds(digests(Path(folder, "out")))}
    lines = ",\n".join(f"  {json.dumps(kind)}: {json.dumps(facts)}" for kind, facts in found["kinds"].items())
    facts = json.dumps(found["environment"], indent=1).replace("\n", "\n ")
    MANIFEST.write_text(f'{{\n "environment": {facts},\n "kinds": {{\n{lines}\n }}\n}}\n', encoding="utf-8")
    return codes


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return a line for each file that is gone, new or different."""
    lines = [f"gone: {name}" for name in before if name not in after]
    lines += [f"new: {name}" for name in after if name not in before]
    return lines + [f"different: {name}" for name, held in before.items() if after.get(name, held) != held]


def main() -> int:
    """Run the command line."""
    action, *words = sys.argv[1:]
    if action == "compare":
        found = differences(digests(Path(words[0])), digests(Path(words[1])))
        print(*found, f"{len(found)} differences", sep="\n")
        return int(bool(found))
    scripts = Path(words[words.index("--scripts") + 1]) if "--scripts" in words else ROOT
    codes = record() if action == "record" else run(Path(words[0]), Path(words[1]), Path(words[2]), scripts.resolve())
    print(*codes, sep="\n")
    return int(any(not code.startswith("0 ") for code in codes))


if __name__ == "__main__":
    raise SystemExit(main())
