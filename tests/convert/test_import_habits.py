"""What people's files really hold, and importers tend to lose: each with what the program itself does with it."""

from __future__ import annotations

import shutil

import pytest
import yaml

from mamctl.core.errors import ManifestError
from tests.convert.imports import imported


def services_of(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    result = imported(tmp_path / name)
    return yaml.safe_load(result.text)["services"], result.notes


def left_out(notes, word):
    return [note.message for note in notes if note.left_out and word in f"{note.key} {note.message}"]


def test_a_watcher_of_circus_sees_the_variables_of_its_file_in_any_case(tmp_path):
    services, _ = services_of(
        tmp_path,
        "circus.ini",
        "[watcher:web]\ncmd = serve $(circus.env.backend) ((circus.env.OWN)) $(CIRCUS.ENV.HOME) ; and a remark\n"
        "[env]\nBACKEND = gevent\n[env:w*]\nOWN = a;b\n",
    )
    assert services["web"]["command"] == ["serve", "gevent", "a;b", "${HOME}"]


@pytest.mark.parametrize("number", ["$(circus.wid)", "$WID"])
def test_processes_of_circus_that_are_told_their_numbers_are_services_of_their_own(tmp_path, number):
    text = f"[watcher:web]\ncmd = serve {number}\nnumprocesses = 3\n"
    services, notes = services_of(tmp_path, "circus.ini", text)
    assert [one["command"][-1] for one in services.values()] == ["1", "2", "3"]
    assert list(services) == ["web-1", "web-2", "web-3"]
    assert not left_out(notes, "numprocesses")


def test_a_file_that_circus_includes_is_read_and_overrides_nothing(tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "more.ini").write_text("[watcher:web]\ncmd = other\nuid = me\n[watcher:job]\ncmd = job\n")
    text = "[circus]\ninclude_dir = conf.d\ninclude = none.ini\n[watcher:web]\ncmd = serve\n"
    services, notes = services_of(tmp_path, "circus.ini", text)
    assert (services["web"]["command"], services["web"]["user"]) == (["serve"], "me")
    assert services["job"]["command"] == ["job"]
    assert left_out(notes, "the first one counts")
    assert left_out(notes, "no file there matches")


def test_processes_that_share_a_socket_become_one_that_still_has_it(tmp_path):
    text = "[fcgi-program:php]\nsocket=tcp://localhost:9002\ncommand=php-cgi\nnumprocs=5\n"
    services, notes = services_of(tmp_path, "supervisord.conf", text)
    assert services["php"]["sockets"] == {"fcgi": 9002}
    assert "replicas" not in services["php"]
    assert left_out(notes, "numprocs")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ecosystem.json", '{"apps": [{"name": "a", "script": "a.js", "env": {"BAD": {"x": 1}, "GOOD": "1"}}]}'),
        ("process-compose.yaml", "processes: {a: {command: x, environment: [BAD, GOOD=1]}}"),
        ("process-compose.yaml", "processes: {a: {command: x, environment: {BAD: [], GOOD: 1}}}"),
        ("compose.yaml", "services: {a: {build: ., command: x, environment: {BAD: [], GOOD: 1}}}"),
    ],
)
def test_a_variable_that_cannot_be_taken_is_told_and_leaves_the_others(tmp_path, name, text):
    services, notes = services_of(tmp_path, name, text)
    assert services["a"]["env"] == {"GOOD": "1"}
    assert len([note for note in notes if note.left_out]) == 1


@pytest.mark.parametrize(
    ("script", "command"),
    [("npm start", ["npm", "start"]), ("./a.sh && echo $HOME", ["bash", "-c", "./a.sh && echo $HOME"])],
)
def test_a_script_with_spaces_is_a_line_for_bash_as_with_pm2(tmp_path, script, command):
    text = f'{{"apps": [{{"name": "a", "script": "{script}", "args": "--lost"}}]}}'
    services, notes = services_of(tmp_path, "ecosystem.json", text)
    assert services["a"]["command"] == command
    assert left_out(notes, "args")


@pytest.mark.parametrize("key", ["cmd", "command"])
def test_pm2_has_other_names_for_a_script(tmp_path, key):
    services, _ = services_of(tmp_path, "ecosystem.json", f'{{"apps": [{{"{key}": "a.py"}}]}}')
    assert services["a"]["command"] == ["python3", "a.py"]


def test_a_semicolon_that_stands_alone_is_between_two_commands_of_a_oneshot_unit(tmp_path):
    text = "[Service]\nType=oneshot\nExecStart=/bin/echo 'a ; b' ; /bin/echo c \\; d\nExecStart=/bin/true\n"
    services, _ = services_of(tmp_path, "job.service", text)
    assert services["job"]["command"] == "/bin/echo 'a ; b' && /bin/echo c ';' d && /bin/true"


