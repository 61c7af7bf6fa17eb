"""Pictures: their figures, and small pictures of them. Runs in the decoder process only.

The size in the header is looked at before any pixel is unpacked: half a megabyte of PNG can claim four gigapixels.
"""

import base64
import re
from io import SEEK_END, BytesIO
from typing import Any, BinaryIO

from PIL import Image, ImageOps, UnidentifiedImageError

from . import heif
from .thumbhash import thumbhash
from .unreadable import Unreadable, sentence

THUMBNAIL_SIDE = 400
JPEG_QUALITY = 82
IMAGE_FORMATS = frozenset({"JPEG", "PNG", "GIF", "WEBP", "AVIF", "HEIF"})
CODECS = {"HEIF": "hevc"}
"""Where the codec has another name than the format."""

WHOLE = frozenset({"HEIF"})
MAX_WHOLE_BYTES = 512 * 1024 * 1024
"""Formats whose opener reads the whole file, and how long it may be."""

MAX_PIXELS = 500_000_000
MAX_SIDE = 65_500
BACKDROP = (24, 26, 32)
"""What shines through a transparent picture in its thumbnail."""

ORIENTATION = 0x0112
ON_ITS_SIDE = frozenset({5, 6, 7, 8})
EXIF_IFD = 0x8769
DATES = (0x9003, 0x9004)
"""DateTimeOriginal, DateTimeDigitized."""

CAN_SHRINK_AS_IS = frozenset({"RGB", "L", "RGBA", "LA", "CMYK"})
_EXIF_DATE = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)")

heif.register()
# We check the size ourselves, with a sentence for people.
Image.MAX_IMAGE_PIXELS = None


def describe_still(file: BinaryIO, format_name: str) -> dict[str, Any]:
    """Return width and height as a person sees them, codec, and when the picture was taken if it says so."""
    image = open_still(file, format_name)
    width, height = image.size
    exif = image.getexif()
    if exif.get(ORIENTATION, 1) in ON_ITS_SIDE:
        width, height = height, width
    return {
        "width": width,
        "height": height,
        "codec": CODECS.get(format_name, format_name.lower()),
        "taken_at": _taken_at(exif),
    }


def open_still(file: BinaryIO, format_name: str) -> Image.Image:
    """Read a picture's header as that of ``format_name`` and no other."""
    if format_name in WHOLE and file.seek(0, SEEK_END) > MAX_WHOLE_BYTES:
        raise Unreadable(f"a picture of this type may have at most {MAX_WHOLE_BYTES // 2**20} MiB")
    file.seek(0)
    try:
        image = Image.open(file, formats=(format_name,))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise Unreadable("the picture's header cannot be read") from error
    check_size(*image.size, "picture")
    return image


def check_size(width: int, height: int, what: str) -> None:
    """Raise Unreadable when so many pixels are not to be unpacked."""
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise Unreadable(f"the {what} is too large: {width} x {height} pixels")


def small_still(file: BinaryIO, format_name: str) -> Image.Image:
    """Return the picture, upright and opaque, within THUMBNAIL_SIDE pixels each way."""
    image = open_still(file, format_name)
    try:
        _draft(image)
        if format_name in WHOLE:
            _load_checked(image)
        return _shrunk(ImageOps.exif_transpose(_as_colours(image)))
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Unreadable(f"the picture cannot be decoded: {sentence(error)}") from error


def _load_checked(image: Image.Image) -> None:
    """Unpack the pixels; where the header lied about how many there are, go by what came out."""
    image.load()
    check_size(*image.size, "picture")


def _shrunk(image: Image.Image) -> Image.Image:
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return _flattened(image)


def jpeg_of(picture: Image.Image, *, quality: int = JPEG_QUALITY) -> bytes:
    """Return a JPEG of the pixels and nothing else: no EXIF, so no GPS position, no comment, no profile."""
    buffer = BytesIO()
    clean = Image.frombytes(picture.mode, picture.size, picture.tobytes())
    clean.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def placeholder_of(picture: Image.Image) -> str:
    """Return the picture's ThumbHash in base64."""
    return base64.b64encode(thumbhash(picture)).decode("ascii")


def _draft(image: Image.Image) -> None:
    """Let the JPEG decoder shrink while it unpacks (to 1/2, 1/4, 1/8); other formats take no notice."""
    scale = THUMBNAIL_SIDE / max(image.size)
    if scale < 1:
        image.draft("RGB", (max(1, round(image.width * scale)), max(1, round(image.height * scale))))


def _as_colours(image: Image.Image) -> Image.Image:
    """Turn palettes, bitmaps and sixteen bits into what can be shrunk; the large common modes are not copied."""
    if image.mode in CAN_SHRINK_AS_IS:
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _flattened(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, (*BACKDROP, 255))
    ground.alpha_composite(layer)
    return ground.convert("RGB")


def _taken_at(exif: Image.Exif) -> str | None:
    """Return the camera's own time, which knows no zone; None when there is none that can be."""
    for tag in DATES:
        match = _EXIF_DATE.match(str(exif.get_ifd(EXIF_IFD).get(tag, "")))
        if match and match[1] != "0000" and 1 <= int(match[2]) <= 12 and 1 <= int(match[3]) <= 31:
            return f"{match[1]}-{match[2]}-{match[3]}T{match[4]}:{match[5]}:{match[6]}"
    return None
