"""How often the tests of faults try."""

import pytest


@pytest.fixture
def moments(request: pytest.FixtureRequest) -> int:
    """Return at how many moments each script is killed."""
    return int(request.config.getoption("--moments"))
