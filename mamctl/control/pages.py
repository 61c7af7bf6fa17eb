"""The dashboard's files, and the headers under which a browser runs nothing but them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from mamctl.control.admission import PATH
from mamctl.control.protocol import Answer, Refusal

if TYPE_CHECKING:
    from mamctl.control.protocol import Request
    from mamctl.control.visitors import Visitors

_FOLDER: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dashboard")
_PAGE: Final = "index.html"
_KEY_PLACE: Final = b'name="mamctl-key" content=""'
_MEDIA: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY: Final = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS: Final = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)


def answer(request: Request, visitors: Visitors) -> Answer:
    """Answer a request for a file of the dashboard; they hold no secret, so anybody may have them. Raises Refusal."""
    if request.method not in ("GET", "HEAD"):
        raise Refusal(405, "method_not_allowed", f"{request.path[:200]} takes GET", headers=(("Allow", "GET"),))
    if request.path in (PATH, f"{PATH}/"):
        return _page(request, visitors)
    name = request.path.removeprefix(f"{PATH}/")
    if name == _PAGE or name not in os.listdir(_FOLDER) or os.path.splitext(name)[1] not in _MEDIA:
        raise Refusal(404, "unknown_path", f"no such path: {request.path[:200]}", f"the dashboard is at {PATH}")
    return Answer(200, _read(name), _headers(name))


def _page(request: Request, visitors: Visitors) -> Answer:
    """Return the page; with a link that is good it comes with cookie and key. To all others it says how to sign in."""
    page = _read(_PAGE)
    once = request.query.get("once", "") if request.method == "GET" else ""
    visit = visitors.welcome(once, request.headers.get("host", "")) if once else None
    if visit is not None:
        page = page.replace(_KEY_PLACE, _KEY_PLACE[:-1] + visit.key.encode() + b'"')
        return Answer(200, page, (*_headers(_PAGE), ("Set-Cookie", visit.cookie)))
    return Answer(200 if visitors.known(request.headers) else 401, page, _headers(_PAGE))


def _headers(name: str) -> tuple[tuple[str, str], ...]:
    return (("Content-Type", _MEDIA[os.path.splitext(name)[1]]), *HEADERS)


def _read(name: str) -> bytes:
    with open(os.path.join(_FOLDER, name), "rb") as file:
        return file.read()
