"""What every request must be before a route sees it, and what every answer carries.

A page of the web can make a browser talk to this machine (by a name that resolves to 127.0.0.1), so the name in `Host`
and, when there is one, in `Origin` must be this machine's own.
"""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from flask import Response, g, request

from services.agent.app.errors import ApiError, invalid

if TYPE_CHECKING:
    from flask import Flask

log = logging.getLogger(__name__)

ALLOWED_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def register(app: Flask, max_body: int) -> None:
    """Guard every route of `app`; a body over `max_body` bytes is a 413."""

    def check() -> None:
        g.started = time.monotonic()
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        check_host()
        if (request.content_length or 0) > max_body:
            raise ApiError(413, "PAYLOAD_TOO_LARGE", f"the body is over {max_body} bytes")

    app.before_request(check)
    app.after_request(_finish)


def check_host() -> None:
    """Raise ApiError 403 unless the request was addressed to, and came from, a page of this machine."""
    if _name(f"//{request.headers.get('Host', '')}") not in ALLOWED_HOSTS:
        hint = "use 127.0.0.1, localhost or [::1] in the URL"
        raise ApiError(403, "HOST_NOT_ALLOWED", "this service answers to this machine's own names only", hint=hint)
    origin = request.headers.get("Origin")
    if origin is not None and _name(origin) not in ALLOWED_HOSTS:
        raise ApiError(403, "ORIGIN_NOT_ALLOWED", "pages of other sites may not call this service")


def json_object() -> dict[str, Any]:
    """Return the body as an object; raise ApiError 415 for another media type, 400 for anything but a JSON object."""
    if request.mimetype != "application/json":
        raise ApiError(
            415, "UNSUPPORTED_MEDIA_TYPE", "the body must be JSON", hint="send Content-Type: application/json"
        )
    try:
        value = json.loads(request.get_data().decode("utf-8"), parse_constant=_no_constant)
        # A lone surrogate is valid JSON but no text: neither the history nor a hash can hold it.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise invalid("the body is not valid JSON in UTF-8") from error
    if not isinstance(value, dict):
        raise invalid('the body must be a JSON object, such as {"message": "Hello"}')
    return value


def _name(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return (parts.hostname or "") if "@" not in parts.netloc else ""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "-")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
    took = (time.monotonic() - g.get("started", time.monotonic())) * 1000
    quiet = request.path.startswith("/health") and response.status_code == 200
    note = g.get("code") or response.headers.get("X-Cache", "-")
    level = logging.DEBUG if quiet else logging.INFO
    path = ascii(request.path)[1:-1]  # a decoded path may hold line ends, which would forge lines of the log
    shape = "%s %s %d %.0f ms %s %s"
    log.log(level, shape, request.method, path, response.status_code, took, note, g.get("request_id", "-"))
    return response
