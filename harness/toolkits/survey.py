"""The entries of ``harness toolkits list``: all toolkits, their prerequisites, and which of those are installed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from harness.errors import ToolkitError
from harness.toolkits.catalogue import TOOLKITS
from harness.toolkits.frameworks import FRAMEWORKS, Packages, choose
from harness.toolkits.toolkit import Interpreter

_MPI: Final = "mpirun (apt-get install openmpi-bin)"

_REMEDIES: Final[Mapping[str, str]] = {"caffe2": "caffe2, which PyTorch 1.x brought"}
_UNDER_MPI: Final = frozenset({"chainer", "customMpi", "horovod"})


@dataclass(frozen=True, slots=True)
class Offer:
    """Software and processors of a machine. ``cntk`` raises ToolkitError if there is none; ``which`` finds programs."""

    pythons: tuple[str, ...]
    packages: Packages
    mpirun: str | None
    cpus: int
    gpus: int
    cntk: Callable[[], Interpreter]
    which: Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A toolkit: what it ``needs``, whether it ``works`` here, and ``how`` it would train or what to install."""

    toolkit: str
    needs: str
    works: bool
    how: str


def survey(offer: Offer) -> tuple[Entry, ...]:
    """Every toolkit of the service, in the catalogue's order. Only CNTK is imported, which takes a second."""
    return tuple(_entry(name, offer) for name in TOOLKITS)


def _entry(toolkit: str, offer: Offer) -> Entry:
    if toolkit == "cntk":
        return _cntk(offer)
    if toolkit == "caffe":
        return _caffe(offer)
    if toolkit == "customToolkit":
        return Entry(toolkit, "nothing: the job has its own command line", True, f"in a shell, {_processors(offer)}")
    return _by_framework(toolkit, offer)


def _cntk(offer: Offer) -> Entry:
    needs = "CNTK 2.7 (harness toolkits install cntk) or PyTorch"
    try:
        interpreter = offer.cntk()
    except ToolkitError as error:
        return Entry("cntk", needs, False, str(error))
    return Entry("cntk", needs, True, f"{interpreter.description}, {_processors(offer)}")


def _caffe(offer: Offer) -> Entry:
    program = offer.which("caffe")
    missing = "missing: the program caffe on PATH, unless the job runs a Python script"
    return Entry(
        "caffe", "the program caffe", program is not None, f"{program}, {_processors(offer)}" if program else missing
    )


def _by_framework(toolkit: str, offer: Offer) -> Entry:
    framework, mpi = FRAMEWORKS.get(toolkit), toolkit in _UNDER_MPI
    needs = " and ".join([*([framework.package] if framework else []), *(["mpirun"] if mpi else [])])
    choice = choose(toolkit, offer.pythons, offer.packages) if framework else None
    missing = [_MPI] if mpi and offer.mpirun is None else []
    if framework and choice and not choice.is_installed:
        missing.insert(0, _REMEDIES.get(framework.package, f"pip install {framework.package}"))
    if missing:
        return Entry(toolkit, needs, False, f"missing: {'; '.join(missing)}")
    parts = [f"{choice.description} in {choice.python}"] if choice else []
    parts += [str(offer.mpirun)] if mpi else []
    return Entry(toolkit, needs, True, f"{', '.join(parts)}, {_processors(offer)}")


def _processors(offer: Offer) -> str:
    gpus = f"{offer.gpus} GPU{'s' if offer.gpus > 1 else ''}, " if offer.gpus else ""
    return f"{gpus}{offer.cpus} CPU{'s' if offer.cpus > 1 else ''}"
