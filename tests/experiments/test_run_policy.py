"""How a run may use a cloud."""

from typing import Any

import pytest

from harness.clock import SteppingClock
from harness.config import Settings
from harness.errors import BudgetError
from harness.experiments.run_policy import RunPolicy, policy_for
from harness.resources.budget import check_budget
from harness.scenario.model import Scenario
from harness.services.service import ClusterPlan
from tests.fakes import provisioning


class RecordingService:
    """A service that records the requests it gets."""

    name = "batchai"

    def __init__(self) -> None:
        self.requests: list[str] = []

    def available_size(self, vm_size: str) -> str:
        return vm_size

    def substitutions(self, *, vm_size: str, image: str | None) -> tuple[str, ...]:
        return (f"another size than {vm_size}",) if image is not None else ()

    def check_plan(self, _provisioning: object, _plan: ClusterPlan) -> None:
        """Every plan can run."""

    def prepare(self, _provisioning: object) -> None:
        self.requests.append("prepare")

    def check_quota(self, _provisioning: object, *, name: str, plan: ClusterPlan) -> tuple[str, ...]:
        self.requests.append(f"quota of {plan.location} for {name}: {plan.max_nodes} x {plan.vm_size}")
        return ("a doubt",)


def test_a_scenario_whose_first_trial_may_exceed_the_budget_does_not_begin(quickstart: Scenario) -> None:
    clock = SteppingClock()
    check_budget(clock, quickstart, Settings(max_node_hours=2.6), size="STANDARD_NC6")
    with pytest.raises(BudgetError, match=r"one trial of mnist-quickstart.* may use 2\.50 node-hours"):
        check_budget(clock, quickstart, Settings(max_node_hours=2.4), size="STANDARD_NC6")


def test_where_nothing_is_paid_the_service_is_only_prepared(tmp_path: Any, quickstart: Scenario) -> None:
    service: Any = RecordingService()
    RunPolicy().prepare(service, provisioning(tmp_path), quickstart)
    assert service.requests == ["prepare"]
    assert RunPolicy().budget("STANDARD_NC6") is None


def test_on_azure_the_quota_is_compared_and_doubts_are_noted(tmp_path: Any, quickstart: Scenario) -> None:
    service: Any = RecordingService()
    notes: list[object] = []
    policy_for("azure", Settings(max_node_hours=9)).prepare(
        service, provisioning(tmp_path, sink=notes.append), quickstart
    )
    assert service.requests == ["prepare", "quota of eastus for mycluster: 1 x STANDARD_NC6"]
    assert [str(note) for note in notes] == ["another size than STANDARD_NC6", "a doubt"]


def test_a_budget_is_looked_at_before_the_cloud_is(tmp_path: Any, quickstart: Scenario) -> None:
    service: Any = RecordingService()
    with pytest.raises(BudgetError):
        policy_for("azure", Settings(max_node_hours=1)).prepare(service, provisioning(tmp_path), quickstart)
    assert service.requests == []
