"""Small real media files for the tests."""

import struct
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image


def picture(path: Path, size: tuple[int, int] = (64, 48), colour: tuple[int, int, int] = (200, 80, 40)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def clip(path: Path, *, frames: int = 24, size: tuple[int, int] = (160, 120), codec: str = "libx264") -> Path:
    """A clip of 24 frames a second whose colour moves from blue to red."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=Fraction(24))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            image = Image.new("RGB", size, (255 * number // frames, 40, 200))
            output.mux(stream.encode(av.VideoFrame.from_image(image)))
        output.mux(stream.encode(None))
    return path


def turned(path: Path) -> Path:
    """Write into an MP4 that it is to be shown turned by a quarter, as phones do that are held upright."""
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 44  # behind type, version, times, number, duration, layer and volume
    quarter = (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    content[matrix : matrix + 36] = struct.pack(">9i", *quarter)
    path.write_bytes(content)
    return path
