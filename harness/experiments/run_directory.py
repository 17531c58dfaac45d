"""The directory of a run: the one place that knows the names of its files."""

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

ABOUT, OUTCOMES, _STUDY = "run.json", "outcomes.jsonl", "study.db"
_PRIVATE, _OWN_FILE = 0o700, 0o600  # logs and models of a run are private


@dataclass(frozen=True, slots=True)
class TrialDirectory:
    """Where the files of one trial go; ``name`` is relative to the run's directory."""

    root: Path
    name: str

    @property
    def path(self) -> Path:
        """The directory itself."""
        return self.root / self.name


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """A run's directory: ``outcomes.jsonl``, ``run.json`` and a directory for each trial.

    Attributes:
        run: identity of the run, the same when it is resumed.
        is_shared: several scenarios write into it, each into a directory of its own.
        is_resumed: an earlier process has begun the run.
        claimed: directories that outcomes of earlier runs name.
    """

    path: Path
    run: str
    is_shared: bool = False
    is_resumed: bool = False
    claimed: frozenset[str] = frozenset()

    @property
    def outcomes(self) -> OutcomeFile:
        """One record for each trial that has ended."""
        return OutcomeFile(self.path / OUTCOMES)

    def trial(self, scenario: "Scenario", trial: "Trial") -> TrialDirectory:
        """A directory for a trial's files that no earlier outcome has: ``TRIAL``, or ``TRIAL~2`` and so on."""
        plain = f"{scenario.scenario}/{trial.id}" if self.is_shared else trial.id
        name, number = plain, 1
        while name in self.claimed or (self.path / name).exists():
            number += 1
            name = f"{plain}~{number}"
        return TrialDirectory(self.path, name)

    def open_study(self) -> str:
        """Where a search keeps its trials, as Optuna names storage; the file is made when missing, for its owner.

        Raises:
            UserError: it cannot be made.
        """
        file = self.path.absolute() / _STUDY
        try:
            file.touch(mode=_OWN_FILE)  # SQLite would let all users read it
        except OSError as error:
            raise UserError(f"the run directory {self.path} cannot be written: {error.strerror}") from error
        return f"sqlite:///{quote(str(file))}"  # in a URL, what follows a question mark is no path

    def latest(self, scenario: "Scenario") -> dict[str, Outcome]:
        """The latest outcome of every trial that has one.

        Raises:
            UserError: the outcomes cannot be read.
        """
        return {outcome.trial: outcome for outcome in self.outcomes.read() if outcome.scenario == scenario.scenario}

    def done(self, scenario: "Scenario") -> dict[str, Outcome]:
        """The latest outcome of every trial that has one, with the parameters that the scenario has now.

        Raises:
            UserError: the outcomes cannot be read.
        """
        found = [outcome for outcome in self.outcomes.read() if outcome.scenario == scenario.scenario]
        trials = scenario.trials.only({outcome.trial for outcome in found})
        wanted = {trial.id: dict(trial.parameters) for trial in trials}
        return {outcome.trial: outcome for outcome in found if wanted.get(outcome.trial) == dict(outcome.parameters)}


@contextmanager
def open_run_directory(
    out: Path | None, *, runs: Path, resume: bool, scenarios: Sequence["Scenario"], now: datetime
) -> Iterator[RunDirectory]:
    """The directory of a run, new or resumed, which no other process uses while the block lasts.

    A new run that ends without an outcome leaves no directory.

    Args:
        out: the one that the user names; default a new one below ``runs``, called for the time and the scenario.
        runs: the setting ``runs_dir``.
        resume: continue the run in ``out``.
        scenarios: what is run.
        now: the time.

    Raises:
        UserError: ``out`` holds a run already and is not to be resumed, another process uses it, or it cannot be
            written.
    """
    with ExitStack() as stack:
        made: list[Path] = []
        try:
            name = "-".join(scenario.scenario for scenario in scenarios)[:80]
            path = out or _new_directory(runs, f"{now:%Y%m%d-%H%M%S}-{name}", made)
            make_directory(path, made)
            about = stack.enter_context(claimed(path))
            stack.enter_context(_removed_if_empty(path, about, made))
            directory = _opened(path, about, resume=resume, scenarios=scenarios, now=now)
        except OSError as error:
            raise UserError(f"the run directory {out or runs} cannot be written: {error.strerror}") from error
        yield directory


