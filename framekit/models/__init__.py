"""Where weights come from, and how they are opened: the hub with its cache, local files, ONNX sessions, backbones.

Enters: a short name, a hub repository or a path. Leaves: a verified file, a session, a function from pixels to numbers.
Owns on disk: nothing; the cache is that of huggingface_hub.
"""
