"""The body of a request, as JSON."""

import json
from typing import Any

from flask import Request

from services.backend.app.errors import ApiError

MAX_BODY_BYTES = 64 * 1024


def json_body(request: Request) -> Any:
    """Return the body's value; anything else than one JSON document of bounded size is a 400 or 413."""
    # Only JSON: a form of a foreign page can be sent without asking first, JSON cannot.
    if not request.is_json:
        raise ApiError(400, "the body must be JSON (Content-Type: application/json)")
    content = request.get_data()
    # A body without a length is cut at the limit by Werkzeug, without a word; hence one byte more is allowed there.
    if len(content) > MAX_BODY_BYTES:
        raise ApiError(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise ApiError(400, "the body is not valid JSON") from None
