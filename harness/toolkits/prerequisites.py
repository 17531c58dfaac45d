"""Finds the prerequisites of Microsoft's CNTK 2.7: a Python 3.6 and the libraries of Open MPI 4."""

import contextlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.errors import ToolkitError

# The name that CNTK 2.7 was linked with (Open MPI 1.10), and what Open MPI 4 calls the same library.
MPI_LIBRARIES: Mapping[str, str] = {"libmpi.so.12": "libmpi.so.40", "libmpi_cxx.so.1": "libmpi_cxx.so.40"}

_PROBE = "import ensurepip, ssl, sys, venv; print('%d.%d' % sys.version_info[:2], sys.maxsize > 2 ** 32)"
_PROBE_SECONDS = 30
_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib64/openmpi/lib", "/usr/lib64", "/usr/lib", "/usr/local/lib")


def check_platform(system: str = platform.system(), machine: str = platform.machine()) -> None:
    """Raise ToolkitError if CNTK 2.7 cannot run on this platform."""
    if (system, machine) != ("Linux", "x86_64"):
        raise ToolkitError(
            f"Microsoft built CNTK 2.7 for Linux on x86-64, this is {system} on {machine}; "
            "CNTK's API on PyTorch runs here: pip install 'batchai-harness[cntk]'"
        )


def find_python(chosen: Path | None, *, environ: Mapping[str, str]) -> Path:
    """A Python 3.6: the user's choice, else ``python3.6`` on PATH, else pyenv's newest.

    Args:
        chosen: an interpreter; it is an error if it is unsuitable.
        environ: for ``PATH``, ``PYENV_ROOT`` and ``HOME``.

    Raises:
        ToolkitError: there is none; the message names the searched places and how to get one.
    """
    if chosen is not None:
        reason = _refusal(chosen)
        if reason:
            raise ToolkitError(f"--python {chosen}: {reason}; CNTK 2.7 needs a 64-bit Python 3.6 with venv and ssl")
        return chosen.absolute()
    versions = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "/")) / ".pyenv") / "versions"
    on_path = shutil.which("python3.6", path=environ.get("PATH", os.defpath))
    candidates = [Path(on_path)] if on_path else []
    with contextlib.suppress(PermissionError):  # the environment may name another user's pyenv
        interpreters = [path / "bin" / "python3.6" for path in versions.glob("3.6.*")]
        candidates += sorted(interpreters, key=_by_number, reverse=True)
    interpreter = next((path for path in candidates if not _refusal(path)), None)
    if interpreter is None:
        reasons = "".join(f"; {path}: {_refusal(path)}" for path in candidates)
        raise ToolkitError(
            f"CNTK 2.7 needs Python 3.6, and there is none on PATH (python3.6) or in {versions}{reasons}. Get one with "
            "`pyenv install 3.6.15` or `conda create -n py36 python=3.6`, and name it where it is in neither place: "
            "harness toolkits install cntk --python PATH"
        )
    return interpreter.absolute()


def find_mpi(environ: Mapping[str, str], folders: Iterable[str] = _FOLDERS) -> dict[str, Path]:
    """Open MPI 4's libraries, by the names that CNTK looks for.

    Args:
        environ: for ``LD_LIBRARY_PATH``.
        folders: directories to search besides these and the linker's cache.

    Raises:
        ToolkitError: a library is not installed; the message names the package.
    """
    cached = linker_cache()
    directories = [Path(folder) for folder in (*environ.get("LD_LIBRARY_PATH", "").split(":"), *folders) if folder]
    paths = {}
    for link, library in MPI_LIBRARIES.items():
        candidates = [*(directory / library for directory in directories), *cached.get(library, ())]
        path = next((candidate for candidate in candidates if candidate.exists()), None)
        if path is None:
            raise ToolkitError(
                f"CNTK 2.7 needs Open MPI's {library}, which is not installed; Debian 12, Ubuntu 22.04: "
                "apt-get install libopenmpi3 (Open MPI 5 no longer has libmpi_cxx: take Open MPI 4)"
            )
        paths[link] = path.resolve()
    return paths


def linker_cache() -> dict[str, list[Path]]:
    """Libraries that the dynamic linker knows, by name."""
    program = shutil.which("ldconfig", path=f"{os.defpath}:/sbin:/usr/sbin")
    if program is None:
        return {}
    listing = subprocess.run([program, "-p"], capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False)
    libraries: dict[str, list[Path]] = {}
    for name, path in re.findall(r"^\s*(\S+) \(.*\) => (\S+)$", listing.stdout, re.MULTILINE):
        libraries.setdefault(name, []).append(Path(path))
    return libraries


def _refusal(python: Path) -> str:
    """Why an interpreter is unsuitable; empty if it is suitable."""
    try:
        probe = subprocess.run(
            [str(python), "-I", "-c", _PROBE], capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"it does not run ({error})"
    if probe.returncode != 0:
        return f"it fails ({(probe.stderr.strip().splitlines() or ['no message'])[-1]})"
    version, wide = probe.stdout.split()
    return "" if (version, wide) == ("3.6", "True") else f"it is Python {version}{'' if wide == 'True' else ', 32-bit'}"


def _by_number(path: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", path.parts[-3])]
