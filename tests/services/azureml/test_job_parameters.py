"""The definition of a job in the form of Azure Machine Learning."""

from typing import Any

import pytest

from harness.errors import JobError
from harness.scenario.azureml import AzureMlSpec
from harness.scenario.job import JobSpec
from harness.scenario.model import Limits, Scenario
from harness.services.azureml.job_parameters import job_parameters
from harness.services.azureml.launch_command import MountedVolume

PREFIX = "$AZ_BATCHAI_MOUNT_ROOT/azurefileshare"
VOLUMES = (MountedVolume("quickstart", "azurefileshare"),)


def body(job: JobSpec, limits: Limits | None = None, **environment: str) -> dict[str, Any]:
    request = job_parameters(
        job,
        experiment="exp",
        volumes=VOLUMES,
        segment="s/jobs/j/r1",
        names={"JOB_NAME": "j"},
        ids={"computeId": "/computes/c", "environmentId": "/environments/e", "codeId": "/codes/k"},
        limits=limits or Limits(),
        tags={"t": "true"},
    )
    properties: dict[str, Any] = request["properties"]
    return properties


def job(**fields: Any) -> JobSpec:
    return JobSpec.model_validate(
        {"name": "j", "toolkit": "customToolkit", "command": "true", "stdouterr": PREFIX} | fields
    )


def test_the_quickstarts_job(quickstart: Scenario) -> None:
    properties = body(quickstart.trials[0].job, quickstart.limits)
    uri = "azureml://datastores/quickstart/paths/"
    assert properties["inputs"] == {
        "harness_volume": {"jobInputType": "uri_folder", "uri": uri, "mode": "ReadOnlyMount"},
        "SAMPLE": {"jobInputType": "uri_folder", "uri": f"{uri}mnistcntksample", "mode": "ReadOnlyMount"},
    }
    assert properties["outputs"] == {
        "MODEL": {
            "jobOutputType": "uri_folder",
            "uri": f"{uri}s/jobs/j/r1/outputs/Models",
            "mode": "ReadWriteMount",
        },
        "harness_stdouterr": {
            "jobOutputType": "uri_folder",
            "uri": f"{uri}s/jobs/j/r1/stdouterr",
            "mode": "ReadWriteMount",
        },
    }
    assert properties["command"] == (
        'bash batchai_launch.sh mount azurefileshare "${{inputs.harness_volume}}" input SAMPLE "${{inputs.SAMPLE}}" '
        'output MODEL "${{outputs.MODEL}}" streams "${{outputs.harness_stdouterr}}" place JOB_NAME j toolkit cntk '
        'run \'python "$AZ_BATCHAI_INPUT_SAMPLE/ConvNet_MNIST.py" $AZ_BATCHAI_INPUT_SAMPLE $AZ_BATCHAI_OUTPUT_MODEL '
        "--epochs 5'"
    )
    assert properties["limits"] == {"jobLimitsType": "Command", "timeout": "PT7200S"}
    assert (properties["resources"], "distribution" in properties) == ({"instanceCount": 1, "properties": {}}, False)


@pytest.mark.parametrize(
    ("toolkit", "nodes", "distribution"),
    [
        ("cntk", 1, None),
        ("cntk", 2, {"distributionType": "Mpi", "processCountPerInstance": 1}),
        ("pyTorch", 1, None),
        ("pyTorch", 2, {"distributionType": "PyTorch", "processCountPerInstance": 1}),
        ("tensorFlow", 1, None),
        ("tensorFlow", 2, {"distributionType": "TensorFlow", "workerCount": 2, "parameterServerCount": 1}),
        ("horovod", 1, {"distributionType": "Mpi", "processCountPerInstance": 1}),
        ("chainer", 2, {"distributionType": "Mpi", "processCountPerInstance": 1}),
        ("caffe2", 2, {"distributionType": "PyTorch", "processCountPerInstance": 1}),
        ("customMpi", 2, {"distributionType": "Mpi", "processCountPerInstance": 1}),
        ("customToolkit", 2, None),
    ],
)
def test_every_toolkit_has_its_distribution(toolkit: str, nodes: int, distribution: object) -> None:
    properties = body(job(toolkit=toolkit, script="s.py", nodes=nodes))
    assert properties.get("distribution") == distribution
    assert properties["resources"]["instanceCount"] == nodes


