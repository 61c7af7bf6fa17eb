"""Steps of a smoke run against real servers, commands and sockets."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.runtime.manifest import load
from mamctl.runtime.smoke.run import Run
from tests.runtime.smoke.servers import reply, talker, web
from tests.runtime.stack import lives
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib

    from mamctl.core.manifest.steps import SmokeStep
    from mamctl.runtime.smoke.result import Result


class Quiet:
    """Hears everything and says nothing."""

    def begins(self, step: SmokeStep) -> None:
        pass

    def ends(self, result: Result) -> None:
        pass


async def tried(folder: pathlib.Path, *steps: dict[str, Any], **options: Any) -> list[Result]:
    """Run steps of a manifest with one service, `web`, which nobody starts."""
    import json

    service = {"command": ["true"], "port": 1, "env": {"OF_WEB": "yes"}, "cwd": str(folder)}
    (folder / "services.yaml").write_text(json.dumps({"services": {"web": service}, "smoke": list(steps)}))
    manifest = load(str(folder / "services.yaml"), environ=os.environ)
    run = Run(manifest, {**os.environ, "MAMCTL_INSTANCE": "x/y/z"}, Quiet(), **options)
    async with asyncio.timeout(20):
        await run.run()
    return run.results


def verdicts(results: list[Result]) -> list[str]:
    return [str(result.verdict) for result in results]


def http(port: int, path: str = "/", **more: Any) -> dict[str, Any]:
    return {"name": path, "http": f"http://127.0.0.1:{port}{path}", **more}


def test_a_good_answer_is_good_in_every_way(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        async with web(
            lambda _: reply({"a": {"b": 1, "c": 2}, "l": [1]}, "201 Created", X_Kind="a long value")
        ) as server:
            expect = {
                "status": [200, 201], "json": {"a": {"b": 1}, "l": [1]}, "body": r'"c": \d', "latency": "5s",
                "header": {"content-type": "application/json", "X-Kind": {"exact": "a long value"}},
            }  # fmt: skip
            (result,) = await tried(tmp_path, http(server.port, expect=expect))
        assert (str(result.verdict), result.tries, result.detail, result.kind) == ("passed", 1, None, "http")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("expect", "detail"),
    [
        ({}, 'status is 500, expected below 400; it said: {"a": 1}'),
        ({"status": 200}, 'status is 500, expected 200; it said: {"a": 1}'),
        ({"status": 500, "json": {"a": 2}}, "json.a is 1, expected 2"),
        ({"status": 500, "json": {"b": 2}}, "json.b is missing, expected 2"),
        ({"status": 500, "json": [1]}, 'json is {"a": 1}, expected [1]'),
        ({"status": 500, "body": "^b"}, 'the text is {"a": 1}, expected to match ^b'),
        (
            {"status": 500, "header": {"content-type": "html"}},
            'header content-type is "application/json; charset=utf-8", expected one that holds "html"',
        ),
        (
            {"status": 500, "header": {"content-type": {"exact": "application/json"}}},
            'header content-type is "application/json; charset=utf-8", expected "application/json"',
        ),
        ({"status": 500, "header": {"etag": "x"}}, 'header etag is missing, expected one that holds "x"'),
    ],
)
def test_what_is_not_as_expected_is_told_with_what_came(tmp_path: pathlib.Path, expect: Any, detail: str) -> None:
    async def main() -> None:
        async with web(lambda _: reply({"a": 1}, "500 Oh")) as server:
            (result,) = await tried(tmp_path, http(server.port, expect=expect))
        assert (str(result.verdict), result.detail) == ("failed", detail)

    asyncio.run(main())


def test_an_answer_that_is_no_json_or_too_slow_is_told(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        async with web(lambda _: reply("plain words")) as server:
            results = await tried(
                tmp_path, http(server.port, expect={"json": {}}), http(server.port, "/b", expect={"latency": "1ms"})
            )
        assert results[0].detail == "the answer is no JSON; it said: plain words"
        assert results[1].detail is None or results[1].detail.endswith("expected at most 1 ms")

    asyncio.run(main())


def test_a_request_is_sent_as_it_is_written(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        async with web(lambda _: reply({})) as server:
            url = f"http://127.0.0.1:{server.port}/x y".replace(" ", "%20")
            await tried(
                tmp_path,
                {"http": {"url": url, "method": "PUT", "headers": {"X-A": "b"}, "json": {"n": [1, None]}}},
                {"http": {"url": url, "method": "POST", "body": "plain"}},
            )
            first, second = server.asked
        assert first.startswith(b"PUT /x%20y HTTP/1.1\r\n")
        assert b"x-a: b\r\n" in first.lower()
        assert b"content-type: application/json\r\n" in first.lower()
        assert first.endswith(b'\r\n\r\n{"n": [1, null]}')
        assert second.endswith(b"\r\n\r\nplain")

    asyncio.run(main())


def test_redirects_are_answers_unless_they_are_to_be_followed(tmp_path: pathlib.Path) -> None:
    def answer(request: bytes) -> bytes:
        return reply("there") if b" /b " in request else reply("", "302 Found", Location="/b")

    async def main() -> None:
        async with web(answer) as server:
            url = f"http://127.0.0.1:{server.port}/a"
            results = await tried(
                tmp_path,
                {"name": "a", "http": url, "expect": {"status": 302}},
                {"name": "b", "http": {"url": url, "redirects": True}, "expect": {"status": 200, "body": "there"}},
            )
        assert verdicts(results) == ["passed", "passed"]

    asyncio.run(main())


def test_silence_ends_with_the_timeout_and_a_closed_port_at_once(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        async with web(lambda _: None) as server:
            results = await tried(
                tmp_path,
                http(server.port, timeout="100ms"),
                http(1, "/b"),
                {"tcp": "127.0.0.1:1"},
                {"tcp": f"127.0.0.1:{server.port}"},
            )
        assert [result.detail for result in results] == [
            "no answer within 0.1 s",
            "http://127.0.0.1:1/b cannot be reached: connection refused",
            "127.0.0.1:1 cannot be reached: connection refused",
            None,
        ]

    asyncio.run(main())


def test_an_answer_that_breaks_off_and_one_that_is_no_http_are_told(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        async with web(lambda r: b"nonsense\r\n\r\n" if b" /b" in r else reply("12345")[:-3]) as server:
            results = await tried(tmp_path, http(server.port, "/a"), http(server.port, "/b"))
        assert verdicts(results) == ["failed", "failed"]
        assert all("cannot be asked: " in (result.detail or "") for result in results)

    asyncio.run(main())


def test_a_stream_of_events_is_judged_by_its_head(tmp_path: pathlib.Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"

    async def main() -> None:
        async with web(lambda _: head) as server:
            results = await tried(tmp_path, http(server.port, expect={"header": {"content-type": "event-stream"}}))
        assert verdicts(results) == ["passed"]

    asyncio.run(main())


def test_tries_go_on_within_the_time(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        async with web(lambda _: reply({}, "200 OK" if len(server.asked) > 3 else "503 Busy")) as server:
            results = await tried(tmp_path, http(server.port, within="10s"))
        assert (verdicts(results), results[0].tries) == (["passed"], 4)

    asyncio.run(main())


def test_when_the_time_is_over_the_last_try_is_told(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        async with web(lambda _: reply({}, "503 Busy")) as server:
            (result,) = await tried(tmp_path, http(server.port, within="400ms"))
        assert result.detail is not None
        assert result.detail.startswith("status is 503, expected below 400; it said: {} (the last of ")
        assert 0.3 < result.seconds < 2
        assert result.tries > 2

    asyncio.run(main())


def test_what_is_saved_is_used_by_later_steps_with_its_type(tmp_path: pathlib.Path) -> None:
    def answer(request: bytes) -> bytes:
        if request.startswith(b"POST"):
            return reply({"item": {"id": 7, "tags": ["a.b", "c"]}}, "201 Created", Location="/items/7")
        return reply({"id": 7, "text": "x a.b", "n": "7"})

    async def main() -> None:
        async with web(answer) as server:
            url = f"http://127.0.0.1:{server.port}"
            save = {"id": "json.item.id", "tag": "json.item.tags.0", "where": "header.location", "code": "status"}
            results = await tried(
                tmp_path,
                {"name": "a", "http": {"url": url, "method": "POST"}, "save": save},
                {
                    "name": "b",
                    "http": url + "${where}?c=${code}",
                    "expect": {"json": {"id": "${id}", "n": "7"}, "body": "x ${tag}"},
                },
                {
                    "name": "c",
                    "http": {"url": url, "json": {"id": "${id}", "s": "n${id}"}},
                    "expect": {"body": "x.${tag}x"},
                },
                {
                    "name": "d",
                    "exec": ["echo", "${id}", "${tag}"],
                    "expect": {"body": "^7 a.b$"},
                    "save": {"out": "body"},
                },
                {"name": "e", "exec": ["test", "${out}", "=", "7 a.b"]},
            )
            assert server.asked[1].startswith(b"GET /items/7?c=201 ")
            assert server.asked[2].endswith(b'{"id": 7, "s": "n7"}')
        assert verdicts(results) == ["passed", "passed", "failed", "passed", "passed"]

    asyncio.run(main())


def test_a_step_that_lacks_what_was_not_saved_is_skipped_and_others_are_not(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        async with web(lambda _: reply({"a": [1]})) as server:
            results = await tried(
                tmp_path,
                http(server.port, "/1", save={"id": "json.a.1"}),
                {"name": "b", "http": f"http://127.0.0.1:{server.port}/${{id}}"},
                http(server.port, "/3"),
                http(server.port, "/4", save={"x": "header.etag"}),
            )
        assert verdicts(results) == ["failed", "skipped", "passed", "failed"]
        assert [result.detail for result in results] == [
            "json.a.1 is missing; it said: [1]",
            "needs ${id}, which no step saved",
            None,
            "header etag is missing",
        ]

    asyncio.run(main())


def test_after_the_first_failure_the_rest_can_be_skipped(tmp_path: pathlib.Path) -> None:
    steps = [{"tcp": "127.0.0.1:1"}, {"exec": ["true"]}]
    results = asyncio.run(tried(tmp_path, *steps, fail_fast=True))
    assert verdicts(results) == ["failed", "skipped"]


# Commands -------------------------------------------------------------------------------------------------------------


def test_a_command_is_judged_by_its_exit_code_and_output(tmp_path: pathlib.Path) -> None:
    def shell(text: str, **more: Any) -> dict[str, Any]:
        return {"name": text, "exec": ["sh", "-c", text], **more}

    results = asyncio.run(
        tried(
            tmp_path,
            shell("echo '{\"a\": 1}'", expect={"json": {"a": 1}}, save={"a": "json.a"}),
            shell("exit 3", expect={"exit": [0, 3]}),
            shell("echo fine; echo 'it broke' >&2; exit 1"),
            shell("kill -9 $$$$"),
            {"exec": ["no-such-command-at-all"]},
            {"exec": {"command": ["true"], "cwd": "nowhere"}},
        )
    )
    assert [result.detail for result in results] == [
        None,
        None,
        "exit code is 1, expected 0; it said: it broke",
        "exit code is that of signal 9, expected 0",
        "command not found: no-such-command-at-all",
        f"there is no such folder: {tmp_path}/nowhere",
    ]


def test_a_command_runs_in_the_manifests_folder_or_as_its_service_does_and_is_part_of_none(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "sub").mkdir()
    own = {"command": ["sh", "-c", "pwd; echo $A$OF_WEB$PORT$MAMCTL_INSTANCE."], "env": {"A": "a"}, "cwd": "sub"}
    whole = ["sh", "-c", "echo $OF_WEB$PORT$MAMCTL_INSTANCE."]
    results = asyncio.run(
        tried(
            tmp_path,
            {"name": "own", "exec": own, "expect": {"body": f"^{tmp_path}/sub\na\\.\n$"}},
            {"name": "service", "service": "web", "exec": whole, "expect": {"body": "^yes1\\.\n$"}},
        )
    )
    assert [result.detail for result in results] == [None, None]


def test_a_late_command_is_ended_with_all_that_it_started_and_a_loud_one_is_not_held_up(tmp_path: pathlib.Path) -> None:
    late = ["sh", "-c", f"sleep 1000 & echo $! > {tmp_path}/pid; echo busy; wait"]
    loud = [sys.executable, "-c", "print('x' * 5_000_000)"]
    results = asyncio.run(
        tried(tmp_path, {"name": "late", "exec": late, "timeout": "300ms"}, {"name": "loud", "exec": loud})
    )
    assert results[0].detail == "sh did not end within 0.3 s; it said: busy"
    assert str(results[1].verdict) == "passed"
    pid = int((tmp_path / "pid").read_text())
    eventually(lambda: not lives(pid))


# WebSockets -----------------------------------------------------------------------------------------------------------


def test_a_message_is_sent_and_its_answer_found_among_others(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        async with talker({"type": "hello"}, "plain words") as port:
            url = f"ws://127.0.0.1:{port}/ws"
            results = await tried(
                tmp_path,
                {"name": "a", "websocket": {"url": url, "send": {"type": "ping", "n": 1}, "expect": {"type": "ping"}},
                 "save": {"n": "json.n"}},
                {"name": "b", "websocket": {"url": url, "send": "n=${n}", "expect": "^n=1$"}},
                {"name": "c", "websocket": {"url": url, "expect": "words"}},
                {"name": "d", "websocket": url},
            )  # fmt: skip
        assert [result.detail for result in results] == [None, None, None, None]

    asyncio.run(main())


def test_a_kept_socket_gives_what_came_before_it_was_asked_and_in_any_order(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        async with talker({"n": 1}, {"n": 2}, {"n": 3}) as port:
            results = await tried(
                tmp_path,
                {"name": "a", "websocket": {"url": f"ws://127.0.0.1:{port}", "expect": {"n": 3}, "keep": "k"}},
                {"name": "b", "websocket": {"kept": "k", "expect": {"n": 1}}},
                {"name": "c", "websocket": {"kept": "k", "send": {"n": 4}, "expect": {"n": 4}}},
                {"name": "d", "websocket": {"kept": "k", "expect": {"n": 1}}, "timeout": "100ms"},
            )
        assert verdicts(results) == ["passed", "passed", "passed", "failed"]
        assert results[3].detail == 'no message like {"n": 1} within 0.1 s: 4 came, the last: {"n": 2}'

    asyncio.run(main())


def test_what_is_no_websocket_or_was_not_kept_is_told(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        async with web(lambda _: reply("go away", "403 Forbidden")) as server:
            results = await tried(
                tmp_path,
                {"name": "a", "websocket": {"url": f"ws://127.0.0.1:{server.port}", "keep": "k"}},
                {"name": "b", "websocket": {"kept": "k"}},
                {"name": "c", "websocket": "ws://127.0.0.1:1/"},
            )
        assert [result.detail for result in results] == [
            "the handshake's status is 403, expected 101; it said: go away",
            "no socket k is open: the step that keeps it was not good",
            "ws://127.0.0.1:1/ cannot be reached: connection refused",
        ]

    asyncio.run(main())


def test_a_socket_that_is_closed_meanwhile_is_told(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        from websockets.asyncio.server import serve

        async with serve(lambda connection: connection.close(4408, "too quiet"), "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            (result,) = await tried(tmp_path, {"websocket": {"url": f"ws://127.0.0.1:{port}", "expect": {"a": 1}}})
        assert result.detail is not None
        assert "the socket was closed: received 4408" in result.detail
        assert "too quiet" in result.detail

    asyncio.run(main())
