import pytest

from mamctl.core.manifest.addresses import Address
from mamctl.core.manifest.listening import Control, is_loopback
from mamctl.core.manifest.render import render

from .reading import FOLDER, read


def written(value, **services):
    return read({"services": services, "control": value})


@pytest.mark.parametrize(
    ("keys", "control"),
    [
        ({"listen": "127.0.0.1:7373"}, Control("127.0.0.1", 7373)),
        ({"listen": "localhost:1", "token_file": ".mamctl/token"}, Control("localhost", 1, f"{FOLDER}/.mamctl/token")),
        ({"listen": "[::1]:7373", "token_file": "/etc/token"}, Control("::1", 7373, "/etc/token")),
        ({"listen": "0.0.0.0:65535", "token_file": "t"}, Control("0.0.0.0", 65535, f"{FOLDER}/t")),
        ({"listen": "box.example:80", "token_file": "t"}, Control("box.example", 80, f"{FOLDER}/t")),
        ({"listen": "localhost:1", "xmlrpc": True}, Control("localhost", 1, xmlrpc=True)),
    ],
)
def test_an_address_and_a_file(keys, control):
    assert written(keys).manifest.control == control


def test_without_the_key_there_is_no_listener():
    assert read({"services": {}}).manifest.control is None
    assert written(None).manifest.control is None


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("127.0.0.1:7373", "control: must be a map, not '127.0.0.1:7373'"),
        ({}, "control: listen is missing"),
        ({"listen": 7373}, "control.listen: must be host:port, not 7373"),
        ({"listen": "7373"}, "control.listen: '7373' is not host:port"),
        ({"listen": ":7373"}, "control.listen: ':7373' is not host:port"),
        ({"listen": "::1:7373"}, "control.listen: '::1:7373' is not host:port"),
        ({"listen": "[localhost]:7373"}, "control.listen: '[localhost]:7373' is not host:port"),
        ({"listen": "a b:7373"}, "control.listen: 'a b:7373' is not host:port"),
        ({"listen": "localhost:0"}, "control.listen: '0' is not a port"),
        ({"listen": "localhost:65536"}, "control.listen: '65536' is not a port"),
        ({"listen": "localhost:http"}, "control.listen: 'http' is not a port"),
        ({"listen": "localhost:1", "tokenfile": "t"}, "control.tokenfile: unknown key"),
        ({"listen": "localhost:1", "xmlrpc": "on"}, "control.xmlrpc: must be true or false, not 'on'"),
    ],
)
def test_what_cannot_be_is_one_problem_at_its_key(value, problem):
    assert written(value).problems == [problem]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "[::]", "box.example", "127.evil.example"])
def test_other_machines_need_a_token_file_that_somebody_thought_of(host):
    (problem,) = written({"listen": f"{host}:7373"}).problems
    assert problem.endswith("can be reached by other machines, and no token_file is named")


def test_the_port_cannot_be_that_of_a_service():
    other = {"command": ["run"], "port": 7374}
    service = {"command": ["run"], "ports": {"http": {"prefer": 7373, "fallback": "auto"}, "admin": 7373}}
    (problem,) = written({"listen": "localhost:7373"}, other=other, web=service).problems
    assert problem == "control.listen: port 7373 is also that of web"
    service["ports"].pop("admin")
    assert written({"listen": "localhost:7373"}, other=other, web=service).problems == []


def test_it_is_rendered_as_it_is_written():
    tree = render(written({"listen": "[::1]:7373", "token_file": "/t"}).manifest)
    assert tree["control"] == {"listen": "[::1]:7373", "token_file": "/t"}
    assert render(written({"listen": "localhost:1"}).manifest)["control"] == {"listen": "localhost:1"}
    tree = render(written({"listen": "localhost:1", "xmlrpc": True}).manifest)
    assert tree["control"] == {"listen": "localhost:1", "xmlrpc": True}


def test_only_this_machine_reaches_a_loopback_address():
    assert all(map(is_loopback, ["localhost", "127.0.0.1", "127.1.2.3", "::1"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "127.example", "10.0.0.1"]))
    assert str(Address("::1", 80)) == "[::1]:80"
