"""EveryDream's factor and kohya's repeats, from the tree of folders and the weights."""

import random
from pathlib import Path, PurePosixPath

import pytest

from framekit.console import columns_of, shortened
from framekit.errors import UsageError
from framekit.training import balance
from framekit.training.weights import Weights, read_weights, weight_of

# The worked example that the older script generation gives: three levels of weights, and what comes of them.
WEIGHTS = [("1_character", 3.0), ("class1", 4.0), ("*class2", 6.0)]

COUNTS = {"1_character/class1": 3, "1_character/class2": 3, "others/class1": 10, "others/class3": 1}


def paths(values: dict[str, int]) -> dict[PurePosixPath, int]:
    return {PurePosixPath(name): value for name, value in values.items()}


def shares(counts: dict[str, int], weights: Weights = ()) -> dict[str, float]:
    return {str(folder): round(share, 12) for folder, share in balance.shares(paths(counts), weights).items()}


def multiplies(
    counts: dict[str, int], weights: Weights = (), least: float = 1.0, most: float = 100.0
) -> dict[str, float]:
    return {str(folder): factor for folder, factor in balance.multiplies(paths(counts), weights, least, most).items()}


def write_csv(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "weights.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_shares_of_the_worked_example() -> None:
    assert shares(COUNTS, WEIGHTS) == {
        "1_character/class1": 0.30,
        "1_character/class2": 0.45,
        "others/class1": 0.20,
        "others/class3": 0.05,
    }


def test_factors_of_the_worked_example() -> None:
    assert multiplies(COUNTS, WEIGHTS) == {
        "1_character/class1": 5.0,
        "1_character/class2": 7.5,
        "others/class1": 1.0,
        "others/class3": 2.5,
    }


def test_without_weights_each_folder_of_a_level_counts_alike() -> None:
    assert shares({"a/b": 5, "a/c": 1, "d": 7}) == {"a/b": 0.25, "a/c": 0.25, "d": 0.5}
    # frames' shares .05, .25, .5/7: over the least, 1, 5 and 10/7
    assert multiplies({"a/b": 5, "a/c": 1, "d": 7}) == {"a/b": 1.0, "a/c": 5.0, "d": 1.43}


def test_frames_directly_in_a_folder_with_subfolders_count_as_one_more() -> None:
    # a's half is split among a's own frames (weight 1), a/b (1) and a/c (2)
    expected = {"a": 0.125, "a/b": 0.125, "a/c": 0.25, "d": 0.5}
    assert shares({"a": 2, "a/b": 1, "a/c": 1, "d": 1}, [("c", 2.0)]) == expected


def test_own_frames_of_a_folder_have_its_own_weight() -> None:
    # a:3 beside d:1; in a, its own frames weigh 3 beside a/b's 1
    assert shares({"a": 1, "a/b": 1, "d": 1}, [("a", 3.0)]) == {"a": 0.5625, "a/b": 0.1875, "d": 0.25}


def test_frames_at_the_top_beside_folders() -> None:
    assert shares({".": 1, "a": 1, "b": 2}) == dict.fromkeys([".", "a", "b"], round(1 / 3, 12))


def test_frames_at_the_top_only() -> None:
    assert multiplies({".": 12}) == {".": 1.0}


def test_folders_without_frames_take_no_share() -> None:
    assert shares({"a": 0, "b": 3}) == {"b": 1.0}


def test_no_frames_at_all() -> None:
    assert multiplies({}) == {}


def test_names_that_begin_alike_are_different_folders() -> None:
    assert shares({"a": 1, "ab/c": 1}) == {"a": 0.5, "ab/c": 0.5}


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([], 1.0),
        ([("b", 2.0)], 2.0),
        ([("a", 2.0)], 1.0),
        ([("a/b", 2.0)], 2.0),
        ([("a*", 2.0)], 2.0),
        ([("*b", 2.0)], 2.0),
        ([("b*", 2.0)], 2.0),
        ([("B", 2.0)], 1.0),
        ([("c*", 2.0)], 1.0),
        ([("*b", 2.0), ("b", 3.0)], 3.0),
        ([("b", 3.0), ("*b", 2.0)], 3.0),
        ([("a*", 2.0), ("*b", 3.0)], 2.0),
        ([("b", 2.0), ("b", 3.0)], 2.0),
    ],
)
def test_the_name_wins_over_the_first_pattern_that_fits_the_path(weights: Weights, expected: float) -> None:
    folder = PurePosixPath("b" if weights == [("b*", 2.0)] else "a/b")
    assert weight_of(folder, weights) == expected


def test_the_least_factor_scales_all() -> None:
    assert list(multiplies(COUNTS, WEIGHTS, least=2.0).values()) == [10.0, 15.0, 2.0, 5.0]


def test_the_largest_factor_cuts() -> None:
    assert list(multiplies(COUNTS, WEIGHTS, most=4.0).values()) == [4.0, 4.0, 1.0, 2.5]


def test_by_default_nothing_above_100() -> None:
    assert multiplies({"a": 1000, "b": 1}) == {"a": 1.0, "b": 100.0}


