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
class CheckContext:
    """What the checks look at: the directory, the environment and the settings of the command.

    Attributes:
        settings: the user's settings; the defaults if these cannot be read.
        mistake: why the user's settings cannot be read; empty if they can.
    """

    directory: Path
    environ: Mapping[str, str]
    settings: Settings
    mistake: str = ""


def inspect_machine(directory: Path, environ: Mapping[str, str]) -> CheckContext:
    """Return what the checks look at; wrong settings become a failed check, not an error."""
    try:
        return CheckContext(directory, environ, load_settings(directory))
    except SettingsError as error:
        return CheckContext(directory, environ, Settings.model_construct(), str(error))


def diagnose(context: CheckContext) -> Iterator[Check]:
    """Yield the result of each check in order, as soon as it is known; a check that raises counts as failed."""
    for check in _CHECKS:
        try:
            yield check(context)
        except HarnessError as error:
            yield Check(_name(check), "fail", str(error))
        except ModuleNotFoundError as error:
            yield Check(_name(check), "fail", f"the package {error.name} is missing", remedy(error))


def check_python(_context: CheckContext) -> Check:
    """Report the Python interpreter that runs the harness."""
    return Check("Python", "ok", f"{'.'.join(map(str, sys.version_info[:3]))} ({sys.executable})")


def check_dependencies(_context: CheckContext) -> Check:
    """Check that the packages that the harness and its scenarios need are installed in the right versions."""
    try:
        declared = [Requirement(text) for text in importlib.metadata.requires(DISTRIBUTION) or ()]
    except importlib.metadata.PackageNotFoundError:
        return Check("dependencies", "note", f"{DISTRIBUTION} is not installed: it runs from its sources")
    needed = [
        requirement
        for requirement in declared
        if requirement.marker is None or requirement.marker.evaluate({"extra": SCENARIOS})
    ]
    wrong = [problem for requirement in needed if (problem := _problem(requirement))]
    if wrong:
        remedy = f"pip install --upgrade '{DISTRIBUTION}[{SCENARIOS}]'"
        return Check("dependencies", "fail", "; ".join(wrong), remedy)
    return Check("dependencies", "ok", f"all {len(needed)} packages")


def check_torch(_context: CheckContext) -> Check:
    """Report the version of PyTorch, and whether it computes on CUDA or on the CPU."""
    code = "import torch; print(torch.__version__, torch.cuda.is_available())"
    status, output = _run(sys.executable, "-P", "-c", code)  # -P: not a torch in the current directory
    if status != 0:
        return Check("PyTorch", "note", "not installed; CNTK jobs then need real CNTK", _TORCH)
    version, has_cuda = output.split()
    return Check("PyTorch", "ok", f"{version}, {'CUDA' if has_cuda == 'True' else 'CPU only'}")


def check_cntk(context: CheckContext) -> Check:
    """Report the CNTK implementation that would run a job."""
    try:
        cntk = find_cntk(context.settings.cntk_python, environ=context.environ)
    except HarnessError as error:
        return Check("CNTK jobs", "fail", str(error), _TORCH)
    return Check("CNTK jobs", "ok", cntk.description)


def check_real_cntk(context: CheckContext) -> Check:
    """Check whether Microsoft's CNTK is installed, which is optional."""
    chosen = context.settings.cntk_python
    python = chosen or installed_cntk(context.environ) / "bin" / "python"
    if not python.exists():
        return Check("real CNTK 2.7", "note", "not installed", "harness toolkits install cntk")
    return Check("real CNTK 2.7", "ok", str(python))


def check_mpi(context: CheckContext) -> Check:
    """Check whether Open MPI is installed, which jobs of several processes need."""
    program = shutil.which("mpirun", path=context.environ.get("PATH"))
    if program is None:
        message = "not installed; CNTK on several nodes, Horovod and customMpi need it"
        return Check("Open MPI", "note", message, "apt-get install openmpi-bin")
    _, output = _run(program, "--version")
    return Check("Open MPI", "ok", output.splitlines()[0] if output else program)


