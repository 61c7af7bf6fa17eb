"""As whom a service runs: `user`, `group` and `umask` as they are written. Who they mean is found out at the spawn."""

from __future__ import annotations

from typing import Final

from mamctl.core.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """A user and a group, each by its name or number, and a umask. None: what the supervisor has."""

    user: str | None = None
    group: str | None = None
    umask: int | None = None


SAME: Final = Account()


def render_account(account: Account) -> dict[str, object]:
    """Return its keys as the manifest writes them."""
    mask = None if account.umask is None else f"{account.umask:03o}"
    named = {"user": account.user, "group": account.group, "umask": mask}
    return {key: value for key, value in named.items() if value is not None}
