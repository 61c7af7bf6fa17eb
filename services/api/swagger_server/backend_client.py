"""The way to the backend: one pooled HTTP client with a deadline on every wait and a bound on every size."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import httpx
from swagger_server.config import Settings
from swagger_server.credentials import credentials
from swagger_server.errors import ApiError, backend_bad_response, backend_timeout, backend_unavailable

MAX_ANSWER_BYTES = 8 * 1024 * 1024
POOL = httpx.Limits(max_connections=32, max_keepalive_connections=8, keepalive_expiry=30.0)
POOL_WAIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the backend said: the HTTP status and the JSON object, or None where it sent no object."""

    status: int
    payload: dict[str, Any] | None

    @property
    def message(self) -> str | None:
        """The sentence in an error body of the backend, if there is a short one."""
        said = (self.payload or {}).get("error")
        return said if isinstance(said, str) and 0 < len(said) <= 500 else None


class BackendClient:
    """GET requests to the backend; whatever goes wrong on the way becomes an ApiError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # A backend that trickles bytes resets the read timeout with each; this bounds the whole answer.
        self._deadline = settings.connect_timeout + 2 * settings.read_timeout
        self._http = httpx.AsyncClient(
            base_url=settings.backend_url,
            # No proxy of the environment stands between two local services.
            trust_env=False,
            limits=POOL,
            timeout=httpx.Timeout(settings.read_timeout, connect=settings.connect_timeout, pool=POOL_WAIT_SECONDS),
            # Compressed answers could grow past the bound while they are unpacked.
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.aclose()

    async def get(self, path: str, params: Mapping[str, Any] | None = None) -> Answer:
        """Return the backend's answer to GET `path`; raise ApiError (502, 503, 504) if there is none to use."""
        try:
            async with asyncio.timeout(self._deadline):
                return await self._get_twice(path, params)
        except TimeoutError as problem:
            raise backend_timeout("finish its answer", self._deadline) from problem
        except httpx.HTTPError as problem:
            raise self._as_api_error(problem) from problem

    async def _get_twice(self, path: str, params: Mapping[str, Any] | None) -> Answer:
        try:
            return await self._get(path, params)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            # A restarted backend leaves dead connections in the pool; a GET may be asked again.
            return await self._get(path, params)

    async def _get(self, path: str, params: Mapping[str, Any] | None) -> Answer:
        body = bytearray()
        async with self._http.stream("GET", path, params=params, headers=credentials()) as response:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise backend_bad_response(f"it is larger than {MAX_ANSWER_BYTES} bytes")
        return Answer(response.status_code, _json_object(bytes(body)))

    def _as_api_error(self, problem: httpx.HTTPError) -> ApiError:
        match problem:
            case httpx.PoolTimeout():
                return backend_unavailable("too many requests wait for the backend")
            case httpx.ConnectTimeout():
                return backend_timeout("accept a connection", self._settings.connect_timeout)
            case httpx.TimeoutException():
                return backend_timeout("answer", self._settings.read_timeout)
            case httpx.NetworkError():
                return backend_unavailable("the backend cannot be reached")
            case _:
                return backend_bad_response("it is not HTTP as this API speaks it")


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
