import pytest

from services.backend.app.edge import is_our_host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:5001", "localhost:1", "LOCALHOST", "[::1]", "[::1]:5001"])
def test_our_own_names_are_accepted_with_and_without_a_port(host):
    assert is_our_host(host)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "example.org",
        "127.0.0.1.example.org",
        "localhost.example.org:5001",
        "evil@127.0.0.1",
        "127.0.0.1:port",
        "127.0.0.1:5001:5001",
        "0.0.0.0",
        "::1",
        "127.0.0.1, example.org",
        "2130706433",
    ],
)
def test_every_other_name_is_refused(host):
    assert not is_our_host(host)
