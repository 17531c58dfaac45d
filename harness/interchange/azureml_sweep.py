"""Import of a sweep job of Azure ML as a scenario with a sweep."""

import math
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any

from harness.interchange.azureml_job import draft_of, limit_of, parts_of
from harness.interchange.draft import Draft
from harness.interchange.source import Source

_SAMPLES = 20  # for a job without a limit of trials
_MOST = 10_000
_SIGMAS = 3.0  # a range replaces a normal distribution up to this many standard deviations: 99.7 % of it
_DEFAULT_PATTERN = r"{name}\s*[=:]\s*(\S+)"


def draft_from_sweep_job(source: Source, cluster: Mapping[str, Any] | None, base: Path) -> Draft:
    """Convert a sweep job to a scenario.

    Args:
        source: the file.
        cluster: the section ``cluster``; None if no file of a compute was given.
        base: the future folder of the scenario.

    Raises:
        UserError: no scenario can run the job.
    """
    parts = parts_of(source, ("trial",), base)
    parts.read_inputs()
    space = {name: _values(source, name) for name in source.mapping("search_space")}
    parts.names |= {("search_space", name): f"{{{name}}}" for name in space}
    job = parts.job()
    unused = [name for name in space if f"{{{name}}}" not in str(job)]
    for name in unused:  # a scenario must use each swept name
        job.setdefault("environment", {})[name.upper()] = f"{{{name}}}"
        source.note("search_space", name, text=f"the command does not use it; the job has it as ${name.upper()}")
    draft = draft_of(parts, job, cluster)
    draft.sections["sweep"] = _sweep(source, space)
    draft.sections["limits"] = limit_of(source, "limits", "trial_timeout")
    metric, goal = source.text("objective", "primary_metric"), (source.text("objective", "goal") or "").lower()
    if metric:
        name = "".join(letter if letter.isalnum() else "_" for letter in metric)
        draft.sections["sweep"]["goal"] = {goal if goal in ("minimize", "maximize") else "minimize": name}
        pattern = _DEFAULT_PATTERN.format(name=_escape_pattern(metric))
        draft.sections["metrics"] = {name: {"file": "stdout.txt", "pattern": pattern}}
        source.note("objective", "primary_metric", text="is read from the log, not from MLflow: check its pattern")
    source.drop("limits", "timeout", why="a scenario limits each trial, not the sweep")
    source.drop("limits", "max_concurrent_trials", why="as many trials run as the cluster has nodes for")
    source.drop("early_termination", why="for pruners, see harness docs sweep")
    return draft


def _sweep(source: Source, space: Mapping[str, Any]) -> dict[str, Any]:
    where = ("sampling_algorithm", "type") if source.is_mapping("sampling_algorithm") else ("sampling_algorithm",)
    algorithm = (source.text(*where) or "random").lower()
    most = source.number("limits", "max_total_trials")
    if algorithm == "grid":
        if most is not None and most < _size(space):
            source.note("limits", "max_total_trials", text="is not imported: use harness run --limit")
        return {"grid": dict(space)}
    if algorithm == "bayesian":
        source.note(*where, text="Optuna's sampler TPE chooses the points (extra search)")
        return {"search": {"trials": max(1, min(most or _SAMPLES, _MOST)), "space": dict(space)}}
    if algorithm not in ("random", "sobol"):
        source.note(*where, text=f"{algorithm} is not supported; the points are drawn at random")
    rule = (source.text("sampling_algorithm", "rule") or "").lower() if len(where) > 1 else ""
    seed = source.number("sampling_algorithm", "seed") if len(where) > 1 else None
    sample: dict[str, Any] = {"samples": max(1, min(most or _SAMPLES, _size(space), _MOST))}
    if seed is not None:
        sample["seed"] = seed
    return {"sobol" if "sobol" in (rule, algorithm) else "random": {**sample, "space": dict(space)}}


def _values(source: Source, name: str) -> Any:
    """Return the values of a name, in the form of a scenario."""
    where = ("search_space", name)
    kind = (source.text(*where, "type") or "").lower()

    def number(key: str) -> float:
        value = source.scalar(*where, key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise source.refuse(*where, key, text=f"must be a number for the type {kind}")
        return value

    if kind == "choice":
        choices = [source.scalar(*item) for item in source.items(*where, "values")]
        distinct = list(dict.fromkeys(value for value in choices if value is not None))
        if not distinct:
            raise source.refuse(*where, "values", text="are missing")
        return distinct
    if kind == "randint":
        return {"low": 0, "high": max(0, int(number("upper")) - 1)}
    if kind not in _RANGES:
        raise source.refuse(*where, "type", text=f"{kind or 'nothing'} is not a known distribution")
    values = _RANGES[kind](number)
    if kind.endswith("normal"):
        source.note(*where, text=f"a range of {_SIGMAS:g} standard deviations on each side replaces {kind}")
    elif kind == "qloguniform":
        source.note(*where, "q", text="is not imported: a logarithmic range has no step")
    if kind.startswith("q"):
        source.ignore(*where, "q")
    return values


Number = Callable[[str], float]


def _uniform(number: Number) -> dict[str, Any]:
    return {"low": float(number("min_value")), "high": float(number("max_value"))}


def _loguniform(number: Number) -> dict[str, Any]:
    return {"low": _exp(number("min_value")), "high": _exp(number("max_value")), "log": True}


def _normal(number: Number) -> dict[str, Any]:
    mu, spread = number("mu"), _SIGMAS * number("sigma")
    return {"low": float(mu - spread), "high": float(mu + spread)}


def _lognormal(number: Number) -> dict[str, Any]:
    ends = _normal(number)
    return {"low": _exp(ends["low"]), "high": _exp(ends["high"]), "log": True}


def _exp(value: float) -> float:
    return float(f"{math.exp(max(-700.0, min(700.0, value))):.12g}")


_RANGES: Mapping[str, Callable[[Number], dict[str, Any]]] = {
    "uniform": _uniform,
    "quniform": lambda number: {**_uniform(number), "step": float(number("q"))},
    "loguniform": _loguniform,
    "qloguniform": _loguniform,
    "normal": _normal,
    "qnormal": lambda number: {**_normal(number), "step": float(number("q"))},
    "lognormal": _lognormal,
    "qlognormal": _lognormal,
}


def _size(space: Mapping[str, Any]) -> int:
    """Return the number of points; a range without steps counts as very many."""
    return prod(_count(values) for values in space.values())


def _count(values: Any) -> int:
    if isinstance(values, list):
        return len(values)
    step = values.get("step", 1 if isinstance(values["high"], int) else None)
    return _MOST if step is None else math.floor((values["high"] - values["low"]) / step + 1e-9) + 1


def _escape_pattern(text: str) -> str:
    """Return a regular expression that matches a text."""
    return "".join(f"\\{letter}" if letter in r".^$*+?{}[]\|()" else letter for letter in text)
