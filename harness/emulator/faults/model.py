"""Which faults there are, and the plans that say how often they strike; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from harness.errors import EmulatorError

Fault = Literal[
    "throttle",
    "unavailable",
    "drop",
    "cut",
    "slow",
    "expired-token",
    "late-read",
    "clock-skew",
    "full-disk",
    "image-pull",
    "no-boot",
    "preempt",
]
FAULTS: tuple[Fault, ...] = get_args(Fault)  # where several could strike at once, the first that does
SECONDS: Mapping[Fault, float] = {  # of faults that have a duration, when the plan names none
    "throttle": 1.0,  # Retry-After
    "slow": 0.5,
    "late-read": 1.0,
    "clock-skew": 1200.0,  # more than the 15 minutes that SharedKey allows
    "preempt": 0.0,  # from the start of the job
}

ADDRESS = "/providers/Harness.Emulator/faults"  # of the plans, at Resource Manager's host

Trouble = Literal["throttled", "unavailable", "failed", "absent", "expired", "full"]
"""What a host can be made to answer: 429 or its like, 503, 500, 404, 401 for the token, a full disk."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a request or a decision concerns, as far as a plan's scope can tell.

    ``group`` is a resource group, ``share`` a share or container, each empty where there is none; ``polls`` marks the
    look at a long-running operation, which belongs to every scope.
    """

    service: Literal["arm", "aad", "storage", "compute"]
    group: str = ""
    share: str = ""
    polls: bool = False


class Scope(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where a plan holds: in a resource group, on a share, or both; everywhere where neither is named."""

    group: str = ""
    share: str = ""

    def covers(self, place: Place) -> bool:
        """Whether the plan may strike there."""
        if not (self.group or self.share) or place.polls:
            return True
        if place.share:
            return place.share == self.share
        return bool(place.group) and place.group.lower() == self.group.lower()


Rate = Annotated[float, Meta(ge=0, le=1)]
Times = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Seed = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


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
        """As it is written in JSON."""
        document: dict[str, Any] = {"name": self.name, "seed": self.seed, "faults": self.faults}
        return document | {"scope": self.scope} if self.scope != Scope() else document


_NUMBERS: Mapping[str, tuple[Any, str]] = {  # of a rule, and what they must be
    "rate": (Rate, "a number from 0 to 1"),
    "times": (Times, "a whole number from 1"),
    "seconds": (Seconds, "a number from 0 to 86400"),
}


def parse_plan(name: str, document: Mapping[str, Any]) -> FaultPlan:
    """A plan from its JSON or YAML form.

    Raises:
        EmulatorError: the document is no plan; the message has every mistake.
    """
    problems = [
        f"a fault plan has seed, faults and scope, and no {_shown(key)}"
        for key in document
        if key not in ("name", "seed", "faults", "scope", "struck")
    ]
    seed, faults = document.get("seed", 0), document.get("faults")
    if not _is_a(seed, Seed):
        problems.append(f"the seed must be a whole number below 2^63, and is {_shown(seed)}")
    rules: dict[Fault, Rule] = {}
    if not isinstance(faults, Mapping) or not faults:
        problems.append(f"a fault plan names at least one fault, as in {{'throttle': 0.3}}; there are {_known()}")
    else:
        for fault in FAULTS:
            if fault in faults:
                rules[fault] = _parse_rule(fault, faults[fault], problems)
        problems += [f"there is no fault {_shown(word)}; there are {_known()}" for word in faults if word not in FAULTS]
    scope = {} if document.get("scope") is None else document["scope"]
    if not _is_a(scope, Scope):
        problems.append("the scope names a group, a share, or both, as in {'group': 'mygroup'}")
    if problems:
        raise EmulatorError("; ".join(problems))
    return FaultPlan(name, seed, rules, msgspec.convert(scope, Scope))


def parse_words(words: Sequence[str], *, times: int | None = None, seconds: float | None = None) -> dict[str, Any]:
    """The faults of a plan, in their JSON form, from words such as ``throttle=0.3``.

    Args:
        words: a fault and its rate each.
        times: the most that each of them strikes.
        seconds: how long those last that have a duration.

    Raises:
        EmulatorError: a word is not a fault with a rate, or seconds are given and no fault has a duration.
    """
    lasting = [word for word in words if word.partition("=")[0] in SECONDS]
    if seconds is not None and not lasting:
        raise EmulatorError(f"seconds are for {_listed(SECONDS)}; {_listed(words)} has no duration")
    faults: dict[str, Any] = {}
    for word in words:
        fault, _, rate = word.partition("=")
        try:
            rule: dict[str, Any] = {"rate": float(rate)}
        except ValueError:
            text = f"{_shown(word)} is not a fault with its rate, such as throttle=0.3; there are {_known()}"
            raise EmulatorError(text) from None
        if times is not None:
            rule["times"] = times
        if seconds is not None and word in lasting:
            rule["seconds"] = seconds
        faults[fault] = rule
    return faults


def _parse_rule(fault: Fault, value: object, problems: list[str]) -> Rule:
    written: Mapping[Any, Any] = value if isinstance(value, Mapping) else {"rate": value}
    given = {"rate": None} | {key: part for key, part in written.items() if part is not None}
    wrong = [f"a fault has rate, times and seconds, and no {_shown(key)}" for key in given if key not in _NUMBERS]
    for name, (kind, allowed) in _NUMBERS.items():
        if name in given and not _is_a(given[name], kind):
            wrong.append(f"the {name} of {fault} must be {allowed}, and is {_shown(given[name])}")
    if "seconds" in given and fault not in SECONDS:
        wrong.append(f"{fault} has no duration; {_listed(SECONDS)} have one")
    problems += wrong
    return Rule(0) if wrong else msgspec.convert(given, Rule)


def _is_a(value: object, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _shown(value: object) -> str:
    return repr(value)[:80]


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def _known() -> str:
    return _listed(FAULTS)
