import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_django import PROJECT, RunningDjango, outcome, running_django

# The parts without Django are tested in this process, under the name that the project itself uses.
sys.path.insert(0, str(PROJECT))


@pytest.fixture(scope="session")
def django(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDjango]:
    """One migrated server for all tests that leave it as it is."""
    data = tmp_path_factory.mktemp("data")
    code, _, complaints = outcome(("-m", "services.django", "migrate"), data)
    assert (code, complaints) == (0, "")
    with running_django(data) as server:
        yield server


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that does not exist yet."""
    return tmp_path / "data"
