"""``/assets/<id>/sprite`` and ``sprite.vtt``: pictures for scrubbing through a video."""

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.backend.app.application import Application
from services.backend.app.errors import ApiError
from services.backend.app.models.sprite_store import Sprite

from .file_response import FileResponse

MAX_ID = 2**63 - 1


class SpriteRoutes:
    """Sends the sheet and where its tiles lie."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._lookups = anyio.CapacityLimiter(4)

    def routes(self) -> list[Route]:
        """Return the routes."""
        asset = f"{self._application.config.api_prefix}/assets/{{asset_id:int}}"
        return [
            Route(f"{asset}/sprite", self.sheet, methods=["GET", "HEAD"]),
            Route(f"{asset}/sprite.vtt", self.places, methods=["GET", "HEAD"]),
        ]

    async def sheet(self, request: Request) -> FileResponse:
        """Send the JPEG."""
        sprite = await self._find(request)
        try:
            descriptor = await anyio.to_thread.run_sync(
                self._application.thumbnails.open, sprite.key, limiter=self._lookups
            )
        except OSError:
            raise _none(request) from None
        return FileResponse(descriptor, content_type="image/jpeg", etag=f'"{sprite.key}"')

    async def places(self, request: Request) -> Response:
        """Send the WebVTT; it names the sheet by its content, so a player may keep that for ever."""
        sprite = await self._find(request)
        etag = f'"{sprite.key}-vtt"'
        headers = {"etag": etag, "cache-control": "no-cache"}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(sprite.to_vtt(f"/thumbnails/{sprite.key}.jpg"), media_type="text/vtt", headers=headers)

    async def _find(self, request: Request) -> Sprite:
        number = request.path_params["asset_id"]
        if number > MAX_ID:
            raise _none(request)
        sprite = await anyio.to_thread.run_sync(self._application.sprites.get, number, limiter=self._lookups)
        if sprite is None:
            raise _none(request)
        return sprite


def _none(request: Request) -> ApiError:
    number = request.path_params["asset_id"]
    return ApiError(404, f"there is no sprite of asset {number}", asset_id=number, stage="sprite")
