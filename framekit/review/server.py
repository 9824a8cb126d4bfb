"""The server of the page: who may ask, and how questions become JSON and pictures."""

from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framekit import errors
from framekit.desk.actions import act
from framekit.desk.catalogue import Catalogue
from framekit.desk.desk import Conflict, NeedsConsent
from framekit.desk.journal import Changed
from framekit.review import access, balance, cast
from framekit.review.views import Pages, number_in

if TYPE_CHECKING:
    from flask import Flask

SIDES = (96, 160, 192, 320)
STATIC = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def side_of(asked: Any) -> int:
    """Return the side of a thumbnail that may be asked for."""
    side = number_in(asked, "side", SIDES[1])
    return side if side in SIDES else SIDES[1]


def make_app(pages: Pages, token: str, hosts: Sequence[str]) -> "Flask":
    """Return the app that serves the page of a dataset to whoever has the token."""
    from flask import Flask, jsonify, request

    app = Flask("review", static_folder=None)

    def answer(sentence: str, status: int, **more: Any) -> Any:
        told = jsonify({"error": sentence, **more})
        told.status_code = status
        return told

    access.guard(app, token, hosts, answer)
    hurry(app, pages.desk.catalogue)
    serve_files(app, token, hosts)
    serve_pictures(app, pages)
    outside = pages.desk.journal.outside
    asks: dict[str, Callable[[], Any]] = {
        "summary": pages.summary,
        "frames": lambda: pages.frames(request.args),
        "ids": lambda: {
            "serial": pages.desk.catalogue.serial,
            "ids": [one.id for one in pages.chosen(request.args)],
        },
        "removed": lambda: pages.removed(request.args),
        "people": lambda: pages.people(request.args),
        "problems": pages.problems,
        "check": pages.check,
        "groups": lambda: pages.groups(request.args),
        "preview": lambda: pages.preview(request.args),
        "faces": lambda: pages.people_of(request.args.getlist("key"), request.args),
        "balance": lambda: balance.tables(pages.desk, outside.get("weight_csv")),
        "characters": lambda: {"characters": cast.characters(pages.desk)},
        "look": lambda: pages.look(request.args),
    }

    @app.get("/api/<what>")
    def ask(what: str) -> Any:
        return jsonify(asks[what]()) if what in asks else answer("there is no such view", 404)

    app.get("/api/frame/<id_>", endpoint="frame")(lambda id_: jsonify(pages.frame(id_)))

    @app.post("/api/<what>")
    def do(what: str) -> Any:
        if pages.read_only:
            return answer("this page only shows; start review.py without --read_only to correct", 403)
        asked = request.get_json(silent=True)
        if not isinstance(asked, dict) or what not in ("act", "undo", "redo"):
            return answer("the page asks for something unknown; load it anew", 422)
        done, changed = act(pages.desk, asked) if what == "act" else pages.desk.step(what == "undo")
        return jsonify(pages.state() | {"what": done, "changed": changed})

    refuse_in_sentences(app, answer, pages)
    return app


def hurry(app: "Flask", catalogue: Catalogue) -> None:
    """Let the reading of all sidecars wait while an answer is made."""
    answered = app.wsgi_app

    def at_once(environ: Any, start: Any) -> Any:
        with catalogue.at_once():
            return answered(environ, start)

    app.wsgi_app = at_once  # type: ignore[method-assign, assignment]


def refuse_in_sentences(app: "Flask", answer: Callable[..., Any], pages: Pages) -> None:
    """Let what goes wrong in an expected way be one sentence with its status."""

    @app.errorhandler(errors.UsageError)
    def refused(error: errors.UsageError) -> Any:
        desk = pages.desk
        if isinstance(error, NeedsConsent):
            return answer(str(error), 422, nearest=error.nearest or None, needs="is_new")
        if isinstance(error, Conflict | Changed):
            held = error.entries if isinstance(error, Conflict) else []
            told = [{"id": one.id, "path": one.path.relative_to(desk.root).as_posix()} for one in held]
            return answer(str(error), 409, conflicts=told, serial=desk.catalogue.serial)
        return answer(str(error), 423 if "works on" in str(error) else 422)

    @app.errorhandler(RecursionError)
    def too_deep(_: RecursionError) -> Any:
        return answer("the page asks for something unknown; load it anew", 422)

    @app.errorhandler(errors.BadSidecar)
    def damaged(error: errors.BadSidecar) -> Any:
        return answer(str(error), 422)

    @app.errorhandler(errors.UnreadableFrame)
    def unreadable(error: errors.UnreadableFrame) -> Any:
        return answer(str(error), 404)

    @app.errorhandler(OSError)
    def away(error: OSError) -> Any:
        return answer(f"{error.filename or 'a file'} cannot be used ({error.strerror}); see to it, then repeat", 422)


def serve_files(app: "Flask", token: str, hosts: Sequence[str]) -> None:
    """Serve the page itself; its first address sets the cookie."""
    from flask import Response

    held = {one.name: one.read_bytes() for one in (files("framekit.review") / "static").iterdir() if one.is_file()}

    @app.get("/")
    def page() -> Any:
        told = Response(held["index.html"].replace(b"{{ token }}", token.encode()), mimetype="text/html")
        told.headers["Cache-Control"] = "no-store"
        told.set_cookie(access.cookie_name(hosts), token, httponly=True, samesite="Strict")
        return told

    @app.get("/static/<name>")
    def static(name: str) -> Any:
        suffix = Path(name).suffix
        if name not in held or suffix not in STATIC:
            return Response(status=404)
        told = Response(held[name], mimetype=STATIC[suffix])
        told.headers["Cache-Control"] = "no-cache"
        return told


def serve_pictures(app: "Flask", pages: Pages) -> None:
    """Serve frames, thumbnails and heads of faces, by ids."""
    from flask import Response, request, send_file

    def jpeg(content: bytes) -> Any:
        told = Response(content, mimetype="image/jpeg")
        told.headers["Cache-Control"] = "private, max-age=60"
        return told

    @app.get("/thumb/<id_>")
    def thumb(id_: str) -> Any:
        return jpeg(pages.thumbnails.of(pages.picture(id_), side_of(request.args)))

    @app.get("/face/<id_>/<int:index>")
    def face(id_: str, index: int) -> Any:
        return jpeg(pages.head(id_, index, side_of(request.args)))

    @app.get("/picture/<id_>")
    def picture(id_: str) -> Any:
        path = pages.picture(id_)
        if path.is_symlink():
            raise errors.UsageError("the frame is a link, which is not followed")
        return send_file(path.resolve(), max_age=60, download_name=f"picture{path.suffix}")
