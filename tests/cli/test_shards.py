"""--shard I/N: what N processes make of one folder, in any order, also twice or after a kill, is what one makes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import classify_characters
import detect_faces
import extract_frames
import generate_metadata
import tag_images
from framekit.boxes import Face, Seen
from framekit.characters import descriptors
from framekit.dataset.share import Share, own_frames
from framekit.faces import detect, scenes
from framekit.faces.models import Detector, InWorker
from framekit.pixels.decode import Pixels
from tests.conftest import ROOT, clip_frames, one_sentence, patchwork, plain, save_frame, tree, write_clip
from tests.helpers_dataset import MIDDLE, add_faces, add_frame, add_json, add_text, save_tagger

MAINS = {
    "extract_frames": extract_frames.main,
    "tag_images": tag_images.main,
    "detect_faces": detect_faces.main,
    "classify_characters": classify_characters.main,
    "generate_metadata": generate_metadata.main,
}
SINGLE = [""]
SHARDS = {
    "two": ["1/2", "2/2"],
    "three, the last one first": ["3/3", "1/3", "2/3"],
    "more than there is": [f"{number}/40" for number in range(40, 0, -1)],
    "overlapping": ["1/2", "1/3", "2/3", "1/2", "2/2", "3/3"],
}
SLOW = {"two", "overlapping"}  # of what takes seconds
Held = dict[str, object]


def held(root: Path) -> Held:
    """Return what each file holds, byte for byte; of journals the lines, in any order and once; of archives arrays."""
    found: Held = {}
    for name, (content, _) in tree(root).items():
        if name.endswith(".npz"):
            with np.load(root / name, allow_pickle=False) as archive:
                found[name] = [(key, archive[key].dtype, archive[key].tobytes()) for key in archive.files]
        else:
            found[name] = {*content.splitlines()} if name.endswith(".jsonl") else content
    commands = root / ".commands.jsonl"
    return found | ({"commands": commands.read_text().replace(str(root), "ROOT")} if commands.exists() else {})


def run(script: str, root: Path, shards: Sequence[str], *words: str) -> None:
    for shard in shards:
        options = [*([f"--shard={shard}"] if shard else []), *(word.replace("ROOT", str(root)) for word in words)]
        assert MAINS[script](options) in (0, 1)


def same_as_one(script: str, base: Path, work: Path, shards: Sequence[str], *words: str) -> Held:
    """Run a script on two copies of a folder, once as one and once in shards; return what both hold."""
    for name, parts in (("one", SINGLE), ("many", shards)):
        shutil.copytree(base, work / name)
        run(script, work / name, parts, *words)
    one, many = held(work / "one"), held(work / "many")
    assert many.keys() == one.keys()
    assert [name for name in one if one[name] != many[name]] == []
    return one


def add_show(folder: Path, episodes: int, frames: int) -> None:
    """Write frames of episodes, three to a scene, with faces and a hair colour that tell scene and place."""
    for episode in range(1, episodes + 1):
        place, known = folder / f"EP{episode:02d}", {}
        for number in range(frames):
            frame = add_frame(place / f"s_EP{episode:02d}_{number:06d}.png", patchwork(100 * episode + number))
            known[frame.stem] = {"time": number / 2, "source_frame": 12 * number, "scene": number // 3}
            add_faces(frame, MIDDLE)
        record = {"schema": 1, "video": f"{episode}.mkv", "episode": place.name, "prefix": "s", "frames": known}
        (place / ".frames.json").write_text(json.dumps(record))


@pytest.fixture(params=[1, 5], ids=["one episode", "five episodes"])
def show(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a folder with a show, an odd file in it, and frames beside and within the episodes."""
    add_show(tmp_path / "base/set", request.param, 12)
    if request.param > 1:
        for place in (".", "extra", "EP02/more"):
            for number in (3, 4):
                add_faces(add_frame(tmp_path / f"base/set/{place}/z{number}.png", patchwork(number)), MIDDLE)
    (tmp_path / "base/set/EP01/broken.png").write_bytes(b"no picture")
    return tmp_path / "base"


@pytest.mark.parametrize("shards", SHARDS)
def test_tags_of_a_tagger(show: Path, tmp_path: Path, shards: str) -> None:
    save_tagger(tmp_path / "tagger", [("first", 0), ("second", 0), ("third", 0)], (0, 1, 2))
    words = ["ROOT/set", "--model", str(tmp_path / "tagger"), "--workers", "1", "--batch_size", "1"]
    found = same_as_one("tag_images", show, tmp_path, SHARDS[shards], *words, "--threshold_mode", "mcut")
    assert sum(name.endswith(".tags") for name in found) >= 12
    assert any(".scores-" in name for name in found)


