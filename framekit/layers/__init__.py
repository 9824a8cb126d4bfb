"""Layers of a frame: its figures cut out, what covers them, the background behind them, and effects.

Enters: pixels, faces and the other frames of the shot. Leaves: labels, tracks, cut-outs, plates and effects.
Owns on disk: the folders of layers; X.instances.json and `.masks/` are written through sidecars/instances.
"""
