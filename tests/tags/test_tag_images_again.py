"""Second thoughts about tags: other thresholds from stored scores, several taggers, corrections, other models."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from framekit.dataset.frames import Unreadable
from framekit.files import journal
from framekit.sidecars.tags import RECORD
from framekit.tags import predict, write
from framekit.tags.store import FrameScores, ScoreStore, write_store
from framekit.tags.taggers import GENERAL, find_batch_size, load_tagger, read_tag_list
from tests.conftest import BLACK, WHITE, one_sentence, plain, save_frame, tree
from tests.helpers_dataset import add_frame, add_text, save_model, save_tag_list, save_tagger
from tests.tags.helpers import OLIVE, channel_tagger, tag, tags_of


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Return two folders of frames, tagged by a model that is gone since: third 0.78, second 0.39, first 0.12."""
    folder = tmp_path / "dataset"
    for name in ("EP01/a", "EP01/b", "EP02/a"):
        add_frame(folder / f"{name}.png", plain(OLIVE, 4, 4))
    model = channel_tagger(tmp_path / "tagger")
    assert tag(folder, model) == 0
    (model / "model.onnx").unlink()
    assert texts(folder) == ["third, second\n"] * 3
    return folder


def texts(folder: Path) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.tags"))]


def test_other_thresholds_need_no_model(dataset: Path) -> None:
    assert tag(dataset, dataset.parent / "tagger", "--rethreshold", "--general_threshold", "0.1") == 0
    assert texts(dataset) == ["third, second, first\n"] * 3
    assert tag(dataset, "tagger", "--rethreshold", "--general_threshold", "0.5") == 0
    assert texts(dataset) == ["third\n"] * 3


def test_other_rules_need_no_model(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "replace.csv").write_text("third,other\n")
    words = ["--replace", str(tmp_path / "replace.csv"), "--always_first", "second"]
    assert tag(dataset, "tagger", "--rethreshold", *words) == 0
    assert texts(dataset) == ["second, other\n"] * 3


