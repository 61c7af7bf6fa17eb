"""A terminal's client in a process of its own: start a supervisor as a JSON argument says, then hold its lease.

Keys: manifest, foreground, up, report (a file for what came of it), and what it is to have beforehand: ignored and
blocked (signals), open_files (the soft limit), shut (standard descriptors to close), inherited (descriptors to leave
open for children).
"""

import json
import os
import resource
import signal
import sys

from mamctl.control.place import place
from mamctl.core.errors import MamctlError
from mamctl.runtime.launch import start_supervisor


def prepare(wish):
    for number in wish.get("ignored", ()):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, wish.get("blocked", ()))
    if "open_files" in wish:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (wish["open_files"], hard))
    for fd in wish.get("inherited", ()):
        os.dup2(os.open(os.devnull, os.O_RDONLY), fd, inheritable=True)
    for fd in wish.get("shut", ()):
        os.close(fd)


def start(wish):
    where = place(wish["manifest"], os.environ)
    try:
        started = start_supervisor(where, up=wish.get("up", {}), foreground=wish["foreground"], environ=os.environ)
    except MamctlError as error:
        return None, {"error": error.message, "hint": error.hint, "exit_code": error.exit_code}
    return started, {"pid": started.pid}


def tell(path, document):
    """Write it whole or not at all."""
    with open(f"{path}.new", "w") as file:
        json.dump(document, file)
    os.replace(f"{path}.new", path)


wish = json.loads(sys.argv[1])
prepare(wish)
held, told = start(wish)
tell(wish["report"], told)
while held is not None and held.lease is not None:
    signal.pause()
