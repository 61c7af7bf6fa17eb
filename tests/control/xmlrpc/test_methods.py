"""The methods, on a real stack."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import xmlrpc.client
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mamctl.control.xmlrpc.facade  # noqa: F401 - it knows all methods
from mamctl.control.xmlrpc import logs as log_methods
from mamctl.control.xmlrpc import system as system_methods
from mamctl.control.xmlrpc.method import METHODS
from tests.control.realstack import PATIENCE, RealStack, real_stack
from tests.control.serving import Unix
from tests.control.xmlrpc.calling import Caller, FaultCode, calling
from tests.scripted import MISBEHAVE, eventually

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

SLEEP = {"command": ["sleep", "1000"]}
SERVICES: dict[str, Any] = {
    "web": {"command": [sys.executable, "-S", MISBEHAVE, "--print", "one", "--print", "two"], "ready": {"log": "two"}},
    "idle": {**SLEEP, "depends_on": ["web"], "manual": True},
    "worker": {**SLEEP, "replicas": 2},
    "task": {"kind": "task", "command": ["true"]},
    "broken": {"command": ["/none/such"], "manual": True},
    "crash": {"command": ["false"], "manual": True, "restart": {"delay": 60}},
    "typing": {"command": ["cat"], "tty": True},
    "hushed": {"command": ["sh", "-c", ": sesame-open; sleep 99"], "env": {"PASS": "sesame-open"}, "secrets": ["PASS"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStack]:
    with real_stack(tmp_path_factory.mktemp("xmlrpc"), "xmlrpc", SERVICES) as found:
        yield found


@pytest.fixture
def call(stack: RealStack) -> Iterator[Caller]:
    with calling(stack.socket) as found:
        yield found


def test_replicas_are_a_group_and_others_are_alone_in_theirs(call: Caller) -> None:
    found = [(one["group"], one["name"]) for one in call("getAllProcessInfo")]
    assert found == sorted(found)
    assert ("web", "web") in found
    assert [name for group, name in found if group == "worker"] == ["worker-1", "worker-2"]


def test_a_process_has_the_names_of_both_tools(call: Caller) -> None:
    assert call("getProcessInfo", "worker:worker-1") == call("getProcessInfo", "worker-1") | {
        key: call("getProcessInfo", "worker:worker-1")[key] for key in ("now", "description")
    }
    for name in ("worker", "worker:web", "web:worker-1", "worker:*", "nosuch", "", ":", "web:"):
        assert call("getProcessInfo", name) == FaultCode(10)


def test_a_running_process_is_told_with_pid_times_and_logs(call: Caller, stack: RealStack) -> None:
    found = call("getProcessInfo", "web")
    assert (found["statename"], found["state"], found["spawnerr"], found["exitstatus"]) == ("RUNNING", 20, "", 0)
    assert found["pid"] == stack.manager.hands.alive["web"].pid
    assert 0 < found["start"] <= found["now"]
    assert found["stdout_logfile"] == found["logfile"] == str(stack.folder / "logs" / "web.log")
    assert found["stderr_logfile"] == ""
    assert found["description"].startswith(f"pid {found['pid']}, uptime 0:")


def test_a_task_that_is_done_has_exited_with_its_times(call: Caller) -> None:
    found = call("getProcessInfo", "task")
    assert (found["statename"], found["pid"], found["exitstatus"]) == ("EXITED", 0, 0)
    assert 0 < found["start"] <= found["stop"] <= found["now"]


def test_start_and_stop_wait_for_what_becomes_of_it(call: Caller) -> None:
    assert call("startProcess", "idle") is True
    assert call.state("idle") == "RUNNING"
    assert call("startProcess", "idle") == FaultCode(60)
    assert call("stopProcess", "idle") is True
    assert call.state("idle") == "STOPPED"
    assert call("stopProcess", "idle") == FaultCode(70)


def test_without_waiting_they_answer_at_once(call: Caller) -> None:
    assert call("startProcess", "idle", False) is True
    eventually(lambda: call.state("idle") == "RUNNING", within=PATIENCE)
    assert call("stopProcess", "idle", 0) is True
    eventually(lambda: call.state("idle") == "STOPPED", within=PATIENCE)


def test_a_group_is_started_and_stopped_as_one(call: Caller) -> None:
    stopped = call("stopProcessGroup", "worker")
    assert [(one["name"], one["status"], one["description"]) for one in stopped] == [
        ("worker-1", 80, "OK"), ("worker-2", 80, "OK")
    ]  # fmt: skip
    assert call("stopProcess", "worker:*") == []
    started = call("startProcess", "worker:*")
    assert [one["status"] for one in started] == [80, 80]
    assert call("startProcessGroup", "nosuch") == FaultCode(10)


def test_what_cannot_start_says_why_by_number_and_word(call: Caller) -> None:
    assert call.fault("startProcess", "broken") == "NO_FILE: broken (/none/such: no such command)"
    assert call.fault("startProcess", "crash").startswith("ABNORMAL_TERMINATION: crash (")
    assert call.state("crash") == "BACKOFF"
    assert "code 1" in call("getProcessInfo", "crash")["description"]
    assert call("stopProcess", "crash") is True


def test_signals_go_by_name_and_number(call: Caller) -> None:
    for signal in ("CONT", "SIGCONT", "18", 18):
        assert call("signalProcess", "web", signal) is True
    for signal in ("NOPE", "0", 99, ""):
        assert call("signalProcess", "web", signal) == FaultCode(11)
    assert call("signalProcess", "idle", "CONT") == FaultCode(70)
    assert [one["status"] for one in call("signalProcess", "worker:*", "CONT")] == [80, 80]
    assert {one["name"]: one["status"] for one in call("signalAllProcesses", "CONT")}["web"] == 80
    assert {one["status"] for one in call("signalProcessGroup", "worker", "NOPE")} == {11}


def test_logs_are_read_by_bytes(call: Caller) -> None:
    whole = call("readProcessStdoutLog", "web", 0, 0)
    assert whole == "one\ntwo\n"
    assert call("readProcessLog", "web", -4, 0) == "two\n"
    assert call("readProcessLog", "web", 2, 3) == "e\nt"
    assert call("readProcessLog", "web", 100, 3) == ""
    assert call("readProcessLog", "web", "0", "3") == "one"
    for offset, length in ((-1, 1), (0, -1)):
        assert call("readProcessLog", "web", offset, length) == FaultCode(3)
    assert call("tailProcessLog", "web", 0, 4) == ["two\n", 8, True]
    assert call("tailProcessStdoutLog", "web", 8, 4) == ["", 8, False]
    assert call("readProcessStderrLog", "web", 0, 0) == FaultCode(20)
    assert call("tailProcessStderrLog", "web", 0, 9) == ["", 0, False]


def test_more_than_one_answer_can_hold_is_refused_with_the_way_out(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_methods, "LARGEST", 4)
    assert call.fault("readProcessLog", "web", 0, 0) == "FAILED: 8 bytes are too many for one answer: read 4 at a time"
    assert call("readProcessLog", "web", 4, 4) == "two\n"


def test_there_is_no_main_log_where_the_supervisor_is_part_of_another_program(call: Caller) -> None:
    assert call("readLog", 0, 0) == FaultCode(20)
    assert call("clearLog") == FaultCode(20)


def test_a_cleared_log_begins_anew_and_its_lines_are_in_the_old_one(call: Caller, stack: RealStack) -> None:
    call("sendProcessStdin", "typing", "before\n")
    # Once from the terminal, which shows what is typed, and once from cat.
    eventually(lambda: call("readProcessLog", "typing", 0, 0).count("before") == 2, within=PATIENCE)
    assert call("clearProcessLogs", "typing") is True
    assert call("readProcessLog", "typing", 0, 0) == ""
    assert "before" in (stack.folder / "logs" / "typing.log.1").read_text()
    call("sendProcessStdin", "typing", "after\n")
    eventually(lambda: "after" in call("readProcessLog", "typing", 0, 0), within=PATIENCE)
    assert call("clearProcessLog", "nosuch") == FaultCode(10)


def test_only_a_terminal_can_be_typed_into(call: Caller) -> None:
    assert call("sendProcessStdin", "web", "x") == FaultCode(20)
    assert call("sendProcessStdin", "idle", "x") == FaultCode(70)
    assert call("sendRemoteCommEvent", "a", "b") == FaultCode(30)


def test_secrets_are_masked_where_commands_are_told(call: Caller) -> None:
    (found,) = [one for one in call("getAllConfigInfo") if one["name"] == "hushed"]
    assert found["command"] == "sh -c ': ********; sleep 99'"


def test_the_configuration_says_what_starts_by_itself(call: Caller) -> None:
    found = {one["name"]: one for one in call("getAllConfigInfo")}
    assert [name for name, one in found.items() if not one["autostart"]] == ["broken", "crash", "idle"]
    assert (found["idle"]["process_prio"], found["web"]["process_prio"]) == (1, 0)


def test_several_calls_go_in_one_request(call: Caller) -> None:
    wishes = [
        {"methodName": "supervisor.getAPIVersion", "params": []},
        {"methodName": "supervisor.getState"},
        {"methodName": "supervisor.getProcessInfo", "params": ["nosuch"]},
        {"methodName": "system.multicall", "params": [[]]},
        {"params": []},
        "no struct",
        {"methodName": "supervisor.stopProcess", "params": ["idle"]},
    ]
    found = call("system.multicall", wishes)
    assert found[:2] == ["3.0", {"statecode": 1, "statename": "RUNNING"}]
    assert [one["faultCode"] for one in found[2:]] == [10, 2, 2, 2, 70]
    assert call("system.multicall", [{"methodName": "supervisor.getPID"}] * 501) == FaultCode(2)


def test_the_answers_of_one_request_have_a_bound_whatever_they_tell(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_methods, "MOST_TEXT", 100)
    found = call("system.multicall", [{"methodName": "supervisor.getAllProcessInfo"}] * 2)
    assert isinstance(found[0], list)
    assert found[1]["faultString"].startswith("FAILED: the answers before this one are large enough")


@pytest.mark.parametrize(
    ("name", "params", "code"),
    [
        ("supervisor.nosuch", [], 1), ("nosuch.getState", [], 1), ("supervisor._update", ["x"], 1),
        ("supervisor.__class__", [], 1), ("getState", [], 1), ("supervisor.getState", [1], 2),
        ("supervisor.getProcessInfo", [], 2), ("supervisor.getProcessInfo", [1], 2),
        ("supervisor.readLog", ["a", 0], 2), ("supervisor.readLog", ["--1", 0], 2),
        ("supervisor.startProcess", ["idle", "x"], 2), ("system.methodHelp", ["nosuch"], 4),
        ("system.methodSignature", ["nosuch"], 4),
    ],
)  # fmt: skip
def test_calls_that_make_no_sense_are_faults(call: Caller, name: str, params: list[Any], code: int) -> None:
    # xmlrpc.client would put `supervisor.` before a bare name.
    (found,) = call("system.multicall", [{"methodName": name, "params": params}])
    assert found["faultCode"] == code


# What would change the stack that these tests share.
CHANGING = ("add", "clear", "reload", "remove", "restart", "send", "shutdown", "signal", "start", "stop")
ASKING = sorted(name for name in METHODS if not name.partition(".")[2].startswith(CHANGING))
NAMES = st.sampled_from(["web", "worker:*", "idle", "nosuch", "worker:worker-1", ":", "*", ""]) | st.text(max_size=8)
PARAMS = st.recursive(
    NAMES.filter(lambda text: text.isprintable()) | st.integers(-(2**31), 2**31 - 1) | st.booleans() | st.floats(-9, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["methodName", "params"]), inner),
    max_leaves=6,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(ASKING), st.lists(PARAMS, max_size=4)), max_size=20))
def test_whatever_is_asked_there_is_an_answer_or_a_fault_and_no_defect(call: Caller, wishes: list[Any]) -> None:
    found = call("system.multicall", [{"methodName": name, "params": params} for name, params in wishes])
    assert not [one for one in found if isinstance(one, dict) and "defect" in one.get("faultString", "")]


@pytest.mark.parametrize("number", ["1" * 30, "-" + "9" * 16])
def test_a_number_that_no_file_has_is_refused(stack: RealStack, number: str) -> None:
    call = (
        "<methodCall><methodName>supervisor.readLog</methodName><params>"
        f"<param><value><int>{number}</int></value></param><param><value>0</value></param></params></methodCall>"
    )
    with contextlib.closing(Unix(stack.socket)) as made:
        made.request("POST", "/RPC2", call, {"Content-Type": "text/xml", "Host": "mamctl"})
        with pytest.raises(xmlrpc.client.Fault, match="INCORRECT_PARAMETERS"):
            xmlrpc.client.loads(made.getresponse().read())


def test_every_method_has_a_help_and_a_signature(call: Caller) -> None:
    for name in call("system.listMethods"):
        assert "@return" in call("system.methodHelp", name)
        assert call("system.methodSignature", name)


def test_a_client_that_goes_away_undoes_nothing(stack: RealStack, call: Caller) -> None:
    stack.soon(lambda: None)
    with calling(stack.socket) as other:
        connection = other.proxy("transport")
        connection.connection = connection._get_connection()
        body = (
            "<methodCall><methodName>supervisor.startProcess</methodName>"
            "<params><param><value>idle</value></param></params></methodCall>"
        )
        connection.connection.request("POST", "/RPC2", body, {"Content-Type": "text/xml"})
    eventually(lambda: call.state("idle") == "RUNNING", within=PATIENCE)
    assert call("stopProcess", "idle") is True


class Own:
    """A stack of a test's own, whose manifest changes."""

    def __init__(self, stack: RealStack, call: Caller) -> None:
        self.stack, self.call = stack, call

    def write(self, services: dict[str, Any]) -> None:
        self.stack.manifest.write_text(
            json.dumps({"name": self.stack.manager.hands.manifest.name, "services": services})
        )

    def states(self) -> dict[str, str]:
        return {one["name"]: one["statename"] for one in self.call("getAllProcessInfo")}

    def update(self, *only: str) -> None:
        """Do what supervisorctl's update does."""
        ((added, changed, removed),) = self.call("reloadConfig")
        for name in [one for one in removed if not only or one in only]:
            self.call("stopProcessGroup", name)
            assert self.call("removeProcessGroup", name) is True
        for name in [one for one in changed if not only or one in only]:
            self.call("stopProcessGroup", name)
            assert self.call("removeProcessGroup", name) is True
            assert self.call("addProcessGroup", name) is True
        for name in [one for one in added if not only or one in only]:
            assert self.call("addProcessGroup", name) is True


