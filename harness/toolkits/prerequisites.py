"""What Microsoft's CNTK 2.7 needs of a machine: a Python 3.6 and Open MPI 4's libraries."""

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
    """Raises ToolkitError where CNTK 2.7 cannot run."""
    if (system, machine) != ("Linux", "x86_64"):
        raise ToolkitError(
            f"Microsoft built CNTK 2.7 for Linux on x86-64, this is {system} on {machine}; "
            "CNTK's API on PyTorch runs here: pip install 'batchai-harness[cntk]'"
        )


def find_python(chosen: Path | None, *, environ: Mapping[str, str]) -> Path:
    """A Python 3.6: the user's choice, else ``python3.6`` on PATH, else pyenv's newest.

    Args:
        chosen: an interpreter; one that will not do is an error, not passed over.
        environ: for ``PATH``, ``PYENV_ROOT`` and ``HOME``.

    Raises:
        ToolkitError: there is none; the message says where was looked and how to get one.
    """
    if chosen is not None:
        reason = _refusal(chosen)
        if reason:
            raise ToolkitError(f"--python {chosen}: {reason}; CNTK 2.7 needs a 64-bit Python 3.6 with venv and ssl")
        return chosen.absolute()
    versions = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "/")) / ".pyenv") / "versions"
    on_path = shutil.which("python3.6", path=environ.get("PATH", os.defpath))
    candidates = [Path(on_path)] if on_path else []
    with contextlib.suppress(PermissionError):  # another user's pyenv, left in the environment
        kept = [path / "bin" / "python3.6" for path in versions.glob("3.6.*")]
        candidates += sorted(kept, key=_by_number, reverse=True)
    found = next((path for path in candidates if not _refusal(path)), None)
    if found is None:
        looked = "".join(f"; {path}: {_refusal(path)}" for path in candidates)
        raise ToolkitError(
            f"CNTK 2.7 needs Python 3.6, and there is none on PATH (python3.6) or in {versions}{looked}. Get one with "
            "`pyenv install 3.6.15` or `conda create -n py36 python=3.6`, and name it where it is in neither place: "
            "harness toolkits install cntk --python PATH"
        )
    return found.absolute()


def find_mpi(environ: Mapping[str, str], folders: Iterable[str] = _FOLDERS) -> dict[str, Path]:
    """Open MPI 4's libraries, by the names that CNTK looks for.

    Args:
        environ: for ``LD_LIBRARY_PATH``.
        folders: where to look besides there and in the linker's cache.

    Raises:
        ToolkitError: one is not installed; the message names the package.
    """
    cached = linker_cache()
    places = [Path(each) for each in (*environ.get("LD_LIBRARY_PATH", "").split(":"), *folders) if each]
    found = {}
    for link, library in MPI_LIBRARIES.items():
        candidates = [*(place / library for place in places), *cached.get(library, ())]
        path = next((each for each in candidates if each.exists()), None)
        if path is None:
            raise ToolkitError(
                f"CNTK 2.7 needs Open MPI's {library}, which is not installed; Debian 12, Ubuntu 22.04: "
                "apt-get install libopenmpi3 (Open MPI 5 no longer has libmpi_cxx: take Open MPI 4)"
            )
        found[link] = path.resolve()
    return found


def linker_cache() -> dict[str, list[Path]]:
    """Libraries that the dynamic linker knows, by name."""
    program = shutil.which("ldconfig", path=f"{os.defpath}:/sbin:/usr/sbin")
    if program is None:
        return {}
    listed = subprocess.run([program, "-p"], capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False)
    found: dict[str, list[Path]] = {}
    for name, path in re.findall(r"^\s*(\S+) \(.*\) => (\S+)$", listed.stdout, re.MULTILINE):
        found.setdefault(name, []).append(Path(path))
    return found


def _refusal(python: Path) -> str:
    """Why an interpreter will not do; empty where it will."""
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