def test_a_frame_without_scores_is_listed(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = add_frame(dataset / "EP02/new.png", plain(OLIVE, 4, 4))
    changed = save_frame(dataset / "EP01/a.png", plain(WHITE, 9, 9))
    assert tag(dataset, "tagger", "--rethreshold") == 1
    said = capsys.readouterr()
    assert f"unreadable: {new}: it has no stored scores" in said.err
    assert f"unreadable: {changed}: it has no stored scores" in said.err
    assert "2 frames tagged" in said.out


def test_ten_thousand_frames_take_seconds(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0)
    scores = {f"tag_{n}": (GENERAL, float(score)) for n, score in enumerate(sorted(numbers.random(60), reverse=True))}
    frames = [tmp_path / f"EP01/{n}.png" for n in range(2000)]
    for frame in frames:
        add_text(frame.with_name(frame.stem), ".png", "x") if frame.parent.exists() else add_frame(frame)
    sizes = {frame.name: FrameScores(frame.stat().st_size, scores) for frame in frames}
    write_store(tmp_path / "EP01", ScoreStore("tagger@1", sizes))
    started = time.monotonic()
    assert tag(tmp_path, "tagger", "--rethreshold") == 0
    assert time.monotonic() - started < 6  # a fifth of 10,000
    assert len(texts(tmp_path)) == 2000


def test_scores_that_are_there_are_not_asked_for_again(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in dataset.rglob("*.tags"):
        path.unlink()
    model = channel_tagger(dataset.parent / "tagger")
    add_frame(dataset / "EP02/new.png", plain(WHITE, 4, 4))
    asked: list[int] = []
    real = predict.score_frames

    def counting(todo: list[Path], *more: Any) -> Iterator[tuple[Path, FrameScores | Unreadable]]:
        asked.append(len(todo))
        yield from real(todo, *more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predict, "score_frames", counting)
        assert tag(dataset, model) == 0
    assert asked == [1]
    assert texts(dataset) == ["third, second\n"] * 3 + ["first, second, third\n"]
    assert "4 frames tagged" in capsys.readouterr().out


def test_a_stopped_run_keeps_what_was_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(4):
        add_frame(tmp_path / f"EP01/{n}.png", plain(OLIVE, 4, 4))
    model = channel_tagger(tmp_path / "tagger")
    monkeypatch.setattr(write, "PART_SECONDS", -1)
    real = predict.score_frames

    def killed(*words: Any) -> Iterator[tuple[Path, FrameScores | Unreadable]]:
        for number, one in enumerate(real(*words)):
            if number == 3:
                raise KeyboardInterrupt
            yield one

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predict, "score_frames", killed)
        assert tag(tmp_path, model, "--batch_size", "1") == 130
    assert len(texts(tmp_path)) == 3
    assert tag(tmp_path, model) == 0
    assert texts(tmp_path) == ["third, second\n"] * 4


def test_a_threshold_below_the_floor_loses_no_tag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = channel_tagger(tmp_path / "tagger")
    frame = add_frame(tmp_path / "dataset/x.png", plain((200, 100, 3), 4, 4))  # the first score is 3 / 255 = 0.012
    assert tag(tmp_path / "dataset", model, "--general_threshold", "0.01") == 0
    assert tags_of(frame) == "third, second, first\n"
    capsys.readouterr()
    assert tag(tmp_path / "dataset", model, "--general_threshold", "0.01", "--rethreshold") == 2
    assert "below --floor 0.05" in one_sentence(capsys.readouterr().err)
    assert tag(tmp_path / "dataset", model, "--general_threshold", "0.01", "--rethreshold", "--floor", "0.01") == 0
    assert tags_of(frame) == "third, second, first\n"


def test_other_weights_of_the_same_size_are_another_tagger(tmp_path: Path) -> None:
    tags = [("first", 0), ("second", 0), ("third", 0)]
    frame = add_frame(tmp_path / "dataset/x.png", plain(OLIVE, 4, 4))
    assert tag(tmp_path / "dataset", save_tagger(tmp_path / "tagger", tags, (0, 1, 2))) == 0
    size = (tmp_path / "tagger/model.onnx").stat().st_size
    frame.with_name("x.png.tags").unlink()
    model = save_tagger(tmp_path / "tagger", tags, (2, 1, 0))
    assert (model / "model.onnx").stat().st_size == size
    assert tag(tmp_path / "dataset", model) == 0
    assert tags_of(frame) == "first, second\n"


@pytest.mark.parametrize("model", ["", ",", "a/tagger,b/tagger"])
def test_taggers_of_one_name_or_none_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in "ab":
        channel_tagger(tmp_path / folder / "tagger")
    add_frame(tmp_path / "dataset/x.png", plain(OLIVE, 4, 4))
    assert tag(tmp_path / "dataset", model) == 2
    one_sentence(capsys.readouterr().err)
    assert not (tmp_path / "dataset/x.png.tags").exists()


@pytest.mark.parametrize(("how", "expected"), [("union", "a, b, c\n"), ("intersection", "b\n"), ("mean", "b, a\n")])
def test_two_taggers_are_merged(tmp_path: Path, how: str, expected: str) -> None:
    # one gives a 0.78, b 0.39; the other b 0.78, c 0.39; means: b 0.59, a 0.39, c 0.2
    one = save_tagger(tmp_path / "one", [("a", 0), ("b", 0)], (2, 1))
    other = save_tagger(tmp_path / "other", [("b", 0), ("c", 0)], (2, 1))
    frame = add_frame(tmp_path / "dataset/x.png", plain(OLIVE, 4, 4))
    assert tag(tmp_path / "dataset", f"{one},{other}", "--merge", how) == 0
    assert tags_of(frame) == expected
    [line] = journal.read_lines(tmp_path / "dataset" / RECORD)
    assert f" {how} " in line["by"]
    assert tag(tmp_path / "dataset", f"{one},{other}", "--merge", "union", "--rethreshold") == 0
    assert tags_of(frame) == "a, b, c\n"


def test_an_unreadable_frame_is_listed_once_for_two_taggers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (channel_tagger(tmp_path / name) for name in ("one", "other"))
    add_frame(tmp_path / "dataset/x.png", plain(OLIVE, 4, 4))
    add_text(tmp_path / "dataset/y", ".png", "broken")
    assert tag(tmp_path / "dataset", f"{one},{other}") == 1
    said = capsys.readouterr()
    assert said.err.count("unreadable: ") == 1
    assert "1 frame tagged" in said.out


def test_the_record_tells_how_each_file_came_about(dataset: Path) -> None:
    lines = list(journal.read_lines(dataset / "EP01" / RECORD))
    assert [line["file"] for line in lines] == ["a.png.tags", "b.png.tags"]
    assert all(line["by"].startswith("general>0.35 character>0.85 of tagger@") for line in lines)
    assert all(line["by"].endswith(" above 0.05") for line in lines)


@pytest.mark.parametrize("option", ["--redo", "--rethreshold"])
def test_what_a_person_changed_stays(dataset: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    channel_tagger(dataset.parent / "tagger")
    mine = dataset / "EP01/a.png.tags"
    mine.write_text("third, my_own\n")
    words = [option, "--general_threshold", "0.1"]
    assert tag(dataset, dataset.parent / "tagger", *words) == 0
    assert texts(dataset) == ["third, my_own\n"] + ["third, second, first\n"] * 2
    assert "kept 1 file that a person or another tool wrote" in capsys.readouterr().out
    assert tag(dataset, dataset.parent / "tagger", *words, "--overwrite_corrections") == 0
    assert texts(dataset) == ["third, second, first\n"] * 3


def test_what_another_tool_wrote_stays(tmp_path: Path) -> None:
    frame = add_frame(tmp_path / "dataset/x.png", plain(OLIVE, 4, 4))
    add_text(frame, ".tags", "character: me\ncopyright:\nartist:\ngeneral: 1girl\n")
    assert tag(tmp_path / "dataset", channel_tagger(tmp_path / "tagger"), "--redo") == 0
    assert tags_of(frame).startswith("character: me\n")


def test_a_file_that_was_set_back_to_what_was_written_is_our_own_again(dataset: Path) -> None:
    mine = dataset / "EP01/a.png.tags"
    written = mine.read_bytes()
    mine.write_text("mine\n")
    mine.write_bytes(written)
    assert tag(dataset, "tagger", "--rethreshold", "--general_threshold", "0.5") == 0
    assert mine.read_text() == "third\n"


def test_a_kill_between_record_and_file_makes_no_correction(dataset: Path) -> None:
    line = {"file": "a.png.tags", "digest": "0" * 12, "by": "a run that was killed before it wrote the file"}
    journal.append_line(dataset / "EP01" / RECORD, line)
    assert tag(dataset, "tagger", "--rethreshold", "--general_threshold", "0.5") == 0
    assert texts(dataset) == ["third\n"] * 3


def test_a_torn_record_is_no_trouble(dataset: Path) -> None:
    path = dataset / "EP01" / RECORD
    path.write_bytes(path.read_bytes()[:-9])
    assert tag(dataset, "tagger", "--rethreshold", "--general_threshold", "0.5") == 0
    assert texts(dataset) == ["third\n", "third, second\n", "third\n"]  # b counts as a person's: better than lost


@pytest.mark.parametrize("name", ["model.onnx", "model_optimized.onnx"])
def test_a_cl_tagger_gets_signed_planes_and_gives_logits(tmp_path: Path, name: str) -> None:
    # scores: the blue, green and red plane of the first pixel, -1 to 1, times 4, through the sigmoid
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"], axis=1),
        helper.make_node("Gather", ["flat", "spots"], ["picked"], axis=1),
        helper.make_node("Mul", ["picked", "four"], ["output"]),
    ]
    held = {"spots": np.array([0, 16, 32]), "four": np.array(4, np.float32)}
    save_model(tmp_path / "cl" / name, ["n", 3, 4, 4], nodes, **held)
    listed = {
        str(n): {"tag": tag_, "category": kind}
        for n, (tag_, kind) in enumerate([("blue dress", "General"), ("Someone", "Character"), ("red", "General")])
    }
    (tmp_path / "cl/tag_mapping.json").write_text(json.dumps(listed))
    frame = add_frame(tmp_path / "dataset/x.png", plain((204, 255, 51), 4, 4))
    # blue 0.2 -> -0.6 -> sigmoid(-2.4) = 0.083; green 1 -> sigmoid(4) = 0.982; red 0.8 -> 0.6 -> sigmoid(2.4) = 0.917
    assert tag(tmp_path / "dataset", tmp_path / "cl", "--general_threshold", "0.916") == 0
    assert tags_of(frame) == "Someone, red\n"
    assert tag(tmp_path / "dataset", tmp_path / "cl", "--rethreshold", "--general_threshold", "0.08") == 0
    assert tags_of(frame) == "Someone, red, blue_dress\n"


def test_the_other_form_of_the_mapping(tmp_path: Path) -> None:
    value = {"idx_to_tag": {"1": "b", "0": "a"}, "tag_to_category": {"a": "Quality", "b": "Artist"}}
    (tmp_path / "tag_mapping.json").write_text(json.dumps(value))
    listed = read_tag_list(tmp_path / "tag_mapping.json")
    assert listed.names == ["a", "b"]
    assert listed.categories.tolist() == [-1, 1]


@pytest.mark.parametrize("value", ["[]", "{}x", '{"0": {"tag": "a"}}', '{"1": {"tag": "a", "category": "General"}}'])
def test_a_mapping_that_is_none_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], value: str) -> None:
    model = channel_tagger(tmp_path / "cl")
    (model / "selected_tags.csv").unlink()
    (model / "tag_mapping.json").write_text(value)
    add_frame(tmp_path / "dataset/x.png")
    assert tag(tmp_path / "dataset", model) == 2
    assert "tag_mapping.json is no tag list" in one_sentence(capsys.readouterr().err)


