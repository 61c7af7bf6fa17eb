"""What a second `make up` adds: the time until every service answers, beside a loop that just starts the commands.

    python benchmarks/second_up.py [--rounds 3]

Both start the same commands with the same environment and are asked the same questions every 10 ms. The loop has no
order, no probes, no logs: it shows how long the slowest service takes by itself. The goal is a difference of 0.5 s.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAMCTL = ROOT / ".venv/bin/mamctl"
DEADLINE = 120.0
QUESTIONS = {
    "backend": "http://127.0.0.1:5001/api/v1/health/status",
    "frontend": "http://127.0.0.1:3001/api/health",
    "lmstudio": "http://127.0.0.1:1234/health",
    "agent": "http://127.0.0.1:5000/health",
    "api": "http://127.0.0.1:8080/health",
    "django": "http://127.0.0.1:8000/api/health/",
}


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (OSError, urllib.error.HTTPError):
        return False


def all_answer(began: float) -> dict[str, float]:
    """Return the seconds until each service answered."""
    took: dict[str, float] = {}
    while len(took) < len(QUESTIONS):
        if time.monotonic() - began > DEADLINE:
            raise SystemExit(f"error: no answer from {sorted(set(QUESTIONS) - set(took))}")
        for name, url in QUESTIONS.items():
            if name not in took and answers(url):
                took[name] = time.monotonic() - began
        time.sleep(0.01)
    return took


def by_make() -> dict[str, float]:
    """Run `make up`, stop it as Ctrl-C would."""
    began = time.monotonic()
    with subprocess.Popen(["make", "up"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        took = all_answer(began)
        run.send_signal(signal.SIGINT)
        subprocess.run([MAMCTL, "down"], cwd=ROOT, check=True, capture_output=True)
    return took


def commands() -> list[tuple[str, dict[str, object]]]:
    """Return every service's configuration, with the spawn step in an external one's place."""
    text = subprocess.run([MAMCTL, "config", "--json"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = []
    for name, entry in json.loads(text)["services"].items():
        spawn = next((step["spawn"] for step in entry.get("acquire", ()) if "spawn" in step), None)
        found.append((name, {**entry, **spawn} if spawn else entry))
    return found


def by_loop(services: list[tuple[str, dict[str, object]]]) -> dict[str, float]:
    """Start the same commands at once and wait."""
    began = time.monotonic()
    running = []
    for _name, entry in services:
        ports = entry.get("ports") or {}
        number = next(iter(ports.values()), None)
        port = number["prefer"] if isinstance(number, dict) else number
        env = {**os.environ, **(entry.get("env") or {}), **({"PORT": str(port), "HOST": "127.0.0.1"} if port else {})}
        quiet = subprocess.DEVNULL
        running.append(subprocess.Popen(entry["command"], cwd=entry["cwd"], env=env, stdout=quiet, stderr=quiet))
    try:
        return all_answer(began)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(20)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    rounds = options.parse_args().rounds
    services = commands()
    make, loop = [], []
    for _ in range(rounds):
        loop.append(by_loop(services))
        make.append(by_make())
    print("| service | loop, s | make up, s |")
    print("| --- | --- | --- |")
    for name in QUESTIONS:
        print(f"| {name} | {_median(loop, name):.2f} | {_median(make, name):.2f} |")
    slowest = statistics.median(max(took.values()) for took in loop)
    ours = statistics.median(max(took.values()) for took in make)
    print(f"| all | {slowest:.2f} | {ours:.2f} |")
    print(f"\nadded: {ours - slowest:.2f} s (goal: at most 0.5 s)")


def _median(rounds: list[dict[str, float]], name: str) -> float:
    return statistics.median(took[name] for took in rounds)


if __name__ == "__main__":
    main()
