"""What each route gives and takes; its address and its purpose are those of the route itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.backend.app import answers
from services.backend.app.models.collection_store import Collection
from services.backend.app.models.job import Job
from services.backend.app.models.tag_store import Tag

from . import bodies, parameters
from .schema import Schema


@dataclass(frozen=True, slots=True)
class Content:
    """A body that is not JSON."""

    media: str
    schema: Schema = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one address."""

    group: str
    gives: Mapping[int, Any]
    """Status to type of the JSON body, to Content, or to None where there is no body."""
    refuses: tuple[int, ...] = ()
    """Beside what every request can be refused with."""
    parameters: list[Schema] = field(default_factory=list)
    body: Schema | None = None
    headers: tuple[str, ...] = ()
    """Of the good answers."""


_BINARY = {"type": "string", "format": "binary"}
JPEG = Content("image/jpeg", _BINARY)
FILE = Content("*/*", _BINARY)
UPLOAD_HEADERS = ("Tus-Resumable", "Upload-Offset", "Upload-Length", "Upload-Expires")


def _asset(**more: Any) -> Operation:
    return Operation(group="Assets", **more)


def _job(**more: Any) -> Operation:
    return Operation(group="Jobs", **more)


def _upload(**more: Any) -> Operation:
    return Operation(group="Uploads", **more)


def _health(body: Any, *, sick: bool = True) -> Operation:
    return Operation(group="Health", gives={200: body} | ({503: body} if sick else {}))


