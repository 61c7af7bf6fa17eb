"""``/openapi.json``, what the API is for programs, and ``/docs``, the same for people."""

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property

from flask import Flask
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from services.backend.app.config import Config


class DocumentRoutes:
    """Builds the document when it is first asked for: starting must not wait for it."""

    def __init__(self, config: Config, flask: Flask, routes: Sequence[BaseRoute]) -> None:
        self._config = config
        self._flask = flask
        self._routes = routes

    def routes(self) -> list[Route]:
        """Return the routes."""
        prefix = self._config.api_prefix
        return [
            Route(f"{prefix}/openapi.json", self.openapi, methods=["GET", "HEAD"]),
            Route(f"{prefix}/docs", self.docs, methods=["GET", "HEAD"]),
        ]

    async def openapi(self, request: Request) -> Response:
        """Send this API's OpenAPI document."""
        etag = f'"{hashlib.sha256(self._json).hexdigest()[:16]}"'
        headers = {"etag": etag, "cache-control": "no-cache"}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self._json, media_type="application/json", headers=headers)

    async def docs(self, _request: Request) -> Response:
        """Send the document as a page to read."""
        from services.backend.app.openapi.page import POLICY, page

        return HTMLResponse(page(json.loads(self._json)), headers={"content-security-policy": POLICY})

    @cached_property
    def _json(self) -> bytes:
        from services.backend.app.openapi.document import document

        config = self._config
        made = document(
            self._flask, [*self._routes, *self.routes()], config.api_prefix, needs_token=config.api_token is not None
        )
        return json.dumps(made).encode("ascii")
