"""``harness report``: write or serve the HTML report of a run."""

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
from harness.cli.results import newest_run_directory
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
@click.option("--compare", is_flag=True, help="Compare several runs on one page.")
@click.option(
    "--goal",
    metavar="minimize|maximize METRIC",
    nargs=2,
    multiple=True,
    help="What makes a trial better; repeatable; default: the goal of the sweep.",
)
@click.option("--out", metavar="FILE", type=PATH, help=f"The file to write; default: {REPORT} in the run directory.")
@click.option("--watch", is_flag=True, help="Serve the page on loopback instead, and update it during the run.")
@click.option("--port", metavar="N", type=PORT, default=0, help="With --watch: the port; default: any free port.")
def report(
    *,
    run_dirs: tuple[Path, ...],
    compare: bool,
    goal: tuple[tuple[str, str], ...],
    out: Path | None,
    watch: bool,
    port: int,
) -> None:
    """Write a run as one HTML file; without RUN_DIR, the newest run.

    The file needs no network and no other file. It shows learning curves, the best value so far, parallel coordinates,
    parameter importance, slices, two parameters, two objectives, a time line, a table that sorts and filters, failures
    with the end of their logs, the environment and the cost.

    \b
    Examples:
      harness report
      harness report runs/sweep --goal minimize test_error
      harness report runs/a runs/b --compare
      harness report runs/sweep --watch
    """
    paths = run_dirs or (newest_run_directory(),)
    if len(paths) > 1 and not compare:
        raise UserError("several run directories need --compare: add --compare, or name one run directory")
    if compare and len(paths) == 1:
        raise UserError("--compare needs several runs: name two or more run directories")
    runs = [read_run(path) for path in paths]
    metrics = [name for run in runs for name in run.metrics]
    goals = [read_goal(pair, metrics) for pair in goal]
    settings = load_settings(Path())
    if watch:
        _serve(paths, goals, settings, port)
        return
    path = out or runs[0].path / (_COMPARISON if compare else REPORT)
    write_report(path, runs, default_options(runs, settings, goals), SystemClock().now())
    say(f"report: {path}")


def _serve(paths: tuple[Path, ...], goals: list[Goal], settings: Settings, port: int) -> None:
    try:
        server = ReportServer(_document_source(paths, goals, settings), token=secrets.token_urlsafe(16), port=port)
    except OSError as error:
        raise UserError(f"port {port} of loopback cannot be used: {error.strerror}; omit --port") from error
    # A shell makes its background processes ignore SIGINT; an installed handler ends this one nevertheless.
    with server, Interruption(eager=True).installed(), suppress(Interrupted):
        say(f"report: {server.url}\nthe page follows the run; stop the server with Ctrl-C")
        server.serve_forever()


def _document_source(paths: tuple[Path, ...], goals: list[Goal], settings: Settings) -> Callable[[], Mapping[str, Any]]:
    """Return a function that builds the document of some runs; it reads them again only after they have changed."""

    @lru_cache(maxsize=1)
    def build(_states: tuple[object, ...]) -> Mapping[str, Any]:
        runs = [read_run(path) for path in paths]
        options = replace(without_importance(default_options(runs, settings, goals)), is_live=True)
        return document_of(runs, options, SystemClock().now())

    return lambda: build(tuple(map(_run_state, paths)))


def _run_state(path: Path) -> object:
    """Return a value that changes whenever the files of a run change."""
    return tuple(map(_file_state, (path / OUTCOMES, path / RUNNING)))


def _file_state(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino
