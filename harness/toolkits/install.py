"""``harness toolkits install cntk``: Microsoft's CNTK 2.7 in a separate virtual environment.

A virtual environment contains its absolute path, so it cannot be moved after it is built. Each install therefore builds
a new directory with a final name. Jobs use a symbolic link, which is set after the install is verified, so a killed
install leaves the link unchanged.
"""

import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import ToolkitError
from harness.file_lock import FileLockedError, lock_file
from harness.toolkits.interpreters import Cntk, installed_cntk, real_cntk
from harness.toolkits.prerequisites import check_platform, find_mpi, find_python

REQUIREMENTS: Final = ("cntk==2.7.post2", "numpy==1.19.5", "scipy==1.5.4")

_TRIAL: Final = """
import cntk as C, numpy as np
x, y = C.input_variable(2), C.input_variable(2)
z = C.layers.Dense(2)(x)
learner = C.sgd(z.parameters, C.learning_parameter_schedule_per_sample(0.1))
trainer = C.Trainer(z, C.cross_entropy_with_softmax(z, y), [learner])
data = np.eye(2, dtype=np.float32)
trainer.train_minibatch({x: data, y: data})
assert trainer.previous_minibatch_loss_average > 0
"""
_TAIL = 15
# Variables that would mislead another Python's pip: they point to our packages, or configure our environment.
_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_CONSTRAINT", "PIP_REQUIREMENT", "PIP_TARGET", "PIP_PREFIX",
            "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_PYTHON")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of an installation: step ``number`` of ``total``; ``detail`` is a program's last line of output."""

    number: int
    total: int
    step: str
    detail: str = ""


Listener = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Installation:
    """The installed CNTK.

    Attributes:
        cntk: the interpreter with CNTK.
        directory: the directory of the environment.
        fresh: whether this call installed it.
        image_reader_lacks: the missing shared libraries without which CNTK's image reader cannot load. CNTK 2.7 was
            built for Ubuntu 16.04, and Debian 12 no longer has libjpeg.so.8, libpng12, libtiff.so.5 and libjasper.so.1.
    """

    cntk: Cntk
    directory: Path
    fresh: bool
    image_reader_lacks: tuple[str, ...] = ()


def install_cntk(
    environ: Mapping[str, str], *, python: Path | None = None, force: bool = False, listener: Listener
) -> Installation:
    """Install CNTK 2.7 where ``find_cntk`` looks for it, unless a working one is installed there.

    Args:
        environ: for ``PATH``, ``HOME``, ``XDG_DATA_HOME``, ``PYENV_ROOT``, ``LD_LIBRARY_PATH`` and pip's own variables.
        python: a Python 3.6; default one on PATH, else pyenv's.
        force: whether to install again if a working CNTK is installed.
        listener: is called for each step.

    Raises:
        ToolkitError: a prerequisite is missing, a step failed, or another install is running.
    """
    location = installed_cntk(environ)
    if not force and (cntk := _working_cntk(location, environ)) is not None:
        return Installation(cntk, location, fresh=False, image_reader_lacks=_missing_image_libraries(location, cntk))
    check_platform()
    location.parent.mkdir(parents=True, exist_ok=True)
    with _install_lock(location.parent / "cntk.lock"):
        _delete_unused(location)
        directory = Path(tempfile.mkdtemp(prefix="cntk-", dir=location.parent))
        try:
            _build(directory, environ, python, listener)
            _publish(directory, location)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        _delete_unused(location)
    cntk = real_cntk(location / "bin" / "python", environ)
    return Installation(cntk, location, fresh=True, image_reader_lacks=_missing_image_libraries(location, cntk))


