"""The blueprint of ``/assets``: list, register, read, delete."""

import logging

from flask import Blueprint, Response, jsonify, request
from werkzeug.wrappers import Response as BaseResponse

from services.backend.app.errors import ApiError
from services.backend.app.models.asset import Asset
from services.backend.app.models.asset_store import Outcome

from .json_body import json_body
from .listing_query import cursor_text, listing_from
from .registration import registration_from
from .wiring import application_of_request

MAX_ID = 2**63 - 1

blueprint = Blueprint("assets", __name__, url_prefix="/assets")
log = logging.getLogger("mam.assets")


@blueprint.get("")
@blueprint.get("/")
def list_assets() -> Response:
    """Return one page of the library."""
    listing = listing_from(request.args)
    page = application_of_request().pages.read(listing)
    meta = {
        "page": listing.page,
        "total": page.total,
        "pages": -(-page.total // listing.per_page),
        "per_page": listing.per_page,
        "has_next": page.next is not None,
        "next_cursor": cursor_text(page.next, listing) if page.next else None,
        "total_is_capped": page.is_capped,
        "rev": page.rev,
    }
    return jsonify(items=[asset.to_json() for asset in page.items], meta=meta)


@blueprint.post("")
@blueprint.post("/")
def add_asset() -> tuple[Response, int]:
    """Register a file of the media folder: 201, or 200 with the asset that has it already."""
    application = application_of_request()
    found = registration_from(json_body(request), application.media_root)
    asset, outcome = application.assets.register(found, restore=True)
    if outcome is not Outcome.KNOWN:
        application.hub.tell_asset(asset)
    log.info("asset %d is %s: %r", asset.id, outcome.value, asset.file_path)
    response = jsonify(asset.to_json())
    response.headers["Location"] = f"{application.config.api_prefix}/assets/{asset.id}"
    return response, 201 if outcome is Outcome.CREATED else 200


@blueprint.get("/<int:asset_id>")
def read_asset(asset_id: int) -> BaseResponse:
    """Return one asset; 304 when the client has this revision."""
    asset = _asset(asset_id)
    response = jsonify(asset.to_json())
    response.set_etag(f"{asset.id}-{asset.rev}")
    return response.make_conditional(request)


@blueprint.delete("/<int:asset_id>")
def delete_asset(asset_id: int) -> tuple[str, int]:
    """Take the asset out of the library. Its file is not touched, and a scan does not bring it back."""
    application = application_of_request()
    if asset_id > MAX_ID or not application.assets.trash(asset_id):
        raise ApiError(404, f"there is no asset {asset_id}", asset_id=asset_id)
    application.hub.wake()
    log.info("asset %d is deleted; its file stays", asset_id)
    return "", 204


def _asset(asset_id: int) -> Asset:
    asset = application_of_request().assets.get(asset_id) if asset_id <= MAX_ID else None
    if asset is None:
        raise ApiError(404, f"there is no asset {asset_id}", asset_id=asset_id)
    return asset
