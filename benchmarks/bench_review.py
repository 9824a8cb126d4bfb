"""Time and memory of the review page on many frames, and the keystrokes of a session of corrections.

    python -m benchmarks.bench_review --frames 100000
    python -m benchmarks.bench_review --session DATASET/frames

The first draws frames of 8x6 pixels with all sidecars and stored descriptors, a tenth of them set aside, serves them by
`extras/review.py` and looks at them in Chromium: what is told is from the key to the last picture in view. The second
plays a person on a copy of a dataset, whose names are taken for true: 200 of its faces are made unknown and are named
again, 50 frames in five runs are set aside, and a tag is taken from 30 frames and another given; all by the keyboard
alone, and the keys are counted. Beside it stand the keys of a text editor that opens a file by the four letters that
tell it apart (6 keys), finds a word by five letters (7), takes a name that it completes after three letters (4) and
saves (1), and of a shell that moves a frame by the same four letters (6); that the pictures must be looked at somewhere
else is not counted. Playwright and the distribution's Chromium are needed.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import generate_metadata
from benchmarks.bench_prepare import CAST, draw_dataset
from framekit.dataset.frames import find_frames
from framekit.dedup.descriptors import DIMENSIONS, Described, write_store
from framekit.pixels.measure import VIEW, Measures
from framekit.sidecars.corrections import WRITTEN, digest
from framekit.sidecars.metadata import NOBODY

ROOT = Path(__file__).resolve().parents[1]
LIMITS = {"start": 5.0, "first view": 1.0, "filter": 0.3, "end": 1.0}  # s
MOST_MEMORY = 500  # MB
PICTURES = "[...document.querySelectorAll('.tile img')]"
SHOWN = f"{PICTURES}.length > 5 && {PICTURES}.every(one => one.complete)"
QUIET = (
    "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync --disable-dev-shm-usage"
)


def draw_large(root: Path, number: int) -> None:
    """Write frames with all sidecars and descriptors of chance, every tenth set aside as similar to the one before."""
    draw_dataset(root, number)
    assert generate_metadata.main([str(root), "--quiet"]) == 0
    chance = np.random.default_rng(0)
    measures = Measures(*([1.0] * len(Measures.__dataclass_fields__)))
    lines, folders = [], dict[Path, list[Path]]()
    for frame in find_frames(root):
        folders.setdefault(frame.parent, []).append(frame)
    for folder, frames in folders.items():
        rows = chance.normal(size=(len(frames), DIMENSIONS)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        view = np.zeros(VIEW[::-1], np.uint8)
        held = {
            frame.name: Described(frame.stat().st_size, row, measures, view)
            for frame, row in zip(frames, rows, strict=True)
        }
        write_store(folder, held)
        for before, frame in zip(frames[8::10], frames[9::10], strict=False):
            to = root / ".removed/similar" / frame.relative_to(root)
            to.parent.mkdir(parents=True, exist_ok=True)
            for path in folder.glob(f"{frame.stem}.*"):
                path.rename(to.with_name(path.name))
            names = {"frame": frame.relative_to(root).as_posix(), "to": to.relative_to(root).as_posix()}
            like = {"resembles": before.relative_to(root).as_posix(), "similarity": 0.99}
            lines.append(json.dumps({**names, "reason": "similar", **like}))
    (root / ".removed/manifest.jsonl").write_text("".join(f"{line}\n" for line in lines))


@contextmanager
def served(root: Path, *words: str) -> Iterator[tuple[str, int, float]]:
    """Serve a dataset; yield the address, the process and the seconds until it told the address."""
    began = time.perf_counter()
    command = [sys.executable, str(ROOT / "extras/review.py"), str(root), "--no_browser", "--port", "0", *words]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    try:
        yield running.stdout.readline().split()[-1], running.pid, time.perf_counter() - began
    finally:
        running.terminate()
        running.wait(30)


@contextmanager
def opened(width: int = 1280, height: int = 800) -> Iterator[Any]:
    """Yield a page of the distribution's browser."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=QUIET.split())
        yield browser.new_context(bypass_csp=True, viewport={"width": width, "height": height}).new_page()
        browser.close()


