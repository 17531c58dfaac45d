"""Reads the contents of a run directory for display; this changes nothing, and the run may still be in progress."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.experiments.outcomes import Outcome, OutcomeFile
from harness.experiments.run_directory import OUTCOMES, RUN_FILE
from harness.experiments.running_trials import LiveTrial, read_running
from harness.results.goal import Goal
from harness.scenario.consistency import STDOUTERR
from harness.scenario.direction import DIRECTIONS, Direction

_MOST_BYTES = 16 << 20  # bytes of run.json


@dataclass(frozen=True, slots=True)
class Plan:
    """The description of a scenario at the beginning of the run.

    Attributes:
        path: the scenario file; empty in runs of earlier versions.
        vm_size: the VM size of the nodes; empty if it is swept.
        nodes: the maximum number of nodes; None if it is swept, and in runs of earlier versions.
        job_nodes: the number of nodes of one job; None if it is swept.
        goals: the goals in the scenario's ``goal``.
        better: the directions of metrics that have a bound.
    """

    scenario: str
    description: str = ""
    path: str = ""
    location: str = ""
    vm_size: str = ""
    nodes: int | None = None
    job_nodes: int | None = 1
    metrics: tuple[str, ...] = ()
    goals: tuple[Goal, ...] = ()
    better: Mapping[str, Direction] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run.

    Attributes:
        run: the identity of the run, which does not change when it is resumed; the name of the directory if the run
            has no valid identity.
        started: when the run began, in ISO 8601; empty if it is unknown.
        plans: the plan of each scenario, by its name.
        outcomes: the latest outcome of each trial, in the order in which they ended.
        running: the trials that are running now.
    """

    path: Path
    run: str
    started: str
    plans: Mapping[str, Plan]
    outcomes: tuple[Outcome, ...]
    running: tuple[LiveTrial, ...] = ()

    @property
    def name(self) -> str:
        """The name of the directory."""
        return self.path.absolute().name

    @property
    def goals(self) -> list[Goal]:
        """The goals of all scenarios."""
        return list(dict.fromkeys(goal for plan in self.plans.values() for goal in plan.goals))

    @property
    def metrics(self) -> list[str]:
        """Names of all metrics, in the order of the scenarios."""
        planned_names = (name for plan in self.plans.values() for name in plan.metrics)
        outcome_names = (name for outcome in self.outcomes for name in outcome.metrics)
        return list(dict.fromkeys((*planned_names, *outcome_names)))


def read_run(path: Path) -> RunRecord:
    """A run, by its directory or its ``outcomes.jsonl``.

    Raises:
        UserError: there is no run; the message names a run nearby.
    """
    directory = path.parent if path.name == OUTCOMES and path.is_file() else path
    run_file = _read_run_file(directory)
    if run_file is None and not (directory / OUTCOMES).is_file():
        raise UserError(_no_run(directory))
    outcomes = {(outcome.scenario, outcome.trial): outcome for outcome in OutcomeFile(directory / OUTCOMES).read()}
    facts = run_file or {}
    plans = {plan.scenario: plan for plan in _plans(facts.get("plans"))}
    for scenario, _ in outcomes:
        plans.setdefault(scenario, Plan(scenario))
    started, run = facts.get("started"), facts.get("run")
    identity = run if isinstance(run, str) and run.replace("-", "").isalnum() else directory.absolute().name
    return RunRecord(
        directory,
        identity,
        started if isinstance(started, str) else "",
        plans,
        tuple(outcomes.values()),
        tuple(read_running(directory, RUN_FILE)),
    )


def log_files(root: Path, outcome: Outcome) -> dict[str, Path]:
    """The existing logs of a trial, by name, without files outside of the run directory.

    Args:
        root: the run directory.
        outcome: the outcome of the trial.
    """
    return _files_inside(root, {name: root / outcome.directory / name for name in outcome.files.get(STDOUTERR, ())})


def trial_files(root: Path, outcome: Outcome) -> dict[str, Path]:
    """The existing logs of a trial, and the files of its output directories by ``OUTPUT/NAME``; see ``log_files``."""
    outputs = (f"{output}/{name}" for output, names in outcome.files.items() if output != STDOUTERR for name in names)
    return log_files(root, outcome) | _files_inside(root, {name: root / outcome.directory / name for name in outputs})


def _files_inside(root: Path, paths: Mapping[str, Path]) -> dict[str, Path]:
    return {name: path for name, path in paths.items() if _is_inside(root.resolve(), path)}


def _is_inside(root: Path, path: Path) -> bool:
    try:
        return path.is_file() and path.resolve().is_relative_to(root)
    except OSError:  # a name that no file can have
        return False


def newest_run(runs: Path) -> Path | None:
    """The newest run below a directory, by the time in its name; None if there is none."""
    directories = [run_file.parent for run_file in runs.glob(f"*/{RUN_FILE}")]
    return max(directories, key=lambda path: path.name, default=None)


def _read_run_file(directory: Path) -> dict[str, Any] | None:
    """The content of ``run.json``; None if it does not exist or is no JSON object."""
    try:
        with (directory / RUN_FILE).open("rb") as stream:
            facts: Any = json.loads(stream.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return facts if isinstance(facts, dict) else None


def _plans(plans: Any) -> Iterator[Plan]:
    for plan in plans if isinstance(plans, list) else []:
        try:
            yield Plan(
                scenario=str(plan["scenario"]),
                description=str(plan.get("description", "")),
                path=str(plan.get("path", "")),
                location=str(plan.get("location", "")),
                vm_size=str(plan.get("vm_size") or ""),
                nodes=_count(plan.get("nodes")),
                job_nodes=_count(plan.get("job_nodes", 1)),
                metrics=tuple(map(str, plan.get("metrics", ()))),
                goals=tuple(Goal(way, str(name)) for way, name in plan.get("goals", ()) if way in DIRECTIONS),
                better={name: way for name, way in dict(plan.get("better", {})).items() if way in DIRECTIONS},
            )
        except (TypeError, KeyError, ValueError, AttributeError):
            continue


def _count(value: Any) -> int | None:
    return None if value is None else int(value)


def _no_run(directory: Path) -> str:
    if not directory.exists():
        parent, problem = directory.parent, f"there is no directory {directory}"
    elif not directory.is_dir():
        return f"{directory} is no run directory, but a file; name the directory that 'harness run' printed"
    else:
        parent, problem = directory, f"{directory} is no run directory: it has neither {RUN_FILE} nor {OUTCOMES}"
    return f"{problem}; {_nearby_run_hint(sorted(run_file.parent for run_file in parent.glob(f'*/{RUN_FILE}')))}"


def _nearby_run_hint(runs: Sequence[Path]) -> str:
    if not runs:
        return "name the directory that 'harness run' printed"
    more = f" (and {len(runs) - 1} more)" if len(runs) > 1 else ""
    return f"the newest run there is {runs[-1]}{more}"
