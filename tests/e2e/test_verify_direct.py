"""`weir verify` of a copy whose changes land in the lake itself."""

import pytest
from test_verify import copy, source, test_equal  # noqa: F401


@pytest.fixture(scope="module")
def landing():
    return "direct"
