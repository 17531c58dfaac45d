"""Faults that a scenario must survive; its cloud injects them while any process works on the scenario."""

from collections.abc import Mapping
from typing import Any, Self

from harness.clouds import Cloud
from harness.fault_plans import FaultPlan
from harness.resources.azure_errors import azure_errors


class FaultInjection:
    """A fault plan that processes share as they share resources: the first puts it in force, the last withdraws it."""

    kind = "fault plan"

    def __init__(self, cloud: Cloud, plan: FaultPlan) -> None:
        self.group, self.name = plan.scope.group, plan.name
        self._cloud = cloud
        self._plan = plan

    def open(self) -> None:
        """Put it in force.

        Raises:
            ProvisioningError: the cloud does not take it.
        """
        with azure_errors("inject faults", self._cloud.name):
            self._cloud.inject(self._plan)

    def close(self) -> None:
        """Withdraw it."""
        self._cloud.withdraw(self._plan)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def remember(self) -> dict[str, Any]:
        """Nothing: every process knows the plan."""
        return {}

    def recall(self, facts: Mapping[str, Any]) -> None:
        """Nothing to take."""
