"""The taggers that are known by a short name."""

from framekit.models.hub import HubModel, Known

WD_TAGS_V3 = "298633d94d0031d2081c0893f29c82eab7f0df00b08483ba8f29d1e979441217"
# Taggers of the third generation: name, revision, SHA-256 of model.onnx; all share one list of tags.
WD_V3 = """
swinv2 627aef95638667ddcaa3ac8ae625e88ea5b02f51 e6774bff34d43bd49f75a47db4ef217dce701c9847b546523eb85ff6dbba1db1
vit 7f6b584d0bd3f55c4531f14ba3d4761b2bccdc0f 35f23693620b668f4d53fd3c62bf65e40af739bc52c7eb0fbc49258b58d065b6
convnext d39e46de298d27340111b64965e20b8185c407e6 1b8a7abf13d9b8368267df47501d523789c4aeae66b2296ad98483239dfa32eb
vit-large ae469aa2e4706a3af08d3673cf73a11d1add314c e4c8001b000a6c98f2db10794f7c406daa79873d071d6ca924330fa053fa1845
eva02-large b25b82a03f7282e41aa2f257a52c7583b710bd1c 9e768793060c7939b277ccb382783e8670e8a042d29d77aa736be0c8cc898bfc
"""
# NHWC float32 BGR 0-255 at 448 px; `model.onnx` and `selected_tags.csv`. The hub's pages name revisions and hashes.
TAGGERS = {
    **{
        f"wd-{name}-tagger-v3": HubModel(
            f"SmilingWolf/wd-{name}-tagger-v3",
            revision=revision,
            licence="Apache-2.0",
            sha256={"model.onnx": sha256, "selected_tags.csv": WD_TAGS_V3},
        )
        for name, revision, sha256 in map(str.split, WD_V3.strip().splitlines())
    },
    **{
        name: HubModel(f"SmilingWolf/{name}", licence="Apache-2.0")
        for name in (
            "wd-v1-4-vit-tagger",
            "wd-v1-4-vit-tagger-v2",
            "wd-v1-4-swinv2-tagger-v2",
            "wd-v1-4-convnext-tagger-v2",
            "wd-v1-4-convnextv2-tagger-v2",
        )
    },
    "wd-v1-4-moat-tagger-v2": HubModel(
        "SmilingWolf/wd-v1-4-moat-tagger-v2",
        revision="8452cddf280b952281b6e102411c50e981cb2908",
        licence="Apache-2.0",
        sha256={
            "model.onnx": "b8cef913be4c9e8d93f9f903e74271416502ce0b4b04df0ff1e2f00df488aa03",
            "selected_tags.csv": "8c8750600db36233a1b274ac88bd46289e588b338218c2e4c62bbc9f2b516368",
        },
    ),
    "cl_tagger_1_02": HubModel(  # NCHW float32 BGR -1 to 1, logits; `model.onnx` and `tag_mapping.json`
        "cella110n/cl_tagger",
        "cl_tagger_1_02",
        "0b6e9b4e145b1423bfd1715119074a24a301b471",
        "Apache-2.0",
        {
            "model.onnx": "1459e946ffc083159015e0eb26239016349ddd36c3daecfeb70bfa4ccf38b944",
            "tag_mapping.json": "9611988482f1bf9a174622c0067d0baa88fda69c0a855cc500411426e77832ec",
        },
    ),
    "deepdanbooru": HubModel("deepghs/imgutils-models", "deepdanbooru", licence="MIT"),  # NHWC float32 RGB 0-1, 512 px
}
# Thresholds of general and character tags: where precision equals recall, or those of the demo. Source: the authors.
RECOMMENDED = {
    "wd-swinv2-tagger-v3": (0.2653, 0.85),
    "wd-eva02-large-tagger-v3": (0.5296, 0.85),
    "wd-v1-4-moat-tagger-v2": (0.3771, 0.85),
    "wd-v1-4-swinv2-tagger-v2": (0.3771, 0.85),
    "wd-v1-4-vit-tagger-v2": (0.3537, 0.85),
    "cl_tagger_1_02": (0.55, 0.55),
    "deepdanbooru": (0.5, 0.5),
}
DEFAULT_MODEL = "wd-swinv2-tagger-v3"
MEASURED = "measured"

KNOWN = Known(TAGGERS, [MEASURED])
