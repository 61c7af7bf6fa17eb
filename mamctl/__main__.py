"""`python -m mamctl`: the command line, by an interpreter that is named; what units start."""

from mamctl.cli.main import main

main()
