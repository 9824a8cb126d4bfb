"""A page in the browser to review a dataset: frames, faces, groups of similar frames, what was removed, the balance.

Enters: what the desk knows of a dataset, requests of the page. Leaves: JSON, pictures, and actions for the desk.
Owns on disk: `.review/`, its thumbnails.
"""
