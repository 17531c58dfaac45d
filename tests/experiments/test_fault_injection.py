"""Faults of a scenario that several workers play."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness.experiments.fault_injection import FaultInjection
from harness.experiments.leases import Leases
from harness.fault_plans import FaultPlan, make_plan


class OrderedCloud:
    """Remembers what is ordered from it."""

    name = "emulator"

    def __init__(self) -> None:
        self.orders: list[str] = []

    def inject(self, plan: FaultPlan) -> None:
        self.orders.append(f"inject {plan.name}")

    def withdraw(self, plan: FaultPlan) -> None:
        self.orders.append(f"withdraw {plan.name}")


def test_the_first_worker_orders_the_plan_and_the_last_one_out_withdraws_it(tmp_path: Path) -> None:
    cloud: Any = OrderedCloud()
    plan = make_plan("run-scenario", {"drop": 0.3}, group="group", share="share")
    first, second = (Leases(tmp_path).shared(FaultInjection(cloud, plan)) for _ in range(2))

    with ExitStack() as stack:
        with first:
            stack.enter_context(second)
        assert cloud.orders == ["inject run-scenario"]
    assert cloud.orders == ["inject run-scenario", "withdraw run-scenario"]
