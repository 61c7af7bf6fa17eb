"""From the body of ``POST /assets`` to a file that may be registered."""

import logging
import os
from typing import Any

from services.backend.app.application import Application
from services.backend.app.errors import ApiError
from services.backend.app.models.asset import Asset
from services.backend.app.models.asset_store import FoundFile
from services.backend.app.services.content_hash import quick_hash
from services.backend.app.services.media_root import MediaRoot, PathRejected, closed
from services.backend.app.services.media_types import (
    HEAD_BYTES,
    MAX_TITLE,
    MediaType,
    clean_title,
    media_type_of,
    mismatch,
    supported_types,
    title_of,
)
from services.backend.app.services.twin_finder import Twin

FIELDS = frozenset({"file_path", "title"})

log = logging.getLogger("mam.files")


def registration_from(body: Any, root: MediaRoot) -> FoundFile:
    """Check the body and look at the file; what cannot be registered is a 400 or 404 that says why."""
    path, title = _fields(body)
    media_type = media_type_of(path)
    if media_type is None:
        raise ApiError(400, f"this type of file is not supported; supported are {supported_types()}")
    status, mark = _look(root, path, media_type)
    return FoundFile(
        path=path,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        media_type=media_type.kind,
        mime_type=media_type.mime_type,
        format=media_type.name,
        title=title or title_of(path),
        quick_hash=mark,
        is_titled=title is not None,
    )


def _fields(body: Any) -> tuple[str, str | None]:
    if not isinstance(body, dict):
        raise ApiError(400, 'the body must be a JSON object such as {"file_path": "holiday/beach.jpg"}')
    unknown = sorted(set(body) - FIELDS)
    if unknown:
        raise ApiError(400, "only file_path and title can be given")
    path, title = body.get("file_path"), body.get("title")
    if not isinstance(path, str):
        raise ApiError(400, "file_path must be a string")
    if title is None:
        return path, None
    if not isinstance(title, str) or not clean_title(title) or len(title) > 4 * MAX_TITLE:
        raise ApiError(400, f"title must be a string of 1 to {MAX_TITLE} characters")
    return path, clean_title(title)


def _look(root: MediaRoot, path: str, media_type: MediaType) -> tuple[os.stat_result, str]:
    try:
        descriptor = root.open(path)
    except PathRejected as error:
        # The path is not repeated: it is not known to be one of ours (C1).
        log.warning("a path was refused: %s", error)
        raise ApiError(400, f"file_path cannot be used: {error}") from None
    except FileNotFoundError:
        raise ApiError(404, "there is no such file in the media folder", file_path=path) from None
    except OSError as error:
        raise ApiError(400, f"the file cannot be opened: {error.strerror}", file_path=path) from None
    try:
        reason = mismatch(media_type, os.pread(descriptor, HEAD_BYTES, 0))
        if reason:
            raise ApiError(400, reason, file_path=path)
        return os.fstat(descriptor), quick_hash(descriptor)
    except OSError as error:
        raise ApiError(400, f"the file cannot be read: {error.strerror}", file_path=path) from None
    finally:
        closed(descriptor)


def twin_of(application: Application, asset: Asset) -> Twin | None:
    """Return another asset with the same content; None too when the file cannot be read any more."""
    try:
        descriptor = application.media_root.open(asset.file_path)
    except (PathRejected, OSError):
        return None
    try:
        return application.twins.look(descriptor, but=asset.id)
    except OSError:
        return None
    finally:
        closed(descriptor)
