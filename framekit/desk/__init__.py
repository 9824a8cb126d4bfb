"""What a person corrects in a dataset: each action changes sidecars or moves frames, and can be undone.

Enters: frames with their sidecars, what a person asks for. Leaves: corrected sidecars, frames set aside or back.
Owns on disk: `.review.jsonl`, what was done and how to undo it.
"""
