"""One loaded model for all tests of this folder."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_lmstudio import RunningModel, running_model

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # `services` is not an installed package


@pytest.fixture(scope="session")
def model() -> Iterator[RunningModel]:
    with running_model() as started:
        started.wait_until_loaded()
        yield started