def test_deepdanbooru_gets_red_first_from_0_to_1_on_black(tmp_path: Path) -> None:
    # scores: the three channels of the first pixel, which lies in the black bar of a wide frame, and of the middle
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"], axis=1),
        helper.make_node("Gather", ["flat", "spots"], ["output"], axis=1),
    ]
    spots = {"spots": np.array([0, 12, 13, 14])}
    save_model(tmp_path / "dd/deepdanbooru.onnx", ["n", 4, 4, 3], nodes, **spots)
    names = [(n, name, 0) for n, name in enumerate(["bar", "red", "green", "blue"])]
    save_tag_list(tmp_path / "dd/deepdanbooru_tags.csv", names)
    frame = add_frame(tmp_path / "dataset/x.png", plain(OLIVE, 4, 2))
    assert tag(tmp_path / "dataset", tmp_path / "dd", "--general_threshold", "0.1") == 0
    assert tags_of(frame) == "red, green, blue\n"  # 0.78, 0.39, 0.12


def test_a_model_with_planes_and_one_of_bytes(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["input"], ["float"], to=1),
        helper.make_node("Flatten", ["float"], ["flat"], axis=1),
        helper.make_node("Gather", ["flat", "spots"], ["picked"], axis=1),
        helper.make_node("Div", ["picked", "most"], ["output"]),
    ]
    for name, shape, spots, most in (
        ("planes", ["n", 3, 4, 4], [0, 16, 32], 1.0),
        ("bytes", ["uint8", "n", 4, 4, 3], [0, 1, 2], 255.0),
    ):
        held = {"spots": np.array(spots), "most": np.array(most, np.float32)}
        save_model(tmp_path / name / "model.onnx", shape, nodes, **held)  # type: ignore[arg-type]
        save_tag_list(tmp_path / name / "selected_tags.csv", [(n, c, 0) for n, c in enumerate("bgr")])
        frame = add_frame(tmp_path / f"of_{name}/x.png", plain((255, 128, 0), 4, 4))
        assert tag(tmp_path / f"of_{name}", tmp_path / name) == 0
        assert tags_of(frame) == ("r\n" if name == "planes" else "r, g\n")  # -1 to 1: green is 0.004


