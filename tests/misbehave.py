"""One service that misbehaves as told: `python tests/misbehave.py [options]`. Standard library only, quick to start.

What is done at once, in the order of the command line (any of them may be given more than once):

    --print TEXT           a line on stdout
    --stderr TEXT          a line on stderr
    --echo-env NAME        `NAME=value` on stdout, or `NAME is not set`
    --flood BYTES          numbered lines of 100 bytes on stdout, as many as make BYTES (rounded up)
    --garbage              invalid UTF-8, NUL, terminal escapes, a lone carriage return, on stdout
    --long-line N          one line of N bytes `x` and a newline
    --partial TEXT         TEXT without a newline
    --touch FILE           creates FILE (appends one line, so that runs can be counted)
    --ignore-term          TERM does nothing from here on
    --grandchild           a double-forked process in a session of its own that sleeps; its pid goes to --pidfile
    --child                a plain child that sleeps; its pid goes to --pidfile too, a line each
    --drop-to UID          becomes user UID for good (started as root)
    --hold-port P          binds and listens on port P (0: a free one, printed as `port N`) and never accepts
    --bind-port P          binds port P (0: as above) and does not listen

Settings:

    --pidfile FILE         where --grandchild and --child write (give it before them)
    --host H               the address for all ports (127.0.0.1); give it before --hold-port
    --reuse-port           sets SO_REUSEPORT; give it before --hold-port
    --exit CODE            ends with CODE ...
    --after S              ... S seconds after the start (0); negative CODE: dies by that signal
    --port P               listens on P (0: a free one, printed as `port N`) ...
    --ready-after S        ... from S seconds after the start on (0)
    --http                 answers HTTP requests with 200 (else connections are accepted and closed)
    --body TEXT            the body of every answer (`{"status": "healthy"}`), as JSON
    --http-status-after N:CODE   answers CODE from the N-th request on (1 is the first)
    --unhealthy-after S    answers 503 from S seconds after the start on
    --slow-http S          waits S seconds before each answer
    --fork-forever         forks a child and exits, for ever: a moving target, one process at a time

Without --exit it runs until a signal ends it (TERM: exit 143 as a shell would say, by the signal itself).
"""

import os
import select
import signal
import socket
import sys
import time

START = time.monotonic()
IMMEDIATE = {}
SWITCHES = {"--ignore-term", "--grandchild", "--child", "--garbage", "--http", "--reuse-port", "--fork-forever"}


class Wish:
    """The settings, as the command line gave them."""

    def __init__(self):
        self.pidfile = None
        self.host = "127.0.0.1"
        self.reuse_port = False
        self.exit = None
        self.after = 0.0
        self.port = None
        self.ready_after = 0.0
        self.http = False
        self.body = '{"status": "healthy"}'
        self.http_status_after = None
        self.unhealthy_after = None
        self.slow_http = 0.0
        self.fork_forever = False
        self.held = []


def at_once(function):
    IMMEDIATE["--" + function.__name__.strip("_").replace("_", "-")] = function
    return function


def write(descriptor, data):
    while data:
        data = data[os.write(descriptor, data) :]


@at_once
def print_(wish, text):
    write(1, os.fsencode(text) + b"\n")


@at_once
def stderr(wish, text):
    write(2, os.fsencode(text) + b"\n")


@at_once
def partial(wish, text):
    write(1, os.fsencode(text))


@at_once
def echo_env(wish, name):
    value = os.environ.get(name)
    write(1, os.fsencode(f"{name}={value}\n" if value is not None else f"{name} is not set\n"))


@at_once
def flood(wish, size):
    lines = -(-int(size) // 100)
    for first in range(0, lines, 640):
        write(1, b"".join(b"%099d\n" % number for number in range(first, min(first + 640, lines))))


@at_once
def garbage(wish):
    write(
        1,
        b"\xff\xfe invalid \xc3\x28\n\x00\x00 nul\n\x1b[31mred\x1b[0m \x1b]0;title\x07\n\x1b]8;;unterminated\n\rback\n",
    )


@at_once
def long_line(wish, size):
    write(1, b"x" * int(size) + b"\n")


@at_once
def touch(wish, path):
    with open(path, "ab") as file:
        file.write(b"%d\n" % os.getpid())


@at_once
def ignore_term(wish):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@at_once
def drop_to(wish, uid):
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))


@at_once
def grandchild(wish):
    if (middle := os.fork()) == 0:
        os.setsid()
        if os.fork() == 0:
            note_pid(wish)
            sleep_for_ever()
        os._exit(0)
    os.waitpid(middle, 0)


@at_once
def child(wish):
    if os.fork() == 0:
        note_pid(wish)
        sleep_for_ever()