def test_a_variable_in_braces_is_one_word_for_systemd_and_without_them_several(tmp_path):
    services, _ = services_of(tmp_path, "web.service", "[Service]\nExecStart=/bin/echo ${ONE} $MANY\n")
    assert services["web"]["command"] == 'exec /bin/echo "$${ONE}" $MANY'


def test_an_instance_is_read_from_its_template(tmp_path):
    (tmp_path / "web@.service").write_text("[Service]\nExecStart=/bin/serve %i\n")
    result = imported(tmp_path / "web@blue.service")
    assert yaml.safe_load(result.text)["services"]["web-blue"]["command"] == ["/bin/serve", "blue"]


def test_a_pattern_of_env_files_names_those_that_are_there(tmp_path):
    (tmp_path / "a.env").write_text("A=1\n")
    text = f"[Service]\nExecStart=/bin/true\nEnvironmentFile={tmp_path}/*.env\nEnvironmentFile=-/none/*.env\n"
    services, notes = services_of(tmp_path, "web.service", text)
    assert services["web"]["env_file"] == [{"path": "a.env", "required": True}]
    assert len([note for note in notes if "match" in note.message]) == 2


def test_the_restarts_of_deploy_count_before_restart(tmp_path):
    policy = "{condition: on-failure, delay: 5s, max_attempts: 3, window: 120s}"
    text = f"services: {{a: {{build: ., command: x, restart: always, deploy: {{restart_policy: {policy}}}}}}}"
    services, notes = services_of(tmp_path, "compose.yaml", text)
    assert services["a"]["restart"] == {
        "policy": "on-failure", "max_attempts": 3, "delay": "5s", "reset_after": "120s",
    }  # fmt: skip
    assert left_out(notes, "the restart_policy of `deploy` counts")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("docker-compose.yml", "services: {a: {build: ., command: x}}"),
        ("process-compose.yaml", "processes: {a: {command: x}}"),
    ],
)
def test_a_file_that_its_program_would_merge_is_told_of(tmp_path, name, text):
    stem, ending = name.rsplit(".", 1)
    (tmp_path / f"{stem}.override.{ending}").write_text(text)
    _, notes = services_of(tmp_path, name, text)
    assert [note.key for note in notes if "merged" in note.message] == [f"{stem}.override.{ending}"]


def test_a_program_that_only_the_image_has_is_run_by_docker(tmp_path):
    text = f"services: {{a: {{image: x, command: /app/none --x}}, b: {{image: x, command: {shutil.which('sleep')} 1}}}}"
    services, _ = services_of(tmp_path, "compose.yaml", text)
    assert services["a"]["command"][:2] == ["docker", "compose"]
    assert services["b"]["command"][0].endswith("sleep")


@pytest.mark.parametrize(
    ("said", "restart"),
    [
        ("", "never"),
        (", restart: no", "never"),
        (", restart: unless-stopped", {"policy": "always", "max_attempts": None}),
        (", restart: 'on-failure:3'", {"policy": "on-failure", "max_attempts": 3}),
        (", restart: always, deploy: {restart_policy: {condition: none}}", {"policy": "never", "max_attempts": None}),
        (", restart: always, deploy: {replicas: 2}", {"policy": "always", "max_attempts": None}),
    ],
)
def test_what_docker_still_runs_is_started_again_as_it_says(tmp_path, said, restart):
    services, notes = services_of(tmp_path, "compose.yaml", f"services: {{db: {{image: 'postgres:16'{said}}}}}")
    assert services["db"]["restart"] == restart
    assert len(notes) == 1


def test_what_docker_still_runs_is_reached_on_the_ports_that_it_publishes(tmp_path):
    text = (
        "services:\n"
        "  web:\n    build: .\n    command: x\n    depends_on: [db, cache]\n    environment:\n"
        "      URL: postgres://me@db:5432/app?x=1\n      BROKER: redis://cache:6379\n      API_HOST: web\n"
        "      API: web:80\n      ADDRESS: db:5432\n"
        "  db: {image: postgres, ports: ['127.0.0.1:5433:5432', {target: 1, published: '2'}]}\n"
        "  cache: {image: redis}\n"
        "  unneeded: {image: redis}\n"
    )
    services, notes = services_of(tmp_path, "compose.yaml", text)
    assert services["web"]["env"] == {
        "URL": "postgres://me@127.0.0.1:5433/app?x=1", "BROKER": "redis://127.0.0.1:6379", "API_HOST": "127.0.0.1",
        "API": "127.0.0.1:80", "ADDRESS": "127.0.0.1:5433",
    }  # fmt: skip
    assert [note.key for note in notes if "publishes no port" in note.message] == ["services.cache"]


def test_a_watcher_of_circus_sees_its_own_variables_in_its_command(tmp_path):
    text = (
        "[env]\nA = all\nB = all\n[env:web]\nB = more\n"
        "[watcher:web]\ncmd = serve $(circus.env.a) $(circus.env.b)\nenv = A=own,B=own\n"
    )
    services, _ = services_of(tmp_path, "circus.ini", text)
    assert services["web"]["command"] == ["serve", "own", "more"]


