"""The checks of ``harness doctor``: one function each, with its result and the command that fixes a problem."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from harness import clouds, data  # their names are imported by the checks that use them
from harness.compute.machine import count_gpus
from harness.config import Settings, journal_path, load_settings, mnist_cache, trace_settings
from harness.emulator.orphans import find_orphans, temporary_directories
from harness.errors import HarnessError, JournalError, SettingsError
from harness.extras import DISTRIBUTION, SCENARIOS, remedy
from harness.resources.journal import Journal
from harness.toolkits.interpreters import find_cntk, installed_cntk

_PROBE_SECONDS = 120
_LEAST_BYTES, _GOOD_BYTES = 200 << 20, 2 << 30
_TORCH = f"pip install '{DISTRIBUTION}[cntk]'"

State = Literal["ok", "note", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check.

    Attributes:
        state: ``fail`` where the main job would not run; ``note`` where something optional is missing.
        remedy: the command that helps, if there is one.
    """

    name: str
    state: State
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the harness would work.

    Attributes:
        settings: the defaults where ``mistake`` says why the user's cannot be read.
    """

    directory: Path
    environ: Mapping[str, str]
    settings: Settings
    mistake: str = ""


def look_around(directory: Path, environ: Mapping[str, str]) -> Surroundings:
    """The surroundings of a directory; settings that are wrong are a finding, not an error."""
    try:
        return Surroundings(directory, environ, load_settings(directory))
    except SettingsError as error:
        return Surroundings(directory, environ, Settings.model_construct(), str(error))


def diagnose(around: Surroundings) -> Iterator[Check]:
    """Every check in order, as soon as it is done; one that breaks is itself a failed check."""
    for look in _LOOKS:
        try:
            yield look(around)
        except HarnessError as error:
            yield Check(_name(look), "fail", str(error))
        except ModuleNotFoundError as error:
            yield Check(_name(look), "fail", f"the package {error.name} is missing", remedy(error))


def check_python(_around: Surroundings) -> Check:
    """The interpreter that runs this."""
    return Check("Python", "ok", f"{'.'.join(map(str, sys.version_info[:3]))} ({sys.executable})")


def check_dependencies(_around: Surroundings) -> Check:
    """The packages that the harness declares, those that scenarios need among them, and their versions."""
    try:
        declared = [Requirement(text) for text in importlib.metadata.requires(DISTRIBUTION) or ()]
    except importlib.metadata.PackageNotFoundError:
        return Check("dependencies", "note", f"{DISTRIBUTION} is not installed: it runs from its sources")
    needed = [one for one in declared if one.marker is None or one.marker.evaluate({"extra": SCENARIOS})]
    wrong = [problem for one in needed if (problem := _problem(one))]
    if wrong:
        remedy = f"pip install --upgrade '{DISTRIBUTION}[{SCENARIOS}]'"
        return Check("dependencies", "fail", "; ".join(wrong), remedy)
    return Check("dependencies", "ok", f"all {len(needed)} packages")


def check_torch(_around: Surroundings) -> Check:
    """PyTorch, and what it computes on."""
    code = "import torch; print(torch.__version__, torch.cuda.is_available())"
    status, said = _run(sys.executable, "-P", "-c", code)  # not what the current directory calls torch
    if status != 0:
        return Check("PyTorch", "note", "not installed; CNTK jobs then need real CNTK", _TORCH)
    version, has_cuda = said.split()
    return Check("PyTorch", "ok", f"{version}, {'CUDA' if has_cuda == 'True' else 'CPU only'}")


def check_cntk(around: Surroundings) -> Check:
    """The CNTK that would run a job."""
    try:
        found = find_cntk(around.settings.cntk_python, environ=around.environ)
    except HarnessError as error:
        return Check("CNTK jobs", "fail", str(error), _TORCH)
    return Check("CNTK jobs", "ok", found.description)


def check_real_cntk(around: Surroundings) -> Check:
    """Microsoft's own CNTK, which is optional."""
    chosen = around.settings.cntk_python
    python = chosen or installed_cntk(around.environ) / "bin" / "python"
    if not python.exists():
        return Check("real CNTK 2.7", "note", "not installed", "harness toolkits install cntk")
    return Check("real CNTK 2.7", "ok", str(python))


def check_mpi(around: Surroundings) -> Check:
    """Open MPI, for jobs of several processes."""
    program = shutil.which("mpirun", path=around.environ.get("PATH"))
    if program is None:
        found = "not installed; CNTK on several nodes, Horovod and customMpi need it"
        return Check("Open MPI", "note", found, "apt-get install openmpi-bin")
    _, said = _run(program, "--version")
    return Check("Open MPI", "ok", said.splitlines()[0] if said else program)


def check_gpu(around: Surroundings) -> Check:
    """NVIDIA GPUs; without one, jobs train on the CPU."""
    gpus = count_gpus(around.environ.get("PATH", os.defpath))
    return Check("GPU", "ok" if gpus else "note", f"{gpus} NVIDIA" if gpus else "none: jobs train on the CPU")


