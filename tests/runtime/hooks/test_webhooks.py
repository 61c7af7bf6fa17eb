"""Hooks that are calls, against real servers: good ones, bad ones, and one that never answers."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.core.manifest.hooks import Hook
from mamctl.runtime.hooks import webhook
from tests.runtime.hooks.stage import staged

if TYPE_CHECKING:
    import pathlib
    from collections.abc import AsyncIterator


class Server:
    """Answers each request with the next of its answers (the last one again and again), and keeps what it was sent."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[list[str], dict[str, Any]]] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            length = next(int(line.split(":")[1]) for line in head if line.startswith("Content-Length"))
            self.requests.append((head, json.loads(await reader.readexactly(length))))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


def answer(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()


@asynccontextmanager
async def serving(*answers: bytes | None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    found = Server(*answers)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        await server.wait_closed()


async def called(tmp_path: pathlib.Path, url: str, seconds: float = 5.0) -> list[str]:
    """Let a webhook be called; return the warnings."""
    async with staged(tmp_path, Hook(url=url, timeout=seconds)) as stage:
        stage.happens("started", detail="well")
        await stage.hooks.settle()
    return stage.warnings


def test_the_event_is_posted_as_json(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with serving(answer("204 No Content")) as server:
            assert await called(tmp_path, f"http://me:s%20x@127.0.0.1:{server.port}/hook?a=1") == []
            ((head, told),) = server.requests
        assert head[0] == "POST /hook?a=1 HTTP/1.1"
        assert f"Host: 127.0.0.1:{server.port}" in head
        assert "Content-Type: application/json" in head
        assert "Authorization: Basic bWU6cyB4" in head
        assert (told["service"], told["type"], told["hook"], told["project"]) == ("web", "started", "on_ready", "test")
        assert told["seq"] == 1

    asyncio.run(scenario())


def test_an_error_of_the_server_is_tried_once_more(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with serving(answer("503 Busy"), answer("200 OK")) as server:
            assert await called(tmp_path, f"http://127.0.0.1:{server.port}/") == []
            assert len(server.requests) == 2
        async with serving(answer("500 Broken")) as server:
            (warning,) = await called(tmp_path, f"http://127.0.0.1:{server.port}/secret-path")
            assert warning == f"hook on_ready failed: http://127.0.0.1:{server.port} answered 500"
            assert len(server.requests) == 2

    asyncio.run(scenario())


def test_a_refusal_is_not_tried_again(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with serving(answer("404 Not Found")) as server:
            (warning,) = await called(tmp_path, f"http://127.0.0.1:{server.port}/")
            assert warning.endswith("answered 404")
            assert len(server.requests) == 1

    asyncio.run(scenario())


def test_a_redirect_is_not_followed(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with serving(answer("200 OK")) as elsewhere:
            async with serving(answer("302 Found", f"Location: http://127.0.0.1:{elsewhere.port}/")) as server:
                (warning,) = await called(tmp_path, f"http://127.0.0.1:{server.port}/")
            assert warning.endswith("answered 302: redirects are not followed")
            assert elsewhere.requests == []

    asyncio.run(scenario())


def test_one_that_never_answers_has_its_time_and_no_more(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with serving(None) as server:
            (warning,) = await called(tmp_path, f"http://127.0.0.1:{server.port}/", seconds=0.3)
        assert warning == f"hook on_ready failed: http://127.0.0.1:{server.port} did not answer within 0.3 s"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("said", "why"), [(b"", "does not speak HTTP"), (b"SSH-2.0-x\r\n", "does not speak HTTP"), (b"x" * 10_000, "")]
)
def test_one_that_speaks_something_else_is_told(tmp_path: pathlib.Path, said: bytes, why: str) -> None:
    async def scenario() -> None:
        async with serving(said) as server:
            (warning,) = await called(tmp_path, f"http://127.0.0.1:{server.port}/")
        assert why in warning

    asyncio.run(scenario())


def test_nobody_there_and_no_such_host_are_told(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with serving(answer("200 OK")) as server:
            port = server.port
        (warning,) = await called(tmp_path, f"http://127.0.0.1:{port}/")
        assert warning.endswith("connection refused")
        (warning,) = await called(tmp_path, "http://no-such-host.invalid/")
        assert warning.startswith("hook on_ready failed: http://no-such-host.invalid: ")

    asyncio.run(scenario())


@pytest.fixture
def certificate(tmp_path: pathlib.Path) -> pathlib.Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not there to make a certificate")
    made = tmp_path / "own.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", made, "-out", tmp_path / "cert.pem",
         "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    with made.open("a") as file:
        file.write((tmp_path / "cert.pem").read_text())
    return made


def test_https_is_spoken_to_whom_this_machine_trusts_and_to_nobody_else(
    tmp_path: pathlib.Path, certificate: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)

    async def scenario() -> None:
        async with serving(answer("200 OK"), tls=tls) as server:
            url = f"https://127.0.0.1:{server.port}/"
            (warning,) = await called(tmp_path, url)
            assert "its certificate is not trusted: self-signed certificate" in warning
            assert server.requests == []
            trust = ssl.create_default_context(cafile=str(certificate))
            monkeypatch.setattr(webhook, "_trust", lambda: trust)
            assert await called(tmp_path, url) == []
            assert len(server.requests) == 1

    asyncio.run(scenario())
