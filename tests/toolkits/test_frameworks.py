"""Which interpreter has which training framework."""

import sys
from pathlib import Path

import pytest

from harness.toolkits.frameworks import installed_packages


def test_the_versions_of_what_an_interpreter_has_are_found() -> None:
    packages = installed_packages(sys.executable, ["pytest", "no_such_package"], environment={})

    assert packages == {"pytest": pytest.__version__}


def test_an_interpreter_that_does_not_run_has_nothing() -> None:
    assert installed_packages("/no/such/python", ["pytest"], environment={}) == {}


def test_nothing_of_the_current_directory_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)

    assert "pytest" in installed_packages(sys.executable, ["pytest"], environment={})
