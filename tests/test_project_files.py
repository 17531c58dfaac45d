"""The project's files: one version of tox, and no credentials in offline tests."""

import re
from configparser import ConfigParser
from fnmatch import fnmatch
from pathlib import Path

import pytest

from harness.config import Settings

ROOT = Path(__file__).parent.parent
CREDENTIALS = [f"{prefix}_{name.upper()}" for prefix in ("HARNESS", "AZURE") for name in Settings.model_fields]


def passed_on(environment: str) -> list[str]:
    """Return the patterns of variables that tox passes to an environment."""
    settings = ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini")
    section = environment if settings.has_option(environment, "pass_env") else "testenv"
    words = settings.get(section, "pass_env").split()
    return [name for word in words for name in (passed_on(word[2:-10]) if word.startswith("{[") else [word])]


@pytest.mark.parametrize("environment", ["testenv", "testenv:tests", "testenv:py{312,313}", "testenv:lint"])
def test_offline_tests_get_no_credentials(environment: str) -> None:
    patterns = passed_on(environment)
    allowed = {"HARNESS_CNTK_PYTHON"}
    assert [name for name in CREDENTIALS if any(fnmatch(name, pattern) for pattern in patterns)] == sorted(allowed)


@pytest.mark.parametrize("environment", ["testenv:quickstart", "testenv:live"])
def test_what_may_be_live_gets_them(environment: str) -> None:
    assert all(any(fnmatch(name, pattern) for pattern in passed_on(environment)) for name in CREDENTIALS)


def test_tox_is_pinned_to_one_version_wherever_it_is_installed() -> None:
    files = [ROOT / "README.md", ROOT / ".ci" / "run", *(ROOT / "docs").glob("*.md")]
    words = [word for path in files for word in re.findall(r"pip install -q (tox\S*)", path.read_text())]
    assert len(words) >= 3
    assert set(words) == {"tox==4.67.15"}
