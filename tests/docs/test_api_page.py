"""docs/api.md against the endpoints, the errors, the metrics and the clients."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys

from mamctl import Client
from mamctl.control import place, server
from mamctl.control.endpoint import TABLE
from mamctl.control.openapi import document
from mamctl.runtime.views import Views
from tests.docs.pages import code, fences, page, sections, tables
from tests.docs.transcript import environment
from tests.runtime.stack import Stack, service

PAGE = page("api.md")
SECTIONS = sections(PAGE)


def test_every_endpoint_is_listed_and_no_other():
    listed = {code(row["Request"])[0] for row in tables(SECTIONS["Endpoints"])[0]}
    assert listed == {f"{one.method} {one.path}" for one in TABLE.all}


def test_every_status_is_explained():
    listed = {row["Status"] for row in tables(SECTIONS["Errors"])[0]}
    operations = [operation for methods in document()["paths"].values() for operation in methods.values()]
    assert listed == {status for one in operations for status in one["responses"]} - {"101", "200"}


def test_the_numbers_are_those_of_the_code():
    text = SECTIONS["Over TCP"]
    assert f"At most {server.MOST_TCP_CONNECTIONS} connections" in text
    assert f"Unix socket ({server.MOST_CONNECTIONS})" in text
    assert f"1 to {server.LONGEST_ID} characters" in SECTIONS["Endpoints"]


def test_a_socket_with_a_long_path_is_where_it_says(tmp_path):
    assert f"more than {place.LONGEST_SOCKET} bytes" in PAGE
    manifest = str(tmp_path / ("long" * 30) / "services.yaml")
    assert "$XDG_RUNTIME_DIR/mamctl" in PAGE
    assert place.place(manifest, {"XDG_RUNTIME_DIR": "/run/you"}).socket.startswith("/run/you/mamctl/")
    assert place.place(manifest, {}).socket.startswith(f"/tmp/mamctl-{os.getuid()}/")


def test_every_method_of_the_client_is_listed_with_its_parameters():
    listed = {}
    for row in tables(SECTIONS["From Python"])[0]:
        for call in code(row["Method"]):
            name, _, words = call.removesuffix(")").partition("(")
            listed[name] = words.split(", ") if words else []
    methods = {name: found for name, found in vars(Client).items() if inspect.isfunction(found) and name[0] != "_"}
    assert listed.keys() == methods.keys()
    for name, words in listed.items():
        known = inspect.signature(methods[name]).parameters
        assert {word.lstrip("*") for word in words} <= known.keys(), name


def test_every_metric_is_listed_with_its_kind_and_labels(tmp_path):
    rows = {code(row["Metric"])[0]: (row["Kind"], row["Labels"]) for row in tables(SECTIONS["Metrics"])[0]}
    stack = Stack(
        tmp_path, {"web": service("--port", 0, ready={"exec": ["true"]}), "done": service("--exit", 0, kind="task")}
    )

    async def scenario():
        async with stack.managed() as manager:
            await manager.up()
            return await Views(manager.hands).figures()

    found = {}
    for name, kind, _, samples in asyncio.run(scenario()):
        labels = [label for label in samples[0][1] if label != "le"]
        found[name] = (kind, ", ".join(labels))
    assert rows == found


def test_the_program_runs(tmp_path):
    (tmp_path / "services.yaml").write_text("services: {web: {command: [sleep, '100']}}\n")
    (example,) = (fence for fence in fences(PAGE) if fence.language == "python")
    up = [sys.executable, "-m", "mamctl", "up", "-d"]
    run = {"cwd": tmp_path, "env": environment(), "capture_output": True, "text": True, "timeout": 60}
    try:
        assert subprocess.run(up, check=False, **run).returncode == 0
        done = subprocess.run([sys.executable, "-c", example.text], check=False, **run)
        assert (done.stderr, done.returncode) == ("", 0)
        assert done.stdout.startswith("all well\n")
        assert "started web" in done.stdout
    finally:
        subprocess.run([sys.executable, "-m", "mamctl", "down"], check=False, **run)
