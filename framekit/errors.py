"""errors."""


class UsageError(Exception):
    """Wrong use or a missing model: one sentence with the path and the remedy, exit code 2."""


class BadSidecar(Exception):
    """A sidecar that cannot be used as it is; the text is the reason."""


class MissingSidecar(BadSidecar):
    """A sidecar that the script for it has not written yet; the text is the reason."""


class UnreadableFrame(Exception):
    """Raised by `read_pixels`; the text is the reason."""
