"""Injection of the faults that a scenario must survive, for as long as a process runs the scenario."""

from collections.abc import Mapping
from typing import Any, Self

from harness.clouds import Cloud
from harness.fault_plans import FaultPlan
from harness.resources.azure_errors import azure_errors


class FaultInjection:
    """A fault plan that processes share like a resource: the first activates it, the last withdraws it."""

    kind = "fault plan"

    def __init__(self, cloud: Cloud, plan: FaultPlan) -> None:
        self.group, self.name = plan.scope.group, plan.name
        self._cloud = cloud
        self._plan = plan

    def open(self) -> None:
        """Activate the plan.

        Raises:
            ProvisioningError: the cloud refuses it.
        """
        with azure_errors("inject faults", self._cloud.name):
            self._cloud.inject(self._plan)

    def close(self) -> None:
        """Withdraw the plan."""
        self._cloud.withdraw(self._plan)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def remember(self) -> dict[str, Any]:
        """Return nothing: every process knows the plan."""
        return {}

    def recall(self, facts: Mapping[str, Any]) -> None:
        """Do nothing."""
