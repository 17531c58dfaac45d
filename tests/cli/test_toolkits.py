"""``harness toolkits``."""

import os
from pathlib import Path

import pytest

from harness.cli import main
from harness.toolkits.catalogue import TOOLKITS
from harness.toolkits.interpreters import installed_cntk


@pytest.fixture(autouse=True)
def separate_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)


def test_list_shows_every_toolkit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["toolkits", "list"]) == 0

    out = capsys.readouterr().out
    assert all(f" {toolkit} " in out for toolkit in TOOLKITS)
    assert "Python of jobs: " in out


def test_list_shows_the_cntk_that_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    python = installed_cntk(os.environ) / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho 2.7\n")
    python.chmod(0o755)

    assert main(["toolkits", "list"]) == 0
    assert "CNTK 2.7, " in capsys.readouterr().out


def test_install_finds_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    test_list_shows_the_cntk_that_is_installed(capsys)

    assert main(["toolkits", "install", "cntk"]) == 0
    assert "CNTK 2.7 was already installed (--force installs it again)" in capsys.readouterr().out


def test_install_of_anything_else_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["toolkits", "install", "mxnet"]) == 2
    assert "toolkits install mxnet: only cntk can be installed" in capsys.readouterr().err


def test_a_python_that_will_not_do_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["toolkits", "install", "cntk", "--python", "/nowhere/python"]) == 2
    assert "--python /nowhere/python: it does not run" in capsys.readouterr().err