@pytest.mark.parametrize("shards", SHARDS)
def test_measured_tags(show: Path, tmp_path: Path, shards: str) -> None:
    words = ["ROOT/set", "--model", "measured", "--workers", "1"]
    same_as_one("tag_images", show, tmp_path, SHARDS[shards], *words)


@pytest.mark.parametrize("shards", SHARDS)
def test_faces_that_their_scene_bears_out(
    show: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shards: str
) -> None:
    for path in show.rglob("*.faces.json"):
        path.unlink()

    def seen(path: Path) -> tuple[Path, Seen]:
        number = sum(path.stem.encode())
        clear = [Face(MIDDLE, 0.9)] if number % 3 else []
        return path, Seen(clear, [], [], [] if clear else [Face(MIDDLE, 0.3)])

    monkeypatch.setattr(scenes, "find_faces", lambda paths, *_: map(seen, paths))
    found = same_as_one("detect_faces", show, tmp_path, SHARDS[shards], "ROOT/set")
    texts = [str(content) for name, content in found.items() if name.endswith(".faces.json")]
    assert any("0.3" in text for text in texts)


@pytest.mark.parametrize("shards", SHARDS)
def test_names_for_which_a_folder_is_weighed_together(
    show: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shards: str
) -> None:
    def detector(*_: object) -> Detector:
        return InWorker(lambda pixels: [Face(MIDDLE, 0.9)])

    def embed(crops: Sequence[Pixels]) -> descriptors.Vector:
        return np.stack([descriptors.unit(one.reshape(-1, 3).mean(axis=0) - 100) for one in crops])

    monkeypatch.setattr(detect, "load_detector", detector)
    monkeypatch.setattr(descriptors, "load_one", lambda model, device: embed)
    for number, name in enumerate(("Aoba", "Hinata", "ood")):
        for each in range(3):
            save_frame(tmp_path / f"references/{name}/{each}.png", patchwork(100 + 4 * number + each))
    words = ["ROOT/set", "--ref_dir", str(tmp_path / "references"), "--workers", "1", "--propagate"]
    found = same_as_one("classify_characters", show, tmp_path, SHARDS[shards], *words)
    assert sum(name.endswith(".characters.json") for name in found) >= 12


