"""The fault plans in force. They are in the emulator's store, so that they survive a restart."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from harness.emulator.fault_targets import FaultTarget, covers
from harness.emulator.faults.draws import Draw, draw
from harness.emulator.store import Store
from harness.fault_plans import FaultPlan
from harness.fault_vocabulary import FAULTS, SECONDS, Fault

_MOST_KEYS = 100_000  # keys counted for one plan; then its counts begin again


class Strikes(msgspec.Struct, frozen=True):
    """How often each fault of a plan has struck, so that ``times`` holds over a restart."""

    counts: dict[Fault, int] = {}


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that strikes now, with its duration."""

    fault: Fault
    seconds: float
    draw: Draw


@dataclass(slots=True)
class _ActivePlan:
    plan: FaultPlan
    struck: dict[Fault, int]
    ordinals: dict[str, int] = field(default_factory=dict)  # key to the number of its draws


class Faults:
    """The fault plans in force.

    Attributes:
        active: whether any plan is in force.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._plans: dict[str, _ActivePlan] = {}
        self.active = False
        for name, plan in store.list(FaultPlan):
            self._begin(plan, store.get(Strikes, name) or Strikes())

    def put(self, plan: FaultPlan) -> None:
        """Put a plan in force; it replaces an earlier one of the same name, and its counts begin at zero."""
        with self._store.transaction():
            self._store.put(plan.name, plan)
            self._store.delete(Strikes, plan.name)
        self._begin(plan, Strikes())

    def get(self, name: str) -> tuple[FaultPlan, dict[Fault, int]] | None:
        """A plan, and how often each of its faults has struck; None if there is no plan of that name."""
        active = self._plans.get(name)
        return (active.plan, {fault: active.struck.get(fault, 0) for fault in active.plan.faults}) if active else None

    def names(self) -> list[str]:
        """The names of all plans, sorted."""
        return list(self._plans)

    def delete(self, name: str) -> bool:
        """Delete a plan; False if there was none of that name."""
        with self._store.transaction():
            self._store.delete(Strikes, name)
            self._store.delete(FaultPlan, name)
        plan = self._plans.pop(name, None)
        self.active = bool(self._plans)
        return plan is not None

    def strike(self, key: str, target: FaultTarget, candidates: Iterable[Fault] = FAULTS) -> Strike | None:
        """Draw the fault that strikes a request or a decision; None if none does. The first plan by name wins.

        Args:
            key: identifies the request or decision; seed, key and the number of earlier draws determine the draw.
            target: what the request or decision concerns, for the scope of plans.
            candidates: the faults that can strike it; the first one that does is returned.
        """
        for active in self._plans.values():
            if covers(active.plan.scope, target) and (strike := self._draw(active, key, candidates)):
                active.struck[strike.fault] = active.struck.get(strike.fault, 0) + 1
                self._store.put(active.plan.name, Strikes(dict(active.struck)))
                return strike
        return None

    def _draw(self, active: _ActivePlan, key: str, candidates: Iterable[Fault]) -> Strike | None:
        plan = active.plan
        rules = [(fault, rule) for fault in candidates if (rule := plan.faults.get(fault))]
        if not rules:
            return None
        ordinal = active.ordinals.get(key, 0)
        if len(active.ordinals) >= _MOST_KEYS:
            active.ordinals.clear()
        active.ordinals[key] = ordinal + 1
        for fault, rule in rules:
            if rule.times is not None and active.struck.get(fault, 0) >= rule.times:
                continue
            result = draw(plan.seed, fault, key, ordinal)
            if result.chance < rule.rate:
                seconds = SECONDS.get(fault, 0.0) if rule.seconds is None else rule.seconds
                return Strike(fault, seconds, result)
        return None

    def _begin(self, plan: FaultPlan, strikes: Strikes) -> None:
        self._plans[plan.name] = _ActivePlan(plan, dict(strikes.counts))
        self._plans = dict(sorted(self._plans.items()))
        self.active = True
