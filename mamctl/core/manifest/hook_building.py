"""Hooks with their references told: words to run, URLs to call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .commands import argv
from .findings import Invalid
from .hooks import NO_HOOKS, Hook, Hooks, Moment
from .interpolation import Tell, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .findings import Findings, Path
    from .hook_shapes import HookWish, HookWishes


def build_hooks(wishes: HookWishes, at: Path, tell: Tell, found: Findings) -> Mapping[Moment, tuple[Hook, ...]]:
    """Return the hooks of a service; `at` is where they stand. What cannot be is noted and left out."""
    if not wishes:
        return NO_HOOKS
    hooks: Hooks = {}
    for moment, some in wishes.items():
        built = [_hook(wish, (*at, moment.value, index), tell, found) for index, wish in enumerate(some)]
        hooks[moment] = tuple(hook for hook in built if hook is not None)
    return hooks


def _hook(wish: HookWish, at: Path, tell: Tell, found: Findings) -> Hook | None:
    key = "webhook" if wish.exec is None else "exec"
    try:
        if wish.exec is None:
            return Hook(url=_url(resolve(wish.webhook or "", tell)), timeout=wish.timeout)
        return Hook(argv=argv(wish.exec, tell), timeout=wish.timeout)
    except Invalid as invalid:
        found.refuse((*at, key), invalid)
        return None


def _url(text: str) -> str:
    from urllib.parse import urlsplit  # Few hooks are webhooks.

    try:
        parts = urlsplit(text)
        good = bool(parts.scheme in ("http", "https") and parts.hostname and (parts.port or 0) >= 0)
    except ValueError:
        good = False
    if not good or not text.isascii() or any(letter <= " " for letter in text):
        raise Invalid("is not the URL of a webhook", "write http://host:port/path or https://host/path")
    return text
