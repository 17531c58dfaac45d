"""Several shares and containers in one scenario."""

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from harness.errors import ScenarioError
from harness.scenario.load import load_scenario
from harness.scenario.schema import scenario_schema

SCENARIO = """\
scenario: several
resource_group: several
share: {name: first}
shares:
  - {name: second, mount: second}
containers:
  - {name: first, mount: blobs/here, directory: data, upload: [{file: several.yaml}]}
cluster: {name: c}
job:
  name: j
  toolkit: customToolkit
  command: ls $AZ_BATCHAI_INPUT_DATA
  inputs: {DATA: $AZ_BATCHAI_MOUNT_ROOT/blobs/here/data}
  outputs: {MODEL: {prefix: $AZ_BATCHAI_MOUNT_ROOT/second/deep}}
  stdouterr: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare
"""


def written(tmp_path: Path, *changes: str) -> Path:
    text = SCENARIO
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "several.yaml"
    path.write_text(text)
    return path


def mistakes(path: Path) -> str:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    return str(caught.value).replace(f"{path.parent}/", "")


def test_volumes_have_the_order_of_the_format(tmp_path: Path) -> None:
    volumes = load_scenario(written(tmp_path)).volumes
    assert {path: (volume.kind, volume.name, volume.mount) for path, volume in volumes.items()} == {
        ("share",): ("share", "first", "azurefileshare"),
        ("shares", 0): ("share", "second", "second"),
        ("containers", 0): ("container", "first", "blobs/here"),
    }


def test_a_container_alone_is_enough(tmp_path: Path) -> None:
    path = written(
        tmp_path, "share: {name: first}\nshares:\n  - {name: second, mount: second}\n", "", "azurefileshare",
        "blobs/here", "second/deep", "blobs/here",
    )  # fmt: skip
    assert [volume.name for volume in load_scenario(path).volumes.values()] == ["first"]
    assert not list(Draft202012Validator(scenario_schema()).iter_errors(yaml.safe_load(path.read_text())))


def test_without_storage_the_remedy_is_named(tmp_path: Path) -> None:
    lines = SCENARIO.splitlines(keepends=True)
    path = written(tmp_path, "".join(lines[2:7]), "")
    assert mistakes(path) == (
        "several.yaml:1: share: a job needs storage for its logs: give share, shares or containers"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mount: second}", "mount: azurefileshare}",
         "several.yaml:5: shares.0.mount: 'azurefileshare' is taken: nodes mount share at 'azurefileshare'"),
        ("mount: second}", "mount: blobs}",
         "several.yaml:7: containers.0.mount: 'blobs/here' is taken: nodes mount shares.0 at 'blobs'"),
        ("name: second,", "name: first,", "yaml:5: shares.0.name: share first is already in share; mount it once"),
        ("mount: second}", "mount: ../second}", "several.yaml:5: shares.0.mount: '../second' leaves the share"),
        ("directory: data", "directory: /data", "several.yaml:7: containers.0.directory: '/data' leaves the container"),
        ("name: first, mount: blobs", "name: First, mount: blobs", "several.yaml:7: containers.0.name: "),
        ("ROOT/second/deep", "ROOT/secnd/deep",
         "several.yaml:14: job.outputs.MODEL.prefix: '$AZ_BATCHAI_MOUNT_ROOT/secnd/deep' is on no share or container"),
        ("ROOT/second/deep", "ROOT/secnd",
         "mounted at $AZ_BATCHAI_MOUNT_ROOT/azurefileshare, $AZ_BATCHAI_MOUNT_ROOT/second, $AZ"),
        ("cluster: {name: c}", "cluster: {name: c, setup: {command: ls, stdouterr: $AZ_BATCHAI_MOUNT_ROOT/no}}",
         "several.yaml:8: cluster.setup.stdouterr: '$AZ_BATCHAI_MOUNT_ROOT/no' is on no share"),
        ("name: j\n", "name: j\n  processes: 2\n",
         "several.yaml:11: job.processes: toolkit customToolkit has no processes; it is for cntk, pyTorch"),
        ("blobs/here/data", "blobs/there", "several.yaml:13: job.inputs.DATA: "),
    ],
)  # fmt: skip
def test_what_cannot_work_is_reported_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert message in mistakes(written(tmp_path, old, new))
