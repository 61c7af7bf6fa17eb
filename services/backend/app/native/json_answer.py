"""Answers in JSON outside of Flask."""

import logging
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.backend.app.errors import ApiError, error_body, storage_error

log = logging.getLogger("mam.native")


def json_answer(body: Any, status: int = 200, **headers: str) -> JSONResponse:
    """Return ``body`` as an answer that is not to be stored."""
    return JSONResponse(body, status, headers={"cache-control": "no-store", **headers})


async def answer_api_error(_request: Request, error: Exception) -> Response:
    """Answer an ApiError with the error body."""
    assert isinstance(error, ApiError)
    return json_answer(error_body(error.message, error.context), error.status)


async def answer_http_error(_request: Request, error: Exception) -> Response:
    """Answer Starlette's own errors (405 for a native route) with the error body."""
    assert isinstance(error, HTTPException)
    sentence = "this address does not take this method" if error.status_code == 405 else error.detail
    return json_answer(error_body(sentence), error.status_code, **dict(error.headers or {}))


async def answer_storage_error(request: Request, error: Exception) -> Response:
    """Answer a failure of the database beneath a native route."""
    answer = storage_error(error)
    log.error("a request failed: %s", error)
    return await (answer_api_error(request, answer) if answer else answer_unexpected(request, error))


async def answer_unexpected(_request: Request, _error: Exception) -> Response:
    """Answer a fault of ours; Starlette logs it."""
    return json_answer(error_body("something went wrong here; the log says more"), 500)
