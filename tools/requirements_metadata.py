"""Build hook: the package needs what requirements.txt lists; each requirements-NAME.txt is the extra NAME."""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


def requirements(path: Path) -> list[str]:
    """Return the requirements of a file without comments, and without what only pip's command line takes."""
    lines = (re.split(r"\s+(?:#|--)", line)[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith(("#", "-"))]


class RequirementsMetadata(MetadataHookInterface):  # type: ignore[misc,unused-ignore]
    """Fills in `dependencies` and `optional-dependencies` of pyproject.toml."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Read the requirements files beside pyproject.toml."""
        root = Path(self.root)
        metadata["dependencies"] = requirements(root / "requirements.txt")
        metadata["optional-dependencies"] = {
            path.stem.removeprefix("requirements-"): requirements(path)
            for path in sorted(root.glob("requirements-*.txt"))
        }
