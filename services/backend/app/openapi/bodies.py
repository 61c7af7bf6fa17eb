"""The bodies that requests carry. The limits are those of the parsers themselves."""

from typing import Any

from services.backend.app.api import asset_changes, bulk, exchange
from services.backend.app.services.media_types import MAX_TITLE

from .parameters import FILTER
from .schema import Schema

JSON = "application/json"
BYTES = {"type": "string", "format": "binary"}


def _object(required: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    made: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return made | ({"required": list(required)} if required else {})


def _body(content: dict[str, Any], *, required: bool = True) -> Schema:
    return {"required": required, "content": content}


def _json(schema: Schema, example: Any, *, required: bool = True) -> Schema:
    return _body({JSON: {"schema": schema, "example": example}}, required=required)


TITLE = {"type": "string", "minLength": 1, "maxLength": MAX_TITLE}
NAME = {"type": "string", "minLength": 1, "maxLength": asset_changes.MAX_TAG}
TAGS = {"type": "array", "items": NAME, "maxItems": asset_changes.MAX_TAGS}
RATING = {"type": ["integer", "null"], "minimum": 0, "maximum": asset_changes.MAX_RATING}
IDS = {
    "type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}, "maxItems": bulk.MAX_IDS,
}  # fmt: skip
FLAG = {"type": "boolean", "default": False}
# In JSON, true and false are themselves, and one tag needs no list.
_JSON_FORMS: dict[str, Schema] = {name: {"type": "boolean"} for name in ("favorite", "trashed")} | {
    "tag": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
}
FILTER_OBJECT = _object(**{str(one["name"]): _JSON_FORMS.get(one["name"]) or one["schema"] for one in FILTER})
ACTIONS = ["trash", "restore", "delete", "tag", "untag", "rate", "favorite", "collect", "uncollect", "reprocess"]

ADDED = _body(
    {
        JSON: {
            "schema": _object(("file_path",), file_path={"type": "string"}, title=TITLE),
            "example": {"file_path": "trips/alps.jpg", "title": "Alps"},
        },
        "multipart/form-data": {"schema": _object(("file",), file=BYTES, title={"type": "string"})},
    }
)
CHANGES = _json(
    _object(title=TITLE, tags=TAGS, rating=RATING, favorite={"type": "boolean"}) | {"minProperties": 1},
    {"tags": ["alps", "2026"], "rating": 4},
)
BULK = _json(
    _object(
        ("action",),
        action={"type": "string", "enum": ACTIONS},
        ids=IDS,
        selection=_object(("filter",), filter=FILTER_OBJECT, **{"except": IDS}),
        dry_run=FLAG,
        tags=TAGS,
        rating=RATING,
        favorite={"type": "boolean"},
        collection={"type": "integer", "minimum": 1},
        delete_file=FLAG,
    )
    | {"oneOf": [{"required": ["ids"]}, {"required": ["selection"]}]},
    {"action": "tag", "selection": {"filter": {"q": "alps"}, "except": [7]}, "tags": ["mountains"], "dry_run": True},
)
NAMED = _json(_object(("name",), name=NAME), {"name": "Best of 2026"})
MEMBERS = _json(_object(add=IDS, remove=IDS) | {"minProperties": 1}, {"add": [1, 2], "remove": [3]})
SCAN = _json(_object(folder={"type": "string"}, accept_missing=FLAG), {"folder": "trips"}, required=False)
LINES = _body({exchange.NDJSON: {"schema": {"type": "string"}, "example": '{"file_path": "a.jpg", "rating": 5}\n'}})
PIECE = _body({"application/offset+octet-stream": {"schema": BYTES}})
TOKEN = _json(
    _object(("token",), token={"type": "string", "minLength": 1, "maxLength": 400}), {"token": "the API_TOKEN"}
)
