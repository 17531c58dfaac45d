"""Checks of a scenario's expectations on its whole sweep. Pure, except for reading the baseline."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.experiments.baseline import Baseline, read_baseline, worsening
from harness.experiments.outcomes import Outcome, Unmet
from harness.scenario.bound import Bound
from harness.scenario.consistency import direction_of
from harness.scenario.direction import Direction
from harness.scenario.model import Scenario
from harness.scenario.sweep_expect import MonotoneSpec

_MOST_NAMED = 3  # trials in a message


@dataclass(frozen=True, slots=True)
class SweepCheck:
    """One expectation on a sweep.

    Attributes:
        name: the name of its test in pytest, such as ``best=loss``.
        field_path: its field in the scenario, such as ``("sweep", "expect", "best", "loss")``.
        expected: a description of the expected result.
        observe: describes the observed result; returns an empty text if the expectation is met.
    """

    name: str
    field_path: tuple[str | int, ...]
    expected: str
    observe: Callable[[Sequence[Outcome]], str]


def sweep_checks(scenario: Scenario) -> list[SweepCheck]:
    """The expectations on the sweep, in the order of the scenario format."""
    return list(_checks(scenario))


def check_expectation(scenario: Scenario, name: str, outcomes: Sequence[Outcome]) -> Unmet | None:
    """The expectation of this name if it is not met; None if it is.

    Raises:
        UserError: the baseline cannot be read.
    """
    check = next(check for check in sweep_checks(scenario) if check.name == name)
    text = check.observe(outcomes)
    return _unmet(scenario, check, text) if text else None


def _checks(scenario: Scenario) -> Iterator[SweepCheck]:
    expect, field_path = scenario.sweep.expect, ("sweep", "expect")
    for name, bound in expect.best.items():
        limit = f"at most {bound.max:g}" if bound.max is not None else f"at least {bound.min:g}"
        expected = f"a best {name} of {limit}"
        yield SweepCheck(f"best={name}", (*field_path, "best", name), expected, partial(_best, name, bound))
    if expect.failures is not None:
        most = expect.failures
        expected = f"at most {most} trial(s) that are not as expected"
        yield SweepCheck(f"failures={most}", (*field_path, "failures"), expected, partial(_failures, most))
    for index, spec in enumerate(expect.monotone):
        expected = f"{spec.metric} {spec.direction} with {spec.parameter}"
        name = f"monotone={spec.metric},by={spec.parameter}"
        yield SweepCheck(name, (*field_path, "monotone", index), expected, partial(_monotone, spec))
    if expect.baseline is not None:
        path = scenario.path.parent / expect.baseline.file
        for name, most_worse in expect.baseline.worse.items():
            expected = f"at most {most_worse:g} worse than {expect.baseline.file}"
            observe = partial(_baseline, path, name, direction_of(scenario, name) or "minimize", most_worse)
            yield SweepCheck(f"baseline={name}", (*field_path, "baseline", "worse", name), expected, observe)


def _best(name: str, bound: Bound, outcomes: Sequence[Outcome]) -> str:
    values = [(value, outcome.trial) for outcome in outcomes if (value := outcome.final_value(name)) is not None]
    if not values:
        return f"no trial that succeeded has a value of {name}"
    value, trial = min(values) if bound.max is not None else max(values)
    is_met = value <= bound.max if bound.max is not None else bound.min is not None and value >= bound.min
    return "" if is_met else f"{value:.6g}, of trial {trial}"


def _failures(most: int, outcomes: Sequence[Outcome]) -> str:
    failures = [outcome.trial for outcome in outcomes if not outcome.is_met]
    return "" if len(failures) <= most else f"{len(failures)}: {_join(failures)}"


def _monotone(spec: MonotoneSpec, outcomes: Sequence[Outcome]) -> str:
    """Compare trials that differ in one parameter only, each with the one of the next lower value."""
    lines: dict[object, list[tuple[Any, float, str]]] = {}
    for outcome in outcomes:
        value, position = outcome.final_value(spec.metric), outcome.parameters.get(spec.parameter)
        if value is None or isinstance(position, bool | str | None):
            continue
        others = tuple((name, repr(setting)) for name, setting in outcome.parameters.items() if name != spec.parameter)
        lines.setdefault(others, []).append((position, value, outcome.trial))
    pairs = [pair for line in lines.values() for pair in zip(sorted(line), sorted(line)[1:], strict=False)]
    if not pairs:
        return f"no two trials that succeeded differ in {spec.parameter} alone and have {spec.metric}"
    sign = 1 if spec.direction == "decreasing" else -1
    wrong = [
        f"{before:.6g} to {value:.6g} from {spec.parameter}={low} to {high} ({trial})"
        for (low, before, _), (high, value, trial) in pairs
        if sign * (value - before) > spec.tolerance and low != high
    ]
    return _join(wrong)


def _baseline(path: Path, name: str, direction: Direction, most: float, outcomes: Sequence[Outcome]) -> str:
    baseline: Baseline = read_baseline(path)
    changes = list(worsening(baseline, outcomes, name, direction))
    if not changes:
        return f"the baseline has no value of {name} for any of these trials"
    wrong = [f"{change.description} ({change.trial})" for change in changes if not change.amount <= most]
    return _join(wrong)


def _join(texts: Sequence[str]) -> str:
    more = f"; and {len(texts) - _MOST_NAMED} more" if len(texts) > _MOST_NAMED else ""
    return "; ".join(texts[:_MOST_NAMED]) + more


def _unmet(scenario: Scenario, check: SweepCheck, observed: str) -> Unmet:
    return Unmet(".".join(map(str, check.field_path)), scenario.line(*check.field_path), observed, check.expected)


def describe_unmet(scenario: Scenario, unmet: Unmet) -> str:
    """The message about an expectation on a sweep."""
    location = f"{scenario.path}:{unmet.line}: {unmet.place}"
    return f"{location}\n    observed: {unmet.observed}\n    expected: {unmet.expected}"
