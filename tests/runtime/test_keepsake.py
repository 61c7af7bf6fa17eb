"""The manifest that holds comes back whole from memory; what another version put there is nothing."""

from __future__ import annotations

import errno
import os
import pathlib
import pickle

import pytest

from mamctl.core.manifest.model import Manifest
from mamctl.runtime.custody import NoCustody
from mamctl.runtime.keepsake import NAME, keep_manifest, kept_manifest, shape
from mamctl.runtime.manifest import load
from tests.runtime.stack import descriptors

ROOT = pathlib.Path(__file__).parent.parent.parent


class Keeper(NoCustody):
    """Keeps in this process."""

    def __init__(self) -> None:
        self.kept: dict[str, list[int]] = {}

    def keep(self, name, descriptors, note=None):
        for descriptor in self.kept.pop(name, []):
            os.close(descriptor)
        self.kept[name] = [os.dup(descriptor) for descriptor in descriptors]

    def drop(self, name):
        self.keep(name, [])

    def take(self, name):
        return [os.dup(descriptor) for descriptor in self.kept.get(name, [])]


@pytest.fixture
def keeper():
    before = descriptors()
    found = Keeper()
    yield found
    found.keep(NAME, [])
    assert descriptors() == before


def test_the_shipped_manifest_comes_back_as_it_was_and_as_often_as_it_is_asked_for(keeper):
    manifest = load(str(ROOT / "services.yaml"), environ=os.environ)
    keep_manifest(keeper, manifest)
    assert kept_manifest(keeper) == manifest == kept_manifest(keeper)


def test_what_comes_back_cannot_be_written_either(keeper):
    manifest = load(str(ROOT / "services.yaml"), environ=os.environ)
    keep_manifest(keeper, manifest)
    found = kept_manifest(keeper)
    with pytest.raises(TypeError):
        found.services["new"] = None


def test_the_last_one_that_was_kept_holds(keeper):
    first = load(str(ROOT / "services.yaml"), environ=os.environ)
    second = Manifest("other", "/m", "/", {})
    keep_manifest(keeper, first)
    keep_manifest(keeper, second)
    assert kept_manifest(keeper) == second


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        pickle.dumps({"a": "dict"}),
        pickle.dumps(None),
        pickle.dumps((["Manifest.name"], Manifest("m", "/m", "/", {}))),
        pickle.dumps((shape(), Manifest("m", "/m", "/", {})))[:-5],
        pickle.dumps((shape(), Manifest("m", "/m", "/", {}))).replace(b"Manifest", b"Manifold"),
        pickle.dumps((shape(), Manifest("m", "/m", "/", {}))).replace(b"mamctl.core", b"mamctl.kern"),
    ],
    ids=["empty", "no pickle", "a dict", "nothing", "other fields", "cut off", "another class", "another module"],
)
def test_what_another_version_kept_is_nothing(keeper, content):
    with open(os.memfd_create("x"), "wb") as memory:
        memory.write(content)
        memory.flush()
        keeper.keep(NAME, [memory.fileno()])
    assert kept_manifest(keeper) is None


def test_without_memory_for_a_new_one_the_old_one_is_let_go(keeper, monkeypatch):
    def full(_name):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    keep_manifest(keeper, Manifest("old", "/m", "/", {}))
    monkeypatch.setattr(os, "memfd_create", full)
    keep_manifest(keeper, Manifest("new", "/m", "/", {}))
    assert kept_manifest(keeper) is None


def test_without_custody_nothing_is_kept_and_nothing_found():
    before = descriptors()
    keep_manifest(NoCustody(), Manifest("m", "/m", "/", {}))
    assert kept_manifest(NoCustody()) is None
    assert descriptors() == before
