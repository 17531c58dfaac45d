"""Reports on jobs in JSON: the command, the times and the errors."""

from datetime import UTC, datetime
from typing import Any

import pytest
from azure.core.exceptions import AzureError
from azure.mgmt.batchai import models

from harness.scenario.job import JobSpec
from harness.scenario.model import Limits
from harness.services.arm_client import Document
from harness.services.batchai.job_parameters import job_parameters
from harness.services.batchai.job_reports import command_of, job_view

SCRIPTED = ["cntk", "tensorFlow", "pyTorch", "caffe", "caffe2", "chainer", "horovod"]


def job(**fields: Any) -> dict[str, Any]:
    spec = JobSpec.model_validate({"name": "job", "stdouterr": "$AZ_BATCHAI_MOUNT_ROOT/share", **fields})
    request: dict[str, Any] = job_parameters(spec, cluster_id="/c", limits=Limits()).serialize()
    return request


@pytest.mark.parametrize("toolkit", SCRIPTED)
def test_the_command_of_a_script_is_its_path_its_arguments_and_the_image(toolkit: str) -> None:
    request = job(toolkit=toolkit, script="train.py", args="--lr 0.1", image="an/image")
    assert command_of(request) == ("train.py", "--lr 0.1", "an/image")


@pytest.mark.parametrize("toolkit", ["customToolkit", "customMpi"])
def test_the_command_of_a_command_line_is_that(toolkit: str) -> None:
    assert command_of(job(toolkit=toolkit, command="echo 1")) == ("echo 1",)


def test_the_report_on_a_job_that_failed() -> None:
    document = {
        "name": "j",
        "properties": {
            "customToolkitSettings": {"commandLine": "false"},
            "creationTime": "2018-06-12T23:57:46.3920000Z",
            "executionState": "failed",
            "executionInfo": {
                "startTime": "2018-06-12T23:57:47Z",
                "endTime": "2018-06-12T23:57:48.5Z",
                "exitCode": 1,
                "errors": [{"code": "JobFailed", "message": "It failed"}],
            },
        },
    }
    view = job_view(document)
    assert (view.name, view.state, view.exit_code, view.errors) == ("j", "failed", 1, ("JobFailed: It failed",))
    assert view.created == datetime(2018, 6, 12, 23, 57, 46, 392000, UTC)
    assert view.started == datetime(2018, 6, 12, 23, 57, 47, tzinfo=UTC)
    assert view.ended == datetime(2018, 6, 12, 23, 57, 48, 500000, UTC)
    assert view.command == ("false",)
    model = models.Job.deserialize(document)
    assert (view.created, view.started, view.ended) == (
        model.creation_time,
        model.execution_info.start_time,
        model.execution_info.end_time,
    )


def test_a_job_without_a_name_is_an_error_of_the_service() -> None:
    with pytest.raises(AzureError, match="the answer lacks the field name"):
        job_view(Document({"properties": {"executionState": "queued"}}))


@pytest.mark.parametrize(
    "properties", [{"executionState": "queued"}, {"executionState": "queued", "executionInfo": None}]
)
def test_the_report_on_a_job_that_waits(properties: dict[str, Any]) -> None:
    view = job_view({"name": "j", "properties": properties})
    assert (view.state, view.exit_code, view.errors, view.command) == ("queued", None, (), ())
    assert view.created is view.started is view.ended is None
