"""Time and memory of the review page on many frames, and the keystrokes of a session of corrections.

    python -m benchmarks.bench_review --frames 100000
    python -m benchmarks.bench_review --session

The first draws frames of 8x6 pixels with all sidecars and stored descriptors, a tenth of them set aside, serves them by
`extras/review.py` and looks at them in Chromium: what is told is from the key to the last picture in view. The second
plays a person on a show of two episodes who names 200 unknown faces, sets 50 frames aside and corrects the tags of 30,
by the keyboard alone, and counts the keys. Beside it stand those of a text editor that opens files by the letters that
tell them apart, replaces the first match of a word and saves; it sets frames aside with one command for all of them,
whose numbers are typed. Playwright and the distribution's Chromium are needed.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
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
def served(root: Path) -> Iterator[tuple[str, int, float]]:
    """Serve a dataset; yield the address, the process and the seconds until it told the address."""
    began = time.perf_counter()
    command = [sys.executable, str(ROOT / "extras/review.py"), str(root), "--no_browser", "--port", "0"]
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


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="folder of the drawn frames, used again if it is there")
    parser.add_argument("--session", action="store_true", help="count keys instead")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if args.session:
            return
        root = args.keep or Path(temporary) / "frames"
        if not root.is_dir():
            draw_large(root, args.frames)
        for name, value in measure_scale(root):
            limit = LIMITS.get(name) if name != "MB" else MOST_MEMORY
            print(f"{name:20} {value:8.2f}" + (f"  limit {limit}" if limit else ""), flush=True)


if __name__ == "__main__":
    main()
