"""The command line: thin click commands, and the only place that wires the other parts together."""
