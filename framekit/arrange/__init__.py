"""The tree of a dataset: the folders that metadata asks for, where each frame stands, and bringing it there.

Enters: frames with metadata. Leaves: a tree of folders that is what the dataset says, and back.
Owns on disk: `.arranged.jsonl` in the tree.
"""
