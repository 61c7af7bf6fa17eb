"""What a service finds in its environment: inherited, then its own, then who it is."""

from __future__ import annotations

from mamctl.core.manifest.model import Port, ServiceSpec
from mamctl.runtime.environment import OURS, environment, new_instance, without_markers

WEB = ServiceSpec("web", ports=(Port("http", 8001, 8001), Port("admin-api", None, 8002)), host="127.0.0.2")


def test_its_own_wins_over_the_inherited_and_ours_over_both() -> None:
    spec = ServiceSpec("web", env={"A": "own", "MAMCTL_SERVICE": "a lie"}, unset=frozenset({"C", "D"}))
    found = environment(spec, "mam", {"A": "inherited", "B": "b", "C": "c"}, "mam/web/1")
    assert found == {
        "A": "own", "B": "b", "PYTHONUNBUFFERED": "1", "MAMCTL_SERVICE": "web", "MAMCTL_INSTANCE": "mam/web/1",
        "MAMCTL_PROJECT": "mam", "MAMCTL_REPLICA": "1",
    }  # fmt: skip


def test_ports_are_told_by_name_and_the_first_one_plainly() -> None:
    found = environment(WEB, "mam", {"PORT": "1", "HOST": "elsewhere"}, "i")
    told = {name: value for name, value in found.items() if "PORT" in name or name == "HOST"}
    assert told == {"HOST": "127.0.0.2", "PORT": "8001", "PORT_HTTP": "8001", "PORT_ADMIN_API": "8002"}


def test_buffering_is_the_services_own_choice() -> None:
    assert environment(ServiceSpec("a", env={"PYTHONUNBUFFERED": ""}), "m", {}, "i")["PYTHONUNBUFFERED"] == ""
    assert "PYTHONUNBUFFERED" in environment(ServiceSpec("a"), "m", {}, "i")


def test_no_two_incarnations_have_the_same_marker() -> None:
    found = {new_instance("mam", "web", "/home/.mamctl") for _ in range(1000)}
    assert len(found) == 1000
    assert all(marker.startswith("mam/web/") for marker in found)


def test_a_supervisor_inside_a_service_is_not_part_of_it() -> None:
    marked = environment(WEB, "mam", {"PATH": "/bin"}, "i")
    assert without_markers(marked).keys() & set(OURS) == set()
    assert without_markers(marked)["PATH"] == "/bin"
