"""What every error becomes on the wire: our own, the router's, the validation's and the unexpected."""

import json
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from connexion.exceptions import NonConformingResponse, ProblemException
from connexion.lifecycle import ConnexionRequest, ConnexionResponse
from starlette.exceptions import HTTPException
from swagger_server.errors import ApiError, backend_bad_response

logger = logging.getLogger("api")

PROXIED = "/api/v1/"
SEE_THE_UI = "see /ui/ for the paths and their parameters"


def _answer(error: ApiError) -> ConnexionResponse:
    return ConnexionResponse(
        status_code=error.status,
        mimetype="application/json",
        body=json.dumps(error.body()),
        headers=dict(error.headers),
    )


async def _on_api_error(_request: ConnexionRequest, error: ApiError) -> ConnexionResponse:
    logger.log(logging.WARNING if error.status >= 500 else logging.INFO, "%s: %s", error.code, error.message)
    return _answer(error)


async def _on_http_error(request: ConnexionRequest, error: HTTPException) -> ConnexionResponse:
    """Answer what the router or the validation refused: 400, 404, 405 and the like."""
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    if status == HTTPStatus.BAD_REQUEST:
        return _answer(ApiError(status, "INVALID_REQUEST", error.detail, SEE_THE_UI, headers=headers))
    message = f"{status.phrase}: {request.method} {request.url.path}"
    return _answer(ApiError(status, status.name, message, SEE_THE_UI, headers=headers))


async def _on_forbidden_answer(request: ConnexionRequest, error: NonConformingResponse) -> ConnexionResponse:
    """Our answer breaks the specification: for a proxied path the backend's fault, else our own."""
    if not request.url.path.startswith(PROXIED):
        return await _on_fault(request, error)
    logger.error("the backend's answer breaks the specification: %s", error.detail)
    return _answer(backend_bad_response("it breaks the API's specification"))


async def _on_fault(_request: ConnexionRequest, error: Exception) -> ConnexionResponse:
    logger.error("unexpected fault", exc_info=error)
    return _answer(ApiError(500, "INTERNAL", "this server has a fault", "its log has the details"))


ERROR_ANSWERS: dict[type[Exception], Callable[..., Any]] = {
    ApiError: _on_api_error,
    NonConformingResponse: _on_forbidden_answer,
    ProblemException: _on_http_error,
    HTTPException: _on_http_error,
    Exception: _on_fault,
}
