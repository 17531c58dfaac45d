"""Jobs of Azure ML's command line as scenarios."""

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.interchange import import_files
from harness.scenario.cluster import NodeRange
from harness.scenario.load import load_scenario
from harness.scenario.model import Scenario
from harness.scenario.swept_values import RangeSpec

JOB = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json
type: command
display_name: first job
experiment_name: first
code: src
command: >-
  python train.py --lr ${{inputs.lr}} --data ${{inputs.data}} $[[--extra ${{inputs.extra}}]]
  $[[--seed ${{inputs.seed}}]] --out ${{outputs.model}} && echo "${HOME}" {1..3}
environment: {image: "python:3.11"}
environment_variables: {VERSION: 1.10, WHERE: "${{inputs.blob}}"}
compute: azureml:cpu-cluster
resources: {instance_count: 2}
inputs:
  lr: 1e-3
  seed: {type: integer, default: 7}
  data: {type: uri_folder, path: ./data}
  blob: {type: uri_folder, path: azureml://datastores/workspaceblobstore/paths/a/b, mode: download}
  extra: {type: string, optional: true}
outputs:
  model: {type: uri_folder}
  other: {type: uri_folder, path: azureml://datastores/workspacefilestore/paths/there}
limits: {timeout: 3600}
"""
SWEEP = """\
type: sweep
experiment_name: swept
trial:
  code: src
  command: python train.py --lr ${{search_space.lr}} --batch ${{search_space.batch}} --epochs ${{inputs.epochs}}
  environment: {image: "python:3.11"}
inputs: {epochs: 3}
compute: azureml:gpu
sampling_algorithm: grid
search_space:
  lr: {type: choice, values: [0.1, 0.01]}
  batch: {type: choice, values: [16, 32]}
objective: {goal: maximize, primary_metric: val/acc}
limits: {max_total_trials: 12, trial_timeout: 600}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("src/train.py", "data/x.csv"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("")
    return tmp_path


def imported(project: Path, text: str, *changes: str, compute: str = "") -> tuple[Scenario, list[str]]:
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    (project / "it.yml").write_text(text)
    (project / "compute.yml").write_text(compute)
    result = import_files([project / "it.yml", *([project / "compute.yml"] if compute else [])], project)
    (project / "imported.yaml").write_text(result.text)
    return load_scenario(project / "imported.yaml"), [note.replace(f"{project}/", "") for note in result.notes]


def test_a_command_becomes_a_shell_command_with_parameters_and_directories(project: Path) -> None:
    scenario, notes = imported(project, JOB)
    job = scenario.job
    assert job.toolkit == "customToolkit"
    assert job.command is not None
    assert job.command.endswith(
        "&& python train.py --lr 0.001 --data $AZ_BATCHAI_INPUT_data  --seed 7 --out $AZ_BATCHAI_OUTPUT_model "
        '&& echo "${HOME}" {1..3}'
    )
    assert scenario.parameters == {"lr": 0.001, "seed": 7}
    assert job.inputs == {
        "data": "$AZ_BATCHAI_MOUNT_ROOT/azurefileshare/data",
        "blob": "$AZ_BATCHAI_MOUNT_ROOT/workspaceblobstore/a/b",
        "CODE": "$AZ_BATCHAI_MOUNT_ROOT/azurefileshare/src",
    }
    assert job.outputs["other"].prefix == "$AZ_BATCHAI_MOUNT_ROOT/workspacefilestore/there"
    assert job.environment == {"VERSION": "1.10", "WHERE": "$AZ_BATCHAI_INPUT_blob"}
    assert (job.image, job.nodes, scenario.limits.running.total_seconds()) == ("python:3.11", 2, 3600)
    assert [(volume.kind, volume.name) for volume in scenario.volumes.values()] == [
        ("share", "first-files"), ("share", "workspacefilestore"), ("container", "workspaceblobstore"),
    ]  # fmt: skip
    assert notes == ["it.yml:11: compute: its size is not known; the scenario has 2 node(s) STANDARD_NC6"]


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ("{image: \"python:3.11\"}", "azureml:mine@latest",
         "it.yml:9: environment: only the workspace knows azureml:mine@latest"),
        ("limits:", "identity: {type: managed}\nlimits:", "identity: is not imported"),
        ("limits:", "odd: 1\nlimits:", "it.yml:22: odd: is not imported: a scenario has no such field"),
        ("path: ./data", "path: https://example.org/x", "inputs.data.path: https://example.org/x is not downloaded"),
        ("path: ./data", "path: azureml:mine:1", "inputs.data.path: azureml:mine:1 is not downloaded"),
        ("path: ./data", "path: ./gone", "inputs.data.path: gone does not exist"),
        ("${{outputs.model}}", "${{outputs.modle}}", "it.yml:6: command: ${{outputs.modle}} refers to nothing"),
        ("timeout: 3600", "timeout: 0", "it.yml:22: limits.timeout: is not imported: 0 is not between 1 s and 7 days"),
        ("instance_count: 2", "instance_count: 2, instance_type: Standard_Odd", "instance_type: Standard_Odd is not"),
        ("limits:", "distribution: {type: pytorch}\nlimits:", "type: is not imported: the command is"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_noted_with_its_line(project: Path, old: str, new: str, note: str) -> None:
    _, notes = imported(project, JOB, old, new)
    assert any(note in message for message in notes), notes


def test_processes_of_mpi_and_pytorch_are_counted_over_all_nodes(project: Path) -> None:
    mpi = "distribution: {type: mpi, process_count_per_instance: 3}\nlimits:"
    scenario, _ = imported(project, JOB, "limits:", mpi)
    assert (scenario.job.toolkit, scenario.job.processes) == ("customMpi", 6)
    plain = (
        JOB[: JOB.index("  python train")]
        + "  python train.py --lr ${{inputs.lr}}\n"
        + JOB[JOB.index("environment:") :]
    )
    ranks = "distribution: {type: pytorch, process_count_per_instance: 3}\nlimits:"
    scenario, notes = imported(project, plain, "limits:", ranks)
    assert (scenario.job.toolkit, scenario.job.processes) == ("pyTorch", 6)
    assert scenario.job.script == "$AZ_BATCHAI_INPUT_CODE/train.py"
    assert any("not RANK" in note for note in notes)


def test_a_grid_becomes_a_grid_and_the_objective_a_goal(project: Path) -> None:
    scenario, notes = imported(project, SWEEP)
    assert [trial.id for trial in scenario.trials] == [
        "lr=0.1,batch=16", "lr=0.1,batch=32", "lr=0.01,batch=16", "lr=0.01,batch=32",
    ]  # fmt: skip
    assert (scenario.job.command or "").endswith("python train.py --lr 0.1 --batch 16 --epochs 3")
    assert scenario.sweep.goal is not None
    assert scenario.sweep.goal.maximize == ("val_acc",)
    assert scenario.metrics["val_acc"].pattern == r"val/acc\s*[=:]\s*(\S+)"
    assert any(note.startswith("it.yml:13: objective.primary_metric: is read from the log") for note in notes)


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("{type: uniform, min_value: 0, max_value: 1}", RangeSpec(low=0.0, high=1.0)),
        ("{type: quniform, min_value: 0, max_value: 1, q: 0.25}", RangeSpec(low=0.0, high=1.0, step=0.25)),
        ("{type: loguniform, min_value: -6, max_value: 0}", RangeSpec(low=0.00247875217667, high=1.0, log=True)),
        ("{type: normal, mu: 0, sigma: 1}", RangeSpec(low=-3.0, high=3.0)),
        ("{type: randint, upper: 4}", RangeSpec(low=0, high=3)),
    ],
)
def test_distributions_become_ranges(project: Path, written: str, values: RangeSpec) -> None:
    drawn = "sampling_algorithm: {type: random, rule: sobol, seed: 3}"
    scenario, _ = imported(
        project, SWEEP, "sampling_algorithm: grid", drawn, "{type: choice, values: [0.1, 0.01]}", written
    )
    sample = scenario.sweep.sobol
    assert sample is not None
    assert sample.space["lr"] == values
    assert sample.seed == 3


def test_random_draws_no_more_points_than_there_are(project: Path) -> None:
    scenario, _ = imported(project, SWEEP, "sampling_algorithm: grid", "sampling_algorithm: random")
    assert len(scenario.trials) == 4


def test_bayesian_sampling_becomes_a_search(project: Path) -> None:
    scenario, notes = imported(project, SWEEP, "sampling_algorithm: grid", "sampling_algorithm: bayesian")
    assert scenario.sweep.search is not None
    assert (scenario.sweep.search.trials, scenario.sweep.search.sampler.name) == (12, "tpe")
    assert any("sampling_algorithm: Optuna's sampler TPE chooses" in note for note in notes)


def test_a_swept_name_that_the_command_does_not_use_reaches_the_job_nevertheless(project: Path) -> None:
    scenario, notes = imported(project, SWEEP, " --batch ${{search_space.batch}}", "")
    assert scenario.trials[0].job.environment == {"BATCH": "16"}
    assert any("search_space.batch: the command does not use it" in note for note in notes)


def test_a_compute_becomes_the_cluster(project: Path) -> None:
    compute = (
        "type: amlcompute\nname: mine\nsize: STANDARD_D2_V2\ntier: low_priority\nmin_instances: 0\nmax_instances: 3\n"
    )
    cluster = imported(project, JOB, compute=compute)[0].cluster
    assert (cluster.name, cluster.vm_size, cluster.priority) == ("mine", "STANDARD_D2_V2", "lowpriority")
    assert cluster.nodes == NodeRange(min=0, max=3)


def test_a_cluster_gets_room_for_its_job_and_keeps_its_minimum(project: Path) -> None:
    compute = "type: amlcompute\nname: mine\nsize: STANDARD_D2_V2\nmin_instances: 1\nmax_instances: {most}\n"
    four = ("instance_count: 2", "instance_count: 4")
    assert imported(project, JOB, *four, compute=compute.format(most=2))[0].cluster.nodes == NodeRange(min=1, max=4)
    assert imported(project, JOB, *four, compute=compute.format(most=1))[0].cluster.nodes == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type: command\ncommand: ''\n", "it.yml:2: command: is missing"),
        ("type: pipeline\njobs: {}\n", "cannot be imported .type 'pipeline'."),
        (SWEEP.replace("choice", "odd"), "search_space.lr.type: odd is not a known distribution"),
        (SWEEP.replace("values: [16, 32]", "values: []"), "search_space.batch.values: are missing"),
    ],
)
def test_what_no_scenario_can_run_is_refused(project: Path, text: str, message: str) -> None:
    (project / "it.yml").write_text(text)
    with pytest.raises(UserError, match=message):
        import_files([project / "it.yml"], project)
