"""The seeds' `python run_all.py`: the whole stack in the foreground."""

import os
import pathlib
import sys

os.chdir(pathlib.Path(__file__).resolve().parent.parent)
os.execvp("make", ["make", "--no-print-directory", "up", *sys.argv[1:]])
