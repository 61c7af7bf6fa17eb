"""The server's socket, and the uvicorn server that ends in time."""

import asyncio
import socket

import uvicorn

LINGER_S = 0.5
"""How long answers under way may still take after the signal to stop."""


class PunctualServer(uvicorn.Server):
    """A server that cuts off who does not leave.

    uvicorn waits for its connections: a paused video or half a request would hold up the stop
    until its deadline, and be cancelled with a traceback then. A connection that is cut ends in
    the ordinary way, as if the client had gone.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, let answers end for LINGER_S, cut the rest."""
        cut = asyncio.get_running_loop().call_later(LINGER_S, self._cut_connections)
        try:
            await super().shutdown(sockets)
        finally:
            cut.cancel()

    def _cut_connections(self) -> None:
        for connection in list(self.server_state.connections):
            transport = connection.transport
            if transport is not None:
                transport.abort()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raises OSError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Lets a restart bind while old connections fade; a live listener still refuses us.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the URL at which the socket listens."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
