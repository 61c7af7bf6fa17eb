"""[inet_http_server] becomes the address at which the same tools find the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mamctl.core.manifest.listening import Control
from mamctl.runtime.manifest import inspect
from tests.convert.imports import imported

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = "[program:web]\ncommand=sleep 1\n"


def taken(folder: Path, text: str) -> tuple[Control | None, list[str]]:
    """Import a file; return where the stack answers, and the report."""
    (folder / "supervisord.conf").write_text(text)
    result = imported(folder / "supervisord.conf")
    (folder / "services.yaml").write_text(result.text)
    manifest = inspect(str(folder / "services.yaml"), environ={"HOME": "/"})
    return manifest.control, [f"{note.key}: {note.message}" for note in result.notes]


@pytest.mark.parametrize(
    ("port", "host"), [("127.0.0.1:9001", "127.0.0.1"), ("localhost:9001", "localhost"), ("[::1]:9001", "::1")]
)
def test_an_address_of_this_machine_stays(tmp_path: Path, port: str, host: str) -> None:
    assert taken(tmp_path, f"{PROGRAM}[inet_http_server]\nport={port}\n") == (Control(host, 9001, xmlrpc=True), [])


@pytest.mark.parametrize("port", ["*:9001", ":9001", "9001", "0.0.0.0:9001", "10.0.0.5:9001", "box.example:9001"])
def test_one_that_others_reach_is_closed_to_them_and_that_is_told(tmp_path: Path, port: str) -> None:
    control, notes = taken(tmp_path, f"[inet_http_server]\nport = {port}\n{PROGRAM}")
    assert control == Control("127.0.0.1", 9001, xmlrpc=True)
    assert notes == [
        "inet_http_server.port: only this machine reaches it here; naming a token_file beside it opens it to others"
    ]


def test_name_and_password_are_told_and_not_taken_over(tmp_path: Path) -> None:
    control, notes = taken(tmp_path, f"{PROGRAM}[inet_http_server]\nport=localhost:1\nusername=u\npassword=pwd123\n")
    assert control is not None
    assert [note.partition(":")[0] for note in notes] == ["inet_http_server.username", "inet_http_server.password"]
    assert all("the token in .mamctl/token" in note for note in notes)
    assert "pwd123" not in (tmp_path / "services.yaml").read_text()


@pytest.mark.parametrize(
    "port", ["", "port=\n", "port=x\n", "port=localhost:0\n", "port=1:2:3\n", "port=%(ENV_X)s:1\n"]
)
def test_what_is_no_address_is_told(tmp_path: Path, port: str) -> None:
    control, notes = taken(tmp_path, f"{PROGRAM}[inet_http_server]\n{port}")
    assert control is None
    assert notes[0].startswith("inet_http_server")


def test_the_port_of_a_service_is_not_taken_from_it(tmp_path: Path) -> None:
    program = "[fcgi-program:php]\nsocket=tcp://localhost:9001\ncommand=sleep 1\n"
    control, notes = taken(tmp_path, f"[inet_http_server]\nport=localhost:9001\n{program}")
    assert control is None
    assert any("port 9001 is that of a service" in note for note in notes)
