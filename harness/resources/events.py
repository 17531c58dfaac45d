"""Events of a run, as frozen records: the command line displays them, the plugin logs them."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step began: ``creating``, ``keeping`` or ``deleting`` something, ``uploading`` or ``registering``."""

    step: str
    name: str

    def __str__(self) -> str:
        return f"{self.step} {self.name}"


@dataclass(frozen=True, slots=True)
class StepEnded:
    """A step succeeded."""

    step: str
    name: str

    def __str__(self) -> str:
        return f"{self.step} {self.name}: done"


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """The nodes of a cluster by state; ``str`` is the line that Microsoft's quickstart prints."""

    state: str
    target: int
    allocated: int
    idle: int
    unusable: int
    running: int
    preparing: int
    leaving: int

    def __str__(self) -> str:
        return (
            f"Cluster state: {self.state} Target: {self.target}; Allocated: {self.allocated}; "
            f"Idle: {self.idle}; Unusable: {self.unusable}; Running: {self.running}; "
            f"Preparing: {self.preparing}; Leaving: {self.leaving}"
        )


@dataclass(frozen=True, slots=True)
class TeardownFailed:
    """A resource could not be deleted; ``harness reap`` deletes it later."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} is left behind: {self.reason}"


@dataclass(frozen=True, slots=True)
class Note:
    """A fact that a user should know and that is no step, such as the name of the data set."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class TrialMoved:
    """A trial's job has a new state: ``queued``, ``running``, ``succeeded``, ``failed``, ..."""

    trial: str
    job: str
    state: str

    def __str__(self) -> str:
        return f"{self.trial}: job {self.job} is {self.state}"


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that a running job wrote into ``file``, without its newline."""

    trial: str
    file: str
    text: str
    is_metric: bool = False  # whether a metric of the scenario is in it

    def __str__(self) -> str:
        return f"{self.trial} | {self.text}"


@dataclass(frozen=True, slots=True)
class LogSkipped:
    """A job writes faster than its log is shown: an ``amount`` of ``file``, such as ``800 lines``, is omitted."""

    trial: str
    file: str
    amount: str

    def __str__(self) -> str:
        return f"{self.trial} | ... {self.amount} of {self.file} are not shown"


@dataclass(frozen=True, slots=True)
class StepRead:
    """The value of a running trial's metric at a step, counted from 1."""

    trial: str
    metric: str
    step: int
    value: float

    def __str__(self) -> str:
        return f"{self.trial}: {self.metric} is {self.value:g} at step {self.step}"


@dataclass(frozen=True, slots=True)
class TrialEnded:
    """A trial has its outcome.

    Attributes:
        result: text with its metrics and unmet expectations; empty without either.
        best: text about the best trial so far, if the sweep has a goal.
    """

    trial: str
    state: str
    is_met: bool
    result: str = ""
    best: str = ""

    def __str__(self) -> str:
        return f"{self.trial}: {self.state}"


Event = (
    StepStarted
    | StepEnded
    | ClusterStatus
    | TeardownFailed
    | Note
    | TrialMoved
    | LogLine
    | LogSkipped
    | StepRead
    | TrialEnded
)
Sink = Callable[[Event], None]
