"""Plans that say how often faults strike, as clients send them and the emulator keeps them."""

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
    """Where a plan holds: in a resource group, on a share or container, or both; everywhere where neither is named.

    Attributes:
        share: its name, or the names of several.
    """

    group: str = ""
    share: str | tuple[str, ...] = ""

    @property
    def shares(self) -> tuple[str, ...]:
        """The names of all its shares and containers."""
        return self.share if isinstance(self.share, tuple) else (self.share,) if self.share else ()


Rate = Annotated[float, Meta(ge=0, le=1)]
Times = Annotated[int, Meta(ge=MIN_TIMES)]
Seconds = Annotated[float, Meta(ge=0, le=MAX_SECONDS)]
Seed = Annotated[int, Meta(ge=MIN_SEED, le=MAX_SEED)]


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """How often a fault strikes: at ``rate`` (0 to 1), ``times`` at most, for ``seconds`` where it has a duration."""

    rate: Rate
    times: Times | None = None
    seconds: Seconds | None = None


class FaultPlan(msgspec.Struct, frozen=True):
    """Faults under one name; the same seed and the same requests give the same faults."""

    name: str
    seed: int
    faults: dict[Fault, Rule]
    scope: Scope = Scope()

    def wire(self) -> dict[str, Any]:
        """The JSON form, as plain data."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        return document if self.scope != Scope() else {key: document[key] for key in ("name", "seed", "faults")}


_NUMBERS: Mapping[str, tuple[Any, str]] = {  # of a rule, and what they must be
    "rate": (Rate, "a number from 0 to 1"),
    "times": (Times, "a whole number from 1"),
    "seconds": (Seconds, f"a number from 0 to {MAX_SECONDS}"),
}


def parse_plan(name: str, document: Mapping[str, Any]) -> FaultPlan:
    """A plan from its JSON or YAML form.

    Raises:
        UserError: the document is no plan; the message has every mistake.
    """
    problems = [
        f"a fault plan has seed, faults and scope, and no {shown(key)}"
        for key in document
        if key not in ("name", "seed", "faults", "scope", "struck")
    ]
    seed, faults = document.get("seed", 0), document.get("faults")
    if not _is_a(seed, Seed):
        problems.append(f"the seed must be a whole number below 2^63, and is {shown(seed)}")
    rules: dict[Fault, Rule] = {}
    if not isinstance(faults, Mapping) or not faults:
        problems.append(f"a fault plan names at least one fault, as in {{'throttle': 0.3}}; there are {known_faults()}")
    else:
        for fault in FAULTS:
            if fault in faults:
                rules[fault] = _parse_rule(fault, faults[fault], problems)
        problems += [unknown_fault(word) for word in faults if word not in FAULTS]
    scope = {} if document.get("scope") is None else document["scope"]
    if not _is_a(scope, Scope):
        problems.append("the scope names a group, a share, or both, as in {'group': 'mygroup'}")
    if problems:
        raise UserError("; ".join(problems))
    return FaultPlan(name, seed, rules, msgspec.convert(scope, Scope))


def make_plan(
    name: str, faults: Mapping[str, Any], *, seed: int = 0, group: str = "", share: str | Sequence[str] = ""
) -> FaultPlan:
    """A plan from its parts.

    Args:
        name: a plan of the same name is replaced.
        faults: a rate, or a mapping of ``rate``, ``times`` and ``seconds``, by fault.
        seed: the same seed and the same requests meet the same faults.
        group: the resource group whose requests, nodes and jobs the faults strike; empty for all.
        share: the file share or blob container that they strike, or several; empty for all.

    Raises:
        UserError: the parts make no plan; the message has every mistake.
    """
    scope = {name: value for name, value in (("group", group), ("share", share)) if value}
    return parse_plan(name, {"seed": seed, "faults": faults, "scope": scope})


def parse_words(words: Sequence[str], *, times: int | None = None, seconds: float | None = None) -> dict[str, Any]:
    """The faults of a plan, in their JSON form, from words such as ``throttle=0.3``.

    Args:
        words: a fault and its rate each.
        times: the most that each of them strikes.
        seconds: how long those last that have a duration.

    Raises:
        UserError: a word is not a fault with a rate, or seconds are given and no fault has a duration.
    """
    lasting = [word for word in words if word.partition("=")[0] in SECONDS]
    if seconds is not None and not lasting:
        raise UserError(f"seconds are for {listed(SECONDS)}; {listed(words)} has no duration")
    faults: dict[str, Any] = {}
    for word in words:
        fault, _, rate = word.partition("=")
        try:
            rule: dict[str, Any] = {"rate": float(rate)}
        except ValueError:
            text = f"{shown(word)} is not a fault with its rate, such as throttle=0.3; there are {known_faults()}"
            raise UserError(text) from None
        if times is not None:
            rule["times"] = times
        if seconds is not None and word in lasting:
            rule["seconds"] = seconds
        faults[fault] = rule
    return faults


def _parse_rule(fault: Fault, value: object, problems: list[str]) -> Rule:
    written: Mapping[Any, Any] = value if isinstance(value, Mapping) else {"rate": value}
    given = {"rate": None} | {key: part for key, part in written.items() if part is not None}
    wrong = [f"a fault has rate, times and seconds, and no {shown(key)}" for key in given if key not in _NUMBERS]
    for name, (kind, allowed) in _NUMBERS.items():
        if name in given and not _is_a(given[name], kind):
            wrong.append(f"the {name} of {fault} must be {allowed}, and is {shown(given[name])}")
    if "seconds" in given and fault not in SECONDS:
        wrong.append(no_duration(fault))
    problems += wrong
    return Rule(0) if wrong else msgspec.convert(given, Rule)


def _is_a(value: object, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True