def check_emulator(around: Surroundings) -> Check:
    """Start an emulator of its own, and sign in."""
    # Without the user's settings: its own directory, its own credentials.
    with (
        clouds.open_cloud("emulator", Settings.model_construct(), cassettes=around.directory) as cloud,
        cloud.clients("doctor") as clients,
    ):
        names = [provider.namespace for provider in clients.resources.providers.list()]
    state: State = "ok" if "Microsoft.BatchAI" in names else "fail"
    return Check("emulator", state, f"starts, signs in, offers {len(names)} providers")


def check_settings(around: Surroundings) -> Check:
    """Which settings have a value, and where from; never the value."""
    if around.mistake:
        return Check("settings", "fail", around.mistake, "correct it; all settings: harness docs settings")
    found = trace_settings(around.directory)
    places = ", ".join(f"{name} ({place})" for name, place in found.items())
    return Check(
        "settings", "ok", places or "none set; the emulator needs none", "" if places else "harness docs settings"
    )


def check_data(around: Surroundings) -> Check:
    """The data set that a run would train on."""
    chosen, cache = around.settings.mnist_dir, mnist_cache(around.environ)
    fetch = "harness data mnist"
    if chosen is None and not data.holds_mnist(cache):
        split = data.load_digits_split()
        return Check("data", "note", f"scikit-learn's digits, {len(split.train.labels)} to train", fetch)
    directory = chosen or cache
    try:
        split = data.load_mnist(directory)
    except HarnessError as error:
        return Check("data", "fail", str(error), fetch)
    return Check("data", "ok", f"{split.name}, {len(split.train.labels)} to train, from {directory}")


def check_disk(around: Surroundings) -> Check:
    """Space for runs and for the emulator's temporary directory."""
    places = {_nearest(around.directory / around.settings.runs_dir), Path(tempfile.gettempdir())}
    free = {place: shutil.disk_usage(place).free for place in places}
    place = min(free, key=lambda one: free[one])
    state: State = "ok" if free[place] >= _GOOD_BYTES else "note" if free[place] >= _LEAST_BYTES else "fail"
    remedy = "" if state == "ok" else f"make room in {place}, or set runs_dir and TMPDIR"
    return Check("disk space", state, f"{free[place] / (1 << 30):.1f} GiB free in {place}", remedy)


def check_runs(around: Surroundings) -> Check:
    """Whether the directory of runs can be written."""
    runs = (around.directory / around.settings.runs_dir).absolute()
    if (reason := _unwritable(_nearest(runs))) is not None:
        return Check("runs directory", "fail", f"{runs}: {reason}", "set runs_dir to a directory of yours")
    return Check("runs directory", "ok", str(runs))


def check_journal(around: Surroundings) -> Check:
    """What earlier runs left behind, and whether new ones can be journalled."""
    path = journal_path(around.settings, around.environ)
    if (reason := _unwritable(_nearest(path.parent))) is not None:
        return Check("left behind", "fail", f"the journal {path} cannot be written: {reason}", "set journal")
    try:
        entries = [entry for entry in Journal(path).open_entries() if entry.owner.state == "ended"]
    except JournalError as error:
        return Check("left behind", "fail", str(error), "set journal")
    emulators = find_orphans(temporary_directories())
    if not entries and not emulators:
        return Check("left behind", "ok", f"nothing (journal {path})")
    clouds = " and ".join(sorted({entry.cloud for entry in entries} | ({"emulator"} if emulators else set())))
    found = f"{len(entries)} resources, {len(emulators)} emulators of runs that have ended ({clouds})"
    return Check("left behind", "note", found, "harness reap" + (" --cloud azure" if clouds == "azure" else ""))


_LOOKS: tuple[Callable[[Surroundings], Check], ...] = (
    check_python,
    check_dependencies,
    check_torch,
    check_cntk,
    check_real_cntk,
    check_mpi,
    check_gpu,
    check_emulator,
    check_settings,
    check_data,
    check_disk,
    check_runs,
    check_journal,
)


def _name(look: Callable[[Surroundings], Check]) -> str:
    return look.__name__.removeprefix("check_")


def _problem(requirement: Requirement) -> str:
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{requirement.name} is missing"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"{requirement.name} is {version}, not {requirement.specifier}"
    return ""


def _run(*words: str) -> tuple[int, str]:
    """Exit code and standard output of a program; one that cannot run or does not end counts as failed."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 1, ""
    return done.returncode, done.stdout.strip()


def _nearest(path: Path) -> Path:
    """The nearest existing directory at or above a path."""
    absolute = path.absolute()
    return next(one for one in (absolute, *absolute.parents) if one.is_dir())


def _unwritable(directory: Path) -> str | None:
    """Why no file can be created there; None if one can."""
    try:
        with tempfile.TemporaryFile(dir=directory):
            return None
    except OSError as error:
        return error.strerror or type(error).__name__
