"""``harness results``: show the outcomes of a run as a table, or write them to files."""

import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from io import BytesIO
from pathlib import Path

import click
from rich.console import Console

from harness import config
from harness.atomic_file import write_file
from harness.cli.groups import CONTEXT
from harness.cli.options import PATH
from harness.cli.output import say
from harness.errors import UserError
from harness.experiments.outcomes import Outcome
from harness.results.export import columns_of, csv_text, json_text
from harness.results.failures import end_of_log
from harness.results.fields import Field, Fields
from harness.results.goal import Goal, read_goal
from harness.results.junit import junit_text
from harness.results.run_record import RunRecord, newest_run, read_run
from harness.results.selection import Selection, read_condition, read_order
from harness.results.table import fitting, plain_lines, shown_fields, trial_table

_STDOUT = Path("-")


@click.command(context_settings=CONTEXT, epilog="More: harness docs results")
@click.argument("run_dir", metavar="[RUN_DIR]", type=PATH, required=False)
@click.option(
    "order", "--sort", metavar="NAME", multiple=True, help="Sort by a field; -NAME sorts descending; repeatable."
)
@click.option(
    "conditions",
    "--where",
    metavar="CONDITION",
    multiple=True,
    help="Show only trials that meet it, such as 'loss < 0.1' or 'state = failed'; repeatable.",
)
@click.option("--best", metavar="N", type=click.IntRange(1), help="Show the N best trials by --goal.")
@click.option(
    "goal",
    "--goal",
    metavar="minimize|maximize METRIC",
    nargs=2,
    help="What makes a trial better; default: the sweep's goal.",
)
@click.option("csv_file", "--csv", metavar="FILE", type=PATH, help="Write the trials as CSV; - for standard output.")
@click.option(
    "json_file", "--json", metavar="FILE", type=PATH, help="Write the outcomes as JSON lines; - for standard output."
)
@click.option(
    "parquet_file", "--parquet", metavar="FILE", type=PATH, help="Write the trials and their series as Parquet."
)
@click.option("junit_file", "--junit", metavar="FILE", type=PATH, help="Write a JUnit report; - for standard output.")
@click.option(
    "mlflow_uri", "--mlflow", metavar="URI", help="Create a run of MLflow for each trial, at this tracking URI."
)
@click.option("--reread", is_flag=True, help="First read the metrics again from the logs and files of the run.")
@click.option(
    "scenarios",
    "--scenario",
    metavar="FILE",
    type=PATH,
    multiple=True,
    help="With --reread: the scenario file, if it was moved.",
)
def results(
    *,
    run_dir: Path | None,
    order: tuple[str, ...],
    conditions: tuple[str, ...],
    best: int | None,
    goal: tuple[str, str] | None,
    csv_file: Path | None,
    json_file: Path | None,
    parquet_file: Path | None,
    junit_file: Path | None,
    mlflow_uri: str | None,
    reread: bool,
    scenarios: tuple[Path, ...],
) -> None:
    """Show the trials of a run; without RUN_DIR, of the newest run.

    Each swept parameter has a column; fields that are the same in all trials have none. Columns that do not fit the
    terminal are named below the table. NAME is a parameter, a metric, or one of scenario, trial, state, exit_code,
    expected, queued, running and directory. The run may still be in progress.

    --reread takes the metrics and their bounds from the current scenario file: after you have corrected a pattern, no
    trial has to run again.

    \b
    Examples:
      harness results
      harness results runs/sweep --best 5 --goal minimize test_error
      harness results runs/sweep --where 'rate >= 0.001' --where 'state = failed'
      harness results runs/sweep --sort -loss
      harness results runs/sweep --csv - | cut -d, -f2,6
      harness results runs/sweep --reread
    """
    if scenarios and not reread:
        raise UserError("--scenario names the scenario file for --reread: add --reread")
    path = run_dir or newest_run_directory()
    record = _reread(path, scenarios) if reread else read_run(path)
    fields = Fields(record.outcomes, record.metrics)
    selection = Selection(
        tuple(read_condition(text, fields) for text in conditions),
        tuple(read_order(text, fields) for text in order),
        _goal(goal, best, record),
        best,
    )
    chosen = selection.of(record.outcomes)
    written = [
        _write(csv_file, lambda: csv_text(columns_of(fields, chosen)).encode(errors="backslashreplace")),
        _write(json_file, lambda: json_text(chosen).encode(errors="backslashreplace")),
        _write(parquet_file, lambda: _parquet(fields, chosen)),
        _write(junit_file, lambda: junit_text(chosen, partial(_explain, record.path))),
        _export(mlflow_uri, record, chosen),
    ]
    if any(written):
        return
    first = ([selection.goal.metric] if selection.goal else []) + [field.name for field, _ in selection.order]
    _show(record, chosen, shown_fields(fields, chosen, first))


