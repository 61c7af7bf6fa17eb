"""Where a service's notify socket lies: in the home, or elsewhere when that path would be too long for a socket."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# sun_path holds 108 bytes with its NUL on Linux and 104 on macOS.
LONGEST: Final = 100


def socket_path(folder: str, name: str, generation: int, environ: Mapping[str, str]) -> str:
    """Return the path of one incarnation's socket; no other has it, so no late message reaches the next one."""
    direct = os.path.join(folder, f"{name}.{generation}")
    if len(os.fsencode(direct)) <= LONGEST:
        return direct
    from hashlib import blake2s  # Short paths are usual.

    tag = blake2s(os.fsencode(direct), digest_size=8).hexdigest()
    own = f"/tmp/mamctl-{os.getuid()}"  # noqa: S108 - see `prepare`
    runtime = environ.get("XDG_RUNTIME_DIR")
    beside = os.path.join(runtime, "mamctl", f"{tag}.notify") if runtime else ""
    return beside if beside and len(os.fsencode(beside)) <= LONGEST else os.path.join(own, f"{tag}.notify")


def shared_path(folder: str, name: str, generation: int) -> str:
    """Return the path of a socket that a service reaches as another user: nothing of the home is open to him."""
    from hashlib import blake2s  # Few services run as another user.

    tag = blake2s(os.fsencode(os.path.join(folder, f"{name}.{generation}")), digest_size=8).hexdigest()
    root = "/run" if os.access("/run", os.W_OK) else "/tmp"  # noqa: S108 - see `prepare`
    return os.path.join(root, "mamctl-notify", tag)


def prepare(path: str, *, shared: bool = False) -> None:
    """Make the folder of a socket, 0700, and take away a socket that was left there.

    `shared`: others may reach what they know the name of. Raises OSError, also when others could put theirs in its
    place.
    """
    folder = os.path.dirname(path)
    mode = 0o711 if shared else 0o700
    with contextlib.suppress(FileExistsError):
        os.makedirs(folder, mode=0o700)
        os.chmod(folder, mode)  # whatever the umask
    found = os.stat(folder)
    if {found.st_uid, os.lstat(folder).st_uid} != {os.getuid()} or found.st_mode & 0o022:
        raise PermissionError(1, "its folder can be written by others", folder)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