def test_variables_of_the_service_are_expanded_on_the_node_and_others_are_sent() -> None:
    properties = body(
        job(environment={"PLAIN": "a $HOME", "DATA": '$AZ_BATCHAI_INPUT_S/"x" `y`'}, inputs={"S": PREFIX})
    )
    assert properties["environmentVariables"] == {"PLAIN": "a $HOME"}
    assert 'export DATA="$AZ_BATCHAI_INPUT_S/\\"x\\" \\`y\\`"; true' in properties["command"]


def test_an_input_that_is_not_on_the_share_keeps_its_path() -> None:
    properties = body(job(inputs={"IMAGE": "/opt/data"}))
    assert list(properties["inputs"]) == ["harness_volume"]
    assert 'export AZ_BATCHAI_INPUT_IMAGE="/opt/data"; true' in properties["command"]


def test_the_service_finds_no_expression_in_what_a_scenario_says() -> None:
    properties = body(job(command="echo '${{inputs.SECRET}}' it''s"))
    assert properties["command"].count("${{") == 2  # the share and the streams


def test_a_custom_command_line_runs_on_the_first_node_alone() -> None:
    first = '[ "$AZ_BATCHAI_TASK_INDEX" = 0 ] || exit 0; true'
    assert first in body(job(nodes=2))["command"]
    assert first not in body(job())["command"]


def test_a_preparation_has_the_same_variables() -> None:
    properties = body(job(preparation="pip install x", environment={"D": "$AZ_BATCHAI_JOB_TEMP"}))
    assert "prepare 'export D=\"$AZ_BATCHAI_JOB_TEMP\"; pip install x'" in properties["command"]


def test_an_output_on_no_share_is_refused() -> None:
    with pytest.raises(JobError, match=r"/mnt/elsewhere of job j is on no share"):
        body(job(stdouterr="/mnt/elsewhere"))


def test_processes_are_spread_over_the_nodes() -> None:
    properties = body(job(toolkit="cntk", script="s.py", nodes=2, processes=8))
    assert properties["distribution"] == {"distributionType": "Mpi", "processCountPerInstance": 4}
    with pytest.raises(JobError, match=r"3 processes on 2 nodes.*make job.processes a multiple of job.nodes"):
        body(job(toolkit="cntk", script="s.py", nodes=2, processes=3))


def test_each_task_of_tensorflow_has_its_arguments() -> None:
    words = {"args": "-m", "worker_args": "-w", "parameter_server_args": "-p"}
    properties = body(job(toolkit="tensorFlow", script="s.py", nodes=2, **words))
    cases = 'ps) python "s.py" -p ;; worker) python "s.py" -w ;; *) python "s.py" -m ;;'
    assert f'case "$HARNESS_TASK" in {cases} esac' in properties["command"]


def test_an_interpreter_is_handed_to_the_launch_script() -> None:
    properties = body(job(toolkit="cntk", script="s.py", interpreter="/opt/my python/bin/python"))
    assert "toolkit cntk interpreter '/opt/my python/bin/python' run" in properties["command"]


def test_a_serverless_job_names_a_size_and_no_compute() -> None:
    properties = job_parameters(
        job(),
        experiment="exp",
        volumes=VOLUMES,
        segment="s",
        names={},
        ids={"environmentId": "/e", "codeId": "/k"},
        limits=Limits(),
        tags={},
        options=AzureMlSpec(serverless=True, tier="spot", identity="user"),
        size="Standard_NC4as_T4_v3",
    )["properties"]
    assert "computeId" not in properties
    assert properties["resources"]["instanceType"] == "Standard_NC4as_T4_v3"
    assert properties["queueSettings"] == {"jobTier": "Spot"}
    assert properties["identity"] == {"identityType": "UserIdentity"}
