"""How tests of faults kill a script: by tests/faults/kill_driver.py, in a process of its own."""

import subprocess
import sys
from pathlib import Path

DRIVER = Path(__file__).with_name("faults") / "kill_driver.py"


def run_killed(tmp_path: Path, moments: int, script: str, *words: str) -> None:
    """Kill a script on copies of tmp_path/base in tmp_path/work; every result must be that of an undisturbed run."""
    command = [sys.executable, str(DRIVER), str(tmp_path / "base"), str(tmp_path / "work"), str(moments), script]
    (tmp_path / "work").mkdir(exist_ok=True)
    done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=600 if moments else None)
    print(done.stdout)  # how many operations there were
    assert done.returncode == 0, done.stdout + done.stderr
