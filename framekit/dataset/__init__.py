"""A folder of frames: finding them, moving one with all it has, setting it aside and bringing it back.

Enters: a folder. Leaves: frames in natural order, decoded in parallel, with the unreadable ones listed.
Owns on disk: `.removed/` with its manifest, `.commands.jsonl`.
"""
