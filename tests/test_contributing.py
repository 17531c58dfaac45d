"""The paths in CONTRIBUTING.md exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PATHS = sorted(set(re.findall(r"`((?:harness|tests|docs)/[\w./]+)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))))


@pytest.mark.parametrize("path", PATHS)
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()