def check_gpu(context: CheckContext) -> Check:
    """Count NVIDIA GPUs; without one, jobs train on the CPU."""
    gpus = count_gpus(context.environ.get("PATH", os.defpath))
    return Check("GPU", "ok" if gpus else "note", f"{gpus} NVIDIA" if gpus else "none: jobs train on the CPU")


def check_emulator(context: CheckContext) -> Check:
    """Start a temporary emulator, and sign in."""
    # The default settings give it a new directory and new credentials.
    with (
        clouds.open_cloud("emulator", Settings.model_construct(), cassettes=context.directory) as cloud,
        cloud.clients("doctor") as clients,
    ):
        names = [provider.namespace for provider in clients.resources.providers.list()]
    state: State = "ok" if "Microsoft.BatchAI" in names else "fail"
    return Check("emulator", state, f"starts, signs in, offers {len(names)} providers")


def check_settings(context: CheckContext) -> Check:
    """Report which settings have a value and where it comes from, but not the value."""
    if context.mistake:
        return Check("settings", "fail", context.mistake, "correct it; all settings: harness docs settings")
    sources = trace_settings(context.directory)
    listing = ", ".join(f"{name} ({source})" for name, source in sources.items())
    return Check(
        "settings", "ok", listing or "none set; the emulator needs none", "" if listing else "harness docs settings"
    )


def check_data(context: CheckContext) -> Check:
    """Report the data set that a run would train on."""
    chosen, cache = context.settings.mnist_dir, mnist_cache(context.environ)
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


def check_disk(context: CheckContext) -> Check:
    """Check the free disk space for runs and for the emulator's temporary directory."""
    directories = {_nearest(context.directory / context.settings.runs_dir), Path(tempfile.gettempdir())}
    free = {directory: shutil.disk_usage(directory).free for directory in directories}
    fullest = min(free, key=lambda directory: free[directory])
    state: State = "ok" if free[fullest] >= _GOOD_BYTES else "note" if free[fullest] >= _LEAST_BYTES else "fail"
    remedy = "" if state == "ok" else f"free space in {fullest}, or set runs_dir and TMPDIR"
    return Check("disk space", state, f"{free[fullest] / (1 << 30):.1f} GiB free in {fullest}", remedy)


def check_runs(context: CheckContext) -> Check:
    """Check whether the directory of runs can be written."""
    runs = (context.directory / context.settings.runs_dir).absolute()
    if (reason := _unwritable(_nearest(runs))) is not None:
        return Check("runs directory", "fail", f"{runs}: {reason}", "set runs_dir to a directory of yours")
    return Check("runs directory", "ok", str(runs))


def check_journal(context: CheckContext) -> Check:
    """Report what earlier runs left behind, and whether the journal can be written."""
    path = journal_path(context.settings, context.environ)
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
    message = f"{len(entries)} resources, {len(emulators)} emulators of runs that have ended ({clouds})"
    return Check("left behind", "note", message, "harness reap" + (" --cloud azure" if clouds == "azure" else ""))


_CHECKS: tuple[Callable[[CheckContext], Check], ...] = (
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


def _name(check: Callable[[CheckContext], Check]) -> str:
    return check.__name__.removeprefix("check_")


def _problem(requirement: Requirement) -> str:
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{requirement.name} is missing"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"{requirement.name} is {version}, not {requirement.specifier}"
    return ""


def _run(*arguments: str) -> tuple[int, str]:
    """Return exit code and standard output of a program; one that cannot run or does not end counts as failed."""
    try:
        process = subprocess.run(arguments, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 1, ""
    return process.returncode, process.stdout.strip()


def _nearest(path: Path) -> Path:
    """Return the nearest existing directory at or above a path."""
    absolute = path.absolute()
    return next(directory for directory in (absolute, *absolute.parents) if directory.is_dir())


def _unwritable(directory: Path) -> str | None:
    """Say why no file can be created in a directory; None if one can."""
    try:
        with tempfile.TemporaryFile(dir=directory):
            return None
    except OSError as error:
        return error.strerror or type(error).__name__
