"""The plans in force: stored with everything else, so that a restart finds them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from harness.emulator.fault_targets import FaultTarget, covers
from harness.emulator.faults.draws import Draw, draw
from harness.emulator.store import Store
from harness.fault_plans import FaultPlan
from harness.fault_vocabulary import FAULTS, SECONDS, Fault

_MOST_KEYS = 100_000  # counted for one plan; then its counts begin again


class Strikes(msgspec.Struct, frozen=True):
    """How often each fault of a plan has struck, so that ``times`` holds over a restart."""

    counts: dict[Fault, int] = {}


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that strikes now, and for how long."""

    fault: Fault
    seconds: float
    draw: Draw


@dataclass(slots=True)
class _Live:
    plan: FaultPlan
    struck: dict[Fault, int]
    seen: dict[str, int] = field(default_factory=dict)  # key to how often it was looked at


class Faults:
    """What strikes, by plan.

    Attributes:
        active: whether there is any plan; with none, nothing else need be asked.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._live: dict[str, _Live] = {}
        self.active = False
        for name, plan in store.list(FaultPlan):
            self._begin(plan, store.get(Strikes, name) or Strikes())

    def put(self, plan: FaultPlan) -> None:
        """Put a plan in force, in place of an earlier one of its name; its counts begin at nothing."""
        with self._store.transaction():
            self._store.put(plan.name, plan)
            self._store.delete(Strikes, plan.name)
        self._begin(plan, Strikes())

    def get(self, name: str) -> tuple[FaultPlan, dict[Fault, int]] | None:
        """A plan, and how often each of its faults has struck; None where there is none of that name."""
        live = self._live.get(name)
        return (live.plan, {fault: live.struck.get(fault, 0) for fault in live.plan.faults}) if live else None

    def names(self) -> list[str]:
        """Of all plans, in order."""
        return list(self._live)

    def delete(self, name: str) -> bool:
        """End a plan; False where there is none of that name."""
        with self._store.transaction():
            self._store.delete(Strikes, name)
            self._store.delete(FaultPlan, name)
        found = self._live.pop(name, None)
        self.active = bool(self._live)
        return found is not None

    def strike(self, key: str, place: FaultTarget, among: Iterable[Fault] = FAULTS) -> Strike | None:
        """The fault that strikes what is looked at now, if any: of the first plan, by name, that has one.

        Args:
            key: what is looked at; how often decides, with the seed.
            among: the faults that could strike it, the first that does counting.
        """
        for live in self._live.values():
            if covers(live.plan.scope, place) and (found := self._drawn(live, key, among)):
                live.struck[found.fault] = live.struck.get(found.fault, 0) + 1
                self._store.put(live.plan.name, Strikes(dict(live.struck)))
                return found
        return None

    def _drawn(self, live: _Live, key: str, among: Iterable[Fault]) -> Strike | None:
        plan = live.plan
        wanted = [(fault, rule) for fault in among if (rule := plan.faults.get(fault))]
        if not wanted:
            return None
        ordinal = live.seen.get(key, 0)
        if len(live.seen) >= _MOST_KEYS:
            live.seen.clear()
        live.seen[key] = ordinal + 1
        for fault, rule in wanted:
            if rule.times is not None and live.struck.get(fault, 0) >= rule.times:
                continue
            drawn = draw(plan.seed, fault, key, ordinal)
            if drawn.chance < rule.rate:
                seconds = SECONDS.get(fault, 0.0) if rule.seconds is None else rule.seconds
                return Strike(fault, seconds, drawn)
        return None

    def _begin(self, plan: FaultPlan, strikes: Strikes) -> None:
        self._live[plan.name] = _Live(plan, dict(strikes.counts))
        self._live = dict(sorted(self._live.items()))
        self.active = True
