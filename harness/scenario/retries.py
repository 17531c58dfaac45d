"""The section ``retries``: which failures of a job are answered by another attempt."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from harness.scenario.record import Record

_Times = Annotated[int, Field(ge=0, le=100)]


class ExitCodeRetries(Record):
    """Further attempts of a job that ended with one of some exit codes."""

    times: _Times
    codes: tuple[int, ...] = Field(min_length=1)


def _kind(value: Any) -> str:
    return "exit codes" if isinstance(value, dict | ExitCodeRetries) else "times"


class RetrySpec(Record):
    """How often a job is tried again, by the reason of its failure; one that the service refuses never is.

    Attributes:
        node_lost: its node was taken away, and the service did not start it again itself.
        exit_code: it ended with an exit code other than 0, or with one of some codes.
        timeout: it was queued or ran longer than ``limits`` allow.
    """

    node_lost: _Times = 0
    exit_code: Annotated[
        Annotated[_Times, Tag("times")] | Annotated[ExitCodeRetries, Tag("exit codes")], Discriminator(_kind)
    ] = 0
    timeout: _Times = 0

    def most(self, reason: Literal["node_lost", "exit_code", "timeout"], exit_code: int | None = None) -> int:
        """How often a job is tried again for a reason; for exit codes without one, at most."""
        if reason != "exit_code":
            return self.node_lost if reason == "node_lost" else self.timeout
        if isinstance(self.exit_code, int):
            return self.exit_code
        return self.exit_code.times if exit_code is None or exit_code in self.exit_code.codes else 0

    @property
    def attempts(self) -> int:
        """How many attempts a trial can have."""
        return 1 + self.node_lost + self.timeout + self.most("exit_code")
