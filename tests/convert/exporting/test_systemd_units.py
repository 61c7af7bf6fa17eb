"""Units of single services: systemd itself reads them, and they say what the manifest says."""

from __future__ import annotations

import subprocess

import pytest

from mamctl.convert.exporting.stack import Wish, stack
from mamctl.convert.exporting.systemd import export as export_systemd
from tests.convert.exporting.stacks import RUN, export, lost, texts
from tests.convert.test_systemd_unit import NAMES, needs_systemd, settings
from tests.core.manifest.reading import read
from tests.core.manifest.samples import GOOD

RICH = {
    "migrate": {"kind": "task", "command": RUN},
    "backup": {"kind": "task", "command": RUN, "schedule": {"cron": "*/5 3 * * mon-fri", "timezone": "Europe/Berlin"}},
    "web": {
        "description": "100% good",
        "depends_on": {"migrate": "completed", "cache": {"required": False}, "queue": {"restart": True}},
        "port": 8100,
        "health": "/health",
        "secrets": ["KEY"],
        "env": {"KEY": "hunter22", "A": 'b "c" %d $e', "GONE": None},
        "restart": {"policy": "always", "delay": "2s", "max_attempts": 3, "window": "1m"},
        "stop": {"signal": "INT", "grace": "30s", "command": RUN},
        "success_exit_codes": [0, 3],
        "limits": {"memory": "1GiB", "open_files": 4096, "nice": 5},
        "user": "daemon",
        "group": "daemon",
        "umask": "027",
        "start_timeout": "1m",
    },
    "cache": {"ready": {"notify": True, "watchdog": "30s"}},
    "queue": {"sockets": {"http": 8101}, "ready": {"exec": RUN}},
    "tcp": {"port": 8102, "replicas": None, "profiles": ["x"]},
}


