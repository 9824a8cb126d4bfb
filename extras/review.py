"""Review a dataset in the browser: names, tags, faces, captions and removed frames, by keyboard.

    python extras/review.py dataset/frames

Reads the frames with their sidecars; writes corrections into X.json, X.png.tags, X.txt, X.faces.json and
X.characters.json as a person with an editor would, references into --ref_dir and weights into --weight_csv, and moves
frames to .removed/ and back. What was done is noted in .review.jsonl, from which it can be undone at any time. The page
is for this machine alone: open the address that is printed.
"""

import argparse
import socket
import sys
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it runs from a clone, as the scripts above it do

from framekit import console, errors
from framekit.cli import run
from framekit.cli.parser import StageParser
from framekit.cli.values import count
from framekit.dataset import removed
from framekit.desk.catalogue import Catalogue
from framekit.desk.desk import Desk
from framekit.desk.journal import Journal
from framekit.review import access, server
from framekit.review.views import Pages
from framekit.training.captions import read_triggers
from framekit.training.weights import read_weights

LOOPBACK = "127.0.0.1"
MOST_PORTS = 65535
THREADS = 8  # of the server; a browser asks for six pictures at once


def port(text: str) -> int:
    """Argument type: the number of a port."""
    value = count(text)
    if value > MOST_PORTS:
        raise argparse.ArgumentTypeError(f"{text} is above {MOST_PORTS}")
    return value


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("review", __doc__ or "")
    options.shared("src_dir", "config")
    options.option("ref_dir", type=Path, help="folder with one folder of reference images per character")
    options.option(
        "weight_csv",
        type=Path,
        help="CSV of `folder or pattern,weight` (default: 1; top folders screenshots 3, fanart 2, regularization 5)",
    )
    options.option(
        "trigger_csv", type=Path, help="CSV of `character,trigger words`: captions say these words instead of the name"
    )
    options.group("the page")
    options.option("port", type=port, default=8642, help="port of the page; 0 = any that is free")
    options.option(
        "host", default=LOOPBACK, help="address at which the page listens; any other lets the network reach it"
    )
    options.option("no_browser", action="store_true", help="print the address only, open no browser")
    options.option("read_only", action="store_true", help="show everything, correct nothing")
    return options


@contextmanager
def locked(root: Path, moves: bool) -> Iterator[None]:
    """Lock a dataset for one action, alone where frames move. Raises UsageError if a script is at work there."""
    with run.locked_and_mended("review", {root.resolve(): moves}):
        yield


def open_desk(root: Path, outside: Mapping[str, Path], read_only: bool = False) -> Desk:
    """Return a dataset ready to be reviewed; what a kill left half done is finished, unless it is only shown.

    Raises UsageError if there is no frame, or if something is to be finished where a script is at work.
    """
    catalogue, journal = Catalogue(root), Journal(root, outside)
    catalogue.find()
    if not catalogue.entries and not catalogue.removed():
        raise errors.UsageError(f"no frame is in {root}; --src_dir must name the folder that holds the frames")
    if journal.load() is not None and not read_only:
        with locked(root, moves=True):
            with suppress(OSError):  # then whatever moves frames next tells it
                removed.finish_interrupted(root)
            for sentence in journal.read():
                console.warn(sentence)
        catalogue.look_around()
    return Desk(catalogue, journal, lambda moves: locked(root, moves))


def check_given(ref_dir: Path | None, weight_csv: Path | None, trigger_csv: Path | None) -> None:
    """Raise UsageError for a file or folder that could not be used later; a table of weights may be new."""
    for option, folder in (("ref_dir", ref_dir), ("weight_csv", weight_csv.parent if weight_csv else None)):
        if folder is not None and not folder.is_dir():
            raise errors.UsageError(f"{folder} is not a folder; make it, or give another --{option}")
    if weight_csv is not None and weight_csv.exists():
        read_weights(weight_csv)
    if trigger_csv is not None:
        read_triggers(trigger_csv)


def bound_socket(host: str, number: int) -> socket.socket:
    """Return a socket on which the page is to be served. Raises UsageError if it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, number))
    except OSError as error:
        opened.close()
        remedy = "--host, 127.0.0.1 for this machine alone" if isinstance(error, socket.gaierror) else "--port"
        raise errors.UsageError(
            f"port {number} of {host} cannot be had ({error.strerror}); give another {remedy}"
        ) from error
    return opened


@run.script(parser, holds=False)
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    if missing := [name for name in ("flask", "waitress") if find_spec(name) is None]:
        raise errors.UsageError(f"{' and '.join(missing)} are missing; pip install -r requirements-review.txt")
    given = {name: getattr(args, name) for name in ("ref_dir", "weight_csv", "trigger_csv")}
    check_given(args.ref_dir, args.weight_csv, args.trigger_csv)
    desk = open_desk(args.src_dir, {name: path for name, path in given.items() if path is not None}, args.read_only)
    opened = bound_socket(args.host, args.port)
    token, hosts = access.new_token(), access.names_of_host(args.host, opened.getsockname()[1])
    app: Any = server.make_app(Pages(desk, args.read_only), token, hosts)
    from waitress.server import create_server

    served = create_server(app, sockets=[opened], threads=THREADS, max_request_body_size=access.MOST_BYTES)
    address = f"http://{hosts[0]}/?token={token}"
    Thread(target=desk.catalogue.read_all, daemon=True).start()
    console.say(f"{console.counted(len(desk.catalogue.entries), 'frame')} of {args.src_dir} at {address}")
    console.flush()
    if not args.no_browser:
        webbrowser.open(address)
    try:
        served.run()
    finally:
        served.close()
    return run.DONE


if __name__ == "__main__":
    raise SystemExit(main())
