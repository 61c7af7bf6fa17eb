"""The one shape of every error answer: `{error, code, hint, timestamp, context?}`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


def now() -> str:
    """Return the time in ISO 8601, UTC, to the millisecond, with `Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(eq=False)
class ApiError(Exception):
    """An answer that is not a success: HTTP status, code for programs, sentences for people."""

    status: int
    code: str
    message: str
    hint: str
    context: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the JSON body, stamped with the present time."""
        body = {"error": self.message, "code": self.code, "hint": self.hint, "timestamp": now()}
        return body | ({"context": dict(self.context)} if self.context else {})


def token_needed(message: str | None) -> ApiError:
    """Return the 401 for a backend that wants a token which our caller has not given."""
    hint = "send the backend's API_TOKEN: Authorization: Bearer <token>; it is passed on"
    headers = {"WWW-Authenticate": "Bearer"}
    return ApiError(401, "TOKEN_NEEDED", message or "the backend asks for a token", hint, headers=headers)


RETRY_SOON = {"Retry-After": "2"}


def backend_unavailable(message: str) -> ApiError:
    """Return the 503 for a backend that is down, refuses or is busy."""
    hint = "start it (`mamctl start backend`) and look at its log (`mamctl logs backend`)"
    return ApiError(503, "BACKEND_UNAVAILABLE", message, hint, headers=RETRY_SOON)


def backend_timeout(stage: str, seconds: float) -> ApiError:
    """Return the 504 for a backend that did not do `stage` within `seconds`."""
    message = f"the backend did not {stage} within {seconds:g} s"
    hint = "look at `mamctl logs backend`; a busy backend answers again by itself"
    return ApiError(504, "BACKEND_TIMEOUT", message, hint, context={"stage": stage}, headers=RETRY_SOON)


def backend_bad_response(why: str) -> ApiError:
    """Return the 502 for an answer that this API must not pass on."""
    hint = "check that BACKEND_URL names the media asset backend, in a version that fits this API"
    return ApiError(502, "BACKEND_BAD_RESPONSE", f"the backend's answer cannot be used: {why}", hint)