def test_of_two_outputs_the_one_with_the_tags_counts(tmp_path: Path) -> None:
    import onnx

    model = channel_tagger(tmp_path / "tagger")
    loaded = onnx.load(model / "model.onnx")
    loaded.graph.node.append(helper.make_node("Gather", ["flat", "one"], ["embedding"], axis=1))
    loaded.graph.initializer.append(onnx.numpy_helper.from_array(np.array([5]), "one"))
    loaded.graph.output.insert(0, helper.make_tensor_value_info("embedding", 1, ["n", 1]))
    loaded.graph.output[1].type.tensor_type.shape.dim.add().dim_param = "n"
    loaded.graph.output[1].type.tensor_type.shape.dim.add().dim_value = 3
    onnx.save(loaded, model / "model.onnx")
    frame = add_frame(tmp_path / "dataset/x.png", plain(OLIVE, 4, 4))
    assert tag(tmp_path / "dataset", model) == 0
    assert tags_of(frame) == "third, second\n"


def test_the_batch_size_is_found(tmp_path: Path) -> None:
    tagger = load_tagger(str(channel_tagger(tmp_path / "tagger")), "cpu")
    assert find_batch_size(tagger, tagger.prepare(plain(BLACK, 4, 4))) in (1, 2, 4, 8, 16, 32)


