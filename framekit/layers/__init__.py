"""Figures, the backgrounds behind them and the light before them: segmenters, masks, cut-outs.

Enters: frames with the boxes of their faces and people. Leaves: figures with masks, RGBA cut-outs.
Owns on disk: nothing; X.instances.json and .masks/ go through sidecars/instances.
"""