@pytest.fixture
def own(tmp_path: pathlib.Path) -> Iterator[Own]:
    services = {"a": SLEEP, "b": SLEEP}
    with real_stack(tmp_path, f"own{os.urandom(4).hex()}", services) as stack, calling(stack.socket) as call:
        yield Own(stack, call)


def test_all_logs_are_cleared_also_of_what_is_at_rest(own: Own) -> None:
    own.write({"a": SLEEP, "b": SLEEP, "never": {**SLEEP, "manual": True}})
    own.update()
    own.call("stopProcess", "b")
    logs = own.stack.folder / "logs"
    for name in ("b", "never"):
        (logs / f"{name}.log").write_text("from before\n")
    assert [(one["name"], one["status"]) for one in own.call("clearAllProcessLogs")] == [
        ("a", 80), ("b", 80), ("never", 80)
    ]  # fmt: skip
    for name in ("b", "never"):
        assert own.call("readProcessLog", name, 0, 0) == ""
        assert (logs / f"{name}.log.1").read_text() == "from before\n"


def test_reread_only_looks(own: Own) -> None:
    own.write({"a": {"command": ["sleep", "2000"]}, "c": SLEEP, "d": {**SLEEP, "manual": True}})
    assert own.call("reloadConfig") == [[["c", "d"], ["a"], ["b"]]]
    assert own.states() == {"a": "RUNNING", "b": "RUNNING"}
    known = {one["name"]: one["inuse"] for one in own.call("getAllConfigInfo")}
    assert known == {"a": True, "c": False, "d": False}


