"""The directory of a run; this module defines the names of its files."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from harness.clouds import new_run
from harness.errors import UserError
from harness.experiments.outcomes import Outcome, OutcomeFile
from harness.file_lock import FileLockedError, lock_file

if TYPE_CHECKING:
    from harness.scenario.model import Scenario, Trial
    from harness.scenario.sweep import GoalSpec

T = TypeVar("T")

RUN_FILE, OUTCOMES, _STUDY = "run.json", "outcomes.jsonl", "study.db"
_PRIVATE, _OWN_FILE = 0o700, 0o600  # logs and models of a run are private


@dataclass(frozen=True, slots=True)
class TrialDirectory:
    """The directory of one trial's files; ``name`` is relative to the run's directory."""

    root: Path
    name: str

    @property
    def path(self) -> Path:
        """The path of the directory."""
        return self.root / self.name


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """A run's directory: ``outcomes.jsonl``, ``run.json`` and a directory for each trial.

    Attributes:
        run: the identity of the run, which does not change when the run is resumed.
        is_shared: whether several scenarios write into it, each into its own subdirectory.
        is_resumed: whether an earlier process has begun the run.
        used_names: the trial directories that earlier outcomes name.
    """

    path: Path
    run: str
    is_shared: bool = False
    is_resumed: bool = False
    used_names: frozenset[str] = frozenset()

    @property
    def outcomes(self) -> OutcomeFile:
        """The file with one record for each trial that has ended."""
        return OutcomeFile(self.path / OUTCOMES)

    def trial(self, scenario: "Scenario", trial: "Trial") -> TrialDirectory:
        """A new directory for a trial's files, which no earlier outcome names: ``TRIAL``, or ``TRIAL~2`` and so on."""
        plain = f"{scenario.scenario}/{trial.id}" if self.is_shared else trial.id
        name, number = plain, 1
        while name in self.used_names or (self.path / name).exists():
            number += 1
            name = f"{plain}~{number}"
        return TrialDirectory(self.path, name)

    def open_study(self) -> str:
        """The URL of Optuna's storage for a search; creates a missing file, which only its owner can read.

        Raises:
            UserError: the file cannot be created.
        """
        file = self.path.absolute() / _STUDY
        try:
            file.touch(mode=_OWN_FILE)  # SQLite would create a file that all users can read
        except OSError as error:
            raise UserError(f"the run directory {self.path} cannot be written: {error.strerror}") from error
        return f"sqlite:///{quote(str(file))}"  # in a URL, a question mark would end the path

    def latest_outcomes(self, scenario: "Scenario") -> dict[str, Outcome]:
        """The latest outcome of every trial that has one, by the id of the trial.

        Raises:
            UserError: the outcomes cannot be read.
        """
        return {outcome.trial: outcome for outcome in self.outcomes.read() if outcome.scenario == scenario.scenario}

    def current_outcomes(self, scenario: "Scenario") -> dict[str, Outcome]:
        """The latest outcomes without those whose parameters differ from the scenario's now.

        Raises:
            UserError: the outcomes cannot be read.
        """
        outcomes = [outcome for outcome in self.outcomes.read() if outcome.scenario == scenario.scenario]
        trials = scenario.trials.only({outcome.trial for outcome in outcomes})
        parameters = {trial.id: dict(trial.parameters) for trial in trials}
        return {
            outcome.trial: outcome for outcome in outcomes if parameters.get(outcome.trial) == dict(outcome.parameters)
        }


@contextmanager
def open_run_directory(
    out: Path | None, *, runs: Path, resume: bool, scenarios: Sequence["Scenario"], now: datetime
) -> Iterator[RunDirectory]:
    """The directory of a new or resumed run, which no other process can use while the block lasts.

    A new run that ends without an outcome leaves no directory.

    Args:
        out: the directory; default a new one below ``runs``, named for the time and the scenarios.
        runs: the setting ``runs_dir``.
        resume: whether to continue the run in ``out``.
        scenarios: the scenarios of the run.
        now: the current time.

    Raises:
        UserError: ``out`` holds a run already and ``resume`` is false, another process uses the directory, or it cannot
            be written.
    """
    with ExitStack() as stack:
        new_directories: list[Path] = []
        try:
            name = "-".join(scenario.scenario for scenario in scenarios)[:80]
            path = out or _new_directory(runs, f"{now:%Y%m%d-%H%M%S}-{name}", new_directories)
            make_directory(path, new_directories)
            run_file = stack.enter_context(lock_directory(path))
            stack.enter_context(_remove_if_empty(path, run_file, new_directories))
            directory = _begin_or_resume(path, run_file, resume=resume, scenarios=scenarios, now=now)
        except OSError as error:
            raise UserError(f"the run directory {out or runs} cannot be written: {error.strerror}") from error
        yield directory


