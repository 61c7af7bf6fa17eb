"""Carrying out one hook, to its end: what came of it in a sentence, and what it said."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NamedTuple

from mamctl.runtime.hooks.command import HookCommand

if TYPE_CHECKING:
    from mamctl.core.manifest.hooks import Hook
    from mamctl.runtime.hooks.errand import Errand, Outfit


class Came(NamedTuple):
    """What came of a hook: why it failed, None when it did not; its last lines."""

    failure: str | None
    said: list[str]


async def carry_out(hook: Hook, errand: Errand, outfit: Outfit, pids: set[int]) -> Came:
    """Do what a hook says. Whatever goes wrong is told in what is returned."""
    if hook.url is not None:
        return Came(await _call(hook, hook.url, errand), [])
    try:
        return await _run(hook, errand, outfit, pids)
    except OSError as error:
        return Came(f"{hook.argv[0]} could not be run: {os.strerror(error.errno or 0).lower()}", [])
    except ValueError as error:
        # What a service said of itself may be no text that an environment can hold.
        return Came(f"{hook.argv[0]} could not be run: {error}", [])


async def _call(hook: Hook, url: str, errand: Errand) -> str | None:
    from mamctl.runtime.hooks.webhook import NotTaken, place, post  # few hooks are webhooks

    try:
        await post(url, errand.message(), hook.timeout)
    except NotTaken as refusal:
        return str(refusal)
    except TimeoutError:
        return f"{place(url)} did not answer within {hook.timeout:g} s"
    return None


async def _run(hook: Hook, errand: Errand, outfit: Outfit, pids: set[int]) -> Came:
    env = {**outfit.env, **errand.variables()}
    command = HookCommand((*outfit.prefix, *hook.argv), env=env, cwd=outfit.cwd, pids=pids, message=errand.message())
    try:
        code = await command.finish(hook.timeout)
    except TimeoutError:
        return Came(f"{hook.argv[0]} did not end within {hook.timeout:g} s, so it was killed", command.said)
    return Came(_failure(hook.argv[0], code), command.said)


def _failure(name: str, code: int | None) -> str | None:
    if code == 0:
        return None
    if code is None:
        return f"{name}: how it ended is not known"
    return f"{name} ended with code {code}" if code > 0 else f"{name} was ended by {_signal_name(-code)}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
