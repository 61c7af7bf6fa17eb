"""The media types of the library, and how a file's first bytes must look for each."""

import os
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

HEAD_BYTES = 16
MAX_TITLE = 200

# Characters that have no business in a title: controls, line separators, and the marks that
# turn the direction of text around (they make "gpj.exe" read as "exe.jpg").
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class MediaType:
    """One supported type; ``demuxer`` is forced when the file is opened."""

    name: str
    kind: str
    mime_type: str
    demuxer: str

    def fits(self, head: bytes) -> bool:
        """Whether a file that starts with ``head`` (HEAD_BYTES bytes) can be of this type."""
        return _SIGNATURES[self.demuxer].match(head) is not None


# The QuickTime family starts with an atom: four bytes of length, then its name.
_SIGNATURES = {
    "mov": re.compile(rb".{4}(ftyp|moov|mdat|wide|free|skip|pnot)", re.DOTALL),
    "avi": re.compile(rb"RIFF.{4}AVI ", re.DOTALL),
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "GIF": re.compile(rb"GIF8[79]a"),
    "WEBP": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "AVIF": re.compile(rb".{4}ftyp(avif|avis|mif1|msf1)", re.DOTALL),
    "HEIF": re.compile(rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL),
    "matroska": re.compile(rb"\x1a\x45\xdf\xa3"),
}
_JPEG = MediaType("JPEG", "image", "image/jpeg", "JPEG")
MEDIA_TYPES = {
    ".mp4": MediaType("MP4", "video", "video/mp4", "mov"),
    ".mov": MediaType("QuickTime", "video", "video/quicktime", "mov"),
    ".avi": MediaType("AVI", "video", "video/x-msvideo", "avi"),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".png": MediaType("PNG", "image", "image/png", "PNG"),
    ".gif": MediaType("GIF", "image", "image/gif", "GIF"),
}
OPTIONAL_TYPES = {
    ".webp": MediaType("WebP", "image", "image/webp", "WEBP"),
    ".avif": MediaType("AVIF", "image", "image/avif", "AVIF"),
    ".heic": MediaType("HEIC", "image", "image/heic", "HEIF"),
    ".heif": MediaType("HEIF", "image", "image/heif", "HEIF"),
    ".m4v": MediaType("M4V", "video", "video/x-m4v", "mov"),
    ".mkv": MediaType("Matroska", "video", "video/x-matroska", "matroska"),
    ".webm": MediaType("WebM", "video", "video/webm", "matroska"),
}
"""What MEDIA_TYPES_EXTRA may add (C26)."""

_supported = dict(MEDIA_TYPES)


def support(extra: Collection[str]) -> None:
    """Let this process take files with these extensions of OPTIONAL_TYPES too, and no others that were added before."""
    _supported.clear()
    _supported.update(MEDIA_TYPES | {suffix: OPTIONAL_TYPES[suffix] for suffix in extra})


def supported_types() -> str:
    """Return the extensions that are taken, for people."""
    return " ".join(sorted(_supported))


def media_type_of(path: str) -> MediaType | None:
    """Return the type that the file's extension names, in any case; None when we have none."""
    return _supported.get(os.path.splitext(path)[1].lower())


def kind_of_format(name: str) -> str | None:
    """Return ``video`` or ``image`` for the name of a type in any case; None when we have no such type."""
    types = (*MEDIA_TYPES.values(), *OPTIONAL_TYPES.values())
    return next((one.kind for one in types if one.name.lower() == name.lower()), None)


def mismatch(media_type: MediaType, head: bytes) -> str | None:
    """Return why a file that starts with ``head`` is not of its type, or None when it may be."""
    if not head:
        return "the file is empty"
    if not media_type.fits(head):
        return f"the content is not {media_type.name}, as the file's name says"
    return None


def clean_title(text: str) -> str:
    """Return ``text`` as a title: composed, on one line, without marks that lie, bounded."""
    composed = unicodedata.normalize("NFC", text)
    printable = (" " if ch in "\t\r\n" else ch for ch in composed if ch in "\t\r\n" or _is_printable(ch))
    return " ".join("".join(printable).split())[:MAX_TITLE].rstrip()


def title_of(path: str) -> str:
    """Return a title for a file that nobody has named: ``city_at-night.mp4`` -> ``City at night``."""
    stem = PurePosixPath(path).stem
    title = clean_title(re.sub(r"[_-]+", " ", stem)) or clean_title(stem) or "Untitled"
    return title[0].upper() + title[1:]


def _is_printable(character: str) -> bool:
    return unicodedata.category(character) not in _UNPRINTABLE
