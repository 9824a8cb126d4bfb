"""Tags of frames: the taggers' input and output proven against numbers, and the script around them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image

import tag_images
from framekit.boxes import Face
from framekit.dataset.frames import Unreadable
from framekit.errors import UsageError
from framekit.faces import detect
from framekit.faces.detect import Settings
from framekit.faces.models import Detector, InWorker
from framekit.pixels.decode import Pixels, read_pixels
from framekit.tags.predict import score_frames
from framekit.tags.select import Thresholds, choose
from framekit.tags.store import FrameScores, above_floor
from framekit.tags.taggers import Layout, Tagger, TagList, pad_and_resize, read_tag_list
from tests.conftest import BLACK, WHITE, one_sentence, patchwork, plain, tree
from tests.helpers_dataset import (
    MIDDLE,
    add_faces,
    add_frame,
    add_json,
    add_text,
    names_in,
    save_model,
    save_tag_list,
    save_tagger,
)
from tests.tags.helpers import OLIVE, channel_tagger, tag, tags_of

ROOT = Path(tag_images.__file__).parent

# the left end of each row of a 4 by 4 input, see save_tagger
ROWS = (0, 12, 24, 36)


def visible(folder: Path) -> list[str]:
    """Return the names in a folder that are not hidden."""
    return [name for name in names_in(folder) if not name.startswith(".")]


def wd_input(pixels: Pixels) -> NDArray[np.float32]:
    """Return what a WD tagger of 4 by 4 px gets."""
    return Layout(4, channels_first=False, bgr=True, scale="bytes", fit=pad_and_resize)(pixels)


def test_a_frame_becomes_blue_green_red_from_0_to_255() -> None:
    ready = wd_input(plain(OLIVE, 4, 4))
    assert ready.dtype == np.float32
    assert ready.shape == (4, 4, 3)
    assert ready[2, 1].tolist() == [30.0, 100.0, 200.0]


@pytest.mark.parametrize(
    ("width", "height", "rows", "columns"),
    [
        (4, 4, range(4), range(4)),
        (4, 2, range(1, 3), range(4)),
        (4, 3, range(3), range(4)),
        (4, 1, range(1, 2), range(4)),
        (3, 4, range(4), range(3)),
        (1, 4, range(4), range(1, 2)),
    ],
)
def test_the_frame_is_padded_to_a_white_square_centred_towards_the_start(
    width: int, height: int, rows: range, columns: range
) -> None:
    expected = np.full((4, 4, 3), 255, np.float32)
    expected[rows.start : rows.stop, columns.start : columns.stop] = 0
    assert wd_input(plain(BLACK, width, height)).tolist() == expected.tolist()


def test_resizing_is_bicubic_and_wide_enough_to_shrink() -> None:
    # An edge after the 4th of 8 columns, at half size. With Keys' cubic (a = -0.5) stretched to 2, columns at distance
    # .25 .75 1.25 1.75 weigh .8671875 .2265625 -.0703125 -.0234375. The second pixel has columns 0 to 6 in reach, of
    # which 0 to 3 are white: 1.890625 / 2.0234375 * 255 = 238.3; the first one would be above 255.
    pixels = plain(BLACK, 8, 8)
    pixels[:, :4] = 255
    assert wd_input(pixels)[1, :, 0].tolist() == [255.0, 238.0, 17.0, 0.0]


@pytest.mark.parametrize("size", [(1, 1), (1280, 720), (720, 1280), (12000, 40), (3, 500), (447, 449), (448, 448)])
def test_padding_between_the_two_passes_gives_what_padding_before_them_gives(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    longest = max(size)
    square = Image.new("RGB", (longest, longest), WHITE)
    square.paste(Image.fromarray(pixels), ((longest - size[0]) // 2, (longest - size[1]) // 2))
    expected = np.asarray(square.resize((448, 448), Image.Resampling.BICUBIC))
    assert np.array_equal(pad_and_resize(pixels, 448), expected)


@pytest.mark.parametrize(("alpha", "seen"), [(0, 255), (128, 127), (255, 0)])
def test_transparent_parts_show_white(tmp_path: Path, alpha: int, seen: int) -> None:
    layer = np.zeros((4, 4, 4), np.uint8)
    layer[:, :, 3] = alpha
    Image.fromarray(layer).save(tmp_path / "x.png")
    model = channel_tagger(tmp_path / "model")
    nearly = str(max(0.0, (seen - 0.5) / 255))
    assert tag(tmp_path, model, "--general_threshold", nearly) == 0
    assert tags_of(tmp_path / "x.png") == ("first, second, third\n" if seen else "\n")
    assert tag(tmp_path, model, "--redo", "--general_threshold", str(min(1.0, (seen + 0.5) / 255))) == 0
    assert tags_of(tmp_path / "x.png") == "\n"


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16", "EXIF", "wide", "tall"])
def test_the_input_of_every_kind_of_picture_is_that_of_what_is_seen(tmp_path: Path, mode: str) -> None:
    grey = np.linspace(0, 255, 12).astype(np.uint8).repeat(6).reshape(12, 6)  # 6 wide, 12 high
    seen = np.stack([grey] * 3, axis=2)
    image, options = Image.fromarray(seen), Image.Exif()
    if mode == "EXIF":
        image = Image.fromarray(np.rot90(seen).copy())
        options[0x0112] = 6
    elif mode == "P":
        image = Image.fromarray(grey).convert("P")
    elif mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    elif mode in ("wide", "tall"):
        seen = np.full((1, 900, 3) if mode == "wide" else (900, 1, 3), 7, np.uint8)
        image = Image.fromarray(seen)
    elif mode == "1":
        seen = (seen > 127).astype(np.uint8) * 255
        image = Image.fromarray(seen[:, :, 0]).convert("1")
    elif mode != "RGB":
        image = image.convert(mode)
    image.save(tmp_path / "x.png", exif=options)
    assert np.array_equal(wd_input(read_pixels(tmp_path / "x.png")), wd_input(seen))


def test_the_model_gets_blue_first(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png", plain((30, 100, 200), 4, 4))
    assert tag(tmp_path, channel_tagger(tmp_path / "model"), "--general_threshold", "0") == 0
    assert tags_of(frame) == "first, second, third\n"


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [(0.11, "third, second, first\n"), (0.12, "third, second\n"), (0.78, "third\n"), (0.79, "\n")],
)
def test_the_scores_are_the_values_worked_out_by_hand(tmp_path: Path, threshold: float, expected: str) -> None:
    # 30 / 255 = 0.1176, 100 / 255 = 0.3922, 200 / 255 = 0.7843
    frame = add_frame(tmp_path / "x.png", plain(OLIVE, 4, 4))
    assert tag(tmp_path, channel_tagger(tmp_path / "model"), "--general_threshold", str(threshold)) == 0
    assert tags_of(frame) == expected


def test_the_model_sees_the_white_padding(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png", plain(BLACK, 4, 1))
    model = save_tagger(tmp_path / "model", [(f"row{n}", 0) for n in range(4)], ROWS)
    assert tag(tmp_path, model) == 0
    assert tags_of(frame) == "row0, row2, row3\n"


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_model_with_a_fixed_batch_tags_every_frame(tmp_path: Path, batch: int) -> None:
    frames = [add_frame(tmp_path / f"{n}.png", plain((50 * n, 255, 0), 4, 4)) for n in range(4)]
    assert tag(tmp_path, channel_tagger(tmp_path / "model", batch)) == 0
    assert [tags_of(frame) for frame in frames] == ["second\n"] * 2 + ["second, third\n"] * 2


def test_a_batch_of_16_gives_what_one_by_one_gives(tmp_path: Path) -> None:
    numbers = np.random.default_rng(3)
    tags = [(f"tag{n}", 0) for n in range(40)]
    model = save_tagger(tmp_path / "model", tags, numbers.choice(48, 40, replace=False).tolist())
    for n in range(20):
        add_frame(tmp_path / "a" / f"{n}.png", patchwork(n, 24, 12 + n))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert tag(tmp_path / "a", model, "--batch_size", "16") == 0
    assert tag(tmp_path / "b", model, "--batch_size", "1") == 0
    texts = [tags_of(tmp_path / "a" / f"{n}.png") for n in range(20)]
    assert texts == [tags_of(tmp_path / "b" / f"{n}.png") for n in range(20)]
    assert len(set(texts)) == 20


def test_batches_are_full_but_for_the_last_and_run_across_folders(tmp_path: Path) -> None:
    frames = [add_frame(tmp_path / f"EP{n}" / "x.png") for n in range(5)]
    add_text(frames[1], ".png", "broken")
    sizes = []

    def count(inputs: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        sizes.append(len(inputs))
        return np.full((len(inputs), 1), 0.5, np.float32)

    tagger = Tagger("fake", TagList(["t"], np.array([0])), lambda pixels: np.zeros(1), count, None)
    scored = dict(score_frames(frames, tagger, 3, 1, 0.05))
    assert sizes == [3, 1]
    good = [
        frame for frame in frames if isinstance(one := scored[frame], FrameScores) and one.scores == {"t": (0, 0.5)}
    ]
    assert good == [frames[0], *frames[2:]]
    assert isinstance(scored[frames[1]], Unreadable)


def test_batches_are_scored_at_once_and_come_in_the_order_of_their_frames(tmp_path: Path) -> None:
    frames = [add_frame(tmp_path / f"{n}.png", plain((n, 0, 0), 4, 4)) for n in range(5)]
    both = Barrier(2)

    def meet(inputs: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        if inputs[0][0] < 4:  # the last batch is alone
            both.wait(20)
        return (np.stack(inputs) / 10).astype(np.float32)

    def first_red(pixels: Pixels) -> NDArray[np.float32]:
        return pixels[0, 0, :1].astype(np.float32)

    tagger = Tagger("fake", TagList(["t"], np.array([0])), first_red, meet, None, at_once=2)
    scored = list(score_frames(frames, tagger, 1, 1, 0.05))
    assert [frame for frame, _ in scored] == frames
    found = [one.scores.get("t", (0, 0.0))[1] for _, one in scored if isinstance(one, FrameScores)]
    assert found == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_more_workers_change_nothing(tmp_path: Path) -> None:
    model = channel_tagger(tmp_path / "model")
    frames = [add_frame(tmp_path / f"{n}.png", plain((0, 0, 20 * n), 4, 4)) for n in range(9)]
    assert tag_images.main([str(tmp_path), "--model", str(model), "--workers", "3"]) == 0
    assert [tags_of(frame) for frame in frames] == ["\n"] * 5 + ["first\n"] * 4


def chosen(scores: Sequence[float], categories: Sequence[int], general: float, character: float) -> list[str]:
    """Return the tags, named after their position, that these scores select."""
    tags = TagList([f"t{n}" for n in range(len(scores))], np.array(categories))
    scored = above_floor(np.array(scores, np.float32), tags, 0.05)
    return list(choose(scored, Thresholds(general, character)))


def test_a_score_must_be_above_its_threshold() -> None:
    assert chosen([0.5, 0.5001, 0.4999, 0.75, 0.7501], [0, 0, 0, 4, 4], 0.5, 0.75) == ["t4", "t1"]


@pytest.mark.parametrize("threshold", [0.1, 0.35, 0.6, 0.85])
def test_a_score_of_just_the_threshold_is_not_above_it(threshold: float) -> None:
    assert chosen([threshold, threshold], [0, 4], threshold, threshold) == []


def test_the_highest_score_comes_first_whatever_its_category() -> None:
    assert chosen([0.6, 0.95, 0.7, 0.9], [0, 4, 0, 4], 0.35, 0.85) == ["t1", "t3", "t2", "t0"]


def test_equal_scores_stay_in_the_order_of_the_list() -> None:
    assert chosen([0.5, 0.9, 0.5, 0.9], [0, 0, 0, 0], 0.35, 0.85) == ["t1", "t3", "t0", "t2"]


@pytest.mark.parametrize("category", [9, 5, -1])
def test_ratings_and_other_categories_are_never_chosen(category: int) -> None:
    assert chosen([1.0, 0.6], [category, 0], 0.35, 0.85) == ["t1"]


def test_categories_come_from_their_column_and_not_from_the_place(tmp_path: Path) -> None:
    # As in no real list: a general tag first, the rating last, a character in between with too low a score for one.
    tags = [("long_hair", 0), ("someone_(show)", 4), ("^_^", 0), ("explicit", 9)]
    model = save_tagger(tmp_path / "model", tags, (2, 1, 3, 5))
    pixels = plain(OLIVE, 4, 4)
    pixels[0, 1] = (255, 0, 240)
    frame = add_frame(tmp_path / "x.png", pixels)
    assert tag(tmp_path, model) == 0
    assert tags_of(frame) == "^_^, long_hair\n"
    assert tag(tmp_path, model, "--redo", "--character_threshold", "0.39") == 0
    assert tags_of(frame) == "^_^, long_hair, someone_(show)\n"


def test_columns_count_whatever_their_order(tmp_path: Path) -> None:
    path = tmp_path / "selected_tags.csv"
    path.write_text("count,category,name,tag_id\n1,4,nan,7\n1,0,007,8\n1,9,null,9\n", encoding="utf-8")
    known = read_tag_list(path)
    assert known.names == ["nan", "007", "null"]
    assert known.categories.tolist() == [4, 0, 9]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b\n1,2\n",
        b"name,category\nx,\n",
        b"name,category\nx,high\n",
        b"\xff\xfe\x00",
        b'name,category\n"x,0\n1,2,3\n',
    ],
)
def test_a_file_that_is_no_tag_list_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tags.csv").write_bytes(content)
    with pytest.raises(UsageError, match=r"tags\.csv is no tag list"):
        read_tag_list(tmp_path / "tags.csv")


def test_a_tag_list_of_another_model_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = channel_tagger(tmp_path / "model")
    save_tag_list(model / "selected_tags.csv", [(0, "a", 0), (1, "b", 0)])
    add_frame(tmp_path / "x.png")
    assert tag(tmp_path, model) == 2
    said = one_sentence(capsys.readouterr().err)
    assert "3 scores" in said
    assert "2 tags" in said
    assert not (tmp_path / "x.png.tags").exists()


@pytest.mark.parametrize(
    "shape",
    [["n", 4, 4], ["n"], ["n", 4, 6, 3], ["n", 3, 4, 6], ["n", "side", "side", 3], ["n", 4, 4, 4], ["n", 4, 4, 3, 1]],
    ids=str,
)
def test_a_model_with_another_input_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shape: list[int | str]
) -> None:
    node = helper.make_node("Cast", ["input"], ["output"], to=TensorProto.FLOAT)
    save_model(tmp_path / "model" / "model.onnx", shape, [node])
    save_tag_list(tmp_path / "model" / "selected_tags.csv", [(0, "a", 0)])
    add_frame(tmp_path / "x.png")
    assert tag(tmp_path, tmp_path / "model") == 2
    assert "model.onnx" in one_sentence(capsys.readouterr().err)


def test_a_file_that_is_no_model_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (channel_tagger(tmp_path / "model") / "model.onnx").write_bytes(b"half a download")
    add_frame(tmp_path / "x.png")
    assert tag(tmp_path, tmp_path / "model") == 2
    assert "model.onnx" in one_sentence(capsys.readouterr().err)


def test_without_network_and_cache_one_sentence_names_the_ways_out(tmp_path: Path) -> None:
    add_frame(tmp_path / "dataset" / "x.png")
    where = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "tag_images.py"), str(tmp_path / "dataset")]
    run = subprocess.run(command, env={**os.environ, **where}, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    said = one_sentence(run.stderr)
    assert "SmilingWolf/wd-swinv2-tagger-v3/model.onnx" in said
    assert "HF_HOME" in said
    assert "--model" in said


def test_underscores_stay_and_the_line_ends(tmp_path: Path) -> None:
    model = save_tagger(tmp_path / "model", [("long_hair", 0), ("o_o", 0)], (2, 1))
    frame = add_frame(tmp_path / "x.png", plain(OLIVE, 4, 4))
    assert tag(tmp_path, model) == 0
    assert tags_of(frame).encode() == b"long_hair, o_o\n"


def test_a_frame_without_tags_has_an_empty_line_and_counts_as_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = add_frame(tmp_path / "x.png", plain(BLACK, 4, 4))
    model = channel_tagger(tmp_path / "model")
    assert tag(tmp_path, model) == 0
    assert tags_of(frame) == "\n"
    assert "1 frame tagged, 0.0 tags each (1 without any), 0 already done" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("extension", "name"), [(".txt", "x.txt"), ("txt", "x.txt"), (".caption", "x.caption"), (".tags", "x.png.tags")]
)
def test_the_ending_of_the_files(tmp_path: Path, extension: str, name: str) -> None:
    add_frame(tmp_path / "dataset" / "x.png", plain(WHITE, 4, 4))
    model = channel_tagger(tmp_path / "model")
    assert tag(tmp_path / "dataset", model, "--caption_extension", extension) == 0
    assert visible(tmp_path / "dataset") == sorted(["x.png", name])


@pytest.mark.parametrize(
    "extension",
    [".json", "json", ".JSON", ".faces.json", ".characters.json", ".png", ".webp", "../x", ".a/b", "/x", "", "."],
)
def test_endings_that_belong_to_other_files_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], extension: str
) -> None:
    add_frame(tmp_path / "dataset" / "x.png", plain(WHITE, 4, 4), count=1)
    model = channel_tagger(tmp_path / "model")
    before = tree(tmp_path)
    assert tag(tmp_path / "dataset", model, "--caption_extension", extension) == 2
    assert "--caption_extension" in one_sentence(capsys.readouterr().err)
    assert tree(tmp_path) == before


def test_a_second_run_does_nothing_and_needs_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_frame(tmp_path / "dataset" / "x.png", plain(WHITE, 4, 4))
    assert tag(tmp_path / "dataset", channel_tagger(tmp_path / "model")) == 0
    before = tree(tmp_path / "dataset")
    (tmp_path / "model" / "model.onnx").unlink()
    assert tag(tmp_path / "dataset", tmp_path / "model") == 0
    assert tree(tmp_path / "dataset") == before
    assert "nothing new, 1 already done" in capsys.readouterr().out


def test_only_what_is_missing_is_done(tmp_path: Path) -> None:
    model = channel_tagger(tmp_path / "model")
    done, missing = (add_frame(tmp_path / f"{n}.png", plain(WHITE, 4, 4)) for n in range(2))
    add_text(done, ".tags", "by_hand\n")
    assert tag(tmp_path, model) == 0
    assert tags_of(done) == "by_hand\n"
    assert tags_of(missing) == "first, second, third\n"


def test_redo_does_all_again(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "x.png", plain(WHITE, 4, 4))
    assert tag(tmp_path, channel_tagger(tmp_path / "model"), "--general_threshold", "1") == 0
    assert tags_of(frame) == "\n"
    assert tag(tmp_path, channel_tagger(tmp_path / "model"), "--redo") == 0
    assert tags_of(frame) == "first, second, third\n"


def test_an_unreadable_frame_is_listed_and_the_others_are_tagged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = add_frame(tmp_path / "b.png", plain(WHITE, 4, 4))
    bad = add_frame(tmp_path / "a.png")
    bad.write_bytes(bad.read_bytes()[:40])
    assert tag(tmp_path, channel_tagger(tmp_path / "model")) == 1
    assert tags_of(good) == "first, second, third\n"
    assert not (tmp_path / "a.png.tags").exists()
    said = capsys.readouterr()
    assert f"unreadable: {bad}: " in said.err
    assert "1 frame tagged, 3.0 tags each, 0 already done" in said.out
    assert "1 unreadable" in said.out


def test_leftovers_of_a_killed_run_are_cleaned_up(tmp_path: Path) -> None:
    add_frame(tmp_path / "dataset" / "x.png", plain(WHITE, 4, 4))
    (tmp_path / "dataset" / ".0123456789abcdef.tags.tmp").write_text("half")
    assert tag(tmp_path / "dataset", channel_tagger(tmp_path / "model")) == 0
    assert visible(tmp_path / "dataset") == ["x.png", "x.png.tags"]
    assert not list((tmp_path / "dataset").glob("*.tmp"))


def test_the_first_frames_only(tmp_path: Path) -> None:
    frames = [add_frame(tmp_path / f"EP{n}.png", plain(WHITE, 4, 4)) for n in (10, 2, 1)]
    assert tag(tmp_path, channel_tagger(tmp_path / "model"), "--limit", "2") == 0
    assert [(tmp_path / f"{frame.name}.tags").exists() for frame in frames] == [False, True, True]


def refuse_to_load(name: str, settings: detect.Settings) -> Detector:
    raise AssertionError("no detector is needed")


def test_measured_tags_take_the_faces_from_their_sidecar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "load_detector", refuse_to_load)
    one, none = (add_frame(tmp_path / f"{n}.png", plain((128, 128, 128))) for n in range(2))
    add_faces(one, (0.4, 0.2, 0.6, 0.55))
    add_faces(none)
    assert tag(tmp_path, "measured") == 0
    assert tags_of(one) == "solo, portrait, grey_hair, greyscale, monochrome\n"
    assert tags_of(none) == "no_humans, greyscale, monochrome\n"


@pytest.mark.parametrize("key", ["people", "dropped"])
def test_where_only_a_body_or_a_small_face_was_seen_nobody_says_no_humans(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    frame = add_frame(tmp_path / "x.png", patchwork(0))
    seen = {"box": list(MIDDLE), "score": 0.9, "reason": "too small"}
    add_json(frame, ".faces.json", {"schema": 1, "model": "m", "threshold": 0.5, "faces": [], key: [seen]})
    assert tag(tmp_path, "measured") == 0
    assert tags_of(frame) == "\n"
    assert "1 frame tagged, 0.0 tags each (1 without any)" in capsys.readouterr().out


def test_frames_without_that_sidecar_are_looked_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(name: str, settings: Settings) -> Detector:
        def detect(pixels: Pixels) -> list[Face]:
            return [Face(MIDDLE, 0.9)]

        return InWorker(detect)

    monkeypatch.setattr(detect, "load_detector", load)
    seen, unseen = (add_frame(tmp_path / f"{n}.png", plain((128, 128, 128))) for n in range(2))
    add_faces(seen)
    assert tag(tmp_path, "measured") == 0
    assert tags_of(seen) == "no_humans, greyscale, monochrome\n"
    assert tags_of(unseen) == "solo, close-up, grey_hair, greyscale, monochrome\n"
    assert "1 frame without X.faces.json" in capsys.readouterr().out
    assert not (tmp_path / "1.faces.json").exists()


def test_a_damaged_sidecar_of_faces_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(detect, "load_detector", refuse_to_load)
    good, bad = (add_frame(tmp_path / f"{n}.png") for n in range(2))
    add_faces(good)
    add_text(bad, ".faces.json", '{"faces": [{"box": [1, 2]}]}')
    assert tag(tmp_path, "measured") == 1
    assert (tmp_path / "0.png.tags").exists()
    assert not (tmp_path / "1.png.tags").exists()
    assert "1.faces.json: " in capsys.readouterr().err
