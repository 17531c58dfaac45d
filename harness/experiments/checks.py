"""Checks of a scenario's expectations on an outcome, one function for each field of ``expect``."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.experiments.outcomes import Unmet
from harness.scenario.bound import Bound
from harness.scenario.consistency import STDOUTERR
from harness.scenario.model import ExpectSpec, Scenario


@dataclass(frozen=True, slots=True)
class Observed:
    """The results of a job, before they are compared with expectations; fields are as in ``Outcome``.

    Attributes:
        missing: why a metric has no value, by its name.
    """

    state: str
    exit_code: int | None
    metrics: Mapping[str, float]
    missing: Mapping[str, str]
    files: Mapping[str, list[str]]
    errors: tuple[str, ...]


Check = Callable[[ExpectSpec, Observed, Scenario], Iterator[Unmet]]


def check(expect: ExpectSpec, observed: Observed, scenario: Scenario) -> tuple[Unmet, ...]:
    """Every unmet expectation, in the order of the scenario format."""
    return tuple(unmet for rule in CHECKS for unmet in rule(expect, observed, scenario))


def check_state(expect: ExpectSpec, observed: Observed, scenario: Scenario) -> Iterator[Unmet]:
    """Check ``expect.state``."""
    if observed.state != expect.state:
        reason = f" ({'; '.join(observed.errors)})" if observed.errors else ""
        yield _unmet(scenario, ("expect", "state"), f"{observed.state}{reason}", expect.state)


def check_exit_code(expect: ExpectSpec, observed: Observed, scenario: Scenario) -> Iterator[Unmet]:
    """Check ``expect.exit_code``; the service reports no exit code of a terminated job."""
    if expect.exit_code is not None and observed.exit_code != expect.exit_code:
        result = "none was reported" if observed.exit_code is None else str(observed.exit_code)
        yield _unmet(scenario, ("expect", "exit_code"), result, str(expect.exit_code))


def check_metrics(expect: ExpectSpec, observed: Observed, scenario: Scenario) -> Iterator[Unmet]:
    """Check ``expect.metrics``: each metric that has a bound has a value, and the value is within the bound."""
    for name, bound in expect.metrics.items():
        field_path = ("expect", "metrics", name)
        value = observed.metrics.get(name)
        if value is None:
            yield _unmet(scenario, field_path, observed.missing.get(name, "it has no value"), _range(bound))
        elif not _lies_within(value, bound):
            yield _unmet(scenario, field_path, f"{value:.6g}", _range(bound))


def check_files(expect: ExpectSpec, observed: Observed, scenario: Scenario) -> Iterator[Unmet]:
    """Check ``expect.files``: each pattern matches a file; ``*`` matches slashes, too."""
    for directory, patterns in expect.files.items():
        names = observed.files.get(directory, [])
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                listing = ", ".join(names[:10]) or "no file"
                yield _unmet(scenario, ("expect", "files", directory), listing, f"a file like {pattern}")


CHECKS: tuple[Check, ...] = (check_state, check_exit_code, check_metrics, check_files)


def directories_of(scenario: Scenario) -> tuple[str, ...]:
    """The output directories whose files an outcome lists, the one of the logs first."""
    return (STDOUTERR, *scenario.job.outputs)


def _unmet(scenario: Scenario, field_path: tuple[str, ...], observed: str, expected: str) -> Unmet:
    return Unmet(".".join(field_path), scenario.line(*field_path), observed, expected)


def _lies_within(value: float, bound: Bound) -> bool:
    return (bound.min is None or value >= bound.min) and (bound.max is None or value <= bound.max)


def _range(bound: Bound) -> str:
    parts = []
    if bound.min is not None:
        parts.append(f"at least {bound.min:g}")
    if bound.max is not None:
        parts.append(f"at most {bound.max:g}")
    return " and ".join(parts)