def make_directory(path: Path, new_directories: list[Path] | None = None) -> None:
    """Create a directory and its parents, which only the user can access.

    Args:
        path: the directory, which may exist.
        new_directories: gets the created directories.

    Raises:
        OSError: a directory cannot be created.
    """
    for directory in (*reversed(path.parents), path):
        if not directory.is_dir():
            directory.mkdir(mode=_PRIVATE, exist_ok=True)
            if new_directories is not None:
                new_directories.append(directory)


def _begin_or_resume(
    path: Path, run_file: int, *, resume: bool, scenarios: Sequence["Scenario"], now: datetime
) -> RunDirectory:
    is_shared = len(scenarios) > 1
    content = os.pread(run_file, os.fstat(run_file).st_size, 0)
    if content:
        facts = _facts(path / RUN_FILE, content)
        if not resume:
            raise UserError(
                f"{path} holds the run of {facts['started']}; continue it with --resume, or name another directory"
            )
        outcomes = OutcomeFile(path / OUTCOMES).read()
        used_names = frozenset(outcome.directory for outcome in outcomes)
        return RunDirectory(path, facts["run"], is_shared, is_resumed=True, used_names=used_names)
    facts = {"run": new_run(), "started": now.isoformat(timespec="seconds")}
    document = {
        **facts,
        "scenarios": [str(scenario.path) for scenario in scenarios],
        "plans": [_plan(scenario) for scenario in scenarios],
    }
    os.pwrite(run_file, f"{json.dumps(document, indent=2)}\n".encode(errors="backslashreplace"), 0)
    return RunDirectory(path, facts["run"], is_shared)


def _plan(scenario: "Scenario") -> dict[str, Any]:
    """The description of a scenario that results and reports use, since the scenario's file may change later."""
    trials = list(scenario.trials.sample())
    return {
        "scenario": scenario.scenario,
        "description": scenario.description,
        "path": str(scenario.path.absolute()),
        "location": scenario.location,
        "vm_size": _common_value(trial.cluster.vm_size for trial in trials),
        "nodes": _common_value(trial.cluster.most_nodes for trial in trials),
        "job_nodes": _common_value(trial.job.nodes for trial in trials),
        "metrics": list(scenario.metrics),
        "goals": _goals(scenario.sweep.goal),
        "better": {name: bound.direction for name, bound in scenario.expect.metrics.items() if bound.direction},
    }


def _common_value(values: Iterable[T]) -> T | None:
    """The value that all trials have in common; None if they differ."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None


def _goals(goal: "GoalSpec | None") -> list[list[str]]:
    """Direction and name of each metric in a scenario's goal, the most important first."""
    if goal is None:
        return []
    return [[goal.direction(name), name] for name in goal.names]


@contextmanager
def lock_directory(path: Path) -> Iterator[int]:
    """Lock the directory's ``run.json``, which marks the directory as in use; returns the file's descriptor.

    Raises:
        UserError: another process uses the directory.
    """
    try:
        with lock_file(path / RUN_FILE) as descriptor:
            yield descriptor
    except FileLockedError as error:
        holder = f"process {error.holder}" if error.holder else "another process"
        raise UserError(f"the run directory {path} is in use by {holder}; wait for its end, or name another") from None


@contextmanager
def _remove_if_empty(path: Path, run_file: int, new_directories: Sequence[Path]) -> Iterator[None]:
    """At the end, remove a new directory without outcomes and files of trials, and the parents created for it."""
    is_new = os.fstat(run_file).st_size == 0
    try:
        yield
    finally:
        with suppress(OSError):
            if is_new and {entry.name for entry in path.iterdir()} <= {RUN_FILE, _STUDY}:
                (path / _STUDY).unlink(missing_ok=True)
                (path / RUN_FILE).unlink()
                for directory in reversed(new_directories):
                    directory.rmdir()


def _new_directory(parent: Path, name: str, new_directories: list[Path]) -> Path:
    """Create a directory for this run only, even if several runs begin in the same second."""
    make_directory(parent, new_directories)
    path, number = parent / name, 1
    while True:
        try:
            path.mkdir(mode=_PRIVATE)
        except FileExistsError:
            number += 1
            path = parent / f"{name}-{number}"
        else:
            new_directories.append(path)
            return path


def _facts(run_file: Path, content: bytes) -> dict[str, str]:
    try:
        facts: Any = json.loads(content)
        return {name: str(facts[name]) for name in ("run", "started")}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UserError(f"{run_file} is no description of a run; name another directory with --out") from None
