"""A model double and an agent that asks it, for each test; the real model for the tests of the whole."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from model_double import ModelDouble
from running_agent import RunningAgent, running_agent

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lmstudio"))  # the real model is started from there


@pytest.fixture
def double() -> Iterator[ModelDouble]:
    server = ModelDouble()
    yield server
    server.close()


@pytest.fixture
def agent(tmp_path: Path, double: ModelDouble) -> Iterator[RunningAgent]:
    with running_agent(tmp_path, double.url) as started:
        yield started


@pytest.fixture(scope="session")
def real_model_url() -> Iterator[str]:
    from running_lmstudio import running_model

    with running_model() as model:
        model.wait_until_loaded()
        yield model.url
