"""Expectations of a scenario on its sweep as a whole; pure, except that a baseline is read."""

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
        name: as it is called in pytest: ``best=loss``.
        place: of the scenario, such as ``("sweep", "expect", "best", "loss")``.
        expected: in words.
        observe: describes the result; empty if it is as expected.
    """

    name: str
    place: tuple[str | int, ...]
    expected: str
    observe: Callable[[Sequence[Outcome]], str]


def sweep_checks(scenario: Scenario) -> list[SweepCheck]:
    """The expectations on the sweep, in the order of the format."""
    return list(_checks(scenario))


def check_one(scenario: Scenario, name: str, outcomes: Sequence[Outcome]) -> Unmet | None:
    """The expectation of a name, where it was not met.

    Raises:
        UserError: the baseline cannot be read.
    """
    check = next(check for check in sweep_checks(scenario) if check.name == name)
    text = check.observe(outcomes)
    return _unmet(scenario, check, text) if text else None


def _checks(scenario: Scenario) -> Iterator[SweepCheck]:
    expect, place = scenario.sweep.expect, ("sweep", "expect")
    for name, bound in expect.best.items():
        words = f"at most {bound.max:g}" if bound.max is not None else f"at least {bound.min:g}"
        yield SweepCheck(
            f"best={name}", (*place, "best", name), f"a best {name} of {words}", partial(_best, name, bound)
        )
    if expect.failures is not None:
        most = expect.failures
        words = f"at most {most} trial(s) that are not as expected"
        yield SweepCheck(f"failures={most}", (*place, "failures"), words, partial(_failures, most))
    for index, spec in enumerate(expect.monotone):
        words = f"{spec.metric} {spec.direction} with {spec.parameter}"
        name = f"monotone={spec.metric},by={spec.parameter}"
        yield SweepCheck(name, (*place, "monotone", index), words, partial(_monotone, spec))
    if expect.baseline is not None:
        path = scenario.path.parent / expect.baseline.file
        for name, most_worse in expect.baseline.worse.items():
            words = f"at most {most_worse:g} worse than {expect.baseline.file}"
            observe = partial(_baseline, path, name, direction_of(scenario, name) or "minimize", most_worse)
            yield SweepCheck(f"baseline={name}", (*place, "baseline", "worse", name), words, observe)


def _best(name: str, bound: Bound, outcomes: Sequence[Outcome]) -> str:
    reached = [(value, one.trial) for one in outcomes if (value := one.final_value(name)) is not None]
    if not reached:
        return f"no trial that succeeded has a value of {name}"
    value, trial = min(reached) if bound.max is not None else max(reached)
    is_met = value <= bound.max if bound.max is not None else bound.min is not None and value >= bound.min
    return "" if is_met else f"{value:.6g}, of trial {trial}"


def _failures(most: int, outcomes: Sequence[Outcome]) -> str:
    failed = [outcome.trial for outcome in outcomes if not outcome.is_met]
    return "" if len(failed) <= most else f"{len(failed)}: {_named(failed)}"


def _monotone(spec: MonotoneSpec, outcomes: Sequence[Outcome]) -> str:
    """Trials that differ in the parameter alone are compared, each with the one before."""
    lines: dict[object, list[tuple[Any, float, str]]] = {}
    for outcome in outcomes:
        value, at = outcome.final_value(spec.metric), outcome.parameters.get(spec.parameter)
        if value is None or isinstance(at, bool | str | None):
            continue
        others = tuple((name, repr(each)) for name, each in outcome.parameters.items() if name != spec.parameter)
        lines.setdefault(others, []).append((at, value, outcome.trial))
    pairs = [pair for line in lines.values() for pair in zip(sorted(line), sorted(line)[1:], strict=False)]
    if not pairs:
        return f"no two trials that succeeded differ in {spec.parameter} alone and have {spec.metric}"
    sign = 1 if spec.direction == "decreasing" else -1
    wrong = [
        f"{before:.6g} to {value:.6g} from {spec.parameter}={low} to {high} ({trial})"
        for (low, before, _), (high, value, trial) in pairs
        if sign * (value - before) > spec.tolerance and low != high
    ]
    return _named(wrong)


def _baseline(path: Path, name: str, direction: Direction, most: float, outcomes: Sequence[Outcome]) -> str:
    baseline: Baseline = read_baseline(path)
    changes = list(worsening(baseline, outcomes, name, direction))
    if not changes:
        return f"the baseline has no value of {name} for any of these trials"
    wrong = [f"{change.words} ({change.trial})" for change in changes if not change.amount <= most]
    return _named(wrong)


def _named(texts: Sequence[str]) -> str:
    more = f"; and {len(texts) - _MOST_NAMED} more" if len(texts) > _MOST_NAMED else ""
    return "; ".join(texts[:_MOST_NAMED]) + more


def _unmet(scenario: Scenario, check: SweepCheck, observed: str) -> Unmet:
    return Unmet(".".join(map(str, check.place)), scenario.line(*check.place), observed, check.expected)


def describe_unmet(scenario: Scenario, unmet: Unmet) -> str:
    """The message about an expectation on a sweep."""
    where = f"{scenario.path}:{unmet.line}: {unmet.place}"
    return f"{where}\n    observed: {unmet.observed}\n    expected: {unmet.expected}"
