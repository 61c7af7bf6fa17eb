"""The listening socket, claimed before anything slow happens.

The same few lines stand in `services/django`: each service can be installed and started alone.
"""

import errno
import socket

BACKLOG = 128


class PortError(Exception):
    """The port cannot be had: the sentence says which and why, `hint` what to do."""

    exit_code = 1

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def claim(host: str, port: int) -> socket.socket:
    """Bind (host, port) and return the socket, not yet listening, so that no probe takes it for ready.

    Raise PortError when somebody else has the port or the system does not grant it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    # Connections of the previous run in TIME_WAIT must not keep a restart from its port.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as problem:
        listener.close()
        raise _port_error(host, port, problem) from problem
    return listener


def listen(listener: socket.socket) -> None:
    """Begin to take connections; raise PortError when another program, bound as we are, has begun before."""
    try:
        listener.listen(BACKLOG)
    except OSError as problem:
        host, port = listener.getsockname()[:2]
        raise _port_error(host, port, problem) from problem


def _port_error(host: str, port: int, problem: OSError) -> PortError:
    if problem.errno == errno.EADDRINUSE:
        return PortError(
            f"port {port} on {host} is taken by another program",
            "`mamctl ports` names the holder; stop it, or set PORT to a free port",
        )
    if problem.errno == errno.EACCES:
        return PortError(f"port {port} on {host} is reserved by the system", "set PORT to a free port above 1023")
    return PortError(f"port {port} on {host} cannot be bound: {problem.strerror}", "check HOST and PORT")
