"""What a frame is painted in: its figures cut out, the background behind them made whole, effects before them.

Enters: frames with their label pictures, and the videos around them. Leaves: cut-outs with alpha, plates, effects.
Owns on disk: the folders of layers, a dataset of their own, with `.layers.jsonl`.
"""
