"""The blueprint of ``/collections``. What is in one: ``GET /assets?collection=<id>``."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from services.backend.app.errors import ApiError
from services.backend.app.models.collection_store import Collection, NameTaken, collect, uncollect

from .asset_changes import name_from
from .bulk import ids_from
from .json_body import json_body
from .wiring import application_of_request

MAX_ID = 2**63 - 1

blueprint = Blueprint("collections", __name__)


@blueprint.get("")
@blueprint.get("/")
def list_collections() -> Response:
    """Return every collection with how many assets it has."""
    return jsonify(items=[one.to_json() for one in application_of_request().collections.all()])


@blueprint.post("")
@blueprint.post("/")
def add_collection() -> tuple[Response, int]:
    """Make a collection: 201, or 409 when its name is taken."""
    application = application_of_request()
    try:
        made = application.collections.create(_name_of(json_body(request)))
    except NameTaken:
        raise ApiError(409, "another collection has this name") from None
    response = jsonify(made.to_json())
    response.headers["Location"] = f"{application.config.api_prefix}/collections/{made.id}"
    return response, 201


@blueprint.get("/<int:number>")
def read_collection(number: int) -> Response:
    """Return one collection."""
    return jsonify(_there(number).to_json())


@blueprint.patch("/<int:number>")
def rename_collection(number: int) -> Response:
    """Give a collection another name."""
    name = _name_of(json_body(request))
    _there(number)
    try:
        renamed = application_of_request().collections.rename(number, name)
    except NameTaken:
        raise ApiError(409, "another collection has this name") from None
    return jsonify((renamed or _there(number)).to_json())


@blueprint.delete("/<int:number>")
def delete_collection(number: int) -> tuple[str, int]:
    """Forget a collection; its assets stay."""
    _there(number)
    application_of_request().collections.remove(number)
    return "", 204


@blueprint.post("/<int:number>/assets")
def change_members(number: int) -> Response:
    """Put assets in and take others out."""
    application, body = application_of_request(), json_body(request)
    if not isinstance(body, dict) or not body or not body.keys() <= {"add", "remove"}:
        raise ApiError(400, 'the body must be {"add": [ids], "remove": [ids]}, or one of the two')
    added, removed = (ids_from(body.get(name, []), name) for name in ("add", "remove"))
    _there(number)
    with application.database.write() as connection:
        counts = {"added": collect(connection, number, added), "removed": uncollect(connection, number, removed)}
    return jsonify(_there(number).to_json() | counts)


def _name_of(body: Any) -> str:
    if not isinstance(body, dict) or body.keys() != {"name"}:
        raise ApiError(400, 'the body must be {"name": ...}')
    return name_from(body["name"])


def _there(number: int) -> Collection:
    found = application_of_request().collections.get(number) if number <= MAX_ID else None
    if found is None:
        raise ApiError(404, f"there is no collection {number}")
    return found
