"""Writes a report to a file, with the options that the settings imply."""

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
from harness.report.model import ReportOptions, document_of
from harness.report.page import render_page
from harness.resources.budget import node_price
from harness.results.goal import Goal
from harness.results.run_record import RunRecord

REPORT = "report.html"
"""The name of a run's own report, in its directory."""


def write_report(path: Path, runs: Sequence[RunRecord], options: ReportOptions, now: datetime) -> None:
    """Write the report of one run, or of several for comparison; an existing file is replaced atomically.

    Args:
        path: the file.
        runs: at least one run.
        options: what the report shows.
        now: the current time.

    Raises:
        UserError: the file cannot be written.
    """
    page = render_page(document_of(runs, options, now))
    try:
        write_file(path, page.encode())
    except OSError as error:
        raise UserError(
            f"the report {path} cannot be written: {error.strerror}; name another file with --out"
        ) from error


def default_options(runs: Sequence[RunRecord], settings: Settings, goals: Sequence[Goal] = ()) -> ReportOptions:
    """The default options of a report: importance if Optuna is installed, and the known prices of nodes.

    Args:
        runs: the runs of the report.
        settings: the settings, which may have a price.
        goals: the directions of metrics, the most important first.
    """
    sizes = {plan.vm_size for run in runs for plan in run.plans.values()}
    prices = {size: node_price(settings, size) for size in sizes if size}
    known_prices = {size: price for size, price in prices.items() if price is not None}
    return ReportOptions(tuple(goals), known_prices, _importance)


def without_importance(options: ReportOptions) -> ReportOptions:
    """The same options without importance, whose evaluation takes seconds."""
    return replace(options, importance_of=None)


def _importance(goal: Goal, parameters: Sequence[str], outcomes: Sequence[Outcome]) -> Mapping[str, Any] | None:
    try:
        importance = report.importance_of(goal, parameters, outcomes)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("optuna", "sklearn"):
            raise
        return None
    return None if importance is None else asdict(importance)
