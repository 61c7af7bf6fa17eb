"""Procfile, supervisord, launchd and the page for people."""

from __future__ import annotations

import plistlib
from configparser import RawConfigParser

import pytest

from tests.convert.exporting.stacks import RUN, export, lost, texts, told


def procfile(services, **wish):
    return texts("procfile", services, **wish)["Procfile"].splitlines()


def programs(services):
    parser = RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.optionxform = str
    parser.read_string(texts("supervisord", services)["supervisord.conf"])
    return {name: dict(parser[name]) for name in parser.sections()}


def plist(name, keys):
    return plistlib.loads(texts("launchd", {name: keys})[f"shop.{name}.plist"].encode())


def markdown(services, **wish):
    return texts("markdown", services, **wish)["services.md"]


def test_a_procfile_has_the_port_that_its_programs_give_and_else_its_own():
    services = {"web": {"port": 5000}, "api": {"port": 5100}, "db": {"port": 5432, "host": "::1"}}
    assert procfile(services) == [
        "web: /bin/true",
        "api: /bin/true",
        "db: env HOST=::1 PORT=5432 PORT_HTTP=5432 /bin/true",
    ]


def test_a_line_for_a_shell_is_the_line_of_a_procfile():
    keys = {"command": "echo $$PORT | cat", "shell": True, "env": {"A": "b c", "X": None}, "cwd": "web"}
    assert procfile({"web": keys}) == ["web: cd /stack/web && unset X; export A='b c'; echo $PORT | cat"]


@pytest.mark.parametrize("target", ["procfile", "supervisord", "systemd"])
def test_a_port_that_only_the_callers_environment_must_not_set_is_still_given(target):
    services = {"web": {"command": "serve $$PORT", "shell": True, "port": 8190, "env": {"PORT": None, "X": None}}}
    text = "".join(texts(target, services).values())
    assert "8190" in text
    assert not [line for line in text.splitlines() if "nset" in line and "PORT" in line.partition(";")[0]]
    assert "-uPORT" not in text
    assert not [key for key in lost(target, services).get("web", []) if key == "env.PORT"]


def test_a_path_goes_on_with_the_callers():
    environ = {"PATH": "/usr/bin:/bin"}
    lines = procfile({"web": {"env": {"PATH": "bin:/usr/bin:/bin"}}}, environ=environ)
    assert lines == ['web: env PATH=bin:"$PATH" /bin/true']


def test_tasks_and_what_up_does_not_start_have_no_line():
    services = {"t": {"kind": "task", "command": RUN}, "m": {"manual": True}, "p": {"profiles": ["x"]}, "a.b": {}}
    assert procfile(services) == ["a-b: /bin/true"]
    found = told("procfile", services)
    assert found == {"t": ["kind"], "m": ["kind"], "p": ["kind"], "a.b": ["name"]}


def test_supervisord_starts_in_the_order_of_the_dependencies():
    services = {"web": {"depends_on": ["api"]}, "api": {"depends_on": ["db"]}, "db": {}}
    found = programs(services)
    assert [found[f"program:{name}"]["priority"] for name in services] == ["3", "2", "1"]
    assert "depends_on.api" in lost("supervisord", services)["web"]