def note_pid(wish):
    """Write our pid, whole or not at all, so that a reader never sees half of it."""
    if wish.pidfile:
        descriptor = os.open(wish.pidfile, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(descriptor, b"%d\n" % os.getpid())
        os.close(descriptor)


def sleep_for_ever():
    while True:
        signal.pause()


@at_once
def hold_port(wish, port):
    listener = bound(wish, int(port))
    listener.listen(1)
    wish.held.append(listener)
    tell_port(wish, port, listener)


@at_once
def bind_port(wish, port):
    wish.held.append(bound(wish, int(port)))
    tell_port(wish, port, wish.held[-1])


def bound(wish, port):
    """Bind as most servers do; a port that is taken ends the program as theirs does."""
    made = socket.socket(socket.AF_INET6 if ":" in wish.host else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if wish.reuse_port:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        made.bind((wish.host, port))
    except OSError as error:
        sys.exit(f"misbehave: cannot bind {wish.host}:{port}: {error.strerror}")
    return made


def tell_port(wish, wanted, made):
    """Print a port that the system chose; only now can it be reached."""
    if int(wanted) == 0:
        print_(wish, f"port {made.getsockname()[1]}")


class Server:
    """Answers one request after the other; everything it waits for is in one `select`."""

    def __init__(self, wish):
        self.wish = wish
        self.listener = None
        self.requests = 0

    def open(self):
        self.listener = bound(self.wish, self.wish.port)
        self.listener.listen(128)
        tell_port(self.wish, self.wish.port, self.listener)

    def serve_one(self):
        peer, _ = self.listener.accept()
        with peer:
            if self.wish.http:
                self.answer(peer)

    def answer(self, peer):
        peer.settimeout(5)
        request = b""
        try:
            while b"\r\n\r\n" not in request and (piece := peer.recv(65536)):
                request += piece
            self.requests += 1
            if self.wish.slow_http:
                time.sleep(self.wish.slow_http)
            peer.sendall(self.response())
        except OSError:
            return

    def response(self):
        body = self.wish.body.encode()
        head = f"HTTP/1.1 {self.status()} Scripted\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"Connection: close\r\n\r\n" + body

    def status(self):
        wish = self.wish
        if wish.unhealthy_after is not None and time.monotonic() - START >= wish.unhealthy_after:
            return 503
        if wish.http_status_after and self.requests >= wish.http_status_after[0]:
            return wish.http_status_after[1]
        return 200


def run(wish):
    """Serve until the exit that was asked for, or a signal."""
    server = Server(wish)
    while True:
        passed = time.monotonic() - START
        if wish.exit is not None and passed >= wish.after:
            leave(wish.exit)
        if wish.port is not None and server.listener is None and passed >= wish.ready_after:
            server.open()
        if select.select([server.listener] if server.listener else [], [], [], next_deadline(wish, server))[0]:
            server.serve_one()


def next_deadline(wish, server):
    """Seconds until something is due, or None."""
    due = [wish.after] if wish.exit is not None else []
    if wish.port is not None and server.listener is None:
        due.append(wish.ready_after)
    return max(0.0, START + min(due) - time.monotonic()) if due else None


def leave(code):
    if code >= 0:
        os._exit(code)
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)


def fork_for_ever():
    """Be another process every millisecond."""
    while True:
        if os.fork():
            os._exit(0)
        time.sleep(0.001)


def status_after(text):
    number, _, code = text.partition(":")
    return int(number), int(code)


CONVERT = {
    "pidfile": str, "host": str, "exit": int, "after": float, "port": int, "ready_after": float, "body": str,
    "http_status_after": status_after, "unhealthy_after": float, "slow_http": float,
}  # fmt: skip


def obey(wish, words):
    """Do what is done at once and note the rest."""
    words = iter(words)
    for word in words:
        name = word.removeprefix("--").replace("-", "_")
        if word in IMMEDIATE:
            IMMEDIATE[word](wish, *([] if word in SWITCHES else [next(words)]))
        elif word in SWITCHES:
            setattr(wish, name, True)
        elif name in CONVERT:
            setattr(wish, name, CONVERT[name](next(words)))
        else:
            sys.exit(f"misbehave: unknown option {word}")


def main():
    wish = Wish()
    try:
        obey(wish, sys.argv[1:])
    except (StopIteration, ValueError) as error:
        sys.exit(f"misbehave: a value is missing or wrong: {error}")
    if wish.fork_forever:
        fork_for_ever()
    try:
        run(wish)
    except KeyboardInterrupt:
        leave(-signal.SIGINT)


if __name__ == "__main__":
    main()
