"""``harness report``: a run as a page to look at."""

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import click

from harness.cli.groups import CONTEXT
from harness.cli.options import PATH, PORT
from harness.cli.output import say
from harness.cli.results import newest
from harness.clock import SystemClock
from harness.config import Settings, load_settings
from harness.errors import UserError
from harness.experiments.run_directory import OUTCOMES
from harness.experiments.running_trials import RUNNING
from harness.interruption import Interrupted, Interruption
from harness.report.model import document_of
from harness.report.server import ReportServer
from harness.report.writing import REPORT, default_options, without_importance, write_report
from harness.results.goal import Goal, read_goal
from harness.results.run_record import read_run

_COMPARISON = "comparison.html"


@click.command(context_settings=CONTEXT, epilog="More: harness docs results")
@click.argument("run_dirs", metavar="[RUN_DIR]...", type=PATH, nargs=-1)
@click.option("--compare", is_flag=True, help="Show several runs beside one another.")
@click.option(
    "--goal", metavar="minimize|maximize METRIC", nargs=2, multiple=True, help="What makes a trial better; repeatable."
)
@click.option("--out", metavar="FILE", type=PATH, help=f"The file; default: {REPORT} in the run directory.")
@click.option("--watch", is_flag=True, help="Serve the page on loopback instead, and follow the run.")
@click.option("--port", metavar="N", type=PORT, default=0, help="With --watch: the port; default: any that is free.")
def report(
    *,
    run_dirs: tuple[Path, ...],
    compare: bool,
    goal: tuple[tuple[str, str], ...],
    out: Path | None,
    watch: bool,
    port: int,
) -> None:
    """Write a run as one HTML file, the newest run where RUN_DIR is left out.

    The file needs no network and no other file: learning curves, best so far, parallel coordinates, importance, slices,
    two parameters, two objectives, a time line, a table that sorts and filters, failures with the end of their logs,
    environment and cost.

    \b
    Examples:
      harness report
      harness report runs/sweep --goal minimize test_error
      harness report runs/a runs/b --compare
      harness report runs/sweep --watch
    """
    paths = run_dirs or (newest(),)
    if len(paths) > 1 and not compare:
        raise UserError("several runs are shown beside one another: add --compare, or name one run")
    if compare and len(paths) == 1:
        raise UserError("--compare shows several runs: name two or more run directories")
    runs = [read_run(path) for path in paths]
    metrics = [name for run in runs for name in run.metrics]
    goals = [read_goal(words, metrics) for words in goal]
    settings = load_settings(Path())
    if watch:
        _serve(paths, goals, settings, port)
        return
    path = out or runs[0].path / (_COMPARISON if compare else REPORT)
    write_report(path, runs, default_options(runs, settings, goals), SystemClock().now())
    say(f"report: {path}")


def _serve(paths: tuple[Path, ...], goals: list[Goal], settings: Settings, port: int) -> None:
    try:
        server = ReportServer(_following(paths, goals, settings), token=secrets.token_urlsafe(16), port=port)
    except OSError as error:
        raise UserError(f"port {port} of loopback cannot be used: {error.strerror}; leave --port out") from error
    # A shell makes its background processes ignore SIGINT; installed, the signal ends them all the same.
    with server, Interruption(eager=True).installed(), suppress(Interrupted):
        say(f"report: {server.url}\nit follows the run; end it with Ctrl-C")
        server.serve_forever()


def _following(paths: tuple[Path, ...], goals: list[Goal], settings: Settings) -> Callable[[], Mapping[str, Any]]:
    """Makes the document of some runs as they are now; what did not change is not read again."""

    @lru_cache(maxsize=1)
    def made(_marks: tuple[object, ...]) -> Mapping[str, Any]:
        runs = [read_run(path) for path in paths]
        options = replace(without_importance(default_options(runs, settings, goals)), is_live=True)
        return document_of(runs, options, SystemClock().now())

    return lambda: made(tuple(map(_mark, paths)))


def _mark(path: Path) -> object:
    """What changes when a run does."""
    return tuple(map(_state, (path / OUTCOMES, path / RUNNING)))


def _state(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
