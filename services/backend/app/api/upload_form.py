"""``POST /assets`` as a form: one file, for programs and pages without a tus client."""

import logging
import secrets
from pathlib import Path
from typing import IO, Any

from flask import Request, Response, current_app, jsonify

from services.backend.app.application import Application
from services.backend.app.errors import ApiError
from services.backend.app.services.media_types import clean_title, title_of
from services.backend.app.services.upload_store import MAX_BYTES, UploadStore

log = logging.getLogger("mam.files")

FORM_BYTES = 64 * 1024
"""What a form may add around its file."""


class UploadRequest(Request):
    """A request whose files are written to where they can be renamed from, and not to /tmp."""

    def _get_file_stream(self, *_arguments: Any, **_named: Any) -> IO[bytes]:
        application = current_app.extensions["mam"]
        assert isinstance(application, Application)
        uploads: UploadStore = application.uploads
        uploads.require_room(self.content_length or 0)
        uploads.make_parts_folder()
        return open(uploads.part_of(f"form-{secrets.token_hex(16)}"), "xb+")


def upload_from_form(application: Application, request: Request) -> tuple[Response, int]:
    """Take the form's file into the library: 201, or 200 with ``duplicate_of`` when an asset has this content."""
    request.max_content_length = MAX_BYTES + FORM_BYTES
    names = list(request.files)
    part = None
    try:
        if names != ["file"] or len(request.files.getlist("file")) != 1:
            raise ApiError(400, "the form must have one file, named file")
        file = request.files["file"]
        part = Path(file.stream.name)
        name = file.filename or ""
        target = application.uploads.target_of(name)
        file.stream.flush()
        title = clean_title(request.form.get("title", "")) or title_of(name)
        outcome = application.uploads.adopt(part, target, title=title)
    finally:
        _clear(request)
    application.hub.wake()
    response = jsonify(outcome.asset.to_json() | ({"duplicate_of": outcome.asset.id} if outcome.is_duplicate else {}))
    response.headers["Location"] = f"{application.config.api_prefix}/assets/{outcome.asset.id}"
    return response, 200 if outcome.is_duplicate else 201


def _clear(request: Request) -> None:
    """Remove what was written and not taken."""
    for file in (file for files in request.files.listvalues() for file in files):
        Path(file.stream.name).unlink(missing_ok=True)
        file.close()
