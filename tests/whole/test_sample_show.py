"""The whole pipeline on the sample episodes, compared with their truth files; skipped where they are not."""

import json
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

import arrange_folders
import classify_characters
import detect_faces
import extract_frames
import generate_metadata
import prepare_training
import remove_similar
import tag_images
from benchmarks import score_show, score_tags
from framekit.dataset import frames, removed
from framekit.dedup import descriptors, openings
from framekit.files import journal, names
from tests.conftest import ROOT

SAMPLE = ROOT.parent / "shared" / "data"

TRUTH = SAMPLE / "episodes" / "truth"

REFERENCES = SAMPLE / "references"

pytestmark = [
    pytest.mark.sample_show,
    pytest.mark.skipif(not TRUTH.is_dir(), reason="the sample show is not beside the repository"),
]


def run_all(root: Path) -> None:
    """Run the eight scripts with their defaults."""
    source, tree = str(root / "frames"), str(root / "training")
    assert extract_frames.main(["--src_dir", str(SAMPLE / "episodes"), "--dst_dir", source, "--prefix", "sample"]) == 0
    assert remove_similar.main(["--src_dir", source]) == 0
    assert detect_faces.main(["--src_dir", source]) == 0
    assert classify_characters.main(["--src_dir", source, "--ref_dir", str(REFERENCES)]) == 0
    assert tag_images.main(["--src_dir", source, "--model", "measured"]) == 0
    assert generate_metadata.main(["--src_dir", source, "--general_description", "anishot"]) == 0
    assert arrange_folders.main(["--src_dir", source, "--dst_dir", tree]) == 0
    assert prepare_training.main(["--src_dir", tree, "--shuffle_tags"]) == 0


def bytes_below(root: Path) -> dict[str, bytes]:
    """Return the bytes of all files below a folder."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the eight scripts once; the folder holds `frames` and `training`."""
    root = tmp_path_factory.mktemp("sample")
    run_all(root)
    return root


@pytest.fixture(scope="module")
def score(dataset: Path) -> score_show.Score:
    known = [folder.name for folder in REFERENCES.iterdir() if folder.is_dir()]
    result = score_show.score(dataset / "frames", TRUTH, known)
    print(result.report())
    return result


def test_every_layout_is_still_represented(score: score_show.Score) -> None:
    assert score.layouts >= 60
    assert score.layouts_lost == 0


def test_no_drawing_is_left_twice(score: score_show.Score) -> None:
    assert score.repeated_drawings <= 0.03 * score.frames


def test_times_are_those_of_the_truth(score: score_show.Score) -> None:
    assert score.largest_time_error < 1


def test_most_faces_are_found_and_few_are_false(score: score_show.Score) -> None:
    assert score.faces_found >= 0.9 * score.faces_to_find
    assert score.false_faces <= 0.02 * score.faces_found


def test_names_are_right(score: score_show.Score) -> None:
    assert score.known_faces > 250
    assert score.right_share >= 0.95


def test_known_characters_are_named(score: score_show.Score) -> None:
    assert score.named_share >= 0.90


def test_characters_without_references_are_rarely_named(score: score_show.Score) -> None:
    assert score.impostors > 20
    assert score.impostor_share <= 0.20


@pytest.mark.parametrize(("part", "least"), [("hair", 0.9), ("eyes", 0.8)])
def test_measured_colours_are_right(dataset: Path, part: str, least: float) -> None:
    counts, _ = score_tags.count_colours(dataset / "frames", TRUTH)
    right, wrong = (counts["day", part, verdict] for verdict in ("right", "wrong"))
    assert right + wrong > 150
    assert right >= least * (right + wrong)


def test_scenes_follow_the_cuts_of_the_truth(dataset: Path) -> None:
    truths = score_show.read_truths(TRUTH)
    for record_path in sorted((dataset / "frames").glob("EP*/.frames.json")):
        record = json.loads(record_path.read_text(encoding="utf-8"))
        shots = truths[record["video"]]["shots"]
        cuts = [shot["start"] for shot in shots if shot["transition"] in ("cut", "flash") and shot["start"]]
        for source in record["frames"].values():
            assert source["scene"] >= sum(cut <= source["source_frame"] for cut in cuts) - 1
            assert source["scene"] <= sum(shot["start"] <= source["source_frame"] for shot in shots)


def test_nothing_is_lost_between_extraction_and_the_end(dataset: Path) -> None:
    extracted: Counter[str] = Counter()
    for record in (dataset / "frames").glob("EP*/.frames.json"):
        extracted.update(list(json.loads(record.read_text(encoding="utf-8"))["frames"]))
    gone = [json.loads(line) for line in (dataset / "frames" / removed.MANIFEST).read_text().splitlines()]
    assert all(entry["reason"] and (dataset / "frames" / entry["to"]).is_file() for entry in gone)
    in_tree = [frame.stem for frame in frames.find_frames(dataset / "training")]
    assert sorted(extracted) == sorted([*in_tree, *(Path(entry["to"]).stem for entry in gone)])


def test_the_tree_has_the_three_levels_and_each_frame_its_sidecars(dataset: Path) -> None:
    tree = dataset / "training"
    for frame in frames.find_frames(tree):
        count, _, ratio = frame.relative_to(tree).parent.parts
        assert count in ("1_character", "2_characters", "3_characters", "others")
        assert ratio in [f"face_height_ratio_{lower}-{lower + 25}" for lower in (0, 25, 50, 75)]
        for suffix in (names.TAGS, names.FACES, names.CHARACTERS, names.METADATA, names.CAPTION):
            assert names.sidecar(frame, suffix).is_file()
        assert float((frame.parent / names.MULTIPLY).read_text()) >= 1


