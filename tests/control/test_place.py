"""Where a stack's files lie, and what becomes of a socket's path that the system would not take."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from mamctl.control.listener import Listener
from mamctl.control.place import LONGEST_SOCKET, place

if TYPE_CHECKING:
    import pathlib


def test_all_lies_beside_the_manifest() -> None:
    found = place("/srv/stack/services.yaml", {})
    assert found.folder == "/srv/stack"
    assert found.socket == "/srv/stack/.mamctl/control.sock"
    assert (found.logs, found.events, found.journal) == (
        "/srv/stack/logs", "/srv/stack/.mamctl/events", "/srv/stack/.mamctl/journal",
    )  # fmt: skip


def test_a_home_of_ones_own_moves_all_but_the_logs() -> None:
    found = place("/srv/stack/services.yaml", {"MAMCTL_HOME": "/var/x"})
    assert (found.home, found.socket, found.logs) == ("/var/x", "/var/x/control.sock", "/srv/stack/logs")


@pytest.mark.parametrize(
    ("environ", "folder"),
    [({"XDG_RUNTIME_DIR": "/run/user/7"}, "/run/user/7/mamctl"), ({}, f"/tmp/mamctl-{os.getuid()}")],
)
def test_a_long_path_moves_the_socket_to_the_users_runtime_folder(environ: dict[str, str], folder: str) -> None:
    one = place(f"/srv/{'x' * LONGEST_SOCKET}/services.yaml", environ).socket
    other = place(f"/srv/{'y' * LONGEST_SOCKET}/services.yaml", environ).socket
    assert os.path.dirname(one) == os.path.dirname(other) == folder
    assert one != other


def test_a_socket_can_be_bound_in_a_folder_with_a_long_name(tmp_path: pathlib.Path) -> None:
    deep = tmp_path / ("é" * 60) / ("x" * 60)
    listener = Listener(place(str(deep / "services.yaml"), {"XDG_RUNTIME_DIR": str(tmp_path / "run")}).socket)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(listener.path)
    listener.close()
