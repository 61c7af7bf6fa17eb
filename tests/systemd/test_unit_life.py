"""A stack that systemd runs: start, death of whoever watches, watchdog, reload and stop."""

from __future__ import annotations

import json

import pytest

from tests.scripted import eventually
from tests.systemd.machine import MAMCTL

pytestmark = pytest.mark.slow
WEB = {"command": ["sleep", "100000"]}
# Stops late: what is told to be gone too early shows.
LATE = {
    "command": ["sh", "-c", "trap 'sleep 0.5; exit 0' TERM; sleep 100000 & wait"],
    "depends_on": ["web"],
}
TWO = {"web": WEB, "late": LATE}
AGAIN = 45.0


@pytest.fixture
def running(stack):
    """A stack whose unit was installed and started."""
    return started(stack())


def started(one, services=TWO):
    one.write(services)
    one.mamctl("install", *(["--user"] if one.user else []))
    begin(one)
    return one


def begin(one):
    done = one.systemctl("start", one.unit, check=False)
    assert one.show()["ActiveState"] == "active", done + one.machine.journal(one.unit)
    one.mamctl("wait", "--timeout", "30s")


def is_served(one, services):
    """Tell whether its unit is active, and a supervisor under its main process answers that has these very services."""
    found = one.show()
    if (found["ActiveState"], found["SubState"]) != ("active", "running"):
        return False
    status = one.status()
    rows = {row["name"]: (row["pid"], row["state"]) for row in status["services"]}
    whose = (status["supervisor"] or {"guardian_pid": None})["guardian_pid"]
    return whose == int(found["MainPID"]) and rows == {name: (pid, "ready") for name, pid in services.items()}


def supervisor(one):
    return one.status()["supervisor"]["pid"]


def guardian(one):
    return int(one.show()["MainPID"])


def eventually_served(one, services):
    try:
        eventually(lambda: is_served(one, services), within=AGAIN)
    except AssertionError:
        raise AssertionError(f"{one.show()}\n{one.status()}\n{one.machine.journal(one.unit)}") from None


def test_it_is_active_only_once_its_supervisor_answers(stack):
    one = stack()
    one.write(TWO)
    one.mamctl("install")
    one.systemctl("start", one.unit)
    found = one.show()
    assert (found["ActiveState"], found["Type"], found["NotifyAccess"]) == ("active", "notify", "main")
    assert one.status()["supervisor"]["guardian_pid"] == int(found["MainPID"])
    one.mamctl("wait", "--timeout", "30s")


def test_an_invalid_manifest_is_told_and_not_tried_again(stack):
    one = stack()
    one.write(TWO)
    one.mamctl("install")
    one.write({"web": {"comand": ["sleep", "1"]}})
    one.systemctl("start", one.unit, check=False)
    eventually(lambda: one.show()["ActiveState"] == "failed", within=AGAIN)
    found = one.show()
    assert (found["ExecMainStatus"], found["NRestarts"]) == ("2", "0")
    eventually(lambda: "services.web.comand: unknown key" in one.machine.journal(one.unit))


def test_a_manifest_that_is_broken_when_the_guardian_dies_costs_no_service_and_a_start_mends_it(running):
    services = running.pids()
    running.write({"web": {"comand": ["sleep", "1"]}})
    running.machine.kill("KILL", guardian(running))
    eventually(lambda: running.show()["ActiveState"] == "failed", within=AGAIN)
    assert running.pids() == services
    running.write(TWO)
    running.systemctl("start", running.unit)
    eventually_served(running, services)


def test_a_stack_that_was_brought_up_by_hand_is_the_units_after_down(stack):
    one = stack()
    one.write(TWO)
    one.mamctl("up", "-d")
    services = one.pids()
    one.mamctl("install")
    one.systemctl("start", one.unit, check=False)
    assert one.pids() == services
    assert one.show()["ActiveState"] == "failed"
    one.mamctl("down")
    one.systemctl("start", one.unit)
    one.mamctl("wait", "--timeout", "30s")
    assert set(one.pids()) == set(services)


def test_reexec_replaces_the_supervisor_and_the_unit_does_not_notice(running):
    services, before = running.pids(), supervisor(running)
    running.mamctl("reexec")
    eventually_served(running, services)
    assert supervisor(running) != before
    assert running.show()["NRestarts"] == "0"


def test_a_killed_guardian_comes_back_to_the_same_services(running):
    services, before = running.pids(), guardian(running)
    running.machine.kill("KILL", before)
    eventually(lambda: guardian(running) not in (0, before), within=AGAIN)
    eventually_served(running, services)


def test_a_guardian_that_is_killed_again_and_again_comes_back_each_time(running):
    services = running.pids()
    for _ in range(7):
        before = guardian(running)
        running.machine.kill("KILL", before)
        eventually(lambda before=before: guardian(running) not in (0, before), within=AGAIN)
    eventually_served(running, services)
    assert int(running.show()["NRestarts"]) >= 7


