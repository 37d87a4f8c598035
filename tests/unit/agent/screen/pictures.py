"""Pictures for the tests of this folder: text-like, photograph-like and flat, always the same."""

import numpy as np
from numpy.typing import NDArray

OPAQUE = np.uint32(0xFF000000)


def photo(height: int, width: int, seed: int = 1) -> NDArray[np.uint32]:
    """Smooth colours with grain: every pixel differs from its neighbour."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    channels = [
        (np.sin(rows / 37 + seed) * 60 + np.cos(columns / (53 + shift)) * 60 + 128 + generator.integers(-6, 7, (height, width)))
        for shift in (0, 7, 19)
    ]
    red, green, blue = (np.clip(channel, 0, 255).astype(np.uint32) for channel in channels)
    return red << np.uint32(16) | green << np.uint32(8) | blue | OPAQUE


def text(height: int, width: int, seed: int = 1) -> NDArray[np.uint32]:
    """Lines of dark marks on white, different in every line."""
    generator = np.random.default_rng(seed)
    page = np.full((height, width), 0xFFFFFF, np.uint32)
    for top in range(4, height - 12, 18):
        for left in range(8, width - 12, 9):
            if generator.random() < 0.8:
                glyph = generator.random((10, 7)) < 0.35
                page[top : top + 10, left : left + 7][glyph] = 0x202020
    return page | OPAQUE


def captions(height: int, width: int, seed: int = 1) -> NDArray[np.uint32]:
    """A grey photograph, and over its lower third lines of marks in loud colours."""
    picture = photo(height, width, seed)
    grey = picture & np.uint32(0xFF)
    picture = grey | grey << np.uint32(8) | grey << np.uint32(16) | OPAQUE
    top = height * 2 // 3
    colours = (
        np.random.default_rng(seed).choice([0xFF2020, 0x20C020, 0x2040FF, 0xE020E0], (height - top, width)).astype(np.uint32)
    )
    marks = text(height - top, width, seed) != text(1, 1)[0, 0]
    picture[top:][marks] = colours[marks] | OPAQUE
    return picture
