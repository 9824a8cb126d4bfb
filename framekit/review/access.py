"""Who may ask the page for anything: whoever has its token, from the page itself."""

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask, Request

MOST_BYTES = 2**21  # of a request; 100,000 ids take 1.9 MB
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
TOKEN = "X-Review-Token"
EVERYWHERE, ANY_NUMBER = ("0.0.0.0", "::"), "*"


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_urlsafe(24)


def names_of_host(host: str, port: int) -> list[str]:
    """Return what a browser may call this server by: others are names that a stranger bends to this machine."""
    if host in EVERYWHERE:
        return [f"{name}:{port}" for name in (socket.gethostname(), "localhost", ANY_NUMBER)]
    loopback = host in ("127.0.0.1", "::1", "localhost")
    known = ["127.0.0.1", "localhost", "[::1]"] if loopback else [f"[{host}]" if ":" in host else host]
    return [f"{name}:{port}" for name in known]


def is_called(host: str, hosts: Sequence[str]) -> bool:
    """Tell whether a browser may call this server so; an address in numbers is nothing that a stranger can bend.

    >>> is_called("192.168.1.7:8642", ["anime:8642", "*:8642"]), is_called("bad.example:8642", ["anime:8642", "*:8642"])
    (True, False)
    """
    name, _, port = host.rpartition(":")
    if host in hosts or f"{ANY_NUMBER}:{port}" not in hosts:
        return host in hosts
    try:
        return bool(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return False


def refusal(request: "Request", token: str, hosts: Sequence[str]) -> str:
    """Return why a request is refused, in a sentence; nothing if it may go on."""
    if not is_called(request.host, hosts):
        return f"this page is called {hosts[0]}; open the address that review.py printed"
    origin = request.headers.get("Origin")
    if origin is not None and origin not in [f"http://{host}" for host in (*hosts, request.host)]:
        return "another page asks for this; open the address that review.py printed"
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return "another page asks for this; open the address that review.py printed"
    given = request.headers.get(TOKEN, "") if request.method == "POST" else request.cookies.get(cookie_name(hosts), "")
    if request.path == "/" and request.method in ("GET", "HEAD"):
        given = request.args.get("token", "") or given
    if not hmac.compare_digest(given.encode(), token.encode()):
        return "the token is missing or old; open the address that review.py printed"
    return ""


def cookie_name(hosts: Sequence[str]) -> str:
    """Return the name of the cookie; two pages on two ports of one machine share their cookies."""
    return f"review_{hosts[0].rpartition(':')[2]}"


def guard(app: "Flask", token: str, hosts: Sequence[str], answer: Callable[[str, int], Any]) -> None:
    """Let an app refuse whoever may not ask, and send what keeps strangers' scripts out of the page."""
    from flask import request

    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES

    @app.before_request
    def refuse() -> Any:
        reason = refusal(request, token, hosts)
        return answer(reason, 403) if reason else None

    @app.after_request
    def protect(response: Any) -> Any:
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response
