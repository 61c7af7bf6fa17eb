"""Sockets that outlive the processes which serve them: bound once, passed on, closed when nobody will come."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.core.manifest.model import Port, ServiceSpec
from mamctl.core.service import Service
from mamctl.core.states import Reason, State
from mamctl.runtime import sockets as module
from mamctl.runtime.borrowing import borrow
from mamctl.runtime.inheritance import spawn_with
from mamctl.runtime.launcher import LaunchError
from mamctl.runtime.ports import PortState, bind_test
from mamctl.runtime.sockets import HeldSockets
from mamctl.runtime.views import Views
from tests.runtime.stack import Stack, descriptors, free_port, lives, row, run, service, until
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator, Mapping, Sequence


# Answers each connection with what it was started with. TERM ends it after the answer at hand.
SERVER = """
import json, os, select, signal, socket, sys
ends = []
signal.signal(15, lambda *_: ends.append(1))
count = int(os.environ['LISTEN_FDS'])
assert os.environ['LISTEN_PID'] == str(os.getpid())
listeners = [socket.socket(fileno=number) for number in range(3, 3 + count)]
about = {
    'pid': os.getpid(), 'names': os.environ['LISTEN_FDNAMES'], 'blocking': [one.getblocking() for one in listeners],
    'at': [one.getsockname()[:2] for one in listeners], 'port': os.environ['PORT'], 'cwd': os.getcwd(),
    'open': [fd for fd in map(int, os.listdir('/proc/self/fd')) if os.path.lexists(f'/proc/self/fd/{fd}')],
    'oldpwd': os.environ.get('OLDPWD'), 'argv': sys.argv[1:],
}
while not ends:
    for one in select.select(listeners, [], [], 0.02)[0]:
        with one.accept()[0] as client:
            if client.recv(100).startswith(b'die'):
                os._exit(3)
            client.sendall(json.dumps(about).encode())
"""


class Keeper:
    """A guardian's custody without the guardian: it keeps copies."""

    def __init__(self) -> None:
        self.kept: dict[str, list[int]] = {}
        self.told: list[tuple[str, str]] = []

    def keep(self, name: str, descriptors: Sequence[int], note: Mapping[str, object] | None = None) -> None:
        self.told.append(("keep", name))
        self._let_go(name)
        self.kept[name] = [os.dup(fd) for fd in descriptors]

    def take(self, name: str) -> list[int]:
        return [os.dup(fd) for fd in self.kept.get(name, ())]

    def drop(self, name: str) -> None:
        self.told.append(("drop", name))
        self._let_go(name)

    def _let_go(self, name: str) -> None:
        for fd in self.kept.pop(name, ()):
            os.close(fd)


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    found = Keeper()
    before = descriptors()
    yield found
    for name in list(found.kept):
        found.drop(name)
    assert descriptors() == before


@contextmanager
def held(keeper: Keeper) -> Iterator[HeldSockets]:
    sockets = HeldSockets(keeper)
    yield sockets
    sockets.close()


def web(*ports: int, host: str = "127.0.0.1") -> ServiceSpec:
    return ServiceSpec("web", host=host, ports=tuple(Port(f"p{port}", port, port, held=True) for port in ports))


def anybody(host: str, port: int) -> None:
    """Take every port for free."""


def answers(port: int, host: str = "127.0.0.1") -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as client:
        return client.connect_ex((host, port)) == 0


def states(state: State) -> dict[str, Service]:
    return {"web": Service(web(1)).but(state=state)}


# The sockets themselves -----------------------------------------------------------------------------------------------


def test_a_socket_is_bound_once_and_given_again(keeper: Keeper) -> None:
    spec = web(free_port(), free_port())
    with held(keeper) as sockets:
        first = sockets.open(spec, anybody)
        assert sockets.open(spec, anybody) == first
        assert [name for name, _ in first] == [port.name for port in spec.sockets]
        assert all(answers(port.number) for port in spec.sockets)
        assert keeper.told == [("keep", "socket/web")]
        assert not any(os.get_inheritable(fd) for _, fd in first)


def test_who_waits_for_a_service_that_comes_back_is_not_refused(keeper: Keeper) -> None:
    (port,) = (spec := web(free_port())).sockets
    with held(keeper) as sockets:
        sockets.open(spec, anybody)
        for state in (State.STARTING, State.READY, State.BACKOFF, State.WAITING):
            sockets.settle("web", states(state))
            assert answers(port.number)


