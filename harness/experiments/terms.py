"""On which terms a run uses a cloud: what is made sure of first, how much it may use, how long what it makes lives."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from harness.config import Settings
from harness.resources import Provisioning, register_providers
from harness.resources.ceiling import Ceiling, ceiling_of
from harness.resources.events import Noted
from harness.resources.preflight import preflight
from harness.scenario.model import Scenario


def _register(made: Provisioning, _scenario: Scenario) -> None:
    register_providers(made)


def _no_ceiling(_size: str) -> Ceiling | None:
    return None


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms; by default those of a cloud that costs nothing.

    Attributes:
        prepare: signs in, registers the providers, and refuses a scenario that cannot run there.
        ceiling: what a cluster of a VM size may use at most.
        lifetime: after which ``harness reap`` may delete what was made.
    """

    prepare: Callable[[Provisioning, Scenario], None] = _register
    ceiling: Callable[[str], Ceiling | None] = _no_ceiling
    lifetime: timedelta = timedelta(days=1)


def terms_of(cloud: str, settings: Settings) -> Terms:
    """The terms of a cloud; only ``azure`` is paid for, and has quotas of others' making."""
    if cloud != "azure":
        return Terms(lifetime=settings.lifetime)
    return Terms(partial(_prepare, settings), partial(ceiling_of, settings), settings.lifetime)


def _prepare(settings: Settings, made: Provisioning, scenario: Scenario) -> None:
    for doubt in preflight(made, scenario, settings):
        made.sink(Noted(doubt))
