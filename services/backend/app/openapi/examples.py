"""Examples of answers, by the name of their type; a test holds each against its schema."""

from typing import Any

_MOMENT = "2026-01-31T12:00:00.000Z"
ASSET: dict[str, Any] = {
    "id": 7,
    "title": "Alps",
    "file_path": "trips/alps.jpg",
    "mime_type": "image/jpeg",
    "file_size": 3145728,
    "created_at": _MOMENT,
    "updated_at": _MOMENT,
    "media_metadata": {
        "width": 4000,
        "height": 3000,
        "thumbnail_url": "/thumbnails/0f3a9c7b2d41e685.jpg",
        "codec": "jpeg",
    },
    "type": "image",
    "status": "ready",
    "error": None,
    "rev": 4,
    "tags": ["alps", "2026"],
    "rating": 4,
    "favorite": False,
    "thumbhash": "1QcSHQRnh493V4dIh4eXh1h4kJUI",
    "taken_at": "2026-01-30T09:41:12",
    "deleted_at": None,
}
_JOB = {
    "id": 12,
    "kind": "scan",
    "asset_id": None,
    "state": "queued",
    "priority": 5,
    "attempts": 0,
    "progress": 0.0,
    "error": None,
    "parameters": {"folder": "trips", "accept_missing": False},
    "result": None,
    "created_at": _MOMENT,
    "updated_at": _MOMENT,
}
_META = {
    "page": 1,
    "total": 1,
    "pages": 1,
    "per_page": 50,
    "has_next": False,
    "next_cursor": None,
    "total_is_capped": False,
    "rev": 31,
}
_EVENT = {
    "type": "processing_update",
    "seq": 501,
    "at": _MOMENT,
    "data": {"asset_id": 7, "status": "ready", "rev": 4, "progress": 100, "stage": "ready"},
}
EXAMPLES: dict[str, Any] = {
    "Error": {"error": "there is no asset 7", "timestamp": _MOMENT, "context": {"asset_id": 7}},
    "Asset": ASSET,
    "AddedAsset": ASSET | {"duplicate_of": 3, "may_duplicate": 3},
    "AssetPage": {"items": [ASSET], "meta": _META},
    "BulkOutcome": {"matched": 120, "changed": 0, "job_id": None, "dry_run": True},
    "ImportOutcome": {
        "lines": 2,
        "created": 0,
        "updated": 1,
        "failed": 1,
        "errors": [{"line": 2, "error": "the line is not valid JSON"}],
    },
    "Tag": {"id": 1, "name": "alps", "assets": 12},
    "Collection": {
        "id": 2,
        "name": "Best of 2026",
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
        "rev": 1,
        "assets": 40,
    },
    "Event": _EVENT,
    "EventPage": {"events": [_EVENT], "latest": 501, "oldest": 1, "epoch": "f0b2"},
    "Job": _JOB,
    "Health": {
        "status": "healthy",
        "services": {
            "database": True,
            "websocket": True,
            "media_processor": True,
            "processing_queue": True,
            "file_system": True,
        },
        "system": {"memory_usage": 41.5, "disk_usage": 63.0, "cpu_usage": 7.2},
    },
    "UploadState": {
        "id": "Zk3",
        "offset": 1048576,
        "length": 3145728,
        "expires_at": _MOMENT,
        "asset_id": None,
        "duplicate_of": None,
    },
}
