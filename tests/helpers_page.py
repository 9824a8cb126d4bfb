"""The review page in a real browser: a dataset, `extras/review.py` as a process, and a person at the keyboard."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import generate_metadata
from framekit.dataset import removed
from framekit.sidecars.corrections import WRITTEN, digest
from tests.conftest import ROOT, patchwork
from tests.helpers_dataset import Box, add_faces, add_frame, add_json, add_names, add_text, loaded

LEFT: Box = (0.05, 0.2, 0.25, 0.6)
RIGHT: Box = (0.6, 0.2, 0.8, 0.6)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update"
    " --disable-sync --disable-dev-shm-usage"
).split()
EXPECTED = (200, 304, 400, 409, 422)  # refused with a sentence, changed meanwhile, is the name new?
MOST = 10_000  # ms to wait for the page


def browser_path() -> str:
    """Return the distribution's browser; nothing where there is none."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), "")


def dataset(folder: Path) -> Path:
    """Make two episodes of six frames, named by a script as far as it could, one frame removed as similar."""
    people: dict[str, dict[Box, str]] = {
        "EP01/f0": {LEFT: "iku", RIGHT: "unknown"},
        "EP01/f1": {LEFT: "unknown"},
        "EP01/f2": {},
        "EP01/f3": {LEFT: "iku"},
        "EP02/g0": {LEFT: "mio"},
        "EP02/g1": {LEFT: "unknown"},
        "EP01/f0b": {},
    }
    for number, (name, named) in enumerate(people.items()):
        frame = add_frame(folder / f"{name}.png", patchwork(number, 192, 108))
        add_faces(frame, *named)
        add_names(frame, named)
        for suffix in (".faces.json", ".characters.json"):
            record = loaded(frame, suffix)
            add_json(frame, suffix, record | {WRITTEN: digest(record["faces"])})
        add_text(frame, ".tags", "solo, long_hair\n")
    assert generate_metadata.main([str(folder), "--quiet"]) == 0
    removed.remove(folder, folder / "EP01/f0b.png", "similar", resembles="EP01/f0.png", similarity=0.991)
    return folder


@contextmanager
def served(folder: Path, *words: str) -> Iterator[str]:
    """Serve a dataset by `extras/review.py`; yield the address that it prints."""
    command = [sys.executable, str(ROOT / "extras/review.py"), str(folder), "--no_browser", "--port", "0", *words]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert running.stdout is not None
    try:
        line = running.stdout.readline()
        assert "http://" in line, line + running.stdout.read()
        yield line.split()[-1]
    finally:
        running.terminate()
        running.communicate(timeout=20)


class Person:
    """Somebody at the keyboard; what goes wrong on the page is in `errors`."""

    def __init__(self, page: Any, address: str, folder: Path) -> None:
        self.page, self.folder, self.errors = page, folder, list[str]()
        page.set_default_timeout(MOST)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self.hears)
        page.on("response", lambda told: self.errors.append(told.url) if told.status not in EXPECTED else None)
        page.goto(address)
        self.settle()

    def hears(self, told: Any) -> None:
        """Note what the page itself tells as an error; of answers the statuses are looked at."""
        if told.type == "error" and not told.text.startswith("Failed to load resource"):
            self.errors.append(told.text)

    def settle(self) -> None:
        """Wait until the page has done what it was asked for."""
        self.page.wait_for_selector('main[aria-busy="false"]', state="attached")
        self.page.wait_for_timeout(30)
        self.page.wait_for_selector('main[aria-busy="false"]', state="attached")

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def write(self, text: str, *then: str) -> None:
        """Write a text, then press keys."""
        self.page.wait_for_selector("dialog[open], form.filters :focus")
        self.page.keyboard.type(text)
        self.press(*(then or ("Enter",)))

    def says(self) -> str:
        """Return what the page says at its foot."""
        return str(self.page.inner_text("#status"))

    def text(self) -> str:
        """Return all that the view shows."""
        return str(self.page.inner_text("main"))

    def named(self, name: str) -> list[str]:
        """Return the names of the faces of a frame, as X.json holds them."""
        frame = self.folder / f"{name}.png"
        faces = [one["name"] for one in loaded(frame, ".characters.json")["faces"]]
        assert loaded(frame)["characters"] == faces
        return faces

    def tags(self, name: str) -> str:
        """Return the file of tags of a frame."""
        return (self.folder / f"{name}.png.tags").read_text().strip()
