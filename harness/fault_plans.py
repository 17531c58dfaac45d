"""Fault plans: how often faults strike, in the form that clients send and the emulator stores."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from harness.errors import UserError
from harness.fault_vocabulary import (
    FAULTS,
    MAX_SECONDS,
    MAX_SEED,
    MIN_SEED,
    MIN_TIMES,
    SECONDS,
    Fault,
    known_faults,
    listed,
    no_duration,
    shown,
    unknown_fault,
)

ADDRESS = "/providers/Harness.Emulator/faults"  # of the plans, at Resource Manager's host


class Scope(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where a plan applies: in a resource group, on shares or containers, or both; everywhere if neither is given.

    Attributes:
        group: the name of the resource group; empty for all.
        share: the name of a share or container, or several names; empty for all.
    """

    group: str = ""
    share: str | tuple[str, ...] = ""

    @property
    def shares(self) -> tuple[str, ...]:
        """The names of all shares and containers."""
        return self.share if isinstance(self.share, tuple) else (self.share,) if self.share else ()


Rate = Annotated[float, Meta(ge=0, le=1)]
Times = Annotated[int, Meta(ge=MIN_TIMES)]
Seconds = Annotated[float, Meta(ge=0, le=MAX_SECONDS)]
Seed = Annotated[int, Meta(ge=MIN_SEED, le=MAX_SEED)]


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """How often a fault strikes: at ``rate`` (0 to 1), at most ``times``, for ``seconds`` if it has a duration."""

    rate: Rate
    times: Times | None = None
    seconds: Seconds | None = None


class FaultPlan(msgspec.Struct, frozen=True):
    """A named set of faults; the same seed and the same requests give the same faults."""

    name: str
    seed: int
    faults: dict[Fault, Rule]
    scope: Scope = Scope()

    def wire(self) -> dict[str, Any]:
        """Return the JSON form, as plain data."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        return document if self.scope != Scope() else {key: document[key] for key in ("name", "seed", "faults")}


_NUMBERS: Mapping[str, tuple[Any, str]] = {  # type and description of each number of a rule
    "rate": (Rate, "a number from 0 to 1"),
    "times": (Times, "a whole number from 1"),
    "seconds": (Seconds, f"a number from 0 to {MAX_SECONDS}"),
}


def parse_plan(name: str, document: Mapping[str, Any]) -> FaultPlan:
    """Parse the JSON or YAML form of a plan.

    Raises:
        UserError: the document is not a plan; the message lists every mistake.
    """
    problems = [
        f"a fault plan has seed, faults and scope, not {shown(key)}"
        for key in document
        if key not in ("name", "seed", "faults", "scope", "struck")
    ]
    seed, faults = document.get("seed", 0), document.get("faults")
    if not _is_a(seed, Seed):
        problems.append(f"the seed must be a whole number below 2^63, not {shown(seed)}")
    rules: dict[Fault, Rule] = {}
    if not isinstance(faults, Mapping) or not faults:
        problems.append(f"a fault plan needs a fault, such as {{'throttle': 0.3}}; the faults are {known_faults()}")
    else:
        for fault in FAULTS:
            if fault in faults:
                rules[fault] = _parse_rule(fault, faults[fault], problems)
        problems += [unknown_fault(word) for word in faults if word not in FAULTS]
    scope = {} if document.get("scope") is None else document["scope"]
    if not _is_a(scope, Scope):
        problems.append("the scope names a group, a share, or both, such as {'group': 'mygroup'}")
    if problems:
        raise UserError("; ".join(problems))
    return FaultPlan(name, seed, rules, msgspec.convert(scope, Scope))


def make_plan(
    name: str, faults: Mapping[str, Any], *, seed: int = 0, group: str = "", share: str | Sequence[str] = ""
) -> FaultPlan:
    """Make a plan of its parts.

    Args:
        name: the name of the plan; it replaces a plan of the same name.
        faults: for each fault a rate, or a mapping of ``rate``, ``times`` and ``seconds``.
        seed: the same seed and the same requests give the same faults.
        group: the resource group whose requests, nodes and jobs the faults strike; empty for all.
        share: the file share or blob container that the faults strike, or several; empty for all.

    Raises:
        UserError: the parts are not a plan; the message lists every mistake.
    """
    scope = {name: value for name, value in (("group", group), ("share", share)) if value}
    return parse_plan(name, {"seed": seed, "faults": faults, "scope": scope})


def parse_rates(texts: Sequence[str], *, times: int | None = None, seconds: float | None = None) -> dict[str, Any]:
    """Parse faults such as ``throttle=0.3``; returns their JSON form.

    Args:
        texts: each a fault and its rate.
        times: how many times each fault strikes at most.
        seconds: how long a fault lasts, for faults that have a duration.

    Raises:
        UserError: a text is not a fault with a rate, or seconds are given and no fault has a duration.
    """
    lasting = [text for text in texts if text.partition("=")[0] in SECONDS]
    if seconds is not None and not lasting:
        raise UserError(f"seconds are for {listed(SECONDS)}; {listed(texts)} has no duration")
    faults: dict[str, Any] = {}
    for text in texts:
        fault, _, rate = text.partition("=")
        try:
            rule: dict[str, Any] = {"rate": float(rate)}
        except ValueError:
            raise UserError(
                f"{shown(text)} is not a fault with its rate, such as throttle=0.3; the faults are {known_faults()}"
            ) from None
        if times is not None:
            rule["times"] = times
        if seconds is not None and text in lasting:
            rule["seconds"] = seconds
        faults[fault] = rule
    return faults


def _parse_rule(fault: Fault, value: object, problems: list[str]) -> Rule:
    document: Mapping[Any, Any] = value if isinstance(value, Mapping) else {"rate": value}
    rule = {"rate": None} | {key: number for key, number in document.items() if number is not None}
    wrong = [f"a fault has rate, times and seconds, not {shown(key)}" for key in rule if key not in _NUMBERS]
    for name, (kind, allowed) in _NUMBERS.items():
        if name in rule and not _is_a(rule[name], kind):
            wrong.append(f"the {name} of {fault} must be {allowed}, not {shown(rule[name])}")
    if "seconds" in rule and fault not in SECONDS:
        wrong.append(no_duration(fault))
    problems += wrong
    return Rule(0) if wrong else msgspec.convert(rule, Rule)


def _is_a(value: object, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True
