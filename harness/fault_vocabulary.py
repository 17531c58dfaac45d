"""The faults that the emulator can inject: their names, durations and limits, and messages for mistakes.

Scenarios, clients and the emulator share these names; ``fault_plans`` has the plans.
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
FAULTS: tuple[Fault, ...] = get_args(Fault)  # in the order of precedence: of several faults, the first one strikes
SECONDS: Mapping[Fault, float] = {  # default durations, for faults that have one
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
    """Return the message for a fault that does not exist."""
    near = nearest(str(word), FAULTS)
    hint = f"did you mean {near!r}?" if near else f"the faults are {known_faults()}"
    return f"there is no fault {shown(word)}; {hint}"


def no_duration(fault: str) -> str:
    """Return the message for a fault that has no duration."""
    return f"{fault} has no duration; {listed(SECONDS)} have one"


def known_faults() -> str:
    """Return the names of all faults, as a message shows them."""
    return listed(FAULTS)


def shown(value: object) -> str:
    """Return a value as a message shows it, shortened."""
    return repr(value)[:80]


def listed(words: Iterable[str]) -> str:
    """Return words as a message lists them."""
    return ", ".join(words)
