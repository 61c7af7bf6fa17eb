"""A server, and the commands that start and stop it: `daemoniser.py start|serve|stop|hang FOLDER PORT [WORDS...]`.

start   leave a server behind, in a session of its own, and return; FOLDER/started counts the calls
serve   be the server: answers GET / with {"server": true}, writes its pid to FOLDER/pid
stop    end the server whose pid stands there; FOLDER/stopped counts the calls
hang    write FOLDER/hangs, and wait for ever, deaf to TERM
fail    say WORDS and end with code 3
"""

import http.server
import os
import pathlib
import signal
import sys
import time


class Answer(http.server.BaseHTTPRequestHandler):
    """Says that it is the server."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"server": true}')

    def log_message(self, *_words):
        """Be quiet."""


def count(folder, name):
    with open(folder / name, "a") as file:
        file.write("x")


def start(folder, port, words):
    count(folder, "started")
    print("starting", *words, flush=True)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            serve(folder, port, words)
        os._exit(0)
    os.wait()


def serve(folder, port, words):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer)
    (folder / "pid.new").write_text(str(os.getpid()))
    (folder / "pid.new").rename(folder / "pid")
    print("serving", *words, flush=True)
    server.serve_forever()


def stop(folder, port, words):
    count(folder, "stopped")
    pid = int((folder / "pid").read_text())
    os.kill(pid, signal.SIGTERM)
    print("stopped", *words, flush=True)


def hang(folder, port, words):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (folder / "hangs").write_text(str(os.getpid()))
    while True:
        time.sleep(1000)


def fail(folder, port, words):
    print(*words, file=sys.stderr, flush=True)
    sys.exit(3)


if __name__ == "__main__":
    globals()[sys.argv[1]](pathlib.Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