def test_supervisord_restarts_and_stops_as_the_manifest_says():
    keys = {
        "restart": {"policy": "always", "max_attempts": None}, "stop": {"signal": "INT", "grace": "30s"},
        "success_exit_codes": [0, 3], "logs": {"max_size": "1MB", "keep": 2, "streams": "split"}, "user": "web",
    }  # fmt: skip
    found = programs({"a": keys})["program:a"]
    expected = {
        "autorestart": "true", "stopsignal": "INT", "stopwaitsecs": "30", "exitcodes": "0,3", "user": "web",
        "stdout_logfile_maxbytes": "1000000", "stdout_logfile_backups": "2", "redirect_stderr": "false",
        "stderr_logfile": "%(here)s/logs/a.err.log",
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected


def test_replicas_are_a_group_of_programs():
    found = programs({"w": {"replicas": 2, "port": "8201-8202"}})
    assert found["group:w"] == {"programs": "w-1,w-2"}
    assert 'PORT="8202"' in found["program:w-2"]["environment"]


def test_a_signal_that_supervisord_does_not_know_is_told():
    assert programs({"a": {"stop": {"signal": "WINCH"}}})["program:a"]["stopsignal"] == "TERM"
    assert "stop.signal" in told("supervisord", {"a": {"stop": {"signal": "WINCH"}}})["a"]


@pytest.mark.parametrize(
    ("keys", "alive", "at_load"),
    [
        ({}, {"SuccessfulExit": False}, True),
        ({"restart": "always"}, True, True),
        ({"restart": "never"}, False, True),
        ({"manual": True}, False, False),
        ({"kind": "task", "command": RUN}, False, True),
    ],
)
def test_launchd_keeps_alive_what_the_manifest_does(keys, alive, at_load):
    found = plist("a", keys)
    assert (found["KeepAlive"], found["RunAtLoad"]) == (alive, at_load)


def test_launchd_has_the_account_the_limits_and_the_logs():
    keys = {"user": "web", "umask": "027", "limits": {"nice": 5, "open_files": 99}, "stop": {"grace": "2500ms"}}
    expected = {
        "UserName": "web", "Umask": 0o27, "Nice": 5, "SoftResourceLimits": {"NumberOfFiles": 99}, "ExitTimeOut": 3,
        "StandardOutPath": "/stack/logs/a.log", "StandardErrorPath": "/stack/logs/a.log",
    }  # fmt: skip
    assert expected.items() <= plist("a", keys).items()


def test_launchd_runs_a_schedule_by_its_own_clock():
    task = {"kind": "task", "command": RUN, "schedule": {"cron": "0,30 3 * * *", "timezone": "UTC"}}
    assert plist("a", task)["StartCalendarInterval"] == [{"Minute": 0, "Hour": 3}, {"Minute": 30, "Hour": 3}]
    assert lost("launchd", {"a": task})["a"] == ["schedule.timezone"]


def test_the_page_has_what_people_look_for():
    services = {
        "db": {"kind": "external", "port": 5432, "identify": {"tcp": "http"}},
        "web": {"description": "Sells | things", "port": 8100, "health": "/health", "depends_on": ["db"],
                "env": {"KEY": "hunter22", "A": "b"}, "secrets": ["KEY"], "restart": "always"},
        "w": {"replicas": 2, "port": "8201-8202", "logs": {"streams": "split"}},
        "chore": {"kind": "task", "command": RUN, "manual": True},
    }  # fmt: skip
    text = markdown(services)
    for part in (
        "| `db` | external | 5432 | port 5432 accepts | \N{EN DASH} |  |",
        "| `web` | service | 8100 | `/health` answers | `db` | Sells \\| things |",
        "| `w`, 2 replicas | service | 8201, 8202 |",
        '[("db :5432")]',
        "-->|ready|",
        "| `web` | `http://127.0.0.1:8100/health` | ready and live | every 10s |",
        "always, 5 times in 300s | TERM, within 10s | `KEY` (secret)<br>`A=b` |",
        "| `w-2` | `logs/w-2.log`, `logs/w-2.err.log` | at 10MB, 5 kept |",
        "mamctl run chore\n",
        "curl http://127.0.0.1:8100/health\n",
    ):
        assert part in text
    assert "`db` | `logs/" not in text


def test_the_page_says_what_every_service_has_only_once():
    text = markdown({"a": {}, "b": {"env": {"X": "y"}}}, env={"LEVEL": "info"})
    assert text.count("LEVEL=info") == 1
    assert "Every service has `LEVEL=info`." in text


def test_a_page_is_its_own_report():
    assert export("markdown", {"a": {"tty": True}}).notes == ()