def test_what_is_thrown_away_is_a_transition_or_like_a_kept_frame_of_its_layout(dataset: Path) -> None:
    root, truths, shown = dataset / "frames", score_show.read_truths(TRUTH), {}
    for record_path in root.glob("EP*/.frames.json"):
        record = json.loads(record_path.read_text(encoding="utf-8"))
        for stem, source in record["frames"].items():
            shown[f"{record['episode']}/{stem}.png"] = truths[record["video"]]["frames"][source["source_frame"]]
    for line in journal.read_lines(root / removed.MANIFEST):
        gone = shown[line["frame"]]
        if line["reason"] in ("similar", "pan"):
            kept = shown[line["resembles"]]
            assert gone["transition"] or kept["transition"] or gone["layout"] == kept["layout"]
            subtitled = [any(text["kind"] == "subtitle" for text in one["text"]) for one in (kept, gone)]
            assert subtitled != [True, False]
        else:
            assert gone["transition"] or gone["kind"] in ("black", "white")


def test_the_opening_and_the_ending_are_found(dataset: Path) -> None:
    root = dataset / "frames"
    described = descriptors.describe_frames(frames.find_frames(root), 2, False)
    found, _ = openings.find_sections(root, described, [])
    truths = list(score_show.read_truths(TRUTH).values())
    assert [one.kind for one in found] == ["opening", "ending"]
    for section in found:
        for truth in truths:
            [real] = [one for one in truth["sections"] if one["section"] == section.kind]
            start, end = section.spans[f"EP{int(truth['episode']):02d}"]
            assert abs(start - real["start"] / truth["fps"]) < 1
            assert abs(end - real["end"] / truth["fps"]) < 0.5


def test_one_pass_keeps_the_same_frames_as_two_scripts(tmp_path: Path) -> None:
    words = ["--src_dir", str(SAMPLE / "episodes"), "--prefix", "sample"]
    one, two = tmp_path / "one", tmp_path / "two"
    assert extract_frames.main([*words, "--dst_dir", str(one), "--remove_similar"]) == 0
    assert extract_frames.main([*words, "--dst_dir", str(two)]) == 0
    assert remove_similar.main(["--src_dir", str(two), "--keep", "first", "--no_filters", "--pan_overlap", "1"]) == 0
    kept = [frame.relative_to(one) for frame in frames.find_frames(one)]
    assert kept == [frame.relative_to(two) for frame in frames.find_frames(two)]


def test_running_everything_again_changes_no_byte(dataset: Path) -> None:
    before = bytes_below(dataset)
    start = time.perf_counter()
    run_all(dataset)
    print(f"the second run took {time.perf_counter() - start:.1f} s")
    after = bytes_below(dataset)
    assert sorted(after) == sorted(before)
    assert [name for name in after if after[name] != before[name]] == []


def test_arrange_flatten_arrange_is_one_arrange(dataset: Path, tmp_path: Path) -> None:
    for name in ("frames", "training"):
        shutil.copytree(dataset / name, tmp_path / name)
    source, tree = str(tmp_path / "frames"), str(tmp_path / "training")
    assert prepare_training.main(["--src_dir", tree, "--shuffle_tags"]) == 0
    before = bytes_below(tmp_path)
    assert arrange_folders.main(["--src_dir", tree, "--dst_dir", source, "--flatten"]) == 0
    assert frames.find_frames(tmp_path / "training") == []
    assert arrange_folders.main(["--src_dir", source, "--dst_dir", tree]) == 0
    assert prepare_training.main(["--src_dir", tree, "--shuffle_tags"]) == 0
    after = bytes_below(tmp_path)
    told = (".arranged.jsonl", ".commands.jsonl")  # these two tell what happened
    ours = {name for name in after if not name.startswith(("training/.removed", "frames/.removed/replaced"))}
    captions = {name for name in ours if name.startswith("frames/") and name.endswith(".txt")}  # they came along
    assert ours - captions == set(before)
    assert [name for name in before if Path(name).name not in told and after[name] != before[name]] == []


def test_other_workers_and_another_order_give_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    episode = tmp_path / "frames" / "EP02"
    episode.mkdir(parents=True)
    of_extraction = [dataset / "frames" / "EP02" / name for name in (".frames.json", ".descriptors.npz")]
    for path in [*(dataset / "frames" / "EP02").glob("*.png"), *of_extraction]:
        shutil.copy2(path, episode)
    source = ["--src_dir", str(tmp_path / "frames")]
    assert tag_images.main([*source, "--model", "measured", "--workers", "1"]) == 0
    assert detect_faces.main([*source, "--workers", "4"]) == 0
    assert classify_characters.main([*source, "--ref_dir", str(REFERENCES), "--workers", "4"]) == 0
    assert generate_metadata.main([*source, "--general_description", "anishot"]) == 0
    made = {path.name: path.read_bytes() for path in episode.iterdir() if path.suffix in (".tags", ".json")}
    assert len(made) == 4 * len(list(episode.glob("*.png"))) + 1
    differing = [name for name, held in made.items() if (dataset / "frames" / "EP02" / name).read_bytes() != held]
    assert differing == []
