""".env.example against the services that read it: a copy of it as .env changes nothing, and every name has a reader."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml

from mamctl.core.manifest.dotenv import parse
from services.agent.app.settings import Settings
from services.backend.app.config import Config
from tests.docs.pages import ROOT

PAIRS, FAULTS = parse((ROOT / ".env.example").read_text(encoding="utf-8"))
READERS = {"backend": Config.from_environment, "agent": Settings.from_env}


class Asked(dict):
    """An environment that remembers which names were asked for."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.names = set()

    def get(self, name, default=None):
        self.names.add(name)
        return super().get(name, default)


def settings(service, pairs):
    """What a service makes of its environment, with whole paths."""
    found = READERS[service](pairs)
    values = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    return {name: value.absolute() if isinstance(value, Path) else value for name, value in values.items()}


def test_it_is_an_env_file():
    assert FAULTS == []


@pytest.mark.parametrize("service", READERS)
def test_a_copy_of_it_changes_nothing(service, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert settings(service, PAIRS) == settings(service, {})


@pytest.mark.parametrize("name", PAIRS)
def test_each_name_is_read_by_a_service(name):
    environment = Asked({})
    for read in READERS.values():
        read(environment)
    assert name in environment.names


@pytest.mark.parametrize("name", PAIRS)
def test_the_manifest_leaves_each_name_to_it(name):
    manifest = yaml.safe_load((ROOT / "services.yaml").read_text(encoding="utf-8"))
    layers = [manifest["env"], *(one.get("env", {}) for one in manifest["services"].values())]
    assert not [layer for layer in layers if name in layer]
