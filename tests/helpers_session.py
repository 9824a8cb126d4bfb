"""A session on the review page as a script that can be killed: run again, it goes on where it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from extras.review import open_desk
from framekit.desk.actions import act
from framekit.desk.catalogue import id_of
from framekit.desk.desk import Desk
from framekit.desk.journal import LOG
from framekit.files.journal import read_lines

STEPS = ("what", "undo", "again")  # lines of the record that begin something


def face(*box: float, name: str = "unknown") -> dict[str, Any]:
    return {"box": [*box], "name": name}


def steps(root: Path) -> list[dict[str, Any] | str]:
    """Return what the person does, one after the other."""

    def ids(*frames: str) -> list[str]:
        return [id_of(root, root / frame) for frame in frames]

    [first, second, third, fourth] = ids("EP01/f0.png", "EP01/f2.png", "EP02/f1.png", "EP02/f3.png")
    drawn = [face(0.1, 0.1, 0.3, 0.5, name="Aoba"), face(0.5, 0.2, 0.8, 0.7, name="Sora")]
    gone = id_of(root, root / ".removed/similar/EP01/f4.png")
    return [
        {"action": "name", "faces": [[first, 0], [third, 0]], "name": "Sora", "is_new": True},
        {"action": "tags", "ids": [first, second, third], "add": ["night"], "remove": ["solo"]},
        "undo",
        "redo",
        {"action": "boxes", "id": fourth, "faces": drawn},
        {"action": "exchange", "id": gone},
        {"action": "caption", "id": first, "text": "somebody at night"},
        {"action": "aside", "ids": [third, fourth], "reason": "credits"},
        "undo",
        {"action": "reference", "faces": [[fourth, 1]]},
        {"action": "describe", "id": third, "text": "A street."},
        {"action": "weight", "folder": "EP01", "weight": 2},
        {"action": "rename", "from": "Sora", "to": "Hinata"},
        "undo",
        "redo",
        {"action": "aside", "ids": [first], "reason": "credits"},
    ]


def do(desk: Desk, step: dict[str, Any] | str) -> None:
    """Do one step as the page does."""
    told: Callable[[], Any] = (
        (lambda: act(desk, {"serial": desk.catalogue.serial, **step}))
        if isinstance(step, dict)
        else (lambda: desk.step(step == "undo"))
    )
    what, _ = told()
    assert what != "nothing changed", step


def main(words: list[str]) -> int:
    """Do what of the session was not begun yet; what was is finished by opening the dataset."""
    folder = Path(words[0])
    root = folder / "frames"
    desk = open_desk(root, {"ref_dir": folder / "references", "weight_csv": folder / "weights.csv"})
    desk.catalogue.read_all()
    begun = sum(any(name in line for name in STEPS) for line in read_lines(root / LOG))
    for step in steps(root)[begun:]:
        do(desk, step)
    return 0
