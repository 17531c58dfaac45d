"""A report as a file, and as what a server answers with."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from harness import report
from harness.atomic_file import write_file
from harness.config import Settings
from harness.errors import UserError
from harness.experiments.outcomes import Outcome
from harness.report.model import Asked, document_of
from harness.report.page import render_page
from harness.resources.budget import node_price
from harness.results.goal import Goal
from harness.results.run_record import RunRecord

REPORT = "report.html"
"""The name of a run's own report, in its directory."""


def write_report(path: Path, runs: Sequence[RunRecord], asked: Asked, now: datetime) -> None:
    """Write the report of a run, or of several beside one another; a file of that name is replaced in one step.

    Args:
        path: the file.
        runs: at least one.
        asked: what the reader wants.
        now: the time.

    Raises:
        UserError: the file cannot be written.
    """
    page = render_page(document_of(runs, asked, now))
    try:
        write_file(path, page.encode())
    except OSError as error:
        raise UserError(
            f"the report {path} cannot be written: {error.strerror}; name another file with --out"
        ) from error


def asked_of(runs: Sequence[RunRecord], settings: Settings, goals: Sequence[Goal] = ()) -> Asked:
    """What a report of some runs shows by default: importance where Optuna is installed, and prices of their nodes.

    Args:
        runs: that are shown.
        settings: may have a price.
        goals: what makes trials better.
    """
    sizes = {plan.vm_size for run in runs for plan in run.plans.values()}
    prices = {size: node_price(settings, size) for size in sizes if size}
    known = {size: price for size, price in prices.items() if price is not None}
    return Asked(tuple(goals), known, _importance)


def without_importance(asked: Asked) -> Asked:
    """The same without what takes seconds."""
    return replace(asked, importance_of=None)


def _importance(goal: Goal, parameters: Sequence[str], outcomes: Sequence[Outcome]) -> Mapping[str, Any] | None:
    try:
        found = report.importance_of(goal, parameters, outcomes)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("optuna", "sklearn"):
            raise
        return None
    return None if found is None else asdict(found)
