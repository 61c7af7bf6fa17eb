"""``POST /assets/bulk``: one operation on many assets, named by ids or by a filter."""

import logging
from collections.abc import Callable
from sqlite3 import Connection
from typing import Any

from flask import Blueprint, Response, jsonify, request

from services.backend.app import answers
from services.backend.app.application import Application
from services.backend.app.errors import ApiError
from services.backend.app.models import asset_edit
from services.backend.app.models.asset_selection import Selection, batches_of
from services.backend.app.models.collection_store import collect, uncollect

from .asset_changes import favorite_from, rating_from, tags_from
from .deletion import forget
from .filter_query import FIELDS, filter_from
from .json_body import json_body
from .wiring import application_of_request

MAX_IDS = 5000
MEMBERS = {"action", "ids", "selection", "dry_run", "tags", "rating", "favorite", "collection", "delete_file"}

Operation = Callable[[Connection, list[int]], int]

blueprint = Blueprint("bulk", __name__)
log = logging.getLogger("mam.assets")


@blueprint.post("/bulk")
def change_many() -> Response:
    """Return how many were meant and how many changed; with ``dry_run`` nothing changes."""
    body = json_body(request)
    if not isinstance(body, dict) or not body.keys() <= MEMBERS:
        raise ApiError(400, f"the body must be a JSON object with some of: {', '.join(sorted(MEMBERS))}")
    application = application_of_request()
    selection, action, dry_run = _selection(body), body.get("action"), body.get("dry_run", False)
    if not isinstance(dry_run, bool):
        raise ApiError(400, "dry_run must be true or false")
    work = _work(application, body)
    matched = changed = 0
    for ids in batches_of(application.database, selection):
        matched += len(ids)
        changed += 0 if dry_run else work(ids)
    if changed:
        application.hub.wake()
        log.info("bulk %s: %d of %d assets", action, changed, matched)
    # The work is done when the answer comes, so there is no job to ask for.
    return jsonify(answers.BulkOutcome(matched=matched, changed=changed, job_id=None, dry_run=dry_run))


def _work(application: Application, body: dict[str, Any]) -> Callable[[list[int]], int]:
    """Return what is done with a batch. Each is a transaction of its own: other writers get their turn in between."""
    if body.get("action") == "delete" and body.get("delete_file", False) is True:
        return lambda ids: sum(_is_gone(application, number) for number in ids)
    operation = _operation(application, body)

    def in_transaction(ids: list[int]) -> int:
        with application.database.write() as connection:
            return operation(connection, ids)

    return in_transaction


def _is_gone(application: Application, number: int) -> bool:
    """Forget one asset with its file; one whose file must stay, stays, and the others go on."""
    try:
        return forget(application, number, file_too=True)
    except ApiError as error:
        log.warning("asset %d stays: %s", number, error.message)
        return False


def _operation(application: Application, body: dict[str, Any]) -> Operation:
    plain: dict[str, Operation] = {
        "trash": asset_edit.trash,
        "restore": asset_edit.restore,
        "reprocess": asset_edit.queue_again,
        "delete": asset_edit.remove,
    }
    action = body.get("action")
    if not isinstance(action, str):
        raise ApiError(400, "action must be a word")
    if action in plain:
        return plain[action]
    if action in {"tag", "untag"}:
        names = tags_from(body.get("tags"))
        change = asset_edit.add_tags if action == "tag" else asset_edit.remove_tags
        return lambda connection, ids: change(connection, ids, names)
    if action in {"collect", "uncollect"}:
        return _collecting(application, body, action)
    fields = {"rate": ("rating", rating_from), "favorite": ("favorite", favorite_from)}
    if action in fields:
        name, checked = fields[action]
        value = checked(body.get(name))
        return lambda connection, ids: asset_edit.write_fields(connection, ids, {name: value})
    known = sorted([*plain, *fields, "tag", "untag", "collect", "uncollect"])
    raise ApiError(400, f"action must be one of: {', '.join(known)}")


def _collecting(application: Application, body: dict[str, Any], action: str) -> Operation:
    number = body.get("collection")
    if type(number) is not int or not 0 < number < 2**63 or application.collections.get(number) is None:
        raise ApiError(404, "collection must be the id of a collection")
    change = collect if action == "collect" else uncollect
    return lambda connection, ids: change(connection, number, ids)


def _selection(body: dict[str, Any]) -> Selection:
    if ("ids" in body) == ("selection" in body):
        raise ApiError(400, 'name the assets by ids, or by a selection such as {"filter": {"type": "video"}}')
    if "ids" in body:
        return Selection(ids=ids_from(body["ids"], "ids"))
    selection = body["selection"]
    if not isinstance(selection, dict) or not selection.keys() <= {"filter", "except"} or "filter" not in selection:
        raise ApiError(400, "selection must have a filter, and may have except")
    excluded = frozenset(ids_from(selection.get("except", []), "except"))
    return Selection(filter=filter_of(selection["filter"]), excluded=excluded)


def filter_of(value: Any) -> Any:
    """Return the filter of a JSON object with the names of the query of ``GET /assets``."""
    if not isinstance(value, dict) or not value.keys() <= FIELDS:
        raise ApiError(400, f"filter must be an object with some of: {', '.join(sorted(FIELDS))}")
    tags = value.get("tag", [])
    tags = [tags] if isinstance(tags, str) else tags
    texts = {name: _text(member) for name, member in value.items() if name != "tag"}
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ApiError(400, "tag must be a name or a list of names")
    return filter_from(texts, tags)


def ids_from(value: Any, name: str) -> tuple[int, ...]:
    """Return a list of ids."""
    if not isinstance(value, list) or len(value) > MAX_IDS or not all(_is_id(number) for number in value):
        raise ApiError(400, f"{name} must be a list of at most {MAX_IDS} ids; name more by a selection")
    return tuple(value)


def _is_id(value: object) -> bool:
    return type(value) is int and 0 < value < 2**63


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ApiError(400, "the members of filter must be texts, numbers, true or false")
