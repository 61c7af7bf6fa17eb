"""The application: the specification, and the controllers that answer it."""

import contextlib
import json
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import yaml

with warnings.catch_warnings():
    # Connexion imports Starlette's test client, which wishes for another HTTP library; we never use it.
    warnings.filterwarnings("ignore", message=".*starlette.testclient")
    import connexion
from connexion.options import SwaggerUIOptions
from connexion.resolver import Resolver
from connexion.validators.parameter import ParameterValidator
from starlette.responses import RedirectResponse, Response
from swagger_server.backend_client import BackendClient
from swagger_server.backend_probe import BackendProbe
from swagger_server.config import Settings
from swagger_server.controllers.assets import AssetsController
from swagger_server.controllers.health import HealthController
from swagger_server.error_answers import ERROR_ANSWERS
from swagger_server.guard import App, Guard

SPECIFICATION = Path(__file__).parent / "openapi" / "openapi.yaml"


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
    specification = yaml.safe_load(SPECIFICATION.read_text("utf-8"))
    app = connexion.AsyncApp(__name__, lifespan=_closing(backend))
    app.add_api(
        specification,
        # Connexion would serve the document with a server of its own making, whose name is empty.
        swagger_ui_options=SwaggerUIOptions(serve_spec=False),
        resolver=_resolver(backend),
        strict_validation=True,
        validate_responses=True,
        validator_map={"parameter": _NamingValidator},
    )
    app.add_url_rule("/openapi.json", view_func=_document(specification), methods=["GET"])
    app.add_url_rule("/", view_func=_to_the_ui, methods=["GET"])
    for kind, answer in ERROR_ANSWERS.items():
        app.add_error_handler(kind, answer)
    return Guard(app)


def _resolver(backend: BackendClient) -> Resolver:
    """Map each operationId of the specification to the one controller method of that name."""
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


def _document(specification: dict[str, Any]) -> Callable[[Any], Awaitable[Response]]:
    body = json.dumps(specification).encode()

    async def document(_request: Any) -> Response:
        return Response(body, media_type="application/json")

    return document


async def _to_the_ui(_request: Any) -> RedirectResponse:
    return RedirectResponse("/ui/")
