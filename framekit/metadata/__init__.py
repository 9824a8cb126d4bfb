"""The metadata of a frame: the one join of all its sidecars, and names changed everywhere at once.

Enters: the sidecars of a frame. Leaves: X.json, in which every correction of a person stays.
Owns on disk: `.renamed.jsonl`; X.json is written through sidecars/metadata.
"""
