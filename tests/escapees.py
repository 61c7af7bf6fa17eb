"""A tree of processes that escape: `python tests/escapees.py N PIDFILE [--deaf] [--wiped]`. Standard library only.

N processes, in turn plain, of a process group of their own, and double-forked into a session of their own; each writes
its pid to the file. `--deaf`: they ignore TERM. `--wiped`: the last kind starts anew with an empty environment.
`--late S`: S seconds after the start. The first process waits, too.
"""

import os
import signal
import sys
import time


def note(path):
    with open(path, "ab", buffering=0) as file:
        file.write(b"%d\n" % os.getpid())


def wait_for_ever(path):
    note(path)
    while True:
        signal.pause()


def plain(path, wiped):
    if os.fork() == 0:
        wait_for_ever(path)


def own_group(path, wiped):
    if os.fork() == 0:
        os.setpgid(0, 0)
        wait_for_ever(path)


def escaped(path, wiped):
    if os.fork() == 0:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        if wiped:
            script = f"echo $$ >> {path}; trap '' TERM; while :; do sleep 1000; done"
            os.execve("/bin/sh", ["sh", "-c", script], {})
        wait_for_ever(path)


def main():
    number, path, *switches = sys.argv[1:]
    if "--deaf" in switches:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "--late" in switches:
        time.sleep(float(switches[switches.index("--late") + 1]))
    for index in range(int(number) - 1):
        (plain, own_group, escaped)[index % 3](path, "--wiped" in switches)
    wait_for_ever(path)


if __name__ == "__main__":
    main()
