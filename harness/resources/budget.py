"""The most that a run can use, and its budgets: node-hours and their price."""

import math
from dataclasses import dataclass

from harness.clock import Clock
from harness.config import Settings
from harness.errors import BudgetError, SettingsError
from harness.scenario.model import Scenario
from harness.vm_sizes import vm_size

_HOUR = 3600.0


def most_node_hours(scenario: Scenario, trials: int, *, job_nodes: int) -> float:
    """What trials of a scenario can use when every attempt, and the wait for nodes, takes as long as its limits allow.

    Args:
        scenario: of the trials.
        trials: how many run.
        job_nodes: the most nodes that one of their jobs takes.
    """
    nodes, limits, search = scenario.cluster.most_nodes, scenario.limits, scenario.sweep.search
    at_once = max(1, nodes // job_nodes)
    if search is not None and search.at_once is not None:
        at_once = min(at_once, search.at_once)
    # Attempts of the last trials may follow one another while the other nodes have nothing to do.
    rounds = math.ceil(trials / at_once) * scenario.retries.attempts
    queued, running = limits.queued.total_seconds(), limits.running.total_seconds()
    return nodes * (queued + rounds * (queued + running)) / _HOUR


def node_price(settings: Settings, size: str) -> float | None:
    """The price of a node-hour: the setting, else the last list price in USD; None if neither is known."""
    known = vm_size(size)
    return settings.vm_price or (known.price if known else None)


@dataclass(frozen=True, slots=True)
class Budget:
    """A number of node-hours, and the settings that it comes from; no trial begins that could use more."""

    node_hours: float
    reason: str


def budget_of(settings: Settings, size: str) -> Budget | None:
    """The lower of the two budgets that settings name, in node-hours; None where none does.

    Args:
        settings: ``max_node_hours``, ``max_price``, ``vm_price``.
        size: the VM size of the cluster.

    Raises:
        SettingsError: there is a budget of money, but no price.
    """
    budgets = []
    if settings.max_node_hours is not None:
        budgets.append(Budget(settings.max_node_hours, f"max_node_hours is {settings.max_node_hours:g}"))
    if settings.max_price is not None:
        hourly = node_price(settings, size)
        if hourly is None:
            raise SettingsError(
                f"max_price is set, but the price of VM size {size} is not known; "
                "set vm_price to what one of its node-hours costs"
            )
        reason = f"max_price is {settings.max_price:g}, and a node-hour of {size} costs {hourly:g}"
        budgets.append(Budget(settings.max_price / hourly, reason))
    return min(budgets, key=lambda budget: budget.node_hours, default=None)


class BudgetMeter:
    """Counts the node-hours of a cluster from the moment that it is asked for.

    Args:
        clock: the clock of the cloud.
        budget: the node-hours that may be used; None for any number.
        nodes: the most that the cluster has at once; all of them are counted all the time.
        began: when the cluster was asked for, in the monotonic seconds of the clock; default now.
        spent: the part of the budget that other clusters have used before.
    """

    def __init__(
        self, clock: Clock, budget: Budget | None, *, nodes: int, began: float | None = None, spent: float = 0.0
    ) -> None:
        self._clock = clock
        self._spent = spent
        self._budget = budget
        self._nodes = nodes
        self._began = clock.monotonic() if began is None else began

    @property
    def node_hours(self) -> float:
        """Node-hours used so far."""
        return self._nodes * (self._clock.monotonic() - self._began) / _HOUR

    @property
    def seconds_left(self) -> float:
        """Seconds until the budget is used up; infinite where there is none. No wait may be longer."""
        if self._budget is None:
            return math.inf
        return max(0.0, self._budget.node_hours * (1.0 - self.spent)) / self._nodes * _HOUR

    @property
    def spent(self) -> float:
        """The part of the budget that is used, with what was used before; 0 where there is none."""
        if self._budget is None:
            return 0.0
        return self._spent + (self.node_hours / self._budget.node_hours if self._budget.node_hours else 1.0)

    def admit(self, what: str, *, seconds: float) -> None:
        """Return if something fits the budget.

        Args:
            what: for the message: ``trial epochs=5``.
            seconds: the longest that it may take.

        Raises:
            BudgetError: it may exceed the budget.
        """
        if self._budget is None or seconds <= self.seconds_left:
            return
        more, used = self._nodes * seconds / _HOUR, self._budget.node_hours * self.spent
        raise BudgetError(
            f"{what} may use {more:.2f} node-hours; {used:.2f} are used and the budget is "
            f"{self._budget.node_hours:.2f} ({self._budget.reason}); raise it, or shorten limits in the scenario"
        )


def check_budget(clock: Clock, scenario: Scenario, settings: Settings, *, size: str) -> None:
    """Make sure that one trial, and the wait for its nodes, fit the budget.

    Args:
        clock: of the cloud.
        scenario: of the trial.
        settings: ``max_node_hours``, ``max_price``, ``vm_price``.
        size: the VM size that the cluster gets.

    Raises:
        BudgetError: they do not.
        SettingsError: there is a budget of money, but no price.
    """
    cluster, limits = scenario.cluster, scenario.limits
    meter = BudgetMeter(clock, budget_of(settings, size), nodes=cluster.most_nodes)
    longest = (limits.queued + limits.running).total_seconds()
    meter.admit(f"one trial of {scenario.scenario}, with the wait for its nodes,", seconds=longest)
