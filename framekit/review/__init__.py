"""A page in the browser to review a dataset: names, tags, faces, what was removed; corrections go into the sidecars.

Enters: frames with their sidecars, requests of the page. Leaves: corrected sidecars, frames set aside or brought back.
Owns on disk: `.review.jsonl`, what was done and how to undo it, and `.review/`, its thumbnails.
"""