@pytest.mark.parametrize("known", [True, False])
def test_a_service_that_ended_or_is_gone_refuses(keeper: Keeper, known: bool) -> None:
    (port,) = (spec := web(free_port())).sockets
    with held(keeper) as sockets:
        sockets.open(spec, anybody)
        sockets.settle(None, {})
        assert sockets.holder(port.number) == "web"
        sockets.settle("web", states(State.FAILED) if known else {})
        assert not answers(port.number)
        assert keeper.kept == {}
        assert (list(sockets.holders), sockets.holder(port.number), sockets.owners("web")) == ([], None, [])


def test_the_next_supervisor_has_the_same_sockets(keeper: Keeper) -> None:
    (port,) = (spec := web(free_port())).sockets
    with held(keeper) as sockets:
        inode = os.fstat(sockets.open(spec, anybody)[0][1]).st_ino
    assert answers(port.number)
    with held(keeper) as sockets:
        sockets.recall(spec)
        assert list(sockets.holders) == ["web"]
        ((_, fd),) = sockets.open(spec, lambda host, number: pytest.fail("it is ours already"))
        assert os.fstat(fd).st_ino == inode


def test_what_an_earlier_supervisor_held_for_a_service_that_ended_is_dropped(keeper: Keeper) -> None:
    (port,) = (spec := web(free_port())).sockets
    with held(keeper) as sockets:
        sockets.open(spec, anybody)
    with held(keeper) as sockets:
        sockets.settle("web", states(State.STOPPED))
    assert not answers(port.number)


def test_sockets_of_services_without_a_process_are_found_again_or_closed(keeper: Keeper) -> None:
    (port,) = (spec := web(free_port())).sockets
    with held(keeper) as sockets:
        sockets.open(spec, anybody)
    with held(keeper) as sockets:
        sockets.recall_others({"web": Service(spec).but(state=State.BACKOFF)})
        assert list(sockets.holders) == ["web"]
    with held(keeper) as sockets:
        sockets.recall_others({"web": Service(spec).but(state=State.STOPPED)})
        assert (list(sockets.holders), keeper.kept) == ([], {})
        assert not answers(port.number)


@contextmanager
def left_running(spec: ServiceSpec, keeper: Keeper, *, code: str = SERVER) -> Iterator[int]:
    """Give the pidfd of a process that alone has the sockets of a service: guardian and supervisor are dead."""
    with held(keeper) as sockets, open(os.devnull, "r+b") as null:
        given = sockets.open(spec, anybody)
        numbers = dict(enumerate([*[null.fileno()] * 3, *[fd for _, fd in given]]))
        env = {"LISTEN_FDS": str(len(given)), "LISTEN_FDNAMES": "", "PORT": "1"}
        pid = spawn_with(numbers, [sys.executable, "-S", "-c", code], cwd="/", env=env)
    keeper.drop("socket/web")
    pidfd = os.pidfd_open(pid)
    try:
        yield pidfd
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.waitpid(pid, 0)
    finally:
        os.close(pidfd)


def test_what_only_a_service_still_has_is_copied_from_it(keeper: Keeper) -> None:
    spec = web(free_port(), free_port())
    with held(keeper) as sockets:
        with left_running(spec, keeper) as pidfd:
            sockets.recall(spec, pidfd)
            assert len(keeper.kept["socket/web"]) == 2
        assert all(answers(port.number) for port in spec.sockets)
        sockets.open(spec, lambda host, number: pytest.fail("it is ours already"))


