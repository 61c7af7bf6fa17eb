"""Whom the server answers: loopback names only.

A page on the internet can make a browser send requests to a loopback port under the page's own name
(DNS rebinding). Django checks the Host header only where a view asks for it, and answers 400 in HTML.
"""

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from sideeye.answers import error

GetResponse = Callable[[HttpRequest], HttpResponse]


class LoopbackOnly:
    """Middleware: 403 for every request whose Host is not in ALLOWED_HOSTS."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass a request on, or refuse it."""
        try:
            request.get_host()
        except DisallowedHost:
            hint = "use http://127.0.0.1 with the port of this service"
            message = "this server answers only to 127.0.0.1, localhost and [::1]"
            return error(403, "HOST_NOT_ALLOWED", message, hint)
        return self._get_response(request)
