"""What trainers read: one file each says what it writes, what the trainer misreads, and how to start it.

Enters: a balanced tree with captions. Leaves: the files of each trainer, and the problems that it would have.
Owns on disk: `multiply.txt`, `dataset_config.toml`, `concepts.json`, `metadata.jsonl`.
"""
