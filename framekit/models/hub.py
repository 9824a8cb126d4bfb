"""Where weights come from: the hub, its cache, a local folder; and their checksums."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from logging import getLogger
from pathlib import Path

from framekit import console
from framekit.errors import UsageError

SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class HubModel:
    """A model on the Hugging Face hub: repository, folder inside it, revision, and the SHA-256 of its files."""

    repository: str
    folder: str = ""
    revision: str = "main"
    licence: str = "see the repository"
    sha256: Mapping[str, str] = field(default_factory=dict)


REACH_SECONDS = 8  # chosen: how long a hub may take to answer at all; the library itself would try for 24


@dataclass(frozen=True)
class Known:
    """The models that a stage knows by a short name: those of the hub, and those that need no download.

    `option` is the one that takes them.
    """

    of_hub: Mapping[str, HubModel] = field(default_factory=dict)
    embedded: Sequence[str] = ()
    option: str = "--model"

    @property
    def without_download(self) -> str:
        """The option that takes a model without any download."""
        return f"{self.option} {self.embedded[0]}"

    def unknown(self, model: str) -> str:
        """Return what to say of a model that is none of these, and no path."""
        names = [*(f"{name} (no download)" for name in self.embedded), *self.of_hub]
        hint = console.nearest(model, [*self.embedded, *self.of_hub], "")
        return f"there is no model {model}{hint}; use {', '.join(names)}, a hub repository owner/name, or a local path"

    def find(self, model: str) -> HubModel | None:
        """Return the model of the hub that a name stands for, short or `owner/name[/folder]`; None if it is none."""
        parts, path = model.split("/", 2), Path(model)
        is_repository = len(parts) > 1 and all(parts) and not path.is_absolute() and path.suffix != ".onnx"
        return self.of_hub.get(model) or (HubModel("/".join(parts[:2]), "".join(parts[2:])) if is_repository else None)

    def refuse_slip(self, text: str) -> None:
        """Raise UsageError if a name in the text of --model is a slip of a known one, also where nothing is to do."""
        names = [*self.embedded, *self.of_hub]
        for model in model_names(text):
            is_one = model in names or Path(model).exists() or self.find(model) is not None
            if not is_one and console.nearest(model, names, "", cutoff=0.7):
                raise UsageError(self.unknown(model))


def model_names(text: str) -> list[str]:
    """Return the names in the text of --model: commas separate them, unless it is the path of one."""
    return [text] if Path(text).exists() else [name for name in text.split(",") if name]


def locate(model: str, known: Known, names: Sequence[str]) -> dict[str, Path]:
    """Return the local path of each named file of a model.

    `model` is a short name of those known, a hub repository `owner/name[/folder]`, a local folder or .onnx file. Raises
    UsageError if it is unavailable or its checksum is wrong.
    """
    path = Path(model)
    if path.exists():
        folder = path if path.is_dir() else path.parent
        local = {name: path if path.is_file() and name.endswith(".onnx") else folder / name for name in names}
        if missing := [name for name, file in local.items() if not file.is_file()]:
            raise UsageError(f"{folder} holds no {' and no '.join(missing)}; this model needs {' and '.join(names)}")
        return local
    found = known.find(model)
    if found is None:
        raise UsageError(known.unknown(model))
    ways = (
        f"{known.without_download}, which needs no download; or {known.option} DIR, a folder with {' and '.join(names)}"
    )
    return {name: fetch(found, name, ways) for name in names}


def is_reachable(endpoint: str) -> bool:
    """Tell whether a hub answers within REACH_SECONDS; one whose certificate is not known here does."""
    import ssl  # these four take 20 ms, which --help need not wait for
    import threading
    import urllib.error
    import urllib.request

    answers: list[bool] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(endpoint, method="HEAD"), timeout=REACH_SECONDS):
                answers.append(True)
        except (OSError, ValueError) as error:
            answers.append(
                isinstance(error, urllib.error.HTTPError)
                or isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError)
            )

    asking = threading.Thread(target=ask, daemon=True)  # finding out the address has no time limit of its own
    asking.start()
    asking.join(REACH_SECONDS)
    return any(answers)


def fetch(model: HubModel, name: str, ways: str) -> Path:
    """Return a file of a hub model from the cache, downloading it first where needed; its checksum is verified.

    `ways` says what else can be done where the hub cannot be reached, which is tried for REACH_SECONDS.
    Raises UsageError if neither cache nor hub has it.
    """
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

    where = f"{model.folder}/{name}" if model.folder else name
    getLogger("huggingface_hub").setLevel("ERROR")  # its retries would fill the screen
    try:
        cached = try_to_load_from_cache(model.repository, where, revision=model.revision)
        if not isinstance(cached, str):
            if not constants.HF_HUB_OFFLINE:
                console.say(f"asking {constants.ENDPOINT} for {model.repository}/{where}, which is not in the cache")
                if not is_reachable(constants.ENDPOINT):
                    raise OfflineModeIsEnabled(f"no answer within {REACH_SECONDS} s")
            cached = hf_hub_download(model.repository, where, revision=model.revision)
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise UsageError(
            f"{model.repository}/{where} is not in the cache and the hub cannot be reached; use {ways}; or connect once"
            " to download it, or copy a filled HF_HOME cache here"
        ) from error
    except (HfHubHTTPError, HFValidationError) as error:
        raise UsageError(f"the hub has no {model.repository}/{where}: {str(error).splitlines()[0]}") from error
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
    """Raise UsageError if a file does not have this SHA-256; None passes."""
    if sha256 is not None and file_sha256(path) != sha256:
        raise UsageError(f"{path.resolve()} is damaged (SHA-256 differs); delete it and run again to download it anew")
