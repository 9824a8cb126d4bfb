"""Decoded frames: (H, W, 3) uint8 RGB arrays, their files, what can be measured in them, and small versions of many.

Enters: an image file of any format that Pillow reads. Leaves: pixels, encoded files, measures, contact sheets.
Owns on disk: nothing.
"""

from typing import TYPE_CHECKING

from framekit.lazy import hands_on

if TYPE_CHECKING:
    from framekit.pixels.decode import as_pixels as as_pixels
    from framekit.pixels.decode import read_pixels as read_pixels
    from framekit.pixels.decode import shrink as shrink
    from framekit.pixels.encode import encode_png as encode_png

__getattr__ = hands_on(
    __name__,
    {"as_pixels": "decode", "read_pixels": "decode", "shrink": "decode", "encode_png": "encode"},
)
