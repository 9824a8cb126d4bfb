"""What a frame is painted in: figures, the background behind them, effects before them.

Enters: frames, faces, the shots of an episode. Leaves: label pictures, cut-outs with alpha, backgrounds made whole.
Owns on disk: nothing by itself; X.instances.json and `.masks/` are written through sidecars/instances.
"""
