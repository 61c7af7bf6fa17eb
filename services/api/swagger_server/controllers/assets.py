"""Assets: list and get, answered by the backend, which owns them."""

from typing import Any

from swagger_server.backend_client import Answer, BackendClient
from swagger_server.errors import ApiError, backend_bad_response, backend_unavailable, token_needed

PATH = "/api/v1/assets"


class AssetsController:
    """The operations of the tag `assets`."""

    def __init__(self, backend: BackendClient) -> None:
        self._backend = backend

    async def list_assets(self, **filters: Any) -> dict[str, Any]:
        """Return one page of assets; `filters` are the validated query parameters."""
        return _payload(await self._backend.get(PATH, filters))

    async def get_asset(self, asset_id: int) -> dict[str, Any]:
        """Return one asset; 404 when the backend has none with this id."""
        answer = await self._backend.get(f"{PATH}/{asset_id}")
        if answer.status == 404:
            raise ApiError(
                404,
                "ASSET_NOT_FOUND",
                answer.message or f"there is no asset {asset_id}",
                "list the assets with GET /api/v1/assets",
                context={"asset_id": asset_id},
            )
        return _payload(answer)


def _payload(answer: Answer) -> dict[str, Any]:
    """Return the object of a 200 answer; raise what any other answer means to our caller."""
    match answer.status:
        case 200 if answer.payload is not None:
            return answer.payload
        case 200:
            raise backend_bad_response("it is not a JSON object")
        case 400 if answer.message:
            raise ApiError(400, "INVALID_REQUEST", answer.message, "see /ui/ for the parameters")
        case 401:
            raise token_needed(answer.message)
        case 429 | 503:
            raise backend_unavailable(answer.message or "the backend is up but cannot serve now")
        case status:
            raise backend_bad_response(f"it has the unexpected status {status}")
