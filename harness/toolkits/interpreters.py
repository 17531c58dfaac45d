"""Finds the interpreter for CNTK jobs: real CNTK if it is installed, else CNTK's API on PyTorch."""

import importlib.metadata
import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import ToolkitError

JOBPATH = Path(__file__).with_name("jobpath")
# With spinning threads, jobs that share a machine ran at a fifth of their speed.
_PASSIVE_WAIT = {"OMP_WAIT_POLICY": "passive"}
_PROBE = "import cntk; print(cntk.__version__)"
_PROBE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Cntk:
    """An interpreter in which ``import cntk`` works with ``environment``; ``description`` is for messages."""

    python: str
    description: str
    environment: Mapping[str, str] = field(default_factory=dict)


def find_cntk(chosen: Path | None = None, *, environ: Mapping[str, str]) -> Cntk:
    """The interpreter for CNTK jobs.

    The user's choice, else the environment that ``harness toolkits install cntk`` makes, else this interpreter with
    our ``cntk`` on its path. Real CNTK is imported once to check it, which takes about a second.

    Args:
        chosen: an interpreter (setting ``cntk_python``); it is an error if it does not work.
        environ: for ``XDG_DATA_HOME``, ``HOME`` and ``LD_LIBRARY_PATH``.

    Raises:
        ToolkitError: there is no interpreter; the message names what to install.
    """
    if chosen is not None:
        return real_cntk(chosen, environ)
    installed = installed_cntk(environ) / "bin" / "python"
    if installed.exists():
        return real_cntk(installed, environ)
    if importlib.util.find_spec("torch") is None or not (JOBPATH / "cntk").is_dir():
        raise ToolkitError(
            "a CNTK job needs either PyTorch (pip install 'batchai-harness[cntk]'; it then trains with CNTK's API "
            "on PyTorch) or real CNTK 2.7 (harness toolkits install cntk); neither is installed"
        )
    return on_pytorch()


def on_pytorch() -> Cntk:
    """This interpreter with our ``cntk`` on its path."""
    # By default glibc maps and unmaps each large tensor. If it keeps freed memory, large minibatches are twice as fast.
    environment = {
        "PYTHONPATH": str(JOBPATH),
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
        **_PASSIVE_WAIT,
    }
    return Cntk(sys.executable, f"CNTK on PyTorch {importlib.metadata.version('torch')}", environment)


def installed_cntk(environ: Mapping[str, str]) -> Path:
    """The link to the environment of ``harness toolkits install cntk``, which exists once the install is verified."""
    data = environ.get("XDG_DATA_HOME") or str(Path(environ.get("HOME", "/")) / ".local" / "share")
    return Path(data) / "batchai-harness" / "toolkits" / "cntk"


def real_cntk(python: Path, environ: Mapping[str, str]) -> Cntk:
    """Real CNTK of ``python``, whose environment has the two links to MPI that CNTK 2.7 needs in its ``lib``.

    Raises:
        ToolkitError: the interpreter cannot import cntk.
    """
    libraries = [str(python.parent.parent / "lib"), *filter(None, [environ.get("LD_LIBRARY_PATH")])]
    environment = {"LD_LIBRARY_PATH": ":".join(libraries), **_PASSIVE_WAIT}
    try:
        probe = subprocess.run(
            [str(python.absolute()), "-c", _PROBE],
            env={**_without_python_paths(environ), **environment},
            cwd="/",  # -c imports from the current directory, and a Python before 3.11 has no -P
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolkitError(f"the CNTK interpreter {python} does not run: {error}") from error
    if probe.returncode != 0:
        reason = (probe.stderr.strip().splitlines() or ["no message"])[-1]
        raise ToolkitError(
            f"the interpreter {python} cannot import cntk ({reason}); repair it with `harness toolkits install cntk`, "
            "or unset cntk_python to train with CNTK's API on PyTorch"
        )
    return Cntk(str(python), f"CNTK {probe.stdout.split()[-1]}", environment)


def _without_python_paths(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without variables that lead to this Python's packages, such as our own ``cntk``."""
    return {name: value for name, value in environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