def test_where_the_kernel_forbids_that_the_sockets_are_bound_anew(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = (spec := web(free_port())).sockets
    monkeypatch.setattr(module, "borrow", lambda pidfd, number: None)
    with held(keeper) as sockets:
        with left_running(spec, keeper) as pidfd:
            sockets.recall(spec, pidfd)
            assert list(sockets.holders) == []
        assert not answers(port.number)
        assert len(sockets.open(spec, anybody)) == 1


def test_what_a_process_put_in_the_place_of_its_socket_is_not_taken_for_it(keeper: Keeper) -> None:
    spec = web(free_port())
    code = "import os, time; os.dup2(0, 3); time.sleep(60)"
    with left_running(spec, keeper, code=code) as pidfd, held(keeper) as sockets:
        eventually(lambda: not answers(spec.ports[0].number))
        sockets.recall(spec, pidfd)
        assert list(sockets.holders) == []


def test_a_process_that_is_not_there_lends_nothing() -> None:
    assert borrow(-1, 3) is None


def test_of_changed_sockets_those_that_stay_are_never_closed(keeper: Keeper) -> None:
    stays, goes, comes = free_port(), free_port(), free_port()
    with held(keeper) as sockets:
        kept = dict(sockets.open(web(goes, stays), anybody))
        now = sockets.open(web(stays, comes), anybody)
        assert now[0] == (f"p{stays}", kept[f"p{stays}"])
        assert [answers(port) for port in (stays, goes, comes)] == [True, False, True]
        assert [keeper.told[-1], len(keeper.kept["socket/web"])] == [("keep", "socket/web"), 2]
        assert sockets.open(web(), anybody) == []
        assert keeper.kept == {}
        assert not answers(stays)


def test_one_port_can_move_to_another_address(keeper: Keeper) -> None:
    port = free_port()
    with held(keeper) as sockets:
        sockets.open(web(port), anybody)
        sockets.open(web(port, host="127.0.0.2"), anybody)
        assert [answers(port), answers(port, "127.0.0.2")] == [False, True]


@pytest.mark.parametrize(("before", "after"), [("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1"), ("0.0.0.0", "::")])
def test_a_port_can_be_opened_to_more_or_fewer_while_custody_has_the_old_socket(
    keeper: Keeper, before: str, after: str
) -> None:
    def free(host: str, number: int) -> None:
        assert bind_test(host, number) is PortState.FREE

    port = free_port()
    with held(keeper) as sockets:
        sockets.open(web(port, host=before), free)
        olds = [os.dup(fd) for fd in keeper.kept["socket/web"]]
        sockets.open(web(port, host=after), free)
        assert answers(port)
        for old in olds:
            os.close(old)


def test_one_that_ended_refuses_also_while_custody_has_not_let_go_yet(keeper: Keeper) -> None:
    (port,) = (spec := web(free_port())).sockets
    with held(keeper) as sockets:
        sockets.open(spec, anybody)
        late = os.dup(keeper.kept["socket/web"][0])
        sockets.settle("web", states(State.FAILED))
        assert not answers(port.number)
        os.close(late)


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("0.0.0.0", ["127.0.0.1", "127.0.0.2"]),
        ("::1", ["::1"]),
        ("::", ["::1", "127.0.0.1"]),
        ("localhost", ["127.0.0.1"]),
    ],
)
def test_every_kind_of_host_can_be_listened_on(keeper: Keeper, host: str, reached: list[str]) -> None:
    port = free_port()
    with held(keeper) as sockets:
        sockets.open(web(port, host=host), anybody)
        assert [answers(port, address) for address in reached] == [True] * len(reached)
        assert sockets.open(web(port, host=host), lambda *_: pytest.fail("it is ours already"))


def test_a_socket_that_its_server_shut_down_or_made_non_blocking_is_as_new_afterwards(keeper: Keeper) -> None:
    (port,) = (spec := web(free_port())).sockets
    with held(keeper) as sockets:
        ((_, fd),) = sockets.open(spec, anybody)
        with socket.socket(fileno=os.dup(fd)) as servers:
            servers.setblocking(False)
            servers.shutdown(socket.SHUT_RDWR)
        assert not answers(port.number)
        sockets.rest("web")
        assert answers(port.number)
        assert os.get_blocking(fd)


def test_a_taken_port_leaves_nothing_open(keeper: Keeper) -> None:
    free = free_port()
    with held(keeper) as sockets, closing(socket.create_server(("127.0.0.1", 0))) as stranger:
        taken = stranger.getsockname()[1]
        with pytest.raises(LaunchError) as caught:
            sockets.open(web(free, taken), anybody)
        assert caught.value.reason is Reason.PORT_TAKEN
        assert str(caught.value) == f"no socket for port {taken} of 127.0.0.1: address already in use"
        assert not answers(free)
        assert keeper.told == []


