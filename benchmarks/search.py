"""How quickly `mamctl logs --grep` searches a gigabyte of logs, beside grep in the same run.

    python benchmarks/search.py [--size 1000] [--rounds 5]

The logs are those of one service, rotated ten times, with indexes; nearly a thousand of their lines match the literal.
They lie in the page cache, so it is not the disk that is measured. MB are 10^6 bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from mamctl.control.place import place
from mamctl.core.manifest.choices import Streams
from mamctl.core.manifest.model import Logs
from mamctl.runtime.logs.files import log_files
from mamctl.runtime.logs.logfile import LogFile

FILES = 10
HITS = 1000
GOAL = 500
BLOCK = 1 << 20
NEEDLE = "payment 4711 refused"
SEARCHES = (
    ("literal", NEEDLE, ["-aF"]),
    ("literal that is nowhere", "no such words", ["-aF"]),
    ("regular expression with a literal beginning", r"payment \d+ refused", ["-aP"]),
    ("alternatives", "refused|declined", ["-aE"]),
    ("any case", f"(?i){NEEDLE}", ["-aP"]),
    ("tried line by line", r"(?<=47)11 refused", ["-aP"]),
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--size", type=int, default=1000, help="MB of logs")
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="search-") as folder:
        manifest = pathlib.Path(folder, "services.yaml")
        manifest.write_text(json.dumps({"services": {"web": {"command": ["true"]}}}))
        paths = write(str(manifest), chosen.size * 1_000_000)
        size = sum(os.path.getsize(path) for path in paths) / 1e6
        print(f"{size:,.0f} MB in {len(paths)} files; median of {chosen.rounds}")
        print("| searched | mamctl logs, MB/s | grep, MB/s | goal |")
        print("| --- | --- | --- | --- |")
        for name, pattern, words in SEARCHES:
            ours = [
                sys.executable,
                "-m",
                "mamctl.cli.main",
                "-f",
                str(manifest),
                "logs",
                "-n",
                "100000",
                "--grep",
                pattern,
            ]
            rate = size / timed(ours, chosen.rounds)
            peer = size / timed(["grep", *words, pattern, *paths], chosen.rounds)
            print(f"| {name} | {rate:,.0f} | {peer:,.0f} | {GOAL if name == 'literal' else ''} |")


def write(manifest: str, size: int) -> list[str]:
    """Write the logs as a supervisor does; return their paths."""
    at = place(manifest, {})
    (files,) = log_files(at.logs, at.index, "web", Streams.MERGED)
    log = LogFile(files.path, files.index, Logs(max_size=size // FILES, keep=2 * FILES), lambda _: None)
    log.begin(1)
    every = max(1, size // BLOCK // HITS)
    for number in range(size // BLOCK):
        log.stamp()
        log.write(block(number, hit=HITS * every > number and number % every == 0))
    return [str(path) for path in pathlib.Path(at.logs).iterdir()]


def block(number: int, *, hit: bool) -> bytes:
    """Return a mebibyte of lines like those of a web server."""
    line = b'2026-01-31T12:00:00.%06d 127.0.0.1 "GET /api/v1/assets?page=%d HTTP/1.1" 200 5120 "Mozilla/5.0"\n'
    lines = [line % (each % 1_000_000, number) for each in range(BLOCK // len(line % (0, number)))]
    if hit:
        lines[len(lines) // 2] = b"2026-01-31T12:00:00.000000 ERROR " + NEEDLE.encode() + b"\n"
    return b"".join(lines)


def timed(command: list[str], rounds: int) -> float:
    """Return the median of the seconds that a command takes, its start included."""
    taken = []
    for _ in range(rounds):
        began = time.monotonic()
        # Not to /dev/null: grep knows it, and ends at the first match.
        subprocess.run(command, stdout=subprocess.PIPE, check=False)
        taken.append(time.monotonic() - began)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
