"""The scenarios of a run: loaded, checked and described before anything is created."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from harness.cli.options import MAX_TRIALS
from harness.cli.output import say
from harness.config import Settings
from harness.errors import UserError
from harness.experiments.dry_run import describe, refuse_unknown_size
from harness.experiments.studies import study_of
from harness.resources.budget import node_price
from harness.scenario.faults import with_faults
from harness.scenario.model import Scenario
from harness.scenario.overrides import load_scenarios
from harness.services.service import Service
from harness.target import CloudName


def load_all(
    files: Sequence[Path], values: Mapping[str, str], *, faults: Sequence[str], seed: int | None
) -> list[Scenario]:
    """Load the scenarios of a run.

    Args:
        files: the scenario files.
        values: values of parameters by name, which replace those of the scenarios.
        faults: faults to inject besides those of the scenarios, each ``NAME=RATE``.
        seed: the seed of the faults; default each scenario's own.

    Raises:
        ScenarioError: there is a mistake in a scenario, or no scenario has a parameter of a given name.
        UserError: a fault does not exist.
    """
    return [
        scenario.model_copy(update={"faults": with_faults(scenario.faults, faults, seed)})
        for scenario in load_scenarios(files, values)
    ]


def print_plan(
    scenarios: Sequence[Scenario],
    service: Service,
    settings: Settings,
    *,
    cloud: CloudName,
    limit: int | None,
    trial: str,
    upload_from: Sequence[Path],
) -> None:
    """Print what a run of some scenarios would create, upload and run."""
    price = partial(_node_price, settings, service) if cloud == "azure" else _no_price
    for scenario in scenarios:
        say(describe(scenario, service, cloud=cloud, limit=limit, trial=trial, price=price, upload_from=upload_from))


def refuse_unrunnable(scenario: Scenario, cloud: CloudName, limit: int | None) -> None:
    """Refuse a scenario that is known not to run.

    Raises:
        UserError: the VM size or the search algorithm does not exist, or there are too many trials.
    """
    refuse_unknown_size(scenario, scenario.trials.sample(), cloud)
    if scenario.sweep.search is not None:
        study_of(scenario, storage=None)  # this also checks the sampler and the pruner
    if limit is None and len(scenario.trials) > MAX_TRIALS:
        raise UserError(
            f"{scenario.path}: has {len(scenario.trials)} trials, a run takes at most {MAX_TRIALS}; run a part of "
            "them with --out DIR --limit N, and the next part with --out DIR --limit N --resume"
        )


def _node_price(settings: Settings, service: Service, size: str) -> float | None:
    """Return the price of a node-hour of the size that the service offers for the one that a scenario names."""
    return node_price(settings, service.available_size(size))


def _no_price(_size: str) -> None:
    """Return no price: replay and the emulator cost nothing."""
