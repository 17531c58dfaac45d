"""The attempts of one trial; the scenario's ``retries`` say when a failed trial is tried again."""

from contextlib import ExitStack
from dataclasses import dataclass, field

from harness.experiments.decide import Failure
from harness.resources.provisioning import Provisioning


@dataclass(frozen=True)
class Attempts:
    """The state that the attempts of one trial share.

    Attributes:
        provisioning: makes resources through the cassette of the trial.
        resources: deletes the last job and ends the cassette when it is closed.
        failures: how the earlier attempts failed, in order.
        job: deletes the last job when it is closed.
    """

    provisioning: Provisioning
    resources: ExitStack
    failures: tuple[Failure, ...] = ()
    job: ExitStack = field(default_factory=ExitStack)

    def close(self, error: BaseException | None) -> None:
        """Delete the job; the cassette is recorded unless the run ends in an error."""
        self.resources.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
