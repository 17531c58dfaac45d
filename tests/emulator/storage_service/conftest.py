from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An emulator of storage alone, at plain ports."""
    with launch(Path(tmp_path_factory.mktemp("storage")), only="storage", accounts=["other:c2VjcmV0"]) as running:
        yield running
