"""What ``harness toolkits list`` tells: which toolkits there are, what each needs, and what of that is here."""

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from harness.errors import ToolkitError
from harness.toolkits.catalogue import TOOLKITS
from harness.toolkits.toolkit import Interpreter

_PROBE: Final = """
import importlib.util, json, sys
try:
    from importlib.metadata import version
except ImportError:
    version = lambda name: ''
found = {}
for name in sys.argv[1:]:
    if importlib.util.find_spec(name):
        try:
            found[name] = version(name)
        except Exception:
            found[name] = ''
print(json.dumps(found))
"""
_PROBE_SECONDS: Final = 60
_MPI: Final = "mpirun (apt-get install openmpi-bin)"

# The Python packages that each toolkit's scripts import, and whether its processes are started by mpirun.
_PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "caffe2": ("caffe2",),
    "chainer": ("chainer",),
    "horovod": ("horovod",),
    "pyTorch": ("torch",),
    "tensorFlow": ("tensorflow",),
}
_REMEDIES: Final[Mapping[str, str]] = {"caffe2": "caffe2, which PyTorch 1.x brought"}
_UNDER_MPI: Final = frozenset({"chainer", "customMpi", "horovod"})


@dataclass(frozen=True, slots=True)
class Offer:
    """What a machine has for jobs. ``cntk`` raises ToolkitError where there is none; ``which`` finds programs."""

    python: str
    mpirun: str | None
    cpus: int
    gpus: int
    cntk: Callable[[], Interpreter]
    which: Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A toolkit: what it ``needs``, whether it ``works`` here, and how it would train or what to install."""

    toolkit: str
    needs: str
    works: bool
    how: str


def survey(offer: Offer) -> tuple[Entry, ...]:
    """Every toolkit of the service, in the catalogue's order. Imports nothing but CNTK, whose trial takes a second."""
    wanted = sorted({name for names in _PACKAGES.values() for name in names})
    packages = installed_packages(offer.python, wanted)
    return tuple(_entry(name, offer, packages) for name in TOOLKITS)


def installed_packages(python: str, names: list[str]) -> Mapping[str, str]:
    """Versions of the packages, of those asked for, that an interpreter could import; empty where it does not run."""
    try:
        probe = subprocess.run(
            [python, "-c", _PROBE, *names], capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False
        )
        found: dict[str, str] = json.loads(probe.stdout) if probe.returncode == 0 else {}
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {}
    return found


def _entry(toolkit: str, offer: Offer, packages: Mapping[str, str]) -> Entry:
    if toolkit == "cntk":
        return _cntk(offer)
    if toolkit == "caffe":
        return _caffe(offer)
    if toolkit == "customToolkit":
        return Entry(toolkit, "nothing: a command line of its own", True, f"in a shell, {_processors(offer)}")
    return _by_packages(toolkit, offer, packages)


def _cntk(offer: Offer) -> Entry:
    needs = "CNTK 2.7 (harness toolkits install cntk) or PyTorch"
    try:
        found = offer.cntk()
    except ToolkitError as error:
        return Entry("cntk", needs, False, str(error))
    return Entry("cntk", needs, True, f"{found.description}, {_processors(offer)}")


def _caffe(offer: Offer) -> Entry:
    program = offer.which("caffe")
    missing = "missing: the program caffe on PATH, unless the job runs a Python script"
    return Entry(
        "caffe", "the program caffe", program is not None, f"{program}, {_processors(offer)}" if program else missing
    )


def _by_packages(toolkit: str, offer: Offer, packages: Mapping[str, str]) -> Entry:
    names = _PACKAGES.get(toolkit, ())
    mpi = toolkit in _UNDER_MPI
    needs = " and ".join([*names, *(["mpirun"] if mpi else [])])
    missing = [_REMEDIES.get(name, f"pip install {name}") for name in names if name not in packages]
    missing += [_MPI] if mpi and offer.mpirun is None else []
    if missing:
        return Entry(toolkit, needs, False, f"missing: {'; '.join(missing)}")
    parts = [f"{name} {packages[name]}".strip() for name in names] + ([str(offer.mpirun)] if mpi else [])
    return Entry(toolkit, needs, True, f"{', '.join(parts)}, {_processors(offer)}")


def _processors(offer: Offer) -> str:
    gpus = f"{offer.gpus} GPU{'s' if offer.gpus > 1 else ''}, " if offer.gpus else ""
    return f"{gpus}{offer.cpus} CPU{'s' if offer.cpus > 1 else ''}"
