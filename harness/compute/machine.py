"""The interpreters, programs and GPUs of this machine that jobs may use. They are looked up once."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.toolkits.frameworks import FRAMEWORKS, Packages, installed_packages
from harness.toolkits.interpreters import Cntk, find_cntk

# Jobs inherit only these variables: the emulator's own settings may be secret.
_INHERITED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH")


@dataclass(frozen=True, slots=True)
class Machine:
    """The parts of a machine that jobs may use.

    Attributes:
        environment: the initial variables of every job.
        pythons: interpreters for scripts: the one on PATH, then the one that CNTK on PyTorch runs in.
        packages: returns the training frameworks that an interpreter has; the result is cached for each interpreter.
        cntk: returns the installation of CNTK; raises ToolkitError if there is none.
    """

    environment: Mapping[str, str]
    pythons: tuple[str, ...]
    packages: Packages = field(repr=False)
    shell: str
    mpirun: str | None
    cpus: int
    gpus: int
    cntk: Callable[[], Cntk] = field(repr=False)


def find_machine(environ: Mapping[str, str], *, cntk_python: Path | None = None) -> Machine:
    """Look up what jobs may use of this machine.

    Args:
        environ: the environment of the emulator; only variables for paths, the user and the locale are passed to jobs.
        cntk_python: the interpreter that the user chose for CNTK (setting ``cntk_python``), if any.
    """
    path = environ.get("PATH", os.defpath)
    inherited = {name: environ[name] for name in _INHERITED if name in environ}
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8"} | inherited
    # A command that calls ``python`` always finds one; the last position keeps it from hiding a program of the user.
    environment["PATH"] = f"{environment['PATH']}{os.pathsep}{Path(sys.executable).parent}"
    python = shutil.which("python", path=path) or shutil.which("python3", path=path) or "python3"
    packages = [framework.package for framework in FRAMEWORKS.values()]
    return Machine(
        environment=environment,
        pythons=tuple(dict.fromkeys((python, sys.executable))),
        packages=functools.cache(functools.partial(installed_packages, names=packages, environment=environment)),
        shell=shutil.which("bash", path=path) or "/bin/sh",
        mpirun=shutil.which("mpirun", path=path),
        cpus=len(os.sched_getaffinity(0)),
        gpus=count_gpus(path),
        cntk=functools.cache(functools.partial(find_cntk, cntk_python, environ=environ)),
    )


def count_gpus(path: str, *, driver: Path = Path("/proc/driver/nvidia/gpus")) -> int:
    """Count the NVIDIA GPUs of this machine by the directory of the driver, otherwise by ``nvidia-smi -L``."""
    if driver.is_dir():
        return sum(1 for _ in driver.iterdir())
    program = shutil.which("nvidia-smi", path=path)
    if program is None:
        return 0
    try:
        process = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in process.stdout.splitlines())
