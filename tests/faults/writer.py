"""A service that writes numbered lines, and keeps count where no death of its own can lose it.

    python writer.py FOLDER [--rate N] [--lines N] [--taint] [--both]

Each line is `<service> <incarnation> <number>`; an incarnation is a pid, and its numbers begin at 0. In FOLDER:

    SERVICE.PID.written   how many lines it wrote, 8 bytes, kept up to date in shared memory
    SERVICE.alive         locked while it lives; who cannot get the lock adds a line to `doubles`, and ends

`--rate` lines in a second (0, the default: as many as it can); `--lines` in all, then it only sleeps; `--taint`: the
first incarnation sets O_NONBLOCK on its output, fills it, and fails; `--both`: each line to stderr as well. Standard
library only.
"""

import contextlib
import fcntl
import mmap
import os
import signal
import sys
import time

NAME = os.environ["MAMCTL_SERVICE"]


def setting(option, default):
    words = sys.argv[2:]
    return int(words[words.index(option) + 1]) if option in words else default


def append(path, line):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, line.encode() + b"\n")
    os.close(descriptor)


def live_alone(folder):
    """Return the lock that no second incarnation of this service gets while we live."""
    alive = os.open(os.path.join(folder, f"{NAME}.alive"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        append(os.path.join(folder, "doubles"), f"{NAME} {os.getpid()}")
        sys.exit(3)
    return alive


def counter(folder):
    path = os.path.join(folder, f"{NAME}.{os.getpid()}.written")
    with open(path, "w+b") as file:
        file.truncate(8)
        # Stored at once, not byte by byte as struct does: others look at any moment.
        return memoryview(mmap.mmap(file.fileno(), 8)).cast("q")


def write(lines, rate, count):
    """Write, and note each line once it is out. A line that O_NONBLOCK refused is lost: few programs try again."""
    outputs = (1, 2) if "--both" in sys.argv else (1,)
    number = 0
    begun = time.monotonic()
    while number != lines:
        line = b"%s %d %060d\n" % (NAME.encode(), os.getpid(), number)
        for output in outputs:
            with contextlib.suppress(BlockingIOError):
                os.write(output, line)
        number += 1
        count[0] = number
        if rate:
            time.sleep(max(0.0, begun + number / rate - time.monotonic()))


def taint(folder):
    """Once: leave an output behind that no longer waits."""
    done = os.path.join(folder, f"{NAME}.tainted")
    if os.path.exists(done):
        return
    append(done, "")
    os.set_blocking(1, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(1, b"[mamctl] filler that no count is kept of, up to the brim of the pipe\n")
    sys.exit(1)


def main():
    folder = sys.argv[1]
    alive = live_alone(folder)
    if "--taint" in sys.argv:
        taint(folder)
    write(setting("--lines", -1), setting("--rate", 0), counter(folder))
    while alive:
        signal.pause()


if __name__ == "__main__":
    main()
