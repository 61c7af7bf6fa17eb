import os
import socket
import subprocess
import sys

import pytest

from mamctl.runtime.environment import new_instance
from mamctl.runtime.launcher import LaunchError
from mamctl.runtime.portcheck import require_free
from mamctl.runtime.ports import Holder, PortState, Standing, find_holder, survey
from mamctl.runtime.ports import holder as module
from tests.scripted import MISBEHAVE, Scripted, eventually, misbehaving

HERE = "127.0.0.1"
PROJECT = "mam-test"


def marks(service="web", instance="i-1", project=PROJECT):
    return {"MAMCTL_PROJECT": project, "MAMCTL_SERVICE": service, "MAMCTL_INSTANCE": instance}


def test_a_free_port_has_no_holder():
    with socket.socket() as bound:
        bound.bind((HERE, 0))
        port = bound.getsockname()[1]
    assert find_holder(HERE, port) is None


def test_a_stranger_is_described_by_pid_command_user_and_age():
    with misbehaving("--hold-port", 0) as stranger:
        holder = find_holder(HERE, stranger.port(), project=PROJECT)
        assert (holder.standing, holder.pid, holder.service) == (Standing.FOREIGN, stranger.pid, None)
        assert "misbehave.py --hold-port 0" in holder.command
        assert 0 <= holder.age < 5
        assert holder.describe().startswith(f"pid {stranger.pid} (")
        assert f"user {holder.user}, started " in holder.describe()


def test_our_own_live_service_is_ours():
    with misbehaving("--hold-port", 0, env=marks()) as service:
        holder = find_holder(HERE, service.port(), project=PROJECT, instances={"i-1"})
        assert (holder.standing, holder.service, holder.instance) == (Standing.OURS, "web", "i-1")


def test_a_service_of_ours_that_no_supervisor_owns_is_an_orphan():
    with misbehaving("--hold-port", 0, env=marks()) as service:
        holder = find_holder(HERE, service.port(), project=PROJECT, instances={"i-2"})
        assert (holder.standing, holder.pid) == (Standing.ORPHANED, service.pid)


def test_a_service_of_another_project_is_foreign_but_named():
    with misbehaving("--hold-port", 0, env=marks(project="other")) as service:
        holder = find_holder(HERE, service.port(), project=PROJECT, instances={"i-1"})
        assert (holder.standing, holder.project, holder.service) == (Standing.FOREIGN, "other", "web")


def test_who_does_not_say_which_project_it_is_has_no_own_services():
    with misbehaving("--hold-port", 0, env=marks()) as service:
        assert find_holder(HERE, service.port()).standing is Standing.FOREIGN


def test_a_stack_of_the_same_name_in_another_folder_is_another_stack():
    instance = new_instance(PROJECT, "web", "/here/.mamctl")
    with misbehaving("--hold-port", 0, env=marks(instance=instance)) as service:
        port = service.port()
        assert find_holder(HERE, port, project=PROJECT, home="/here/.mamctl").standing is Standing.ORPHANED
        assert find_holder(HERE, port, project=PROJECT, home="/there/.mamctl").standing is Standing.FOREIGN
        with pytest.raises(LaunchError, match="another stack") as caught:
            require_free(HERE, port, (PROJECT, "/there/.mamctl"), list, lambda _: None)
    assert f"port {port} is held by web of another stack ({PROJECT}), pid {service.pid}" in caught.value.detail


def test_a_process_that_dropped_its_environment_is_known_by_the_one_above_it():
    code = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]], env={})"
    command = [sys.executable, "-ISc", code, "-IS", MISBEHAVE, "--hold-port", "0"]
    with subprocess.Popen(command, env=marks(), stdout=subprocess.PIPE, start_new_session=True) as above:
        try:
            holder = find_holder(HERE, Scripted(above).port(), project=PROJECT)
            assert holder.standing is Standing.ORPHANED
            assert holder.pid != above.pid
            assert holder.service == "web"
        finally:
            os.killpg(above.pid, 9)


def test_of_several_that_share_a_socket_the_first_is_named(tmp_path):
    pidfile = tmp_path / "pids"
    with misbehaving("--hold-port", 0, "--pidfile", pidfile, "--child") as service:
        port = service.port()
        eventually(pidfile.exists)
        assert find_holder(HERE, port).pid == service.pid


