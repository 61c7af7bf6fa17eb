"""A real stack under a real supervisor, and pages of a real browser that are signed in to it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.dashboard.chromium import chromium, program
from tests.runtime.stack import free_port
from tests.runtime.stack import service as misbehaving
from tests.system.supervised import Folder, supervised

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterator

MISSING = "there is no Chromium here; as root on Debian `make browser` installs one"
HOSTILE = "<img src=x onerror=document.title=1><b>bold</b> \x1b[31mred\x1b[0m \u202eturned"
LONG = "a-service-whose-name-is-wider-than-the-screen-of-a-phone"
COUNTS = "import itertools,time\nfor n in itertools.count(): print('line', n, flush=True); time.sleep(0.05)"


def stack_of() -> dict[str, Any]:
    port = free_port()
    return {
        "migrate": {"kind": "task", "command": ["true"]},
        "db": misbehaving("--port", port, port=port, ready={"tcp": "http", "interval": "500ms"}),
        "api": {"command": [sys.executable, "-uSc", COUNTS], "depends_on": ["db", "migrate"]},
        "crew": {"command": ["sleep", "1000"], "replicas": 2, "depends_on": ["api"]},
        "hostile": misbehaving("--print", HOSTILE, ready={"log": "bold"}),
        "broken": {"command": ["/none/<script>alert(1)</script>"], "depends_on": ["db"]},
        "idle": {"command": ["sleep", "1000"]},
        LONG: {"command": ["sleep", "1000"]},
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if program() is None:
        pytest.skip(MISSING)
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def stack(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """A stack with all that the page shows. It comes after the browser: without one it is not started."""
    with supervised(tmp_path_factory.mktemp("shown")) as folder:
        begin(folder, stack_of())
        yield folder


def begin(folder: Folder, services: dict[str, Any]) -> None:
    """Start a stack that answers over TCP, and wait until it has settled."""
    folder.write(services, control={"listen": f"127.0.0.1:{free_port()}"})
    folder.start()
    folder.settle()


def link(folder: Folder) -> str:
    """Return a link to the dashboard."""
    found: dict[str, Any] = folder.client.request("POST", "/v1/dashboard", {"listen": "127.0.0.1:0"})
    return str(found["url"])


class Window:
    """Opens pages, and notes what went wrong in them."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self._contexts: list[Any] = []
        self.problems: list[str] = []

    def open(self, address: str, *, routes: dict[str, Callable[[Any], None]] | None = None, **how: Any) -> Any:
        """Open an address in a browser of its own: no cookie of another page is there."""
        context = self._browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **how})
        context.set_default_timeout(15_000)
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda problem: self.problems.append(str(problem)))
        page.on("console", self._heard)
        for path, answer in (routes or {}).items():
            page.route(path, answer)
        page.goto(address)
        return page

    def close(self) -> None:
        """Close all pages."""
        for context in self._contexts:
            context.close()

    def _heard(self, message: Any) -> None:
        # That the network is away is what some tests are about, and the browser says it by itself.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(message.text)


@pytest.fixture
def window(browser: Any) -> Iterator[Window]:
    found = Window(browser)
    yield found
    found.close()
    assert found.problems == []


@pytest.fixture
def page(window: Window, stack: Folder) -> Any:
    """The dashboard, with the table of services in it."""
    found = window.open(link(stack))
    found.wait_for_selector("tr[data-service=api]")
    return found


@pytest.fixture
def pictures(tmp_path: pathlib.Path) -> pathlib.Path:
    """Where screenshots go: into the folder that MAMCTL_PICTURES names, for who wants to look at them."""
    folder = os.environ.get("MAMCTL_PICTURES")
    return type(tmp_path)(folder) if folder else tmp_path
