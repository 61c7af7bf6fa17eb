"""The Flask application with its blueprint and its error answers."""

import logging
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from services.backend.app.application import Application
from services.backend.app.errors import ApiError, error_body, storage_error
from services.backend.app.models.database_problem import DatabaseProblem

from . import assets, bulk, collections, duplicates, events, exchange, jobs, tags
from .json_body import MAX_BODY_BYTES
from .upload_form import UploadRequest

log = logging.getLogger("mam.api")

# What Werkzeug says to people, shortened to the sentences of this API.
SENTENCES = {
    404: "there is nothing at this address",
    405: "this address does not take this method",
    413: f"the body is larger than {MAX_BODY_BYTES} bytes",
}


class Bridged:
    """WSGI middleware that tells Werkzeug that the body ends by itself.

    Without it, a body that comes in chunks (no Content-Length) would be read as empty.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Pass the request on."""
        environ["wsgi.input_terminated"] = True
        return self._app(environ, start_response)


def create_flask(application: Application) -> Flask:
    """Build the Flask application around the parts of ``application``."""
    app = Flask("mam", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY_BYTES + 1, PROPAGATE_EXCEPTIONS=False)
    app.request_class = UploadRequest
    app.extensions["mam"] = application
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.register_blueprint(assets.blueprint, url_prefix=f"{application.config.api_prefix}/assets")
    app.register_blueprint(events.blueprint, url_prefix=f"{application.config.api_prefix}/events")
    app.register_blueprint(jobs.blueprint, url_prefix=application.config.api_prefix)
    prefix = application.config.api_prefix
    app.register_blueprint(bulk.blueprint, url_prefix=f"{prefix}/assets")
    app.register_blueprint(exchange.blueprint, url_prefix=f"{prefix}/assets")
    app.register_blueprint(duplicates.blueprint, url_prefix=prefix)
    app.register_blueprint(tags.blueprint, url_prefix=f"{prefix}/tags")
    app.register_blueprint(collections.blueprint, url_prefix=f"{prefix}/collections")
    app.register_error_handler(ApiError, _api_error)
    app.register_error_handler(HTTPException, _http_error)
    for failure in (DatabaseProblem, sqlite3.Error, OSError):
        app.register_error_handler(failure, _storage_error)
    app.register_error_handler(Exception, _unexpected)
    app.wsgi_app = Bridged(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _answer(status: int, message: str, context: dict[str, Any] | None = None) -> Response:
    response = jsonify(error_body(message, context))
    response.status_code = status
    return response


def _api_error(error: ApiError) -> Response:
    return _answer(error.status, error.message, error.context)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    response = _answer(status, SENTENCES.get(status, error.name))
    for name, value in error.get_headers():
        if name.lower() == "allow":
            response.headers[name] = value
    return response


def _storage_error(error: Exception) -> Response:
    answer = storage_error(error)
    if answer is None:
        return _unexpected(error)
    if answer.status != 503:
        log.error("a request failed: %s", error)
    return _api_error(answer)


def _unexpected(error: Exception) -> Response:
    log.error("a request failed", exc_info=error)
    return _answer(500, "something went wrong here; the log says more")
