"""Every refusal of this service, in one shape: `{error, code, hint?, timestamp}`.

`error` is for people, `code` for programs. Neither holds a path, a stack trace or what another program said: that goes
to the log, under the request's id.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Response, g, jsonify
from werkzeug.exceptions import HTTPException

from services.agent.app.moment import timestamp

if TYPE_CHECKING:
    from flask import Flask

log = logging.getLogger(__name__)

CANCELLED = "CANCELLED"
HTTP_CODES = {400: "INVALID_REQUEST", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "PAYLOAD_TOO_LARGE"}


class ApiError(Exception):
    """A refusal that the client is told about. `retry_after` is in seconds."""

    def __init__(
        self, status: int, code: str, message: str, *, hint: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """Return the error as the client reads it."""
        return error_body(self.message, self.code, self.hint)


def error_body(message: str, code: str, hint: str | None = None) -> dict[str, Any]:
    """Return the one error object; `hint` is left out when there is nothing to advise."""
    body = {"error": message, "code": code, "hint": hint, "timestamp": timestamp()}
    return {name: value for name, value in body.items() if value is not None}


def invalid(message: str, hint: str | None = None) -> ApiError:
    """Return the refusal of a request that is wrong in itself (400)."""
    return ApiError(400, "INVALID_REQUEST", message, hint=hint)


def given_up() -> ApiError:
    """Return the end of a question that nobody waits for any more (503, in case somebody does)."""
    return ApiError(503, CANCELLED, "the answer was given up: the client left, or the agent is stopping")


def register(app: Flask) -> None:
    """Make every error of the application answer in the one shape."""
    app.register_error_handler(ApiError, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _refused(error: ApiError) -> tuple[Response, int, dict[str, str]]:
    g.code = error.code
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return jsonify(error.body()), error.status, headers


def _http_error(error: HTTPException) -> tuple[Response, int, dict[str, str]]:
    status = error.code or 500
    allowed = sorted(getattr(error, "valid_methods", None) or ())
    kept = {"Allow": ", ".join(allowed)} if allowed else {}
    refusal = ApiError(status, HTTP_CODES.get(status, f"HTTP_{status}"), HTTPStatus(status).phrase)
    response, _, _ = _refused(refusal)
    return response, status, kept


def _unexpected(error: Exception) -> tuple[Response, int, dict[str, str]]:
    log.error("request %s failed", g.get("request_id", "-"), exc_info=error)
    hint = f"the agent's log has the details under request {g.get('request_id', '-')}"
    return _refused(ApiError(500, "INTERNAL", "something went wrong inside the agent", hint=hint))
