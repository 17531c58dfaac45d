"""Where the script of a job is."""

import pytest

from harness.experiments.script_location import script_on_volume
from harness.scenario.model import Scenario
from harness.scenario.volumes import ContainerSpec


@pytest.mark.parametrize(
    ("script", "path"),
    [
        ("$AZ_BATCHAI_INPUT_SAMPLE/train.py", "mnistcntksample/train.py"),
        ("${AZ_BATCHAI_INPUT_SAMPLE}/deep/train.py", "mnistcntksample/deep/train.py"),
        ("$AZ_BATCHAI_MOUNT_ROOT/azurefileshare/train.py", "train.py"),
        ("$AZ_BATCHAI_MOUNT_ROOT/another/train.py", None),
        ("$AZ_BATCHAI_JOB_TEMP/train.py", None),
        ("/opt/train.py", None),
    ],
)
def test_a_script_on_the_share_is_found_there(quickstart: Scenario, script: str, path: str | None) -> None:
    job = quickstart.job.model_copy(update={"script": script})
    assert script_on_volume(job, quickstart) == (None if path is None else (("share",), path))


def test_a_script_in_a_container_is_found_there(quickstart: Scenario) -> None:
    job = quickstart.job.model_copy(update={"script": "$AZ_BATCHAI_MOUNT_ROOT/blobs/code/train.py"})
    scenario = quickstart.model_copy(update={"containers": (ContainerSpec(name="code", mount="blobs"),)})
    assert script_on_volume(job, scenario) == (("containers", 0), "code/train.py")
