"""The hands: processes, probes, ports, logs and the one loop that performs what the core decides."""
