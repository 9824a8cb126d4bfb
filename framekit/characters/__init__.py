"""Who is shown: descriptors of heads, references, matching and its calibration, scenes, clusters, evaluation.

Enters: faces and a folder of references. Leaves: a name for each face, `unknown`, or `ood`.
Owns on disk: `.heads/` beside the references; X.characters.json is written through sidecars/characters.
"""