def _build(directory: Path, environ: Mapping[str, str], chosen: Path | None, listener: Listener) -> None:
    steps = ("looking for Python 3.6 and Open MPI", "making the environment", f"installing {REQUIREMENTS[0]}",
             "linking Open MPI", "training one minibatch")  # fmt: skip

    def report(number: int, detail: str = "") -> None:
        listener(Progress(number, len(steps), steps[number - 1], detail))

    clean = {name: value for name, value in environ.items() if name not in _FOREIGN}
    python = directory / "bin" / "python"
    report(1)
    base, libraries = find_python(chosen, environ=environ), find_mpi(environ)
    report(2, str(base))
    _run([str(base), "-I", "-m", "venv", str(directory)], clean, lambda line: report(2, line))
    report(3)
    pip = [str(python), "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"]
    _run([*pip, "--only-binary", ":all:", *REQUIREMENTS], clean, lambda line: report(3, line))
    report(4)
    for link, library in libraries.items():
        (directory / "lib" / link).symlink_to(library)
    report(5)
    with_mpi = {**clean, **real_cntk(python, clean).environment}
    _run([str(python), "-I", "-W", "ignore", "-c", _TRIAL], with_mpi, lambda line: report(5, line))


def _missing_image_libraries(location: Path, cntk: Cntk) -> tuple[str, ...]:
    """The libraries of CNTK's image reader that the loader does not find; empty if there is no reader or no ``ldd``."""
    readers = sorted(location.glob("lib/python3.*/site-packages/cntk/libs/Cntk.Deserializers.Image-*.so"))
    ldd = shutil.which("ldd")
    if not readers or ldd is None:
        return ()
    path = f"{readers[0].parent}:{cntk.environment['LD_LIBRARY_PATH']}"
    listing = subprocess.run(
        [ldd, str(readers[0])], env={"LD_LIBRARY_PATH": path}, capture_output=True, text=True, check=False
    )
    return missing_libraries(listing.stdout)


def missing_libraries(listing: str) -> tuple[str, ...]:
    """The shared libraries that the output of ``ldd`` reports as not found."""
    return tuple(line.split()[0] for line in listing.splitlines() if line.endswith("=> not found"))


def _run(command: Sequence[str], environ: Mapping[str, str], report: Callable[[str], None]) -> None:
    """Run a program, and call ``report`` with each line of its output. Raises ToolkitError with the last lines."""
    tail: deque[str] = deque(maxlen=_TAIL)
    with subprocess.Popen(
        command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
    ) as process:  # fmt: skip
        try:
            for line in process.stdout or ():
                tail.append(line.rstrip())
                report(line.strip())
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        output = "\n  ".join(["", *tail])
        raise ToolkitError(
            f"`{' '.join(command[:4])} ...` ended with exit code {process.returncode}; nothing was installed.{output}"
        )


def _working_cntk(location: Path, environ: Mapping[str, str]) -> Cntk | None:
    """The installed CNTK; None if it does not work, so that an install repairs it."""
    python = location / "bin" / "python"
    if not python.exists():
        return None
    try:
        return real_cntk(python, environ)
    except ToolkitError:
        return None


def _publish(directory: Path, location: Path) -> None:
    """Link ``location`` to ``directory`` atomically; an existing directory of the user is renamed."""
    link = directory.with_name(f"{directory.name}.link")
    link.unlink(missing_ok=True)
    link.symlink_to(directory.name)
    if location.is_dir() and not location.is_symlink():
        location.rename(location.with_name(f"{directory.name}.old"))
    link.replace(location)


def _delete_unused(location: Path) -> None:
    """Delete the directories of killed and replaced installs."""
    for path in location.parent.glob("cntk-*"):
        if path.is_symlink():
            path.unlink()
        elif not (location.exists() and location.samefile(path)):
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _install_lock(lock: Path) -> Iterator[None]:
    """Hold a lock that ends with the process. Raises ToolkitError if another process holds it."""
    with ExitStack() as stack:
        try:
            stack.enter_context(lock_file(lock))
        except FileLockedError:
            raise ToolkitError(
                f"another `harness toolkits install cntk` is running (it holds {lock}); wait for it"
            ) from None
        yield
