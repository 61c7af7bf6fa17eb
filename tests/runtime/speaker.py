"""A service that speaks for itself, as its arguments say, one after the other; then it waits for a signal.

READY=1|STATUS=up     a datagram to NOTIFY_SOCKET; `|` is a new line
barrier               wait until all that was sent is read, as sd_notify_barrier does
wait:S                wait S seconds
ping:S:N              say WATCHDOG=1 N times, every S seconds
flood:N               N different datagrams at once
big:N                 a datagram of N bytes
raw:HEX               these bytes
with-files:TEXT       a datagram with two descriptors
line:FD               a line on a descriptor, which is then closed
part:FD               some letters on it, without a newline
close:FD
child:TEXT            sent by a child that has ended by now
stray:TEXT            sent by a grandchild in a session of its own, which lives on
say:NAME              print a variable
on-term:TEXT:S        at TERM say this, wait S seconds, end
exit:CODE
"""

import array
import os
import signal
import socket
import sys
import time

DO = {}


def word(function):
    DO[function.__name__.strip("_").replace("_", "-")] = function
    return function


def send(data, descriptors=()):
    line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    line.connect(os.environ["NOTIFY_SOCKET"])
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    line.sendmsg([data], rights)
    line.close()


def said(text):
    return text.replace("|", "\n").encode()


@word
def barrier(_):
    ours, theirs = os.pipe()
    send(b"BARRIER=1", [theirs])
    os.close(theirs)
    os.read(ours, 1)
    os.close(ours)


@word
def wait(seconds):
    time.sleep(float(seconds))


@word
def ping(rest):
    pause, _, times = rest.partition(":")
    for _ in range(int(times)):
        send(b"WATCHDOG=1")
        time.sleep(float(pause))


@word
def flood(count):
    for number in range(int(count)):
        send(b"STATUS=number %d" % number)


@word
def big(size):
    send(b"READY=1\n" + b"x" * (int(size) - 8))


@word
def raw(digits):
    send(bytes.fromhex(digits))


@word
def with_files(text):
    ours, theirs = os.pipe()
    send(said(text), [ours, theirs])


@word
def line(fd):
    os.write(int(fd), b"ready\n")
    os.close(int(fd))


@word
def part(fd):
    os.write(int(fd), b"not yet")


@word
def close(fd):
    os.close(int(fd))


@word
def child(text):
    if (pid := os.fork()) == 0:
        send(said(text))
        os._exit(0)
    os.waitpid(pid, 0)


@word
def stray(text):
    if (pid := os.fork()) == 0:
        os.setsid()
        if os.fork() == 0:
            send(said(text))
            signal.pause()
        os._exit(0)
    os.waitpid(pid, 0)


@word
def say(name):
    print(f"{name}={os.environ.get(name)}", flush=True)


@word
def on_term(rest):
    text, _, seconds = rest.rpartition(":")

    def leave(*_):
        send(said(text))
        time.sleep(float(seconds))
        os._exit(0)

    signal.signal(signal.SIGTERM, leave)


@word
def exit_(code):
    os._exit(int(code))


def main():
    for argument in sys.argv[1:]:
        name, _, rest = argument.partition(":")
        if name in DO:
            DO[name](rest)
        else:
            send(said(argument))
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
