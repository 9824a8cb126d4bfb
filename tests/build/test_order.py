"""In which order stages run, and what happens when one fails or all are stopped."""

from collections.abc import Sequence
from threading import Barrier, Event

import pytest

from framekit.build.launch import Ended
from framekit.build.order import run_stages, stages_at_once

WAITS: dict[str, set[str]] = {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"a", "b", "c"}}


def run(at_once: int, codes: dict[str, int] | None = None) -> list[tuple[str, int]]:
    """Run the four stages; return their ends as they came."""
    ends: list[tuple[str, int]] = []

    def start(name: str) -> Ended:
        return Ended((codes or {}).get(name, 0), 0.0)

    run_stages(WAITS, at_once, start, lambda name, end: ends.append((name, end.code)), lambda: None)
    return ends


def names(ends: Sequence[tuple[str, int]]) -> list[str]:
    return [name for name, _ in ends]


def test_one_after_the_other() -> None:
    assert names(run(1)) == ["a", "b", "c", "d"]


def test_what_is_left_out_in_part_does_not_stop_the_rest() -> None:
    assert names(run(1, {"b": 1})) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("code", [2, 70, -9, 137])
def test_nothing_begins_after_a_failure(code: int) -> None:
    assert run(1, {"b": code}) == [("a", 0), ("b", code)]


def test_what_runs_beside_a_failure_goes_on_to_its_end() -> None:
    together = Barrier(2, timeout=10)
    failed = Event()
    ends: list[str] = []

    def start(name: str) -> Ended:
        if name in "bc":
            together.wait()
        if name == "c":
            assert failed.wait(10)
        return Ended(2 if name == "b" else 0, 0.0)

    def ended(name: str, end: Ended) -> None:
        ends.append(name)
        if name == "b":
            failed.set()

    run_stages(WAITS, 2, start, ended, lambda: None)
    assert ends == ["a", "b", "c"]


def test_two_run_at_once_and_never_more() -> None:
    together = Barrier(2, timeout=10)

    def start(name: str) -> Ended:
        if name in "bc":
            together.wait()
        return Ended(0, 0.0)

    ends: list[str] = []
    run_stages(WAITS, 2, start, lambda name, _: ends.append(name), lambda: None)
    assert sorted(ends) == ["a", "b", "c", "d"]


def test_an_interruption_ends_what_runs() -> None:
    begun, released = Event(), Event()

    def start(name: str) -> Ended:
        if name == "b":
            begun.set()
            assert released.wait(10)
        return Ended(0, 0.0)

    def ended(name: str, end: Ended) -> None:
        if name == "c":
            assert begun.wait(10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_stages(WAITS, 2, start, ended, released.set)


@pytest.mark.parametrize(("cores", "memory", "number"), [(2, 64e9, 1), (16, 4e9, 1), (8, 8e9, 2), (64, 256e9, 2)])
def test_stages_run_at_once_where_cores_and_memory_allow(cores: int, memory: float, number: int) -> None:
    assert stages_at_once(cores, memory) == number
