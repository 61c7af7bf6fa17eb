import sys
from collections.abc import Iterator

import pytest
from api_fake_backend import FakeBackend, documented, fake_backend
from running_api import API, RunningApi, running_api

# The pure parts are tested in this process, under the name that the server itself uses.
sys.path.insert(0, str(API))


@pytest.fixture(scope="session")
def _backend() -> Iterator[FakeBackend]:
    with fake_backend() as server:
        yield server


@pytest.fixture(scope="session")
def _api(_backend: FakeBackend) -> Iterator[RunningApi]:
    with running_api(BACKEND_URL=_backend.url, BACKEND_READ_TIMEOUT="0.3", BACKEND_CONNECT_TIMEOUT="0.3") as api:
        yield api


@pytest.fixture
def backend(_backend: FakeBackend) -> Iterator[FakeBackend]:
    """The backend that `api` asks, on its best behaviour at the start of each test."""
    _backend.behaviour = documented
    _backend.requests.clear()
    _backend.released.clear()
    yield _backend
    _backend.behaviour = documented
    _backend.released.set()


@pytest.fixture
def api(_api: RunningApi, backend: FakeBackend) -> RunningApi:
    """One server for all tests that leave it running; impatient with its backend (0.3 s)."""
    return _api
