"""Files that are broken, or mean harm: a reason with its place, or a valid manifest; nothing in between."""

from __future__ import annotations

import contextlib
import os
import stat
import string
import time

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mamctl.convert.importing import javascript
from mamctl.convert.importing.files import LARGEST, Unreadable
from mamctl.convert.importing.reader import FORMATS
from mamctl.core.errors import ManifestError, UsageError
from tests.convert.imports import FILES, SAMPLES, copied, imported

NAMES = {
    "procfile": "Procfile",
    "supervisord": "supervisord.conf",
    "compose": "compose.yaml",
    "process-compose": "process-compose.yaml",
    "pm2": "ecosystem.yaml",
    "circus": "circus.ini",
    "systemd": "web.service",
}
SECRET = "hunter2-of-the-test"
LETTERS = st.text(
    st.sampled_from(string.ascii_letters + " \t\n=:;#%$(){}[]'\"\\-.,&*!@<>0123456789é\x85\u2028\x7f"), max_size=60
)
KEYS = {
    "compose": "services",
    "process-compose": "processes",
}
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def attempt(folder, name, text):
    """Import a text; return what came of it, or None after a refusal in our own words."""
    (folder / NAMES[name]).write_text(text)
    try:
        result = imported(folder / NAMES[name], format_name=name)
    except ManifestError as error:
        if not error.problems or not all(problem.line > 0 and problem.message for problem in error.problems):
            raise
        return None
    except UsageError:
        return None
    assert yaml.safe_load(result.text)["services"]
    return result


@pytest.mark.parametrize("name", sorted(NAMES))
@given(data=st.data())
@quick
def test_a_sample_with_noise_in_it_is_imported_or_refused(name, tmp_path, data):
    text = (SAMPLES / name / FILES[name][0]).read_text()
    lines = text.split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        old = lines[at]
        cut = data.draw(st.integers(0, len(old)))
        lines[at] = old[:cut] + data.draw(LETTERS) + data.draw(st.sampled_from(["", old[cut:]]))
    attempt(tmp_path, name, "\n".join(lines))


@pytest.mark.parametrize("name", sorted(NAMES))
@given(text=st.text(max_size=200))
@example("")
@example("\x00")
@example("[")
@example("services: [a]")
@example("[program:x]\n")
@example("web:\n")
@quick
def test_any_text_at_all_is_imported_or_refused(name, tmp_path, text):
    attempt(tmp_path, name, text.encode("utf-8", "replace").decode())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | LETTERS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_letters, max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def rules_of(name):
    from importlib import import_module

    module = import_module(f"mamctl.convert.importing.{name.replace('-', '_')}")
    return {**module.RULES, **module.ADVICE}


@pytest.mark.parametrize("name", ["compose", "process-compose", "pm2"])
@given(data=st.data())
@quick
def test_every_key_with_any_value_is_represented_or_reported(name, tmp_path, data):
    rules = sorted(rules_of(name))
    keys = data.draw(st.dictionaries(st.sampled_from(rules), VALUES, max_size=5))
    keys |= {"zzz_unknown": 1}
    service = {"command": "sleep 1", "build": "."} if name == "compose" else {"command": "sleep 1"}
    document = {KEYS[name]: {"web": {**service, **keys}}} if name in KEYS else {"apps": [{"script": "x.js", **keys}]}
    result = attempt(tmp_path, name, yaml.safe_dump(document, allow_unicode=False))
    if result is not None and "docker" not in result.text:
        assert [note for note in result.notes if note.key.endswith("zzz_unknown")]