def newest_run_directory() -> Path:
    """Return the directory of the newest run in the setting ``runs_dir``.

    Raises:
        UserError: there is no run.
    """
    runs = config.load_settings(Path()).runs_dir
    directory = newest_run(runs)
    if directory is None:
        raise UserError(
            f"there is no run in {runs}; name a run directory, or run a scenario: harness run SCENARIO.yaml"
        )
    return directory


def _reread(path: Path, scenarios: tuple[Path, ...]) -> RunRecord:
    """Evaluate a run by the current scenario files; only this imports scenarios, which takes a third of a second."""
    record: RunRecord = import_module("harness.results.reread").reread(path, scenarios)
    return record


def _goal(pair: tuple[str, str] | None, best: int | None, record: RunRecord) -> Goal | None:
    if pair is not None:
        return read_goal(pair, record.metrics)
    if record.goals:
        return record.goals[0]
    if best is not None:
        metrics = ", ".join(record.metrics) or "none"
        raise UserError(f"--best {best} needs a goal, such as --goal minimize METRIC; the metrics are: {metrics}")
    return None


def _write(path: Path | None, make: Callable[[], bytes]) -> bool:
    """Write a file, if one is requested; returns whether it was written."""
    if path is None:
        return False
    content = make()
    if path == _STDOUT:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return True
    try:
        write_file(path, content)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from error
    say(f"wrote {path}", err=True)
    return True


def _explain(root: Path, outcome: Outcome) -> str:
    """Explain why a trial failed its expectations, with the end of its log."""
    log, tail = end_of_log(root, outcome)
    lines = [*map(str, outcome.unmet), *(f"reported: {text}" for text in outcome.errors)]
    return "\n".join([*lines, *([f"{log}, its last lines:", *tail] if log else [])])


def _export(uri: str | None, record: RunRecord, chosen: list[Outcome]) -> bool:
    """Create runs of MLflow, if they are requested; returns whether they were created."""
    if uri is None:
        return False
    try:
        module = import_module("harness.results.mlflow_export")
    except ModuleNotFoundError as error:
        if error.name != "mlflow":
            raise
        raise UserError("--mlflow needs MLflow: pip install 'batchai-harness[mlflow]'") from None
    created, existing = module.export_to_mlflow(uri, record.run, chosen)
    say(f"MLflow: {created} run(s) created, {existing} already existed")
    return True


def _parquet(fields: Fields, chosen: list[Outcome]) -> bytes:
    try:
        module = import_module("harness.results.parquet")
    except ModuleNotFoundError as error:
        if error.name != "pyarrow":
            raise
        raise UserError(
            "--parquet needs pyarrow: pip install 'batchai-harness[parquet]'; --csv works without it"
        ) from None
    stream = BytesIO()
    module.write_parquet(stream, columns_of(fields, chosen), chosen)
    return stream.getvalue()


def _show(record: RunRecord, chosen: list[Outcome], columns: list[Field]) -> None:
    if not record.outcomes:
        say(f"{record.path}: no trial has ended yet")
        return
    if not chosen:
        say(f"{record.path}: none of {len(record.outcomes)} trials meets the conditions")
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        for line in plain_lines(columns, chosen):
            say(line)
        return
    shown, hidden = fitting(columns, chosen, console.width)
    console.print(trial_table(shown, chosen))
    _print_footer(record, chosen, [field.name for field in hidden])


def _print_footer(record: RunRecord, chosen: list[Outcome], hidden: list[str]) -> None:
    count = len(record.outcomes)
    failed = sum(not outcome.is_met for outcome in record.outcomes)
    say(f"\n{len(chosen)} of {count} trial(s) of {record.path}; {failed} not as expected")
    if hidden:
        say(f"too wide for this terminal: {', '.join(hidden)}; --csv - prints every column")
