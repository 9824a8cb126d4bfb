"""What a trainer is given: captions, the balance of folders, the files of each trainer, and a check of them.

Enters: an arranged tree. Leaves: X.txt beside each frame and the files of the trainers.
Owns on disk: `X.txt`, `.prepared.json`, `.linked.json`.
"""
