"""The headers of the tus protocol, checked."""

import base64
import binascii
import hashlib
import re
from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.requests import Request
from starlette.responses import Response

from services.backend.app.errors import ApiError

from .json_answer import answer_api_error

VERSION = "1.0.0"
ALGORITHMS = {"sha1": "sha1", "sha256": "sha256", "md5": "md5"}
MAX_METADATA = 4096


Endpoint = Callable[[Request], Awaitable[Response]]


def with_version(endpoint: Endpoint) -> Endpoint:
    """Let refusals name the protocol's version too, as every answer has to, and a 412 those that are spoken."""

    @wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ApiError as error:
            refusal = await answer_api_error(request, error)
            refusal.headers.update(
                {"tus-resumable": VERSION} | ({"tus-version": VERSION} if error.status == 412 else {})
            )
            return refusal

    return answer


def require_version(request: Request) -> None:
    """Refuse another version of the protocol; a client that names none is taken as it is."""
    if request.headers.get("tus-resumable", VERSION) != VERSION:
        raise ApiError(412, f"this server speaks tus {VERSION}")


def length_of(request: Request) -> int:
    """Return Upload-Length."""
    return _number(request, "Upload-Length")


def offset_of(request: Request) -> int:
    """Return Upload-Offset."""
    return _number(request, "Upload-Offset")


def metadata_of(request: Request) -> dict[str, str]:
    """Return Upload-Metadata: ``name base64, name base64``."""
    text = request.headers.get("upload-metadata", "")
    if len(text) > MAX_METADATA:
        raise ApiError(400, f"Upload-Metadata must be at most {MAX_METADATA} characters")
    pairs = (pair.strip().split(" ") for pair in text.split(",") if pair.strip())
    try:
        return {pair[0].lower(): base64.b64decode(" ".join(pair[1:]), validate=True).decode("utf-8") for pair in pairs}
    except (ValueError, binascii.Error):
        raise ApiError(400, "Upload-Metadata must be names with values in base64") from None


def checksum_of(request: Request) -> tuple[str, bytes] | None:
    """Return the algorithm and the expected digest of Upload-Checksum, if it is there."""
    text = request.headers.get("upload-checksum")
    if text is None:
        return None
    name, _, encoded = text.partition(" ")
    try:
        digest = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        digest = b""
    if name not in ALGORITHMS or len(digest) != hashlib.new(name, usedforsecurity=False).digest_size:
        raise ApiError(400, f"Upload-Checksum must be one of {', '.join(ALGORITHMS)}, and a digest in base64")
    return name, digest


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise ApiError(400, f"{name} must be a whole number")
    return int(text)
