"""The one ASGI application: native routes first, everything else to Flask."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from ipaddress import ip_address
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from flask import Flask
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from .api.flask_app import create_flask
from .application import Application
from .config import Config
from .edge import HOSTS, Edge, Rules
from .errors import ApiError
from .models.database_problem import DatabaseProblem
from .native.document_routes import DocumentRoutes
from .native.health_routes import SHORT, HealthRoutes
from .native.json_answer import answer_api_error, answer_http_error, answer_storage_error, answer_unexpected
from .native.media_routes import MediaRoutes, TooMany, answer_too_many
from .native.session_routes import SessionRoutes
from .native.sprite_routes import SpriteRoutes
from .native.upload_routes import UploadRoutes
from .native.websocket_route import WebSocketEndpoint

FLASK_THREADS = 16


def create_asgi(application: Application) -> ASGIApp:
    """Build it; its lifespan starts and stops ``application``."""
    health, flask = HealthRoutes(application), create_flask(application)
    routes = [
        *health.routes(),
        *MediaRoutes(application).routes(),
        *SpriteRoutes(application).routes(),
        *UploadRoutes(application).routes(),
        *SessionRoutes(application.config).routes(),
        WebSocketEndpoint(application, on_viewport=application.jobs.look_at).route(),
    ]
    app = Starlette(
        routes=[*routes, *DocumentRoutes(application.config, flask, routes).routes()],
        lifespan=_lifespan(application, health),
        middleware=[_cors(application.config.frontend_origins)],
        exception_handlers={
            ApiError: answer_api_error,
            HTTPException: answer_http_error,
            TooMany: answer_too_many,
            DatabaseProblem: answer_storage_error,
            sqlite3.Error: answer_storage_error,
            Exception: answer_unexpected,
        },
    )
    app.router.redirect_slashes = False
    # As the default and not as a mount: a mount would take a native route's 405 for its own 404.
    app.router.default = _to_flask(flask)
    return Edge(app, rules=_rules_of(application.config))


def _rules_of(config: Config) -> Rules:
    address = f"[{config.host}]" if ":" in config.host else config.host
    own = set() if ip_address(config.host).is_unspecified else {address}
    return Rules(
        origins=config.frontend_origins,
        hosts=HOSTS | own | config.allowed_hosts,
        token=config.api_token,
        # A supervisor's probes say nothing of the library, and cannot carry a secret.
        # And who has no token yet has to be able to ask whether one is needed, and to give it.
        open_paths=frozenset(f"{config.api_prefix}/{path}" for path in ("health/live", "health/ready", "session"))
        | set(SHORT),
    )


def _to_flask(flask: Flask) -> ASGIApp:
    # a2wsgi has types of its own for WSGI and ASGI, which nobody else shares.
    bridge: Any = WSGIMiddleware(cast("Any", flask.wsgi_app), workers=FLASK_THREADS)

    async def to_flask(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
            return
        await bridge(scope, receive, send)

    return to_flask


def _cors(origins: frozenset[str]) -> Middleware:
    return Middleware(
        CORSMiddleware,
        allow_origins=sorted(origins),
        allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "If-Match",
            "If-None-Match",
            "If-Range",
            "Range",
            "Tus-Resumable",
            "Upload-Length",
            "Upload-Offset",
            "Upload-Metadata",
            "Upload-Checksum",
        ],
        expose_headers=[
            "Accept-Ranges",
            "Content-Range",
            "ETag",
            "Location",
            "Retry-After",
            "Tus-Resumable",
            "Upload-Offset",
            "Upload-Length",
            "Upload-Expires",
            "Asset-Location",
            "Asset-Duplicate",
        ],
    )


def _lifespan(
    application: Application, health: HealthRoutes
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        application.start()
        watch = asyncio.create_task(health.watch())
        try:
            yield
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
            await asyncio.to_thread(application.stop)

    return lifespan