@pytest.mark.parametrize("shards", SHARDS)
def test_metadata(show: Path, tmp_path: Path, shards: str) -> None:
    for number, frame in enumerate(sorted(show.rglob("*.png"))):
        add_text(frame, ".tags", f"hat, number_{number}\n")
    add_text(show / "set/EP01/s_EP01_000004.png", ".json", '{"tags": ["other"], "width": 3}')
    words = ["ROOT/set", "--general_description", "anishot"]
    found = same_as_one("generate_metadata", show, tmp_path, SHARDS[shards], *words)
    assert found.keys() >= {f"set/EP01/s_EP01_{number:06d}.json" for number in range(12)}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with four videos, one that is none, and one that is too short."""
    folder, drawn = tmp_path_factory.mktemp("videos"), clip_frames()
    for number in range(1, 5):
        write_clip(folder / f"videos/show {number:02d}.mp4", drawn[number:])
    (folder / "videos/show 05.mp4").write_bytes(b"no video")
    return folder


@pytest.mark.parametrize("shards", sorted(SLOW))
def test_frames_of_videos(videos: Path, tmp_path: Path, shards: str) -> None:
    words = ["--src_dir", "ROOT/videos", "--dst_dir", "ROOT/set", "--prefix", "s"]
    found = same_as_one("extract_frames", videos, tmp_path, SHARDS[shards], *words)
    assert {f"set/EP0{number}/.frames.json" for number in range(1, 5)} <= found.keys()


def command(script: str, root: Path, shard: str) -> list[str]:
    """Return the command of a script on a folder that does a shard, or all."""
    words = [sys.executable, str(ROOT / f"{script}.py"), *(["--shard", shard] if shard else [])]
    if script == "extract_frames":
        return [*words, str(root / "videos"), "--dst_dir", str(root / "set"), "--prefix", "s", "--workers", "1"]
    return [*words, str(root / "set"), "--model", "measured", "--workers", "1"]


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signals")
@pytest.mark.parametrize("script", ["extract_frames", "tag_images"])
def test_shards_at_once_that_overlap_and_are_killed(videos: Path, tmp_path: Path, script: str) -> None:
    base = videos if script == "extract_frames" else tmp_path / "base"
    if base != videos:
        for number in range(30):
            add_faces(add_frame(base / f"set/{number}.png", patchwork(number, 320, 180)), MIDDLE)
    for name in ("one", "many"):
        shutil.copytree(base, tmp_path / name)
    assert subprocess.run(command(script, tmp_path / "one", ""), capture_output=True, check=False).returncode in (0, 1)
    for delay in (0.8, 1.2, None):
        shards = ["1/2", "2/2", "1/3", "2/3", "1/2"]
        at_once = [subprocess.Popen(command(script, tmp_path / "many", shard), stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, text=True) for shard in shards]  # fmt: skip
        if delay is not None:
            time.sleep(delay)
            for process in at_once:
                process.send_signal(signal.SIGKILL)
        told = [process.communicate(timeout=120)[1] for process in at_once]
    codes = [process.returncode for process in at_once]
    assert [code for code, text in zip(codes, told, strict=True) if code == 2 and "works on" not in text] == [], told
    assert codes.count(2) <= 1  # of the two that are the same, if the first one works on when the second one gives up
    run_whole = subprocess.run(command(script, tmp_path / "many", ""), capture_output=True, text=True, check=False)
    assert run_whole.returncode in (0, 1), run_whole.stderr
    assert "nothing" in run_whole.stdout
    one, many = held(tmp_path / "one"), held(tmp_path / "many")
    assert many.keys() == one.keys()
    assert [name for name in one if one[name] != many[name]] == []
    assert not [path for path in (tmp_path / "many").rglob("*") if path.suffix in (".tmp", ".lock", ".partial")]


@pytest.mark.parametrize("script", MAINS)
@pytest.mark.parametrize("wrong", ["0/3", "4/3", "2-3", "3", "1/0", "a/b", "-1/2", "1/2/3", "²/3", "1/99999999"])
def test_a_wrong_shard_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], script: str, wrong: str
) -> None:
    assert MAINS[script]([str(tmp_path), f"--shard={wrong}"]) == 2
    assert f"{wrong} is no share; write I/N, such as 2/3" in one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize("script", ["remove_similar", "arrange_folders", "prepare_training"])
def test_what_takes_all_frames_says_that_it_runs_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], script: str
) -> None:
    main = __import__(script).main
    assert main([str(tmp_path), "--shard", "1/2"]) == 2
    assert "so it runs once" in one_sentence(capsys.readouterr().err)


ALL_TOGETHER = [
    ("extract_frames", "--redo"),
    ("extract_frames", "--remove_similar"),
    ("tag_images", "--summary"),
    ("detect_faces", "--crops=crops"),
    ("detect_faces", "--annotate=looked"),
    ("detect_faces", "--min_face_number=1"),
    ("classify_characters", "--cluster=groups"),
    ("classify_characters", "--evaluate"),
    ("classify_characters", "--annotate=looked"),
    ("generate_metadata", "--characters_from_folders"),
]


@pytest.mark.parametrize(("script", "option"), ALL_TOGETHER)
def test_an_option_that_takes_all_together_waits_for_a_run_without_shard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], script: str, option: str
) -> None:
    words = ["--dst_dir", str(tmp_path)] if script == "extract_frames" else []
    assert MAINS[script]([str(tmp_path), "--shard", "1/2", *words, option]) == 2
    told = one_sentence(capsys.readouterr().err)
    assert option.partition("=")[0] in told
    assert "--shard" in told


def test_of_a_config_it_waits_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "show.toml").write_text('[tag_images]\nsummary = true\nmodel = "measured"\nshard = "1/1"\n')
    add_frame(tmp_path / "set/x.png")
    words = [str(tmp_path / "set"), "--config", str(tmp_path / "show.toml"), "--workers", "1"]
    assert tag_images.main(words) == 0
    assert (tmp_path / "set/x.png.tags").exists()
    assert not (tmp_path / "set/tags_summary.csv").exists()


def test_references_are_looked_at_as_in_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for episode, model in (("EP01", "animeface"), ("EP02", "another")):
        add_faces(add_frame(tmp_path / f"set/{episode}/x.png"), MIDDLE, model=model)
    asked = []

    def load(name: str, settings: detect.Settings) -> Detector:
        asked.append(name)
        return InWorker(lambda pixels: [Face(MIDDLE, 0.9)])

    monkeypatch.setattr(detect, "load_detector", load)
    save_frame(tmp_path / "references/Aoba/1.png", plain((200, 9, 9), 60, 60))
    for number in (1, 2):
        words = [str(tmp_path / "set"), "--ref_dir", str(tmp_path / "references"), "--shard", f"{number}/2"]
        assert classify_characters.main([*words, "--workers", "1"]) == 0, capsys.readouterr().err
    assert {*asked} == {"animeface"}


def test_a_shard_without_faces_is_told_as_part_of_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_frame(tmp_path / "set/EP01/x.png")
    add_json(add_frame(tmp_path / "set/EP02/x.png"), ".faces.json", {"schema": 1, "model": "animeface", "faces": []})
    save_frame(tmp_path / "references/Aoba/1.png", plain((200, 9, 9), 60, 60))
    for number in (1, 2):
        words = [str(tmp_path / "set"), "--ref_dir", str(tmp_path / "references"), "--shard", f"{number}/2"]
        assert classify_characters.main([*words, "--dry_run"]) == 0, capsys.readouterr().err


def test_a_shard_of_videos_that_are_too_short_lists_them(videos: Path, tmp_path: Path) -> None:
    words = ["--src_dir", "ROOT/videos", "--dst_dir", "ROOT/set", "--start", "1.6"]
    long = write_clip(tmp_path / "base/videos/show 01.mp4", clip_frames() * 2)
    shutil.copy(videos / "videos/show 02.mp4", long.parent)
    found = same_as_one("extract_frames", tmp_path / "base", tmp_path, ["1/2", "2/2"], *words)
    assert "set/EP01/.frames.json" in found


def test_an_empty_shard_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_frame(tmp_path / "x.png")
    said = []
    for number in (1, 2):
        assert tag_images.main([str(tmp_path), "--model", "measured", "--shard", f"{number}/2"]) == 0
        said.append(capsys.readouterr().out)
    assert sorted("is empty: the 1 frame here belong" in text for text in said) == [False, True]


def test_the_history_has_a_command_in_shards_once_and_as_one(tmp_path: Path) -> None:
    add_frame(tmp_path / "x.png")
    for number in (1, 2, 3):
        assert tag_images.main([str(tmp_path), "--shard", f"{number}/3", "--model", "measured"]) == 0
    [line] = (tmp_path / ".commands.jsonl").read_text().splitlines()
    assert json.loads(line)["command"].endswith("--model measured")
    assert "shard" not in line


def test_a_tree_of_arranged_frames_is_described_by_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".arranged.jsonl").touch()
    assert generate_metadata.main([str(tmp_path), "--shard", "1/2"]) == 2
    assert "is described by one run, without --shard" in one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize("of", [1, 2, 3, 4, 6, 12])
def test_a_season_is_shared_out_evenly(of: int) -> None:
    labels = [f"S02EP{number:02d}" for number in range(1, 13)]
    own = [[label for label in labels if Share(number, of).has(label)] for number in range(1, of + 1)]
    assert sorted(label for one in own for label in one) == labels
    assert {len(one) for one in own} == {12 // of}


def test_what_is_added_later_changes_no_share(tmp_path: Path) -> None:
    add_show(tmp_path, 4, 3)
    found = sorted(tmp_path.rglob("*.png"))
    more = sorted([*found, tmp_path / "EP00/x.png", tmp_path / "EP01/new.png"])
    for number in (1, 2):
        share = Share(number, 2)
        assert {*own_frames(share, found, tmp_path, [])} <= {*own_frames(share, more, tmp_path, [])}


def test_the_frames_of_one_folder_are_shared_out_by_scenes(tmp_path: Path) -> None:
    add_show(tmp_path, 1, 30)
    found = sorted(tmp_path.rglob("*.png"))
    own = [own_frames(Share(number, 2), found, tmp_path, []) for number in (1, 2)]
    assert [len(one) for one in own] == [15, 15]
    assert all(len({int(frame.stem[-6:]) // 3 for frame in one}) == 5 for one in own)


def test_frames_that_other_tools_number_by_steps_are_shared_out(tmp_path: Path) -> None:
    found = [tmp_path / f"f{24 * number:06d}.png" for number in range(200)]
    assert all(80 < len(own_frames(Share(number, 2), found, tmp_path, [])) < 120 for number in (1, 2))


def test_what_cannot_be_used_is_listed_by_one_shard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_frame(tmp_path / "a.png", plain((1, 2, 3)))
    save_frame(tmp_path / "a.jpg", plain((1, 2, 3)))
    codes = [tag_images.main([str(tmp_path), "--model", "measured", "--shard", f"{one}/3"]) for one in (1, 2, 3)]
    assert capsys.readouterr().err.count("a.png: a.jpg and a.png would share") == 1
    assert 1 in codes
