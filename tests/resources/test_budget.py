from pathlib import Path

import pytest

from harness.clock import SteppingClock
from harness.config import Settings
from harness.errors import BudgetError, SettingsError
from harness.resources.budget import Budget, BudgetMeter, budget_of, most_node_hours, node_price
from harness.scenario.load import load_scenario
from harness.scenario.model import Scenario
from harness.vm_sizes import vm_size

QUICKSTART = Path(__file__).parents[2] / "scenarios" / "mnist_quickstart.yaml"


def quickstart(tmp_path: Path, **changes: tuple[str, str]) -> Scenario:
    text = QUICKSTART.read_text()
    for old, new in changes.values():
        text = text.replace(old, new)
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    return load_scenario(path)


def test_waiting_for_nodes_and_waiting_and_running_of_jobs_count_at_their_limits(tmp_path: Path) -> None:
    assert most_node_hours(quickstart(tmp_path), 1, job_nodes=1) == 0.5 + (0.5 + 2)


def test_trials_that_run_side_by_side_share_their_time(tmp_path: Path) -> None:
    nodes = ("vm_size: STANDARD_NC6, nodes: 1", "vm_size: STANDARD_NC6, nodes: {min: 0, max: 2}")
    assert most_node_hours(quickstart(tmp_path, nodes=nodes), 4, job_nodes=1) == 2 * (0.5 + 2 * (0.5 + 2))


def test_a_search_that_runs_fewer_trials_at_a_time_takes_longer(tmp_path: Path) -> None:
    nodes = ("vm_size: STANDARD_NC6, nodes: 1", "vm_size: STANDARD_NC6, nodes: 2")
    search = ("sweep: {}", "sweep: {search: {space: {epochs: [1, 2]}, trials: 4, at_once: 1}, goal: {minimize: loss}}")
    scenario = quickstart(tmp_path, nodes=nodes, search=search)
    assert most_node_hours(scenario, 4, job_nodes=1) == 2 * (0.5 + 4 * (0.5 + 2))


def test_attempts_of_one_trial_follow_one_another(tmp_path: Path) -> None:
    nodes = ("vm_size: STANDARD_NC6, nodes: 1", "vm_size: STANDARD_NC6, nodes: 2")
    retried = quickstart(tmp_path, nodes=nodes, retries=("sweep: {}", "retries: {timeout: 2}"))
    assert most_node_hours(retried, 1, job_nodes=1) == 2 * (0.5 + 3 * (0.5 + 2))


def test_a_size_without_a_known_price_has_none_unless_a_setting_gives_it() -> None:
    assert node_price(Settings(), "Standard_X1") is None
    assert node_price(Settings(vm_price=2), "Standard_X1") == 2
    assert node_price(Settings(), "Standard_NC6") == 0.90


def test_sizes_are_known_in_any_casing() -> None:
    assert vm_size("Standard_NC6s_v3").family == "NCv3"


def test_no_budget_admits_everything() -> None:
    assert budget_of(Settings(), "STANDARD_NC6") is None
    BudgetMeter(SteppingClock(), None, nodes=100).admit("anything", seconds=1e9)


def test_the_lower_of_two_budgets_counts() -> None:
    budget = budget_of(Settings(max_node_hours=10, max_price=0.9), "STANDARD_NC6")
    assert budget == Budget(1.0, "max_price is 0.9, and a node-hour of STANDARD_NC6 costs 0.9")


def test_a_budget_of_price_without_a_price_says_which_setting_to_give() -> None:
    with pytest.raises(SettingsError, match="price of VM size STANDARD_X1 is not known; set vm_price"):
        budget_of(Settings(max_price=1), "STANDARD_X1")


def test_what_might_exceed_the_budget_is_stopped_before_it_begins() -> None:
    clock = SteppingClock()
    meter = BudgetMeter(clock, Budget(4.0, "max_node_hours is 4"), nodes=2)
    meter.admit("trial a", seconds=3600)
    clock.sleep(3600)
    assert (meter.node_hours, meter.seconds_left) == (2.0, 3600.0)
    meter.admit("trial b", seconds=3600)
    with pytest.raises(BudgetError, match=r"trial c may use 2\.01 node-hours; 2\.00 are used.* budget is 4\.00"):
        meter.admit("trial c", seconds=3620)
