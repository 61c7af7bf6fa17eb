"""A home has one supervisor at a time, for one manifest."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mamctl.core.errors import UsageError
from mamctl.runtime.ownership import TakenError, is_owned, own, require_same

if TYPE_CHECKING:
    import pathlib


@pytest.fixture
def manifest(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "services.yaml"
    path.touch()
    return str(path)


def test_a_second_owner_is_refused_until_the_first_lets_go(tmp_path: pathlib.Path, manifest: str) -> None:
    first = own(str(tmp_path), manifest)
    with pytest.raises(TakenError, match="another supervisor runs here already"):
        own(str(tmp_path), manifest)
    os.close(first)
    os.close(own(str(tmp_path), manifest))


def test_a_home_is_owned_while_somebody_has_it_and_asking_takes_nothing(tmp_path: pathlib.Path, manifest: str) -> None:
    assert not is_owned(str(tmp_path))
    first = own(str(tmp_path), manifest)
    assert is_owned(str(tmp_path))
    os.close(first)
    assert not is_owned(str(tmp_path))
    os.close(own(str(tmp_path), manifest))


def test_an_owner_that_was_killed_holds_nothing(tmp_path: pathlib.Path, manifest: str) -> None:
    code = "import sys, os, mamctl.runtime.ownership as o; o.own(*sys.argv[1:]); os.write(1, b'!'); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), manifest], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.read(1) == b"!"
        with pytest.raises(TakenError):
            own(str(tmp_path), manifest)
        other.kill()
    os.close(own(str(tmp_path), manifest))


def test_the_lock_is_not_inherited_and_for_its_user_alone(tmp_path: pathlib.Path, manifest: str) -> None:
    lock = own(str(tmp_path), manifest)
    assert not os.get_inheritable(lock)
    assert os.fstat(lock).st_mode & 0o777 == 0o600
    os.close(lock)


@pytest.mark.parametrize("running", [True, False])
def test_the_home_of_another_manifest_is_refused_with_a_hint(
    tmp_path: pathlib.Path, manifest: str, running: bool
) -> None:
    """Also while its supervisor runs: else we would become the client of a stack that is not ours."""
    lock = own(str(tmp_path), manifest)
    if not running:
        os.close(lock)
    other = tmp_path / "other.yaml"
    other.touch()
    with pytest.raises(UsageError, match=f"belongs to {manifest}") as caught:
        own(str(tmp_path), str(other))
    assert "MAMCTL_HOME" in str(caught.value.hint)
    require_same(str(tmp_path), manifest)
    if running:
        os.close(lock)


def test_a_manifest_that_was_moved_away_gives_its_home_free(tmp_path: pathlib.Path, manifest: str) -> None:
    os.close(own(str(tmp_path), manifest))
    os.rename(manifest, f"{manifest}.new")
    os.close(own(str(tmp_path), f"{manifest}.new"))
    assert (tmp_path / "lock").read_text() == f"{manifest}.new"


def test_a_manifest_reached_through_a_link_is_the_same_one(tmp_path: pathlib.Path, manifest: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    os.close(own(str(tmp_path), manifest))
    require_same(str(tmp_path), str(tmp_path / "link" / "services.yaml"))


def test_a_shorter_name_leaves_nothing_of_a_longer_one(tmp_path: pathlib.Path) -> None:
    long, short = str(tmp_path / ("x" * 100)), str(tmp_path / "x")
    os.close(own(str(tmp_path), long))
    os.close(own(str(tmp_path), short))
    assert (tmp_path / "lock").read_text() == short


def test_a_home_that_nobody_used_is_anybodys(tmp_path: pathlib.Path, manifest: str) -> None:
    require_same(str(tmp_path), manifest)
    require_same(str(tmp_path / "none"), manifest)