def test_update_restarts_what_changed_and_leaves_the_rest_alone(own: Own) -> None:
    pids = {one["name"]: one["pid"] for one in own.call("getAllProcessInfo")}
    own.write({"a": {"command": ["sleep", "2000"]}, "b": SLEEP, "c": SLEEP, "d": {**SLEEP, "manual": True}})
    own.update()
    eventually(
        lambda: own.states() == {"a": "RUNNING", "b": "RUNNING", "c": "RUNNING", "d": "STOPPED"}, within=PATIENCE
    )
    now = {one["name"]: one["pid"] for one in own.call("getAllProcessInfo")}
    assert (now["b"] == pids["b"], now["a"] == pids["a"]) == (True, False)
    assert own.call("reloadConfig") == [[[], [], []]]


def test_update_of_one_group_leaves_other_changes_for_later(own: Own) -> None:
    own.write({"a": {"command": ["sleep", "2000"]}, "c": SLEEP})
    own.update("c")
    assert own.call("reloadConfig") == [[[], ["a"], ["b"]]]
    assert own.states().keys() == {"a", "b", "c"}
    own.update()
    eventually(lambda: own.states() == {"a": "RUNNING", "c": "RUNNING"}, within=PATIENCE)


def test_update_follows_dependencies_that_came_and_went(own: Own) -> None:
    own.write({"b": {**SLEEP, "depends_on": ["a"]}, "a": SLEEP})
    own.update()
    own.write({"b": {**SLEEP, "depends_on": ["new"]}, "new": {**SLEEP, "depends_on": ["newer"]}, "newer": SLEEP})
    own.update()
    eventually(lambda: own.states() == dict.fromkeys(["b", "new", "newer"], "RUNNING"), within=PATIENCE)
    assert own.call("reloadConfig") == [[[], [], []]]
    assert list(own.stack.manager.hands.manifest.services) == ["b", "new", "newer"]