def memory(pid: int) -> float:
    """Return the most memory that a process held, in MB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) / 1024


def shown(page: Any, wanted: str = "true") -> None:
    """Wait until a view with a condition, and all its pictures, are there."""
    page.wait_for_function(f"({wanted}) && document.querySelector('main').ariaBusy === 'false' && {SHOWN}", polling=10)


def timed(act: Callable[[], Any]) -> float:
    """Return the seconds that something takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def measure_scale(root: Path) -> Iterator[tuple[str, float]]:
    """Yield seconds, at last MB, of the page on a dataset."""
    with served(root) as (address, pid, start), opened() as page:

        def show(where: str) -> None:
            page.goto(where) if where == address else page.reload()
            shown(page)

        def choose(name: str, value: str) -> None:
            before = page.title()
            page.select_option(f"select[name={name}]", value)
            shown(page, f"document.title !== {json.dumps(before)}")

        def press(*keys: str, wanted: str = "true") -> None:
            for key in keys:
                page.keyboard.press(key)
            shown(page, wanted)

        yield "start", start
        yield "first view", timed(lambda: show(address))
        began = time.perf_counter()
        page.wait_for_function("document.querySelector('#status').textContent.includes('reading')", polling=100)
        page.wait_for_function("!document.querySelector('#status').textContent", polling=100, timeout=300_000)
        yield "all sidecars read", time.perf_counter() - began
        yield "filter", timed(lambda: choose("character", CAST[3]))
        choose("character", "")
        page.focus(".grid")
        yield "end", timed(lambda: press("End", wanted="document.querySelector('.tile.cursor')"))
        yield "sorted by likeness", timed(lambda: press("s", wanted="location.hash.includes('similar')"))
        yield "loaded anew", timed(lambda: show(page.url))
        for number, name in enumerate(("faces", "groups", "removed"), start=2):
            wanted = f"location.hash.includes('{name}')"
            keys = [f"Shift+Digit{number}", *(["]"] if name == "faces" else [])]
            yield name, timed(lambda: press(*keys, wanted=wanted))  # noqa: B023
        busy = "document.querySelector('main').ariaBusy === 'false' && document.querySelector('main table')"
        for number, name in ((5, "balance"), (7, "characters")):
            began = time.perf_counter()
            page.keyboard.press(f"Shift+Digit{number}")
            page.wait_for_function(busy, polling=10, timeout=120_000)
            yield name, time.perf_counter() - began
        press("Shift+Digit1")
        choose("character", CAST[5])
        page.focus(".grid")
        page.keyboard.press("Enter")
        page.wait_for_selector(".box")
        began = time.perf_counter()
        page.keyboard.press("o")
        page.wait_for_function("document.querySelector('#status').textContent.includes('named')", polling=10)
        yield "name a face", time.perf_counter() - began
        page.keyboard.press("z")
        page.wait_for_function("document.querySelector('#status').textContent.includes('undone')", polling=10)
        yield "MB", memory(pid)


class Keyboard:
    """The keyboard of a page, which counts."""

    def __init__(self, page: Any) -> None:
        """Begin at nought."""
        self.page, self.count = page, 0

    def press(self, *keys: str) -> None:
        """Press keys one after the other, and wait for what they do."""
        for key in keys:
            self.page.keyboard.press(key)
            self.count += 1 + key.count("+")
        self.settle()

    def write(self, text: str) -> None:
        """Write into a dialog, as fast as the page takes it, and end with Enter."""
        self.page.wait_for_selector("dialog[open]")
        self.page.keyboard.type(text)
        self.count += len(text)
        self.press("Enter")

    def settle(self) -> None:
        """Wait until the page stands still."""
        for _ in range(2):
            self.page.wait_for_function("document.querySelector('main').ariaBusy === 'false'", polling=10)
            self.page.wait_for_timeout(20)


Face = tuple[str, int]  # path of the frame, place there


def forget_names(root: Path, number: int) -> dict[Face, str]:
    """Make so many faces of a dataset unknown; return who they are."""
    truth: dict[Face, str] = {}
    for frame in find_frames(root):
        path = frame.with_suffix(".characters.json")
        record = json.loads(path.read_text())
        for place, face in enumerate(record["faces"]):
            if face["name"] not in NOBODY and len(truth) < number:
                truth[frame.relative_to(root).as_posix(), place] = face["name"]
                face["name"] = "unknown"
        path.write_text(json.dumps({**record, WRITTEN: digest(record["faces"])}))
    assert generate_metadata.main([str(root), "--quiet"]) == 0
    return truth


