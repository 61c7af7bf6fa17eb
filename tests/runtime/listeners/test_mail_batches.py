"""superlance's programs that gather what happened and send one mail at a tick."""

from __future__ import annotations

import pathlib
import sysconfig
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.listeners.letterbox import letterbox
from tests.runtime.stack import Stack, run, until

if TYPE_CHECKING:
    from mamctl import ProcessManager

SCRIPTS = pathlib.Path(sysconfig.get_path("scripts"))
SERVICES: dict[str, Any] = {
    "web": {"command": ["sh", "-c", "sleep 0.15; exit 3"], "restart": "never"},
    "worker": {"command": ["/none/such"]},
    "done": {"command": ["true"], "kind": "task"},
}


def set_clock(manager: ProcessManager, seconds: float) -> None:
    """Let it be another time for the listeners. It stands still: a minute that begins meanwhile would send the mail."""
    feed = manager.hands.listeners._feed
    assert feed is not None
    feed._house = feed._house._replace(clock=lambda: seconds)
    feed._tick()


@pytest.mark.parametrize(
    ("program", "event", "subject", "told"),
    [
        ("crashmailbatch", "PROCESS_STATE_EXITED", "Crash alert from supervisord", "Process web:web (pid "),
        ("fatalmailbatch", "PROCESS_STATE_FATAL", "Fatal start alert from supervisord", "Process worker:worker failed"),
    ],
)
def test_what_happened_in_a_minute_is_one_mail(
    tmp_path: pathlib.Path, program: str, event: str, subject: str, told: str
) -> None:
    async def scenario() -> None:
        async with letterbox() as box:
            command = [str(SCRIPTS / program), "-t", "a@example.org, b@example.org", "-f", "c@example.org"]
            mailing = {
                "command": [*command, "-H", box.address],
                "events": [event, "TICK_60"],
                # A ProcessManager alone has no address for it.
                "env": {"SUPERVISOR_SERVER_URL": "unix:///none"},
            }
            stack = Stack(tmp_path, {"mailing": mailing, **SERVICES})
            async with stack.managed() as manager:
                began = time.time()
                set_clock(manager, began)
                await manager.up(wait=0)
                await until(manager, lambda: told in stack.log("mailing").decode())
                assert box.mails == []
                set_clock(manager, began + 60)
                await until(manager, lambda: box.mails)
                set_clock(manager, began + 120)
                await until(manager, lambda: b"Sending notification" in stack.log("mailing"))
        ((to, mail),) = box.mails
        assert (to, mail["From"]) == (["a@example.org", "b@example.org"], "c@example.org")
        assert mail["Subject"] == subject
        (line,) = mail.get_content().splitlines()
        assert told in line

    run(scenario())
