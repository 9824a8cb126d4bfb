"""Booru tags: taggers, the scores they give, which tags are written, and the vocabulary of the field.

Enters: pixels. Leaves: scores of tags, and the tags of a frame.
Owns on disk: `.scores-*.npz` and `.tagged.jsonl` in each folder of frames; X.png.tags goes through sidecars/tags.
"""
