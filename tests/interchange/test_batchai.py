"""Jobs and clusters of Batch AI, in the form of Microsoft's recipes, as scenarios."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.errors import UserError
from harness.interchange import import_files
from harness.scenario.cluster import NodeRange
from harness.scenario.load import load_scenario
from harness.scenario.model import Scenario

SHARE = "https://<STORAGE_ACCOUNT_NAME>.file.core.windows.net"
JOB: dict[str, Any] = {
    "$schema": "https://example.org/2018-05-01/job.json",
    "properties": {
        "nodeCount": 2,
        "cntkSettings": {
            "pythonScriptFilePath": "$AZ_BATCHAI_JOB_MOUNT_ROOT/scripts/cntk/train.py",
            "commandLineArgs": "--data $AZ_BATCHAI_JOB_MOUNT_ROOT/data/mnist --range {1..3} --home ${HOME}",
            "processCount": 4,
        },
        "stdOutErrPathPrefix": "$AZ_BATCHAI_JOB_MOUNT_ROOT/logs",
        "inputDirectories": [{"id": "OLD", "path": "$AZ_BATCHAI_MOUNT_ROOT/external/old"}],
        "outputDirectories": [
            {"id": "MODEL", "pathPrefix": "${AZ_BATCHAI_JOB_MOUNT_ROOT}/logs", "pathSuffix": "Models"}
        ],
        "environmentVariables": [{"name": "VERSION", "value": "3.10"}],
        "jobPreparation": {"commandLine": "pip install h5py"},
        "mountVolumes": {
            "azureFileShares": [
                {"azureFileUrl": f"{SHARE}/logs", "relativeMountPath": "logs"},
                {"azureFileUrl": f"{SHARE}/code/scripts", "relativeMountPath": "scripts"},
            ],
            "azureBlobFileSystems": [{"accountName": "a", "containerName": "data", "relativeMountPath": "data"}],
        },
        "containerSettings": {"imageSourceRegistry": {"serverUrl": "my.azurecr.io", "image": "cntk:2.5"}},
        "constraints": {"maxWallClockTime": "PT1H30M"},
    },
}
CLUSTER: dict[str, Any] = {
    "properties": {
        "vmSize": "Standard_NC24",
        "vmPriority": "lowpriority",
        "scaleSettings": {"autoScale": {"minimumNodeCount": 0, "maximumNodeCount": 4}},
        "nodeSetup": {
            "setupTask": {
                "commandLine": "sh $AZ_BATCHAI_MOUNT_ROOT/external/setup.sh",
                "stdOutErrPathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/external",
                "environmentVariables": [{"name": "A", "value": "b"}],
            },
            "mountVolumes": {"azureFileShares": [{"azureFileUrl": f"{SHARE}/nfs", "relativeMountPath": "external"}]},
        },
    }
}


def written(path: Path, document: dict[str, Any], **changes: Any) -> Path:
    """Write a file of Batch AI; ``changes`` replace properties, and None removes one."""
    properties = {**document["properties"], **changes}
    present = {name: value for name, value in properties.items() if value is not None}
    path.write_text(json.dumps({**document, "properties": present}, indent=2))
    return path


def scenario_of(directory: Path, *paths: Path) -> tuple[Scenario, tuple[str, ...]]:
    imported = import_files(paths, directory)
    target = directory / "imported.yaml"
    target.write_text(imported.text)
    return load_scenario(target), tuple(note.replace(f"{directory}/", "") for note in imported.notes)


@pytest.fixture
def recipe(tmp_path: Path) -> tuple[Scenario, tuple[str, ...]]:
    return scenario_of(tmp_path, written(tmp_path / "train.json", JOB), written(tmp_path / "cluster.json", CLUSTER))


def test_each_mount_becomes_a_volume_and_paths_follow_it(recipe: tuple[Scenario, tuple[str, ...]]) -> None:
    scenario, notes = recipe
    volumes = {volume.mount: (volume.kind, volume.name) for volume in scenario.volumes.values()}
    assert volumes == {
        "external": ("share", "nfs"),
        "logs": ("share", "logs"),
        "scripts": ("share", "code"),
        "data": ("container", "data"),
    }
    job = scenario.job
    assert (
        job.script == "$AZ_BATCHAI_MOUNT_ROOT/scripts/scripts/cntk/train.py"
    )  # the directory of the share that was mounted
    assert job.args == "--data $AZ_BATCHAI_MOUNT_ROOT/data/mnist --range {1..3} --home ${HOME}"
    assert job.stdouterr == "$AZ_BATCHAI_MOUNT_ROOT/logs"
    assert job.inputs == {"OLD": "$AZ_BATCHAI_MOUNT_ROOT/external/old"}
    assert (job.outputs["MODEL"].prefix, job.outputs["MODEL"].suffix) == ("$AZ_BATCHAI_MOUNT_ROOT/logs", "Models")
    assert notes == ()


def test_job_and_cluster_keep_what_a_scenario_has(recipe: tuple[Scenario, tuple[str, ...]]) -> None:
    scenario, _ = recipe
    job, cluster = scenario.job, scenario.cluster
    assert (job.toolkit, job.nodes, job.processes, job.image) == ("cntk", 2, 4, "my.azurecr.io/cntk:2.5")
    assert (job.preparation, job.environment) == ("pip install h5py", {"VERSION": "3.10"})
    assert scenario.limits.running.total_seconds() == 5400
    assert (cluster.vm_size, cluster.priority, cluster.nodes) == (
        "Standard_NC24",
        "lowpriority",
        NodeRange(min=0, max=4),
    )
    assert cluster.setup is not None
    assert cluster.setup.command == "sh $AZ_BATCHAI_MOUNT_ROOT/external/setup.sh"
    assert cluster.setup.environment == {"A": "b"}


def test_what_cannot_be_imported_is_noted_with_its_line(tmp_path: Path) -> None:
    job = written(
        tmp_path / "train.json",
        JOB,
        secrets=[{"name": "K", "value": "hidden"}],
        schedulingPriority="high",
        odd={"a": 1},
    )
    text = job.read_text().splitlines()

    def line(word: str) -> int:
        return next(number for number, row in enumerate(text, 1) if f'"{word}"' in row)

    cluster = written(
        tmp_path / "cluster.json", CLUSTER, userAccountSettings={"adminUserName": "a", "adminUserPassword": "hidden"}
    )
    scenario, notes = scenario_of(tmp_path, job, cluster)
    assert f"train.json:{line('secrets')}: properties.secrets: is not imported: a scenario has no secrets" in notes
    assert any(
        note.startswith(f"train.json:{line('schedulingPriority')}: properties.schedulingPriority:") for note in notes
    )
    assert any(note.startswith(f"train.json:{line('odd')}: properties.odd: is not imported") for note in notes)
    assert any("properties.userAccountSettings: is not imported" in note for note in notes)
    imported = scenario.path.read_text()
    assert all(note in imported for note in notes)
    assert "hidden" not in imported


def test_without_a_cluster_its_mounts_and_nodes_are_guessed_with_a_note(tmp_path: Path) -> None:
    scenario, notes = scenario_of(tmp_path, written(tmp_path / "train.json", JOB))
    assert ("share", "external") in {(volume.kind, volume.name) for volume in scenario.volumes.values()}
    assert scenario.cluster.nodes == 2
    assert [note.partition(": ")[2] for note in notes] == [
        "properties: no cluster file was given; the scenario's cluster has 2 node(s) STANDARD_NC6",
        (
            "properties.inputDirectories.0.path: external is used, but no given cluster mounts it; "
            "the share external replaces it"
        ),
    ]


@pytest.mark.parametrize(
    ("mounts", "note"),
    [
        ({"fileServers": [{"fileServer": {"id": "/x"}, "relativeMountPath": "logs"}]}, "the share logs replaces it"),
        ({"unmanagedFileSystems": [{"mountCommand": "mount x", "relativeMountPath": "logs"}]},
         "the share logs replaces"),
        ({"azureFileShares": [{"azureFileUrl": f"{SHARE}/<NAME>", "relativeMountPath": "logs"}]},
         "'<NAME>' cannot be the name of a share; name replaces it"),
        ({"azureFileShares": [{"azureFileUrl": "https://one.file.core.windows.net/aaa", "relativeMountPath": "logs"},
                              {"azureFileUrl": "https://two.file.core.windows.net/bbb", "relativeMountPath": "b"}]},
         "account two is a second account"),
    ],
)  # fmt: skip
def test_volumes_that_a_scenario_cannot_have_are_replaced_with_a_note(
    tmp_path: Path, mounts: dict[str, Any], note: str
) -> None:
    only = {"pythonScriptFilePath": "/opt/train.py"}
    job = written(tmp_path / "train.json", JOB, mountVolumes=mounts, inputDirectories=None, cntkSettings=only)
    _, notes = scenario_of(tmp_path, job)
    assert any(note in message for message in notes)


@pytest.mark.parametrize(
    ("toolkit", "settings", "expected"),
    [
        ("tensorFlowSettings", {"masterCommandLineArgs": "m", "workerCommandLineArgs": "w",
                                "parameterServerCommandLineArgs": "p", "workerCount": 2, "parameterServerCount": 1},
         {"args": "m", "worker_args": "w", "parameter_server_args": "p", "workers": 2, "parameter_servers": 1}),
        ("horovodSettings", {"commandLineArgs": "a", "processCount": 2}, {"args": "a", "processes": 2}),
        ("pyTorchSettings", {"pythonInterpreterPath": "/usr/bin/python3"}, {"interpreter": "/usr/bin/python3"}),
        ("customMpiSettings", {"commandLine": "hostname", "processCount": 2}, {"command": "hostname", "processes": 2}),
        ("customToolkitSettings", {"commandLine": "echo $AZ_BATCHAI_JOB_MOUNT_ROOT/logs"},
         {"command": "echo $AZ_BATCHAI_MOUNT_ROOT/logs"}),
    ],
)  # fmt: skip
def test_every_toolkit_is_imported(
    tmp_path: Path, toolkit: str, settings: dict[str, Any], expected: dict[str, Any]
) -> None:
    script = {} if "commandLine" in settings else {"pythonScriptFilePath": "/opt/train.py"}
    job = written(tmp_path / "t.json", JOB, **{"cntkSettings": None, toolkit: {**script, **settings}})
    scenario, _ = scenario_of(tmp_path, job)
    assert scenario.job.toolkit == toolkit.removesuffix("Settings")
    assert {name: getattr(scenario.job, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cntkSettings": {"configFilePath": "x.cntk"}},
         "train.json:6: properties.cntkSettings.configFilePath: is BrainScript"),
        ({"cntkSettings": {"commandLineArgs": "x"}}, "properties.cntkSettings: has no pythonScriptFilePath"),
        ({"caffeSettings": {"pythonScriptFilePath": "x"}}, "settings of exactly one toolkit; found cntk"),
        ({"stdOutErrPathPrefix": None}, "properties.stdOutErrPathPrefix: is missing"),
        ({"nodeCount": "two"}, "properties.nodeCount: must be a whole number"),
        ({"mountVolumes": []}, "properties.mountVolumes: must be a mapping"),
        ({"inputDirectories": {"id": "x"}}, "properties.inputDirectories: must be a list"),
    ],
)  # fmt: skip
def test_what_no_scenario_can_run_is_refused_with_its_line(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        import_files([written(tmp_path / "train.json", JOB, **changes)])
    assert message in str(caught.value)


def test_one_job_and_one_cluster_make_a_scenario(tmp_path: Path) -> None:
    job, cluster = written(tmp_path / "j.json", JOB), written(tmp_path / "c.json", CLUSTER)
    for paths, message in (
        ([cluster], "an import needs the file of exactly one job; given"),
        ([job, job], "an import needs the file of exactly one job; given"),
        ([job, cluster, cluster], "a job runs on one cluster; given"),
    ):
        with pytest.raises(UserError, match=message):
            import_files(paths)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", r"x.json:1: this is not a mapping"),
        ('{"a": ', r"x.json:\d+: this is not YAML"),
        (
            '{"a": 1}',
            r"x.json: cannot be imported [(]a[)]; import accepts job and cluster files of az batchai",
        ),
        ("\x00", "x.json: cannot be read|this is not YAML"),
        ("[" * 1000, "nested deeper than"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        import_files([path])


def test_the_escapes_of_json_are_read(tmp_path: Path) -> None:
    job = written(tmp_path / "train.json", JOB)
    job.write_text(job.read_text().replace("h5py", "\\ud83d\\ude00 \\/ \\\\\\/").replace("https://<", "https:\\/\\/<"))
    scenario, _ = scenario_of(tmp_path, job)
    assert scenario.job.preparation == "pip install \U0001f600 / \\/"
    assert ("share", "logs") in {(volume.kind, volume.name) for volume in scenario.volumes.values()}


def test_what_az_shows_of_a_cluster_and_a_job_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(json.dumps({"name": "shown", "id": "/x", "secrets": None, **JOB["properties"]}))
    (tmp_path / "cluster.json").write_text(json.dumps({"name": "mine", "subnet": None, **CLUSTER["properties"]}))
    scenario, _ = scenario_of(tmp_path, tmp_path / "job.json", tmp_path / "cluster.json")
    assert (scenario.scenario, scenario.cluster.name) == ("shown", "mine")


def test_the_command_writes_a_scenario_that_passes_a_dry_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job, cluster = written(tmp_path / "job.json", JOB), written(tmp_path / "cluster.json", CLUSTER)
    target = tmp_path / "with a space" / "imported.yaml"
    assert main(["import", str(job), str(cluster), "--out", str(target)]) == 0
    assert main(["run", str(target), "--dry-run"]) == 0
    assert "blob container  data, mounted at" in capsys.readouterr().out
    assert main(["import", str(job), "--out", str(target)]) == 2
    assert "already exists, and nothing is overwritten" in capsys.readouterr().err


def test_the_command_prints_a_scenario_and_notes_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(written(tmp_path / "train.json", JOB))]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("# Imported from train.json by harness import.\n")
    assert "note: " in captured.err
    (tmp_path / "imported.yaml").write_text(captured.out)
    assert load_scenario(tmp_path / "imported.yaml").scenario == "train"


def test_a_hostile_name_of_a_field_stays_in_its_comment(tmp_path: Path) -> None:
    job = written(tmp_path / "train.json", {**JOB, "x\nlocation: evil\x1b]0;title\x07": 1})
    scenario, notes = scenario_of(tmp_path, job)
    assert scenario.location != "evil"
    assert [note for note in notes if "evil" in note and "\n" not in note and "\x1b" not in note]


def test_the_number_of_volumes_is_bounded(tmp_path: Path) -> None:
    shares = [{"azureFileUrl": f"{SHARE}/share{number}", "relativeMountPath": "x"} for number in range(150)]
    properties = {**JOB["properties"], "mountVolumes": {"azureFileShares": shares}}
    with pytest.raises(UserError, match="more than 100 volumes"):
        import_files([written(tmp_path / "train.json", {"properties": properties})])


def test_unread_fields_of_a_large_file_are_visited_once(tmp_path: Path) -> None:
    variables = [{"name": f"V{number}", "value": "x", "other": 1} for number in range(2500)]
    properties = {**JOB["properties"], "environmentVariables": variables}
    notes = import_files([written(tmp_path / "train.json", {"properties": properties})]).notes
    assert len([note for note in notes if ".other" in note]) == 200
