"""Which failures of a job are answered by another attempt."""

import pytest

from harness.experiments.decide import Failure, Stop, failure_of, is_retried
from harness.scenario.retries import RetrySpec
from harness.services.service import JobView

LIMIT = Stop("t", "was running for 7201 s, and limits.running is 7200 s")
PRUNED = Stop("t", "pruned at step 3", "pruned")


def ended(state: str = "failed", exit_code: int | None = None, *errors: str) -> JobView:
    return JobView("j", state, exit_code, errors, None, None, None, ())


@pytest.mark.parametrize(
    ("view", "stopped", "reason"),
    [
        (ended("succeeded", 0), None, None),
        (ended("succeeded", 0), LIMIT, None),
        (ended("failed", 3, "JobFailed: Job failed with non-zero exit code"), None, "exit_code"),
        (ended("failed", None, "JobMaxWallClockTimeExceeded: too long"), None, "timeout"),
        (ended("failed", None, "JobTerminated: by the user"), LIMIT, "timeout"),
        (ended("failed", None, "JobTerminated: by the user"), PRUNED, None),
        (ended("failed", None, "JobTerminated: by the user"), None, None),
        (ended("failed", None, "JobNodeLost: the node was removed"), None, "node_lost"),
        (ended("failed", None, "NodePreempted: the node was taken away"), None, "node_lost"),
        (ended("failed", None, "FailedStartingContainer: no image"), None, None),
    ],
)
def test_a_failure_has_the_reason_that_the_service_reports(
    view: JobView, stopped: Stop | None, reason: str | None
) -> None:
    failure = failure_of(view, stopped)
    assert (failure.reason if failure else None) == reason


def test_each_reason_has_a_number_of_its_own() -> None:
    retries = RetrySpec.model_validate({"node_lost": 2, "exit_code": {"times": 1, "codes": [137]}})
    lost, code = Failure("node_lost", ""), Failure("exit_code", "")
    assert is_retried(lost, None, (lost, code), retries)
    assert not is_retried(lost, None, (lost, lost), retries)
    assert is_retried(code, 137, (lost, lost), retries)
    assert not is_retried(code, 1, (), retries)
    assert not is_retried(code, 137, (code,), retries)
    assert not is_retried(Failure("timeout", ""), None, (), retries)
    assert retries.attempts == 4


def test_nothing_is_tried_again_unless_the_scenario_says_so() -> None:
    assert RetrySpec().attempts == 1
    assert not is_retried(Failure("node_lost", ""), None, (), RetrySpec())
