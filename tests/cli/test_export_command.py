"""`mamctl export` on the command line: where it writes, what it refuses, and what it reports."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Outcome

TEXT = """\
name: shop
services:
  web: {command: [python3, web.py], port: 8100, ready: {log: listening}, depends_on: [api]}
  api: {command: [python3, api.py], port: auto, ready: {log: listening}, env: {API_KEY: hunter22}}
  worker: {command: [sleep, "5"], port: 8201-8203, replicas: 2}
"""


@pytest.fixture
def shop(stack: Path) -> Path:
    """Return the folder of a manifest with three services."""
    (stack / "services.yaml").write_text(TEXT)
    return stack


def test_it_goes_to_stdout_and_the_report_to_stderr(mamctl: Callable[..., Outcome], shop: Path) -> None:
    done = mamctl("export", "compose")
    assert done.code == 0
    assert list(yaml.safe_load(done.out)["services"]) == ["web", "api", "worker"]
    assert done.err.startswith("not in compose:\n  web, api: ready.log: docker cannot ask that\n")
    assert "to know:\n" in done.err
    assert "hunter22" not in done.out + done.err
    assert sorted(path.name for path in shop.iterdir()) == [".mamctl", "services.yaml"]


def test_several_files_have_their_names_above_them(mamctl: Callable[..., Outcome], shop: Path) -> None:
    out = mamctl("export", "systemd", "web").out
    assert out.startswith("# shop-web.service\n")
    assert "\n# shop.target\n" in out
    assert mamctl("export", "launchd", "web").out.startswith("<!-- shop.web.plist -->\n")


def test_a_file_is_written_and_not_twice_unless_by_force(mamctl: Callable[..., Outcome], shop: Path) -> None:
    done = mamctl("export", "procfile", "-o", "Procfile")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("wrote Procfile\n")
    (shop / "Procfile").write_text("mine")
    again = mamctl("export", "procfile", "-o", "Procfile")
    assert again.code == 2
    assert again.err.startswith("error: Procfile exists already\nhint: --force overwrites")
    assert (shop / "Procfile").read_text() == "mine"
    assert mamctl("export", "procfile", "-o", "Procfile", "--force").code == 0
    assert (shop / "Procfile").read_text().startswith("web: ")


def test_units_go_into_a_folder_all_of_them_or_none(mamctl: Callable[..., Outcome], shop: Path) -> None:
    (shop / "units").mkdir()
    (shop / "units" / "shop-api.service").touch()
    refused = mamctl("export", "systemd", "-o", "units")
    assert refused.code == 2
    assert [path.name for path in (shop / "units").iterdir()] == ["shop-api.service"]
    assert mamctl("export", "systemd", "-o", "new").code == 0
    names = {"shop-web.service", "shop-api.service", "shop-worker-1.service", "shop-worker-2.service", "shop.target"}
    assert {path.name for path in (shop / "new").iterdir()} == names


def test_a_folder_gets_the_file_by_its_usual_name(mamctl: Callable[..., Outcome], shop: Path) -> None:
    (shop / "out").mkdir()
    assert mamctl("export", "compose", "-o", "out").code == 0
    assert mamctl("export", "markdown", "-o", "new/").code == 0
    assert (shop / "out" / "compose.yaml").exists()
    assert (shop / "new" / "services.md").exists()


def test_a_file_is_no_folder(mamctl: Callable[..., Outcome], shop: Path) -> None:
    done = mamctl("export", "systemd", "-o", "services.yaml", "--force")
    assert (done.code, done.err.splitlines()[0]) == (2, "error: services.yaml is no folder")
    assert (shop / "services.yaml").read_text() == TEXT


def test_what_cannot_be_written_is_told(mamctl: Callable[..., Outcome], shop: Path) -> None:
    done = mamctl("export", "compose", "-o", "services.yaml/compose.yaml")
    assert done.code == 1
    assert "services.yaml/compose.yaml: " in done.err


def test_kubernetes_needs_an_image_of_each_and_names_those_without(mamctl: Callable[..., Outcome], shop: Path) -> None:
    done = mamctl("export", "kubernetes", "--image", "web=shop:1")
    assert (done.code, done.out) == (1, "")
    assert "none is known of: api, worker\n" in done.err
    words = [word for name in ("web", "api", "worker") for word in ("--image", f"{name}=shop:1")]
    assert mamctl("export", "kubernetes", *words).code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compose", "wbe"], "no such service: wbe\nhint: did you mean web?"),
        (["compose", "--image", "web"], "--image web: is not SERVICE=REF"),
        (["compose", "--image", "wbe=x"], "no such service: wbe\nhint: did you mean web?"),
        (["helm"], "'helm' is not one of"),
        ([], "missing argument"),
    ],
)
def test_a_wrong_word_is_told(mamctl: Callable[..., Outcome], shop: Path, words: list[str], said: str) -> None:
    done = mamctl("export", *words)
    assert done.code == 2
    assert said in done.err


def test_a_port_that_is_chosen_at_each_start_gets_a_fixed_number_that_is_no_other(
    mamctl: Callable[..., Outcome], shop: Path
) -> None:
    (shop / "services.yaml").write_text("services: {a: {command: [x], port: auto}, b: {command: [x], port: 8000}}")
    done = mamctl("export", "compose")
    assert yaml.safe_load(done.out)["services"]["a"]["ports"] == ["127.0.0.1:8001:8001"]
    assert "auto became 8001" in done.err
    assert mamctl("export", "compose").out == done.out
    assert "| auto |" in mamctl("export", "markdown").out


def test_a_bad_manifest_is_not_exported(mamctl: Callable[..., Outcome], shop: Path) -> None:
    (shop / "services.yaml").write_text("services: {a: {comand: [x]}}")
    done = mamctl("export", "compose")
    assert (done.code, done.out) == (2, "")


def test_a_manifest_without_services_has_nothing_to_export(mamctl: Callable[..., Outcome], shop: Path) -> None:
    (shop / "services.yaml").write_text("services: {}")
    assert mamctl("export", "compose").code == 2


def test_one_replica_can_be_named(mamctl: Callable[..., Outcome], shop: Path) -> None:
    assert mamctl("export", "procfile", "worker-2").out.startswith("worker-2: ")
    assert len(mamctl("export", "procfile", "worker").out.splitlines()) == 2


def test_a_device_is_written_to_and_never_replaced(mamctl: Callable[..., Outcome], shop: Path) -> None:
    reader, device = os.openpty()
    try:
        for options in ([], ["--force"]):
            assert mamctl("export", "procfile", "worker", "-o", os.ttyname(device), *options).code == 0
            assert os.read(reader, 4096).startswith(b"worker")
            assert os.isatty(device)
    finally:
        os.close(reader)
        os.close(device)


def test_what_a_link_leads_to_is_overwritten_and_the_link_stays(mamctl: Callable[..., Outcome], shop: Path) -> None:
    (shop / "there").write_text("old")
    (shop / "Procfile").symlink_to("there")
    assert mamctl("export", "procfile", "-o", "Procfile", "--force").code == 0
    assert (shop / "Procfile").is_symlink()
    assert (shop / "there").read_text().startswith("web: ")


def test_the_device_of_stdout_is_stdout(mamctl: Callable[..., Outcome], shop: Path) -> None:
    assert mamctl("export", "procfile", "-o", "/dev/stdout") == mamctl("export", "procfile")