def test_a_batch_that_does_not_fit_into_memory_ends_the_search(tmp_path: Path) -> None:
    from dataclasses import replace

    from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

    tried: list[int] = []

    def score(inputs: list[np.ndarray]) -> np.ndarray:
        tried.append(len(inputs))
        if len(inputs) > 4:
            raise RuntimeException("Failed to allocate memory")
        time.sleep(0.02)
        return np.zeros((len(inputs), 3), np.float32)

    tagger = replace(load_tagger(str(channel_tagger(tmp_path / "tagger")), "cpu"), score=score)
    assert find_batch_size(tagger, tagger.prepare(plain(BLACK, 4, 4))) == 4
    assert tried == [1, 1, 2, 4, 8]


def test_the_summary_counts_tags_and_shows_rare_ones(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dataset / "EP01/a.png.tags").write_text("third, <rare>\n")
    named = {"faces": [{"name": "marisa"}, {"name": "unknown"}]}
    for name in ("EP01/a", "EP02/a"):
        (dataset / f"{name}.characters.json").write_text(json.dumps(named))
    before = tree(dataset)
    assert tag(dataset, "tagger", "--summary") == 0
    assert "     3 100.0%  third" in capsys.readouterr().out
    rows = (dataset / "tags_summary.csv").read_text(encoding="utf-8").splitlines()
    assert rows == [
        "tag,count,share,characters",
        "third,3,1.0000,marisa:2",
        "second,2,0.6667,marisa:1",
        "<rare>,1,0.3333,marisa:1",
    ]
    page = (dataset / "tags_summary.html").read_text(encoding="utf-8")
    assert "&lt;rare&gt;: 1<br>EP01/<wbr>a.png" in page
    assert "data:image/jpeg;base64," in page
    assert "<rare>" not in page
    after = tree(dataset)
    assert {name: after[name] for name in before} == before
