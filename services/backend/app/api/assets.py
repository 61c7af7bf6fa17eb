"""The blueprint of ``/assets``: list, register, read, change, delete."""

import logging

from flask import Blueprint, Response, jsonify, request
from werkzeug.wrappers import Response as BaseResponse

from services.backend.app import answers
from services.backend.app.errors import ApiError
from services.backend.app.models import asset_edit
from services.backend.app.models.asset import Asset
from services.backend.app.models.asset_store import Outcome

from .asset_changes import changes_from
from .deletion import delete_from
from .json_body import json_body
from .listing_query import cursor_text, listing_from
from .registration import registration_from, twin_of
from .upload_form import upload_from_form
from .wiring import application_of_request

MAX_ID = 2**63 - 1

blueprint = Blueprint("assets", __name__)
log = logging.getLogger("mam.assets")


@blueprint.get("")
@blueprint.get("/")
def list_assets() -> Response:
    """Return one page of the library."""
    listing = listing_from(request.args)
    page = application_of_request().pages.read(listing)
    meta = answers.PageMeta(
        page=listing.page,
        total=page.total,
        pages=-(-page.total // listing.per_page),
        per_page=listing.per_page,
        has_next=page.next is not None,
        next_cursor=cursor_text(page.next, listing) if page.next else None,
        total_is_capped=page.is_capped,
        rev=page.rev,
    )
    return jsonify(answers.AssetPage(items=[asset.to_json() for asset in page.items], meta=meta))


@blueprint.post("")
@blueprint.post("/")
def add_asset() -> tuple[Response, int]:
    """Register a file of the media folder, or take one from a form.

    201; 200 when the library had the path or (then with ``duplicate_of``) the content. A large file is not read for the
    answer: it is a 201 with ``may_duplicate``, and the asset gets its ``duplicate_of`` when a worker has read it.
    """
    application = application_of_request()
    if request.mimetype == "multipart/form-data":
        return upload_from_form(application, request)
    found = registration_from(json_body(request), application.media_root)
    asset, outcome = application.assets.register(found, restore=True)
    if outcome is not Outcome.KNOWN:
        application.hub.wake()
    log.info("asset %d is %s: %r", asset.id, outcome.value, asset.file_path)
    twin = twin_of(application, asset) if outcome is Outcome.CREATED else None
    if twin is not None and not twin.is_certain:
        application.jobs.request_hashes([asset.id, twin.id])
    named = {"duplicate_of" if twin.is_certain else "may_duplicate": twin.id} if twin else {}
    response = jsonify(asset.to_json() | named)
    response.headers["Location"] = f"{application.config.api_prefix}/assets/{asset.id}"
    is_known = outcome is not Outcome.CREATED or (twin is not None and twin.is_certain)
    return response, 200 if is_known else 201


@blueprint.get("/<int:asset_id>")
def read_asset(asset_id: int) -> BaseResponse:
    """Return one asset; 304 when the client has this revision."""
    asset = _asset(asset_id)
    _require_match(asset)
    return _with_etag(asset).make_conditional(request)


@blueprint.patch("/<int:asset_id>")
def change_asset(asset_id: int) -> Response:
    """Change title, tags, rating, favorite. With If-Match, only the revision that the client has seen (else 412)."""
    application, changes = application_of_request(), changes_from(json_body(request))
    asset = _asset(asset_id)
    with application.database.write() as connection:
        _require_match(application.assets.get_in(connection, asset_id) or asset)
        changed = asset_edit.write_fields(connection, [asset_id], changes.fields)
        if changes.tags is not None:
            changed += asset_edit.set_tags(connection, asset_id, changes.tags)
    if changed:
        application.hub.wake()
        log.info("asset %d is edited: %s", asset_id, ", ".join(request.get_json()))
    return _with_etag(_asset(asset_id))


@blueprint.delete("/<int:asset_id>")
def delete_asset(asset_id: int) -> tuple[str, int]:
    """Put the asset into the trash; ``permanent=true`` forgets it, with ``delete_file=true`` together with its file."""
    application = application_of_request()
    if asset_id > MAX_ID:
        raise _missing(asset_id)
    if not delete_from(application, request.args, asset_id):
        raise _missing(asset_id)
    application.hub.wake()
    return "", 204


@blueprint.post("/<int:asset_id>/restore")
def restore_asset(asset_id: int) -> Response:
    """Take an asset out of the trash. Doing so twice is fine."""
    application = application_of_request()
    if asset_id <= MAX_ID:
        with application.database.write() as connection:
            asset_edit.restore(connection, [asset_id])
    asset = _asset(asset_id)
    application.hub.wake()
    log.info("asset %d is taken out of the trash", asset_id)
    return _with_etag(asset)


@blueprint.post("/<int:asset_id>/reprocess")
def reprocess_asset(asset_id: int) -> tuple[Response, int]:
    """Have the asset read again from its file."""
    application = application_of_request()
    _asset(asset_id)
    with application.database.write() as connection:
        asset_edit.queue_again(connection, [asset_id])
    application.hub.wake()
    return _with_etag(_asset(asset_id)), 202


def _with_etag(asset: Asset) -> Response:
    response = jsonify(asset.to_json())
    response.set_etag(f"{asset.id}-{asset.rev}")
    return response


def _require_match(asset: Asset) -> None:
    # If-Match: * only asks that it exists.
    if request.if_match and not request.if_match.contains(f"{asset.id}-{asset.rev}"):
        raise ApiError(412, "the asset was changed meanwhile; read it again", asset_id=asset.id, rev=asset.rev)


def _asset(asset_id: int) -> Asset:
    application = application_of_request()
    asset = application.assets.get(asset_id) if asset_id <= MAX_ID else None
    if asset is None:
        raise _missing(asset_id)
    return asset


def _missing(asset_id: int) -> ApiError:
    return ApiError(404, f"there is no asset {asset_id}", asset_id=asset_id)
