"""Translation of the service's reports on a job to the states of all services."""

from typing import Any

import pytest

from harness.services.azureml.job_states import job_view, state_of


def job(status: str) -> dict[str, Any]:
    return {
        "name": "myjob-r1",
        "properties": {"status": status, "command": "bash batchai_launch.sh run true"},
        "systemData": {"createdAt": "2022-12-28T19:41:09.2188524+00:00"},
    }


def failed(message: str) -> dict[str, Any]:
    return {"error": {"error": {"code": "UserError", "message": message}}}


@pytest.mark.parametrize(
    ("reported", "state"),
    [
        *((status, "queued") for status in ("NotStarted", "Starting", "Provisioning", "Preparing", "Queued", "Paused")),
        *((status, "running") for status in ("Running", "NotResponding")),
        *((status, "terminating") for status in ("CancelRequested", "Finalizing")),
        ("Completed", "succeeded"),
        *((status, "failed") for status in ("Failed", "Canceled")),
        ("a state of tomorrow", "queued"),
    ],
)
def test_every_state_has_a_word(reported: str, state: str) -> None:
    assert state_of(reported) == state


def test_a_job_that_completed_has_the_exit_code_0_and_its_times() -> None:
    times = {"startTimeUtc": "2022-12-28T19:42:00.1234567+00:00", "endTimeUtc": "2022-12-28T19:43:00.1234567+00:00"}
    view = job_view("myjob", job("Completed"), times)
    assert (view.state, view.exit_code, view.errors) == ("succeeded", 0, ())
    assert view.started is not None
    assert view.ended is not None
    assert (view.ended - view.started).total_seconds() == 60
    assert view.command == ("bash batchai_launch.sh run true",)


@pytest.mark.parametrize("code", [1, 137, -9])
def test_the_exit_code_is_read_from_the_error(code: int) -> None:
    text = f"Execution failed. User process 'bash' exited with status code {code}. Please check log file"
    view = job_view("myjob", job("Failed"), failed(text))
    assert (view.state, view.exit_code, view.errors) == ("failed", code, (f"UserError: {text}",))


def test_a_job_that_was_cancelled_failed_without_an_exit_code() -> None:
    view = job_view("myjob", job("Canceled"), {})
    assert (view.state, view.exit_code) == ("failed", None)
    assert view.errors == ("Canceled: the job was cancelled",)


def test_what_is_missing_or_malformed_is_left_out() -> None:
    view = job_view("myjob", {"name": "x", "properties": {"status": "Failed"}}, {"error": None, "startTimeUtc": "soon"})
    assert (view.exit_code, view.errors, view.created, view.started) == (None, (), None, None)