def test_update_takes_along_who_needed_a_replica_that_is_gone(own: Own) -> None:
    own.write({"w": {**SLEEP, "replicas": 2}, "a": {**SLEEP, "depends_on": ["w"]}, "b": SLEEP})
    own.update()
    own.write({"w": {**SLEEP, "replicas": 1}, "a": {**SLEEP, "depends_on": ["w"]}, "b": {"command": ["sleep", "2000"]}})
    own.update("w")
    eventually(lambda: own.states() == dict.fromkeys(["a", "b", "w-1"], "RUNNING"), within=PATIENCE)
    assert own.call("reloadConfig") == [[[], ["b"], []]]
    own.write({"w": {**SLEEP, "replicas": 3}, "a": {**SLEEP, "depends_on": ["w"]}})
    own.update("w")
    eventually(lambda: own.states().keys() == {"a", "b", "w-1", "w-2", "w-3"}, within=PATIENCE)
    own.update()
    eventually(lambda: own.states() == dict.fromkeys(["a", "w-1", "w-2", "w-3"], "RUNNING"), within=PATIENCE)
    assert own.call("reloadConfig") == [[[], [], []]]


def test_ports_that_are_exchanged_cannot_be_updated_in_parts(own: Own) -> None:
    own.write({"a": {**SLEEP, "port": 41, "ready": None}, "b": {**SLEEP, "port": 42, "ready": None}})
    own.update("a")
    own.update("b")
    own.write({"a": {**SLEEP, "port": 42, "ready": None}, "b": {**SLEEP, "port": 41, "ready": None}})
    own.call("reloadConfig")
    own.call("stopProcess", "a")
    own.call("removeProcessGroup", "a")
    assert "a wants port 42 of b; `mamctl up -d`" in own.call.fault("addProcessGroup", "a")


