"""One server and one backend for the tests that change neither."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from backend_double import BackendDouble, running_backend
from running_frontend import REPOSITORY, Frontend, running_frontend

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def pages() -> None:
    """Build the pages if they are not there; when they are, this only compares."""
    subprocess.run([sys.executable, "-m", "services.frontend.build"], cwd=REPOSITORY, check=True, timeout=600)


@pytest.fixture(scope="session")
def backend() -> Iterator[BackendDouble]:
    with running_backend() as server:
        yield server


@pytest.fixture(scope="session")
def frontend(pages: None, backend: BackendDouble) -> Iterator[Frontend]:
    with running_frontend(BACKEND_URL=backend.url) as server:
        yield server
