"""Scenarios as files of Azure ML's command line."""

from pathlib import Path

import pytest
import yaml

from harness.cli import main
from harness.errors import UserError
from harness.interchange import export_azureml, import_files
from harness.scenario.load import load_scenario

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SCENARIO = """\
scenario: several
description: of all kinds
resource_group: several
share: {name: logs-here}
containers: [{name: logs-here, mount: blobs, upload: [{file: several.yaml}]}]
cluster:
  {name: c, vm_size: STANDARD_NC12, priority: lowpriority, nodes: {min: 0, max: 4}, setup: {command: apt install x}}
job:
  name: j
  toolkit: horovod
  image: some/image:1
  nodes: 2
  processes: 4
  script: $AZ_BATCHAI_MOUNT_ROOT/blobs/train.py
  args: --lr {lr} --data $AZ_BATCHAI_INPUT_DATA
  preparation: pip install {package}
  inputs: {DATA: $AZ_BATCHAI_MOUNT_ROOT/blobs/data, BASE: /opt/data}
  outputs: {MODEL: {prefix: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare/out, suffix: m}}
  stdouterr: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare
  environment: {PLAIN: 'a "b" $C', WHERE: $AZ_BATCHAI_INPUT_DATA/x, RATE: '{lr}'}
parameters: {package: h5py, lr: 0.1}
expect: {exit_code: 0}
limits: {running: PT90S}
"""


def exported(tmp_path: Path, *changes: str) -> tuple[list[dict[str, object]], dict[str, dict[str, object]], list[str]]:
    """Export the scenario; returns jobs, resources by file name, and notes."""
    text = SCENARIO
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "several.yaml").write_text(text)
    export = export_azureml(load_scenario(tmp_path / "several.yaml"))
    resources = {file.name: yaml.safe_load(file.text) for file in export.resources}
    return (
        [yaml.safe_load(job.text) for job in export.jobs],
        resources,
        [note.replace(f"{tmp_path}/", "") for note in export.notes],
    )


def test_a_job_becomes_a_command_that_sets_up_what_its_script_expects(tmp_path: Path) -> None:
    (job,), _, _ = exported(tmp_path)
    assert (
        job["command"]
        == """\
export AZ_BATCHAI_MOUNT_ROOT="$(mktemp -d)"
mkdir -p "$(dirname "$AZ_BATCHAI_MOUNT_ROOT"/azurefileshare)" \
&& ln -s "${{inputs.harness_volume_0}}" "$AZ_BATCHAI_MOUNT_ROOT"/azurefileshare
mkdir -p "$(dirname "$AZ_BATCHAI_MOUNT_ROOT"/blobs)" \
&& ln -s "${{inputs.harness_volume_1}}" "$AZ_BATCHAI_MOUNT_ROOT"/blobs
export AZ_BATCHAI_INPUT_DATA="${{inputs.DATA}}"
export AZ_BATCHAI_INPUT_BASE="/opt/data"
export AZ_BATCHAI_OUTPUT_MODEL="${{outputs.MODEL}}"
# batchai-harness: environment
export WHERE="$AZ_BATCHAI_INPUT_DATA/x"
# batchai-harness: setup
(
apt install x
) || exit 1
# batchai-harness: preparation
(
pip install h5py
) || exit 1
# batchai-harness: job
python $AZ_BATCHAI_MOUNT_ROOT/blobs/train.py --lr 0.1 --data $AZ_BATCHAI_INPUT_DATA"""
    )
    assert job["distribution"] == {"type": "mpi", "process_count_per_instance": 2}
    assert (job["compute"], job["limits"]) == ("azureml:c", {"timeout": 90})
    assert job["environment_variables"] == {"PLAIN": 'a "b" $C', "RATE": "0.1"}
    inputs, outputs = job["inputs"], job["outputs"]
    assert isinstance(inputs, dict)
    assert isinstance(outputs, dict)
    assert inputs["DATA"]["path"] == "azureml://datastores/logs_here__container/paths/data"
    assert outputs["MODEL"]["path"] == "azureml://datastores/logs_here/paths/out/${{name}}/outputs/m"


def test_compute_and_datastores_are_written_too(tmp_path: Path) -> None:
    _, resources, _ = exported(tmp_path)
    compute = resources["compute.yml"]
    assert [compute[name] for name in ("size", "tier", "min_instances", "max_instances")] == [
        "STANDARD_NC12", "low_priority", 0, 4,
    ]  # fmt: skip
    assert resources["datastore-logs_here.yml"]["file_share_name"] == "logs-here"
    assert resources["datastore-logs_here__container.yml"]["container_name"] == "logs-here"


def test_what_azure_ml_does_not_have_is_noted_with_its_line(tmp_path: Path) -> None:
    _, _, notes = exported(tmp_path)
    assert notes == [
        "several.yaml:5: containers.0.upload: is not exported: upload the files to the container",
        "several.yaml:7: cluster.setup: each job runs it, because Azure ML's nodes have no set-up task",
        "several.yaml:19: job.stdouterr: logs are in user_logs of the job's run, not on the share",
        "several.yaml:22: expect: is not exported: Azure ML has no expectations",
    ]