def test_a_group_is_removed_once_it_is_stopped_and_can_come_back(own: Own) -> None:
    assert own.call("removeProcessGroup", "a") == FaultCode(91)
    assert own.call("removeProcessGroup", "nosuch") == FaultCode(10)
    assert own.call("addProcessGroup", "a") == FaultCode(90)
    own.call("stopProcess", "a")
    assert own.call("removeProcessGroup", "a") is True
    assert own.states().keys() == {"b"}
    assert own.call("startProcess", "a") == FaultCode(10)
    assert own.call("removeProcessGroup", "a") == FaultCode(10)
    assert own.call("addProcessGroup", "a") is True
    eventually(lambda: own.states() == {"a": "RUNNING", "b": "RUNNING"}, within=PATIENCE)


def test_a_manifest_that_is_wrong_changes_nothing(own: Own) -> None:
    own.write({"a": {"comand": "x"}})
    assert "services.a.comand: unknown key" in own.call.fault("reloadConfig")
    assert "unknown key" in own.call.fault("restart")
    own.call("stopProcess", "a")
    # What it was before holds; starting does not read the file.
    assert own.call("startProcess", "a") is True


def test_restart_reads_the_manifest_and_starts_all_anew(own: Own) -> None:
    before = {one["name"]: one["pid"] for one in own.call("getAllProcessInfo")}
    own.call("stopProcess", "b")
    own.write({"a": SLEEP, "b": SLEEP, "c": SLEEP})
    assert own.call("restart") is True
    eventually(lambda: own.states() == dict.fromkeys("abc", "RUNNING"), within=PATIENCE)
    after = {one["name"]: one["pid"] for one in own.call("getAllProcessInfo")}
    assert before["a"] != after["a"]


