"""As whom a service runs: names become numbers, and numbers a few words before its command.

Python's own way to start a process as somebody else (`user=` of Popen) forks, which costs 14 to 300 times as much as a
spawn. So the process itself changes: `setpriv` of util-linux becomes another user and then the command, with the same
pid. Where there is none that can (macOS, Alpine) a few lines of Python do the same. A shell sets the umask.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.core.manifest.account import SAME
from mamctl.core.states import Reason
from mamctl.runtime.inheritance import SHELL, require_folder, require_program
from mamctl.runtime.launcher import LaunchError, explain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.core.manifest.account import Account
    from mamctl.core.manifest.model import ServiceSpec

_SET_UMASK: Final = 'umask "$1" && shift && exec "$@"'
_REFUSE: Final = 'echo "$1" >&2; exit 78'
# What Python ignores by itself (SIGPIPE, SIGXFSZ), the command would ignore too.
_BECOME: Final = (
    "import os, signal, sys\n"
    "signal.signal(signal.SIGPIPE, signal.SIG_DFL), signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
    "uid, gid, groups, *command = sys.argv[1:]\n"
    "groups == '-' or os.setgroups([int(group) for group in groups.split(',') if group])\n"
    "os.setgid(int(gid)), os.setuid(int(uid))\n"
    "try: os.execvp(command[0], command)\n"
    "except OSError as error: sys.exit(f'{command[0]}: {error.strerror.lower()}')\n"
)


class Member(NamedTuple):
    """A user and group by number. `groups`: all that the user is in; None: those of the supervisor stay.

    `name` and `home` are those of the user, where it has an entry.
    """

    uid: int
    gid: int
    groups: tuple[int, ...] | None = None
    name: str | None = None
    home: str | None = None


def resolve(account: Account) -> Member:
    """Return whom an account means. Raises LaunchError for a user or group that does not exist, or is not for us."""
    own = Member(os.geteuid(), os.getegid())
    found = own if account.user is None else _user(account.user, has_group=account.group is not None)
    if account.group is not None:
        found = found._replace(gid=_group(account.group))
        found = found if found.name is None else found._replace(groups=_groups(found.name, found.gid))
    if own.uid != 0 and (found.uid, found.gid) != (own.uid, own.gid):
        what = f"user: {account.user}" if found.uid != own.uid else f"group: {account.group or found.gid}"
        raise _wrong(f"`{what}` asks for another than our own, which only root may do")
    return found


def prefix(account: Account) -> tuple[str, ...]:
    """Return the words before a command that make it run as an account. Raises LaunchError as `resolve` does."""
    if account == SAME:
        return ()
    return (*_become(account), *_mask(account.umask))


def standing_prefix(account: Account) -> tuple[str, ...]:
    """Return `prefix` for a service that runs already. If its user is gone meanwhile, its commands fail and say so."""
    try:
        return prefix(account)
    except LaunchError as error:
        return (SHELL, "-c", _REFUSE, "sh", error.detail)


def command_of(spec: ServiceSpec, argv: Sequence[str], env: Mapping[str, str]) -> tuple[str, ...]:
    """Return a command of a service as it is executed. Raises LaunchError: also for what the prefix would not find."""
    before = prefix(spec.account)
    if before:
        try:
            require_folder(spec.cwd)
            require_program(argv[0], spec.cwd, env)
        except OSError as error:
            raise explain(error, tuple(argv), spec.cwd) from None
    return (*before, *argv)


def variables(account: Account) -> dict[str, str]:
    """Return what a user's processes have in their environment; nothing for one without an entry, or without `user`."""
    found = _entry(account.user) if account.user is not None else None
    return {} if found is None else {"HOME": found.pw_dir, "USER": found.pw_name, "LOGNAME": found.pw_name}


def uid_of(account: Account) -> int | None:
    """Return the number of an account's user, None when there is none or it does not exist."""
    if account.user is None:
        return None
    found = _entry(account.user)
    return found.pw_uid if found is not None else int(account.user) if account.user.isdigit() else None


def lend(account: Account, descriptors: Sequence[int]) -> None:
    """Let the account's user open our FIFOs and terminals by /dev/stdout and /dev/stderr, as many programs do."""
    uid = uid_of(account)
    for descriptor in descriptors if uid not in (None, os.geteuid()) and os.geteuid() == 0 else ():
        assert uid is not None
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode) or os.isatty(descriptor):
            os.fchown(descriptor, uid, -1)


def complaint(account: Account) -> str | None:
    """Return why a service cannot run as this account now, None when it can."""
    try:
        resolve(account)
    except LaunchError as error:
        return error.detail
    return None


def _user(user: str, *, has_group: bool) -> Member:
    found = _entry(user)
    if found is not None:
        groups = _groups(found.pw_name, found.pw_gid)
        return Member(found.pw_uid, found.pw_gid, groups, found.pw_name, found.pw_dir)
    if not user.isdigit():
        raise _wrong(f"there is no user {user}")
    if not has_group:
        raise _wrong(f"user {user} has no entry, so its group is not known: write `group` too")
    return Member(int(user), 0, ())


def _entry(user: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except (KeyError, OverflowError):
        return None


def _group(group: str) -> int:
    if group.isdigit():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise _wrong(f"there is no group {group}") from None


def _groups(name: str, gid: int) -> tuple[int, ...]:
    return tuple(sorted(set(os.getgrouplist(name, gid))))


def _become(account: Account) -> tuple[str, ...]:
    found = resolve(account)
    if os.geteuid() != 0 or (found.uid == 0 and account.group is None):
        return ()
    setpriv = _setpriv(os.environ.get("PATH", os.defpath))
    if setpriv is None:
        groups = "-" if found.groups is None else ",".join(map(str, found.groups))
        return (sys.executable, "-I", "-S", "-c", _BECOME, str(found.uid), str(found.gid), groups)
    groups = "--keep-groups" if found.groups is None else "--clear-groups"
    if found.groups:
        groups = f"--groups={','.join(map(str, found.groups))}"
    return (setpriv, f"--reuid={found.uid}", f"--regid={found.gid}", groups, "--")


def _mask(umask: int | None) -> tuple[str, ...]:
    return () if umask is None else (SHELL, "-c", _SET_UMASK, "sh", f"{umask:03o}")


@lru_cache(maxsize=4)
def _setpriv(path: str) -> str | None:
    """Return the setpriv of util-linux; that of BusyBox knows no users."""
    found = shutil.which("setpriv", path=os.pathsep.join((path, "/usr/bin", "/bin")))
    return None if found is None or os.path.basename(os.path.realpath(found)) != "setpriv" else found


def _wrong(detail: str) -> LaunchError:
    return LaunchError(Reason.CONFIG_ERROR, detail, final=True)