@pytest.mark.parametrize("name", ["supervisord", "circus", "systemd"])
@given(data=st.data())
@quick
def test_every_option_with_any_value_is_represented_or_reported(name, tmp_path, data):
    from mamctl.convert.importing import systemd_rules

    rules = sorted({**systemd_rules.SERVICE_RULES, **systemd_rules.UNIT_RULES} if name == "systemd" else rules_of(name))
    keys = data.draw(
        st.dictionaries(
            st.sampled_from(rules), LETTERS.map(lambda one: one.replace("\n", " ").rstrip("\\")), max_size=5
        )
    )
    head = {"supervisord": "[program:web]\ncommand=sleep 1\n", "circus": "[watcher:web]\ncmd = sleep 1\n"}
    text = head.get(name, "[Service]\nExecStart=/bin/sleep 1\n")
    text += "".join(f"{key}={value}\n" for key, value in keys.items() if key not in ("command", "cmd", "ExecStart"))
    result = attempt(tmp_path, name, f"{text}zzz_unknown=1\n")
    if result is not None:
        assert [note for note in result.notes if note.key.endswith("zzz_unknown")]


def test_all_that_is_wrong_is_told_at_once_with_its_lines(tmp_path):
    (tmp_path / "supervisord.conf").write_text("stray\n[program:web]\ncommand=x\nnonsense\n")
    with pytest.raises(Unreadable) as caught:
        imported(tmp_path / "supervisord.conf")
    assert [(problem.line, problem.hint) for problem in caught.value.problems] == [
        (1, "a section begins with its [name]"),
        (4, None),
    ]


def test_an_alias_bomb_is_refused(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (tmp_path / "compose.yaml").write_text("\n".join([*lines, "services: {web: *a8}"]))
    with pytest.raises(Unreadable) as caught:
        imported(tmp_path / "compose.yaml")
    assert "values, aliases included" in caught.value.problems[0].message


def test_an_alias_that_is_small_enough_is_walked_once(tmp_path):
    text = "x-a: &a {LOG: info}\nservices:\n"
    text += "".join(f"  web{n}: {{command: sleep 1, build: ., environment: *a, labels: *a}}\n" for n in range(200))
    (tmp_path / "compose.yaml").write_text(text)
    result = imported(tmp_path / "compose.yaml")
    assert len(result.services) == 200
    assert len([note for note in result.notes if note.key.endswith("labels")]) == 200


def test_a_file_that_is_too_large_is_refused(tmp_path):
    with open(tmp_path / "Procfile", "wb") as file:
        file.truncate(100 << 20)
    with pytest.raises(Unreadable) as caught:
        imported(tmp_path / "Procfile")
    assert caught.value.problems[0].message == f"is larger than {LARGEST >> 20} MiB"


@pytest.mark.parametrize("data", [b"\x7fELF\x00\x01", b"web: \xff\xfe\n", b"web: a\x00b\n"])
def test_what_is_no_text_is_refused(tmp_path, data):
    (tmp_path / "Procfile").write_bytes(data)
    with pytest.raises(Unreadable):
        imported(tmp_path / "Procfile")


def test_a_fifo_is_no_file_to_wait_for(tmp_path):
    os.mkfifo(tmp_path / "Procfile")
    assert stat.S_ISFIFO((tmp_path / "Procfile").stat().st_mode)
    with pytest.raises(UsageError, match="is not a file"):
        imported(tmp_path / "Procfile")


def test_includes_stay_in_the_folder_and_include_nothing_further(tmp_path):
    (tmp_path / "secret.conf").write_text("[program:outside]\ncommand=sleep 1\n")
    inside = tmp_path / "etc"
    inside.mkdir()
    (inside / "more.conf").write_text("[include]\nfiles=supervisord.conf more.conf\n[program:more]\ncommand=sleep 1\n")
    (inside / "link.conf").symlink_to(tmp_path / "secret.conf")
    text = "[include]\nfiles=../secret.conf more.conf link.conf none*.conf\n[program:web]\ncommand=sleep 1\n"
    (inside / "supervisord.conf").write_text(text)
    result = imported(inside / "supervisord.conf")
    assert sorted(result.services) == ["more", "web"]
    assert sum("not read" in note.message for note in result.notes) == 1
    assert any("no file there matches" in note.message for note in result.notes)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_report_holds_no_values(name, tmp_path):
    folder = copied(name, tmp_path)
    for file in FILES[name]:
        text = (folder / file).read_text()
        (folder / file).write_text(text.replace("hunter2", SECRET).replace("DEBUG=1", f"DEBUG={SECRET}"))
    result = imported(*(folder / file for file in FILES[name]))
    assert not [note for note in result.notes if SECRET in note.message or "hunter2" in note.message]


def test_services_that_want_one_port_lose_it_with_a_note_and_stay_valid(tmp_path):
    text = "services:\n" + "".join(
        f"  {name}: {{command: sleep 1, build: ., ports: ['80{n}:8000']}}\n" for n, name in enumerate(("a", "b"))
    )
    (tmp_path / "compose.yaml").write_text(text)
    result = imported(tmp_path / "compose.yaml")
    assert len([one for one in yaml.safe_load(result.text)["services"].values() if "ports" in one]) < 2
    assert any(note.key == "ports" and note.left_out for note in result.notes)


def test_services_that_wait_for_each_other_lose_that_with_a_note(tmp_path):
    (tmp_path / "compose.yaml").write_text(
        "services:\n  a: {command: sleep 1, build: ., depends_on: [b]}\n"
        "  b: {command: sleep 1, build: ., depends_on: [a]}\n"
    )
    result = imported(tmp_path / "compose.yaml")
    assert set(result.services) == {"a", "b"}
    assert any(note.key == "depends_on" for note in result.notes)


def test_javascript_without_node_says_what_to_do(tmp_path):
    (tmp_path / "ecosystem.config.js").write_text("module.exports = {apps: []}")
    with pytest.raises(UsageError, match="it takes node") as caught:
        imported(tmp_path / "ecosystem.config.js", environ={"PATH": "/nowhere"})
    assert "JSON" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "script", ["module.exports = {", "throw new Error('no')", "module.exports = undefined", "while (true) {}"]
)
def test_javascript_that_fails_is_refused(tmp_path, script, monkeypatch):
    if not javascript.which("node"):
        pytest.skip("node is not installed, which reads JavaScript")
    monkeypatch.setattr(javascript, "SECONDS", 1.0)
    (tmp_path / "ecosystem.config.js").write_text(script)
    with pytest.raises(Unreadable):
        imported(tmp_path / "ecosystem.config.js")