def test_a_socket_that_is_bound_and_does_not_listen_has_a_holder_too():
    with misbehaving("--bind-port", 0) as stranger:
        # Two sockets that both say SO_REUSEADDR and do not listen may share a port: only a plain bind conflicts.
        port = stranger.port()
        rows = module._blocking(HERE, port)
        if not rows:
            pytest.skip("this kernel does not list sockets that are only bound (before Linux 6.8)")
        finding = module._Finding(PortState.TAKEN, rows, module.owners({row.inode for row in rows}))
        assert module._holder(finding, module._Ours(None, (), "")).pid == stranger.pid


def test_an_outgoing_connection_can_hold_a_port():
    with misbehaving("--port", 0) as peer, socket.socket() as client:
        port = peer.port()
        client.bind((HERE, 0))
        client.connect((HERE, port))
        own = client.getsockname()[1]
        holder = find_holder(HERE, own)
        assert (holder.standing, holder.pid) == (Standing.FOREIGN, os.getpid())


def test_a_port_held_by_closing_connections_is_nobodys():
    with socket.socket() as server:
        # Without SO_REUSEADDR, so that what is left of it stands in the way of a plain bind.
        server.bind((HERE, 0))
        server.listen(1)
        port = server.getsockname()[1]
        with socket.create_connection((HERE, port)) as client:
            accepted, _ = server.accept()
            accepted.close()
            assert client.recv(1) == b""
    eventually(lambda: {row.state for row in module._blocking(HERE, port)} == {6})
    holder = find_holder(HERE, port)
    assert holder.standing is Standing.CLOSING
    assert holder.describe() == "nobody: a connection of its last owner is still closing"


def test_a_holder_that_may_not_be_looked_at_is_known_by_its_user(monkeypatch):
    with misbehaving("--hold-port", 0) as stranger:
        port = stranger.port()
        monkeypatch.setattr(module, "owners", lambda inodes: {})
        holder = find_holder(HERE, port)
    assert (holder.standing, holder.pid) == (Standing.UNKNOWN, None)
    assert holder.describe() == f"a process of user {holder.user} that we may not look at"


def test_a_holder_of_which_nothing_is_listed_is_unknown(monkeypatch):
    with misbehaving("--hold-port", 0) as stranger:
        port = stranger.port()
        monkeypatch.setattr(module, "system_sockets", lambda port, states: [])
        assert find_holder(HERE, port).describe() == "an unknown process"


def test_a_reserved_port_is_held_by_a_rule(monkeypatch):
    monkeypatch.setattr(module, "bind_test", lambda host, port: PortState.RESERVED)
    (row,) = survey([(HERE, 80)])
    assert (row.state, row.holder.describe()) == (Standing.RESERVED, "nobody: this user may not bind it")


def test_a_survey_tells_how_each_port_stands():
    with (
        misbehaving("--hold-port", 0, env=marks(instance="live")) as ours,
        misbehaving("--hold-port", 0, env=marks(instance="dead")) as orphan,
        misbehaving("--hold-port", 0) as stranger,
        socket.socket() as bound,
    ):
        bound.bind((HERE, 0))
        free = bound.getsockname()[1]
        bound.close()
        held = [service.port() for service in (ours, orphan, stranger)]
        ports = [(HERE, held[0]), held[1], (HERE, held[2]), (HERE, free), ("192.0.2.1", free)]
        rows = survey(ports, project=PROJECT, instances={"live"})
        assert [row.state.value for row in rows] == ["ours", "orphaned", "foreign", "free", "unavailable"]
        assert [row.number for row in rows] == [*held, free, free]
        assert [row.holder.pid for row in rows[:3]] == [ours.pid, orphan.pid, stranger.pid]
        assert rows[3].holder is None


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (0.4, "started just now"),
        (5, "started 5 s ago"),
        (185, "started 3 min ago"),
        (3 * 3600 + 5, "started 3 h ago"),
        (200_000, "started 2 d ago"),
        (None, None),
    ],
)
def test_ages_are_told_in_the_largest_unit(age, text):
    shown = Holder(Standing.FOREIGN, 4312, "python wsgi.py", "alice", age).describe()
    assert shown == f"pid 4312 (python wsgi.py, user alice{', ' + text if text else ''})"


def test_a_holder_that_ended_meanwhile_is_still_a_pid():
    assert Holder(Standing.FOREIGN, 4312).describe() == "pid 4312"
