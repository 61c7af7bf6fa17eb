"""What is done to a supervisor, and what may come of it: nothing. `python -m tests.faults` prints the table."""
