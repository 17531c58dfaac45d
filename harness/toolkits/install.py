"""``harness toolkits install cntk``: Microsoft's CNTK 2.7 in an environment of its own.

A virtual environment holds its own absolute path, so it cannot be built beside its place and moved there. Each install
builds a directory of its own for good, and the name that jobs use is a symbolic link, set when all has been verified:
a killed install leaves the link as it was.
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
# What would lead another Python's pip astray: our own packages, and choices made for the environment we run in.
_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_CONSTRAINT", "PIP_REQUIREMENT", "PIP_TARGET", "PIP_PREFIX",
            "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_PYTHON")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an installation is: step ``number`` of ``total``; ``detail`` is the last line of a program's output."""

    number: int
    total: int
    step: str
    detail: str = ""


Listener = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Installation:
    """What is installed at the end.

    Attributes:
        cntk: how jobs run it.
        directory: where it is.
        fresh: whether this call installed it.
        image_reader_lacks: the shared libraries without which CNTK's image reader cannot load; none where it can.
            CNTK 2.7 was built for Ubuntu 16.04, and Debian 12 no longer has libjpeg.so.8, libpng12, libtiff.so.5 and
            libjasper.so.1.
    """

    cntk: Cntk
    directory: Path
    fresh: bool
    image_reader_lacks: tuple[str, ...] = ()


def install_cntk(
    environ: Mapping[str, str], *, python: Path | None = None, force: bool = False, listener: Listener
) -> Installation:
    """Install CNTK 2.7 where ``find_cntk`` looks, unless it stands there and works.

    Args:
        environ: for ``PATH``, ``HOME``, ``XDG_DATA_HOME``, ``PYENV_ROOT``, ``LD_LIBRARY_PATH`` and pip's own variables.
        python: a Python 3.6; default one on PATH, else pyenv's.
        force: whether to build it again where it stands.
        listener: hears of each step.

    Raises:
        ToolkitError: something that it needs is missing, a step failed, or another install is at work.
    """
    place = installed_cntk(environ)
    if not force and (standing := _standing(place, environ)) is not None:
        return Installation(standing, place, fresh=False, image_reader_lacks=_image_reader_lacks(place, standing))
    check_platform()
    place.parent.mkdir(parents=True, exist_ok=True)
    with _alone(place.parent / "cntk.lock"):
        _sweep(place)
        directory = Path(tempfile.mkdtemp(prefix="cntk-", dir=place.parent))
        try:
            _build(directory, environ, python, listener)
            _publish(directory, place)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        _sweep(place)
    cntk = real_cntk(place / "bin" / "python", environ)
    return Installation(cntk, place, fresh=True, image_reader_lacks=_image_reader_lacks(place, cntk))


def _build(directory: Path, environ: Mapping[str, str], chosen: Path | None, listener: Listener) -> None:
    steps = ("looking for Python 3.6 and Open MPI", "making the environment", f"installing {REQUIREMENTS[0]}",
             "linking Open MPI", "training one minibatch")  # fmt: skip

    def tell(number: int, detail: str = "") -> None:
        listener(Progress(number, len(steps), steps[number - 1], detail))

    clean = {name: value for name, value in environ.items() if name not in _FOREIGN}
    python = directory / "bin" / "python"
    tell(1)
    base, libraries = find_python(chosen, environ=environ), find_mpi(environ)
    tell(2, str(base))
    _run([str(base), "-I", "-m", "venv", str(directory)], clean, lambda line: tell(2, line))
    tell(3)
    pip = [str(python), "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"]
    _run([*pip, "--only-binary", ":all:", *REQUIREMENTS], clean, lambda line: tell(3, line))
    tell(4)
    for link, library in libraries.items():
        (directory / "lib" / link).symlink_to(library)
    tell(5)
    with_mpi = {**clean, **real_cntk(python, clean).environment}
    _run([str(python), "-I", "-W", "ignore", "-c", _TRIAL], with_mpi, lambda line: tell(5, line))


def _image_reader_lacks(place: Path, cntk: Cntk) -> tuple[str, ...]:
    """The libraries that the loader does not find for CNTK's image reader; none where nothing can look."""
    readers = sorted(place.glob("lib/python3.*/site-packages/cntk/libs/Cntk.Deserializers.Image-*.so"))
    ldd = shutil.which("ldd")
    if not readers or ldd is None:
        return ()
    path = f"{readers[0].parent}:{cntk.environment['LD_LIBRARY_PATH']}"
    found = subprocess.run(
        [ldd, str(readers[0])], env={"LD_LIBRARY_PATH": path}, capture_output=True, text=True, check=False
    )
    return missing_libraries(found.stdout)


def missing_libraries(listing: str) -> tuple[str, ...]:
    """The shared libraries that a listing of ``ldd`` reports as not found."""
    return tuple(line.split()[0] for line in listing.splitlines() if line.endswith("=> not found"))


def _run(command: Sequence[str], environ: Mapping[str, str], tell: Callable[[str], None]) -> None:
    """Run a program to its end; ``tell`` hears its lines. A failure raises ToolkitError with the last of them."""
    tail: deque[str] = deque(maxlen=_TAIL)
    with subprocess.Popen(
        command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
    ) as process:  # fmt: skip
        try:
            for line in process.stdout or ():
                tail.append(line.rstrip())
                tell(line.strip())
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        said = "\n  ".join(["", *tail])
        raise ToolkitError(
            f"`{' '.join(command[:4])} ...` ended with exit code {process.returncode}; nothing was installed.{said}"
        )


def _standing(place: Path, environ: Mapping[str, str]) -> Cntk | None:
    """What is installed and works; a broken one counts as none, so that installing repairs it."""
    python = place / "bin" / "python"
    if not python.exists():
        return None
    try:
        return real_cntk(python, environ)
    except ToolkitError:
        return None


def _publish(directory: Path, place: Path) -> None:
    """Let ``place`` lead to ``directory``, at once; a directory of the user's own that stood there gives way."""
    link = directory.with_name(f"{directory.name}.link")
    link.unlink(missing_ok=True)
    link.symlink_to(directory.name)
    if place.is_dir() and not place.is_symlink():
        place.rename(place.with_name(f"{directory.name}.old"))
    link.replace(place)


def _sweep(place: Path) -> None:
    """Delete what killed or replaced installs left."""
    for path in place.parent.glob("cntk-*"):
        if path.is_symlink():
            path.unlink()
        elif not (place.exists() and place.samefile(path)):
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, however that ends. Raises ToolkitError where another holds it."""
    with ExitStack() as stack:
        try:
            stack.enter_context(lock_file(lock))
        except FileLockedError:
            raise ToolkitError(
                f"another `harness toolkits install cntk` is at work (it holds {lock}); wait for it"
            ) from None
        yield
