"""A build on a Ray cluster: a task for each shard of a stage, given again where a machine or its link is lost.

Ray neither retries nor fails a task whose machine lost its link, so tasks have a deadline, and a machine that is gone
makes its tasks be given again. Work that is done twice does no harm: the files beside the frames are the truth.
"""

import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from framekit.build.launch import SCRIPTS_DIR, Child, Ended, Tell
from framekit.build.stages import STAGES
from framekit.errors import UsageError

RETRIES = 3  # of a task whose worker died, by Ray; and times that we give one again
POLL = 1.0  # seconds from one look at tasks and machines to the next
PATIENCE = 10.0  # seconds that a cluster has to answer
GRACE = 30.0  # seconds that Ray has to notice what became of a lost machine's tasks, before they are given again
BUSY = "in another process"  # of the sentence of a script that waits for the lock of another run
ON_GPU = ("faces", "characters", "tags")  # stages that may use one


@dataclass(frozen=True)
class Wanted:
    """What a task takes: cores, and cards for stages that can use one; seconds until it is given again."""

    address: str = ""
    shards: int = 1
    cpus: float = 1.0
    gpus: float = 0.0
    deadline: float = 4 * 3600.0


@dataclass
class Task:
    """A shard of a stage, and the runs of it that are under way."""

    words: list[str]
    tries: int = 0
    given: float = 0.0
    runs: list[Any] = field(default_factory=list)


def run_script(words: list[str], folder: str) -> tuple[int, float, list[tuple[str, bool]], tuple[str, ...]]:
    """Run a script on the machine of a worker; return its code, seconds, lines, and what was unreadable."""
    os.chdir(folder)
    lines: list[tuple[str, bool]] = []
    child = Child(words, lambda line, is_error: lines.append((line, is_error)))
    ended = child.wait()
    return ended.code, ended.seconds, lines, ended.unreadable


def require_port(address: str) -> None:
    """Raise UsageError if nobody answers at host:port, which Ray would wait for."""
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), PATIENCE).close()
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"no Ray cluster answers at {address}: {reason}; ray start --head begins one") from error


class Cluster:
    """Runs stages on a Ray cluster, which is found by its address, or begun on this machine."""

    def __init__(self, wanted: Wanted) -> None:
        """Connect. Raises UsageError if Ray is not installed, or there is no cluster at the address."""
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        if not wanted.address:
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        try:
            import ray
        except ModuleNotFoundError as error:
            raise UsageError("--engine ray needs Ray: pip install -r requirements-ray.txt") from error
        require_port(wanted.address)
        self.ray, self.wanted = ray, wanted
        self.is_stopped = False
        paths = os.pathsep.join([str(SCRIPTS_DIR), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        ours = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(
                address=wanted.address or "local",
                runtime_env={"env_vars": {"PYTHONPATH": paths}},
                log_to_driver=False,
                logging_level="ERROR",
                **({} if wanted.address else {"include_dashboard": False}),
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            reason = str(error).strip().split("\n")[0]
            remedy = "ray start --head begins one"
            raise UsageError(f"there is no Ray cluster at {wanted.address}: {reason}; {remedy}") from error
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, ours)  # which Ray replaces by one that leaves without a word
        there = ray.cluster_resources()
        for kind, option, needed in (("CPU", "num_cpus", wanted.cpus), ("GPU", "num_gpus", wanted.gpus)):
            if needed > there.get(kind, 0):
                held = f"{there.get(kind, 0):g}"
                raise UsageError(f"a task takes {needed:g} {kind}, and the cluster has {held}; lower --{option}")

    def run(self, name: str, words: Sequence[str], tell: Tell) -> Ended:
        """Run a stage to its end: all shards, or the one task of a stage that needs the whole show."""
        shards = self.wanted.shards if STAGES[name].is_shared else 1
        shares = [["--shard", f"{number}/{shards}"] for number in range(1, shards + 1)] if shards > 1 else [[]]
        began = time.monotonic()
        tasks = [Task([*words, *share]) for share in shares]
        give = self.giver(name)
        for task in tasks:
            give(task)
        ends: list[Ended] = []
        gone, lost_at = len(self.dead()), 0.0
        while tasks and not self.is_stopped:
            ready, _ = self.ray.wait([run for task in tasks for run in task.runs], timeout=POLL)
            for task in [one for one in tasks if any(run in ready for run in one.runs)]:
                end = self.ended(task, ready, give, tell)
                if end is not None:
                    tasks.remove(task)
                    ends.append(end)
            dead = len(self.dead())
            if dead > gone:
                gone, lost_at = dead, time.monotonic()
                tell("a machine of the cluster is gone; what it did not finish is given to others", True)
            now = time.monotonic()
            is_lost = 0 < lost_at < now - GRACE
            lost_at = 0.0 if is_lost else lost_at
            for task in tasks:
                if (is_lost or now - task.given > self.wanted.deadline) and task.tries <= RETRIES:
                    give(task)
        if self.is_stopped:
            raise KeyboardInterrupt
        worst = max(ends, key=lambda end: (not end.goes_on, end.code))
        unreadable = tuple(dict.fromkeys(line for end in ends for line in end.unreadable))
        return Ended(worst.code, time.monotonic() - began, worst.sentence, unreadable)

    def giver(self, name: str) -> Callable[[Task], None]:
        """Return what gives a task to the cluster, beside runs of it that may have been lost."""
        needs = {"num_cpus": self.wanted.cpus, "num_gpus": self.wanted.gpus if name in ON_GPU else 0}
        remote = self.ray.remote(max_retries=RETRIES, **needs)(run_script)
        here = os.getcwd()  # noqa: PTH109

        def give(task: Task) -> None:
            task.runs.append(remote.remote(task.words, here))
            task.tries, task.given = task.tries + 1, time.monotonic()

        return give

    def ended(self, task: Task, ready: Sequence[Any], give: Callable[[Task], None], tell: Tell) -> Ended | None:
        """Return how a task ended, by the first of its runs that did; None if it goes on, or was given again."""
        for run in [one for one in task.runs if one in ready]:
            task.runs.remove(run)
            try:
                code, seconds, lines, unreadable = self.ray.get(run)
            except self.ray.exceptions.RayError as error:
                reason = type(error).__name__
                code, seconds, lines, unreadable = -9, 0.0, [(f"a worker was lost ({reason})", True)], ()
            is_busy = code == 2 and any(BUSY in line for line, _ in lines)
            if (is_busy or code < 0) and (task.runs or task.tries <= RETRIES):
                if not task.runs:
                    time.sleep(POLL)
                    task.tries -= is_busy
                    give(task)
                continue
            for line, is_error in lines:
                tell(line, is_error)
            for other in task.runs:
                self.ray.cancel(other, force=True)
            return Ended(code, seconds, next((line for line, is_error in reversed(lines) if is_error), ""), unreadable)
        return None

    def dead(self) -> set[str]:
        """Return the machines that are gone."""
        return {node["NodeID"] for node in self.ray.nodes() if not node["Alive"]}

    def stop(self) -> None:
        """End all tasks: their scripts end with the workers."""
        self.is_stopped = True

    def close(self) -> None:
        """Leave the cluster; one that was begun here ends, with all that runs."""
        self.ray.shutdown()
