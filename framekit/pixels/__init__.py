"""Decoded frames: (H, W, 3) uint8 RGB arrays, their files, what can be measured in them, and small versions of many.

Enters: an image file of any format that Pillow reads. Leaves: pixels, encoded files, measures, contact sheets.
Owns on disk: nothing.
"""