_ASSETS = {
    "GET /assets": _asset(gives={200: answers.AssetPage}, parameters=parameters.LISTING),
    "POST /assets": _asset(
        gives={200: answers.AddedAsset, 201: answers.AddedAsset},
        body=bodies.ADDED, refuses=(404, 409, 413, 507), headers=("Location",),
    ),
    "GET /assets/{asset_id}": _asset(
        gives={200: answers.Asset, 304: None}, refuses=(404, 412), headers=("ETag",),
        parameters=[*parameters.IF_NONE_MATCH, *parameters.IF_MATCH],
    ),
    "PATCH /assets/{asset_id}": _asset(
        gives={200: answers.Asset}, body=bodies.CHANGES, refuses=(404, 412, 413, 507), headers=("ETag",),
        parameters=parameters.IF_MATCH,
    ),
    "DELETE /assets/{asset_id}": _asset(gives={204: None}, refuses=(404, 409, 507), parameters=parameters.DELETION),
    "POST /assets/{asset_id}/restore": _asset(gives={200: answers.Asset}, refuses=(404, 507), headers=("ETag",)),
    "POST /assets/{asset_id}/reprocess": _asset(gives={202: answers.Asset}, refuses=(404, 507), headers=("ETag",)),
    "POST /assets/bulk": _asset(gives={200: answers.BulkOutcome}, body=bodies.BULK, refuses=(404, 413, 507)),
    "GET /assets/export": _asset(gives={200: Content("application/x-ndjson")}, parameters=parameters.FILTER),
    "POST /assets/import": _asset(gives={200: answers.ImportOutcome}, body=bodies.LINES, refuses=(413, 507)),
    "GET /assets/duplicates": _asset(gives={200: answers.DuplicatePage}, parameters=parameters.DUPLICATES),
    "GET /stats": _asset(gives={200: answers.Statistics}),
}  # fmt: skip
_NAMES = {
    "GET /tags": Operation(group="Tags", gives={200: answers.TagList}),
    "PATCH /tags/{tag_id}": Operation(group="Tags", gives={200: Tag}, body=bodies.NAMED, refuses=(404, 413, 507)),
    "DELETE /tags/{tag_id}": Operation(group="Tags", gives={204: None}, refuses=(404, 507)),
    "GET /collections": Operation(group="Collections", gives={200: answers.CollectionList}),
    "POST /collections": Operation(
        group="Collections", gives={201: Collection}, body=bodies.NAMED, refuses=(409, 413, 507), headers=("Location",)
    ),
    "GET /collections/{number}": Operation(group="Collections", gives={200: Collection}, refuses=(404,)),
    "PATCH /collections/{number}": Operation(
        group="Collections", gives={200: Collection}, body=bodies.NAMED, refuses=(404, 409, 413, 507)
    ),
    "DELETE /collections/{number}": Operation(group="Collections", gives={204: None}, refuses=(404, 507)),
    "POST /collections/{number}/assets": Operation(
        group="Collections", gives={200: answers.ChangedCollection}, body=bodies.MEMBERS, refuses=(404, 413, 507)
    ),
}
_FILES = {
    "GET /assets/{asset_id}/stream": Operation(
        group="Files", gives={200: FILE, 206: FILE, 304: None}, refuses=(404, 412, 416), parameters=parameters.RANGE,
        headers=("ETag", "Accept-Ranges"),
    ),
    "GET /assets/{asset_id}/sprite": Operation(
        group="Files", gives={200: JPEG, 206: JPEG, 304: None}, refuses=(404, 412, 416), parameters=parameters.RANGE,
        headers=("ETag",),
    ),
    "GET /assets/{asset_id}/sprite.vtt": Operation(
        group="Files", gives={200: Content("text/vtt"), 304: None}, refuses=(404,), headers=("ETag",),
        parameters=parameters.IF_NONE_MATCH,
    ),
    "GET /thumbnails/{name}": Operation(
        group="Files", gives={200: JPEG, 206: JPEG, 304: None}, refuses=(404, 412, 416, 429),
        parameters=parameters.RANGE, headers=("ETag", "Cache-Control"),
    ),
}  # fmt: skip
_UPLOADS = {
    "OPTIONS /uploads": _upload(
        gives={204: None}, headers=("Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm")
    ),
    "POST /uploads": _upload(
        gives={201: None}, parameters=parameters.UPLOAD, refuses=(409, 412, 413, 429, 507),
        headers=("Location", "Tus-Resumable", "Upload-Offset", "Upload-Expires"),
    ),
    "GET /uploads/{upload_id}": _upload(
        gives={200: answers.UploadState}, refuses=(404, 409, 410, 507), headers=UPLOAD_HEADERS
    ),
    "HEAD /uploads/{upload_id}": _upload(gives={200: None}, refuses=(404, 409, 410, 507), headers=UPLOAD_HEADERS),
    "PATCH /uploads/{upload_id}": _upload(
        gives={204: None}, parameters=parameters.PIECE, body=bodies.PIECE, headers=UPLOAD_HEADERS,
        refuses=(404, 409, 410, 412, 413, 415, 460, 507),
    ),
    "DELETE /uploads/{upload_id}": _upload(gives={204: None}, parameters=[parameters.TUS], refuses=(404, 409, 412)),
}  # fmt: skip
_WORK = {
    "POST /scan": _job(gives={202: Job}, body=bodies.SCAN, refuses=(413, 507), headers=("Location",)),
    "GET /jobs": _job(gives={200: answers.JobPage}, parameters=parameters.JOBS),
    "GET /jobs/{job_id}": _job(gives={200: Job}, refuses=(404,)),
    "POST /jobs/{job_id}/retry": _job(gives={202: Job}, refuses=(404, 409, 507)),
    "POST /jobs/{job_id}/cancel": _job(gives={202: Job}, refuses=(404, 409, 507)),
    "POST /jobs/{job_id}/pause": _job(gives={202: Job}, refuses=(404, 409, 507)),
    "POST /jobs/retry": _job(gives={202: answers.Retried}, refuses=(507,)),
    "POST /jobs/pause": _job(gives={200: answers.Paused}, refuses=(507,)),
    "POST /jobs/resume": _job(gives={200: answers.Paused}, refuses=(507,)),
    "GET /events": Operation(
        group="Events", gives={200: answers.EventPage}, parameters=parameters.EVENTS, refuses=(410,)
    ),
}
_ITSELF = {
    "GET /session": Operation(group="Session", gives={200: answers.Session}),
    "POST /session": Operation(
        group="Session", gives={200: answers.Session}, body=bodies.TOKEN, refuses=(413, 429), headers=("Set-Cookie",)
    ),
    "DELETE /session": Operation(group="Session", gives={200: answers.Session}, headers=("Set-Cookie",)),
    "GET /health/status": _health(answers.Health),
    "GET /health/ready": _health(answers.Health),
    "GET /health/live": _health(answers.Alive, sick=False),
    "GET /health/websocket": _health(answers.SocketHealth),
    "GET /health/processing": _health(answers.ProcessingHealth),
    "GET /openapi.json": Operation(
        group="Documentation", gives={200: dict[str, Any], 304: None}, headers=("ETag",),
        parameters=parameters.IF_NONE_MATCH,
    ),
    "GET /docs": Operation(group="Documentation", gives={200: Content("text/html")}),
}  # fmt: skip
OPERATIONS: Mapping[str, Operation] = _ASSETS | _NAMES | _FILES | _UPLOADS | _WORK | _ITSELF
