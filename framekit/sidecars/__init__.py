"""Each sidecar beside a frame: how it is read, how it is written, and whether a person edited it.

Enters: the path of a frame, or what was found on it. Leaves: checked values, or BadSidecar with the reason.
Owns on disk: `X.faces.json`, `X.characters.json`, `X.instances.json`, `X.png.tags`, `X.json`,
`X.source.json`, `.frames.json`.
"""