def test_want_of_descriptors_is_said_and_can_pass(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> Any:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with held(keeper) as sockets:
        monkeypatch.setattr(module.socket, "socket", none_left)
        with pytest.raises(LaunchError) as caught:
            sockets.open(web(1), anybody)
        monkeypatch.undo()
        assert (caught.value.reason, caught.value.final) == (Reason.SPAWN_FAILED, False)
        assert "too many open files" in str(caught.value)


# What a process gets --------------------------------------------------------------------------------------------------


def held_service(**keys: Any) -> dict[str, Any]:
    return {"command": [sys.executable, "-S", "-c", SERVER, "a b"], "ready": {"exec": ["true"]}, **keys}


async def ask(port: int, host: str = "127.0.0.1", word: bytes = b"?") -> dict[str, Any]:
    """Return what the server at a port says about itself."""
    import json

    reader, writer = await asyncio.open_connection(host, port)
    writer.write(word)
    try:
        said = await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
    found: dict[str, Any] = json.loads(said)
    return found


def test_a_process_gets_its_sockets_from_3_on_in_the_manifests_order_and_nothing_else(tmp_path: pathlib.Path) -> None:
    ports = {"web": free_port(), "admin": free_port(), "third": free_port()}
    (tmp_path / "sub dir").mkdir()
    stack = Stack(tmp_path, {"a": held_service(sockets=ports, cwd="sub dir")})

    async def scenario() -> None:
        async with stack.managed() as manager:
            assert (await manager.up())["ok"]
            found = await ask(ports["third"])
            assert found["at"] == [["127.0.0.1", port] for port in ports.values()]
            assert (found["names"], found["port"]) == ("web:admin:third", str(ports["web"]))
            assert found["blocking"] == [True, True, True]
            assert found["open"] == [0, 1, 2, 3, 4, 5]
            assert (found["cwd"], found["oldpwd"], found["argv"]) == (str(tmp_path / "sub dir"), None, ["a b"])
            assert found["pid"] == row(manager, "a")["pid"]
            assert row(manager, "a")["ports"] == ports

    run(scenario())


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])
def test_a_restart_keeps_the_socket_and_a_stop_closes_it(tmp_path: pathlib.Path, host: str) -> None:
    port = free_port()
    at = "::1" if ":" in host else "127.0.0.1"
    stack = Stack(tmp_path, {"a": held_service(sockets={"http": port}, host=host)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            first = await ask(port, at)
            await manager.restart("a")
            second = await ask(port, at)
            assert first["pid"] != second["pid"]
            assert manager.hands.sockets.holder(port) == "a"
            await manager.stop("a")
            assert not answers(port, at)
            await manager.start("a")
            assert (await ask(port, at))["pid"] not in (first["pid"], second["pid"])
            await manager.down()
            assert not answers(port, at)

    run(scenario())


def test_who_connects_in_backoff_waits_and_is_served(tmp_path: pathlib.Path) -> None:
    port = free_port()
    restart = {"delay": "200ms", "jitter": 0}
    stack = Stack(tmp_path, {"a": held_service(sockets={"http": port}, restart=restart)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            pid = row(manager, "a")["pid"]
            os.kill(pid, signal.SIGKILL)
            await until(manager, lambda: row(manager, "a")["state"] == "backoff")
            assert (await ask(port))["pid"] != pid
            assert row(manager, "a")["restarts"] == 1

    run(scenario())


def test_one_that_failed_for_good_refuses_instead_of_letting_clients_wait(tmp_path: pathlib.Path) -> None:
    port = free_port()
    stack = Stack(tmp_path, {"a": held_service(sockets={"http": port}, restart={"max_attempts": 0})})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            os.kill(row(manager, "a")["pid"], signal.SIGKILL)
            await until(manager, lambda: row(manager, "a")["state"] == "failed")
            assert not answers(port)

    run(scenario())


def test_one_that_stops_for_good_refuses_from_the_first_moment(tmp_path: pathlib.Path) -> None:
    port = free_port()
    stubborn = "import signal, os, time; signal.signal(15, signal.SIG_IGN); os.close(3); print('deaf'); time.sleep(60)"
    spec = {
        "command": [sys.executable, "-c", stubborn], "sockets": {"http": port}, "ready": {"log": "deaf"},
        "stop": {"grace": "300ms"},
    }  # fmt: skip
    stack = Stack(tmp_path, {"a": spec})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            assert answers(port)
            stopping = asyncio.create_task(manager.stop("a"))
            await until(manager, lambda: row(manager, "a")["state"] == "stopping")
            assert not answers(port)
            await stopping

    run(scenario())


def test_changed_sockets_restart_the_service_and_free_the_old_port(tmp_path: pathlib.Path) -> None:
    old, new = free_port(), free_port()
    stack = Stack(tmp_path, {"a": held_service(sockets={"http": old})})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            pid = (await ask(old))["pid"]
            stack.write({"a": held_service(sockets={"http": new})})
            await manager.up()
            assert (await ask(new))["pid"] != pid
            assert not answers(old)
            stack.write({"b": service()})
            await manager.up()
            assert not answers(new)

    run(scenario())


def test_an_automatic_socket_keeps_its_number_while_its_service_is_in_backoff(tmp_path: pathlib.Path) -> None:
    services = {"a": held_service(sockets={"http": "auto"}, restart={"delay": "10s"})}
    stack = Stack(tmp_path, services)

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            ports = row(manager, "a")["ports"]
            os.kill(row(manager, "a")["pid"], signal.SIGKILL)
            await until(manager, lambda: row(manager, "a")["state"] == "backoff")
            stack.write({**services, "b": service()})
            manager.operator.reload()
            assert row(manager, "a")["ports"] == ports
            (shown,) = Views(manager.hands).ports()
            assert (shown["state"], shown["port"]) == ("ours", ports["http"])

    run(scenario())


def test_a_port_in_a_strangers_hands_is_told_with_its_holder(tmp_path: pathlib.Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as stranger:
        port = stranger.getsockname()[1]
        stack = Stack(tmp_path, {"a": held_service(sockets={"http": port}, listener="any")})

        async def scenario() -> None:
            async with stack.managed() as manager:
                report = await manager.up()
                (failed,) = report["failed"]
                assert failed["reason"] == "port_taken"
                assert failed["detail"].startswith(f"port {port} is held by pid {os.getpid()} (")

        run(scenario())


def test_a_port_that_is_kept_for_another_service_is_told_with_its_name(tmp_path: pathlib.Path) -> None:
    port = free_port()
    services = {
        "a": held_service(sockets={"http": port}),
        "b": {**service("--port", port), "port": port, "manual": True},
    }
    stack = Stack(tmp_path, services)

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            report = await manager.start("b")
            (failed,) = report["failed"]
            assert (
                failed["detail"] == f"port {port} is held by our service a, whose socket stays open while it restarts"
            )

    run(scenario())


def test_an_http_probe_of_a_held_socket_is_answered_by_ours(tmp_path: pathlib.Path) -> None:
    port = free_port()
    hello = "HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\nconnection: close\\r\\n\\r\\n"
    code = SERVER.replace("json.dumps(about)", f'"{hello}"')
    spec = {"command": [sys.executable, "-S", "-c", code], "sockets": {"http": port}, "ready": {"http": "/x"}}
    stack = Stack(tmp_path, {"a": spec})

    async def scenario() -> None:
        async with stack.managed() as manager:
            assert (await manager.up())["ok"]
            assert row(manager, "a")["state"] == "ready"

    run(scenario())


def test_without_a_probe_it_is_ready_once_it_has_lived(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": service(sockets={"http": free_port()})})

    async def scenario() -> None:
        async with stack.managed() as manager:
            assert (await manager.up())["ok"]
            found = row(manager, "a")
            # Both are rounded to hundredths.
            assert found["uptime_s"] - found["ready_s"] > 0.08

    run(scenario())


@pytest.mark.parametrize(
    ("keys", "reason", "words"),
    [
        ({"command": ["no-such-thing"]}, "command_not_found", "no-such-thing: no such command (not on PATH)"),
        ({"command": ["./gone"]}, "command_not_found", "./gone: no such command"),
        ({"command": ["./services.yaml"]}, "spawn_failed", "./services.yaml: permission denied"),
        ({"cwd": "nowhere"}, "spawn_failed", "nowhere does not exist"),
    ],
)
def test_what_cannot_be_started_says_why_and_holds_nothing(
    tmp_path: pathlib.Path, keys: dict[str, Any], reason: str, words: str
) -> None:
    port = free_port()
    stack = Stack(tmp_path, {"a": held_service(sockets={"http": port}) | keys})

    async def scenario() -> None:
        async with stack.managed() as manager:
            (failed,) = (await manager.up())["failed"]
            assert failed["reason"] == reason
            assert failed["detail"].endswith(words)
            assert not answers(port)

    run(scenario())


def test_leaving_the_manager_closes_every_descriptor(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": held_service(sockets={"http": free_port()})})
    pids: list[int] = []

    async def scenario() -> None:
        before = descriptors()
        async with stack.managed() as manager:
            await manager.up()
            await manager.restart("a")
            pids.append(row(manager, "a")["pid"])
        assert descriptors() <= before

    run(scenario())
    assert not lives(pids[0])


def test_an_open_descriptor_of_the_embedding_program_does_not_leak(tmp_path: pathlib.Path) -> None:
    reads, writes = os.pipe()
    leak = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(leak, True)
    with open(os.devnull, "rb") as null, open(reads, "rb") as output, closing(socket.socket()) as third:
        wanted = {0: null.fileno(), 1: writes, 2: writes, 3: third.fileno(), 12: leak}
        env = {"PATH": os.environ["PATH"], "PWD": "/elsewhere"}
        pid = spawn_with(wanted, ["sh", "-c", "ls /proc/$$/fd; env"], cwd=str(tmp_path), env=env)
        os.close(writes)
        os.close(leak)
        said = output.read().decode().split()
        assert os.waitpid(pid, 0)[1] == 0
    assert said[:5] == ["0", "1", "12", "2", "3"]
    assert not any(word.startswith(("LISTEN", "OLDPWD")) for word in said)