def test_a_killed_supervisor_comes_back_to_the_same_services_and_the_unit_stays(running):
    services, before, main = running.pids(), supervisor(running), guardian(running)
    running.machine.kill("KILL", before)
    eventually(lambda: (running.status()["supervisor"] or {"pid": before})["pid"] != before, within=AGAIN)
    eventually_served(running, services)
    assert guardian(running) == main
    assert running.show()["NRestarts"] == "0"


def test_guardian_and_supervisor_killed_at_once_leave_services_to_the_next_ones(running):
    services = running.pids()
    running.machine.kill("KILL", guardian(running), supervisor(running))
    eventually_served(running, services)


def test_a_supervisor_that_hangs_is_replaced_by_the_watchdog(stack):
    one = stack()
    folder = f"/etc/systemd/system/{one.unit}.d"
    one.machine.run("mkdir", "-p", folder)
    one.machine.path(f"{folder}/quick.conf").write_text("[Service]\nWatchdogSec=2s\n")
    started(one)
    services, before = one.pids(), supervisor(one)
    one.machine.kill("STOP", before)
    eventually(lambda: (one.status()["supervisor"] or {"pid": before})["pid"] != before, within=AGAIN)
    eventually_served(one, services)
    one.machine.run("rm", "-r", folder)


def test_stopping_the_unit_leaves_nothing(running):
    running.systemctl("stop", running.unit)
    assert running.left() == {}
    found = running.show()
    assert (found["ActiveState"], found["Result"]) == ("inactive", "success")
    stopped = [event["service"] for event in events(running) if event["type"] == "stopped"]
    assert stopped == ["late", "web"]


def test_stopping_the_unit_on_its_way_back_from_a_kill_leaves_nothing(running):
    before = guardian(running)
    running.machine.kill("KILL", before)
    eventually(lambda: guardian(running) not in (0, before), within=AGAIN)
    running.systemctl("stop", running.unit)
    assert running.left() == {}
    assert running.show()["ActiveState"] == "inactive"


def test_down_leaves_nothing_and_systemd_leaves_it_so(running):
    running.mamctl("down")
    eventually(lambda: running.show()["ActiveState"] == "inactive", within=AGAIN)
    assert running.left() == {}
    assert (running.show()["Result"], running.show()["NRestarts"]) == ("success", "0")


def test_reload_makes_the_stack_match_its_manifest(running):
    before = running.pids()
    running.write({**TWO, "new": {"command": ["sleep", "100000"]}})
    running.systemctl("reload", running.unit)
    after = running.pids()
    assert {name: after[name] for name in before} == before
    assert after["new"]


def test_uninstall_stops_the_stack_and_takes_the_unit_away(running):
    running.mamctl("uninstall")
    assert running.left() == {}
    assert running.show()["LoadState"] == "not-found"


@pytest.fixture
def lingering(stack):
    """A stack of a user who is not logged in, but whose own systemd runs."""
    return stack(user="ann", folder="/home/ann/stack")


@pytest.fixture(scope="session")
def ann(machine):
    machine.run("useradd", "--create-home", "--shell", "/bin/sh", "ann")
    machine.run("loginctl", "enable-linger", "ann")
    uid = machine.run("id", "-u", "ann")
    eventually(lambda: machine.unit(f"user@{uid}.service")["ActiveState"] == "active", within=AGAIN)
    return "ann"


def test_a_user_without_root_has_all_of_it(ann, lingering):
    one = started(lingering)
    services, before = one.pids(), guardian(one)
    assert one.machine.run("stat", "-c", "%U", f"/proc/{services['web']}") == "ann"
    one.machine.kill("KILL", before)
    eventually(lambda: guardian(one) not in (0, before), within=AGAIN)
    eventually_served(one, services)
    one.mamctl("uninstall", "--user")
    assert one.left() == {}
    assert one.show()["LoadState"] == "not-found"


def test_a_unit_of_the_system_runs_its_stack_as_the_owner_of_the_manifest(ann, machine, stack):
    one = stack(user="ann", folder="/home/ann/owned", of_system=True)
    one.write(TWO)
    machine.run(*MAMCTL, "-f", one.manifest, "install")
    one.systemctl("start", one.unit)
    one.mamctl("wait", "--timeout", "30s")
    assert {machine.run("stat", "-c", "%U", f"/proc/{pid}") for pid in one.pids().values()} == {"ann"}
    one.systemctl("stop", one.unit)
    assert one.left() == {}


def events(one):
    return [json.loads(line) for line in one.machine.path(f"{one.folder}/.mamctl/events").read_text().splitlines()]
