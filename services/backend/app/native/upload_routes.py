"""``/uploads``: sending a file in pieces, in the form of the tus protocol 1.0.0 (https://tus.io).

Creation, expiration, checksum and termination are there; what is not: deferred lengths, concatenation.
The row in the database says how much has arrived. Bytes with a checksum count only when they match it,
others count as they come; so a server that dies loses at most STEP_BYTES of progress, and never
keeps a byte that it has not told the client of.
"""

import hashlib
import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from services.backend.app import answers
from services.backend.app.application import Application
from services.backend.app.errors import ApiError, storage_error
from services.backend.app.models.database_problem import DatabaseProblem
from services.backend.app.models.upload_rows import Upload
from services.backend.app.services.media_root import closed
from services.backend.app.services.upload_store import MAX_BYTES, Outcome

from .json_answer import json_answer
from .upload_headers import VERSION, checksum_of, length_of, metadata_of, offset_of, require_version, with_version

STEP_BYTES = 16 * 1024 * 1024
WRITE_BYTES = 1024 * 1024
WRONG_CHECKSUM = 460

T = TypeVar("T")

log = logging.getLogger("mam.files")


class UploadRoutes:
    """Answers the tus client. One request at a time may write to an upload."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._uploads = application.uploads
        self._prefix = f"{application.config.api_prefix}/uploads"
        self._threads = anyio.CapacityLimiter(8)
        self._writing: set[str] = set()

    def routes(self) -> list[Route]:
        """Return the routes."""
        one = f"{self._prefix}/{{upload_id}}"
        return [
            Route(self._prefix, with_version(self.begin), methods=["POST"]),
            Route(self._prefix, self.describe, methods=["OPTIONS"]),
            Route(one, with_version(self.look), methods=["HEAD", "GET"]),
            Route(one, with_version(self.go_on), methods=["PATCH"]),
            Route(one, with_version(self.give_up), methods=["DELETE"]),
        ]

    async def describe(self, _request: Request) -> Response:
        """Answer what this server can do."""
        headers = {
            "tus-version": VERSION,
            "tus-extension": "creation,expiration,checksum,termination",
            "tus-max-size": str(MAX_BYTES),
            "tus-checksum-algorithm": "sha1,sha256,md5",
        }
        return _answer(204, headers)

    async def begin(self, request: Request) -> Response:
        """Begin an upload: 201 with the address to send the bytes to."""
        require_version(request)
        length, metadata = length_of(request), metadata_of(request)
        name = metadata.get("filename") or metadata.get("name")
        if not name:
            raise ApiError(400, "Upload-Metadata must name the file: filename <base64>")
        upload = await self._run(
            lambda: self._uploads.begin(name, title=metadata.get("title"), length=length, checksum=None)
        )
        headers = {"location": f"{self._prefix}/{upload.id}", "upload-expires": upload.expires_at}
        return _answer(201, headers | {"upload-offset": "0"})

    async def look(self, request: Request) -> Response:
        """Answer how much has arrived; a GET tells the same as JSON."""
        upload = await self._find(request)
        outcome = await self._finish(upload) if upload.is_complete else None
        headers = self._state(upload, outcome)
        if request.method == "HEAD":
            return _answer(200, headers)
        body = answers.UploadState(
            id=upload.id,
            offset=upload.received,
            length=upload.length,
            expires_at=upload.expires_at,
            asset_id=outcome.asset.id if outcome else None,
            duplicate_of=outcome.asset.id if outcome and outcome.is_duplicate else None,
        )
        answer = json_answer(body)
        answer.headers.update(headers)
        return answer

    async def go_on(self, request: Request) -> Response:
        """Take the next bytes: 204 with how much has arrived."""
        require_version(request)
        if request.headers.get("content-type") != "application/offset+octet-stream":
            raise ApiError(415, "the body must be application/offset+octet-stream")
        upload, offset, checksum = await self._find(request), offset_of(request), checksum_of(request)
        if offset != upload.received:
            raise ApiError(409, f"the next byte is {upload.received}", offset=upload.received)
        if upload.id in self._writing:
            raise ApiError(409, "another request is sending to this upload")
        received = upload.received
        # All of it has arrived where a client did not hear so; what it has become has no part to write to any more.
        if not (upload.is_complete and request.headers.get("content-length") == "0"):
            self._writing.add(upload.id)
            try:
                received = await _Piece(self, request, upload, checksum).take()
            finally:
                self._writing.discard(upload.id)
        outcome = None
        if received == upload.length:
            outcome = await self._finish(upload)
            self._application.hub.wake()
        return _answer(204, self._state(upload, outcome) | {"upload-offset": str(received)})

    async def give_up(self, request: Request) -> Response:
        """Forget an upload and what has arrived; an asset that it became stays."""
        require_version(request)
        upload = await self._find(request)
        if upload.id in self._writing:
            raise ApiError(409, "another request is sending to this upload")
        await self._run(lambda: self._uploads.discard(upload.id))
        return _answer(204, {})

    async def advance(self, upload: Upload, received: int) -> None:
        """Let so many bytes count."""
        await self._run(lambda: self._uploads.rows.advance(upload.id, received))

    def part_of(self, upload: Upload) -> str:
        """Return the path of the file that holds what has arrived."""
        return str(self._uploads.part_of(upload.id))

    def _state(self, upload: Upload, outcome: Outcome | None) -> dict[str, str]:
        headers = {
            "upload-offset": str(upload.received),
            "upload-length": str(upload.length),
            "upload-expires": upload.expires_at,
        }
        if outcome is None:
            return headers
        headers["asset-location"] = f"{self._application.config.api_prefix}/assets/{outcome.asset.id}"
        return headers | ({"asset-duplicate": "true"} if outcome.is_duplicate else {})

    async def _finish(self, upload: Upload) -> Outcome:
        return await self._run(lambda: self._uploads.finish(upload))

    async def _find(self, request: Request) -> Upload:
        upload = await self._run(lambda: self._uploads.rows.get(request.path_params["upload_id"]))
        if upload is None:
            raise ApiError(404, "there is no such upload, or it has expired")
        return upload

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._threads)
        except (OSError, sqlite3.Error, DatabaseProblem) as error:
            raise _failure(error) from None


class _Piece:
    """The body of one PATCH on its way to the disk."""

    def __init__(
        self, routes: UploadRoutes, request: Request, upload: Upload, checksum: tuple[str, bytes] | None
    ) -> None:
        self._routes = routes
        self._request = request
        self._upload = upload
        self._expected = checksum[1] if checksum else None
        self._hash = hashlib.new(checksum[0], usedforsecurity=False) if checksum else None
        self._at = self._counted = upload.received

    async def take(self) -> int:
        """Write the body and return the new offset; raises ApiError 413, 460, 507."""
        part = self._routes.part_of(self._upload)
        try:
            descriptor = await anyio.to_thread.run_sync(_opened, part, self._at)
        except FileNotFoundError:
            raise ApiError(410, "what has arrived is gone; begin anew") from None
        except OSError as error:
            raise _failure(error) from None
        try:
            await self._take_to(descriptor)
        finally:
            # What does not count would only take room, and of a full disk at that.
            with suppress(OSError):
                os.ftruncate(descriptor, self._counted)
            closed(descriptor)
        return self._at

    async def _take_to(self, descriptor: int) -> None:
        try:
            await self._write_all(descriptor)
        except ClientDisconnect:
            await self._count()
            raise
        except OSError as error:
            await self._count()
            failure = _failure(error)
            raise ApiError(failure.status, f"{failure.message}; what has arrived is kept") from None
        if self._hash is not None and self._hash.digest() != self._expected:
            raise ApiError(WRONG_CHECKSUM, "the bytes do not match their checksum; send them again")
        self._hash = None
        await self._count()

    async def _write_all(self, descriptor: int) -> None:
        pending = bytearray()
        async for chunk in self._request.stream():
            if self._at + len(pending) + len(chunk) > self._upload.length:
                raise ApiError(413, "the body is longer than what is still to come")
            pending += chunk
            if len(pending) >= WRITE_BYTES:
                await self._write(descriptor, bytes(pending))
                pending.clear()
        await self._write(descriptor, bytes(pending))

    async def _write(self, descriptor: int, content: bytes) -> None:
        await anyio.to_thread.run_sync(_written, descriptor, content, self._at)
        if self._hash is not None:
            self._hash.update(content)
        self._at += len(content)
        if self._at - self._counted >= STEP_BYTES:
            await self._count()

    async def _count(self) -> None:
        """Let what is written count, unless it waits for its checksum."""
        if self._hash is None and self._at != self._counted:
            # Shielded: a client that goes away must not take its bytes with it.
            with anyio.CancelScope(shield=True):
                await self._routes.advance(self._upload, self._at)
            self._counted = self._at


def _opened(part: str, offset: int) -> int:
    """Open a part without what never counted."""
    descriptor = os.open(part, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    os.ftruncate(descriptor, offset)
    return descriptor


def _written(descriptor: int, content: bytes, at: int) -> None:
    view = memoryview(content)
    while view:
        done = os.pwrite(descriptor, view, at)
        view, at = view[done:], at + done


def _failure(error: Exception) -> ApiError:
    log.error("an upload failed: %s", getattr(error, "strerror", None) or error)
    return storage_error(error) or ApiError(500, "the upload failed here; the log says more")


def _answer(status: int, headers: dict[str, str]) -> Response:
    return Response(status_code=status, headers={"tus-resumable": VERSION, "cache-control": "no-store"} | headers)
