"""The error body of the API, and the exception that carries one."""

from datetime import UTC, datetime
from typing import Any

from .models.storage_problem import Problem, problem_of

_STATUS = {Problem.BUSY: 503, Problem.FULL: 507, Problem.FAILED: 500}


class ApiError(Exception):
    """An answer other than success: its HTTP status, one sentence, and what it is about."""

    def __init__(self, status: int, message: str, /, **context: Any) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.context = {key: value for key, value in context.items() if value is not None}


def timestamp(moment: datetime | None = None) -> str:
    """UTC with milliseconds and ``Z``, the only form of time that leaves the backend."""
    moment = moment or datetime.now(UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def error_body(message: str, context: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return ``{error, timestamp, context?}`` as seed 001 has it."""
    body: dict[str, Any] = {"error": message, "timestamp": timestamp()}
    if context:
        body["context"] = context
    return body


def storage_error(error: BaseException) -> ApiError | None:
    """Return the answer to a failure of the disk or the database; None when it is another failure."""
    problem = problem_of(error)
    return None if problem is None else ApiError(_STATUS[problem], problem)
