"""The seeds' `python run_backend.py`: the API server, the agent and the worker, with what they depend on."""

import os
import pathlib
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
subprocess.run(["make", "--no-print-directory", "setup"], cwd=root, check=True)
os.chdir(root)
os.execv(root / ".venv/bin/mamctl", ["mamctl", "up", "api", "agent", "worker", *sys.argv[1:]])
