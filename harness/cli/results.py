"""``harness results``: the outcomes of a run, as a table or as files."""

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
@click.option("order", "--sort", metavar="NAME", multiple=True, help="Sort by a field; -NAME descending; repeatable.")
@click.option(
    "conditions",
    "--where",
    metavar="CONDITION",
    multiple=True,
    help="Show trials that meet it, such as 'loss < 0.1' or 'state = failed'; repeatable.",
)
@click.option("--best", metavar="N", type=click.IntRange(1), help="Show the N best trials, by --goal.")
@click.option(
    "goal",
    "--goal",
    metavar="minimize|maximize METRIC",
    nargs=2,
    help="What makes a trial better; default: the sweep's goal.",
)
@click.option("csv_file", "--csv", metavar="FILE", type=PATH, help="Write the trials as CSV; - for standard output.")
@click.option("json_file", "--json", metavar="FILE", type=PATH, help="Write the outcomes as JSON lines; - likewise.")
@click.option(
    "parquet_file", "--parquet", metavar="FILE", type=PATH, help="Write the trials and their series as Parquet."
)
@click.option(
    "junit_file", "--junit", metavar="FILE", type=PATH, help="Write the trials as a JUnit report; - likewise."
)
@click.option("mlflow_uri", "--mlflow", metavar="URI", help="Make the trials runs of MLflow, at its tracking URI.")
@click.option("--reread", is_flag=True, help="First read the metrics again from the files of the run.")
@click.option(
    "scenarios", "--scenario", metavar="FILE", type=PATH, multiple=True, help="With --reread: where a scenario is now."
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
    """Show the trials of a run, the newest one where RUN_DIR is left out.

    Each swept parameter has a column, what is the same in all trials has none. Columns that do not fit the terminal are
    named below the table. NAME is a parameter, a metric, or one of scenario, trial, state, exit_code, expected, queued,
    running and directory. The run may still be going.

    --reread takes the metrics and their bounds from the scenario file as it is now: after a mistake in a pattern, no
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
        raise UserError("--scenario says where --reread finds a scenario: add --reread")
    path = run_dir or newest()
    record = _read_again(path, scenarios) if reread else read_run(path)
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
        _write(junit_file, lambda: junit_text(chosen, partial(_explained, record.path))),
        _export(mlflow_uri, record, chosen),
    ]
    if any(written):
        return
    first = ([selection.goal.metric] if selection.goal else []) + [field.name for field, _ in selection.order]
    _show(record, chosen, shown_fields(fields, chosen, first))


def newest() -> Path:
    """The newest run below the setting ``runs_dir``.

    Raises:
        UserError: there is none.
    """
    runs = config.load_settings(Path()).runs_dir
    found = newest_run(runs)
    if found is None:
        raise UserError(f"there is no run below {runs}; name a run directory, or run one: harness run SCENARIO.yaml")
    return found


def _read_again(path: Path, scenarios: tuple[Path, ...]) -> RunRecord:
    """The outcomes by the present scenario files; only this imports scenarios, which takes a third of a second."""
    record: RunRecord = import_module("harness.results.reread").reread(path, scenarios)
    return record


def _goal(words: tuple[str, str] | None, best: int | None, record: RunRecord) -> Goal | None:
    if words is not None:
        return read_goal(words, record.metrics)
    if record.goals:
        return record.goals[0]
    if best is not None:
        metrics = ", ".join(record.metrics) or "none"
        raise UserError(f"--best {best}: say what is better: --goal minimize METRIC; the metrics: {metrics}")
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


def _explained(root: Path, outcome: Outcome) -> str:
    """Why a trial was not as expected, with the end of its log."""
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
    made, there = module.export_to_mlflow(uri, record.run, chosen)
    say(f"MLflow: {made} run(s) made, {there} there already")
    return True


def _parquet(fields: Fields, chosen: list[Outcome]) -> bytes:
    try:
        module = import_module("harness.results.parquet")
    except ModuleNotFoundError as error:
        if error.name != "pyarrow":
            raise
        raise UserError(
            "--parquet needs pyarrow: pip install 'batchai-harness[parquet]'; --csv needs nothing"
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
    kept, left_out = fitting(columns, chosen, console.width)
    console.print(trial_table(kept, chosen))
    _say_rest(record, chosen, [field.name for field in left_out])


def _say_rest(record: RunRecord, chosen: list[Outcome], left_out: list[str]) -> None:
    count = len(record.outcomes)
    failed = sum(not outcome.is_met for outcome in record.outcomes)
    say(f"\n{len(chosen)} of {count} trial(s) of {record.path}; {failed} not as expected")
    if left_out:
        say(f"too wide for this terminal: {', '.join(left_out)}; --csv - has everything")
