"""``/session``: how a browser gets the cookie that lets it in, and how it gives it back.

A page cannot give its pictures, players and WebSockets a header. So it sends the token once, and gets a cookie that no
script can read, and that goes with this site's own requests only.
"""

import json
import math
import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.backend.app import answers
from services.backend.app.config import Config
from services.backend.app.edge import COOKIE, is_same, knows
from services.backend.app.errors import ApiError, error_body
from services.backend.app.session_key import session_key

from .json_answer import json_answer
from .token_bucket import TokenBucket

MAX_BODY_BYTES = 1024
TRIES_AT_ONCE = 10
TRIES_PER_S = 1 / 6
"""For each address. The token is too long to be guessed; this keeps the log short and the processor free."""

SIGNED_IN_FOR_S = 30 * 24 * 3600


class SessionRoutes:
    """Signs browsers in and out. There is nothing to remember: the cookie is a key that the token proves."""

    def __init__(self, config: Config) -> None:
        self._prefix = config.api_prefix
        self._token = config.api_token
        self._tries = TokenBucket(rate=TRIES_PER_S, burst=TRIES_AT_ONCE)

    def routes(self) -> list[Route]:
        """Return the routes; they need no token themselves."""
        path = f"{self._prefix}/session"
        return [
            Route(path, self.read_session, methods=["GET"]),
            Route(path, self.sign_in, methods=["POST"]),
            Route(path, self.sign_out, methods=["DELETE"]),
        ]

    async def read_session(self, request: Request) -> Response:
        """Answer whether a token is needed here, and whether this request has it."""
        return self._told(is_signed_in=self._token is None or knows(request.headers, self._token))

    async def sign_in(self, request: Request) -> Response:
        """Take the token and answer with a cookie that lets in for 30 days, and from which nobody learns the token.

        It is HttpOnly and SameSite=Strict, and sent for the paths of this server only. A wrong token is a 401;
        ten in a row are a 429.
        """
        given = await _token_of(request)
        if self._token is None:
            return self._told(is_signed_in=True)
        client = request.client.host if request.client else ""
        wait = self._tries.wait_s(client, time.monotonic())
        if wait:
            again = str(math.ceil(wait))
            return json_answer(error_body("too many tries; wait a little"), 429, **{"retry-after": again})
        if not is_same(given, self._token):
            raise ApiError(401, "this is not the token")
        self._tries.forget(client)
        answer = self._told(is_signed_in=True)
        key = session_key(self._token, until=int(time.time()) + SIGNED_IN_FOR_S)
        self._set_cookies(answer, request, key, SIGNED_IN_FOR_S)
        return answer

    async def sign_out(self, request: Request) -> Response:
        """Take the cookies away."""
        answer = self._told(is_signed_in=self._token is None)
        self._set_cookies(answer, request, "", 0)
        return answer

    def _set_cookies(self, answer: Response, request: Request, value: str, age_s: int) -> None:
        """Set one for each path that needs it: whatever else runs on this host and has other paths never gets it."""
        is_secure = _is_secure(request)
        for path in (self._prefix, "/thumbnails", "/ws"):
            answer.headers.append("set-cookie", _cookie(path, value, age_s, is_secure=is_secure))

    def _told(self, *, is_signed_in: bool) -> Response:
        return json_answer(answers.Session(needs_token=self._token is not None, is_signed_in=is_signed_in))


def _is_secure(request: Request) -> bool:
    """Whether the browser speaks TLS, to us or to a proxy that says so: then the cookie shall never go without."""
    return "https" in {request.url.scheme, request.headers.get("x-forwarded-proto", "")}


def _cookie(path: str, value: str, age_s: int, *, is_secure: bool) -> str:
    cookie = f"{COOKIE}={value}; Path={path}; Max-Age={age_s}; HttpOnly; SameSite=Strict"
    return f"{cookie}; Secure" if is_secure else cookie


async def _token_of(request: Request) -> str:
    # JSON only: a form of a foreign page can be sent without asking first.
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ApiError(400, "the body must be JSON (Content-Type: application/json)")
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_BODY_BYTES:
            raise ApiError(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise ApiError(400, "the body is not valid JSON") from None
    if not isinstance(body, dict) or body.keys() != {"token"} or not isinstance(body["token"], str):
        raise ApiError(400, 'the body must be {"token": ...}')
    # A lone surrogate cannot be encoded, and is in no token.
    return body["token"].strip().encode("utf-8", "replace").decode("utf-8")
