"""``/assets/export`` and ``/assets/import``: what people wrote about their assets, one JSON object a line.

An export holds what cannot be read from the files again: titles, tags, ratings, favorites, collections.
Assets are named by their path, so an export is good for another library over the same files. That of the trash
(``trashed=true``) is a second one, whose assets come into the trash again.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, jsonify, request

from services.backend.app.application import Application
from services.backend.app.errors import ApiError
from services.backend.app.models import asset_edit
from services.backend.app.models.asset import Asset
from services.backend.app.models.asset_selection import assets_of
from services.backend.app.models.asset_store import Outcome
from services.backend.app.models.collection_store import NameTaken, collect

from .asset_changes import Changes, changes_from, name_from
from .filter_query import filter_from
from .registration import registration_from
from .wiring import application_of_request

NDJSON = "application/x-ndjson"
MAX_LINE = 64 * 1024
MAX_BYTES = 1024**3
MAX_TOLD = 100
MAX_COLLECTIONS = 100

blueprint = Blueprint("exchange", __name__)
log = logging.getLogger("mam.assets")


@blueprint.get("/export")
def export_assets() -> Response:
    """Send every asset that meets the filter of the query, in the order of the ids."""
    application, wanted = application_of_request(), filter_from(request.args, request.args.getlist("tag"))
    response = Response(_lines(application, wanted), mimetype=NDJSON)
    response.headers["Content-Disposition"] = 'attachment; filename="assets.ndjson"'
    return response


@blueprint.post("/import")
def import_assets() -> Response:
    """Take the lines of an export; each counts for itself, and what is wrong with one is told with its number."""
    if request.mimetype != NDJSON:
        raise ApiError(400, f"the body must be {NDJSON}")
    request.max_content_length = MAX_BYTES
    application, done = application_of_request(), _Done()
    for number, line in enumerate(_lines_of_body(), start=1):
        if not line.strip():
            continue
        done.lines += 1
        try:
            done.note(_take(application, line))
        except ApiError as error:
            done.complain(number, error.message)
    application.hub.wake()
    log.info("import: %d lines, %d created, %d updated, %d failed", done.lines, done.created, done.updated, done.failed)
    return jsonify({name: getattr(done, name) for name in done.__dataclass_fields__})


@dataclass(slots=True)
class _Done:
    lines: int = 0
    created: int = 0
    updated: int = 0
    failed: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def note(self, outcome: Outcome) -> None:
        self.created += outcome is Outcome.CREATED
        self.updated += outcome is not Outcome.CREATED

    def complain(self, number: int, message: str) -> None:
        self.failed += 1
        if len(self.errors) < MAX_TOLD:
            self.errors.append({"line": number, "error": message})


def _lines(application: Application, wanted: Any) -> Iterator[str]:
    for asset in assets_of(application.database, wanted):
        row = asset.to_json() | {"collections": application.collections.names_of(asset.id)}
        yield json.dumps(row, ensure_ascii=False) + "\n"


def _lines_of_body() -> Iterator[bytes]:
    while line := request.stream.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise ApiError(400, f"a line is longer than {MAX_LINE} bytes")
        yield line


def _take(application: Application, line: bytes) -> Outcome:
    row = _row(line)
    # What an export has beyond these is read from the file again.
    known = {name: row[name] for name in ("title", "tags", "rating", "favorite") if name in row}
    changes = changes_from(known) if known else Changes({}, None)
    names, is_trash = _collections(row.get("collections", [])), row.get("deleted_at") is not None
    asset, outcome = _asset_at(application, row.get("file_path"))
    if asset.deleted_at is not None and not is_trash:
        raise ApiError(409, "the asset is in the trash")
    numbers = [_collection(application, name) for name in names]
    with application.database.write() as connection:
        if is_trash:
            asset_edit.restore(connection, [asset.id])  # nothing is written to what is in the trash
        asset_edit.write_fields(connection, [asset.id], changes.fields)
        if changes.tags is not None:
            asset_edit.set_tags(connection, asset.id, changes.tags)
        for number in numbers:
            collect(connection, number, [asset.id])
        if is_trash:
            asset_edit.trash(connection, [asset.id])
    return outcome


def _asset_at(application: Application, path: Any) -> tuple[Asset, Outcome]:
    """Register the file at ``path``. A file that cannot be registered (away, or damaged) may be an asset already."""
    try:
        return application.assets.register(
            registration_from({"file_path": path}, application.media_root), restore=False
        )
    except ApiError:
        known = application.assets.at(path) if isinstance(path, str) else None
        if known is None:
            raise
        return known, Outcome.KNOWN


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise ApiError(400, "the line is not valid JSON") from None
    if not isinstance(row, dict):
        raise ApiError(400, "the line is not a JSON object")
    return row


def _collections(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > MAX_COLLECTIONS:
        raise ApiError(400, f"collections must be a list of at most {MAX_COLLECTIONS} names")
    return [name_from(name) for name in value]


def _collection(application: Application, name: str) -> int:
    try:
        return application.collections.create(name).id
    except NameTaken:
        return application.collections.id_of(name)
