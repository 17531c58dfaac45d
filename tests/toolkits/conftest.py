"""A fake Python 3.6 and a fake Open MPI: a shell script that simulates ``venv``, ``pip`` and CNTK."""

from pathlib import Path

import pytest

FAKE = """#!/bin/sh
here=$(dirname "$(dirname "$0")")
case "$*" in
    *ensurepip*) echo "${FAKE_VERSION:-3.6} True" ;;
    *"-m venv"*) for last; do :; done; mkdir -p "$last/bin" "$last/lib"; cp "$0" "$last/bin/python" ;;
    *"-m pip"*)
        echo "Collecting cntk"
        [ "$FAKE_PIP" = fail ] && { echo "ERROR: No matching distribution found for cntk"; exit 1; }
        while [ "$FAKE_PIP" = hang ] && kill -0 $PPID 2>/dev/null; do sleep 0.05; done
        echo "$* constraint=$PIP_CONSTRAINT" > "$here/installed" ;;
    *train_minibatch*) [ "$FAKE_TRIAL" != fail ] || { echo "Illegal instruction"; exit 132; } ;;
    *"import cntk"*) if [ -e "$here/installed" ]; then echo 2.7; else echo "ImportError: no cntk" >&2; exit 1; fi ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with all prerequisites of CNTK 2.7."""
    programs, libraries = tmp_path / "programs", tmp_path / "libraries"
    programs.mkdir()
    libraries.mkdir()
    python = programs / "python3.6"
    python.write_text(FAKE)
    python.chmod(0o755)
    for name in ("libmpi.so.40", "libmpi_cxx.so.40"):
        (libraries / name).touch()
    return {
        "HOME": str(tmp_path / "a home"),
        "PATH": f"{programs}:/usr/bin:/bin",
        "LD_LIBRARY_PATH": str(libraries),
        "PIP_CONSTRAINT": "/of/another/python",
    }
