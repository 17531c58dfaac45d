import importlib.util
import sys
from pathlib import Path

import pytest

from harness.errors import ToolkitError
from harness.toolkits.interpreters import find_cntk, installed_cntk, on_pytorch


def fake_python(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_the_installed_environment_is_found_under_the_users_data(tmp_path: Path) -> None:
    environ = {"XDG_DATA_HOME": str(tmp_path / "data dir")}
    python = fake_python(installed_cntk(environ) / "bin" / "python", "echo 2.7")

    cntk = find_cntk(environ=environ)

    assert (cntk.python, cntk.description) == (str(python), "CNTK 2.7")
    assert cntk.environment["LD_LIBRARY_PATH"] == str(python.parent.parent / "lib")


def test_threads_of_either_do_not_spin_while_they_wait(tmp_path: Path) -> None:
    python = fake_python(tmp_path / "bin" / "python", "echo 2.7")

    assert find_cntk(python, environ={}).environment["OMP_WAIT_POLICY"] == "passive"
    if importlib.util.find_spec("torch"):
        assert on_pytorch().environment["OMP_WAIT_POLICY"] == "passive"


def test_a_chosen_interpreter_that_cannot_import_cntk_is_an_error(tmp_path: Path) -> None:
    python = fake_python(tmp_path / "bin" / "python", "echo 'ImportError: libmpi.so.12' >&2; exit 1")

    with pytest.raises(ToolkitError, match=r"cannot import cntk \(ImportError: libmpi.so.12\); repair it with"):
        find_cntk(python, environ={})


def test_with_nothing_installed_both_remedies_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.toolkits.interpreters.JOBPATH", tmp_path)

    with pytest.raises(ToolkitError, match=r"batchai-harness\[cntk\].*harness toolkits install cntk"):
        find_cntk(environ={"HOME": str(tmp_path)})


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_else_this_interpreter_runs_the_api_on_pytorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cntk").mkdir()
    monkeypatch.setattr("harness.toolkits.interpreters.JOBPATH", tmp_path)

    cntk = find_cntk(environ={"HOME": str(tmp_path)})

    assert cntk.python == sys.executable
    assert cntk.description.startswith("CNTK on PyTorch ")
    assert cntk.environment["PYTHONPATH"] == str(tmp_path)
