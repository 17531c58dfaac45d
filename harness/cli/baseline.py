"""``harness baseline``: save the metrics of a run, and compare later runs with them."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from harness.cli.groups import CONTEXT, CommandGroup
from harness.cli.options import PATH
from harness.cli.output import say
from harness.errors import UserError
from harness.experiments.baseline import Baseline, Change, baseline_of, read_baseline, worsening, write_baseline
from harness.results.goal import guessed_direction
from harness.results.run_record import RunRecord, read_run
from harness.scenario.direction import Direction
from harness.suggestions import suggestion

_MOST_SHOWN = 50  # changes


@click.group(cls=CommandGroup, context_settings=CONTEXT, epilog="More: harness docs sweep")
def baseline() -> None:
    """Save the metrics of a run in a file of the project, and compare later runs with it."""


@baseline.command(context_settings=CONTEXT)
@click.argument("run_dir", metavar="RUN_DIR", type=PATH)
@click.argument("file", metavar="FILE", type=PATH)
def save(run_dir: Path, file: Path) -> None:
    """Write the metrics of a run to a file.

    The file holds the metrics of all trials of RUN_DIR that succeeded. A scenario is compared with it when its sweep
    has expect: {baseline: {file: FILE, worse: {METRIC: AMOUNT}}}.

    \b
    Example:
      harness baseline save runs/sweep scenarios/baselines/sweep.json
    """
    record = read_run(run_dir)
    scenarios = list(dict.fromkeys(outcome.scenario for outcome in record.outcomes))
    if len(scenarios) != 1:
        contents = f"{len(scenarios)}: {', '.join(scenarios)}" if scenarios else "no outcome"
        raise UserError(f"a baseline holds one scenario, and {run_dir} has {contents}")
    saved = baseline_of(scenarios[0], record.outcomes)
    write_baseline(file, saved)
    say(f"wrote {file}: {len(saved.trials)} of {len(record.outcomes)} trial(s)")


@baseline.command(context_settings=CONTEXT)
@click.argument("run_dir", metavar="RUN_DIR", type=PATH)
@click.argument("file", metavar="FILE", type=PATH)
@click.option(
    "allowed",
    "--worse",
    metavar="METRIC=AMOUNT",
    multiple=True,
    help="How much worse a metric may be; default: 0 for each metric of the baseline; repeatable.",
)
def compare(run_dir: Path, file: Path, allowed: tuple[str, ...]) -> int:
    """Compare the trials of RUN_DIR with those of FILE.

    The exit code is 1 when a metric is worse by more than --worse allows. The goal or the bounds of the scenario decide
    whether smaller or larger values are better; without them, the name of the metric does.

    \b
    Examples:
      harness baseline compare runs/sweep baseline.json
      harness baseline compare runs/sweep baseline.json --worse test_error=0.005
    """
    record, reference = read_run(run_dir), read_baseline(file)
    compared = [outcome for outcome in record.outcomes if outcome.scenario == reference.scenario]
    if not compared:
        raise UserError(f"{file} holds scenario {reference.scenario}, of which {run_dir} has no outcome")
    metrics = list(dict.fromkeys(name for values in reference.trials.values() for name in values))
    limits = dict(_limits(allowed, metrics)) or dict.fromkeys(metrics, 0.0)
    directions = {name: _direction(record, reference, name) for name in limits}
    changes = [change for name in limits for change in worsening(reference, compared, name, directions[name])]
    worse = [change for change in changes if not change.amount <= limits[change.metric]]
    for change in worse[:_MOST_SHOWN]:
        say(f"worse: {change.metric} {change.description} ({change.trial})")
    if len(worse) > _MOST_SHOWN:
        say(f"and {len(worse) - _MOST_SHOWN} more")
    say(f"{len(changes)} value(s) compared, {_better(changes)} better, {len(worse)} worse than allowed")
    return 1 if worse or not changes else 0


def _better(changes: list[Change]) -> int:
    return sum(not math.isnan(change.amount) and change.amount < 0 for change in changes)


def _limits(texts: tuple[str, ...], metrics: list[str]) -> Iterator[tuple[str, float]]:
    for text in texts:
        name, _, amount = text.partition("=")
        if name not in metrics:
            hint = suggestion(name, metrics) or "it has none"
            raise UserError(f"--worse {text}: the baseline has no metric {name!r}; {hint}")
        try:
            value = float(amount)
        except ValueError:
            value = math.nan
        if not value >= 0:
            raise UserError(f"--worse {text}: write METRIC=AMOUNT with a number of at least 0, such as {name}=0.005")
        yield name, value


def _direction(record: RunRecord, reference: Baseline, metric: str) -> Direction:
    plan = record.plans[reference.scenario]
    stated: Mapping[str, Direction] = {**plan.better, **{goal.metric: goal.direction for goal in plan.goals}}
    return stated.get(metric) or guessed_direction(metric)