def verified(folder, files):
    """What systemd-analyze says about units: anything at all is a failure."""
    units = folder / "units"
    units.mkdir()
    for file in files:
        (units / file.name).write_text(file.text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", *(str(units / file.name) for file in files)],
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(folder)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def on_this_machine(tree, folder):
    """The export with folders and programs that are there, so that only the units can be wrong."""
    manifest = read(tree).manifest
    found = export_systemd(stack(manifest, Wish(list(manifest.services), find=lambda *_: "/bin/true")))
    # systemd warns of the user nobody, and nobody has chosen a number for a port that is `auto`.
    changes = {"/stack": str(folder), "User=nobody": "User=daemon", "127.0.0.1:0\n": "127.0.0.1:8000\n"}
    return [file._replace(text=_replaced(file.text, changes)) for file in found.files]


def _replaced(text, changes):
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


@needs_systemd
def test_systemd_has_nothing_to_say_about_them(tmp_path):
    rich = {name: {"command": RUN, **{key: value for key, value in keys.items() if value is not None}}
            for name, keys in RICH.items()}  # fmt: skip
    assert verified(tmp_path, on_this_machine({"name": "shop", "services": rich}, tmp_path)) == ""


@needs_systemd
@pytest.mark.parametrize("sample", GOOD)
def test_systemd_has_nothing_to_say_about_any_good_manifest(sample, tmp_path):
    assert verified(tmp_path, on_this_machine({"name": "shop", **GOOD[sample]}, tmp_path)) == ""


@needs_systemd
def test_systemd_has_nothing_to_say_about_strange_words(tmp_path):
    words = [name.replace("$", "$$") for name in NAMES]
    keys = {"command": ["/bin/true", *words], "env": {f"V{index}": word for index, word in enumerate(words)}}
    assert verified(tmp_path, on_this_machine({"name": "shop", "services": {"a": keys}}, tmp_path)) == ""


def service(name, **keys):
    return settings(_last_wins(texts("systemd", {name: keys})[f"shop-{name}.service"]))


def _last_wins(text):
    """The text without what may stand several times."""
    return "\n".join(line for line in text.splitlines() if not line.startswith(("Environment=", "After=", "Requires=")))


def test_a_service_waits_for_what_it_depends_on():
    found = texts("systemd", {name: {k: v for k, v in keys.items() if v is not None} for name, keys in RICH.items()})
    web = found["shop-web.service"]
    for line in ("After=shop-migrate.service", "Requires=shop-migrate.service", "Wants=shop-cache.service",
                 "BindsTo=shop-queue.service", "After=shop-queue.service"):  # fmt: skip
        assert f"{line}\n" in web


def test_a_probe_is_asked_until_it_is_good_before_the_unit_counts_as_started():
    found = service("a", port=8100, ready={"http": "/health"}, start_timeout="1m")
    assert found["Type"] == "exec"
    assert "until curl -fsS -o /dev/null -m 2 http://127.0.0.1:8100/health; do" in found["ExecStartPost"]
    assert found["TimeoutStartSec"] == "60s"


def test_who_speaks_for_himself_is_believed():
    found = service("a", ready={"notify": True, "watchdog": "30s"})
    assert (found["Type"], found["NotifyAccess"], found["WatchdogSec"]) == ("notify", "all", "30s")
    assert "ExecStartPost" not in found


def test_a_task_stays_done_but_one_with_a_schedule_is_run_by_its_timer():
    found = texts("systemd", RICH and {"a": {"kind": "task", "command": RUN, "schedule": "@daily"}})
    assert "RemainAfterExit" not in found["shop-a.service"]
    assert "OnCalendar=*-*-* 00:00:00\n" in found["shop-a.timer"]
    assert "Wants=shop-a.timer\n" in found["shop.target"]
    assert "RemainAfterExit=yes" in texts("systemd", {"a": {"kind": "task", "command": RUN}})["shop-a.service"]


def test_what_up_does_not_start_is_not_wanted_by_the_target():
    found = texts("systemd", {"a": {}, "b": {"manual": True}, "c": {"profiles": ["x"]}})
    assert [line for line in found["shop.target"].splitlines() if line.startswith("Wants")] == ["Wants=shop-a.service"]


def test_restarts_are_bounded_as_the_manifest_says():
    text = texts("systemd", {"a": {"restart": {"max_attempts": 3, "window": "1m"}}})["shop-a.service"]
    assert settings(text, "Unit")["StartLimitBurst"] == "4"
    assert settings(text, "Unit")["StartLimitIntervalSec"] == "60s"
    endless = texts("systemd", {"a": {"restart": {"max_attempts": None}}})["shop-a.service"]
    assert settings(endless, "Unit")["StartLimitIntervalSec"] == "0"


def test_a_held_socket_is_a_socket_unit():
    found = texts("systemd", {"a": {"sockets": {"http": 8101}, "host": "::1"}})
    assert "ListenStream=[::1]:8101\n" in found["shop-a.socket"]
    assert "FileDescriptorName=http\n" in found["shop-a.socket"]
    assert "Requires=shop-a.socket\nAfter=shop-a.socket\n" in found["shop-a.service"]


def test_what_systemd_does_not_do_is_told():
    keys = {
        "port": 1,
        "live": {"tcp": "http"},
        "hooks": {"on_ready": RUN},
        "watch": True,
        "tty": True,
        "essential": True,
    }
    assert set(lost("systemd", {"a": keys})["a"]) == {"live.tcp", "hooks.on_ready", "watch", "tty", "essential"}


def test_a_program_that_is_not_found_is_told():
    manifest = read({"services": {"a": {"command": ["nowhere"]}}}).manifest
    found = export_systemd(stack(manifest, Wish(["a"])))
    assert next(str(note) for note in found.notes).startswith("a: command: nowhere is not found here")


def test_named_services_are_exported_alone():
    found = export("systemd", {"a": {"depends_on": ["b"]}, "b": {}}, only=["a"])
    assert [file.name for file in found.files] == ["shop-a.service", "shop.target"]
    assert "shop-b" not in found.files[0].text
