"""What ``harness run --dry-run`` prints, and what it finds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ScenarioError, UserError
from harness.experiments.dry_run import describe
from harness.scenario.load import load_scenario
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
    assert "STANDARD_NC6s_v9, a size that the harness does not know" in describe(
        scenario, BatchAiService(), cloud="azure"
    )


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


def test_of_one_trial_that_is_named_nothing_else_counts(changed: Changed) -> None:
    scenario = changed("sweep: {}", "sweep: {grid: {epochs: [1, 2, 3]}}")
    write_script(scenario)
    shown = describe(scenario, BatchAiService(), cloud="emulator", trial="epochs=2")
    assert "at most         3.00 node-hours" in shown
    assert "trials          1," in shown
    assert shown.count("cntk job") == 1
    with pytest.raises(UserError, match="'epoch=2' gives no swept name a value; did you mean 'epochs'"):
        describe(scenario, BatchAiService(), cloud="emulator", trial="epoch=2")


def test_the_largest_job_says_how_many_run_at_a_time(changed: Changed) -> None:
    path = changed("nodes: 1}", "nodes: 2}").path
    text = (
        path.read_text().replace("  nodes: 1\n", "  nodes: '{count}'\n").replace("{epochs: 5}", "{epochs: 5, count: 1}")
    )
    path.write_text(text.replace("sweep: {}", "sweep: {grid: {count: [1, 2], epochs: [1, 2]}}"))
    scenario = load_scenario(path)
    write_script(scenario)
    shown = describe(scenario, BatchAiService(), cloud="emulator")
    assert f"at most         {2 * (0.5 + 4 * 2.5):.2f} node-hours" in shown
