import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The services are no installed package: they are run from the repository.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from backend_media import clip, picture
from library_client import LibraryClient, library_client
from running_backend import RunningBackend, running_backend


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBackend]:
    """One server with three ready assets, for all tests that leave them as they are."""
    folder = tmp_path_factory.mktemp("library")
    picture(folder / "media" / "beach.jpg", (640, 480))
    picture(folder / "media" / "trips" / "alps.png", (300, 400))
    clip(folder / "media" / "trips" / "train.mp4")
    with running_backend(folder) as server:
        server.wait_until_ready(3)
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of one's own with an empty media folder."""
    (tmp_path / "media").mkdir()
    return tmp_path


@pytest.fixture(scope="module")
def shared_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibraryClient]:
    """A library for the tests of a module that ask for what is refused."""
    with library_client(tmp_path_factory.mktemp("shared")) as client:
        client.add("a.jpg")
        yield client


@pytest.fixture
def api(tmp_path: Path) -> Iterator[LibraryClient]:
    """An empty library of one's own, in this process."""
    with library_client(tmp_path) as client:
        yield client
