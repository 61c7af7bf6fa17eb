"""``/assets/<id>/stream`` and the thumbnails."""

import math
import time

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.backend.app.application import Application
from services.backend.app.errors import ApiError, error_body
from services.backend.app.models.asset import Asset
from services.backend.app.services.media_root import PathRejected

from .file_response import FileResponse
from .json_answer import json_answer
from .token_bucket import TokenBucket

THUMBNAILS_PER_S = 200.0
THUMBNAILS_AT_ONCE = 1000
MAX_ID_DIGITS = 18
FOR_EVER = "public, max-age=31536000, immutable"


class MediaRoutes:
    """Finds the file that a client may have, by its id or its thumbnail's name, never by its path."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._bucket = TokenBucket(rate=THUMBNAILS_PER_S, burst=THUMBNAILS_AT_ONCE)
        self._lookups = anyio.CapacityLimiter(8)

    def routes(self) -> list[Route]:
        """Return the routes; thumbnails answer with and without the API prefix (C4)."""
        prefix = self._application.config.api_prefix
        return [
            Route(f"{prefix}/assets/{{asset_id:int}}/stream", self.stream, methods=["GET", "HEAD"]),
            Route("/thumbnails/{name}", self.thumbnail, methods=["GET", "HEAD"]),
            Route(f"{prefix}/thumbnails/{{name}}", self.thumbnail, methods=["GET", "HEAD"]),
        ]

    async def stream(self, request: Request) -> FileResponse:
        """Send an asset's file."""
        number = request.path_params["asset_id"]
        asset = await self._find(str(number))
        if asset is None:
            raise ApiError(404, f"there is no asset {number}", asset_id=number)
        descriptor = await anyio.to_thread.run_sync(self._open, asset, limiter=self._lookups)
        return FileResponse(descriptor, content_type=asset.mime_type)

    async def thumbnail(self, request: Request) -> FileResponse:
        """Send a thumbnail by its own name, or an asset's current one as ``<id>.jpg``."""
        stem, dot, suffix = request.path_params["name"].rpartition(".")
        if f'"{stem}"' not in request.headers.get("if-none-match", ""):
            self._take_token(request)  # who has it already costs nothing (C22)
        if not dot or suffix != "jpg":
            raise ApiError(404, "there is no such thumbnail")
        by_id = stem.isascii() and stem.isdecimal() and len(stem) <= MAX_ID_DIGITS
        asset = await self._find(stem) if by_id else None
        key = (asset.thumbnail_key if asset else None) if by_id else stem
        try:
            descriptor = await anyio.to_thread.run_sync(
                self._application.thumbnails.open, key or "", limiter=self._lookups
            )
        except OSError:
            raise ApiError(404, "there is no such thumbnail") from None
        # What <id>.jpg means can change, what a thumbnail's own name means cannot.
        cache = "no-cache" if by_id else FOR_EVER
        return FileResponse(descriptor, content_type="image/jpeg", etag=f'"{key}"', cache_control=cache)

    async def _find(self, number: str) -> Asset | None:
        if len(number) > MAX_ID_DIGITS:
            return None
        return await anyio.to_thread.run_sync(self._application.assets.get, int(number), limiter=self._lookups)

    def _open(self, asset: Asset) -> int:
        try:
            return self._application.media_root.open(asset.file_path)
        except (OSError, PathRejected) as error:
            is_closed = isinstance(error, PermissionError)
            why = "cannot be read: no permission" if is_closed else "is not there"
            raise ApiError(404, f"the file of asset {asset.id} {why}", asset_id=asset.id, stage="stream") from None

    def _take_token(self, request: Request) -> None:
        client = request.client.host if request.client else ""
        wait = self._bucket.wait_s(client, time.monotonic())
        if wait:
            raise TooMany(wait)


class TooMany(Exception):
    """A client asks for too much; ``wait_s`` says when to come back."""

    def __init__(self, wait_s: float) -> None:
        super().__init__("too many thumbnails")
        self.wait_s = wait_s


async def answer_too_many(_request: Request, error: Exception) -> JSONResponse:
    """Answer with 429 and ``Retry-After``."""
    assert isinstance(error, TooMany)
    return json_answer(
        error_body("too many thumbnails at once; try again"), 429, **{"retry-after": str(math.ceil(error.wait_s))}
    )
