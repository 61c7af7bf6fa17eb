"""Nothing is dropped in silence: each key that somebody writes is said, and each that is said is accounted for."""

from __future__ import annotations

import pytest

from mamctl.convert.exporting.ledger import Ledger
from mamctl.convert.exporting.said import said
from mamctl.core.manifest.fields import SERVICE_FIELDS
from tests.convert.exporting.stacks import RUN, TARGETS, export, lost, manifest, texts

TASK = {"kind": "task", "command": RUN}
EXTERNAL = {"kind": "external", "identify": {"tcp": "h:1"}, "acquire": ["attach", {"run": RUN}]}
# A service with each key, and what is said of it.
KEYS = {
    "kind": (TASK, []),
    "description": ({"description": "x"}, ["description"]),
    "command": ({}, []),
    "shell": ({"command": "x", "shell": True}, []),
    "cwd": ({"cwd": "x"}, ["cwd"]),
    "env": ({"env": {"A": "b", "C": None}}, ["env", "env.C"]),
    "env_file": ({"env_file": {"path": "x", "required": False}}, []),
    "secrets": ({"secrets": ["A"]}, ["secrets"]),
    "host": ({"host": "::1", "port": 5}, ["host", "ports.http"]),
    "port": ({"port": 5}, ["ports.http"]),
    "ports": ({"ports": {"a": 5, "b": 6}}, ["ports.a", "ports.b"]),
    "sockets": ({"sockets": {"a": 5}}, ["sockets.a"]),
    "listener": ({"listener": "any"}, ["listener"]),
    "depends_on": (
        {"depends_on": {"other": {"required": False, "restart": True}}},
        ["depends_on.other", "depends_on.other.required", "depends_on.other.restart"],
    ),
    "start_timeout": ({"start_timeout": 5}, ["start_timeout"]),
    "ready": ({"ready": {"http": "http://h/", "status": 204, "json": {}, "failures": 9}},
              ["ready.http", "ready.status", "ready.json", "ready.failures"]),
    "live": ({"live": {"exec": RUN, "interval": 9, "timeout": 1}}, ["live.exec", "live.timeout", "live.interval"]),
    "health": ({"port": 5, "health": "/"}, ["ports.http", "ready.http", "live.http"]),
    "restart": ({"restart": {"policy": "always", "delay": 9, "factor": 1, "max_delay": 1, "jitter": 0,
                             "max_attempts": 1, "window": 9, "reset_after": 9}},
                [f"restart.{key}" for key in
                 ("policy", "delay", "factor", "max_delay", "jitter", "max_attempts", "window", "reset_after")]),
    "success_exit_codes": ({"success_exit_codes": [0, 3]}, ["success_exit_codes"]),
    "stop": ({"stop": {"signal": "INT", "grace": 1, "command": RUN}}, ["stop.signal", "stop.grace", "stop.command"]),
    "logs": ({"logs": {"max_size": 9, "keep": 1, "streams": "split"}}, ["logs.max_size", "logs.keep", "logs.streams"]),
    "limits": ({"limits": {"memory": "1GB", "open_files": 9, "nice": 1}},
               ["limits.memory", "limits.open_files", "limits.nice"]),
    "watch": ({"watch": True}, ["watch"]),
    "user": ({"user": "x"}, ["user"]),
    "group": ({"group": "x"}, ["group"]),
    "umask": ({"umask": "027"}, ["umask"]),
    "tty": ({"tty": True}, ["tty"]),
    "profiles": ({"profiles": ["x"]}, ["profiles"]),
    "manual": ({"manual": True}, ["manual"]),
    "essential": ({"essential": True}, ["essential"]),
    "on_supervisor_death": ({"on_supervisor_death": "stop"}, ["on_supervisor_death"]),
    "identify": (EXTERNAL, ["identify", "acquire"]),
    "acquire": (EXTERNAL, ["identify", "acquire"]),
    "release": (EXTERNAL | {"release": {"run": RUN}}, ["identify", "acquire", "release"]),
    "events": ({"events": ["EVENT"]}, ["events"]),
    "hooks": ({"hooks": {"on_ready": RUN}}, ["hooks.on_ready"]),
    "schedule": (TASK | {"schedule": {"cron": "@daily", "timezone": "UTC"}}, ["schedule.cron", "schedule.timezone"]),
    "image": ({"image": "x"}, ["image"]),
    "replicas": ({"replicas": 2}, ["replicas"]),
}  # fmt: skip
RUNNABLE = [key for key, (keys, _) in KEYS.items() if keys.get("kind") != "external"]