def make_directory(path: Path, made: list[Path] | None = None) -> None:
    """Make a directory and those above it, for the user alone.

    Args:
        path: of the directory, which may exist.
        made: gets those that did not exist.

    Raises:
        OSError: it cannot be made.
    """
    for directory in (*reversed(path.parents), path):
        if not directory.is_dir():
            directory.mkdir(mode=_PRIVATE, exist_ok=True)
            if made is not None:
                made.append(directory)


def _opened(path: Path, about: int, *, resume: bool, scenarios: Sequence["Scenario"], now: datetime) -> RunDirectory:
    is_shared = len(scenarios) > 1
    content = os.pread(about, os.fstat(about).st_size, 0)
    if content:
        facts = _facts(path / ABOUT, content)
        if not resume:
            raise UserError(
                f"{path} holds the run of {facts['started']}; continue it with --resume, or name another directory"
            )
        outcomes = OutcomeFile(path / OUTCOMES).read()
        claimed = frozenset(outcome.directory for outcome in outcomes)
        return RunDirectory(path, facts["run"], is_shared, is_resumed=True, claimed=claimed)
    facts = {"run": new_run(), "started": now.isoformat(timespec="seconds")}
    document = {
        **facts,
        "scenarios": [str(scenario.path) for scenario in scenarios],
        "plans": [_plan(scenario) for scenario in scenarios],
    }
    os.pwrite(about, f"{json.dumps(document, indent=2)}\n".encode(errors="backslashreplace"), 0)
    return RunDirectory(path, facts["run"], is_shared)


def _plan(scenario: "Scenario") -> dict[str, Any]:
    """The description of a scenario for results and reports, since the file may change later."""
    trials = list(scenario.trials.sample())
    return {
        "scenario": scenario.scenario,
        "description": scenario.description,
        "path": str(scenario.path.absolute()),
        "location": scenario.location,
        "vm_size": _only(trial.cluster.vm_size for trial in trials),
        "nodes": _only(trial.cluster.most_nodes for trial in trials),
        "job_nodes": _only(trial.job.nodes for trial in trials),
        "metrics": list(scenario.metrics),
        "goals": _goals(scenario.sweep.goal),
        "better": {name: bound.direction for name, bound in scenario.expect.metrics.items() if bound.direction},
    }


def _only(values: Iterable[T]) -> T | None:
    """The value that all have in common; None where it is swept."""
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _goals(goal: "GoalSpec | None") -> list[list[str]]:
    """The directions of metrics that a scenario states, the most important first."""
    if goal is None:
        return []
    return [[goal.direction(name), name] for name in goal.names]


@contextmanager
def claimed(path: Path) -> Iterator[int]:
    """A descriptor of the directory's ``run.json``, whose lock says that the directory is in use.

    Raises:
        UserError: another process uses the directory.
    """
    try:
        with lock_file(path / ABOUT) as about:
            yield about
    except FileLockedError as error:
        whose = f"process {error.holder}" if error.holder else "another process"
        raise UserError(f"the run directory {path} is in use by {whose}; wait for its end, or name another") from None


@contextmanager
def _removed_if_empty(path: Path, about: int, made: Sequence[Path]) -> Iterator[None]:
    """Remove a new directory at the end that holds no outcome or file of a trial, with others that were made for it."""
    is_new = os.fstat(about).st_size == 0
    try:
        yield
    finally:
        with suppress(OSError):
            if is_new and {entry.name for entry in path.iterdir()} <= {ABOUT, _STUDY}:
                (path / _STUDY).unlink(missing_ok=True)
                (path / ABOUT).unlink()
                for directory in reversed(made):
                    directory.rmdir()


def _new_directory(parent: Path, name: str, made: list[Path]) -> Path:
    """A directory that no other run has made, also where several begin in one second."""
    make_directory(parent, made)
    path, number = parent / name, 1
    while True:
        try:
            path.mkdir(mode=_PRIVATE)
        except FileExistsError:
            number += 1
            path = parent / f"{name}-{number}"
        else:
            made.append(path)
            return path


def _facts(about: Path, content: bytes) -> dict[str, str]:
    try:
        facts: Any = json.loads(content)
        return {name: str(facts[name]) for name in ("run", "started")}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UserError(f"{about} is no description of a run; name another directory with --out") from None