SHOWN_FACES = """async () => {
  const ask = async (what) => (await fetch(`/api/${what}`)).json();
  const chosen = document.querySelector('nav.left h2 + ul .chosen');
  if (!chosen) return [];
  const key = chosen.textContent.replace(/^✓ /, '').replace(/(: .*)? \\(\\d+\\)$/, '');
  const told = await ask(`faces?by=cluster&count=1000&key=${encodeURIComponent(key)}`);
  return told.faces.map((one) => [one.path, one.index]);
}"""


def name_by_groups(keys: Keyboard, truth: dict[Face, str]) -> int:
    """Name unknown faces by the groups that look alike; return how many groups there were.

    In each group those are named first who are few there, or who were nobody all along, then all that are left.
    """
    groups = 0
    keys.press("Shift+Digit2", "c")
    while True:
        words = "document.querySelector('nav.left').innerText"
        keys.page.wait_for_function(f"!{words}.includes('grouping')", polling=20, timeout=60_000)
        keys.settle()
        names = [truth.get((path, place), "") for path, place in keys.page.evaluate(SHOWN_FACES)]
        if not any(names):
            if groups and names and keys.page.evaluate("document.querySelectorAll('nav.left h2 + ul li').length") > 1:
                raise SystemExit("groups of strangers alone stand before others")
            return groups
        groups += 1
        for name, _ in Counter(names).most_common()[:0:-1]:
            at = 0
            keys.press("Home")
            for place in [number for number, one in enumerate(names) if one == name]:
                keys.press(*["ArrowRight"] * (place - at), "Space")
                at = place
            give(keys, "n" if name else "o", name)
            names = [one for one in names if one != name]
        give(keys, "N", names[0]) if names[0] else keys.press("a", "o")


def give(keys: Keyboard, key: str, name: str) -> None:
    """Give a name by its number, or by as many letters as tell it apart."""
    keys.press(key)
    if not name:
        return
    known = [one for one, _ in keys.page.evaluate("fetch('/api/summary').then((told) => told.json())")["characters"]]
    if (place := known.index(name)) < 9:
        keys.press(str(place + 1), "Enter")
        return
    letters = next(n for n in range(1, 99) if next(one for one in known if one.startswith(name[:n])) == name)
    keys.page.keyboard.type(name[:letters])
    keys.count += letters
    keys.press("Tab", "Enter")


def play_session(source: Path, folder: Path) -> dict[str, tuple[int, int]]:
    """Return for each job the keys on the page and in an editor."""
    root = folder / "frames"
    shutil.copytree(source, root)
    truth = forget_names(root, 200)
    for name in {*truth.values()}:
        (folder / "references" / name).mkdir(parents=True)
    told: dict[str, tuple[int, int]] = {}
    with served(root, "--ref_dir", str(folder / "references")) as (address, _, _), opened() as page:
        keys = Keyboard(page)
        page.goto(address)
        shown(page)
        page.wait_for_timeout(4000)
        groups = name_by_groups(keys, truth)
        wrong = 0
        for (path, place), name in truth.items():
            record = json.loads((root / path).with_suffix(".characters.json").read_text())
            wrong += record["faces"][place]["name"] != name
        told[f"name {len(truth)} faces, {groups} groups, {wrong} wrong"] = keys.count, len(truth) * (6 + 7 + 4 + 1)
        keys.count = 0
        keys.press("Shift+Digit1", "Home")
        for _ in range(5):
            keys.press("PageDown", *["Shift+ArrowRight"] * 9, "x")
            keys.write("by_hand")
        before = len(find_frames(source))
        told[f"set {before - len(find_frames(root))} frames aside"] = keys.count, 50 * 6
        keys.count = 0
        keys.press("Home", *["Shift+ArrowRight"] * 29, "t")
        keys.write("night -solo")
        told["correct the tags of 30 frames"] = keys.count, 30 * (6 + 7 + 5 + 1)
    return told


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="folder of the drawn frames, used again if it is there")
    parser.add_argument("--session", type=Path, help="dataset to play a session on, instead")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if args.session:
            for job, (here, editor) in play_session(args.session, Path(temporary)).items():
                print(f"{job:45} {here:5} keys, in an editor {editor:5}, ratio {editor / here:5.1f}")
            return
        root = args.keep or Path(temporary) / "frames"
        if not root.is_dir():
            draw_large(root, args.frames)
        for name, value in measure_scale(root):
            limit = LIMITS.get(name) if name != "MB" else MOST_MEMORY
            print(f"{name:20} {value:8.2f}" + (f"  limit {limit}" if limit else ""), flush=True)


if __name__ == "__main__":
    main()
