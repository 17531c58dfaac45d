"""Which faults there are, and the plans that say how often they strike; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import msgspec

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

_MOST_SECONDS = 86_400.0
_LARGEST = 1 << 63


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


class Scope(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a plan holds: in a resource group and on a share; everywhere where neither is named."""

    group: str = ""
    share: str = ""

    def covers(self, place: Place) -> bool:
        """Whether the plan may strike there."""
        if not (self.group or self.share) or place.polls:
            return True
        if place.share:
            return place.share == self.share
        return bool(place.group) and place.group.lower() == self.group.lower()


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """How often a fault strikes: at ``rate`` (0 to 1), ``times`` at most, for ``seconds`` where it has a duration."""

    rate: float
    times: int | None = None
    seconds: float | None = None


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


def parse_plan(name: str, document: Mapping[str, Any]) -> FaultPlan:
    """A plan from its JSON or YAML form.

    Raises:
        EmulatorError: it is none; the message tells every mistake.
    """
    problems = [
        f"{_shown(key)} is no part of a fault plan, which has seed, faults and scope"
        for key in document
        if key not in ("name", "seed", "faults", "scope", "struck")
    ]
    seed, faults = document.get("seed", 0), document.get("faults")
    if not _is_count(seed, least=-_LARGEST):
        problems.append(f"the seed {_shown(seed)} is no whole number below 2^63")
    rules: dict[Fault, Rule] = {}
    if not isinstance(faults, Mapping) or not faults:
        problems.append(f"a fault plan names at least one fault, as in {{'throttle': 0.3}}; they are {_known()}")
    else:
        for fault in FAULTS:
            if fault in faults:
                rules[fault] = _parse_rule(fault, faults[fault], problems)
        problems += [f"there is no fault {_shown(word)}; they are {_known()}" for word in faults if word not in FAULTS]
    scope = _parse_scope(document.get("scope"), problems)
    if problems:
        raise EmulatorError("; ".join(problems))
    return FaultPlan(name, seed, rules, scope)


def parse_words(words: Sequence[str], *, times: int | None = None, seconds: float | None = None) -> dict[str, Any]:
    """The faults of a plan, in their JSON form, from words such as ``throttle=0.3``.

    Args:
        words: a fault and its rate each.
        times: the most that each of them strikes.
        seconds: how long those last that have a duration.

    Raises:
        EmulatorError: a word is no fault with a rate, or none of them has a duration.
    """
    lasting = [word for word in words if word.partition("=")[0] in SECONDS]
    if seconds is not None and not lasting:
        raise EmulatorError(f"seconds are for {_listed(SECONDS)}; {_listed(words)} last no time")
    faults: dict[str, Any] = {}
    for word in words:
        fault, _, rate = word.partition("=")
        try:
            rule: dict[str, Any] = {"rate": float(rate)}
        except ValueError:
            text = f"{_shown(word)} is no fault with its rate, such as throttle=0.3; faults are {_known()}"
            raise EmulatorError(text) from None
        if times is not None:
            rule["times"] = times
        if seconds is not None and word in lasting:
            rule["seconds"] = seconds
        faults[fault] = rule
    return faults


def _parse_rule(fault: Fault, value: object, problems: list[str]) -> Rule:
    given: Mapping[str, Any] = value if isinstance(value, Mapping) else {"rate": value}
    rate, times, seconds = given.get("rate"), given.get("times"), given.get("seconds")
    if not _is_number(rate, 1.0):
        problems.append(f"the rate of {fault}, {_shown(rate)}, is no number from 0 to 1")
    if times is not None and not _is_count(times, least=1):
        problems.append(f"the times of {fault}, {_shown(times)}, are no whole number from 1")
    if seconds is not None and fault not in SECONDS:
        problems.append(f"{fault} lasts no seconds; {_listed(SECONDS)} do")
    elif seconds is not None and not _is_number(seconds, _MOST_SECONDS):
        problems.append(f"the seconds of {fault}, {_shown(seconds)}, are no number from 0 to {_MOST_SECONDS:g}")
    problems += [
        f"{_shown(key)} says nothing of a fault; rate, times and seconds do"
        for key in given
        if key not in ("rate", "times", "seconds")
    ]
    return Rule(rate, times, seconds) if isinstance(rate, int | float) else Rule(0)


def _parse_scope(value: object, problems: list[str]) -> Scope:
    if value is None:
        return Scope()
    parts: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {"": value}
    if not all(key in ("group", "share") and isinstance(part, str) for key, part in parts.items()):
        problems.append("the scope names a group, a share, or both, as in {'group': 'mygroup'}")
        return Scope()
    return Scope(**parts)


def _is_number(value: object, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < _LARGEST


def _shown(value: object) -> str:
    return repr(value)[:80]


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def _known() -> str:
    return _listed(FAULTS)
