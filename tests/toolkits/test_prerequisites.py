from pathlib import Path

import pytest

from harness.errors import ToolkitError
from harness.toolkits.prerequisites import check_platform, find_mpi, find_python

Machine = dict[str, str]


def test_python_on_the_path_is_found(machine: Machine) -> None:
    assert find_python(None, environ=machine).name == "python3.6"


def test_else_the_newest_of_pyenv(machine: Machine, tmp_path: Path) -> None:
    fake = Path(machine["PATH"].split(":")[0]) / "python3.6"
    for version in ("3.6.9", "3.6.15", "3.7.1"):
        python = tmp_path / "pyenv/versions" / version / "bin/python3.6"
        python.parent.mkdir(parents=True)
        python.write_bytes(fake.read_bytes())
        python.chmod(0o755)

    interpreter = find_python(None, environ={"PATH": "/nowhere", "PYENV_ROOT": str(tmp_path / "pyenv")})

    assert interpreter == tmp_path / "pyenv/versions/3.6.15/bin/python3.6"


def test_without_one_the_ways_to_get_it_are_named(tmp_path: Path) -> None:
    environ = {"PATH": "/nowhere", "HOME": str(tmp_path)}

    with pytest.raises(ToolkitError, match=r"needs Python 3.6.*pyenv install 3.6.15.*conda create.*--python PATH"):
        find_python(None, environ=environ)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("#!/bin/sh\necho 3.11 True\n", "it is Python 3.11; CNTK 2.7 needs a 64-bit Python 3.6"),
        ("#!/bin/sh\necho 3.6 False\n", "it is Python 3.6, 32-bit"),
        ("#!/bin/sh\necho 'No module named venv' >&2; exit 1\n", r"it fails \(No module named venv\)"),
    ],
)
def test_a_chosen_python_that_will_not_do_is_refused(tmp_path: Path, content: str, message: str) -> None:
    python = tmp_path / "python"
    python.write_text(content)
    python.chmod(0o755)

    with pytest.raises(ToolkitError, match=f"--python {python}: {message}"):
        find_python(python, environ={})


def test_a_chosen_python_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match=r"it does not run"):
        find_python(tmp_path / "python", environ={})


def test_open_mpi_is_found_under_the_names_that_cntk_looks_for(machine: Machine) -> None:
    libraries = find_mpi(machine, folders=())

    assert {link: path.name for link, path in libraries.items()} == {
        "libmpi.so.12": "libmpi.so.40",
        "libmpi_cxx.so.1": "libmpi_cxx.so.40",
    }


def test_without_open_mpi_its_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.toolkits.prerequisites.linker_cache", dict)

    with pytest.raises(ToolkitError, match=r"libmpi.so.40, which is not installed; .*apt-get install libopenmpi3"):
        find_mpi({}, folders=())


def test_on_another_platform_the_error_names_the_api_on_pytorch() -> None:
    with pytest.raises(ToolkitError, match=r"this is Darwin on arm64; .*pip install 'batchai-harness\[cntk\]'"):
        check_platform("Darwin", "arm64")
