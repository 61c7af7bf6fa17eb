"""The blueprint of ``/tags``."""

from flask import Blueprint, Response, jsonify, request

from services.backend.app.errors import ApiError
from services.backend.app.models.tag_store import Tag

from .asset_changes import name_from
from .json_body import json_body
from .wiring import application_of_request

MAX_ID = 2**63 - 1

blueprint = Blueprint("tags", __name__)


@blueprint.get("")
@blueprint.get("/")
def list_tags() -> Response:
    """Return every tag with how many assets have it."""
    return jsonify(items=[tag.to_json() for tag in application_of_request().tags.all()])


@blueprint.patch("/<int:tag_id>")
def rename_tag(tag_id: int) -> Response:
    """Rename a tag; the name of another tag makes the two one."""
    application, body = application_of_request(), json_body(request)
    if not isinstance(body, dict) or body.keys() != {"name"}:
        raise ApiError(400, 'the body must be {"name": ...}')
    tag = application.tags.rename(tag_id, name_from(body["name"])) if tag_id <= MAX_ID else None
    application.hub.wake()
    return jsonify(_there(tag, tag_id).to_json())


@blueprint.delete("/<int:tag_id>")
def delete_tag(tag_id: int) -> tuple[str, int]:
    """Take a tag from every asset."""
    application = application_of_request()
    if tag_id > MAX_ID or not application.tags.remove(tag_id):
        raise ApiError(404, f"there is no tag {tag_id}")
    application.hub.wake()
    return "", 204


def _there(tag: Tag | None, tag_id: int) -> Tag:
    if tag is None:
        raise ApiError(404, f"there is no tag {tag_id}")
    return tag