def test_one_edge_that_cannot_be_is_left_out_and_the_others_stay(tmp_path):
    text = (
        "processes:\n"
        "  web: {command: serve, depends_on: {job: {condition: process_completed_successfully},"
        " tick: {condition: process_started}}}\n"
        "  job: {command: make}\n"
        '  tick: {command: tick, schedule: {cron: "0 * * * *"}}\n'
    )
    services, notes = services_of(tmp_path, "process-compose.yaml", text)
    assert list(services["web"]["depends_on"]) == ["job"]
    assert [note.key for note in notes if "schedule" in note.message] == ["depends_on tick"]


@pytest.mark.parametrize("said", ["scale: 1", "deploy: {replicas: 1}"])
def test_a_single_replica_of_compose_keeps_its_port(tmp_path, said):
    text = f"services: {{web: {{build: ., command: serve, ports: ['8190:8190'], {said}}}}}"
    services, notes = services_of(tmp_path, "compose.yaml", text)
    assert services["web"]["ports"] == {"http": 8190}
    assert not left_out(notes, "ports")


def test_an_app_that_pm2_does_not_start_by_itself_is_manual(tmp_path):
    text = '{"apps": [{"name": "a", "script": "a.js", "autostart": false, "combine_logs": true}]}'
    services, notes = services_of(tmp_path, "ecosystem.json", text)
    assert services["a"]["manual"] is True
    assert not [note for note in notes if note.left_out]


def test_a_service_without_a_command_is_left_out_for_that_reason(tmp_path):
    text = '[program:a]\ncommand=a\n[program:b]\ncommand=sh -c "x ; y"\n'
    services, notes = services_of(tmp_path, "supervisord.conf", text)
    assert list(services) == ["a"]
    assert left_out(notes, "b the service: it has no command that can be run here")
    assert left_out(notes, "a quote that is not closed")


def test_a_service_of_compose_with_nothing_to_run_is_left_out(tmp_path):
    text = (
        "services:\n  web: {build: ., command: serve, depends_on: [empty]}\n  empty:\n  odd: 5\n  bare: {ports: [80]}\n"
    )
    services, notes = services_of(tmp_path, "compose.yaml", text)
    assert list(services) == ["web"]
    assert len(left_out(notes, "it has no command that can be run here")) == 3
    assert len(left_out(notes, "has neither an image nor a build")) == 3


@pytest.mark.parametrize("name", ["ecosystem.json", "ecosystem.json5"])
def test_json_of_pm2_may_have_remarks(tmp_path, name):
    text = '// apps\n{ /* all\nof them */ "apps": [{"script": "http://a/b.js" /* */, "x": "/*", //\n "y": "*/"}] }\n'
    services, notes = services_of(tmp_path, name, text)
    assert services["b"]["command"] == ["node", "http://a/b.js"]
    assert [(note.line, note.key) for note in notes if note.left_out] == [(3, "apps[0].x"), (4, "apps[0].y")]


def test_a_number_of_processes_that_is_none_is_told(tmp_path):
    services, notes = services_of(tmp_path, "circus.ini", "[watcher:web]\ncmd = serve\nnumprocesses = many\n")
    assert "replicas" not in services["web"]
    assert left_out(notes, "numprocesses is not a whole number")


def test_an_empty_assignment_in_a_unit_is_the_default_again(tmp_path):
    text = "[Service]\nExecStart=/bin/web\nUser=web\nUser=\nUMask=\nNice=\n"
    services, notes = services_of(tmp_path, "web.service", text)
    assert services["web"].keys() == {"command", "cwd", "restart"}
    assert not [note for note in notes if note.left_out]


@pytest.mark.skipif(shutil.which("node") is None, reason="node reads these files, and there is none here")
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (r"throw new Error('first\nsecond')", "node cannot read it: first"),
        (r"throw new Error('\x1b[31mred')", "node cannot read it: ?[31mred"),
        ("require('no-such-module')", "node cannot read it: Cannot find module 'no-such-module'"),
    ],
)
def test_a_script_that_fails_is_refused_with_the_beginning_of_its_error(tmp_path, script, reason):
    (tmp_path / "ecosystem.config.js").write_text(script)
    with pytest.raises(ManifestError) as refused:
        imported(tmp_path / "ecosystem.config.js")
    assert [problem.message for problem in refused.value.problems] == [reason]


@pytest.mark.parametrize(("word", "left"), [("false", 0), ("no", 0), ("true", 2), ("perhaps", 2)])
def test_a_switch_that_is_off_needs_nothing_and_is_told_all_the_same(tmp_path, word, left):
    text = f"is_strict: {word}\nprocesses:\n  web: {{command: serve, is_daemon: {word}}}\n"
    _, notes = services_of(tmp_path, "process-compose.yaml", text)
    assert [note.key for note in notes] == ["is_strict", "processes.web.is_daemon"]
    assert len([note for note in notes if note.left_out]) == left
