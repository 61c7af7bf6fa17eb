"""Deleting, as ruling C13 has it: into the trash, unless the request says otherwise twice."""

import logging
from collections.abc import Mapping

from services.backend.app.application import Application
from services.backend.app.errors import ApiError
from services.backend.app.models import asset_edit
from services.backend.app.models.asset import Asset
from services.backend.app.services.media_root import PathRejected
from services.backend.app.services.upload_store import UPLOADS

from .filter_query import flag_from

log = logging.getLogger("mam.files")


def delete_from(application: Application, query: Mapping[str, str], asset_id: int) -> bool:
    """Delete one asset as the query says; False when there is none."""
    permanent, file_too = flag_from(query, "permanent") or False, flag_from(query, "delete_file") or False
    if file_too and not permanent:
        raise ApiError(400, "delete_file needs permanent=true: what is in the trash keeps its file")
    if permanent:
        return forget(application, asset_id, file_too=file_too)
    with application.database.write() as connection:
        trashed = asset_edit.trash(connection, [asset_id]) == 1
    if trashed:
        log.info("asset %d is in the trash; its file stays", asset_id)
    return trashed


def forget(application: Application, asset_id: int, *, file_too: bool) -> bool:
    """Remove one asset for good, in the trash or not; with its file only where that is allowed (else 409)."""
    asset = application.assets.any(asset_id)
    if asset is None:
        return False
    if file_too:
        _unlink(application, asset)
    # The file first: the other way round, a scan in between would find it anew.
    with application.database.write() as connection:
        asset_edit.remove(connection, [asset_id])
    log.info("asset %d is forgotten%s: %r", asset_id, " with its file" if file_too else "", asset.file_path)
    return True


def _unlink(application: Application, asset: Asset) -> None:
    if not application.config.media_writable and not asset.file_path.startswith(f"{UPLOADS}/"):
        raise ApiError(409, "this file was not uploaded here; MEDIA_WRITABLE=1 lets it be deleted", asset_id=asset.id)
    try:
        application.media_root.remove(asset.file_path)
    except FileNotFoundError:
        return
    except (OSError, PathRejected) as error:
        log.warning("asset %d keeps its file: %s", asset.id, error)
        raise ApiError(409, "the file cannot be deleted; the asset stays", asset_id=asset.id) from None
