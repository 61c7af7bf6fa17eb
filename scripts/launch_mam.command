#!/bin/sh
# A double click on macOS: the whole stack in this terminal, Ctrl-C stops it.
cd "$(dirname "$0")/.." || exit 1
exec make --no-print-directory up
