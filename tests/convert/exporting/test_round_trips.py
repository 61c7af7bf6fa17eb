"""What is exported and imported again means the same, as far as the other format can say it; and a second time too."""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mamctl.convert.exporting.stack import Wish, stack
from mamctl.core.manifest.model import TcpProbe
from mamctl.runtime.manifest import load
from tests.convert.exporting.test_words import LETTERS
from tests.convert.imports import imported

FILES = {"procfile": "Procfile", "supervisord": "supervisord.conf", "compose": "compose.yaml", "systemd": "*.service"}
# What we tell every service, which comes back as variables of its own.
OURS = ("PYTHONUNBUFFERED", "PORT", "PORT_HTTP", "HOST")
TEXT = st.text(LETTERS, max_size=8)
SERVICE = st.fixed_dictionaries(
    {
        "command": st.lists(TEXT, max_size=3).map(lambda words: ["/bin/run", *words]),
        "env": st.dictionaries(st.sampled_from(["A", "B_C", "LEVEL"]), TEXT, max_size=2),
    },
)
SAID = {
    "procfile": {},
    "supervisord": {
        "restart": st.sampled_from(["always", "on-failure", "never"]),
        "stop": st.fixed_dictionaries({"signal": st.sampled_from(["TERM", "INT", "HUP"]), "grace": st.integers(1, 99)}),
        "umask": st.sampled_from(["022", "077"]),
        "success_exit_codes": st.just([0, 3]),
    },
    "compose": {
        "restart": st.sampled_from(["always", "never", {"max_attempts": 7}]),
        "stop": st.fixed_dictionaries({"signal": st.sampled_from(["TERM", "INT", "HUP"]), "grace": st.integers(1, 99)}),
        "ready": st.just({"exec": ["check", "it"]}),
        "profiles": st.just(["extra"]),
        "tty": st.just(True),
    },
    "systemd": {
        "restart": st.sampled_from(["always", "never", {"policy": "on-failure", "delay": "2s", "max_attempts": 7}]),
        "stop": st.fixed_dictionaries({"signal": st.sampled_from(["TERM", "INT", "HUP"]), "grace": st.integers(1, 99)}),
        "limits": st.just({"nice": 5, "open_files": 99}),
        "umask": st.sampled_from(["022", "077"]),
        "ready": st.just({"notify": True}),
    },
}
EDGES = {"compose": {"a": "ready"}, "systemd": ["a"]}


def services_of(target):
    """A strategy for stacks that a format can express."""
    said = st.fixed_dictionaries({}, optional=SAID[target])
    return st.lists(st.tuples(SERVICE, said).map(lambda both: {**both[0], **both[1]}), min_size=1, max_size=3)


def written(target, found):
    """The manifest's services as plain values: their ports and edges as the format has them, nothing a reference."""
    tree = {}
    for index, (name, keys) in enumerate(zip("abc", found, strict=False)):
        plain = yaml.safe_load(yaml.safe_dump(keys).replace("$", "$$"))
        tree[name] = plain | ({"port": 5000 + 100 * index} if target in ("procfile", "compose") else {})
        if index and target in EDGES:
            tree[name]["depends_on"] = EDGES[target]
            tree["a"].setdefault("ready", {"exec": ["check"]} if target == "compose" else {"notify": True})
    return {"name": "shop", "services": tree}


def there_and_back(target, manifest, folder):
    """The manifest that comes of an export of another one."""
    folder.mkdir()
    module = __import__(f"mamctl.convert.exporting.{target}", fromlist=["export"])
    for file in module.export(stack(manifest, Wish(list(manifest.services)))).files:
        (folder / file.name).write_text(file.text, encoding="utf-8")
    text = imported(*sorted(folder.glob(FILES[target])), format_name=target).text
    (folder / "services.yaml").write_text(text, encoding="utf-8")
    return load(str(folder / "services.yaml"), environ={})


def meaning(target, manifest):
    """What counts of each service, without what the format cannot say."""
    return {name.rpartition("-")[2]: of_service(target, spec) for name, spec in manifest.services.items()}


def of_service(target, spec):
    argv, env = started(spec)
    found = {"argv": argv, "env": {name: value for name, value in env.items() if name not in OURS}}
    if target == "procfile":
        return found
    found |= {"restart": spec.restart.policy, "stop": spec.stop, "manual": spec.manual}
    if target in EDGES:
        found["edges"] = {name.rpartition("-")[2]: edge for name, edge in spec.depends_on.items()}
    if target in ("supervisord", "systemd"):
        found |= {"umask": spec.account.umask, "codes": spec.success_exit_codes}
    if target == "compose" and not isinstance(spec.ready.check, TcpProbe) and spec.ready.check.argv[0] == "check":
        found |= {"ready": spec.ready}
    if target == "compose":
        found |= {"profiles": spec.profiles, "tty": spec.tty, "attempts": attempts(spec)}
        found["ports"] = [port.number for port in spec.ports]
    if target == "systemd":
        found |= {"limits": spec.limits, "delay": spec.restart.delay, "ready": spec.ready, "attempts": attempts(spec)}
    return found


def attempts(spec):
    """How often it is restarted; who is never, or by compose always, has no number."""
    return spec.restart.max_attempts if spec.restart.policy == "on-failure" else None


def started(spec):
    """The words and variables that its program gets: `env A=b run` and the line of a shell mean no more than that."""
    argv = list(spec.argv)
    if argv[:2] == ["/bin/sh", "-c"]:
        argv = shlex.split(argv[2])
    env = dict(spec.env)
    if os.path.basename(argv[0]) == "env":
        argv.pop(0)
        while "=" in argv[0]:
            name, _, value = argv.pop(0).partition("=")
            env[name] = value
    return argv, env


@pytest.mark.parametrize("target", FILES)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_comes_back_means_the_same_also_the_second_time(target, data):
    tree = written(target, data.draw(services_of(target)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "services.yaml")
        path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
        first = load(str(path), environ={})
        second = there_and_back(target, first, Path(folder, "second"))
        assert meaning(target, second) == meaning(target, first)
        third = there_and_back(target, second, Path(folder, "third"))
        assert meaning(target, third) == meaning(target, second)
