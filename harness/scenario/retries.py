"""The section ``retries``: the failures after which a job is submitted again."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from harness.scenario.record import Record

_Times = Annotated[int, Field(ge=0, le=100)]


class ExitCodeRetries(Record):
    """The number of further attempts of a job that ended with one of some exit codes."""

    times: _Times
    codes: tuple[int, ...] = Field(min_length=1)


def _kind(value: Any) -> str:
    return "exit codes" if isinstance(value, dict | ExitCodeRetries) else "times"


class RetrySpec(Record):
    """The number of further attempts of a job, by the reason of its failure; a refused job is never tried again.

    Attributes:
        node_lost: attempts after the job lost its node, and the service did not restart the job itself.
        exit_code: attempts after an exit code other than 0, or one of some exit codes.
        timeout: attempts after the job was queued or ran longer than ``limits`` allow.
    """

    node_lost: _Times = 0
    exit_code: Annotated[
        Annotated[_Times, Tag("times")] | Annotated[ExitCodeRetries, Tag("exit codes")], Discriminator(_kind)
    ] = 0
    timeout: _Times = 0

    def most(self, reason: Literal["node_lost", "exit_code", "timeout"], exit_code: int | None = None) -> int:
        """Return how many further attempts a reason allows; without an exit code, those of any exit code."""
        if reason != "exit_code":
            return self.node_lost if reason == "node_lost" else self.timeout
        if isinstance(self.exit_code, int):
            return self.exit_code
        return self.exit_code.times if exit_code is None or exit_code in self.exit_code.codes else 0

    @property
    def attempts(self) -> int:
        """The largest number of attempts of a trial."""
        return 1 + self.node_lost + self.timeout + self.most("exit_code")