def test_a_grid_becomes_a_sweep_job_whose_command_takes_the_values(tmp_path: Path) -> None:
    (job,), _, _ = exported(tmp_path, "lr: 0.1}", "lr: 0.1}\nsweep: {grid: {lr: [0.1, 0.2], package: [a, b]}}")
    assert job["type"] == "sweep"
    assert job["search_space"] == {
        "lr": {"type": "choice", "values": [0.1, 0.2]}, "package": {"type": "choice", "values": ["a", "b"]},
    }  # fmt: skip
    trial = job["trial"]
    assert isinstance(trial, dict)
    assert 'export RATE="${{search_space.lr}}"\n' in trial["command"]
    assert "--lr ${{search_space.lr}} --data" in trial["command"]
    assert "pip install ${{search_space.package}}\n" in trial["command"]
    assert job["limits"] == {"max_total_trials": 4, "max_concurrent_trials": 2, "trial_timeout": 90}


def test_points_that_are_drawn_become_a_random_sweep(tmp_path: Path) -> None:
    drawn = "sweep: {sobol: {samples: 5, seed: 2, space: {lr: {low: 0.0, high: 1.0}}}, goal: {maximize: acc}}"
    metric = "metrics: {acc: {file: stdout.txt, pattern: '(.*)'}}"
    (job,), _, _ = exported(tmp_path, "lr: 0.1}", f"lr: 0.1}}\n{drawn}\n{metric}")
    assert job["sampling_algorithm"] == {"type": "random", "rule": "sobol", "seed": 2}
    assert job["search_space"] == {"lr": {"type": "uniform", "min_value": 0.0, "max_value": 1.0}}
    assert job["objective"] == {"goal": "maximize", "primary_metric": "acc"}


def test_a_search_becomes_a_bayesian_sweep(tmp_path: Path) -> None:
    search = "sweep: {search: {trials: 7, space: {lr: {low: 0.0, high: 1.0}}}, goal: {minimize: loss}}"
    metric = "metrics: {loss: {file: stdout.txt, pattern: '(.*)'}}"
    (job,), _, notes = exported(tmp_path, "lr: 0.1}", f"lr: 0.1}}\n{search}\n{metric}")
    assert job["sampling_algorithm"] == "bayesian"
    assert isinstance(job["limits"], dict)
    assert job["limits"]["max_total_trials"] == 7
    assert any("sweep.search: Azure ML uses its own sampling algorithm" in note for note in notes)


def test_a_search_that_azure_ml_does_not_have_is_refused_with_its_line(tmp_path: Path) -> None:
    search = "sweep: {search: {trials: 7, space: {lr: {low: 0.1, high: 1.0, log: true}}}, goal: {minimize: loss}}"
    metric = "metrics: {loss: {file: stdout.txt, pattern: '(.*)'}}"
    with pytest.raises(UserError, match=r"several.yaml:22: sweep.search: Azure ML has no such search space"):
        exported(tmp_path, "lr: 0.1}", f"lr: 0.1}}\n{search}\n{metric}")


@pytest.mark.parametrize(
    ("sweep", "jobs"),
    [
        ("sweep: {list: [{lr: 0.1}, {lr: 0.2}]}", 2),
        ("sweep: {zip: {lr: [0.1, 0.2], package: [a, b]}}", 2),
        ("sweep: {grid: {lr: [0.1, 0.2]}}", 2),  # the swept name is a part of a directory
    ],
)
def test_a_sweep_that_azure_ml_does_not_have_becomes_a_job_for_each_trial(
    tmp_path: Path, sweep: str, jobs: int
) -> None:
    documents, _, notes = exported(tmp_path, "lr: 0.1}", f"lr: 0.1}}\n{sweep}", "suffix: m", "suffix: 'm{lr}'")
    assert [job["type"] for job in documents] == ["command"] * jobs
    assert any("sweep: Azure ML has no such search space" in note for note in notes)


@pytest.mark.parametrize("name", ["mnist_quickstart", "mnist_learning_rate"])
def test_an_exported_scenario_is_imported_as_it_was(tmp_path: Path, name: str) -> None:
    scenario = load_scenario(SCENARIOS / f"{name}.yaml")
    export = export_azureml(scenario)
    for file in (*export.jobs, *export.resources):
        (tmp_path / file.name).write_text(file.text)
    (tmp_path / "back.yaml").write_text(import_files([tmp_path / "job.yml", tmp_path / "compute.yml"], tmp_path).text)
    back = load_scenario(tmp_path / "back.yaml")
    assert [trial.job for trial in back.trials] == [trial.job for trial in scenario.trials]
    assert back.cluster == scenario.cluster
    assert [(v.kind, v.name, v.mount) for v in back.volumes.values()] == [
        (v.kind, v.name, v.mount) for v in scenario.volumes.values()
    ]


def test_the_command_writes_what_az_takes_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenario, out = str(SCENARIOS / "mnist_quickstart.yaml"), tmp_path / "out"
    assert main(["export", scenario, "--to", "azureml", "--out", str(out)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "in this order:",
        f"  az ml compute create -f {out / 'compute.yml'}",
        f"  az ml datastore create -f {out / 'datastore-batchaiquickstart.yml'}",
        f"  az ml job create -f {out / 'job.yml'}",
    ]
    assert main(["export", scenario, "--to", "azureml", "--out", str(out)]) == 2
    assert "nothing is overwritten" in capsys.readouterr().err


def test_the_command_prints_the_job_with_the_values_that_are_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(SCENARIOS / "mnist_quickstart.yaml"), "--to", "azureml", "--set", "epochs=9"]) == 0
    assert "--epochs 9" in yaml.safe_load(capsys.readouterr().out)["command"]
