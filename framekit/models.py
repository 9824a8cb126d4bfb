"""Where weights come from: the hub, its cache, a local folder; and their checksums."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from logging import getLogger
from pathlib import Path

from framekit.stage import Misuse

SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class HubModel:
    """A model on the Hugging Face hub: repository, folder inside it, revision, and what is known of its files."""

    repository: str
    folder: str = ""
    revision: str = "main"
    licence: str = "see the repository"
    sha256: Mapping[str, str] = field(default_factory=dict)


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
# General and character threshold of a tagger: where precision equals recall, as its author tells, or of its demo.
RECOMMENDED = {
    "wd-swinv2-tagger-v3": (0.2653, 0.85),
    "wd-eva02-large-tagger-v3": (0.5296, 0.85),
    "wd-v1-4-moat-tagger-v2": (0.3771, 0.85),
    "wd-v1-4-swinv2-tagger-v2": (0.3771, 0.85),
    "wd-v1-4-vit-tagger-v2": (0.3537, 0.85),
    "cl_tagger_1_02": (0.55, 0.55),
    "deepdanbooru": (0.5, 0.5),
}
# YOLOv8, `model.onnx` each: NCHW RGB 0-1, 640 px and classes unless the file's metadata names others.
DETECTORS = {
    "face_detect_v1.4_s": HubModel(
        "deepghs/anime_face_detection",
        "face_detect_v1.4_s",
        "784dc4c0bb692351ddcdbe6131a050b17d3025d5",
        "MIT",
        {"model.onnx": "403b5bc93b6ff789b7d183418df4a1364049bac00c24acd927604a7ff6891483"},
    ),
    "face_detect_v1.4_n": HubModel(
        "deepghs/anime_face_detection",
        "face_detect_v1.4_n",
        "784dc4c0bb692351ddcdbe6131a050b17d3025d5",
        "MIT",
        {"model.onnx": "fd860b650a4377046842c3cd80d01b0b408bdfbdb4acee5759630f82c6ef04a9"},
    ),
    "head_detect_v2.0_s": HubModel(
        "deepghs/anime_head_detection",
        "head_detect_v2.0_s",
        "06604feee81983792a57c21081e539c0ae229833",
        "MIT",
        {"model.onnx": "6679f9b71192298bbf174d82e9e5581c3237b0c3dc67deace7cdbf686b070a00"},
    ),
    "person_detect_v1.1_m": HubModel("deepghs/anime_person_detection", "person_detect_v1.1_m", licence="MIT"),
    "halfbody_detect_v1.0_s": HubModel("deepghs/anime_halfbody_detection", "halfbody_detect_v1.0_s", licence="MIT"),
}
# CCIP, `model_feat.onnx`: NCHW RGB at 384 px, normalised as CLIP; 768 numbers a face.
EMBEDDERS = {
    "ccip": HubModel(
        "deepghs/ccip_onnx",
        "ccip-caformer-24-randaug-pruned",
        "eb2acdd29af1703388d3d0c04221add322bc9110",
        "OpenRAIL",
        {"model_feat.onnx": "4ea118d16496274f4f6e08d3afc768cc592389e8f7f32f8732ce2215c228ac5f"},
    )
}


def model_names(text: str) -> list[str]:
    """Return the names in the text of --model: commas separate them, unless it is the path of one."""
    return [text] if Path(text).exists() else [name for name in text.split(",") if name]


def locate(model: str, table: Mapping[str, HubModel], names: Sequence[str]) -> dict[str, Path]:
    """Return the local path of each named file of a model.

    `model` is a short name of the table, a hub repository `owner/name[/folder]`, a local folder, or a local .onnx file.
    Raises Misuse if it is not to be had or its checksum is wrong.
    """
    path = Path(model)
    if path.exists():
        folder = path if path.is_dir() else path.parent
        local = {name: path if path.is_file() and name.endswith(".onnx") else folder / name for name in names}
        if missing := [name for name, file in local.items() if not file.is_file()]:
            raise Misuse(f"{folder} holds no {' and no '.join(missing)}; this model needs {' and '.join(names)}")
        return local
    if model in table:
        return {name: fetch(table[model], name) for name in names}
    if len(parts := model.split("/", 2)) >= 2 and all(parts) and not path.is_absolute() and path.suffix != ".onnx":
        return {name: fetch(HubModel("/".join(parts[:2]), "".join(parts[2:])), name) for name in names}
    raise Misuse(f"there is no model {model}: use {', '.join(table)}, a hub repository owner/name, or a local path")


def fetch(model: HubModel, name: str) -> Path:
    """Return a file of a hub model from the cache, downloading it first where needed; its checksum is verified.

    Raises Misuse if neither cache nor hub has it.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

    where = f"{model.folder}/{name}" if model.folder else name
    getLogger("huggingface_hub").setLevel("ERROR")  # its retries would fill the screen
    try:
        cached = try_to_load_from_cache(model.repository, where, revision=model.revision)
        if not isinstance(cached, str):
            print(f"asking the hub for {model.repository}/{where}, which is not in the cache")
            cached = hf_hub_download(model.repository, where, revision=model.revision)
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise Misuse(
            f"{model.repository}/{where} is not in the cache and the hub cannot be reached: connect once to download"
            " it, copy a filled HF_HOME cache here, give --model a local folder, or choose the embedded model"
        ) from error
    except (HfHubHTTPError, HFValidationError) as error:
        raise Misuse(f"the hub has no {model.repository}/{where}: {str(error).splitlines()[0]}") from error
    path = Path(cached)
    verify(path, model.sha256.get(name) or hash_in_cache(path))
    return path


def hash_in_cache(path: Path) -> str | None:
    """Return the SHA-256 that the hub's cache uses as the name of a large file, if it does."""
    name = path.resolve().name
    return name if SHA256.fullmatch(name) else None


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    found = hashlib.new("sha256")
    with path.open("rb") as file:
        while block := file.read(2**20):
            found.update(block)
    return found.hexdigest()


def verify(path: Path, sha256: str | None) -> None:
    """Raise Misuse if a file does not have this SHA-256; None passes."""
    if sha256 is not None and file_sha256(path) != sha256:
        raise Misuse(f"{path.resolve()} is damaged (SHA-256 differs); delete it and run again to download it anew")
