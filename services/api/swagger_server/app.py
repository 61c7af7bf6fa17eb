"""The application: the specification, the controllers that answer it, and what every error becomes."""

import contextlib
import json
import logging
import warnings
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

with warnings.catch_warnings():
    # Connexion imports Starlette's test client, which wishes for another HTTP library; we never use it.
    warnings.filterwarnings("ignore", message=".*starlette.testclient")
    import connexion
from connexion.exceptions import NonConformingResponse, ProblemException
from connexion.lifecycle import ConnexionRequest, ConnexionResponse
from connexion.resolver import Resolver
from connexion.validators.parameter import ParameterValidator
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from swagger_server.backend_client import BackendClient
from swagger_server.backend_probe import BackendProbe
from swagger_server.config import Settings
from swagger_server.controllers.assets import AssetsController
from swagger_server.controllers.health import HealthController
from swagger_server.errors import ApiError, backend_bad_response
from swagger_server.guard import App, Guard

logger = logging.getLogger("api")

SPECIFICATION = Path(__file__).parent / "openapi" / "openapi.yaml"
PROXIED = "/api/v1/"
SEE_THE_UI = "see /ui/ for the paths and their parameters"


class _NamingValidator(ParameterValidator):
    """Connexion's own validation, whose sentences name the parameter and leave its schema out."""

    @staticmethod
    def validate_parameter(
        parameter_type: str, value: Any, param: dict[str, Any], param_name: str | None = None
    ) -> str | None:
        """Return what is wrong with a value as one short sentence, or None."""
        error = ParameterValidator.validate_parameter(parameter_type, value, param, param_name)
        if not error:
            return None
        line = error.splitlines()[0]
        # The value that was sent stands in the sentence, and it may be long.
        sentence = line if len(line) <= 200 else f"{line[:80]} ... {line[-80:]}"
        return f"{parameter_type} parameter {param['name']}: {sentence}"


def build_app(settings: Settings) -> App:
    """Return the ASGI application; raises if the specification and the controllers do not fit together."""
    backend = BackendClient(settings)
    app = connexion.AsyncApp(__name__, lifespan=_closing(backend))
    app.add_api(
        SPECIFICATION,
        resolver=_resolver(backend),
        strict_validation=True,
        validate_responses=True,
        validator_map={"parameter": _NamingValidator},
    )
    app.add_url_rule("/", view_func=_to_the_ui, methods=["GET"])
    for kind, answer in ERROR_ANSWERS.items():
        app.add_error_handler(kind, answer)
    return Guard(app)


def _resolver(backend: BackendClient) -> Resolver:
    """Map each operationId to its method; by name, so that the package may be imported under any name."""
    controllers = (AssetsController(backend), HealthController(BackendProbe(backend)))

    def find(operation_id: str) -> Callable[..., Any]:
        found = [getattr(each, operation_id) for each in controllers if hasattr(each, operation_id)]
        if len(found) != 1:
            raise ValueError(f"{len(found)} controllers answer {operation_id}")
        return found[0]

    return Resolver(find)


def _closing(backend: BackendClient) -> Callable[[Any], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        yield
        await backend.close()

    return lifespan


async def _to_the_ui(_request: Any) -> RedirectResponse:
    return RedirectResponse("/ui/")


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
