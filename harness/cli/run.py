"""``harness run``: every trial of some scenarios once, wherever you say."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import click

from harness.cli.groups import CONTEXT
from harness.cli.killed_run import describe as describe_survivors
from harness.cli.killed_run import end_survivors, find_survivors
from harness.cli.options import DEFAULT_DIRECTORY, PATH
from harness.cli.output import say
from harness.cli.progress import Display, open_console, say_lines
from harness.cli.run_summary import RunSummary
from harness.clock import SystemClock
from harness.clouds import open_cloud
from harness.config import Settings, environment, load_settings, mnist_cache
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import find, start_detached
from harness.emulator.options import Options
from harness.errors import UserError
from harness.experiments.dry_run import describe, refuse_unknown_size
from harness.experiments.outcomes import Outcome
from harness.experiments.pattern_matching import PatternMatcher
from harness.experiments.ranking import best, describe_best
from harness.experiments.run import run_scenario, run_search
from harness.experiments.run_context import RunContext
from harness.experiments.run_directory import RunDirectory, open_run_directory
from harness.experiments.run_policy import policy_for
from harness.experiments.running_trials import RUNNING, RunningTrials
from harness.experiments.selection import Part, Selection, parts_of
from harness.experiments.studies import study_of
from harness.experiments.uploads import LocalUploads, RecordedUploads
from harness.interruption import Interrupted, Interruption
from harness.resources.budget import node_price
from harness.resources.events import Event, Noted, TrialEnded
from harness.resources.journal import journal_for
from harness.scenario.faults import with_faults
from harness.scenario.model import Scenario
from harness.scenario.overrides import load_scenarios
from harness.scenario.set_option import parse_values
from harness.services.catalogue import service_named
from harness.services.service import Service
from harness.target import CLOUDS, SERVICES, CloudName, ServiceName, default_service

_CASSETTES = Path("cassettes")
_INTERRUPTED = 130  # exit code after Ctrl-C
_MAX_TRIALS = 10_000  # that one run takes: each is held in memory


@click.command(context_settings=CONTEXT, epilog="More: harness docs run, harness docs scenarios")
@click.argument("scenarios", metavar="SCENARIO...", type=PATH, nargs=-1, required=True)
@click.option(
    "--cloud", type=click.Choice(CLOUDS), help="Where they run; default: the setting cloud, else the emulator."
)
@click.option(
    "--service",
    type=click.Choice(SERVICES),
    help="What they run on there; default: the setting service, else azureml in Azure and batchai elsewhere.",
)
@click.option("values", "--set", metavar="NAME=VALUE", multiple=True, help="Give a parameter a value; repeatable.")
@click.option("--out", metavar="DIR", type=PATH, help="Run directory; default: a new one below the setting runs_dir.")
@click.option("--resume", is_flag=True, help="Continue the run in --out: run the trials that have no outcome.")
@click.option("--end-jobs", is_flag=True, help="With --resume: end jobs that a killed run left running.")
@click.option("--rerun", type=click.Choice(["failed"]), help="Continue the run in --out, and run what failed again.")
@click.option(
    "--trial", metavar="NAME=VALUE,...", default="", help="Run one trial only: that with these values of swept names."
)
@click.option("--limit", metavar="N", type=click.IntRange(1, _MAX_TRIALS), help="Run at most N trials.")
@click.option(
    "--upload-from",
    metavar="DIR",
    type=PATH,
    multiple=True,
    help="Let scenarios upload files of this directory, too, not of their own folder alone; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be made, uploaded and run; make nothing.")
@click.option(
    "faults",
    "--fault",
    metavar="NAME=RATE",
    multiple=True,
    help="Have the emulator inject a fault, besides those of the scenario; repeatable.",
)
@click.option("--fault-seed", metavar="N", type=int, help="Seed of the faults; default: the scenario's, or 0.")
@click.option("--junit", metavar="FILE", type=PATH, help="Write a JUnit report: a test case for each trial.")
@click.option("--reuse", is_flag=True, help="Use the cluster of an earlier run again, and keep it for the next.")
def run(
    *,
    scenarios: tuple[Path, ...],
    cloud: CloudName | None,
    service: ServiceName | None,
    values: tuple[str, ...],
    out: Path | None,
    resume: bool,
    rerun: str | None,
    trial: str,
    end_jobs: bool,
    limit: int | None,
    upload_from: tuple[Path, ...],
    dry_run: bool,
    faults: tuple[str, ...],
    fault_seed: int | None,
    junit: Path | None,
    reuse: bool,
) -> int:
    """Run every trial of some scenarios, print the results and write them to RUN_DIR/outcomes.jsonl.

    Everything that a scenario needs is made, and deleted at the end. The exit code is 0 when everything came out as
    expected, 1 when something did not or the cloud refused, 2 for a mistake in a scenario or a setting, 130 after
    Ctrl-C and 143 after SIGTERM.

    \b
    Examples:
      harness run scenarios/mnist_quickstart.yaml
      harness run scenarios/mnist_learning_rate.yaml --set epochs=1 --limit 2
      harness run scenarios/*.yaml --dry-run
      harness run scenarios/mnist_quickstart.yaml --fault throttle=0.3
    """
    loaded = [
        scenario.model_copy(update={"faults": with_faults(scenario.faults, faults, fault_seed)})
        for scenario in load_scenarios(scenarios, parse_values(values))
    ]
    settings = load_settings(Path())
    cloud = cloud or settings.cloud or "emulator"
    service = service or settings.service or default_service(cloud)
    used = service_named(service, settings, cloud)
    if dry_run:
        for scenario in loaded:
            price = partial(_node_price, settings, used) if cloud == "azure" else _no_price
            say(describe(scenario, used, cloud=cloud, limit=limit, price=price, upload_from=upload_from))
        return 0
    for scenario in loaded:
        _refuse(scenario, cloud, limit)
    resume = resume or rerun is not None
    if resume and out is None:
        option = "--resume" if rerun is None else "--rerun"
        raise UserError(f"{option} continues an earlier run: name its directory with --out")
    storage = settings.study_storage.get_secret_value() if settings.study_storage else None
    selection = Selection(limit, failed=rerun is not None, trial=trial, storage=storage)
    if end_jobs and not resume:
        raise UserError("--end-jobs ends jobs of the run that --resume continues: add --resume and --out")
    interruption = Interruption()
    with interruption.installed():
        now = SystemClock().now()
        with open_run_directory(out, runs=settings.runs_dir, resume=resume, scenarios=loaded, now=now) as directory:
            one = _Run(
                cloud,
                used,
                settings,
                directory,
                interruption,
                junit=junit,
                reuse=reuse,
                upload_from=upload_from,
                end_jobs=end_jobs,
            )
            try:
                code = one.play(loaded, selection)
            except Interrupted as error:
                say("harness: interrupted; what was made is deleted", err=True)
                code = error.exit_code
    # A signal that arrives while everything is deleted anyway is still what ended the command.
    return code if interruption.signum is None else 128 + interruption.signum


def _refuse(scenario: Scenario, cloud: CloudName, limit: int | None) -> None:
    """Refuse what can be known not to run before a run directory is made."""
    refuse_unknown_size(scenario, cloud)
    if scenario.sweep.search is not None:
        study_of(scenario, storage=None)  # with its sampler and pruner
    if limit is None and len(scenario.trials) > _MAX_TRIALS:
        raise UserError(
            f"{scenario.path}: has {len(scenario.trials)} trials, a run takes at most {_MAX_TRIALS}; run a part of "
            "them with --out DIR --limit N, and the next part with --out DIR --limit N --resume"
        )


def _node_price(settings: Settings, service: Service, size: str) -> float | None:
    """What a node-hour costs of the size that is used where a scenario names one."""
    return node_price(settings, service.offered_size(size))


def _no_price(_size: str) -> None:
    """What a node-hour costs where nothing is paid."""


@dataclass
class _Run:
    """One run of the command."""

    cloud: CloudName
    service: Service
    settings: Settings
    directory: RunDirectory
    interruption: Interruption
    junit: Path | None = field(kw_only=True)
    reuse: bool = field(kw_only=True)
    upload_from: tuple[Path, ...] = field(kw_only=True)
    end_jobs: bool = field(kw_only=True)

    def __post_init__(self) -> None:
        self._console = open_console()
        self._display = Display(self._console, SystemClock())
        self._running = RunningTrials(self.directory.path / RUNNING, SystemClock())

    def play(self, scenarios: list[Scenario], selection: Selection) -> int:
        """The exit code, after everything was shown."""
        self._say(f"run directory: {self.directory.path}")
        parts = list(parts_of(scenarios, self.directory, selection))
        outcomes = {(part.scenario.scenario, name): one for part in parts for name, one in part.done.items()}
        try:
            if any(part.total for part in parts):
                with self._context() as context:
                    self._settle_survivors(context, scenarios)
                    with self._display:
                        for part in parts:
                            if not self.interruption.is_draining:
                                self._run(context, part, outcomes)
        finally:
            self._running.close()
            summary = RunSummary(self._console, self.directory, self.settings, self.junit)
            is_met = summary.show(parts, outcomes, is_interrupted=self.interruption.signum is not None)
        if self.interruption.is_draining:
            self._say(f"drained: the trials that are left run with --out {self.directory.path} --resume")
            return _INTERRUPTED
        return 0 if is_met else 1

    def _take(self, event: Event) -> None:
        """Show an event here, and to whoever looks at the run directory."""
        self._display(event)
        self._running(event)

    def _say(self, text: str) -> None:
        say_lines(self._console, text)

    def _run(self, context: RunContext, part: Part, outcomes: dict[tuple[str, str], Outcome]) -> None:
        """Run the trials of a scenario; what comes out is shown, and added to the outcomes."""
        scenario, goal = part.scenario, part.scenario.sweep.goal
        leaders = best(list(part.done.values()), goal) if goal else []

        def report(outcome: Outcome) -> None:
            outcomes[outcome.scenario, outcome.trial] = outcome
            if goal is not None:
                leaders[:] = best([*leaders, outcome], goal)
            words = next(describe_best(leaders, goal), "")
            self._take(TrialEnded(outcome.trial, outcome.state, outcome.is_met, words))

        if not part.total:
            return
        self._display.begin(scenario, part.total)
        if part.study is not None:
            study, again = part.study, part.trials
            # A recording was made one trial after the other: only so does a replay ask for the same points.
            at_once = 1 if self.cloud == "replay" else None
            run_search(context, scenario, study, self.directory, report, again=again, limit=part.limit, at_once=at_once)
        else:
            run_scenario(context, scenario, part.trials, self.directory, report)

    def _settle_survivors(self, context: RunContext, scenarios: list[Scenario]) -> None:
        """Of a resumed run, report the jobs that a killed process left running, and end them where that is wanted."""
        if not self.directory.is_resumed or self.cloud == "replay":
            return
        with self.interruption.allowed():
            survivors = find_survivors(context, scenarios)
            for line in describe_survivors(survivors, is_ended=self.end_jobs):
                self._say(line)
            if survivors and (self.end_jobs or self._confirms("end them now?")):
                end_survivors(survivors, context, self._say)

    def _confirms(self, question: str) -> bool:
        """Whether somebody at a terminal agrees."""
        return self._console.is_terminal and sys.stdin.isatty() and click.confirm(question)

    @contextmanager
    def _context(self) -> Iterator[RunContext]:
        settings, endpoint = self.settings, self._endpoint()
        local = LocalUploads(settings.mnist_dir, mnist_cache(environment()), self._display, self.upload_from)
        with (
            open_cloud(
                self.cloud,
                settings,
                cassettes=_CASSETTES,
                service=self.service.name,
                endpoint=endpoint,
                run=self.directory.run,
            ) as cloud,
            PatternMatcher() as matcher,
        ):
            yield RunContext(
                cloud=cloud,
                service=self.service,
                journal=journal_for(self.cloud, settings, environment()),
                uploads=RecordedUploads(self.upload_from) if self.cloud == "replay" else local,
                sink=self._take,
                interruption=self.interruption,
                keep=self.reuse,
                policy=policy_for(self.cloud, settings),
                matcher=matcher,
            )

    def _endpoint(self) -> Endpoint | None:
        """The project's own emulator where it runs; with --reuse one that outlives this run, else the run's own."""
        if self.cloud != "emulator":
            return None
        directory = self.settings.emulator_dir or DEFAULT_DIRECTORY
        running = find(directory)
        if running is None and self.reuse:
            running = start_detached(Options(directory, cntk_python=self.settings.cntk_python))
            self._display(
                Noted(f"an emulator keeps running in {directory}; end it with: harness emulator stop --dir {directory}")
            )
        return running