def test_each_format_has_a_sample():
    assert set(FORMATS) <= set(FILES)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("procfile", "web: x $PORT\napi: y $PORT\n"),
        ("compose", "services: {web: {build: ., command: x, ports: ['8000:8000'], environment: {PORT: 3000, A: b}}}\n"),
    ],
)
def test_a_variable_that_contradicts_a_port_gives_way_and_nothing_else_does(tmp_path, name, text):
    (tmp_path / ".env").write_text("PORT=4000\nB=c\n")
    result = attempt(tmp_path, name, text)
    assert result is not None
    services = yaml.safe_load(result.text)["services"]
    assert all("port" in one or "ports" in one for one in services.values())
    assert {key for one in services.values() for key in one.get("env", {})} <= {"PORT", "A"}
    assert any(note.key == "env PORT" for note in result.notes)


SPACE = " " * 1_000_000


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Procfile", f"a{SPACE}\n"),
        ("unknown", "\n" * 200_000 + "?"),
        ("unknown", "#\n \n" * 200_000 + "?"),
        ("supervisord.conf", f"[program:x]\na{SPACE}b\n"),
        ("supervisord.conf", f"[program:x]\ncommand=x\nenvironment=A={SPACE}\n"),
        ("supervisord.conf", "".join(f"[program:p{n}]\ncommand=x\nzzz=1\n" for n in range(20_000))),
        ("web.service", "[Service]\nExecStart=x " + "\\\n" * 100_000),
        ("compose.yaml", "services: {a: {build: ., command: x, environment: {A: '" + "${A:-" * 100_000 + "'}}}"),
        ("Procfile", "web: x\n" * 100_000),
    ],
    ids=lambda value: value if len(value) < 20 else "",
)
def test_what_is_long_takes_no_longer_than_it_must(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    begun = time.process_time()
    with contextlib.suppress(UsageError):
        imported(tmp_path / name)
    assert time.process_time() - begun < 10