def test_one_that_waits_for_another_is_starting_and_says_for_whom(own: Own) -> None:
    never = {**SLEEP, "ready": {"log": "never"}, "start_timeout": 60}
    own.write({"a": SLEEP, "b": SLEEP, "slow": never, "after": {**SLEEP, "depends_on": ["slow"]}})
    own.update()
    found = own.call("getProcessInfo", "after")
    assert (found["statename"], found["pid"], found["description"]) == ("STARTING", 0, "waits for slow")
    assert own.call("startProcess", "after") == FaultCode(60)
    assert own.call("signalProcess", "after", "CONT") == FaultCode(70)
    assert own.call("stopProcess", "after") is True


def test_a_start_that_cannot_come_true_is_told_at_once(own: Own) -> None:
    own.write({"a": SLEEP, "b": SLEEP, "gone": {"command": ["/none/such"]}, "after": {**SLEEP, "depends_on": ["gone"]}})
    own.update()
    eventually(lambda: own.states()["after"] == "FATAL", within=PATIENCE)
    assert "needs gone" in own.call.fault("startProcess", "after")


def test_once_everything_is_being_stopped_only_that_is_said(own: Own) -> None:
    assert own.call("shutdown") is True
    eventually(lambda: own.call("getState") == FaultCode(6), within=PATIENCE)
    assert own.call("startProcess", "a") == FaultCode(6)
    assert "supervisor.getState" in own.call("system.listMethods")
    eventually(own.stack.manager.operator.ended.done, within=PATIENCE)
