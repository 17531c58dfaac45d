"""Faults on demand: their names, durations and limits, and what is said of a mistake.

Scenario, clients and emulator share this vocabulary; plans of faults are in ``fault_plans``.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from harness.suggestions import nearest

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

MIN_TIMES = 1
MAX_SECONDS = 86_400
MIN_SEED, MAX_SEED = -(1 << 63), (1 << 63) - 1


def unknown_fault(word: object) -> str:
    """The message for a fault that does not exist."""
    near = nearest(str(word), FAULTS)
    return f"there is no fault {shown(word)}; " + (f"did you mean {near!r}?" if near else f"there are {known_faults()}")


def no_duration(fault: str) -> str:
    """The message for seconds of a fault that has no duration."""
    return f"{fault} has no duration; {listed(SECONDS)} have one"


def known_faults() -> str:
    """The names of all faults."""
    return listed(FAULTS)


def shown(value: object) -> str:
    """A value as a message shows it."""
    return repr(value)[:80]


def listed(words: Iterable[str]) -> str:
    """Words as a message shows them."""
    return ", ".join(words)
