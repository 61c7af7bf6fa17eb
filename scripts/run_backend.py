"""The seeds' `python run_backend.py`: only the API server and the agent, with what they depend on."""

import os
import pathlib
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
subprocess.run(["make", "--no-print-directory", "setup"], cwd=root, check=True)
os.chdir(root)
os.execv(root / ".venv/bin/mamctl", ["mamctl", "up", "api", "agent", *sys.argv[1:]])