def stack_of(keys):
    return {"a": keys, "other": {}}


def test_there_is_an_example_of_every_key():
    assert KEYS.keys() == SERVICE_FIELDS.keys()


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_is_written_is_said(key):
    keys, expected = KEYS[key]
    found = manifest(stack_of(keys)).services
    spec = next(iter(found.values()))
    assert sorted(said(spec, "/stack")) == sorted(expected)


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "markdown"])
@pytest.mark.parametrize("key", RUNNABLE)
def test_a_key_is_told_to_be_lost_or_changes_what_is_written(key, target):
    keys, expected = KEYS[key]
    images = {"a": "i", "other": "i"}
    name = "a-1" if key == "replicas" else "a"
    gone = lost(target, stack_of(keys), images=images).get(name, [])
    notes = [note.key for note in export(target, stack_of(keys), images=images).notes]
    plain = {"kind": "task", "command": RUN} if keys.get("kind") == "task" else {}
    same = texts(target, stack_of(keys), images=images) == texts(target, stack_of(plain), images=images)
    silent = set(expected) - {*gone, *notes, "image"}
    # What a Deployment does anyway is no loss; of what has no line at all only that is told.
    assert not same or silent <= ({"restart.policy"} if target == "kubernetes" else set()) or "kind" in notes


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "markdown"])
def test_what_can_only_be_attached_to_is_told_to_be_left_out(target):
    found = export(target, {"db": EXTERNAL, "web": {"depends_on": ["db"]}}, images={"web": "i"})
    assert [str(note) for note in found.notes if note.service == "db"] == [
        "db: kind: is somebody else's, so it is not exported; with an image it could be run"
    ]
    assert "web: depends_on.db: db is not exported with it" in map(str, found.notes)
    assert all("h:1" not in file.text for file in found.files)


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "markdown"])
def test_keys_of_the_whole_stack_are_accounted_for(target):
    smoke = [{"name": "x", "exec": RUN}]
    assert "smoke" in lost(target, {"a": {}}, images={"a": "i"}, smoke=smoke)[None]


def test_what_nobody_accounts_for_is_told():
    ledger = Ledger({"a": ["x", "y.z"]}, "is nowhere")
    ledger.told("a", "x")
    assert [str(note) for note in ledger.notes()] == ["a: y.z: is nowhere"]


def test_a_sentence_is_told_once():
    ledger = Ledger({"a": ["x"]}, "is nowhere")
    ledger.note("a", "x", "is so")
    ledger.note("a", "x", "is so")
    assert [str(note) for note in ledger.notes()] == ["a: x: is so"]


def test_what_is_not_written_is_not_told_to_be_lost():
    ledger = Ledger({"a": []}, "is nowhere")
    ledger.lost("a", "x", "is not there")
    assert ledger.notes() == ()


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "markdown"])
def test_a_variable_of_a_name_that_no_program_takes_is_left_out_and_told(target):
    keys = {"env": {"a b; rm": "zqxj", "GOOD": "x", "no;pe": None}, "image": "i"}
    found = export(target, {"a": keys})
    told = [note.key for note in found.notes]
    assert {"env.a b; rm", "env.no;pe"} <= set(told)
    assert all("zqxj" not in file.text and "no;pe" not in file.text for file in found.files)


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "markdown"])
def test_a_service_without_a_replica_is_told(target):
    found = export(target, {"a": {"image": "i"}, "w": {"replicas": 0}})
    assert "w: replicas: is 0, so there is nothing to export" in map(str, found.notes)
