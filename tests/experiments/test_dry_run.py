"""What ``harness run --dry-run`` prints, and what it finds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ScenarioError
from harness.experiments.dry_run import describe
from harness.scenario.model import Scenario
from harness.services.batchai import BatchAiService

Changed = Callable[[str, str], Scenario]


def write_script(scenario: Scenario) -> Path:
    path = scenario.path.parent / "files" / "ConvNet_MNIST.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    return path


def test_every_file_is_listed_with_its_source(changed: Changed) -> None:
    scenario = changed("", "")
    path = write_script(scenario)
    shown = describe(scenario, BatchAiService(), cloud="emulator")
    assert "mnistcntksample/ the data set mnist-ctf" in shown
    assert f"mnistcntksample/ConvNet_MNIST.py from {path}" in shown


def test_a_size_that_the_emulator_does_not_have_is_refused_with_the_nearest(changed: Changed) -> None:
    scenario = changed("STANDARD_NC6,", "STANDARD_NC6s_v9,")
    write_script(scenario)
    with pytest.raises(ScenarioError, match=r":12: cluster\.vm_size: there is no VM size 'STANDARD_NC6s_v9'; did you"):
        describe(scenario, BatchAiService(), cloud="emulator")
    assert "STANDARD_NC6s_v9, a size that is not known here" in describe(scenario, BatchAiService(), cloud="azure")


def test_a_script_that_is_not_uploaded_is_named(changed: Changed) -> None:
    scenario = changed("SAMPLE/ConvNet_MNIST.py", "SAMPLE/ConvNet_MNITS.py")
    write_script(scenario)
    shown = describe(scenario, BatchAiService(), cloud="emulator")
    assert "mnistcntksample/ConvNet_MNITS.py is not uploaded: it must be on the share already" in shown
    assert "is not uploaded" not in describe(changed("", ""), BatchAiService(), cloud="emulator")


def test_of_very_many_trials_the_first_are_shown(changed: Changed) -> None:
    scenario = changed("sweep: {}", f"sweep: {{grid: {{epochs: [{', '.join(map(str, range(1000)))}]}}}}")
    write_script(scenario)
    shown = describe(scenario, BatchAiService(), cloud="emulator")
    assert "trials          1000, at most 1 node(s) at a time" in shown
    assert shown.endswith("and 950 more")
    assert shown.count("cntk job") == 50
    assert "trials          3," in describe(scenario, BatchAiService(), cloud="emulator", limit=3)
