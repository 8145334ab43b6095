from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kg.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library(f"sqlite:///{tmp_path / 'sightline.db'}")
    yield made
    made.engine.dispose()
