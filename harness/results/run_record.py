"""What a run directory holds, read for people to look at: nothing in it is changed, and the run may still be going."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.experiments.outcomes import Outcome, OutcomeFile
from harness.experiments.run_directory import ABOUT, OUTCOMES
from harness.experiments.running_trials import LiveTrial, read_running
from harness.results.goal import Goal
from harness.scenario.consistency import STDOUTERR
from harness.scenario.direction import DIRECTIONS, Direction

_MOST_ABOUT = 16 << 20  # bytes of run.json


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run was to do with one scenario, as it was when the run began.

    Attributes:
        path: of the scenario file; empty in runs of earlier versions.
        vm_size: of the nodes; empty where it is swept.
        nodes: the most that the cluster has at once; None where that is swept, and in runs of earlier versions.
        job_nodes: how many of them one job takes; None where that is swept.
        goals: what is better by the scenario's ``goal``.
        better: what is better of metrics that have a bound.
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
        run: its identity, which does not change when it is resumed; the directory's name in what is no run of ours.
        started: when it began, in ISO 8601; empty where nothing says so.
        plans: by the scenario's name.
        outcomes: the latest of each trial, in the order in which they ended.
        running: the trials that run now.
    """

    path: Path
    run: str
    started: str
    plans: Mapping[str, Plan]
    outcomes: tuple[Outcome, ...]
    running: tuple[LiveTrial, ...] = ()

    @property
    def name(self) -> str:
        """The directory's own name."""
        return self.path.absolute().name

    @property
    def goals(self) -> list[Goal]:
        """What is better, by the goals of the scenarios."""
        return list(dict.fromkeys(goal for plan in self.plans.values() for goal in plan.goals))

    @property
    def metrics(self) -> list[str]:
        """Names of all metrics, in the order of the scenarios."""
        named = (name for plan in self.plans.values() for name in plan.metrics)
        found = (name for outcome in self.outcomes for name in outcome.metrics)
        return list(dict.fromkeys((*named, *found)))


def read_run(path: Path) -> RunRecord:
    """A run, by its directory or its ``outcomes.jsonl``.

    Raises:
        UserError: there is no run; the message names those that are near.
    """
    directory = path.parent if path.name == OUTCOMES and path.is_file() else path
    about = _about(directory)
    if about is None and not (directory / OUTCOMES).is_file():
        raise UserError(_no_run(directory))
    outcomes = {(one.scenario, one.trial): one for one in OutcomeFile(directory / OUTCOMES).read()}
    facts = about or {}
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
        tuple(read_running(directory, ABOUT)),
    )


def log_files(root: Path, outcome: Outcome) -> dict[str, Path]:
    """The logs of a trial that are there, by name; none outside of the run directory, whatever an outcome says.

    Args:
        root: the run directory.
        outcome: of the trial.
    """
    return _inside(root, {name: root / outcome.directory / name for name in outcome.files.get(STDOUTERR, ())})


def trial_files(root: Path, outcome: Outcome) -> dict[str, Path]:
    """The logs of a trial, and the files of its output directories by ``OUTPUT/NAME``, which are there; likewise."""
    outputs = (f"{place}/{name}" for place, names in outcome.files.items() if place != STDOUTERR for name in names)
    return log_files(root, outcome) | _inside(root, {name: root / outcome.directory / name for name in outputs})


def _inside(root: Path, named: Mapping[str, Path]) -> dict[str, Path]:
    return {name: path for name, path in named.items() if _is_inside(root.resolve(), path)}


def _is_inside(root: Path, path: Path) -> bool:
    try:
        return path.is_file() and path.resolve().is_relative_to(root)
    except OSError:  # a name that no file can have
        return False


def newest_run(runs: Path) -> Path | None:
    """The run below a directory that began last, by the time in its name; None where there is none."""
    found = [about.parent for about in runs.glob(f"*/{ABOUT}")]
    return max(found, key=lambda path: path.name, default=None)


def _about(directory: Path) -> dict[str, Any] | None:
    """``run.json``; None where it is absent or is not one."""
    try:
        with (directory / ABOUT).open("rb") as stream:
            facts: Any = json.loads(stream.read(_MOST_ABOUT))
    except (OSError, ValueError, RecursionError):
        return None
    return facts if isinstance(facts, dict) else None


def _plans(found: Any) -> Iterator[Plan]:
    for one in found if isinstance(found, list) else []:
        try:
            yield Plan(
                scenario=str(one["scenario"]),
                description=str(one.get("description", "")),
                path=str(one.get("path", "")),
                location=str(one.get("location", "")),
                vm_size=str(one.get("vm_size") or ""),
                nodes=_count(one.get("nodes")),
                job_nodes=_count(one.get("job_nodes", 1)),
                metrics=tuple(map(str, one.get("metrics", ()))),
                goals=tuple(Goal(way, str(name)) for way, name in one.get("goals", ()) if way in DIRECTIONS),
                better={name: way for name, way in dict(one.get("better", {})).items() if way in DIRECTIONS},
            )
        except (TypeError, KeyError, ValueError, AttributeError):
            continue


def _count(found: Any) -> int | None:
    return None if found is None else int(found)


def _no_run(directory: Path) -> str:
    if not directory.exists():
        where, what = directory.parent, f"there is no directory {directory}"
    elif not directory.is_dir():
        return f"{directory} is no run directory, but a file; name the directory that 'harness run' printed"
    else:
        where, what = directory, f"{directory} is no run directory: it has neither {ABOUT} nor {OUTCOMES}"
    return f"{what}; {_near(sorted(about.parent for about in where.glob(f'*/{ABOUT}')))}"


def _near(runs: Sequence[Path]) -> str:
    if not runs:
        return "name the directory that 'harness run' printed"
    more = f" (and {len(runs) - 1} more)" if len(runs) > 1 else ""
    return f"the newest run there is {runs[-1]}{more}"
