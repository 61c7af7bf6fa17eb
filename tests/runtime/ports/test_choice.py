import socket
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.core.errors import MamctlError
from mamctl.runtime.ports import PortState, bind_test, choose, local_port_range
from mamctl.runtime.ports.choice import HIGHEST, LOWEST, auto_range


class Request(NamedTuple):
    service: str = "web"
    name: str = "http"
    host: str = "127.0.0.1"
    wanted: int | None = None
    fallback: bool = False
    last: int | None = None


WEB = ("web", "http")


def taken(*numbers):
    """A bind test by which only these numbers are taken."""
    return lambda host, number: PortState.TAKEN if number in numbers else PortState.FREE


def test_a_fixed_number_is_taken_as_it_is_even_when_somebody_has_it():
    assert choose([Request(wanted=5001)], test=taken(5001)) == {WEB: 5001}


def test_a_fixed_number_beats_the_one_of_the_last_run():
    assert choose([Request(wanted=5001)], previous={WEB: 7000}, test=taken()) == {WEB: 5001}


def test_a_preferred_number_is_taken_when_it_is_free():
    assert choose([Request(wanted=5000, fallback=True)], test=taken()) == {WEB: 5000}


def test_a_preferred_number_gives_way_to_the_one_of_the_last_run():
    assert choose([Request(wanted=5000, fallback=True)], previous={WEB: 7000}, test=taken()) == {WEB: 7000}


def test_a_preferred_number_that_is_taken_falls_back_to_a_free_one():
    found = choose([Request(wanted=5000, fallback=True)], test=taken(5000), pick=lambda n: 3)
    assert found == {WEB: LOWEST + 3}


def test_of_a_range_the_first_free_number_is_taken():
    assert choose([Request(wanted=8001, fallback=True, last=8003)], test=taken(8001)) == {WEB: 8002}


def test_of_a_range_the_number_of_the_last_run_is_kept_while_it_lies_in_it():
    request = Request(wanted=8001, fallback=True, last=8003)
    assert choose([request], previous={WEB: 8003}, test=taken()) == {WEB: 8003}
    assert choose([request], previous={WEB: 8004}, running={"web"}, test=taken()) == {WEB: 8001}
    assert choose([request], previous={WEB: 8002}, running={"web"}, test=taken(8002)) == {WEB: 8002}


def test_a_range_of_which_no_number_is_free_is_told():
    with pytest.raises(MamctlError, match=r"no port from 8001 to 8002 is free on 127.0.0.1 for web \(http\)"):
        choose([Request(wanted=8001, fallback=True, last=8002)], test=taken(8001, 8002))


def test_those_who_share_a_range_get_different_numbers_and_auto_leaves_it_alone():
    both = [Request(name, wanted=LOWEST, fallback=True, last=LOWEST + 5) for name in "ab"]
    found = choose([*both, Request("c")], test=taken(), pick=lambda n: 0)
    assert [found[name, "http"] - LOWEST for name in "abc"] == [0, 1, 6]


def test_auto_keeps_the_number_of_the_last_run_while_it_is_free():
    assert choose([Request()], previous={WEB: 12000}, test=taken()) == {WEB: 12000}
    assert choose([Request()], previous={WEB: 12000}, test=taken(12000), pick=lambda n: 0) == {WEB: LOWEST}


def test_a_running_service_keeps_its_number_untested():
    found = choose([Request()], previous={WEB: 12000}, running={"web"}, test=taken(12000))
    assert found == {WEB: 12000}


def test_the_search_goes_on_from_its_start_and_round_the_end():
    last = local_port_range()[0] - 1
    found = choose([Request()], test=taken(last), pick=lambda n: n - 1)
    assert found == {WEB: LOWEST}


def test_auto_leaves_alone_what_others_of_the_run_hope_for():
    requests = [Request("a"), Request("b", wanted=LOWEST), Request("c", wanted=LOWEST + 1, fallback=True), Request("d")]
    found = choose(requests, previous={("d", "http"): LOWEST + 2}, test=taken(), pick=lambda n: 0)
    assert [found[name, "http"] - LOWEST for name in "abcd"] == [3, 0, 1, 2]


def test_two_that_prefer_the_same_number_get_two():
    both = [Request("a", wanted=5000, fallback=True), Request("b", wanted=5000, fallback=True)]
    found = choose(both, test=taken(), pick=lambda n: 0)
    assert found == {("a", "http"): 5000, ("b", "http"): LOWEST}


def test_a_service_may_have_several_ports():
    found = choose([Request(name="http", wanted=5001), Request(name="admin")], test=taken(), pick=lambda n: 1)
    assert found == {WEB: 5001, ("web", "admin"): LOWEST + 1}


def test_nothing_asked_is_nothing_chosen():
    assert choose([], previous={WEB: 1}) == {}


def test_no_free_port_at_all_is_an_error_that_says_so():
    with pytest.raises(MamctlError, match=r"no port from 10240 to \d+ is free on 127.0.0.1"):
        choose([Request()], test=lambda host, number: PortState.TAKEN)


def test_an_address_of_another_machine_is_an_error_at_once():
    with pytest.raises(MamctlError, match=r"this machine has no address 192.0.2.1"):
        choose([Request(host="192.0.2.1")])


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["x", "y"])), unique=True), st.integers(0, 2**31))
def test_no_two_ports_of_a_run_are_the_same_and_all_lie_outside_the_local_range(keys, seed):
    requests = [Request(service, name) for service, name in keys]
    found = choose(requests, test=taken(), pick=lambda n: seed % n)
    assert len(set(found.values())) == len(keys)
    low, high = local_port_range()
    assert all(not low <= number <= high for number in found.values())


def test_a_chosen_port_can_really_be_bound():
    ((_, number),) = choose([Request()]).items()
    with socket.create_server(("127.0.0.1", number)):
        assert bind_test("127.0.0.1", number) is PortState.TAKEN


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ((32768, 60999), range(LOWEST, 32768)),
        ((1024, 60999), range(61000, HIGHEST + 1)),
        ((1024, 65535), range(LOWEST, HIGHEST + 1)),
    ],
)
def test_where_the_local_range_leaves_no_room_below_auto_goes_above_it(local, expected):
    assert auto_range(local) == expected


def test_the_local_range_is_the_kernels(tmp_path):
    stored = tmp_path / "range"
    stored.write_text("20000\t30000\n")
    assert local_port_range(str(stored)) == (20000, 30000)
    assert local_port_range(str(tmp_path / "none")) == (32768, 60999)
