"""JSON answers for what goes wrong: `{error, code, hint, timestamp}`, in Django's own hooks."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, JsonResponse


def timestamp() -> str:
    """Return the time in ISO 8601, UTC, to the second, with `Z`, as the health body has it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def error(status: int, code: str, message: str, hint: str) -> JsonResponse:
    """Return an error answer."""
    return JsonResponse({"error": message, "code": code, "hint": hint, "timestamp": timestamp()}, status=status)


def bad_request(_request: HttpRequest, exception: Exception) -> JsonResponse:  # noqa: ARG001 - Django passes it by name
    """Answer 400, Django's handler400."""
    return error(400, "INVALID_REQUEST", "the request cannot be understood", "check its path and headers")


def permission_denied(_request: HttpRequest, exception: Exception) -> JsonResponse:  # noqa: ARG001 - Django passes it by name
    """Answer 403, Django's handler403."""
    return error(403, "FORBIDDEN", "this is not allowed", "sign in as somebody who may do it")


def csrf_failure(_request: HttpRequest, reason: str = "") -> JsonResponse:
    """Answer 403 for a missing or wrong CSRF token."""
    return error(403, "CSRF_FAILED", reason or "the CSRF token is missing", "send the token of the CSRF cookie")


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:  # noqa: ARG001 - Django passes it by name
    """Answer 404, Django's handler404."""
    return error(404, "NOT_FOUND", f"there is no {request.path[:200]}", "the health path is /api/health/")


def method_not_allowed(request: HttpRequest, allowed: tuple[str, ...]) -> JsonResponse:
    """Answer 405 with the Allow header."""
    hint = f"use {' or '.join(allowed)}"
    answer = error(405, "METHOD_NOT_ALLOWED", f"{request.path} does not take {request.method}", hint)
    answer["Allow"] = ", ".join(allowed)
    return answer


def server_error(_request: HttpRequest, *_args: Any) -> JsonResponse:
    """Answer 500, Django's handler500; the details are in the log only."""
    return error(500, "INTERNAL", "this server has a fault", "its log has the details")
