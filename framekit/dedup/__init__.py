"""Near-duplicates and frames of low quality: descriptors, exact search, which of similar frames stays, openings.

Enters: frames. Leaves: which of them go, why, and which frame each resembles.
Owns on disk: `.descriptors.npz` in each folder of frames.
"""
