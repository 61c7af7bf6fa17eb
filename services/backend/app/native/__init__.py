"""Routes that run in the event loop itself: health, streams, thumbnails and the WebSocket.

They never wait for the pool of threads that serves Flask, so a slow request or many idle
sockets cannot make a healthy backend look dead to its supervisor.
"""
