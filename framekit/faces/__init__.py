"""Anime faces: detectors behind one protocol, which boxes count, crops and drawings of them.

Enters: pixels. Leaves: faces, boxes as fractions of the frame with a score.
Owns on disk: folders of crops and annotated frames; X.faces.json is written through sidecars/faces.
"""