@pytest.mark.parametrize("least", [0.001, 0.0049, 1e-9])
def test_no_factor_is_0_which_the_trainer_takes_for_1(least: float) -> None:
    assert multiplies({"a": 2, "b": 2}, least=least) == {
        "a": max(round(least, 4), 0.0001),
        "b": max(round(least, 4), 0.0001),
    }


def test_an_epoch_of_a_wished_size_has_the_same_shares() -> None:
    counts = {PurePosixPath("a"): 30, PurePosixPath("b"): 10}
    factors = balance.multiplies(counts, [], 1.0, 100.0, epoch_size=20)
    assert factors == {PurePosixPath("a"): 0.3334, PurePosixPath("b"): 1.0}


def test_sources_at_the_top_have_weights_of_their_own_unless_told_otherwise() -> None:
    counts = {PurePosixPath(name): 1 for name in ("screenshots", "fanart", "regularization", "a/fanart")}
    shares = balance.shares(counts, [("regular*", 2.0)])
    assert shares == {
        PurePosixPath("a/fanart"): 1 / 8,
        PurePosixPath("fanart"): 2 / 8,
        PurePosixPath("regularization"): 2 / 8,
        PurePosixPath("screenshots"): 3 / 8,
    }


def test_shares_of_an_epoch_as_the_trainer_gets_them() -> None:
    counts = {PurePosixPath("a"): 3, PurePosixPath("b"): 1}
    factors = {PurePosixPath("a"): 1.0, PurePosixPath("b"): 2.0}
    assert balance.epoch_shares(counts, factors) == {PurePosixPath("a"): 0.6, PurePosixPath("b"): 0.4}


def test_weights_are_read_in_their_order(tmp_path: Path) -> None:
    path = write_csv(tmp_path, '\ufeff1_character,3\r\n\r\n class1 , 4.5\n"a, b",1e1\n*class2,.5\n')
    assert read_weights(path) == [("1_character", 3.0), ("class1", 4.5), ("a, b", 10.0), ("*class2", 0.5)]


@pytest.mark.parametrize(
    "line",
    [
        "class1",
        "class1,",
        "class1,much",
        "class1;3",
        "folder,weight",
        "class1,0",
        "class1,-1",
        "class1,nan",
        "class1,inf",
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    path = write_csv(tmp_path, f"1_character,3\n{line}\n")
    with pytest.raises(UsageError, match=r"weights\.csv.*(class1|folder)") as raised:
        read_weights(path)
    assert "\n" not in str(raised.value)


def test_a_decimal_comma_is_refused_and_not_cut_off(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="class1"):
        read_weights(write_csv(tmp_path, "class1,1,5\n"))


@pytest.mark.parametrize(
    "content",
    [b"caf\xe9,3\n", b"PK\x03\x04\xff\xfe", b'"' + b"x" * 200_000 + b",3\n"],
    ids=["latin-1", "spreadsheet", "unclosed quote"],
)
def test_a_file_that_is_no_csv_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UsageError, match=r"weights\.csv"):
        read_weights(write_csv(tmp_path, content))


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.csv"):
        read_weights(tmp_path / "none.csv")


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("size", [0, 1])
def test_an_epoch_never_ends_just_below_a_whole_number(seed: int, size: int) -> None:
    chance = random.Random(seed)
    counts = {PurePosixPath(str(place)): chance.choice([1, 1, 2, 3, 7, 20]) for place in range(9)}
    wished = size * 2 * sum(counts.values())
    found = balance.multiplies(counts, [], 1.0, 100.0, wished)
    frames = [factor for folder, factor in found.items() for _ in range(counts[folder])]
    for _ in range(20):
        chance.shuffle(frames)  # EveryDream2 adds them up in an order of its own, and rounds down
        total = sum(frames)
        assert total % 1 < 0.6
        assert not wished or int(total) == wished


def test_factors_near_whole_numbers_are_whole() -> None:
    counts = {PurePosixPath(str(number)): number for number in (1, 3, 7, 50)}
    found = balance.multiplies(counts, [], 1.0, 100.0)
    assert list(found.values()) == [50.0, 16.67, 1.0, 7.0]
    assert balance.factor(12.2, 100.0, True) == 12.0


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_table_fits_the_terminal_with_names_of_any_length(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    names = ["all", "1_character", "  " + "+".join(["AkaneKurosawa", "SoraMinato"] * 3), "  山のススメ" * 5]
    rows = [balance.Row(name, 1, "1", "8.33", "24", 0.25, 0.25) for name in names]
    lines = balance.table("folder", rows).splitlines()
    assert max(map(columns_of, lines)) <= columns
    assert "…" in lines[3]
    assert (lines[2].endswith("1_character  " + "#" * (lines[2].count("#"))) and "#####" in lines[2]) or columns == 60


@pytest.mark.parametrize(
    ("text", "room", "expected"),
    [("abcdef", 6, "abcdef"), ("abcdef", 5, "ab…ef"), ("abcdef", 1, "…"), ("山のススメ", 7, "山の…メ")],
)
def test_the_middle_of_a_text_is_left_out(text: str, room: int, expected: str) -> None:
    assert shortened(text, room) == expected
