"""Several ranges of a file as one answer: ``multipart/byteranges`` (RFC 9110, section 14.6)."""

import secrets

from .byte_range import Span


class Multipart:
    """The headings between the parts, and the length of it all."""

    def __init__(self, spans: list[Span], content_type: str, size: int) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/byteranges; boundary={boundary}"
        self.parts = [(_heading(boundary, content_type, span, size), span) for span in spans]
        self.end = f"\r\n--{boundary}--\r\n".encode()
        self.length = sum(len(heading) + end - start for heading, (start, end) in self.parts) + len(self.end)


def _heading(boundary: str, content_type: str, span: Span, size: int) -> bytes:
    start, end = span
    lines = (f"--{boundary}", f"Content-Type: {content_type}", f"Content-Range: bytes {start}-{end - 1}/{size}", "", "")
    return ("\r\n" + "\r\n".join(lines)).encode("latin-1")
