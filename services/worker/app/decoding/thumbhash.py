"""ThumbHash: about 25 bytes from which a browser paints a blurred picture before the thumbnail is there.

The format is Evan Wallace's (https://evanw.github.io/thumbhash/): a few cosine terms of brightness and of two colour
differences, four bits each. Our thumbnails have no transparency, so the format's alpha channel is never written.
"""

import math
from functools import lru_cache

from PIL import Image

SIDE = 32
"""The picture is made this small first: the terms describe nothing finer."""

L_TERMS = 7
COLOUR_TERMS = 3


def thumbhash(picture: Image.Image) -> bytes:
    """Return the ThumbHash of an RGB picture."""
    small = picture.convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    width, height = small.size
    pixels = [channel / 255 for channel in small.tobytes()]
    red, green, blue = pixels[0::3], pixels[1::3], pixels[2::3]
    light = [(r + g + b) / 3 for r, g, b in zip(red, green, blue, strict=True)]
    yellow = [(r + g) / 2 - b for r, g, b in zip(red, green, blue, strict=True)]
    magenta = [r - g for r, g in zip(red, green, strict=True)]
    longest = max(width, height)
    across, down = (max(1, _round(L_TERMS * side / longest)) for side in (width, height))
    channels = [
        _encoded(light, width, height, max(3, across), max(3, down)),
        _encoded(yellow, width, height, COLOUR_TERMS, COLOUR_TERMS),
        _encoded(magenta, width, height, COLOUR_TERMS, COLOUR_TERMS),
    ]
    landscape = width > height
    return _packed(channels, landscape=landscape, terms=down if landscape else across)


def _encoded(channel: list[float], width: int, height: int, nx: int, ny: int) -> tuple[float, list[float], float]:
    """Return the mean, the other terms scaled into 0..1, and that scale."""
    # Row by row first: the sums over x are shared by all terms of y.
    across, down = _cosines(width, nx), _cosines(height, ny)
    rows = [channel[start : start + width] for start in range(0, width * height, width)]
    sums = [[sum(map(float.__mul__, row, wave)) for row in rows] for wave in across]
    terms = [
        sum(map(float.__mul__, sums[cx], down[cy])) / (width * height)
        for cy in range(ny)
        for cx in range(nx)
        if cx * ny < nx * (ny - cy)
    ]
    mean, rest = terms[0], terms[1:]
    scale = max((abs(term) for term in rest), default=0.0)
    return mean, [0.5 + 0.5 / scale * term if scale else term for term in rest], scale


@lru_cache(maxsize=128)
def _cosines(size: int, count: int) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(math.cos(math.pi / size * n * (at + 0.5)) for at in range(size)) for n in range(count))


def _packed(channels: list[tuple[float, list[float], float]], *, landscape: bool, terms: int) -> bytes:
    (l_mean, _, l_scale), (p_mean, _, p_scale), (q_mean, _, q_scale) = channels
    head24 = _round(63 * l_mean) | _round(31.5 + 31.5 * p_mean) << 6 | _round(31.5 + 31.5 * q_mean) << 12
    head24 |= _round(31 * l_scale) << 18
    head16 = terms | _round(63 * p_scale) << 3 | _round(63 * q_scale) << 9 | landscape << 15
    nibbles = [_round(15 * term) for _, rest, _ in channels for term in rest]
    if len(nibbles) % 2:
        nibbles.append(0)
    pairs = zip(nibbles[0::2], nibbles[1::2], strict=True)
    return head24.to_bytes(3, "little") + head16.to_bytes(2, "little") + bytes(low | high << 4 for low, high in pairs)


def _round(value: float) -> int:
    """Round halves up, as the format's reference in JavaScript does."""
    return math.floor(value + 0.5)
