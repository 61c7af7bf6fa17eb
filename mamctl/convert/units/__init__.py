"""Files by which an init system runs a stack: systemd units and launchd property lists, as text."""
