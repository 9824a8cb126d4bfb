"""The page's server in process, and what its page sends and gets."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from framekit.cli import locks
from framekit.desk.catalogue import Catalogue, id_of
from framekit.desk.desk import Desk
from framekit.desk.journal import Journal
from framekit.review import access, server
from framekit.review.views import Pages

HOST = "127.0.0.1:8642"
Told = dict[str, Any]


@contextmanager
def locked(root: Path, moves: bool) -> Iterator[None]:
    with locks.locked_folders("review", {root: moves}):
        yield


def desk_of(root: Path, outside: Mapping[str, Path]) -> Desk:
    catalogue, journal = Catalogue(root), Journal(root, outside)
    catalogue.find()
    assert journal.read() == []
    catalogue.read_all()
    return Desk(catalogue, journal, lambda moves: locked(root, moves))


class Browser:
    """What the page sends and gets."""

    def __init__(self, root: Path, read_only: bool = False, **outside: Path) -> None:
        self.root, self.serial = root, 10**6
        self.app = server.make_app(Pages(desk_of(root, outside), read_only), "secret", [HOST])
        self.client = self.app.test_client()
        assert self.client.get("/?token=secret", headers={"Host": HOST}).status_code == 200

    def id(self, name: str) -> str:
        return id_of(self.root, self.root / name)

    def get(self, address: str) -> Told:
        told = self.client.get(f"/api/{address}", headers={"Host": HOST})
        assert told.status_code == 200, told.get_data(as_text=True)
        found: Told = told.get_json()
        return found

    def post(self, what: str = "act", status: int = 200, **asked: Any) -> Told:
        headers = {"Host": HOST, access.TOKEN: "secret"}
        told = self.client.post(f"/api/{what}", json={"serial": self.serial, **asked}, headers=headers)
        assert told.status_code == status, told.get_data(as_text=True)
        found: Told = told.get_json()
        return found


def files_of(root: Path) -> dict[str, bytes]:
    found = [path for path in root.rglob("*") if path.is_file() and ".review" not in path.as_posix()]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found if path.name != "manifest.jsonl"}
