"""The definition of a job in the form of Batch AI."""

from typing import Any

import pytest

from harness.scenario.job import JobSpec
from harness.scenario.model import Limits, Scenario
from harness.services.batchai.job_parameters import job_parameters

PREFIX = "$AZ_BATCHAI_MOUNT_ROOT/azurefileshare"


def test_the_quickstarts_job_is_what_the_quickstart_submits(quickstart: Scenario) -> None:
    sent = job_parameters(quickstart.trials[0].job, cluster_id="/clusters/mycluster", limits=quickstart.limits)
    assert sent.serialize()["properties"] == {
        "cluster": {"id": "/clusters/mycluster"},
        "nodeCount": 1,
        "containerSettings": {"imageSourceRegistry": {"image": "microsoft/cntk:2.1-gpu-python3.5-cuda8.0-cudnn6.0"}},
        "cntkSettings": {
            "pythonScriptFilePath": "$AZ_BATCHAI_INPUT_SAMPLE/ConvNet_MNIST.py",
            "commandLineArgs": "$AZ_BATCHAI_INPUT_SAMPLE $AZ_BATCHAI_OUTPUT_MODEL --epochs 5",
        },
        "stdOutErrPathPrefix": PREFIX,
        "inputDirectories": [{"id": "SAMPLE", "path": f"{PREFIX}/mnistcntksample"}],
        "outputDirectories": [{"id": "MODEL", "pathPrefix": PREFIX, "pathSuffix": "Models"}],
        "constraints": {"maxWallClockTime": "PT2H"},
    }


@pytest.mark.parametrize(
    ("fields", "settings"),
    [
        (
            {"toolkit": "cntk", "processes": 8, "interpreter": "python3"},
            {"cntkSettings": {"pythonScriptFilePath": "s.py", "processCount": 8, "pythonInterpreterPath": "python3"}},
        ),
        (
            {"toolkit": "tensorFlow", "workers": 2, "worker_args": "-w", "parameter_servers": 1,
             "parameter_server_args": "-p"},
            {"tensorFlowSettings": {"pythonScriptFilePath": "s.py", "workerCount": 2, "workerCommandLineArgs": "-w",
                                    "parameterServerCount": 1, "parameterServerCommandLineArgs": "-p"}},
        ),
        ({"toolkit": "customMpi", "processes": 2}, {"customMpiSettings": {"commandLine": "true", "processCount": 2}}),
    ],
)  # fmt: skip
def test_processes_reach_the_toolkit(fields: dict[str, Any], settings: dict[str, object]) -> None:
    job = JobSpec(name="j", script="s.py", command="true", stdouterr=PREFIX, **fields)
    sent = job_parameters(job, cluster_id="/c", limits=Limits()).serialize()["properties"]
    assert {name: value for name, value in sent.items() if name.endswith("Settings")} == settings


@pytest.mark.parametrize(
    ("toolkit", "settings"),
    [
        ("tensorFlow", {"tensorFlowSettings": {"pythonScriptFilePath": "s.py", "masterCommandLineArgs": "-x"}}),
        ("pyTorch", {"pyTorchSettings": {"pythonScriptFilePath": "s.py", "commandLineArgs": "-x"}}),
        ("caffe", {"caffeSettings": {"pythonScriptFilePath": "s.py", "commandLineArgs": "-x"}}),
        ("caffe2", {"caffe2Settings": {"pythonScriptFilePath": "s.py", "commandLineArgs": "-x"}}),
        ("chainer", {"chainerSettings": {"pythonScriptFilePath": "s.py", "commandLineArgs": "-x"}}),
        ("horovod", {"horovodSettings": {"pythonScriptFilePath": "s.py", "commandLineArgs": "-x"}}),
        ("customToolkit", {"customToolkitSettings": {"commandLine": "true"}}),
        ("customMpi", {"customMpiSettings": {"commandLine": "true"}}),
    ],
)
def test_every_toolkit_has_its_settings(toolkit: str, settings: dict[str, object]) -> None:
    job = JobSpec(name="j", toolkit=toolkit, script="s.py", args="-x", command="true", stdouterr=PREFIX)
    sent = job_parameters(job, cluster_id="c", limits=Limits()).serialize()["properties"]
    assert {name: value for name, value in sent.items() if name.endswith("Settings")} == settings


def test_preparation_and_environment_are_sent() -> None:
    job = JobSpec(
        name="j", toolkit="customToolkit", command="true", stdouterr=PREFIX, preparation="p", environment={"A": "1"}
    )
    sent = job_parameters(job, cluster_id="c", limits=Limits()).serialize()["properties"]
    assert sent["jobPreparation"] == {"commandLine": "p"}
    assert sent["environmentVariables"] == [{"name": "A", "value": "1"}]
