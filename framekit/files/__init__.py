"""Files that are there whole or not at all: names beside a frame, safe paths, whole writes, journals.

Enters: paths, text, JSON values. Leaves: files written whole, lines added to a journal, names that lead nowhere else.
Owns on disk: temporary files `.<hash>.tmp`, removed when a killed run is followed by another.
"""
