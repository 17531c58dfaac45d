"""The budget of a run: its limit of node-hours, from settings for hours or price."""

import math
from dataclasses import dataclass

from harness.clock import Clock
from harness.config import Settings
from harness.errors import BudgetError, SettingsError
from harness.scenario.model import Scenario
from harness.vm_sizes import vm_size

_HOUR = 3600.0


def most_node_hours(scenario: Scenario, trials: int, *, job_nodes: int) -> float:
    """The node-hours of trials if every attempt, and the wait for nodes, takes as long as the limits allow.

    Args:
        scenario: the scenario of the trials.
        trials: the number of trials.
        job_nodes: the most nodes that one of their jobs uses.
    """
    nodes, limits, search = scenario.cluster.most_nodes, scenario.limits, scenario.sweep.search
    at_once = max(1, nodes // job_nodes)
    if search is not None and search.at_once is not None:
        at_once = min(at_once, search.at_once)
    # Attempts of the last trials may follow one another while the other nodes are idle.
    rounds = math.ceil(trials / at_once) * scenario.retries.attempts
    queued, running = limits.queued.total_seconds(), limits.running.total_seconds()
    return nodes * (queued + rounds * (queued + running)) / _HOUR


def node_price(settings: Settings, size: str) -> float | None:
    """The price of a node-hour: the setting, else the last list price in USD; None if both are unknown."""
    known_size = vm_size(size)
    return settings.vm_price or (known_size.price if known_size else None)


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit of node-hours, and the settings that define it; no trial begins that could exceed it."""

    node_hours: float
    reason: str


def budget_of(settings: Settings, size: str) -> Budget | None:
    """The lower of the two budgets in the settings, in node-hours; None without a budget.

    Args:
        settings: ``max_node_hours``, ``max_price``, ``vm_price``.
        size: the VM size of the cluster.

    Raises:
        SettingsError: there is a budget of money, but the price is unknown.
    """
    budgets = []
    if settings.max_node_hours is not None:
        budgets.append(Budget(settings.max_node_hours, f"max_node_hours is {settings.max_node_hours:g}"))
    if settings.max_price is not None:
        hourly = node_price(settings, size)
        if hourly is None:
            raise SettingsError(
                f"max_price is set, but the price of VM size {size} is not known; "
                "set vm_price to the price of one of its node-hours"
            )
        reason = f"max_price is {settings.max_price:g}, and a node-hour of {size} costs {hourly:g}"
        budgets.append(Budget(settings.max_price / hourly, reason))
    return min(budgets, key=lambda budget: budget.node_hours, default=None)


class BudgetMeter:
    """Counts the node-hours of a cluster since its request.

    Args:
        clock: the clock of the cloud.
        budget: the limit of node-hours; None for no limit.
        nodes: the most nodes of the cluster; all of them count all the time.
        began: the time of the request, in the monotonic seconds of the clock; default now.
        spent: the fraction of the budget that other clusters have used before.
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
        """Seconds until the budget is used up, the longest allowed wait; infinite without a budget."""
        if self._budget is None:
            return math.inf
        return max(0.0, self._budget.node_hours * (1.0 - self.spent)) / self._nodes * _HOUR

    @property
    def spent(self) -> float:
        """The fraction of the budget that is used, including other clusters; 0 without a budget."""
        if self._budget is None:
            return 0.0
        return self._spent + (self.node_hours / self._budget.node_hours if self._budget.node_hours else 1.0)

    def admit(self, item: str, *, seconds: float) -> None:
        """Return if a trial or another use of the nodes fits the budget.

        Args:
            item: its name, for the message: ``trial epochs=5``.
            seconds: its longest duration.

        Raises:
            BudgetError: it may exceed the budget.
        """
        if self._budget is None or seconds <= self.seconds_left:
            return
        more, used_hours = self._nodes * seconds / _HOUR, self._budget.node_hours * self.spent
        raise BudgetError(
            f"{item} may use {more:.2f} node-hours; {used_hours:.2f} are used and the budget is "
            f"{self._budget.node_hours:.2f} ({self._budget.reason}); raise it, or shorten limits in the scenario"
        )


def check_budget(clock: Clock, scenario: Scenario, settings: Settings, *, size: str) -> None:
    """Make sure that one trial, and the wait for its nodes, fit the budget.

    Args:
        clock: the clock of the cloud.
        scenario: the scenario of the trial.
        settings: ``max_node_hours``, ``max_price``, ``vm_price``.
        size: the VM size of the cluster.

    Raises:
        BudgetError: they do not fit.
        SettingsError: there is a budget of money, but the price is unknown.
    """
    cluster, limits = scenario.cluster, scenario.limits
    meter = BudgetMeter(clock, budget_of(settings, size), nodes=cluster.most_nodes)
    longest = (limits.queued + limits.running).total_seconds()
    meter.admit(f"one trial of {scenario.scenario}, with the wait for its nodes,", seconds=longest)
