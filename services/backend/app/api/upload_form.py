"""``POST /assets`` as a form: one file, for programs and pages without a tus client."""

import logging
import secrets
from contextlib import suppress
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

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._parts: list[IO[bytes]] = []

    def _get_file_stream(self, *_arguments: Any, **_named: Any) -> IO[bytes]:
        application = current_app.extensions["mam"]
        assert isinstance(application, Application)
        uploads: UploadStore = application.uploads
        uploads.require_room(self.content_length or 0)
        uploads.make_parts_folder()
        part = uploads.part_of(f"form-{secrets.token_hex(16)}").open("xb+")
        self._parts.append(part)
        return part

    def close(self) -> None:
        """Remove what was written and not taken, also of a form that broke off; Flask calls it in the end."""
        for part in self._parts:
            Path(part.name).unlink(missing_ok=True)
            with suppress(OSError):  # what is still to be written has no room on a full disk
                part.close()
        super().close()


def upload_from_form(application: Application, request: Request) -> tuple[Response, int]:
    """Take the form's file into the library: 201, or 200 with ``duplicate_of`` when an asset has this content."""
    request.max_content_length = MAX_BYTES + FORM_BYTES
    names = list(request.files)
    if names != ["file"] or len(request.files.getlist("file")) != 1:
        raise ApiError(400, "the form must have one file, named file")
    file = request.files["file"]
    name = file.filename or ""
    target = application.uploads.target_of(name)
    file.stream.flush()
    title = clean_title(request.form.get("title", "")) or title_of(name)
    outcome = application.uploads.adopt(Path(file.stream.name), target, title=title)
    application.hub.wake()
    response = jsonify(outcome.asset.to_json() | ({"duplicate_of": outcome.asset.id} if outcome.is_duplicate else {}))
    response.headers["Location"] = f"{application.config.api_prefix}/assets/{outcome.asset.id}"
    return response, 200 if outcome.is_duplicate else 201
