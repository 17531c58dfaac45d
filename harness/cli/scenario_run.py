"""A run of some scenarios, with its display and its summary."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from harness.cli.killed_run import describe as describe_survivors
from harness.cli.killed_run import end_survivors, find_survivors
from harness.cli.progress import Display, open_console, say_lines
from harness.cli.run_emulator import RunEmulator
from harness.cli.run_summary import RunSummary, describe_outcome
from harness.clock import SystemClock
from harness.clouds import open_cloud
from harness.config import Settings, environment, mnist_cache
from harness.emulator.launched_process import Ending
from harness.errors import CloudError
from harness.experiments.outcomes import Outcome
from harness.experiments.pattern_matching import PatternMatcher
from harness.experiments.ranking import best, describe_best
from harness.experiments.run import run_scenario, run_search
from harness.experiments.run_context import RunContext
from harness.experiments.run_directory import RunDirectory
from harness.experiments.run_policy import policy_for
from harness.experiments.running_trials import RUNNING, RunningTrials
from harness.experiments.selection import Part, Selection, parts_of
from harness.experiments.uploads import LocalUploads, RecordedUploads
from harness.interruption import Interruption
from harness.resources.events import Event, TrialEnded
from harness.resources.journal import journal_for
from harness.scenario.model import Scenario
from harness.services.service import Service
from harness.target import CloudName

_CASSETTES = Path("cassettes")
_INTERRUPTED = 130  # exit code after Ctrl-C


@dataclass
class ScenarioRun:
    """The trials of some scenarios on one cloud, in one run directory."""

    cloud: CloudName
    service: Service
    settings: Settings
    directory: RunDirectory
    interruption: Interruption
    emulator: RunEmulator | None
    junit: Path | None = field(kw_only=True)
    reuse: bool = field(kw_only=True)
    upload_from: tuple[Path, ...] = field(kw_only=True)
    end_jobs: bool = field(kw_only=True)

    def __post_init__(self) -> None:
        self._console = open_console()
        self._display = Display(self._console, SystemClock())
        self._running = RunningTrials(self.directory.path / RUNNING, SystemClock())

    def run_trials(self, scenarios: list[Scenario], selection: Selection) -> int:
        """Run the trials and show everything; returns the exit code.

        Raises:
            CloudError: the cloud refused a request, or the emulator of the run has ended.
        """
        self._say(f"run directory: {self.directory.path}")
        parts = list(parts_of(scenarios, self.directory, selection))
        outcomes = {
            (part.scenario.scenario, name): outcome for part in parts for name, outcome in part.outcomes.items()
        }
        try:
            if any(part.total for part in parts):
                with self._context() as context:
                    self._handle_survivors(context, scenarios)
                    with self._display:
                        for part in parts:
                            if not self.interruption.is_draining:
                                self._run(context, part, outcomes)
        except CloudError as error:
            if (ending := self.emulator.ending() if self.emulator is not None else None) is not None:
                raise self._emulator_error(ending) from error
            raise
        finally:
            self._running.close()
            if self.emulator is not None:
                self.emulator.leave()  # it ends while the summary is written
            summary = RunSummary(self._console, self.directory, self.settings, self.junit)
            is_met = summary.show(parts, outcomes, is_interrupted=self.interruption.signum is not None)
        if self.interruption.is_draining:
            self._say(f"drained: to run the remaining trials, use --out {self.directory.path} --resume")
            return _INTERRUPTED
        return 0 if is_met else 1

    def _handle_event(self, event: Event) -> None:
        """Show an event, and record it in the run directory."""
        self._display(event)
        self._running(event)

    def _say(self, text: str) -> None:
        say_lines(self._console, text)

    def _emulator_error(self, ending: Ending) -> CloudError:
        """Return the error of a run whose emulator has ended, which is the cause of every other failure."""
        return CloudError(
            f"the emulator that this run started {ending.reason}; to run the remaining trials, use "
            f"--out {self.directory.path} --resume; {ending.log}"
        )

    def _run(self, context: RunContext, part: Part, outcomes: dict[tuple[str, str], Outcome]) -> None:
        """Run the trials of a scenario, show their outcomes, and add them to ``outcomes``."""
        scenario, goal = part.scenario, part.scenario.sweep.goal
        leaders = best(list(part.outcomes.values()), goal) if goal else []

        def report(outcome: Outcome) -> None:
            outcomes[outcome.scenario, outcome.trial] = outcome
            if goal is not None:
                leaders[:] = best([*leaders, outcome], goal)
            text = next(describe_best(leaders, goal), "")
            self._handle_event(
                TrialEnded(outcome.trial, outcome.state, outcome.is_met, describe_outcome(outcome), text)
            )

        if not part.total:
            return
        self._display.begin(scenario, part.total)
        if any(metric.pattern is not None for metric in scenario.metrics.values()):
            context.matcher.prepare()  # in parallel with provisioning, so that the first outcome does not wait
        if part.study is not None:
            study, reruns = part.study, part.trials
            # A recording runs one trial at a time; a replay must do the same to get the same points.
            at_once = 1 if self.cloud == "replay" else None
            run_search(
                context, scenario, study, self.directory, report, reruns=reruns, limit=part.limit, at_once=at_once
            )
        else:
            run_scenario(context, scenario, part.trials, self.directory, report)

    def _handle_survivors(self, context: RunContext, scenarios: list[Scenario]) -> None:
        """Report the jobs that a killed process of a resumed run left running, and end them if the user agrees."""
        if not self.directory.is_resumed or self.cloud == "replay":
            return
        with self.interruption.allowed():
            survivors = find_survivors(context, scenarios)
            for line in describe_survivors(survivors, is_ended=self.end_jobs):
                self._say(line)
            if survivors and (self.end_jobs or self._confirms("end them now?")):
                end_survivors(survivors, context, self._say)

    def _confirms(self, question: str) -> bool:
        """Whether the user at the terminal agrees."""
        return self._console.is_terminal and sys.stdin.isatty() and click.confirm(question)

    @contextmanager
    def _context(self) -> Iterator[RunContext]:
        settings, endpoint = self.settings, self.emulator.find() if self.emulator else None
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
                sink=self._handle_event,
                interruption=self.interruption,
                keep=self.reuse,
                policy=policy_for(self.cloud, settings),
                matcher=matcher,
            )
