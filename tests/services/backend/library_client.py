"""The backend's application served from a thread of the test: quick to start, and its parts can be reached."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from running_backend import wait_for

from services.backend.app.application import Application
from services.backend.app.asgi import create_asgi
from services.backend.app.config import Config
from services.backend.app.listener import PunctualServer, listen, url_of
from services.backend.app.patience import PatientProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

A = "/api/v1/assets"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"
"""Enough of a picture to be taken in: nothing here decodes."""


class LibraryClient(httpx.Client):
    def __init__(self, url: str, folder: Path, application: Application) -> None:
        super().__init__(base_url=url, timeout=10, trust_env=False)
        self.folder = folder
        self.application = application

    @property
    def media(self) -> Path:
        return self.folder / "media"

    def file(self, path: str, content: bytes = JPEG) -> Path:
        place = self.media / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return place

    def add(self, path: str, content: bytes | None = None, **changes: Any) -> int:
        """Register a file that is made for it, and edit it."""
        self.file(path, content or JPEG + path.encode())
        number = self.post(A, json={"file_path": path}).json()["id"]
        if changes:
            assert self.patch(f"{A}/{number}", json=changes).status_code == 200
        return number

    def items(self, **query: Any) -> list[dict]:
        answer = self.get(A, params={"sort": "title", "order": "asc", **query})
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    def paths(self, **query: Any) -> list[str]:
        return [item["file_path"] for item in self.items(**query)]


@contextmanager
def library_client(folder: Path, **settings: Any) -> Iterator[LibraryClient]:
    (folder / "media").mkdir(exist_ok=True)
    config = Config(media_base_path=folder / "media", data_dir=folder / "data", **settings)
    application = Application(config)
    options = uvicorn.Config(
        create_asgi(application), log_config=None, http=PatientProtocol, proxy_headers=False, lifespan="on"
    )
    server = PunctualServer(options)
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_for(lambda: server.started or not thread.is_alive(), "the application listens")
            with LibraryClient(url_of(listener), folder, application) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(10)
