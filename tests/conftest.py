"""Fixtures that all tests share."""

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("SIGHTLINE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of evaluation sets; the test is skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"no evaluation data at {DATA} (set SIGHTLINE_TEST_DATA)")
    return DATA
