"""The application: the specification, and the controllers that answer it."""

import contextlib
import warnings
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

with warnings.catch_warnings():
    # Connexion imports Starlette's test client, which wishes for another HTTP library; we never use it.
    warnings.filterwarnings("ignore", message=".*starlette.testclient")
    import connexion
from connexion.resolver import Resolver
from connexion.validators.parameter import ParameterValidator
from starlette.responses import RedirectResponse
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


async def _to_the_ui(_request: Any) -> RedirectResponse:
    return RedirectResponse("/ui/")
